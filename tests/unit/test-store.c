/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The store of readings: what is in it, and what is left when it is killed, cut off, full or
 * damaged. */

#include <config.h>

#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory-vfs.h"
#include "peer/error.h"
#include "peer/readings/store.h"

typedef struct {
    GArray *published, *received; /* of guint64: sequences that were told */
    GArray *done;
    guint failures, changes;
    guint64 missed;
} Told;

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

static const StoreOps ops = {
    .received = told_received, .published = told_published, .changed = told_changed};

static void on_done(guint64 sequence, const GError *error, gpointer data)
{
    Told *told = data;

    if (error) {
        g_assert_error(error, PEER_ERROR, PEER_ERROR_FAILED);
        told->failures++;
    } else {
        g_array_append_val(told->done, sequence);
    }
}

static void told_begin(Told *told)
{
    *told = (Told){.published = g_array_new(FALSE, FALSE, sizeof(guint64)),
                   .received = g_array_new(FALSE, FALSE, sizeof(guint64)),
                   .done = g_array_new(FALSE, FALSE, sizeof(guint64))};
}

static void told_clear(Told *told)
{
    g_array_unref(told->published);
    g_array_unref(told->received);
    g_array_unref(told->done);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Told, told_clear)

static Store *open_with(Told *told, const char *boot, StoreLimits limits)
{
    StoreSettings settings = {
        .path = "store", .vfs = MEMORY_VFS, .manual = true, .boot = boot, .limits = limits};

    return store_open(&settings, &ops, told);
}

static Store *open_default(Told *told)
{
    return open_with(told, "boot", (StoreLimits){.outbox = 1000, .history = 1000});
}

static Store *begin(Told *told)
{
    memory_vfs_reset();
    told_begin(told);
    return open_default(told);
}

static Reading number_of(const char *series, double value)
{
    return (Reading){.series = series, .unit = "", .time = 7, .number = value};
}

static void publish(Store *store, Told *told, const char *series, double value)
{
    Reading reading = number_of(series, value);

    g_assert_true(store_publish(store, &reading, on_done, told, NULL));
}

static const StoreEmitter kitchen = {"kitchen", "sha-256 AA", "e1", true};

/* COUNT numbers of SERIES from sequence and place FIRST on, each its own value */
static void receive(Store *store, Told *told, const StoreEmitter *emitter, const char *series,
                    guint64 first, guint count)
{
    g_autofree EmittedReading *readings = g_new0(EmittedReading, count);

    for (guint i = 0; i < count; i++)
        readings[i] = (EmittedReading){first + i, first + i, number_of(series, first + i)};
    store_receive(store, emitter, readings, count, first + count - 1, false, 1000 * first, on_done,
                  told);
}

static bool collect_outbox(const OutboxReading *reading, gpointer data)
{
    OutboxReading copy = *reading;

    copy.reading.series = g_intern_string(reading->reading.series);
    g_array_append_val(data, copy);
    return true;
}

static GArray *read_outbox(Store *store, guint64 after, guint max)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(OutboxReading));

    store_read_outbox(store, after, max, collect_outbox, found);
    return found;
}

static bool collect_history(const HistoryReading *reading, gpointer data)
{
    HistoryReading copy = *reading;

    copy.peer = g_intern_string(reading->peer);
    copy.reading.series = g_intern_string(reading->reading.series);
    g_array_append_val(data, copy);
    return true;
}

