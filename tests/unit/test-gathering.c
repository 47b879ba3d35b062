/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* When there are no more candidates: libnice says so, or forgets to. */

#include <config.h>

#include "rtc/ice/gathering.h"

#include "fake-clock.h"

static void on_ended(const char *candidate, gpointer data)
{
    g_assert_null(candidate);
    ++*(guint *) data;
}

static void say_done(NiceAgent *agent)
{
    g_signal_emit_by_name(agent, "candidate-gathering-done", 1);
}

static void test_said(void)
{
    NiceAgent *agent = nice_agent_new(NULL, NICE_COMPATIBILITY_RFC5245);
    guint count = 0;
    Gathering *gathering = gathering_new(agent, on_ended, &count);

    gathering_begin(gathering);
    fake_clock_advance(8 * G_USEC_PER_SEC);
    g_assert_cmpuint(count, ==, 0);
    say_done(agent);
    g_assert_cmpuint(count, ==, 1);
    g_assert_cmpint(fake_clock_due(), ==, -1);
    gathering_free(gathering);
    g_object_unref(agent);
}

/* A second time it is no news. */
static void test_forgotten(void)
{
    NiceAgent *agent = nice_agent_new(NULL, NICE_COMPATIBILITY_RFC5245);
    guint count = 0;
    Gathering *gathering = gathering_new(agent, on_ended, &count);

    gathering_begin(gathering);
    fake_clock_advance(15 * G_USEC_PER_SEC);
    g_assert_cmpuint(count, ==, 1);
    say_done(agent);
    g_assert_cmpuint(count, ==, 1);
    gathering_free(gathering);
    say_done(agent);
    g_object_unref(agent);
}

static void test_freed_before(void)
{
    NiceAgent *agent = nice_agent_new(NULL, NICE_COMPATIBILITY_RFC5245);
    Gathering *gathering = gathering_new(agent, on_ended, NULL);

    gathering_begin(gathering);
    gathering_free(gathering);
    g_assert_cmpint(fake_clock_due(), ==, -1);
    g_object_unref(agent);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gathering/said", test_said);
    g_test_add_func("/gathering/forgotten", test_forgotten);
    g_test_add_func("/gathering/freed-before", test_freed_before);
    return g_test_run();
}
