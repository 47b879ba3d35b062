/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The send limit on model paths: what is in flight arrives at a rate, after a delay. */

#include <config.h>

#include "rtc/sctp/send-limit.h"

#define MAX_LIMIT (2 * 1024 * 1024)
#define MS 1000

typedef struct {
    SendLimit limit;
    gint64 now;
} Path;

/* A sender that always has something, for SECONDS: RATE in bytes/s, DELAY in µs without a queue. */
static guint64 run(Path *path, double rate, guint64 delay, double seconds)
{
    gint64 end = path->now + seconds * G_USEC_PER_SEC;
    guint64 round_trip = delay;

    while (path->now < end) {
        guint64 queued = path->limit.limit * 1e6 / rate;

        round_trip = MAX(delay, queued);
        path->now += MS;
        /* limited by the rate, or by the limit */
        send_limit_count(&path->limit, path->limit.limit * (double) MS / round_trip, true);
        if (send_limit_is_due(&path->limit, path->now))
            send_limit_update(&path->limit, path->now, round_trip / MS * MS);
    }
    return round_trip;
}

static void path_init(Path *path, guint64 set_up)
{
    path->now = 1;
    send_limit_init(&path->limit, MAX_LIMIT);
    g_assert_cmpuint(path->limit.limit, ==, MAX_LIMIT);
    path->now += 20 * MS;
    send_limit_update(&path->limit, path->now, set_up);
}

/* On a near path a few milliseconds are queued, whatever the rate is, and that is found soon. */
static void test_near(void)
{
    static const double rates[] = {80e6, 150e6, 300e6};

    for (gsize i = 0; i < G_N_ELEMENTS(rates); i++) {
        Path path;
        guint64 round_trip;

        path_init(&path, MS);
        round_trip = run(&path, rates[i], 200, 0.5);
        g_test_message("%.0f MB/s: %.1f ms", rates[i] * 1e-6, round_trip * 1e-3);
        g_assert_cmpuint(round_trip, >=, 3 * MS);
        g_assert_cmpuint(round_trip, <=, 5 * MS);
        /* it becomes slower, and faster again */
        g_assert_cmpuint(run(&path, rates[i] / 2, 200, 0.5), <=, 6 * MS);
        g_assert_cmpuint(run(&path, rates[i], 200, 0.5), >=, 3 * MS);
    }
}

/* A long path is not limited, nor one whose round trip nobody knows. */
static void test_far(void)
{
    Path path;

    path_init(&path, 20 * MS);
    run(&path, 100e6, 20 * MS, 3);
    g_assert_cmpuint(path.limit.limit, ==, MAX_LIMIT);
    path_init(&path, 0);
    run(&path, 100e6, 50 * MS, 3);
    g_assert_cmpuint(path.limit.limit, ==, MAX_LIMIT);
}

/* From a local network to another one: the limit goes, and does not starve it for long. */
static void test_near_becomes_far(void)
{
    Path path;

    path_init(&path, MS);
    run(&path, 100e6, 200, 1);
    g_assert_cmpuint(path.limit.limit, <, MAX_LIMIT / 2);
    run(&path, 100e6, 150 * MS, 1);
    g_assert_cmpuint(path.limit.limit, <, MAX_LIMIT / 2);
    run(&path, 100e6, 150 * MS, 2);
    g_assert_cmpuint(path.limit.limit, ==, MAX_LIMIT);
}

/* Who sends little is not measured by it. */
static void test_unlimited_sender(void)
{
    Path path;
    gsize before;

    path_init(&path, MS);
    run(&path, 300e6, 200, 0.5);
    before = path.limit.limit;
    for (guint i = 0; i < 100; i++) {
        path.now += 20 * MS;
        send_limit_count(&path.limit, 64, false);
        g_assert_false(send_limit_update(&path.limit, path.now, MS));
    }
    g_assert_cmpuint(path.limit.limit, ==, before);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/send-limit/near", test_near);
    g_test_add_func("/send-limit/far", test_far);
    g_test_add_func("/send-limit/near-becomes-far", test_near_becomes_far);
    g_test_add_func("/send-limit/unlimited-sender", test_unlimited_sender);
    return g_test_run();
}