/* Checks that what is read has these sequences. */
static void expect_history(Store *store, guint64 after, guint max, const HistoryFilter *filter,
                           guint64 lost, guint count, ...)
{
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(HistoryReading));
    va_list expected;

    g_assert_cmpuint(store_read_history(store, after, max, filter, collect_history, found), ==,
                     lost);
    g_assert_cmpuint(found->len, ==, count);
    va_start(expected, count);
    for (guint i = 0; i < count; i++)
        g_assert_cmpuint(g_array_index(found, HistoryReading, i).sequence, ==,
                         va_arg(expected, guint));
    va_end(expected);
}

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
    copy = number_of("", INFINITY);
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
    g_autoptr(Store) store = begin(&told);
    g_autoptr(GArray) found = NULL, last = g_array_new(FALSE, FALSE, sizeof(OutboxReading));
    Reading text = {
        .series = "note", .unit = "u", .kind = READING_TEXT, .data = "hello", .length = 5};

    publish(store, &told, "a", 1);
    publish(store, &told, "", 2);
    publish(store, &told, "a", 3);
    g_assert_true(store_publish(store, &text, on_done, &told, NULL));
    g_assert_cmpuint(store_published(store), ==, 0); /* nobody sees what is not committed */
    g_assert_cmpuint(told.done->len, ==, 0);
    store_commit(store);
    g_assert_cmpuint(store_published(store), ==, 4);
    g_assert_cmpuint(told.done->len, ==, 4);
    g_assert_cmpuint(told.published->len, ==, 4);
    found = read_outbox(store, 1, 2);
    g_assert_cmpuint(found->len, ==, 2);
    g_assert_cmpuint(g_array_index(found, OutboxReading, 0).sequence, ==, 2);
    g_assert_cmpuint(g_array_index(found, OutboxReading, 0).nth, ==, 1);
    g_assert_cmpuint(g_array_index(found, OutboxReading, 1).nth, ==, 2);
    g_assert_cmpuint(g_array_index(found, OutboxReading, 1).previous, ==, 2);
    g_assert_cmpstr(g_array_index(found, OutboxReading, 1).reading.series, ==, "a");
    store_read_last(store, collect_outbox, last);
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
    store = open_with(&told, "boot", (StoreLimits){.outbox = 10, .history = 10});
    publish(store, &told, "old", 1);
    for (guint i = 0; i < 25; i++)
        publish(store, &told, "new", i);
    store_commit(store);
    found = read_outbox(store, 0, 0);
    g_assert_cmpuint(found->len, ==, 10);
    g_assert_cmpuint(g_array_index(found, OutboxReading, 0).sequence, ==, 17);
    g_assert_cmpuint(store_outbox_missed(store, 0), ==, 16);
    g_assert_cmpuint(store_outbox_missed(store, 15), ==, 1);
    g_assert_cmpuint(store_outbox_missed(store, 16), ==, 0);
    store_read_last(store, collect_outbox, last);
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
    Reading more = number_of("more", 1);

    memory_vfs_reset();
    told_begin(&told);
    store = open_with(&told, "boot", (StoreLimits){.outbox = STORE_MAX_PUBLISHED, .history = 10});
    for (guint i = 0; i < STORE_MAX_PUBLISHED; i++) {
        g_autofree char *name = g_strdup_printf("s%u", i);

        publish(store, &told, name, i);
    }
    store_commit(store);
    g_assert_false(store_publish(store, &more, NULL, NULL, &error));
    g_assert_error(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED);
    publish(store, &told, "s7", 1);
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
    g_autoptr(Store) store = begin(&told);
    guint64 cursor;

    g_assert_false(store_cursor(store, kitchen.fingerprint, "e1", &cursor));
    receive(store, &told, &kitchen, "t", 1, 5);
    g_assert_true(store_cursor(store, kitchen.fingerprint, "e1", &cursor));
    g_assert_cmpuint(cursor, ==, 5); /* with what is waiting */
    receive(store, &told, &kitchen, "t", 3, 5);
    store_commit(store);
    receive(store, &told, &kitchen, "t", 1, 7);
    store_commit(store);
    expect_history(store, 0, 0, NULL, 0, 7, 1, 2, 3, 4, 5, 6, 7);
    g_assert_cmpuint(told.received->len, ==, 7);
    g_assert_cmpuint(told.done->len, ==, 3);
    g_assert_true(store_has_heard(store, kitchen.fingerprint));
    g_assert_false(store_has_heard(store, "sha-256 BB"));
}

static void add_missed(const SeriesReport *series, gpointer data)
{
    ((Told *) data)->missed += series->missed;
    g_assert_cmpuint(series->received, >, 0);
}

static guint64 missed(Store *store, Told *told)
{
    told->missed = 0;
    store_list_series(store, add_missed, told);
    return told->missed;
}

static void test_missed(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = begin(&told);
    EmittedReading greeting[] = {{40, 30, number_of("t", 1)}, {50, 4, number_of("u", 2)}};
    StoreEmitter renewed = {"kitchen", "sha-256 AA", "e2", true};

    store_receive(store, &kitchen, greeting, 2, 60, true, 5, on_done, &told);
    store_commit(store);
    g_assert_cmpuint(missed(store, &told), ==, 0); /* nothing before a newcomer came */
    receive(store, &told, &kitchen, "u", 61, 1);   /* its 61st: 56 are missed */
    store_commit(store);
    g_assert_cmpuint(missed(store, &told), ==, 56);
    receive(store, &told, &kitchen, "u", 62, 3);
    store_commit(store);
    g_assert_cmpuint(missed(store, &told), ==, 56);
    receive(store, &told, &renewed, "u", 3, 1); /* of a new epoch: two more */
    store_commit(store);
    g_assert_cmpuint(missed(store, &told), ==, 58);
}

