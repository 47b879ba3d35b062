/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Our outgoing streams: how many there are, that more are added when somebody
 * needs one, and that some end (RFC 6525). There is one request at a time; what
 * else is wanted waits in a set. It knows no SCTP library.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Streams Streams;

typedef enum {
    STREAMS_CLOSED, /* the association is not up: nothing can be asked for */
    STREAMS_IDLE,
    STREAMS_ADDING,    /* a request for more is on its way */
    STREAMS_RESETTING, /* a request that some end is */
} StreamsState;

const char *streams_state_to_string(StreamsState state);

/* What has become of a request */
typedef enum {
    STREAMS_DONE,    /* it is on its way, or has been carried out */
    STREAMS_LATER,   /* not now */
    STREAMS_REFUSED, /* never */
} StreamsResult;

/* No callback may call back in, but for `ended`. */
typedef struct {
    /* Asks the remote for COUNT streams more. */
    StreamsResult (*add)(guint16 count, gpointer data);
    /* Tells the remote that N STREAMS of ours end when what was sent on them has arrived. */
    StreamsResult (*reset)(const guint16 *streams, guint n, gpointer data);
    /* The remote cannot be told of the end of STREAM, so both of its sides have ended. */
    void (*ended)(guint16 stream, gpointer data);
} StreamsOps;

/* COUNT streams at first, at most MAX: no more than COUNT if the remote adds none. */
Streams *streams_new(guint count, guint max, const StreamsOps *ops, gpointer data);
void streams_free(Streams *streams);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Streams, streams_free)

/* The association is up, with COUNT outgoing streams. */
void streams_open(Streams *streams, guint count);

/* Whether there is STREAM now */
bool streams_has(const Streams *streams, guint16 stream);
/* Asks for STREAM, which there is not yet; false: there never will be. */
bool streams_want(Streams *streams, guint16 stream);
/* Ends our side of STREAM, as soon as it may be asked for. */
void streams_reset(Streams *streams, guint16 stream);

/* Asks for what waits, if nothing is on its way. */
void streams_advance(Streams *streams);

/* The answer to a request has come; after STREAMS_DONE there are COUNT streams. */
void streams_added(Streams *streams, StreamsResult result, guint count);
void streams_were_reset(Streams *streams);

StreamsState streams_state(const Streams *streams);
