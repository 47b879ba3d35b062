/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Outgoing streams: what is asked for, and when, with an association that only takes notes. */

#include <config.h>

#include "rtc/sctp/streams.h"

static struct {
    StreamsResult result; /* of the next requests */
    GString *asked; /* "+count " for more, "-stream,… " for an end, "!stream " for one untold */
} fake;

static StreamsResult on_add(guint16 count, gpointer data)
{
    g_string_append_printf(fake.asked, "+%u ", count);
    return fake.result;
}

static StreamsResult on_reset(const guint16 *streams, guint n, gpointer data)
{
    for (guint i = 0; i < n; i++)
        g_string_append_printf(fake.asked, "%s%u", i == 0 ? "-" : ",", streams[i]);
    g_string_append_c(fake.asked, ' ');
    return fake.result;
}

static void on_ended(guint16 stream, gpointer data)
{
    g_string_append_printf(fake.asked, "!%u ", stream);
}

static const StreamsOps ops = {.add = on_add, .reset = on_reset, .ended = on_ended};

static Streams *set_up(guint count, guint max)
{
    fake.result = STREAMS_DONE;
    fake.asked = g_string_new(NULL);
    return streams_new(count, max, &ops, NULL);
}

static void tear_down(Streams *streams)
{
    streams_free(streams);
    g_string_free(fake.asked, TRUE);
}

#define assert_asked(text) g_assert_cmpstr(fake.asked->str, ==, text)

/* Nothing is asked for before the association is up. */
static void test_closed(void)
{
    Streams *streams = set_up(16, 1024);

    g_assert_true(streams_has(streams, 15));
    g_assert_false(streams_has(streams, 16));
    g_assert_true(streams_want(streams, 16));
    g_assert_false(streams_want(streams, 1024));
    streams_reset(streams, 3);
    streams_advance(streams);
    assert_asked("");
    streams_open(streams, 8); /* the remote takes fewer */
    g_assert_false(streams_has(streams, 8));
    streams_advance(streams);
    assert_asked("-3 ");
    g_assert_cmpint(streams_state(streams), ==, STREAMS_RESETTING);
    tear_down(streams);
}

static void test_one_at_a_time(void)
{
    Streams *streams = set_up(16, 1024);

    streams_open(streams, 16);
    streams_reset(streams, 1);
    streams_reset(streams, 2);
    streams_reset(streams, 3);
    streams_reset(streams, 2);
    g_assert_true(streams_want(streams, 20));
    assert_asked("-1 ");
    streams_added(streams, STREAMS_DONE, 16); /* not what is on its way */
    g_assert_cmpint(streams_state(streams), ==, STREAMS_RESETTING);
    streams_were_reset(streams);
    streams_advance(streams);
    streams_advance(streams);
    assert_asked("-1 -2,3 ");
    streams_were_reset(streams);
    g_assert_true(streams_want(streams, 20));
    g_assert_true(streams_want(streams, 21));
    streams_reset(streams, 4);
    assert_asked("-1 -2,3 +96 ");
    streams_added(streams, STREAMS_DONE, 112);
    g_assert_true(streams_has(streams, 111));
    streams_advance(streams);
    assert_asked("-1 -2,3 +96 -4 ");
    tear_down(streams);
}

/*
 * At least as many as are needed, about twice as many as there are, and no more than there may
 * be
 */
static void test_how_many(void)
{
    Streams *streams = set_up(200, 1024);

    streams_open(streams, 200);
    g_assert_true(streams_want(streams, 200));
    streams_added(streams, STREAMS_DONE, 400);
    g_assert_true(streams_want(streams, 950));
    streams_added(streams, STREAMS_LATER, 0);
    g_assert_false(streams_has(streams, 400));
    g_assert_true(streams_want(streams, 1023));
    assert_asked("+200 +551 +624 ");
    streams_added(streams, STREAMS_DONE, 1024);
    g_assert_false(streams_want(streams, 1024));
    tear_down(streams);
}

/* A stream that cannot be had, or a remote that knows no requests: nothing waits for ever. */
static void test_refused(void)
{
    Streams *streams = set_up(16, 16);

    streams_open(streams, 16);
    streams_reset(streams, 300);
    assert_asked("!300 ");
    fake.result = STREAMS_LATER;
    streams_reset(streams, 5);
    streams_reset(streams, 301);
    assert_asked("!300 -5 !301 -5 ");
    fake.result = STREAMS_REFUSED;
    streams_reset(streams, 6);
    assert_asked("!300 -5 !301 -5 -5,6 !6 !5 ");
    streams_advance(streams);
    assert_asked("!300 -5 !301 -5 -5,6 !6 !5 ");
    tear_down(streams);
    streams = set_up(16, 1024);
    streams_open(streams, 16);
    g_assert_true(streams_want(streams, 20));
    streams_reset(streams, 20);
    streams_added(streams, STREAMS_REFUSED, 0);
    g_assert_false(streams_want(streams, 20));
    streams_advance(streams);
    assert_asked("+96 !20 ");
    tear_down(streams);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/streams/closed", test_closed);
    g_test_add_func("/streams/one-at-a-time", test_one_at_a_time);
    g_test_add_func("/streams/how-many", test_how_many);
    g_test_add_func("/streams/refused", test_refused);
    return g_test_run();
}