static void test_history(void)
{
    g_auto(Told) told = {};
    Store *store;
    StoreEmitter cellar = {"cellar", "sha-256 BB", "x", true};
    HistoryReading number;

    memory_vfs_reset();
    told_begin(&told);
    store = open_with(&told, "boot", (StoreLimits){.outbox = 10, .history = 6});
    receive(store, &told, &kitchen, "", 1, 4);   /* 1…4 */
    receive(store, &told, &cellar, "t", 10, 4);  /* 5…8 */
    receive(store, &told, &kitchen, "t", 20, 2); /* 9, 10 */
    store_commit(store);
    expect_history(store, 0, 0, NULL, 4, 6, 5, 6, 7, 8, 9, 10);
    expect_history(store, 7, 2, NULL, 0, 2, 8, 9);
    expect_history(store, 2, 0, NULL, 2, 6, 5, 6, 7, 8, 9, 10);
    expect_history(store, G_MAXUINT32, 0, NULL, 0, 0);
    expect_history(store, 0, 0, &(HistoryFilter){.peer = "kitchen"}, 4, 2, 9, 10);
    expect_history(store, 0, 0, &(HistoryFilter){.peer = "sha-256 BB"}, 0, 4, 5, 6, 7, 8);
    expect_history(store, 0, 0, &(HistoryFilter){.series = "t"}, 0, 6, 5, 6, 7, 8, 9, 10);
    expect_history(store, 0, 0, &(HistoryFilter){.series = "t", .since = 20000}, 0, 2, 9, 10);
    expect_history(store, 0, 0, &(HistoryFilter){.peer = "cellar", .last = 2}, 0, 2, 7, 8);
    expect_history(store, 7, 0, &(HistoryFilter){.peer = "cellar", .last = 2}, 0, 1, 8);
    expect_history(store, 0, 0, &(HistoryFilter){.numbers = true}, 4, 0);
    expect_history(store, 3, 0, &(HistoryFilter){.numbers = true}, 1, 0);
    g_assert_cmpuint(store_numbers(store), ==, 4);
    g_assert_true(store_last_number(store, &number)); /* though it has left the history */
    g_assert_cmpfloat(number.reading.number, ==, 4);
    g_assert_cmpuint(number.sequence, ==, 4);
    store_close(store);
    store = open_with(&told, "boot", (StoreLimits){.outbox = 10, .history = 6});
    g_assert_true(store_last_number(store, &number));
    g_assert_cmpstr(number.peer, ==, "kitchen");
    expect_history(store, 3, 0, &(HistoryFilter){.numbers = true}, 1, 0);
    receive(store, &told, &kitchen, "", 30, 1);
    store_set_limits(store, &(StoreLimits){.outbox = 1, .history = 2});
    expect_history(store, 0, 0, NULL, 9, 2, 10, 11);
    store_close(store);
}

static void test_history_time(void)
{
    g_auto(Told) told = {};
    Store *store;

    memory_vfs_reset();
    told_begin(&told);
    store =
        open_with(&told, "boot", (StoreLimits){.outbox = 1, .history = 100, .history_time = 10000});
    receive(store, &told, &kitchen, "", 1, 1);
    receive(store, &told, &kitchen, "", 15, 1);
    store_commit(store);
    store_expire(store, 11000);
    expect_history(store, 0, 0, NULL, 0, 2, 1, 2);
    store_expire(store, 11001);
    expect_history(store, 0, 0, NULL, 1, 1, 2);
    store_expire(store, 100000);
    expect_history(store, 0, 0, NULL, 2, 0);
    receive(store, &told, &kitchen, "", 200, 1);
    store_commit(store);
    expect_history(store, 0, 0, NULL, 2, 1, 3);
    store_close(store);
}

/* Numbers of foreign peers have no cursor. */
static void test_foreign(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = begin(&told);
    StoreEmitter foreign = {"1234", "", "", false};
    EmittedReading one = {0, 0, number_of("", 5)};

    for (guint i = 0; i < 3; i++)
        store_receive(store, &foreign, &one, 1, 0, false, 1, NULL, NULL);
    store_commit(store);
    expect_history(store, 0, 0, &(HistoryFilter){.peer = "1234"}, 0, 3, 1, 2, 3);
    g_assert_cmpuint(missed(store, &told), ==, 0);
}

static void count_series(const SeriesReport *series, gpointer data)
{
    ++*(guint *) data;
}

