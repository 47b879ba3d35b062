/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The store of readings: what is in it, and what is left when it is cut off or full. */

#include <config.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "memory-vfs.h"
#include "peer/error.h"
#include "told.h"

/* ---- one reading ------------------------------------------------------------------------ */

static void test_reading(void)
{
    g_autofree char *big = g_strnfill(READING_MAX_VALUE + 1, 'x');
    Reading good = {.series = "Temperatur küche", .unit = "°C", .kind = READING_TEXT};
    Reading copy = good;

    g_assert_true(reading_check(&good, NULL));
    copy.series = "a\nb";
    g_assert_false(reading_check(&copy, NULL));
    copy.series = "\xc2\x85";
    g_assert_false(reading_check(&copy, NULL));
    copy.series = "\xff";
    g_assert_false(reading_check(&copy, NULL));
    copy.series = "0123456789012345678901234567890123456789012345678901234567890123";
    g_assert_true(reading_check(&copy, NULL));
    copy.series = "01234567890123456789012345678901234567890123456789012345678901234";
    g_assert_false(reading_check(&copy, NULL));
    copy = good;
    copy.unit = "01234567890123456";
    g_assert_false(reading_check(&copy, NULL));
    copy = good;
    copy.time = G_MAXUINT64;
    g_assert_false(reading_check(&copy, NULL));
    copy = told_number("", INFINITY);
    g_assert_false(reading_check(&copy, NULL));
    copy = (Reading){.series = "", .unit = "", .kind = READING_BYTES, .data = big};
    copy.length = READING_MAX_VALUE;
    g_assert_true(reading_check(&copy, NULL));
    copy.length++;
    g_assert_false(reading_check(&copy, NULL));
    copy = (Reading){.series = "", .unit = "", .kind = READING_TEXT, .data = "a\0b", .length = 3};
    g_assert_false(reading_check(&copy, NULL));
}

/* ---- the outbox --------------------------------------------------------------------------- */

static void test_outbox(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = told_begin_store(&told);
    g_autoptr(GArray) found = NULL, last = g_array_new(FALSE, FALSE, sizeof(OutboxReading));
    Reading text = {
        .series = "note", .unit = "u", .kind = READING_TEXT, .data = "hello", .length = 5};

    told_publish(store, &told, "a", 1);
    told_publish(store, &told, "", 2);
    told_publish(store, &told, "a", 3);
    g_assert_true(store_publish(store, &text, told_done, &told, NULL));
    g_assert_cmpuint(store_published(store), ==, 0); /* nobody sees what is not committed */
    g_assert_cmpuint(told.done->len, ==, 0);
    store_commit(store);
    g_assert_cmpuint(store_published(store), ==, 4);
    g_assert_cmpuint(told.done->len, ==, 4);
    g_assert_cmpuint(told.published->len, ==, 4);
    found = told_outbox(store, 1, 2);
    g_assert_cmpuint(found->len, ==, 2);
    g_assert_cmpuint(g_array_index(found, OutboxReading, 0).sequence, ==, 2);
    g_assert_cmpuint(g_array_index(found, OutboxReading, 0).nth, ==, 1);
    g_assert_cmpuint(g_array_index(found, OutboxReading, 1).nth, ==, 2);
    g_assert_cmpuint(g_array_index(found, OutboxReading, 1).previous, ==, 2);
    g_assert_cmpstr(g_array_index(found, OutboxReading, 1).reading.series, ==, "a");
    store_read_last(store, told_collect_outbox, last);
    g_assert_cmpuint(last->len, ==, 3);
    g_assert_cmpuint(g_array_index(last, OutboxReading, 0).sequence, ==, 2);
    g_assert_cmpuint(g_array_index(last, OutboxReading, 2).sequence, ==, 4);
}

static void test_outbox_limit(void)
{
    g_auto(Told) told = {};
    Store *store;
    g_autoptr(GArray) found = NULL, last = g_array_new(FALSE, FALSE, sizeof(OutboxReading));

    memory_vfs_reset();
    told_begin(&told);
    store = told_open_with(&told, "boot", (StoreLimits){.outbox = 10, .history = 10});
    told_publish(store, &told, "old", 1);
    for (guint i = 0; i < 25; i++)
        told_publish(store, &told, "new", i);
    store_commit(store);
    found = told_outbox(store, 0, 0);
    g_assert_cmpuint(found->len, ==, 10);
    g_assert_cmpuint(g_array_index(found, OutboxReading, 0).sequence, ==, 17);
    g_assert_cmpuint(store_outbox_missed(store, 0), ==, 16);
    g_assert_cmpuint(store_outbox_missed(store, 15), ==, 1);
    g_assert_cmpuint(store_outbox_missed(store, 16), ==, 0);
    store_read_last(store, told_collect_outbox, last);
    g_assert_cmpuint(last->len, ==, 2);
    g_assert_cmpstr(g_array_index(last, OutboxReading, 0).reading.series, ==, "old");
    store_close(store);
}

