/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Those who wait are in an array, in the order in which they came, and the next
 * is looked for in all of it: they are few, and a heap would not keep the order.
 */

#include <config.h>

#include "rtc/channel/scheduler.h"

struct Scheduler {
    GPtrArray *waiting; /* of Turn */
    guint64 clock;      /* of the last message */
    guint64 limit;      /* who is ahead of this waits in this round */
    guint round;
};

Scheduler *scheduler_new(void)
{
    Scheduler *scheduler = g_new0(Scheduler, 1);

    scheduler->waiting = g_ptr_array_new();
    scheduler->round = 1;
    scheduler->limit = G_MAXUINT64;
    return scheduler;
}

void scheduler_free(Scheduler *scheduler)
{
    g_ptr_array_unref(scheduler->waiting);
    g_free(scheduler);
}

void scheduler_join(Scheduler *scheduler, Turn *turn)
{
    if (turn->waits)
        return;
    turn->waits = true;
    turn->clock = MAX(turn->clock, scheduler->clock);
    g_ptr_array_add(scheduler->waiting, turn);
}

void scheduler_leave(Scheduler *scheduler, Turn *turn)
{
    if (!turn->waits)
        return;
    turn->waits = false;
    g_ptr_array_remove(scheduler->waiting, turn);
}

static guint64 price(const Turn *turn, gsize length)
{
    return (length + SCHEDULER_OVERHEAD) * SCHEDULER_WEIGHT_MAX /
           CLAMP(turn->weight, 1, SCHEDULER_WEIGHT_MAX);
}

void scheduler_count(Scheduler *scheduler, Turn *turn, gsize length)
{
    if (!turn->waits)
        turn->clock = MAX(turn->clock, scheduler->clock);
    scheduler->clock = MAX(scheduler->clock, turn->clock);
    turn->clock += price(turn, length);
}

void scheduler_begin_round(Scheduler *scheduler)
{
    scheduler->round++;
    scheduler->limit = G_MAXUINT64;
}

void scheduler_skip(Scheduler *scheduler, Turn *turn)
{
    turn->skipped = scheduler->round;
}

void scheduler_let_pass(Scheduler *scheduler, Turn *turn, gsize length)
{
    scheduler_skip(scheduler, turn);
    scheduler->limit = MIN(scheduler->limit, turn->clock + price(turn, length));
}

bool scheduler_may_pass(const Scheduler *scheduler, const Turn *turn)
{
    return MAX(turn->clock, scheduler->clock) <= scheduler->limit;
}

Turn *scheduler_next(const Scheduler *scheduler)
{
    Turn *next = NULL;

    for (guint i = 0; i < scheduler->waiting->len; i++) {
        Turn *turn = scheduler->waiting->pdata[i];

        if (turn->skipped != scheduler->round && turn->clock <= scheduler->limit &&
            (!next || turn->clock < next->clock))
            next = turn;
    }
    return next;
}
