/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What comes from NATS has turns: all of it comes, in its order, and none takes long. */

#include <config.h>

#include "fake-clock.h"
#include "relay/cluster-arrivals.h"

#define COST 100 /* µs of each */

typedef struct {
    ClusterArrival base;
    guint number;
} Numbered;

static struct {
    ClusterArrivals *arrivals;
    guint taken, freed;
} world;

static void on_free(ClusterArrival *arrival)
{
    world.freed++;
    g_free(arrival);
}

static void push(guint number)
{
    Numbered *numbered = g_new0(Numbered, 1);

    numbered->base.bytes = 10;
    numbered->number = number;
    cluster_arrivals_push(world.arrivals, &numbered->base);
}

static void on_take(const ClusterArrival *arrival, gpointer data)
{
    g_assert_cmpuint(((const Numbered *) arrival)->number, ==, world.taken++);
    fake_clock_pass(COST);
}

static void test_turns(void)
{
    guint count = 4 * CLUSTER_ARRIVALS_RUN / COST, turns = 0;

    world.arrivals = cluster_arrivals_new(on_free);
    world.taken = world.freed = 0;
    g_assert_false(cluster_arrivals_are_left(world.arrivals));
    for (guint i = 0; i < count; i++)
        push(i);
    g_assert_cmpuint(cluster_arrivals_bytes(world.arrivals), ==, 10 * count);
    for (; cluster_arrivals_are_left(world.arrivals); turns++) {
        gint64 began = clock_monotonic();

        cluster_arrivals_run(world.arrivals, on_take, NULL);
        g_assert_cmpint(clock_monotonic() - began, <=, CLUSTER_ARRIVALS_RUN + COST);
        if (turns == 0)
            push(count++);
    }
    g_assert_cmpuint(turns, ==, 5);
    g_assert_cmpuint(world.taken, ==, count);
    g_assert_cmpuint(world.freed, ==, count);
    g_assert_cmpuint(cluster_arrivals_bytes(world.arrivals), ==, 0);
    push(count);
    cluster_arrivals_free(world.arrivals);
    g_assert_cmpuint(world.freed, ==, count + 1);
}

static void on_take_and_push(const ClusterArrival *arrival, gpointer data)
{
    on_take(arrival, NULL);
    if (world.taken == 1)
        push(1);
}

/* What comes while others are taken counts beside them: who pushes may have seen both, and waits. */
static void test_bytes(void)
{
    world.arrivals = cluster_arrivals_new(on_free);
    world.taken = world.freed = 0;
    push(0);
    g_assert_cmpuint(cluster_arrivals_run(world.arrivals, on_take_and_push, NULL), ==, 20);
    g_assert_cmpuint(cluster_arrivals_bytes(world.arrivals), ==, 0);
    cluster_arrivals_free(world.arrivals);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fake_clock_set(G_USEC_PER_SEC, 0);
    g_test_add_func("/cluster-arrivals/turns", test_turns);
    g_test_add_func("/cluster-arrivals/bytes", test_bytes);
    return g_test_run();
}