/* Series that nobody can ask for any more make room; others do not. */
static void test_many_series(void)
{
    g_auto(Told) told = {};
    Store *store;
    g_autoptr(GError) error = NULL;
    Reading more = told_number("more", 1);

    memory_vfs_reset();
    told_begin(&told);
    store =
        told_open_with(&told, "boot", (StoreLimits){.outbox = STORE_MAX_PUBLISHED, .history = 10});
    for (guint i = 0; i < STORE_MAX_PUBLISHED; i++) {
        g_autofree char *name = g_strdup_printf("s%u", i);

        told_publish(store, &told, name, i);
    }
    store_commit(store);
    g_assert_false(store_publish(store, &more, NULL, NULL, &error));
    g_assert_error(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED);
    told_publish(store, &told, "s7", 1);
    store_commit(store);
    g_assert_true(store_publish(store, &more, NULL, NULL, NULL)); /* s0 has left the outbox */
    store_commit(store);
    g_assert_cmpuint(store_published(store), ==, STORE_MAX_PUBLISHED + 2);
    store_close(store);
}

/* ---- the history ---------------------------------------------------------------------------- */

static void test_once(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = told_begin_store(&told);
    guint64 cursor;

    g_assert_false(store_cursor(store, told_kitchen.fingerprint, "e1", &cursor));
    told_receive(store, &told, &told_kitchen, "t", 1, 5);
    g_assert_true(store_cursor(store, told_kitchen.fingerprint, "e1", &cursor));
    g_assert_cmpuint(cursor, ==, 5); /* with what is waiting */
    told_receive(store, &told, &told_kitchen, "t", 3, 5);
    store_commit(store);
    told_receive(store, &told, &told_kitchen, "t", 1, 7);
    store_commit(store);
    told_expect(store, 0, 0, NULL, 0, 7, 1, 2, 3, 4, 5, 6, 7);
    g_assert_cmpuint(told.received->len, ==, 7);
    g_assert_cmpuint(told.done->len, ==, 3);
    g_assert_true(store_has_heard(store, told_kitchen.fingerprint));
    g_assert_false(store_has_heard(store, "sha-256 BB"));
}

static void test_missed(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = told_begin_store(&told);
    EmittedReading greeting[] = {{40, 30, told_number("t", 1)}, {50, 4, told_number("u", 2)}};
    StoreEmitter renewed = {"kitchen", "sha-256 AA", "e2", true};

    store_receive(store, &told_kitchen, greeting, 2, 60, true, 5, told_done, &told);
    store_commit(store);
    g_assert_cmpuint(told_missed(store, &told), ==, 0);    /* nothing before a newcomer came */
    told_receive(store, &told, &told_kitchen, "u", 61, 1); /* its 61st: 56 are missed */
    store_commit(store);
    g_assert_cmpuint(told_missed(store, &told), ==, 56);
    told_receive(store, &told, &told_kitchen, "u", 62, 3);
    store_commit(store);
    g_assert_cmpuint(told_missed(store, &told), ==, 56);
    told_receive(store, &told, &renewed, "u", 3, 1); /* of a new epoch: two more */
    store_commit(store);
    g_assert_cmpuint(told_missed(store, &told), ==, 58);
}

