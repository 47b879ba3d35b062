/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Turns, without anything that is sent. */

#include <config.h>

#include "rtc/channel/scheduler.h"

#define MESSAGE 1000

/* Lets N messages be sent, all of one size, and counts those of each of the TURNS. */
static void run(Scheduler *scheduler, Turn *turns, guint *sent, guint n)
{
    for (guint i = 0; i < n; i++) {
        Turn *turn = scheduler_next(scheduler);

        g_assert_nonnull(turn);
        scheduler_count(scheduler, turn, MESSAGE);
        sent[turn - turns]++;
    }
}

static void test_weights(void)
{
    g_autoptr(Scheduler) scheduler = scheduler_new();
    Turn turns[] = {{.weight = 128}, {.weight = 256}, {.weight = 512}, {.weight = 1024}};
    guint sent[4] = {};

    for (guint i = 0; i < 4; i++)
        scheduler_join(scheduler, &turns[i]);
    run(scheduler, turns, sent, 1500);
    g_assert_cmpuint(sent[0], ==, 100);
    g_assert_cmpuint(sent[1], ==, 200);
    g_assert_cmpuint(sent[2], ==, 400);
    g_assert_cmpuint(sent[3], ==, 800);
}

/* Bytes are shared, not messages; and an empty message is not free. */
static void test_lengths(void)
{
    g_autoptr(Scheduler) scheduler = scheduler_new();
    Turn large = {.weight = 256}, small = {.weight = 256};
    guint n_large = 0, n_small = 0;

    scheduler_join(scheduler, &large);
    scheduler_join(scheduler, &small);
    for (guint i = 0; i < 11000; i++) {
        Turn *turn = scheduler_next(scheduler);

        if (turn == &large)
            n_large++;
        else
            n_small++;
        scheduler_count(scheduler, turn,
                        turn == &large ? 10 * SCHEDULER_OVERHEAD - SCHEDULER_OVERHEAD : 0);
    }
    g_assert_cmpuint(n_large, ==, 1000);
    g_assert_cmpuint(n_small, ==, 10000);
}

/* One that was idle goes before all others, once: it has saved nothing up. */
static void test_idle(void)
{
    g_autoptr(Scheduler) scheduler = scheduler_new();
    Turn turns[] = {{.weight = 256}, {.weight = 256}};
    guint sent[2] = {};

    scheduler_join(scheduler, &turns[0]);
    run(scheduler, turns, sent, 1000);
    scheduler_join(scheduler, &turns[1]);
    scheduler_join(scheduler, &turns[1]);
    g_assert_true(scheduler_next(scheduler) == &turns[1]);
    run(scheduler, turns, sent, 100);
    g_assert_cmpuint(sent[1], ==, 50);
    /* Also one that never waits, for its messages go straight out */
    scheduler_leave(scheduler, &turns[1]);
    scheduler_leave(scheduler, &turns[1]);
    run(scheduler, turns, sent, 100);
    scheduler_count(scheduler, &turns[1], MESSAGE);
    scheduler_join(scheduler, &turns[1]);
    sent[0] = sent[1] = 0;
    run(scheduler, turns, sent, 100);
    g_assert_cmpuint(sent[1], >=, 49);
    g_assert_cmpuint(sent[1], <=, 50);
}

static void test_rounds(void)
{
    g_autoptr(Scheduler) scheduler = scheduler_new();
    Turn turns[] = {{.weight = 256}, {.weight = 256}, {.weight = 256}};

    g_assert_null(scheduler_next(scheduler));
    for (guint i = 0; i < 3; i++)
        scheduler_join(scheduler, &turns[i]);
    g_assert_true(scheduler_next(scheduler) == &turns[0]); /* who came first */
    scheduler_begin_round(scheduler);
    scheduler_skip(scheduler, &turns[0]);
    g_assert_true(scheduler_next(scheduler) == &turns[1]);
    scheduler_skip(scheduler, &turns[1]);
    scheduler_skip(scheduler, &turns[2]);
    g_assert_null(scheduler_next(scheduler));
    scheduler_begin_round(scheduler);
    g_assert_true(scheduler_next(scheduler) == &turns[0]);
    scheduler_leave(scheduler, &turns[0]);
    g_assert_true(scheduler_next(scheduler) == &turns[1]);
}

/* A weight of 0 is one of 1. */
static void test_no_weight(void)
{
    g_autoptr(Scheduler) scheduler = scheduler_new();
    Turn turns[] = {{.weight = 0}, {.weight = 4}};
    guint sent[2] = {};

    scheduler_join(scheduler, &turns[0]);
    scheduler_join(scheduler, &turns[1]);
    run(scheduler, turns, sent, 500);
    g_assert_cmpuint(sent[0], ==, 100);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scheduler/weights", test_weights);
    g_test_add_func("/scheduler/lengths", test_lengths);
    g_test_add_func("/scheduler/idle", test_idle);
    g_test_add_func("/scheduler/rounds", test_rounds);
    g_test_add_func("/scheduler/no-weight", test_no_weight);
    return g_test_run();
}
