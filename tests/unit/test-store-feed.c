/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What a feed asks of the store: places, greetings, bases, and where sequences forked. */

#include <config.h>

#include <stdbool.h>
#include <string.h>

#include "memory-vfs.h"
#include "peer/readings/store.h"

static void on_published(const OutboxReading *reading, gpointer data)
{
}

static void on_received(const HistoryReading *reading, gpointer data)
{
    g_string_append_printf(data, "%s%g ", reading->reading.series, reading->reading.number);
}

static void on_changed(gpointer data)
{
}

static const StoreOps ops = {
    .published = on_published, .received = on_received, .changed = on_changed};

static const StoreEmitter kitchen = {"kitchen", "sha-256 AA", "e1", true};

static Store *open_store(const char *boot, GString *seen)
{
    StoreSettings settings = {.path = "store",
                              .vfs = MEMORY_VFS,
                              .manual = true,
                              .boot = boot,
                              .limits = {.outbox = 5, .history = 100}};

    return store_open(&settings, &ops, seen);
}

static void publish(Store *store, const char *series, guint count)
{
    for (guint i = 0; i < count; i++)
        g_assert_true(store_publish(store, &(Reading){.series = series, .unit = "", .number = i},
                                    NULL, NULL, NULL));
    store_commit(store);
}

static void take(Store *store, const StoreEmitter *emitter, guint64 sequence, guint64 nth,
                 const char *series, bool greeting)
{
    EmittedReading reading = {
        sequence, nth, {.series = series, .unit = "", .number = (double) sequence}};

    store_receive(store, emitter, &reading, 1, greeting ? 0 : sequence, greeting, 1, NULL, NULL);
}

static void place_newcomer(Store *store, const StoreEmitter *emitter, guint64 cursor)
{
    store_receive(store, emitter, NULL, 0, cursor, false, 1, NULL, NULL);
    store_commit(store);
}

static void on_series(const SeriesReport *series, gpointer data)
{
    g_string_append_printf(data, "%s:%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT " ",
                           series->last.series, series->received, series->missed);
}

static void expect_series(Store *store, const char *expected)
{
    g_autoptr(GString) found = g_string_new(NULL);

    store_commit(store);
    store_list_series(store, on_series, found);
    g_assert_cmpstr(found->str, ==, expected);
}

static void expect_place(Store *store, const char *epoch, guint64 place)
{
    const char *found;
    guint64 sequence;

    g_assert_true(store_place(store, kitchen.fingerprint, &found, &sequence));
    g_assert_cmpstr(found, ==, epoch);
    g_assert_cmpuint(sequence, ==, place);
}

/* A greeting that is cut off is given again, and nothing of it comes twice. */
static void test_greeting(void)
{
    g_autoptr(GString) seen = g_string_new(NULL);
    g_autoptr(Store) store = NULL;
    const char *epoch;
    guint64 sequence;

    memory_vfs_reset();
    store = open_store("1", seen);
    take(store, &kitchen, 0, 30, "a", true);
    take(store, &kitchen, 0, 7, "b", true);
    take(store, &kitchen, 0, 9, "c", true);
    take(store, &kitchen, 40, 30, "a", true);
    store_commit(store);
    g_assert_false(store_place(store, kitchen.fingerprint, &epoch, &sequence));
    store_kill(store);
    store = open_store("1", seen);
    g_assert_false(store_place(store, kitchen.fingerprint, &epoch, &sequence));
    take(store, &kitchen, 0, 30, "a", true);
    take(store, &kitchen, 0, 8, "b", true);
    take(store, &kitchen, 0, 9, "c", true);
    take(store, &kitchen, 40, 30, "a", true);
    take(store, &kitchen, 50, 8, "b", true);
    place_newcomer(store, &kitchen, 51);
    expect_place(store, "e1", 51);
    g_assert_cmpstr(seen->str, ==, "a40 b50 ");
    expect_series(store, "a:1-0 b:1-0 "); /* c has no value yet */
    store_kill(store);
    store = open_store("1", seen);
    take(store, &kitchen, 55, 12, "c", false); /* its 10th and 11th have left the outbox */
    take(store, &kitchen, 56, 31, "a", false);
    take(store, &kitchen, 57, 1, "d", false);
    expect_series(store, "a:2-0 b:1-0 c:1-2 d:1-0 ");
    expect_place(store, "e1", 57);
}

