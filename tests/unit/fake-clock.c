/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "fake-clock.h"

#include <stdbool.h>
#include <sys/time.h>

typedef struct {
    GSource source;
    gint64 due, interval; /* µs */
} FakeTimer;

static struct {
    gint64 monotonic, wall; /* µs */
    GList *timers;          /* of FakeTimer, the first one due at the front */
} fake = {.monotonic = 1000 * G_USEC_PER_SEC, .wall = G_GINT64_CONSTANT(1700000000000000)};

gint64 clock_monotonic(void)
{
    return fake.monotonic;
}

gint64 clock_wall(void)
{
    return fake.wall;
}

/* usrsctp's timers live in our time, but how long a chunk was on its way it asks the C library. */
int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    *now = (struct timeval){fake.wall / G_USEC_PER_SEC, fake.wall % G_USEC_PER_SEC};
    return 0;
}

gint64 clock_suspended(void)
{
    return 0;
}

int clock_jumps_open(void)
{
    return -1;
}

void clock_jumps_await(int fd)
{
}

/* ---- timers ---------------------------------------------------------------- */

static int compare_due(gconstpointer a, gconstpointer b)
{
    gint64 first = ((const FakeTimer *) a)->due, second = ((const FakeTimer *) b)->due;

    return (first > second) - (first < second);
}

/* Behind those that are due at the same time */
static void insert(FakeTimer *timer)
{
    GList *at = fake.timers;

    while (at && compare_due(at->data, timer) <= 0)
        at = at->next;
    fake.timers = g_list_insert_before(fake.timers, at, timer);
}

static bool is_due(FakeTimer *timer)
{
    return fake.timers->data == timer && timer->due <= fake.monotonic;
}

static gboolean on_prepare(GSource *source, int *timeout)
{
    *timeout = -1;
    return is_due((FakeTimer *) source);
}

static gboolean on_check(GSource *source)
{
    return is_due((FakeTimer *) source);
}

static gboolean on_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    FakeTimer *timer = (FakeTimer *) source;

    fake.timers = g_list_remove(fake.timers, timer);
    timer->due = fake.monotonic + timer->interval;
    insert(timer);
    return callback(data);
}

static void on_finalize(GSource *source)
{
    fake.timers = g_list_remove(fake.timers, source);
}

guint clock_timer_add(guint milliseconds, GSourceFunc func, gpointer data)
{
    static GSourceFuncs funcs = {
        .prepare = on_prepare, .check = on_check, .dispatch = on_dispatch, .finalize = on_finalize};
    GSource *source = g_source_new(&funcs, sizeof(FakeTimer));
    FakeTimer *timer = (FakeTimer *) source;
    guint id;

    timer->interval = milliseconds * (gint64) 1000;
    timer->due = fake.monotonic + timer->interval;
    insert(timer);
    g_source_set_callback(source, func, data, NULL);
    id = g_source_attach(source, NULL);
    g_source_unref(source);
    return id;
}

guint clock_timer_add_seconds(guint seconds, GSourceFunc func, gpointer data)
{
    return clock_timer_add(seconds * 1000, func, data);
}

/* ---- the time -------------------------------------------------------------- */

void fake_clock_set(gint64 monotonic, gint64 wall)
{
    for (GList *l = fake.timers; l; l = l->next)
        ((FakeTimer *) l->data)->due += monotonic - fake.monotonic;
    fake.monotonic = monotonic;
    fake.wall = wall;
}

void fake_clock_pass(gint64 usec)
{
    fake.monotonic += usec;
    fake.wall += usec;
}

void fake_clock_jump(gint64 usec)
{
    fake.wall += usec;
}

gint64 fake_clock_due(void)
{
    return fake.timers ? ((FakeTimer *) fake.timers->data)->due : -1;
}

static void turn(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

void fake_clock_advance(gint64 usec)
{
    gint64 end = fake.monotonic + usec;

    turn();
    while (fake.timers && fake_clock_due() <= end) {
        fake_clock_pass(MAX(fake_clock_due() - fake.monotonic, 0));
        turn();
    }
    fake_clock_pass(end - fake.monotonic);
}
