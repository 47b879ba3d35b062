/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a path delivers, and how long that takes: read from the DATA that goes
 * out and the SACKs that come in. The rate is that of BBR
 * (draft-cheng-iccrg-delivery-rate-estimation): what was acknowledged between
 * the sending of a chunk and its own acknowledgement, in that time.
 *
 * Not each chunk is remembered, but one of every thirty-second part of what is in
 * flight. It does no I/O and has no clock, so that it can be tested alone.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#define DELIVERY_MARKS 64

/* A chunk that was sent; times in monotonic µs, amounts in bytes since the beginning */
typedef struct {
    guint32 tsn;
    bool acknowledged;
    bool idle; /* there was nothing more to send */
    gint64 sent_at;
    guint64 sent;          /* up to this chunk */
    guint64 delivered;     /* then */
    gint64 delivered_at;   /* then, the last time */
    gint64 delivered_sent; /* when that had been sent */
} DeliveryMark;

typedef struct {
    bool begun;
    guint32 highest;    /* TSN that was sent */
    guint32 cumulative; /* the remote has all TSNs up to it */
    guint64 sent, cumulative_sent;
    guint64 delivered; /* what the remote has beyond that is estimated */
    gint64 delivered_at, delivered_sent;
    guint64 idle_until; /* what was sent up to here does not show what the path can do */
    guint64 round_end;  /* when this is delivered another round trip has passed */
    guint64 chunks, lost;
    guint32 lost_up_to;                 /* TSN */
    DeliveryMark marks[DELIVERY_MARKS]; /* a ring of N, the oldest is the FIRST */
    guint first, n;
} Delivery;

typedef struct {
    gint64 round_trip; /* µs */
    double rate;       /* bytes/s; 0: not known */
    bool idle;         /* the path could have carried more */
    bool round;        /* the first one of a new round trip */
    guint64 in_flight; /* bytes */
} DeliverySample;

void delivery_init(Delivery *delivery);

/* To be told of each packet that usrsctp sends. */
void delivery_output(Delivery *delivery, const guint8 *packet, gsize length, gint64 now);

/* And of each that it is given. True: a mark was acknowledged, and SAMPLE says what that tells. */
bool delivery_input(Delivery *delivery, const guint8 *packet, gsize length, gint64 now,
                    DeliverySample *sample);

/* What is on its way has been there too long to tell anything. */
void delivery_forget(Delivery *delivery);

/* The sender has nothing more than what has been sent. */
void delivery_note_idle(Delivery *delivery);

/* Bytes */
guint64 delivery_in_flight(const Delivery *delivery);
/* The same, but what arrived out of order counts until all before it is here; without headers */
guint64 delivery_outstanding(const Delivery *delivery);
/* The mean of the chunks that are in flight, or of all that were; 0: there was none */
gsize delivery_chunk_size(const Delivery *delivery);
