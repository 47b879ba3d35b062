/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * How much may be in usrsctp's hands, sent or not. What it has cannot be
 * overtaken: a message of another channel comes behind it. On a long path it
 * needs all it can get. On a near one (loopback, a local network) nothing is
 * gained by more than a few milliseconds' worth, and the rest of its buffer
 * would be in a queue of the slower end: so there it gets what was sent in the
 * last few milliseconds, which follows the rate, whatever limits that.
 *
 * It does no I/O and has no clock, so that it can be tested alone.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/sctp/unsent.h"

/* A path with a round trip of no more is near. usrsctp tells milliseconds, rounded down. */
#define SEND_LIMIT_NEAR_USEC (2 * 1000)

typedef struct {
    gsize max;
    gsize limit; /* in bytes, at most max */
    bool near;
    gsize sent;       /* in this period */
    bool reached;     /* the limit, in this period */
    gint64 began;     /* monotonic µs */
    gint64 far_since; /* no longer near, perhaps; 0: no */
    Unsent *unsent;   /* NULL: nothing with a lifetime was given */
} SendLimit;

void send_limit_init(SendLimit *limit, gsize max);
void send_limit_clear(SendLimit *limit);

/* Whether usrsctp may be given something on STREAM, as far as messages with a lifetime go. */
bool send_limit_takes(const SendLimit *limit, guint16 stream);
/* A message of LENGTH that has a lifetime is given now; take_back(): it was not taken. */
void send_limit_give(SendLimit *limit, guint16 stream, gsize length);
void send_limit_take_back(SendLimit *limit, guint16 stream);
/* To be told of each packet that usrsctp sends. */
void send_limit_output(SendLimit *limit, const guint8 *packet, gsize length);

/* LENGTH bytes were taken; or, REACHED, something was not. */
static inline void send_limit_count(SendLimit *limit, gsize length, bool reached)
{
    limit->sent += length;
    limit->reached = limit->reached || reached;
}

/* Whether it is time for send_limit_update(). */
bool send_limit_is_due(const SendLimit *limit, gint64 now);

/* ROUND_TRIP in µs, as measured now, 0 if it is not known. True if `limit` has changed. */
bool send_limit_update(SendLimit *limit, gint64 now, guint64 round_trip);
