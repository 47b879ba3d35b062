/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The SCTP layer over DTLS (RFC 8261, 9260, 8831) by usrsctp, without threads:
 * everything happens in the main loop. Above it are streams and messages
 * rather than packets, so it has an interface of its own upwards.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/transport.h"

typedef struct Association Association;

typedef struct {
    guint16 local_port, remote_port;
    guint16 streams;        /* outgoing ones at first */
    bool adds_streams;      /* the remote is known to add some when it is asked (RFC 6525) */
    gsize mtu;              /* the largest packet that passes on any path */
    gsize first;            /* the largest packet that passes on this one; 0: not known */
    gsize max_packet;       /* that the remote takes; no larger than `mtu`: no probe is sent */
    bool takes_parts;       /* the remote puts parts of chunks together (packet-parts.h) */
    gsize max_message_size; /* of what comes in */
    /* What both descriptions have of SCTP's handshake, kept by reference; NULL: nothing, or
     * `streams` are not OPENING_STREAMS. Whoever `opens` is up at once, the other one with the
     * first packet that tells it that it is. */
    GBytes *own_opening, *remote_opening;
    bool opens;
    guint quiet_seconds;     /* as in liveness_new() */
    guint64 round_trip_usec; /* of the layer below, where SCTP's handshake does not measure it */
    guint64 path_round_trip_usec; /* that of the path alone; 0: not known */
} AssociationConfig;

typedef struct {
    void (*state)(TransportState state, const GError *reason, gpointer data);
    /* While CONNECTED: the remote answers no more, or again. */
    void (*doubt)(bool doubted, gpointer data);
    /* One whole message. */
    void (*message)(guint16 stream, guint32 ppid, const guint8 *bytes, gsize length, gpointer data);
    /* A message beyond max_message_size; the rest of it is thrown away. */
    void (*oversized)(guint16 stream, gpointer data);
    /* The remote will send no more on STREAM (RFC 6525). */
    void (*remote_reset)(guint16 stream, gpointer data);
    /* Our own association_reset_stream() has been carried out, or refused. */
    void (*local_reset)(guint16 stream, gpointer data);
    /* A send that was ASSOCIATION_BLOCKED may succeed now. */
    void (*writable)(gpointer data);
} AssociationOps;

typedef struct {
    guint16 stream;
    guint32 ppid;
    bool ordered;
    int max_retransmits;     /* -1: no limit */
    int max_packet_lifetime; /* milliseconds, -1: no limit */
    const void *bytes;
    gsize length; /* at least 1, at most ASSOCIATION_MAX_SEND */
} AssociationMessage;

/* What fits into the send buffer whole */
#define ASSOCIATION_MAX_SEND (1024 * 1024)

typedef enum {
    ASSOCIATION_SENT,
    ASSOCIATION_BLOCKED,   /* not now: `writable` will be called */
    ASSOCIATION_NO_STREAM, /* the same, but messages on other streams may be sent */
    ASSOCIATION_TOO_LONG,  /* the same, but shorter ones on other streams may be sent */
    ASSOCIATION_REFUSED,   /* never */
} AssociationResult;

/*
 * Begins the association at once; LOWER must be connected and outlive it.
 * OPS is kept by reference.
 */
Association *association_new(Transport *lower, const AssociationConfig *config,
                             const AssociationOps *ops, gpointer data, GError **error);

/* Aborts the association if it is up, and lets go of LOWER. */
void association_free(Association *association);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Association, association_free)

/* To be called when the user is ready: the association may be up already. */
void association_start(Association *association);

/* Also before the association is up: then it is bundled with COOKIE-ECHO, or BLOCKED until it is
 * known whether there is one on the path. */
AssociationResult association_send(Association *association, const AssociationMessage *message);

/* While corked, messages that do not fill a packet wait for others if something is in flight. */
void association_cork(Association *association, bool corked);

/* Ends our side of STREAM when what was sent on it has arrived. */
void association_reset_stream(Association *association, guint16 stream);

/* While held, nothing is read: the receive window closes and the remote waits. */
void association_hold(Association *association, bool held);

/* There may be a path again: the remote is asked at once, not when it is time. */
void association_probe(Association *association);

/* Whether such a question waits for its answer, that was asked because nothing came. */
bool association_is_asking(const Association *association);

/* Whether the remote has answered such a question before: there are stacks that answer none. */
bool association_answers(const Association *association);

/* The layers below read ROOM bytes at most at a time, and it was not enough. */
void association_note_overflow(Association *association, gsize room);

TransportState association_state(const Association *association);
/* In whole milliseconds; 0: not known */
guint64 association_round_trip_usec(Association *association);
/* The largest packet that is sent now, in bytes */
gsize association_packet_size(const Association *association);

/* Whether something that was sent is not acknowledged yet */
bool association_is_unacknowledged(Association *association);
