/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "world.h"

#include <stdio.h>

#include "fake-clock.h"
#include "fake-random.h"

typedef struct {
    gint64 time;
    guint64 order;
    WorldEvent event;
    gpointer data;
    guint64 argument;
} WorldEntry;

static struct {
    GArray *heap; /* of WorldEntry, the first one on top */
    guint64 order, seed;
    gint64 began;
    bool trace, failed;
} world;

void world_begin(guint64 seed, bool trace)
{
    if (!world.heap)
        world.heap = g_array_new(FALSE, FALSE, sizeof(WorldEntry));
    g_array_set_size(world.heap, 0);
    fake_random_seed(seed * G_GUINT64_CONSTANT(0xd1342543de82ef95) + 1);
    fake_clock_set(1000 * G_USEC_PER_SEC, G_GINT64_CONSTANT(1700000000000000));
    world.began = clock_monotonic();
    world.seed = seed;
    world.order = 0;
    world.trace = trace;
    world.failed = false;
}

void world_end(void)
{
    g_clear_pointer(&world.heap, g_array_unref);
}

gint64 world_now(void)
{
    return clock_monotonic() - world.began;
}

static WorldEntry *entry(guint i)
{
    return &g_array_index(world.heap, WorldEntry, i);
}

static bool comes_before(guint i, guint k)
{
    const WorldEntry *a = entry(i), *b = entry(k);

    return a->time < b->time || (a->time == b->time && a->order < b->order);
}

static void swap(guint i, guint k)
{
    WorldEntry kept = *entry(i);

    *entry(i) = *entry(k);
    *entry(k) = kept;
}

void world_after(gint64 delay, WorldEvent event, gpointer data, guint64 argument)
{
    WorldEntry new = {world_now() + delay, world.order++, event, data, argument};
    guint i = world.heap->len;

    g_array_append_val(world.heap, new);
    for (; i > 0 && comes_before(i, (i - 1) / 2); i = (i - 1) / 2)
        swap(i, (i - 1) / 2);
}

static WorldEntry pop(void)
{
    WorldEntry first = *entry(0);
    guint last = world.heap->len - 1, i = 0, child;

    swap(0, last);
    g_array_set_size(world.heap, last);
    while ((child = 2 * i + 1) < last) {
        if (child + 1 < last && comes_before(child + 1, child))
            child++;
        if (!comes_before(child, i))
            break;
        swap(i, child);
        i = child;
    }
    return first;
}

static void nothing(gpointer data, guint64 argument)
{
}

void world_stop(WorldEvent event)
{
    for (guint i = 0; i < world.heap->len; i++) {
        if (entry(i)->event == event)
            entry(i)->event = nothing;
    }
}

void world_run(gint64 until)
{
    while (world.heap->len > 0 && entry(0)->time <= until && !world.failed) {
        WorldEntry next = pop();

        fake_clock_pass(next.time - world_now());
        next.event(next.data, next.argument);
    }
    fake_clock_pass(MAX(until - world_now(), 0));
}

gint64 world_between(gint64 min, gint64 max)
{
    return min + (gint64) random_below((guint32) (max - min + 1));
}

bool world_once_in(guint n)
{
    return random_below(n) == 0;
}

static G_GNUC_PRINTF(1, 0) void say(const char *format, va_list arguments)
{
    printf("# %11.6f  ", (double) world_now() / G_USEC_PER_SEC);
    vprintf(format, arguments);
    putchar('\n');
}

void world_trace(const char *format, ...)
{
    va_list arguments;

    if (!world.trace)
        return;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void world_fail(const char *format, ...)
{
    va_list arguments;

    if (!world.failed) {
        va_start(arguments, format);
        printf("# seed %" G_GUINT64_FORMAT ":\n", world.seed);
        say(format, arguments);
        va_end(arguments);
    }
    world.failed = true;
}

bool world_failed(void)
{
    return world.failed;
}