static void test_history(void)
{
    g_auto(Told) told = {};
    Store *store;
    StoreEmitter cellar = {"cellar", "sha-256 BB", "x", true};
    HistoryReading number;

    memory_vfs_reset();
    told_begin(&told);
    store = told_open_with(&told, "boot", (StoreLimits){.outbox = 10, .history = 6});
    told_receive(store, &told, &told_kitchen, "", 1, 4);   /* 1…4 */
    told_receive(store, &told, &cellar, "t", 10, 4);       /* 5…8 */
    told_receive(store, &told, &told_kitchen, "t", 20, 2); /* 9, 10 */
    store_commit(store);
    told_expect(store, 0, 0, NULL, 4, 6, 4, 6, 7, 8, 9, 10); /* 1, 2, 3 and 5 */
    told_expect(store, 0, 1, NULL, 3, 1, 4);
    told_expect(store, 4, 1, NULL, 1, 1, 6);
    told_expect(store, 7, 2, NULL, 0, 2, 8, 9);
    told_expect(store, 2, 0, NULL, 2, 6, 4, 6, 7, 8, 9, 10);
    told_expect(store, G_MAXUINT32, 0, NULL, 0, 0);
    told_expect(store, 0, 0, &(HistoryFilter){.peer = "kitchen"}, 3, 3, 4, 9, 10);
    told_expect(store, 0, 0, &(HistoryFilter){.peer = "sha-256 BB"}, 1, 3, 6, 7, 8);
    told_expect(store, 0, 0, &(HistoryFilter){.series = "t"}, 1, 5, 6, 7, 8, 9, 10);
    told_expect(store, 0, 0, &(HistoryFilter){.series = "t", .since = 20000}, 0, 2, 9, 10);
    told_expect(store, 0, 0, &(HistoryFilter){.peer = "cellar", .last = 2}, 0, 2, 7, 8);
    told_expect(store, 7, 0, &(HistoryFilter){.peer = "cellar", .last = 2}, 0, 1, 8);
    told_expect(store, 0, 0, &(HistoryFilter){.numbers = true}, 3, 1, 4);
    told_expect(store, 2, 0, &(HistoryFilter){.numbers = true}, 1, 1, 4);
    told_expect(store, 3, 0, &(HistoryFilter){.numbers = true}, 0, 1, 4); /* 5 was none */
    g_assert_cmpuint(store_numbers(store), ==, 4);
    g_assert_true(store_last_number(store, &number)); /* though it has left the history */
    g_assert_cmpfloat(number.reading.number, ==, 4);
    g_assert_cmpuint(number.sequence, ==, 4);
    store_close(store);
    store = told_open_with(&told, "boot", (StoreLimits){.outbox = 10, .history = 6});
    g_assert_true(store_last_number(store, &number));
    g_assert_cmpstr(number.peer, ==, "kitchen");
    told_expect(store, 3, 0, &(HistoryFilter){.numbers = true}, 0, 1, 4);
    told_receive(store, &told, &told_kitchen, "", 30, 1);
    store_set_limits(store, &(StoreLimits){.outbox = 1, .history = 2});
    told_expect(store, 0, 0, NULL, 9, 2, 8, 11);
    store_close(store);
}

static void test_history_time(void)
{
    g_auto(Told) told = {};
    Store *store;

    memory_vfs_reset();
    told_begin(&told);
    store = told_open_with(&told, "boot",
                           (StoreLimits){.outbox = 1, .history = 100, .history_time = 10000});
    told_receive(store, &told, &told_kitchen, "", 1, 1);
    told_receive(store, &told, &told_kitchen, "", 15, 1);
    store_commit(store);
    store_expire(store, 11000);
    told_expect(store, 0, 0, NULL, 0, 2, 1, 2);
    store_expire(store, 11001);
    told_expect(store, 0, 0, NULL, 1, 1, 2);
    store_expire(store, 100000);
    told_expect(store, 0, 0, NULL, 2, 0);
    told_receive(store, &told, &told_kitchen, "", 200, 1);
    store_commit(store);
    told_expect(store, 0, 0, NULL, 2, 1, 3);
    store_close(store);
}

/* Numbers of foreign peers have no cursor. */
static void test_foreign(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = told_begin_store(&told);
    StoreEmitter foreign = {"1234", "", "", false};
    EmittedReading one = {0, 0, told_number("", 5)};

    for (guint i = 0; i < 3; i++)
        store_receive(store, &foreign, &one, 1, 0, false, 1, NULL, NULL);
    store_commit(store);
    told_expect(store, 0, 0, &(HistoryFilter){.peer = "1234"}, 0, 3, 1, 2, 3);
    g_assert_cmpuint(told_missed(store, &told), ==, 0);
}

/* ---- what stays ------------------------------------------------------------------------------ */