/* Strangers have a share, and cannot take a known peer's. */
static void test_strangers(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = begin(&told);
    guint count = 0;
    guint64 cursor;

    receive(store, &told, &kitchen, "t", 1, 1);
    store_commit(store);
    for (guint i = 0; i < 5000; i++) {
        g_autofree char *key = g_strdup_printf("sha-256 %04x", i);
        g_autofree char *name = g_strdup_printf("s%u", i);
        StoreEmitter stranger = {key, key, "e", false};

        receive(store, &told, &stranger, name, 1, 1);
        if (i % 50 == 0)
            store_commit(store);
    }
    store_commit(store);
    g_assert_true(store_cursor(store, kitchen.fingerprint, "e1", &cursor));
    g_assert_true(store_cursor(store, "sha-256 1387", "e", &cursor)); /* the last of them */
    g_assert_false(store_cursor(store, "sha-256 0003", "e", &cursor));
    store_list_series(store, count_series, &count);
    g_assert_cmpuint(count, <=, 2048 + 1);
    g_assert_cmpuint(count, >=, 1000);
}

static void test_epochs(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = begin(&told);
    guint64 cursor;

    for (guint i = 0; i < 100; i++) {
        g_autofree char *epoch = g_strdup_printf("epoch %u", i);
        StoreEmitter emitter = {"kitchen", "sha-256 AA", epoch, true};

        receive(store, &told, &emitter, "t", 1, 1);
        store_commit(store);
    }
    g_assert_false(store_cursor(store, "sha-256 AA", "epoch 95", &cursor));
    g_assert_true(store_cursor(store, "sha-256 AA", "epoch 96", &cursor));
    g_assert_true(store_cursor(store, "sha-256 AA", "epoch 99", &cursor));
}

/* ---- what stays ------------------------------------------------------------------------------ */

static void test_reopen(void)
{
    g_auto(Told) told = {};
    Store *store = begin(&told);
    g_autofree char *epoch = g_strdup(store_epoch(store));
    g_autofree char *id = g_strdup(store_history_id(store));
    guint64 cursor;

    g_assert_cmpstr(epoch, !=, id);
    for (guint round = 0; round < 6; round++) {
        publish(store, &told, "a", round);
        receive(store, &told, &kitchen, "t", round + 1, 1);
        store_commit(store);
        publish(store, &told, "a", 100); /* is never committed if the process is killed */
        if (round % 2) {
            g_array_set_size(told.done, 0);
            store_kill(store);
        } else {
            store_close(store);
        }
        store = open_with(&told,
                          round < 4   ? "boot"
                          : round < 5 ? "second"
                                      : "third",
                          (StoreLimits){.outbox = 1000, .history = 1000});
        g_assert_cmpstr(store_epoch(store), ==, epoch);
        g_assert_cmpstr(store_history_id(store), ==, id);
        g_assert_true(store_cursor(store, kitchen.fingerprint, "e1", &cursor));
        g_assert_cmpuint(cursor, ==, round + 1);
    }
    /* Six rounds, three of them with two; the last one was killed, and the machine restarted. */
    g_assert_cmpuint(store_published(store), >, 9);
    expect_history(store, 0, 0, NULL, 0, 6, 1, 2, 3, 4, 5, 6);
    publish(store, &told, "a", 7);
    receive(store, &told, &kitchen, "t", 7, 1);
    store_commit(store);
    {
        g_autoptr(GArray) found = read_outbox(store, 0, 0);
        const OutboxReading *last = &g_array_index(found, OutboxReading, found->len - 1);

        g_assert_cmpuint(found->len, ==, 10);
        g_assert_cmpuint(last->previous, ==, 9); /* what was skipped was not */
        g_assert_cmpuint(last->sequence, >, 10);
        g_assert_cmpuint(last->nth, ==, 10);
        g_assert_cmpuint(store_outbox_missed(store, 0), ==, 0);
    }
    expect_history(store, 6, 0, NULL, 0, 1, (guint) store_received(store));
    store_close(store);
}

/* A reading that anybody has seen is the only one that ever has its sequence, and a cursor is never
 * beyond what is in the history: whatever of the writes has come to the disk. */
