/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The clock and the chance that tests make themselves: each run is the same as the last. */

#include <config.h>

#include "common/random-id.h"
#include "fake-clock.h"
#include "fake-random.h"

static GString *seen;
static gint64 began;

static gboolean on_timer(gpointer data)
{
    g_string_append_printf(seen, "%s%" G_GINT64_FORMAT " ", (const char *) data,
                           (clock_monotonic() - began) / 1000);
    return G_SOURCE_CONTINUE;
}

static void test_timers(void)
{
    guint first = clock_timer_add(20, on_timer, (gpointer) "a");
    guint second = clock_timer_add(30, on_timer, (gpointer) "b");
    gint64 wall = clock_wall();

    began = clock_monotonic();
    seen = g_string_new(NULL);
    g_assert_cmpint(fake_clock_due() - began, ==, 20000);
    fake_clock_advance(19999);
    g_assert_cmpstr(seen->str, ==, "");
    fake_clock_advance(50001);
    g_assert_cmpstr(seen->str, ==, "a20 b30 a40 b60 a60 ");
    g_source_remove(first);
    fake_clock_advance(20000);
    g_assert_cmpstr(seen->str, ==, "a20 b30 a40 b60 a60 b90 ");
    g_source_remove(second);
    g_assert_cmpint(fake_clock_due(), ==, -1);
    g_assert_cmpint(clock_wall() - wall, ==, 90000);
    fake_clock_jump(-G_USEC_PER_SEC);
    g_assert_cmpint(clock_wall() - wall, ==, 90000 - G_USEC_PER_SEC);
    g_assert_cmpint(clock_monotonic() - began, ==, 90000);
    g_string_free(seen, TRUE);
}

static void test_seed(void)
{
    char first[RANDOM_ID_LENGTH + 1], second[RANDOM_ID_LENGTH + 1], again[RANDOM_ID_LENGTH + 1];

    fake_random_seed(7);
    random_id(first);
    random_id(second);
    fake_random_seed(7);
    random_id(again);
    g_assert_cmpstr(first, ==, again);
    g_assert_cmpstr(first, !=, second);
    for (guint i = 0; i < 1000; i++)
        g_assert_cmpuint(random_below(3), <, 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/timers", test_timers);
    g_test_add_func("/clock/seed", test_seed);
    return g_test_run();
}