static void test_reopen(void)
{
    g_auto(Told) told = {};
    Store *store = told_begin_store(&told);
    g_autofree char *epoch = g_strdup(store_epoch(store));
    g_autofree char *id = g_strdup(store_history_id(store));
    guint64 cursor;

    g_assert_cmpstr(epoch, !=, id);
    for (guint round = 0; round < 6; round++) {
        told_publish(store, &told, "a", round);
        told_receive(store, &told, &told_kitchen, "t", round + 1, 1);
        store_commit(store);
        told_publish(store, &told, "a", 100); /* is never committed if the process is killed */
        if (round % 2) {
            g_array_set_size(told.done, 0);
            store_kill(store);
        } else {
            store_close(store);
        }
        store = told_open_with(&told,
                               round < 4   ? "boot"
                               : round < 5 ? "second"
                                           : "third",
                               (StoreLimits){.outbox = 1000, .history = 1000});
        g_assert_cmpstr(store_epoch(store), ==, epoch);
        g_assert_cmpstr(store_history_id(store), ==, id);
        g_assert_true(store_cursor(store, told_kitchen.fingerprint, "e1", &cursor));
        g_assert_cmpuint(cursor, ==, round + 1);
    }
    /* Six rounds, three of them with two; the last one was killed, and the machine restarted. */
    g_assert_cmpuint(store_published(store), >, 9);
    told_expect(store, 0, 0, NULL, 0, 6, 1, 2, 3, 4, 5, 6);
    told_publish(store, &told, "a", 7);
    told_receive(store, &told, &told_kitchen, "t", 7, 1);
    store_commit(store);
    {
        g_autoptr(GArray) found = told_outbox(store, 0, 0);
        const OutboxReading *last = &g_array_index(found, OutboxReading, found->len - 1);

        g_assert_cmpuint(found->len, ==, 10);
        g_assert_cmpuint(last->previous, ==, 9); /* what was skipped was not */
        g_assert_cmpuint(last->sequence, >, 10);
        g_assert_cmpuint(last->nth, ==, 10);
        g_assert_cmpuint(store_outbox_missed(store, 0), ==, 0);
    }
    told_expect(store, 6, 0, NULL, 0, 1, (guint) store_received(store));
    store_close(store);
}

/* A reading that anybody has seen is the only one that ever has its sequence, and a cursor is never
 * beyond what is in the history: whatever of the writes has come to the disk. */
static void power_cuts(guint32 seed)
{
    g_auto(Told) told = {};
    Store *store = told_begin_store(&told);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    g_autoptr(GRand) chance = g_rand_new_with_seed(seed);
    guint value = 0;

    for (guint round = 0; round < 12; round++) {
        g_autofree char *boot = g_strdup_printf("boot %u", round);
        guint64 cursor = 0;
        guint steps = (guint) g_rand_int_range(chance, 1, 60);

        for (guint step = 0; step < steps; step++) {
            guint64 key;

            store_cursor(store, told_kitchen.fingerprint, "e1", &cursor);
            told_receive(store, &told, &told_kitchen, "t", cursor + 1, 3);
            told_publish(store, &told, "a", ++value);
            store_commit(store);
            key = store_published(store);
            g_assert_false(g_hash_table_contains(seen, &key));
            g_hash_table_insert(seen, g_memdup2(&key, sizeof key), GUINT_TO_POINTER(value));
        }
        store_kill(store);
        memory_vfs_cut_power("store", g_rand_int(chance));
        store = told_open_with(&told, boot, (StoreLimits){.outbox = 100, .history = 100000});
        g_assert_null(store_problem(store));
        {
            g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(HistoryReading));

            store_read_history(store, 0, 0, NULL, told_collect_history, found);
            store_cursor(store, told_kitchen.fingerprint, "e1", &cursor);
            g_assert_cmpuint(found->len, ==, cursor);
            for (guint i = 0; i < found->len; i++)
                g_assert_cmpfloat(g_array_index(found, HistoryReading, i).reading.number, ==,
                                  i + 1);
        }
        g_assert_cmpuint(told_missed(store, &told), ==, 0);
    }
    store_close(store);
}

