/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * This relay among others, over NATS: what the relay asks of the cluster, and what it is told. All
 * functions take NULL for a relay that is alone.
 */

#pragma once

#include "relay/cluster-members.h"
#include "relay/cluster-names.h"
#include "relay/cluster-relays.h"
#include "relay/config.h"

#include <uv.h>

typedef struct Cluster Cluster;

typedef struct {
    /* Around any number of the others */
    void (*begin)(gpointer data);
    void (*end)(gpointer data);
    /* A client of another relay has come or gone. */
    void (*joined)(const ClusterMember *member, gpointer data);
    void (*left)(const ClusterMember *member, gpointer data);
    /* A frame of SENDER's, to one of ours or (NULL) to all in its room. False if it reaches nobody. */
    bool (*frame)(const ClusterMember *sender, const char *to, const char *text, gsize size,
                  gpointer data);
    /* A frame of our client SENDER's may not have come to TO, as it was written; NULL: to some in
     * its room. ABSENT: there is nobody of that name. */
    void (*failed)(const char *sender, const char *to, bool absent, gpointer data);
    /* Somebody wants to know whether our client ID still lives. */
    void (*probe)(const char *id, gpointer data);
    /* Our client of that name is to go: another has its name. */
    void (*lost)(const char *room, const char *name, gpointer data);
    /* Whether who sends to our client is to wait; and somebody who waits for others may go on. */
    bool (*is_congested)(const Member *member, gpointer data);
    void (*relieved)(gpointer data);
    /* WAITER is to ask again. */
    void (*decided)(gpointer waiter, gpointer data);
    void (*changed)(gpointer data);
} ClusterOps;

typedef struct {
    bool enabled, connected, store; /* there is one for names */
    const char *server;             /* "": none */
    guint clients;                  /* of the other relays */
    gsize waiting;                  /* bytes, for NATS */
    guint64 connections;            /* that there were */
    ClusterRelaysCounters relays;
    ClusterNamesCounters names;
} ClusterCounters;

/* NULL without ERROR if CONFIG, which is borrowed, has no servers. */
Cluster *cluster_new(uv_loop_t *loop, const RelayConfig *config, Router *router,
                     const ClusterOps *ops, gpointer data, GError **error);
void cluster_free(Cluster *cluster);

/* Takes what has come from NATS, for a short while; and whether there is more. */
void cluster_run(Cluster *cluster);
bool cluster_is_pending(const Cluster *cluster);

/* Whether WAITER may enter ROOM as NAME ("": without one), as cluster_names_claim(). RETRY_AFTER: in how
 * many seconds a name that is taken may be free. */
ClusterClaim cluster_claim(Cluster *cluster, const char *room, const char *name, bool owns,
                           const char *resume, gpointer waiter, guint *retry_after);
void cluster_cancel(Cluster *cluster, gpointer waiter);

/* The secret for a client that has claimed its name, or NULL; as cluster_names_secret(). */
const char *cluster_secret(Cluster *cluster, const char *room, const char *name);

/* Gives a name back that was claimed, unless somebody has come in with it. */
void cluster_settle(Cluster *cluster, const char *room, const char *name);

/* One of our clients has come, with the secret RESUME, or is about to leave. */
void cluster_joined(Cluster *cluster, const Member *member, const char *resume);
void cluster_left(Cluster *cluster, const Member *member);

/* This relay sends its clients away. */
void cluster_set_leaving(Cluster *cluster);

const ClusterMember *cluster_find(Cluster *cluster, const char *room, const char *to);
const ClusterMember *cluster_first(Cluster *cluster, const char *room);

/* Somebody waits for MEMBER to answer: its relay is to see whether it lives. */
void cluster_probe(Cluster *cluster, const ClusterMember *member);

/* Our client is congested, or no longer. */
void cluster_congested(Cluster *cluster, const Member *member, bool is);

/* Whether a frame may go now to RECIPIENT, or to those of ROOM who are at other relays, if that is NULL.
 * False for three seconds at most, or for as long as the receiver's relay says so. */
bool cluster_may_send(Cluster *cluster, const char *room, const ClusterMember *recipient);

/* TEXT of SENDER's goes to RECIPIENT, whom it has called TO; or to all in the room, if that is NULL.
 * How many relays it goes to, 0: none; −1: there are some, and it does not come to all of them. */
int cluster_send(Cluster *cluster, const Member *sender, const ClusterMember *recipient,
                 const char *to, const char *text, gsize size);

void cluster_foreach(Cluster *cluster, void (*func)(ClusterRelay *relay, gpointer data),
                     gpointer data);
void cluster_counters(Cluster *cluster, ClusterCounters *out);