static void power_cuts(guint32 seed)
{
    g_auto(Told) told = {};
    Store *store = begin(&told);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    g_autoptr(GRand) chance = g_rand_new_with_seed(seed);
    guint value = 0;

    for (guint round = 0; round < 12; round++) {
        g_autofree char *boot = g_strdup_printf("boot %u", round);
        guint64 cursor = 0;
        guint steps = (guint) g_rand_int_range(chance, 1, 60);

        for (guint step = 0; step < steps; step++) {
            guint64 key;

            store_cursor(store, kitchen.fingerprint, "e1", &cursor);
            receive(store, &told, &kitchen, "t", cursor + 1, 3);
            publish(store, &told, "a", ++value);
            store_commit(store);
            key = store_published(store);
            g_assert_false(g_hash_table_contains(seen, &key));
            g_hash_table_insert(seen, g_memdup2(&key, sizeof key), GUINT_TO_POINTER(value));
        }
        store_kill(store);
        memory_vfs_cut_power("store", g_rand_int(chance));
        store = open_with(&told, boot, (StoreLimits){.outbox = 100, .history = 100000});
        g_assert_null(store_problem(store));
        {
            g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(HistoryReading));

            store_read_history(store, 0, 0, NULL, collect_history, found);
            store_cursor(store, kitchen.fingerprint, "e1", &cursor);
            g_assert_cmpuint(found->len, ==, cursor);
            for (guint i = 0; i < found->len; i++)
                g_assert_cmpfloat(g_array_index(found, HistoryReading, i).reading.number, ==,
                                  i + 1);
        }
        g_assert_cmpuint(missed(store, &told), ==, 0);
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
    Store *store = begin(&told);
    g_autofree char *epoch = g_strdup(store_epoch(store));
    g_autofree char *big = g_strnfill(READING_MAX_VALUE, 'x');
    Reading reading = {
        .series = "b", .unit = "", .kind = READING_BYTES, .data = big, .length = READING_MAX_VALUE};
    guint64 last, cursor;

    receive(store, &told, &kitchen, "t", 1, 2);
    store_commit(store);
    memory_vfs_set_room(400000);
    for (guint i = 0; i < 100 && told.failures == 0; i++) {
        g_assert_true(store_publish(store, &reading, on_done, &told, NULL));
        store_commit(store);
    }
    g_assert_cmpuint(told.failures, ==, 1);
    g_assert_nonnull(store_problem(store));
    g_assert_cmpuint(told.changes, ==, 1);
    last = store_published(store);
    receive(store, &told, &kitchen, "t", 3, 1);
    g_assert_true(store_publish(store, &reading, on_done, &told, NULL));
    store_commit(store);
    g_assert_cmpuint(told.failures, ==, 3);
    g_assert_cmpuint(store_published(store), ==, last);
    g_assert_true(store_cursor(store, kitchen.fingerprint, "e1", &cursor));
    g_assert_cmpuint(cursor, ==, 2);
    expect_history(store, 0, 0, NULL, 0, 2, 1, 2);
    memory_vfs_set_room(0);
    g_assert_true(store_publish(store, &reading, on_done, &told, NULL));
    receive(store, &told, &kitchen, "t", 3, 1);
    store_commit(store);
    g_assert_null(store_problem(store));
    g_assert_cmpuint(store_published(store), ==, last + 1);
    expect_history(store, 0, 0, NULL, 0, 3, 1, 2, 3);
    g_assert_cmpstr(store_epoch(store), ==, epoch);
    store_close(store);
}

/* One that is full when it is opened can be read, and goes on later. */
static void test_open_full(void)
{
    g_auto(Told) told = {};
    Store *store = begin(&told);

    receive(store, &told, &kitchen, "t", 1, 2);
    store_commit(store);
    store_close(store);
    memory_vfs_set_room(1);
    store = open_default(&told);
    expect_history(store, 0, 0, NULL, 0, 2, 1, 2);
    receive(store, &told, &kitchen, "t", 3, 1);
    store_commit(store);
    g_assert_cmpuint(told.failures, ==, 1);
    memory_vfs_set_room(0);
    receive(store, &told, &kitchen, "t", 3, 1);
    store_commit(store);
    expect_history(store, 0, 0, NULL, 0, 3, 1, 2, 3);
    g_assert_null(store_problem(store));
    store_close(store);
}

/* ---- on a disk --------------------------------------------------------------------------------- */

typedef struct {
    char *folder, *path;
} Place;

static void place_begin(Place *place)
{
    place->folder = g_dir_make_tmp("store-XXXXXX", NULL);
    place->path = g_build_filename(place->folder, "readings.db", NULL);
}

static guint place_count(const Place *place, const char *containing)
{
    g_autoptr(GDir) dir = g_dir_open(place->folder, 0, NULL);
    const char *name;
    guint count = 0;

    while ((name = g_dir_read_name(dir)))
        count += strstr(name, containing) && !g_str_has_suffix(name, "-wal");
    return count;
}

