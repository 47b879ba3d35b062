/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* When there are no more candidates: libnice says so, or forgets to. */

#include <config.h>

#include "rtc/ice/gathering.h"

#include "fake-clock.h"

static struct {
    NiceAgent *agent;
    Gathering *gathering;
    guint ends; /* how often the end has been told */
} test;

static void on_ended(const char *candidate, gpointer data)
{
    g_assert_null(candidate);
    test.ends++;
}

static void set_up(void)
{
    test.agent = nice_agent_new(NULL, NICE_COMPATIBILITY_RFC5245);
    test.gathering = gathering_new(test.agent, on_ended, NULL);
    test.ends = 0;
    gathering_begin(test.gathering);
}

static void say_done(void)
{
    g_signal_emit_by_name(test.agent, "candidate-gathering-done", 1);
}

/* What libnice says after that finds nobody. */
static void tear_down(void)
{
    guint ends = test.ends;

    gathering_free(test.gathering);
    g_assert_cmpint(fake_clock_due(), ==, -1);
    say_done();
    g_assert_cmpuint(test.ends, ==, ends);
    g_object_unref(test.agent);
}

static void test_said(void)
{
    set_up();
    fake_clock_advance(8 * G_USEC_PER_SEC);
    g_assert_cmpuint(test.ends, ==, 0);
    say_done();
    g_assert_cmpuint(test.ends, ==, 1);
    g_assert_cmpint(fake_clock_due(), ==, -1);
    tear_down();
}

/* A second time it is no news. */
static void test_forgotten(void)
{
    set_up();
    fake_clock_advance(15 * G_USEC_PER_SEC);
    g_assert_cmpuint(test.ends, ==, 1);
    say_done();
    g_assert_cmpuint(test.ends, ==, 1);
    tear_down();
}

static void test_freed_before(void)
{
    set_up();
    tear_down();
    g_assert_cmpuint(test.ends, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gathering/said", test_said);
    g_test_add_func("/gathering/forgotten", test_forgotten);
    g_test_add_func("/gathering/freed-before", test_freed_before);
    return g_test_run();
}