/* Who has heard an emitter that had nothing to say is a listener, and no newcomer. */
static void test_empty(void)
{
    g_autoptr(GString) seen = g_string_new(NULL);
    g_autoptr(Store) store = NULL;

    memory_vfs_reset();
    store = open_store("1", seen);
    place_newcomer(store, &kitchen, 0);
    expect_place(store, "e1", 0);
    store_kill(store);
    store = open_store("1", seen);
    expect_place(store, "e1", 0);
    take(store, &(StoreEmitter){"kitchen", "sha-256 AA", "e2", true}, 1, 1, "a", false);
    store_commit(store);
    expect_place(store, "e2", 1);
}

static bool collect(const OutboxReading *reading, gpointer data)
{
    g_string_append_printf(data, "%s%" G_GUINT64_FORMAT " ", reading->reading.series,
                           reading->sequence);
    return true;
}

static void test_last(void)
{
    g_autoptr(GString) seen = g_string_new(NULL), found = g_string_new(NULL);
    g_autoptr(Store) store = NULL;

    memory_vfs_reset();
    store = open_store("1", seen);
    g_assert_cmpuint(store_outbox_oldest(store), ==, 0);
    publish(store, "a", 2);
    publish(store, "b", 1);
    publish(store, "c", 9);
    publish(store, "a", 1);
    g_assert_cmpuint(store_outbox_oldest(store), ==, 9);
    store_read_last_between(store, 0, 8, collect, found);
    g_assert_cmpstr(found->str, ==, "b3 ");
    store_read_last_between(store, 3, 13, collect, found);
    g_assert_cmpstr(found->str, ==, "b3 c12 a13 ");
}

static bool collect_stand(const char *series, guint64 nth, gpointer data)
{
    g_string_append_printf(data, "%s%" G_GUINT64_FORMAT " ", series, nth);
    return true;
}

/* A listener may have what a power cut has taken from us. */
static void test_fork(void)
{
    g_autoptr(GString) seen = g_string_new(NULL), found = g_string_new(NULL);
    g_autoptr(Store) store = NULL;
    guint64 lost;

    memory_vfs_reset();
    store = open_store("1", seen);
    publish(store, "a", 3);
    publish(store, "b", 2);
    lost = store_published(store) + 1;
    store_kill(store);
    store = open_store("2", seen); /* as if more had been sent before the cut */
    publish(store, "a", 20);
    g_assert_false(store_read_fork(store, lost - 1, collect_stand, found));
    g_assert_true(store_read_fork(store, lost, collect_stand, found));
    g_assert_cmpstr(found->str, ==, "a3 b2 ");
    g_assert_false(store_read_fork(store, store_published(store), collect_stand, found));

    take(store, &kitchen, 5, 5, "a", false);
    take(store, &kitchen, 0, 3, "a", false); /* back to where it was when they forked */
    take(store, &kitchen, 1005, 5, "a", false);
    expect_series(store, "a:2-5 ");           /* the first four, and the one after the fork */
    take(store, &kitchen, 0, 30, "a", false); /* not forward: what lies between is missed */
    take(store, &kitchen, 1040, 31, "a", false);
    expect_series(store, "a:3-30 ");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store-feed/greeting", test_greeting);
    g_test_add_func("/store-feed/empty", test_empty);
    g_test_add_func("/store-feed/last", test_last);
    g_test_add_func("/store-feed/fork", test_fork);
    return g_test_run();
}
