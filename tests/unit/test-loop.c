/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The relay's loop, and the bell that other threads wake it with. */

#include <config.h>

#include "relay/bell.h"
#include "relay/loop.h"

#define RINGERS 2
#define RINGS 50000

static struct {
    uv_loop_t loop;
    guint rung;
    int ready; /* descriptors, at the last poll */
    int done;  /* atomic: what the ringers have done */
    int seen;  /* of that, by the loop */
} world;

static void on_rung(gpointer data)
{
    world.rung++;
    world.seen = g_atomic_int_get(&world.done);
}

static Bell *set_up(void)
{
    memset(&world, 0, sizeof world);
    uv_loop_init(&world.loop);
    return bell_new(&world.loop, on_rung, NULL);
}

static void tear_down(Bell *bell)
{
    bell_free(bell);
    loop_finish(&world.loop);
}

static void test_once_for_many(void)
{
    Bell *bell = set_up();

    for (guint times = 1; times <= 3; times++) {
        bell_ring(bell);
        bell_ring(bell);
        uv_run(&world.loop, UV_RUN_NOWAIT);
        g_assert_cmpuint(world.rung, ==, times);
        uv_run(&world.loop, UV_RUN_NOWAIT);
        g_assert_cmpuint(world.rung, ==, times);
    }
    tear_down(bell);
}

static gpointer ring_often(gpointer bell)
{
    for (guint i = 0; i < RINGS; i++) {
        g_atomic_int_inc(&world.done);
        bell_ring(bell);
    }
    return NULL;
}

/* One that is lost leaves the loop asleep for ever. */
static void test_none_is_lost(void)
{
    Bell *bell = set_up();
    GThread *ringers[RINGERS];

    for (guint i = 0; i < RINGERS; i++)
        ringers[i] = g_thread_new("ringer", ring_often, bell);
    while (world.seen < RINGERS * RINGS)
        uv_run(&world.loop, UV_RUN_ONCE);
    for (guint i = 0; i < RINGERS; i++)
        g_thread_join(ringers[i]);
    tear_down(bell);
}

static void on_turn(gpointer data)
{
}

static bool on_pending(gpointer data)
{
    return false;
}

static int poll_and_look(GPollFD *fds, guint count, int timeout)
{
    return world.ready = g_poll(fds, count, timeout);
}

/* GLib would wake itself after each turn, unless the source may recurse. */
static void test_rests_after_a_turn(void)
{
    static const LoopOps ops = {on_turn, on_pending};
    Bell *bell = set_up();
    GSource *source = loop_attach(&world.loop, &ops, NULL);

    g_main_context_set_poll_func(NULL, poll_and_look);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    for (guint times = 1; times <= 3; times++) {
        bell_ring(bell);
        while (world.rung < times)
            g_main_context_iteration(NULL, TRUE);
        g_assert_false(g_main_context_iteration(NULL, FALSE));
        g_assert_cmpint(world.ready, ==, 0);
    }
    g_main_context_set_poll_func(NULL, NULL);
    g_source_destroy(source);
    g_source_unref(source);
    tear_down(bell);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bell/once-for-many", test_once_for_many);
    g_test_add_func("/bell/none-is-lost", test_none_is_lost);
    g_test_add_func("/loop/rests-after-a-turn", test_rests_after_a_turn);
    return g_test_run();
}