static void place_clear(Place *place)
{
    g_autoptr(GDir) dir = g_dir_open(place->folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(place->folder, name, NULL);

        g_remove(path);
    }
    g_rmdir(place->folder);
    g_free(place->folder);
    g_free(place->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static Store *open_place(const Place *place, Told *told)
{
    StoreSettings settings = {
        .path = place->path, .manual = true, .limits = {.outbox = 65536, .history = 65536}};

    return store_open(&settings, &ops, told);
}

/* In the child: publishes until it is killed, and says what has been promised. */
static void publish_for_ever(const Place *place, int fd)
{
    Told told;
    Store *store;

    told_begin(&told);
    store = open_place(place, &told);
    for (;;) {
        for (guint i = 0; i < 5; i++)
            publish(store, &told, "a", 1);
        receive(store, &told, &kitchen, "t", store_received(store) + 1, 4);
        store_commit(store);
        for (guint i = 0; i < told.published->len; i++) {
            if (write(fd, &g_array_index(told.published, guint64, i), sizeof(guint64)) < 0)
                _exit(1);
        }
        g_array_set_size(told.published, 0);
        g_array_set_size(told.received, 0);
        g_array_set_size(told.done, 0);
    }
}

static guint64 kill_after(const Place *place, guint count)
{
    guint64 promised = 0, sequence;
    int fds[2], status;
    pid_t child;

    g_assert_cmpint(pipe(fds), ==, 0);
    child = fork();
    if (child == 0) {
        close(fds[0]);
        publish_for_ever(place, fds[1]);
    }
    close(fds[1]);
    while (count-- > 0 && read(fds[0], &sequence, sizeof sequence) == sizeof sequence)
        promised = sequence;
    g_assert_cmpint(kill(child, SIGKILL), ==, 0);
    while (read(fds[0], &sequence, sizeof sequence) == sizeof sequence)
        promised = sequence;
    close(fds[0]);
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFSIGNALED(status));
    return promised;
}

static void test_kill(void)
{
    g_auto(Place) place = {};
    guint64 before = 0;

    place_begin(&place);
    for (guint round = 0; round < 12; round++) {
        guint64 promised = kill_after(&place, 37 * (round + 1));
        g_auto(Told) told = {};
        g_autoptr(Store) store = NULL;
        g_autoptr(GArray) found = NULL;
        guint64 cursor;

        told_begin(&told);
        store = open_place(&place, &told);
        g_assert_null(store_problem(store));
        found = read_outbox(store, 0, 0);
        g_assert_cmpuint(promised, >, before);
        g_assert_cmpuint(store_published(store), >=, promised);
        g_assert_cmpuint(found->len, ==, store_published(store)); /* none skipped, none twice */
        g_assert_true(store_cursor(store, kitchen.fingerprint, "e1", &cursor));
        g_assert_cmpuint(cursor, ==, store_received(store));
        before = store_published(store);
    }
}

static void spoil(const Place *place, gsize offset, const char *bytes, gsize length)
{
    FILE *file = fopen(place->path, "r+");

    g_assert(file);
    g_assert_cmpint(fseek(file, (long) offset, SEEK_SET), ==, 0);
    g_assert_cmpuint(fwrite(bytes, 1, length, file), ==, length);
    fclose(file);
}

static void fill_place(const Place *place)
{
    g_auto(Told) told = {};
    Store *store;

    told_begin(&told);
    store = open_place(place, &told);
    for (guint i = 0; i < 2000; i++)
        publish(store, &told, "a", i);
    receive(store, &told, &kitchen, "t", store_received(store) + 1, 2000);
    store_commit(store);
    store_close(store);
}

static void spoil_header(const Place *place)
{
    spoil(place, 0, "This is no data base", 20);
}

static void spoil_page(const Place *place)
{
    g_autofree char *junk = g_strnfill(4096, 'j');

    for (gsize page = 2; page < 12; page++)
        spoil(place, page * 4096, junk, 4096);
}

static void spoil_length(const Place *place)
{
    g_assert_cmpint(truncate(place->path, 9000), ==, 0);
}

static void spoil_text(const Place *place)
{
    g_assert_true(g_file_set_contents(place->path, "readings\n", -1, NULL));
}

static void spoil_version(const Place *place)
{
    spoil(place, 60, "\0\0\0\x09", 4); /* PRAGMA user_version */
}

static void test_damaged(void)
{
    void (*const spoilers[])(const Place *) = {spoil_header, spoil_page, spoil_length, spoil_text,
                                               spoil_version};
    g_auto(Place) place = {};

    place_begin(&place);
    for (gsize i = 0; i < G_N_ELEMENTS(spoilers); i++) {
        g_auto(Told) told = {};
        g_autoptr(Store) store = NULL;

        told_begin(&told);
        fill_place(&place);
        spoilers[i](&place);
        store = open_place(&place, &told);
        g_assert_nonnull(strstr(store_problem(store), "damaged-"));
        g_assert_cmpuint(store_published(store), ==, 0);
        g_assert_cmpuint(place_count(&place, "damaged-"), ==, MIN(i + 1, 3));
        publish(store, &told, "a", 1);
        store_commit(store);
        g_assert_cmpuint(told.done->len, ==, 1);
    }
}

static void count_all(Store *store, Told *told)
{
    g_autoptr(GArray) sent G_GNUC_UNUSED = read_outbox(store, 0, 0);
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(HistoryReading));

    store_read_history(store, 0, 0, NULL, collect_history, found);
    store_list_series(store, add_missed, told);
}