static void test_power_cuts(void)
{
    for (guint32 seed = 1; seed <= 60; seed++)
        power_cuts(seed);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

static void test_full(void)
{
    g_auto(Told) told = {};
    Store *store = told_begin_store(&told);
    g_autofree char *epoch = g_strdup(store_epoch(store));
    g_autofree char *big = g_strnfill(READING_MAX_VALUE, 'x');
    Reading reading = {
        .series = "b", .unit = "", .kind = READING_BYTES, .data = big, .length = READING_MAX_VALUE};
    guint64 last, cursor;

    told_receive(store, &told, &told_kitchen, "t", 1, 2);
    store_commit(store);
    memory_vfs_set_room(400000);
    for (guint i = 0; i < 100 && told.failures == 0; i++) {
        g_assert_true(store_publish(store, &reading, told_done, &told, NULL));
        store_commit(store);
    }
    g_assert_cmpuint(told.failures, ==, 1);
    g_assert_nonnull(store_problem(store));
    g_assert_cmpuint(told.changes, ==, 1);
    last = store_published(store);
    told_receive(store, &told, &told_kitchen, "t", 3, 1);
    g_assert_true(store_publish(store, &reading, told_done, &told, NULL));
    store_commit(store);
    g_assert_cmpuint(told.failures, ==, 3);
    g_assert_cmpuint(store_published(store), ==, last);
    g_assert_true(store_cursor(store, told_kitchen.fingerprint, "e1", &cursor));
    g_assert_cmpuint(cursor, ==, 2);
    told_expect(store, 0, 0, NULL, 0, 2, 1, 2);
    memory_vfs_set_room(0);
    g_assert_true(store_publish(store, &reading, told_done, &told, NULL));
    told_receive(store, &told, &told_kitchen, "t", 3, 1);
    store_commit(store);
    g_assert_null(store_problem(store));
    g_assert_cmpuint(store_published(store), ==, last + 1);
    told_expect(store, 0, 0, NULL, 0, 3, 1, 2, 3);
    g_assert_cmpstr(store_epoch(store), ==, epoch);
    store_close(store);
}

/* One that is full when it is opened can be read, and goes on later. */
static void test_open_full(void)
{
    g_auto(Told) told = {};
    Store *store = told_begin_store(&told);

    told_receive(store, &told, &told_kitchen, "t", 1, 2);
    store_commit(store);
    store_close(store);
    memory_vfs_set_room(1);
    store = told_open(&told);
    told_expect(store, 0, 0, NULL, 0, 2, 1, 2);
    told_receive(store, &told, &told_kitchen, "t", 3, 1);
    store_commit(store);
    g_assert_cmpuint(told.failures, ==, 1);
    memory_vfs_set_room(0);
    told_receive(store, &told, &told_kitchen, "t", 3, 1);
    store_commit(store);
    told_expect(store, 0, 0, NULL, 0, 3, 1, 2, 3);
    g_assert_null(store_problem(store));
    store_close(store);
}

static void test_flat(void)
{
    g_auto(Told) told = {};
    Store *store;
    gsize size = 0;

    memory_vfs_reset();
    told_begin(&told);
    store = told_open_with(&told, "boot", (StoreLimits){.outbox = 2000, .history = 2000});
    for (guint i = 0; i < 200; i++) {
        for (guint j = 0; j < 100; j++)
            told_publish(store, &told, "a", j);
        told_receive(store, &told, &told_kitchen, "t", 1 + 100 * i, 100);
        store_commit(store);
        if (i == 80)
            size = memory_vfs_size();
    }
    g_assert_cmpuint(memory_vfs_size(), <=, size + size / 5);
    store_close(store);
}

/* After a time of large readings the disk gets its room back, a piece at a time. */
static void test_shrinks(void)
{
    g_auto(Told) told = {};
    g_autofree char *big = g_strnfill(60000, 'x');
    Reading reading = {
        .series = "b", .unit = "", .kind = READING_BYTES, .data = big, .length = 60000};
    Store *store;
    gsize size;

    memory_vfs_reset();
    told_begin(&told);
    store = told_open_with(&told, "boot", (StoreLimits){.outbox = 200, .history = 10});
    for (guint i = 0; i < 200; i++)
        g_assert_true(store_publish(store, &reading, NULL, NULL, NULL));
    store_commit(store);
    store_set_limits(store, &(StoreLimits){.outbox = 1, .history = 10});
    store_close(store);
    size = memory_vfs_size();
    store = told_open_with(&told, "boot", (StoreLimits){.outbox = 1, .history = 10});
    for (guint i = 0; i < 50; i++)
        store_expire(store, 1);
    store_close(store);
    g_assert_cmpuint(memory_vfs_size(), <, size / 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL); /* faults are warned of */
    g_test_add_func("/store/reading", test_reading);
    g_test_add_func("/store/outbox", test_outbox);
    g_test_add_func("/store/outbox-limit", test_outbox_limit);
    g_test_add_func("/store/many-series", test_many_series);
    g_test_add_func("/store/once", test_once);
    g_test_add_func("/store/missed", test_missed);
    g_test_add_func("/store/history", test_history);
    g_test_add_func("/store/history-time", test_history_time);
    g_test_add_func("/store/foreign", test_foreign);
    g_test_add_func("/store/reopen", test_reopen);
    g_test_add_func("/store/power-cuts", test_power_cuts);
    g_test_add_func("/store/full", test_full);
    g_test_add_func("/store/open-full", test_open_full);
    g_test_add_func("/store/flat", test_flat);
    g_test_add_func("/store/shrinks", test_shrinks);
    return g_test_run();
}
