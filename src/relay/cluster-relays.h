/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The other relays of the cluster: which of them live, and the stream of messages to and from
 * each. No I/O and no clock.
 *
 * Every message of a stream comes once, in its order, or its sender is told that it has not: a stream
 * that has a gap is begun anew, with a snapshot of who is there.
 */

#pragma once

#include "relay/cluster-members.h"
#include "relay/cluster-message.h"
#include "relay/cluster-names.h"

#define CLUSTER_RELAYS_MAX 64
#define CLUSTER_UNACKED_MAX 65536 /* frames on their way to one relay */

typedef struct ClusterRelays ClusterRelays;

typedef struct {
    ClusterOrigin origin; /* first; its id is the relay's */
    char label[CLUSTER_LABEL_MAX + 1];
    bool synced;   /* we know all who are there */
    bool leaving;  /* it sends them away */
    gint64 heard;  /* monotonic µs */
    guint unacked; /* frames on their way */
} ClusterRelay;

typedef struct {
    const char *to;    /* whom it is for, as it was written; NULL: all */
    ClusterFlow *flow; /* that it is part of until it has arrived, or never will */
    gsize limit;       /* of that */
    gint64 now;
} ClusterFrameOrder;

/* None may call back in, but snapshot() and received() may call cluster_relays_send(). */
typedef struct {
    /* MESSAGE goes to the relay TO, to all if that is NULL. False if it cannot be sent. */
    bool (*send)(const char *to, const ClusterMessage *message, gpointer data);
    /* Who is here: cluster_relays_send() of a CLUSTER_JOINED for each, to RELAY. False: that failed. */
    bool (*snapshot)(ClusterRelay *relay, gpointer data);
    /* A message of a stream. False if it reached nobody. */
    bool (*received)(ClusterRelay *relay, const ClusterMessage *message, gpointer data);
    /* A frame of SENDER's to TO, as it was written (NULL: to all), may not have come. */
    void (*failed)(const char *sender, const char *to, bool absent, gpointer data);
    /* A flow is full no longer. */
    void (*relieved)(gpointer data);
    void (*came)(ClusterRelay *relay, gpointer data);
    /* RELAY is forgotten afterwards. */
    void (*gone)(ClusterRelay *relay, const char *reason, gpointer data);
} ClusterRelaysOps;

typedef struct {
    guint relays;
    guint64 sent, received; /* frames */
    guint64 failed;         /* frames of ours */
    guint64 resynced;       /* streams of others that we asked to begin anew */
    guint64 ignored;        /* messages that were not to be expected */
} ClusterRelaysCounters;

ClusterRelays *cluster_relays_new(const char *self, const char *label, const ClusterRelaysOps *ops,
                                  gpointer data, gint64 now);
void cluster_relays_free(ClusterRelays *relays);

/* There is a connection to NATS; or none. */
void cluster_relays_set_online(ClusterRelays *relays, bool online, gint64 now);

/* This relay sends its clients away, as the next HELLO says. */
void cluster_relays_set_leaving(ClusterRelays *relays);

/* MESSAGE has come. */
void cluster_relays_take(ClusterRelays *relays, const ClusterMessage *message, gint64 now);

/* Puts MESSAGE, whose origin, stream and sequence need not be set, into the stream to RELAY. False if
 * it will not come there. */
bool cluster_relays_send(ClusterRelays *relays, ClusterRelay *relay, ClusterMessage *message);

/* The same with a frame, as ORDER says. */
bool cluster_relays_send_frame(ClusterRelays *relays, ClusterRelay *relay, ClusterMessage *frame,
                               const ClusterFrameOrder *order);

/* The same to all, for whom MESSAGE is not too late. */
void cluster_relays_tell(ClusterRelays *relays, ClusterMessage *message);

/* Says to all that this relay ends. */
void cluster_relays_say_bye(ClusterRelays *relays);

ClusterRelayState cluster_relays_state(const ClusterRelays *relays, const char *id, gint64 now);

/* Whether we know of all, or have waited for long enough. */
bool cluster_relays_are_synced(const ClusterRelays *relays, gint64 now);

/* Does what is due at NOW. When there will be more, monotonic µs. SLEPT is set if this relay itself
 * has stood still for so long that others must believe it dead. */
gint64 cluster_relays_check(ClusterRelays *relays, gint64 now, bool *slept);

void cluster_relays_foreach(ClusterRelays *relays, void (*func)(ClusterRelay *relay, gpointer data),
                            gpointer data);
void cluster_relays_counters(const ClusterRelays *relays, ClusterRelaysCounters *out);