/* Whatever is in the file, it can be opened, read and written; it may have to be begun anew. */
static void test_damaged_at_random(void)
{
    g_auto(Place) place = {};
    g_autofree char *good = NULL;
    gsize length;

    place_begin(&place);
    fill_place(&place);
    g_assert_true(g_file_get_contents(place.path, &good, &length, NULL));
    for (guint seed = 1; seed <= 60; seed++) {
        g_autoptr(GRand) chance = g_rand_new_with_seed(seed);
        g_autofree char *bad = g_memdup2(good, length);
        g_auto(Told) told = {};
        Store *store;

        for (guint i = 0; i <= seed; i++)
            bad[g_rand_int_range(chance, 0, seed % 2 ? 8192 : (gint) length)] =
                (char) g_rand_int(chance);
        g_assert_true(g_file_set_contents(place.path, bad, (gssize) length, NULL));
        told_begin(&told);
        store = open_place(&place, &told);
        count_all(store, &told);
        publish(store, &told, "a", 1);
        receive(store, &told, &kitchen, "t", 100000, 1);
        store_commit(store);
        g_assert_cmpuint(told.done->len + told.failures, ==, 2);
        g_assert_cmpuint(told.failures, ==, 0);
        count_all(store, &told);
        store_close(store);
    }
}

/* Damage that is seen only when it is read: it is read once, and then begun anew. */
static void test_damaged_later(void)
{
    g_auto(Place) place = {};
    g_auto(Told) told = {};
    g_autoptr(Store) store = NULL;
    g_autoptr(GArray) sent = g_array_new(FALSE, FALSE, sizeof(OutboxReading));
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(HistoryReading));
    g_autofree char *id = NULL, *junk = g_strnfill(4096, 'j');
    g_autofree char *big = g_strnfill(60000, 'x');
    Reading reading = {
        .series = "b", .unit = "", .kind = READING_BYTES, .data = big, .length = 60000};

    place_begin(&place);
    told_begin(&told);
    store = open_place(&place, &told);
    id = g_strdup(store_history_id(store));
    for (guint i = 0; i < 100; i++)
        g_assert_true(store_publish(store, &reading, NULL, NULL, NULL));
    store_commit(store);
    store_close(store);
    store = open_place(&place, &told);
    g_assert_cmpuint(store_published(store), ==, 100);
    for (gsize page = 20; page < 1000; page++)
        spoil(&place, page * 4096, junk, 4096);
    for (guint i = 0; i < 3; i++) /* what is cached is still good */
        publish(store, &told, "a", 1);
    store_read_outbox(store, 0, 0, collect_outbox, sent);
    store_read_history(store, 0, 0, NULL, collect_history, found);
    store_commit(store);
    g_assert_cmpstr(store_history_id(store), !=, id);
    g_assert_cmpuint(told.failures, ==, 0);
    g_assert_cmpuint(told.changes, >, 0);
    g_assert_cmpuint(store_published(store), ==, 3); /* what was given then is in the new one */
}

static void test_no_folder(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = NULL;
    StoreSettings settings = {.path = "/proc/rtcbus/readings.db",
                              .manual = true,
                              .limits = {.outbox = 10, .history = 10}};

    told_begin(&told);
    store = store_open(&settings, &ops, &told);
    g_assert_nonnull(strstr(store_problem(store), "memory only"));
    publish(store, &told, "a", 1);
    receive(store, &told, &kitchen, "t", 1, 2);
    store_commit(store);
    g_assert_cmpuint(told.done->len, ==, 2);
    g_assert_nonnull(store_problem(store));
}

