/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * How much may be in flight, so that a path is full and its queue is not: what
 * it delivers times its least round trip, and a little more (the idea of BBR,
 * draft-cardwell-iccrg-bbr-congestion-control). The little that waits is what
 * finds out that the path has become faster. Where round trips differ without a
 * queue, as on radio, there is more by what they are longer than the least on
 * average, at most as much again. As long as this model holds, a lost packet says
 * nothing: no queue has grown.
 *
 * Who shares the queue with a sender that fills it gets nothing that way. So if
 * the round trip is long although less is in flight than the path holds, the
 * model yields: the window is that of a sender that goes by loss, until a look
 * some seconds later shows that the queue is empty. It yields, too, where round
 * trips differ by so much that nothing is to be learnt from them.
 *
 * It does no I/O and has no clock, so that it can be tested alone.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/sctp/delivery.h"

#define PATH_MODEL_ROUNDS 10

typedef enum {
    PATH_MODEL_START, /* twice as much each round trip, as long as more is delivered */
    PATH_MODEL_FULL,
    PATH_MODEL_LOOK,  /* next to nothing is in flight, to see the least round trip */
    PATH_MODEL_YIELD, /* somebody else fills the queue, or round trips differ too much */
} PathModelState;

typedef struct {
    PathModelState state, before_look;
    gint64 least;    /* round trip, µs; 0: not known */
    gint64 least_at; /* when that was seen */
    gint64 floor;    /* the least one of all, as long as the path is believed to be the same */
    double rates[PATH_MODEL_ROUNDS]; /* bytes/s, the most of each of the last rounds */
    guint rate_at;
    /* The last round, and the one that is going on: the least round trip and the mean of them */
    gint64 round_least, round_sum;
    guint round_n;
    bool round_busy;    /* the sender had always more */
    gint64 jitter;      /* µs, how much longer than the least the mean of a round trip was */
    double best_rate;   /* in START */
    guint flat_rounds;  /* in which it has not become better */
    guint long_rounds;  /* in which the round trip was too long */
    guint shaky_rounds; /* in which they differed too much */
    double look_rate;   /* before the look */
    gint64 look_began, look_drained, look_least, look_ended;
    gint64 yielded_at, yield_low, yield_high; /* since then, and what the looks have seen */
    guint64 chunks, lost;                     /* where the count of losses began */
    double bound;       /* bytes: more of them than chance explains with more in flight; 0: none */
    guint bound_rounds; /* since it was set */
} PathModel;

void path_model_init(PathModel *model);

/* DELIVERY has got SAMPLE out of a packet. */
void path_model_sample(PathModel *model, const Delivery *delivery, const DeliverySample *sample,
                       gint64 now);

/* Nothing has come back for so long that all but the least round trip is to be found anew. */
void path_model_restart(PathModel *model, gint64 now);

/* In bytes; 0: the model has nothing to say. */
gsize path_model_window(const PathModel *model);

/* Whether a loss is to leave the window as it is. */
bool path_model_forgives(const PathModel *model);
