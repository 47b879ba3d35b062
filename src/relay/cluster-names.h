/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whose a name is, in all of the cluster: what this relay has claimed for its clients in a store
 * that all relays share. No I/O and no clock, so that a test can do to it what a network does.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "relay/cluster-store.h"

typedef struct ClusterNames ClusterNames;

typedef enum {
    CLUSTER_RELAY_ALIVE,
    CLUSTER_RELAY_DEAD,
    CLUSTER_RELAY_UNKNOWN, /* not heard of, but we do not listen for long enough to know */
} ClusterRelayState;

typedef enum {
    CLUSTER_CLAIM_HAD,   /* it is ours */
    CLUSTER_CLAIM_WAITS, /* decided() will be called */
    CLUSTER_CLAIM_TAKEN,
} ClusterClaim;

/* None may call back in. */
typedef struct {
    /* A put of VALUE (NULL: a tombstone) where the key has the sequence EXPECTED (0: where there is
     * none), or a get; cluster_names_answer() is told TOKEN. False if it cannot be sent. */
    bool (*put)(guint32 token, const char *key, guint64 expected, const char *value, gpointer data);
    bool (*get)(guint32 token, const char *key, gpointer data);
    ClusterRelayState (*relay_state)(const char *relay, gpointer data);
    /* Whether another relay is known to have a client of that name. */
    bool (*is_present)(const char *room, const char *name, gpointer data);
    /* WAITER is to ask again: cluster_names_claim(). */
    void (*decided)(gpointer waiter, gpointer data);
    /* Our client of that name is to go: the name is another relay's. */
    void (*lost)(const char *room, const char *name, gpointer data);
} ClusterNamesOps;

typedef struct {
    guint held, unconfirmed; /* of those, by our word alone */
    guint64 claimed, refused, lost, conflicts;
} ClusterNamesCounters;

/* SELF: the relay's id */
ClusterNames *cluster_names_new(const char *self, const ClusterNamesOps *ops, gpointer data,
                                gint64 now);
void cluster_names_free(ClusterNames *names);

/* There is a store to ask now, or none any more. */
void cluster_names_set_online(ClusterNames *names, bool online, gint64 now);

/*
 * WAITER wants to be called NAME in ROOM; nobody here is. OWNS: it is the name's owner by its
 * token. RESUME: the secret that it shows, or NULL. After CLUSTER_CLAIM_HAD the name must be used or
 * settled.
 */
ClusterClaim cluster_names_claim(ClusterNames *names, const char *room, const char *name, bool owns,
                                 const char *resume, gpointer waiter, gint64 now);

/* The secret for who is about to use the name: the one that it has shown, or a new one. NULL if the name
 * is not claimed, or used. Owned by NAMES. */
const char *cluster_names_secret(ClusterNames *names, const char *room, const char *name);

/* WAITER is gone. */
void cluster_names_cancel(ClusterNames *names, gpointer waiter);

/* A client with the secret RESUME has the name now; or has it no longer. */
void cluster_names_use(ClusterNames *names, const char *room, const char *name, const char *resume,
                       gint64 now);
void cluster_names_unuse(ClusterNames *names, const char *room, const char *name, gint64 now);

/* Gives a name that nobody uses back. */
void cluster_names_settle(ClusterNames *names, const char *room, const char *name, gint64 now);

/* Another relay shows a client of that name: whose it is, the store says. */
void cluster_names_contest(ClusterNames *names, const char *room, const char *name, gint64 now);

/* The sequence of the claim, 0: it is our word alone, or we have none. */
guint64 cluster_names_revision(ClusterNames *names, const char *room, const char *name);

void cluster_names_answer(ClusterNames *names, guint32 token, const ClusterStoreAnswer *answer,
                          gint64 now);

/* Does what is due at NOW. When there will be more, monotonic µs. */
gint64 cluster_names_check(ClusterNames *names, gint64 now);
void cluster_names_counters(const ClusterNames *names, ClusterNamesCounters *out);

#define CLUSTER_NAMES_AGE (20 * 60 * G_USEC_PER_SEC) /* of a key in the store that nobody renews */
