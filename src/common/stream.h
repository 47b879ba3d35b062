/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A byte stream over an acquired channel, whose messages have bounds and which
 * closes in both directions at once. Each packet begins with a byte that says
 * what it is:
 *
 *   D bytes       data
 *   E count       the end of this direction; the other one goes on
 *   A count       all of the other direction has been written out
 *   C count       credit: the other direction may have so much in all
 *   B count       blocked: there is more than this, and no credit for it
 *   R reason      refused: "n", not offered (to you), "f", not reachable, or "u", to
 *                 nobody who is not known
 *
 * Counts are 64 bits, big-endian, of all data. Each direction begins with a
 * credit of STREAM_CREDIT. SCTP has one window for all channels of a call, so
 * who does not read its stream must not fill it: the receiver takes all that
 * it gave credit for, into memory if need be, and gives more as it is written.
 * Channels that speak this have the protocol STREAM_PROTOCOL; whoever has had
 * E and A both ways may close.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#define STREAM_PROTOCOL "rtcbus-pipe.1"
#define STREAM_CREDIT (256 * 1024)
/* Labels: pipes wait for a program to acquire them, services are declared */
#define STREAM_PIPE_PREFIX "pipe/"
#define STREAM_SERVICE_PREFIX "service/"
/* The label of a stream that tells what the other side may use: the name of a service a line, and
 * its end */
#define STREAM_SERVICES_LABEL "services"

#define STREAM_ERROR (stream_error_quark())
GQuark stream_error_quark(void);

typedef enum {
    STREAM_ERROR_ENDED,   /* the channel ended too early */
    STREAM_ERROR_REFUSED, /* by the other side, before anything was transferred */
    STREAM_ERROR_IO,      /* our input or output */
    STREAM_ERROR_WRONG,   /* what the other side sends makes no sense */
} StreamError;

typedef struct Stream Stream;

/* ERROR is NULL if everything has arrived, in both directions. The stream can be freed. */
typedef void (*StreamDone)(Stream *stream, const GError *error, gpointer data);

/*
 * Moves bytes from INPUT to PACKETS and from there to OUTPUT, which may be the
 * same socket as INPUT. The three are closed with the stream, OUTPUT as soon
 * as it is at its end. MAX_PACKET is what Acquire() said.
 */
Stream *stream_new(int packets, gsize max_packet, int input, int output, StreamDone done,
                   gpointer data);
void stream_free(Stream *stream);

/* Lets the other side know that somebody is here, though nothing has been said. */
void stream_greet(Stream *stream);
/* Whether the other side has said anything */
bool stream_is_answered(const Stream *stream);

/* Data bytes that the channel took, and that were written out */
guint64 stream_sent(const Stream *stream);
guint64 stream_received(const Stream *stream);

typedef enum {
    STREAM_NOT_OFFERED = 'n', /* or not to them */
    STREAM_NOT_REACHED = 'f',
    STREAM_NOT_KNOWN = 'u',
} StreamRefusal;

/* Answers on PACKETS that there will be no stream; PACKETS is closed. */
void stream_refuse(int packets, StreamRefusal why);
