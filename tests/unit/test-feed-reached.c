/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* How far listeners have come, as long as they are among the last ones. */

#include <config.h>

#include "peer/readings/feed-reached.h"

static void note(FeedReached *reached, guint from, guint to, guint64 add)
{
    for (guint i = from; i < to; i++) {
        g_autofree char *name = g_strdup_printf("listener %u", i);

        feed_reached_note(reached, name, i + add);
    }
}

static void test_last_ones(void)
{
    FeedReached *reached = feed_reached_new();

    note(reached, 0, 1024, 100);
    g_assert_cmpuint(feed_reached_find(reached, "listener 0"), ==, 100);
    note(reached, 0, 1, 200); /* it was here again */
    note(reached, 1024, 1025, 100);
    g_assert_cmpuint(feed_reached_find(reached, "listener 0"), ==, 200);
    g_assert_cmpuint(feed_reached_find(reached, "listener 1"), ==, 0);
    g_assert_cmpuint(feed_reached_find(reached, "listener 2"), ==, 102);
    g_assert_cmpuint(feed_reached_find(reached, "listener 1024"), ==, 1124);
    feed_reached_free(reached);
}

static void test_clear(void)
{
    FeedReached *reached = feed_reached_new();

    note(reached, 0, 10, 1);
    feed_reached_clear(reached);
    g_assert_cmpuint(feed_reached_find(reached, "listener 3"), ==, 0);
    note(reached, 0, 2000, 5);
    g_assert_cmpuint(feed_reached_find(reached, "listener 1999"), ==, 2004);
    feed_reached_free(reached);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/feed-reached/last-ones", test_last_ones);
    g_test_add_func("/feed-reached/clear", test_clear);
    return g_test_run();
}
