/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "feed-source.h"

#include "common/clock.h"
#include "peer/readings/feed-tail.h"
#include "peer/readings/store.h"

static struct {
    Store *store;
    FeedTail *tail;
} emitter;

static void on_published(const OutboxReading *reading, gpointer data)
{
    feed_tail_add(emitter.tail, reading);
}

static void on_received(const HistoryReading *reading, gpointer data)
{
}

static void on_changed(gpointer data)
{
}

static const StoreOps store_ops = {
    .published = on_published, .received = on_received, .changed = on_changed};

static const char *on_epoch(gpointer data)
{
    return store_epoch(emitter.store);
}

static guint64 on_newest(gpointer data)
{
    return store_published(emitter.store);
}

static guint64 on_oldest(gpointer data)
{
    return store_outbox_oldest(emitter.store);
}

typedef struct {
    FeedVisitor visit;
    gpointer data;
} Visit;

static bool on_reading(const OutboxReading *reading, gpointer data)
{
    const Visit *visit = data;

    return visit->visit(&(EmittedReading){reading->sequence, reading->nth, reading->reading},
                        visit->data);
}

static void on_read(guint64 after, FeedVisitor visit, gpointer visit_data, gpointer data)
{
    Visit both = {visit, visit_data};

    if (!feed_tail_read(emitter.tail, after, on_reading, &both))
        store_read_outbox(emitter.store, after, 0, on_reading, &both);
}

static void on_read_last(guint64 after, guint64 until, FeedVisitor visit, gpointer visit_data,
                         gpointer data)
{
    Visit both = {visit, visit_data};

    store_read_last_between(emitter.store, after, until, on_reading, &both);
}

static bool on_fork(guint64 sequence, FeedVisitor visit, gpointer visit_data, gpointer data)
{
    return false;
}

const FeedSourceOps feed_source_ops = {.epoch = on_epoch,
                                       .newest = on_newest,
                                       .oldest = on_oldest,
                                       .read = on_read,
                                       .read_last = on_read_last,
                                       .fork = on_fork};

void feed_source_publish(guint64 number)
{
    static const char *const series[] = {"temperature", "humidity", "pressure", "wind"};
    Reading reading = {.series = series[number % 4],
                       .unit = "u",
                       .time = (guint64) clock_wall(),
                       .number = (double) (number * 7919 % 4000) / 100};

    g_assert_true(store_publish(emitter.store, &reading, NULL, NULL, NULL));
}

void feed_source_commit(void)
{
    store_commit(emitter.store);
}

void feed_source_open(const char *path)
{
    emitter.tail = feed_tail_new();
    emitter.store = store_open(
        &(StoreSettings){.path = path, .manual = true, .limits = {.outbox = 65536, .history = 1}},
        &store_ops, NULL);
}

void feed_source_close(void)
{
    store_close(emitter.store);
    feed_tail_free(emitter.tail);
}
