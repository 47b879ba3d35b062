/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "told.h"

#include "memory-vfs.h"
#include "peer/error.h"

static void told_published(const OutboxReading *reading, gpointer data)
{
    g_array_append_val(((Told *) data)->published, reading->sequence);
}

static void told_received(const HistoryReading *reading, gpointer data)
{
    g_array_append_val(((Told *) data)->received, reading->sequence);
}

static void told_changed(gpointer data)
{
    ((Told *) data)->changes++;
}

const StoreOps told_ops = {
    .received = told_received, .published = told_published, .changed = told_changed};

void told_done(guint64 sequence, const GError *error, gpointer data)
{
    Told *told = data;

    if (g_error_matches(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED)) {
        told->refused++;
    } else if (error) {
        g_assert_error(error, PEER_ERROR, PEER_ERROR_FAILED);
        told->failures++;
    } else {
        g_array_append_val(told->done, sequence);
    }
}

void told_begin(Told *told)
{
    *told = (Told){.published = g_array_new(FALSE, FALSE, sizeof(guint64)),
                   .received = g_array_new(FALSE, FALSE, sizeof(guint64)),
                   .done = g_array_new(FALSE, FALSE, sizeof(guint64))};
}

void told_clear(Told *told)
{
    g_array_unref(told->published);
    g_array_unref(told->received);
    g_array_unref(told->done);
}

Store *told_open_with(Told *told, const char *boot, StoreLimits limits)
{
    StoreSettings settings = {
        .path = "store", .vfs = MEMORY_VFS, .manual = true, .boot = boot, .limits = limits};

    return store_open(&settings, &told_ops, told);
}

Store *told_open(Told *told)
{
    return told_open_with(told, "boot", (StoreLimits){.outbox = 1000, .history = 1000});
}

Store *told_begin_store(Told *told)
{
    memory_vfs_reset();
    told_begin(told);
    return told_open(told);
}

Reading told_number(const char *series, double value)
{
    return (Reading){.series = series, .unit = "", .time = 7, .number = value};
}

void told_publish(Store *store, Told *told, const char *series, double value)
{
    Reading reading = told_number(series, value);

    g_assert_true(store_publish(store, &reading, told_done, told, NULL));
}

const StoreEmitter told_kitchen = {"kitchen", "sha-256 AA", "e1", true};

void told_receive(Store *store, Told *told, const StoreEmitter *emitter, const char *series,
                  guint64 first, guint count)
{
    g_autofree EmittedReading *readings = g_new0(EmittedReading, count);

    for (guint i = 0; i < count; i++)
        readings[i] = (EmittedReading){first + i, first + i, told_number(series, first + i)};
    store_receive(store, emitter, readings, count, first + count - 1, false, 1000 * first,
                  told_done, told);
}

bool told_collect_outbox(const OutboxReading *reading, gpointer data)
{
    OutboxReading copy = *reading;

    copy.reading.series = g_intern_string(reading->reading.series);
    g_array_append_val(data, copy);
    return true;
}

GArray *told_outbox(Store *store, guint64 after, guint max)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(OutboxReading));

    store_read_outbox(store, after, max, told_collect_outbox, found);
    return found;
}

bool told_collect_history(const HistoryReading *reading, gpointer data)
{
    HistoryReading copy = *reading;

    copy.peer = g_intern_string(reading->peer);
    copy.reading.series = g_intern_string(reading->reading.series);
    g_array_append_val(data, copy);
    return true;
}

void told_expect(Store *store, guint64 after, guint max, const HistoryFilter *filter, guint64 lost,
                 guint count, ...)
{
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(HistoryReading));
    va_list expected;

    g_assert_cmpuint(store_read_history(store, after, max, filter, told_collect_history, found), ==,
                     lost);
    g_assert_cmpuint(found->len, ==, count);
    va_start(expected, count);
    for (guint i = 0; i < count; i++)
        g_assert_cmpuint(g_array_index(found, HistoryReading, i).sequence, ==,
                         va_arg(expected, guint));
    va_end(expected);
}

static void add_missed(const SeriesReport *series, gpointer data)
{
    ((Told *) data)->missed += series->missed;
    g_assert_cmpuint(series->received, >, 0);
}

guint64 told_missed(Store *store, Told *told)
{
    told->missed = 0;
    store_list_series(store, add_missed, told);
    return told->missed;
}