/* What is in memory goes to the disk as it is, once that can be written. */
static void test_return(void)
{
    g_auto(Place) place = {};
    g_auto(Told) told = {};
    Store *store;
    g_autofree char *epoch = NULL, *id = NULL;

    place_begin(&place);
    told_begin(&told);
    g_rmdir(place.folder);
    store = open_place(&place, &told);
    epoch = g_strdup(store_epoch(store));
    id = g_strdup(store_history_id(store));
    publish(store, &told, "a", 1);
    receive(store, &told, &kitchen, "t", 1, 3);
    store_commit(store);
    store_expire(store, 1);
    g_assert_nonnull(strstr(store_problem(store), "memory only"));
    g_assert_cmpint(g_mkdir(place.folder, 0700), ==, 0);
    store_expire(store, 1);
    g_assert_null(store_problem(store));
    publish(store, &told, "a", 2);
    store_commit(store);
    store_kill(store);
    store = open_place(&place, &told);
    g_assert_cmpstr(store_epoch(store), ==, epoch);
    g_assert_cmpstr(store_history_id(store), ==, id);
    g_assert_cmpuint(store_published(store), ==, 2);
    expect_history(store, 0, 0, NULL, 0, 3, 1, 2, 3);
    store_close(store);
    g_assert_cmpuint(place_count(&place, ""), ==, 1);
}

/* Two that count in the same sequences would be worse than one that forgets. */
static void test_two_at_once(void)
{
    g_auto(Place) place = {};
    g_auto(Told) told = {};
    g_autoptr(Store) store = NULL, other = NULL;

    place_begin(&place);
    told_begin(&told);
    store = open_place(&place, &told);
    other = open_place(&place, &told);
    g_assert_null(store_problem(store));
    g_assert_nonnull(strstr(store_problem(other), "another process"));
    publish(store, &told, "a", 1);
    store_close(g_steal_pointer(&store));
    store_expire(other, 1); /* the file of the first goes on */
    g_assert_null(store_problem(other));
    g_assert_cmpuint(store_published(other), ==, 1);
}

/* With its own timers: a thread brings all to the disk, and what is written meanwhile waits. */
static void test_thread(void)
{
    g_auto(Place) place = {};
    g_auto(Told) told = {};
    g_autofree char *journal = NULL;
    Store *store;
    StoreSettings settings = {.limits = {.outbox = 65536, .history = 65536}};
    GStatBuf found;

    place_begin(&place);
    told_begin(&told);
    settings.path = place.path;
    journal = g_strconcat(place.path, "-wal", NULL);
    store = store_open(&settings, &ops, &told);
    for (guint i = 1; i <= 100; i++) {
        for (guint j = 0; j < 2000; j++)
            publish(store, &told, "a", j);
        while (told.done->len < 2000 * i)
            g_main_context_iteration(NULL, TRUE);
    }
    g_assert_cmpuint(told.failures, ==, 0);
    g_assert_cmpuint(store_published(store), ==, 200000);
    g_assert_cmpint(g_stat(journal, &found), ==, 0);
    g_assert_cmpint(found.st_size, <, 64 * 1024 * 1024);
    store_close(store);
    g_assert_cmpuint(place_count(&place, ""), ==, 1); /* its other files are gone */
    store = open_place(&place, &told);
    g_assert_cmpuint(store_published(store), ==, 200000);
    store_close(store);
}

static void test_flat(void)
{
    g_auto(Told) told = {};
    Store *store;
    gsize size = 0;

    memory_vfs_reset();
    told_begin(&told);
    store = open_with(&told, "boot", (StoreLimits){.outbox = 2000, .history = 2000});
    for (guint i = 0; i < 200; i++) {
        for (guint j = 0; j < 100; j++)
            publish(store, &told, "a", j);
        receive(store, &told, &kitchen, "t", 1 + 100 * i, 100);
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
    store = open_with(&told, "boot", (StoreLimits){.outbox = 200, .history = 10});
    for (guint i = 0; i < 200; i++)
        g_assert_true(store_publish(store, &reading, NULL, NULL, NULL));
    store_commit(store);
    store_set_limits(store, &(StoreLimits){.outbox = 1, .history = 10});
    store_close(store);
    size = memory_vfs_size();
    store = open_with(&told, "boot", (StoreLimits){.outbox = 1, .history = 10});
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
    g_test_add_func("/store/strangers", test_strangers);
    g_test_add_func("/store/epochs", test_epochs);
    g_test_add_func("/store/reopen", test_reopen);
    g_test_add_func("/store/power-cuts", test_power_cuts);
    g_test_add_func("/store/full", test_full);
    g_test_add_func("/store/open-full", test_open_full);
    g_test_add_func("/store/kill", test_kill);
    g_test_add_func("/store/damaged", test_damaged);
    g_test_add_func("/store/damaged-at-random", test_damaged_at_random);
    g_test_add_func("/store/damaged-later", test_damaged_later);
    g_test_add_func("/store/no-folder", test_no_folder);
    g_test_add_func("/store/return", test_return);
    g_test_add_func("/store/two-at-once", test_two_at_once);
    g_test_add_func("/store/thread", test_thread);
    g_test_add_func("/store/flat", test_flat);
    g_test_add_func("/store/shrinks", test_shrinks);
    return g_test_run();
}
