/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What one peer may have of the store, whatever it sends. */

#include <config.h>

#include <stdbool.h>
#include <string.h>

#include "memory-vfs.h"
#include "told.h"

static void count_series(const SeriesReport *series, gpointer data)
{
    ++*(guint *) data;
}

/* Strangers have a share, and cannot take a known peer's. */
static void test_strangers(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = told_begin_store(&told);
    guint count = 0;
    guint64 cursor;

    told_receive(store, &told, &told_kitchen, "t", 1, 1);
    store_commit(store);
    for (guint i = 0; i < 5000; i++) {
        g_autofree char *key = g_strdup_printf("sha-256 %04x", i);
        g_autofree char *name = g_strdup_printf("s%u", i);
        StoreEmitter stranger = {key, key, "e", false};

        told_receive(store, &told, &stranger, name, 1, 1);
        if (i % 50 == 0)
            store_commit(store);
    }
    store_commit(store);
    g_assert_true(store_cursor(store, told_kitchen.fingerprint, "e1", &cursor));
    g_assert_true(store_cursor(store, "sha-256 1387", "e", &cursor)); /* the last of them */
    g_assert_false(store_cursor(store, "sha-256 0003", "e", &cursor));
    store_list_series(store, count_series, &count);
    g_assert_cmpuint(count, <=, 2048 + 1);
    g_assert_cmpuint(count, >=, 1000);
}

/* One series of a stranger that has as many as it may is refused; those of others are not. */
static void test_one_stranger(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = told_begin_store(&told);
    StoreEmitter chatty = {"chatty", "sha-256 CC", "e", false};
    StoreEmitter other = {"other", "sha-256 DD", "e", false}, foreign = {"1234", "", "", false};
    EmittedReading number = {0, 0, told_number("", 5)};
    guint count = 0;

    for (guint i = 1; i <= 3000; i++) {
        g_autofree char *name = g_strdup_printf("s%u", i);

        told_receive(store, &told, &chatty, name, i, 1);
    }
    store_commit(store);
    store_list_series(store, count_series, &count);
    g_assert_cmpuint(count, ==, 256);
    told_receive(store, &told, &other, "t", 1, 1);
    store_receive(store, &foreign, &number, 1, 0, false, 1, NULL, NULL);
    store_commit(store);
    told_expect(store, 256, 0, NULL, 0, 2, 257, 258);
}

/* Strangers under many keys have their places together; who comes then takes one of theirs. */
static void test_many_strangers(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = NULL;
    guint count = 0;

    memory_vfs_reset();
    told_begin(&told);
    store = told_open_with(&told, "boot", (StoreLimits){.outbox = 1, .history = 100000});
    for (guint i = 0; i < 8; i++) {
        g_autofree char *key = g_strdup_printf("sha-256 %02x", i);
        StoreEmitter chatty = {key, key, "e", false};

        for (guint j = 1; j <= 256; j++) {
            g_autofree char *name = g_strdup_printf("s%u", j);

            told_receive(store, &told, &chatty, name, j, 1);
        }
    }
    store_commit(store);
    told_receive(store, &told, &(StoreEmitter){"late", "sha-256 EE", "e", false}, "t", 1, 1);
    store_commit(store);
    told_expect(store, 0, 0, &(HistoryFilter){.peer = "late"}, 1, 1, 2049);
    store_list_series(store, count_series, &count);
    g_assert_cmpuint(count, ==, 2048);
}

/* A place that costs more than a commit may take is there with a later one. */
static void test_much_for_a_place(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = NULL;
    const HistoryFilter late = {.peer = "late"}, first = {.peer = "sha-256 00"};

    memory_vfs_reset();
    told_begin(&told);
    store = told_open_with(&told, "boot", (StoreLimits){.outbox = 1, .history = 100000});
    for (guint i = 0; i < 8; i++) {
        g_autofree char *key = g_strdup_printf("sha-256 %02x", i);
        StoreEmitter chatty = {key, key, "e", false};

        for (guint j = 0; j < 256 * (i == 0 ? 20 : 1); j++) {
            g_autofree char *name = g_strdup_printf("s%u", j % 256);

            told_receive(store, &told, &chatty, name, j + 1, 1);
        }
    }
    store_commit(store);
    for (guint i = 1; i <= 3; i++) {
        g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(HistoryReading));

        told_receive(store, &told, &(StoreEmitter){"late", "sha-256 EE", "e", false}, "t", i, 1);
        told_receive(store, &told, &(StoreEmitter){"next", "sha-256 EF", "e", false}, "t", i, 1);
        store_commit(store);
        store_read_history(store, 0, 0, &late, told_collect_history, kept);
        g_assert_cmpuint(kept->len, ==, i - 1);
        g_array_set_size(kept, 0);
        store_read_history(store, 0, 0, &first, told_collect_history, kept);
        g_assert_cmpuint(kept->len, ==, i == 1 ? 256 * 20 - 4096 : 255);
    }
}

/* Whoever sends much keeps what is left by the others, and takes nothing of theirs. */
static void test_history(void)
{
    g_auto(Told) told = {};
    Store *store = told_begin_store(&told);
    StoreEmitter chatty = {"chatty", "sha-256 CC", "e", false};
    StoreEmitter quiet = {"quiet", "sha-256 DD", "e", false}, foreign = {"1234", "", "", false};
    EmittedReading number = {0, 0, told_number("", 5)};

    told_receive(store, &told, &told_kitchen, "t", 1, 400);
    told_receive(store, &told, &quiet, "t", 1, 3);
    store_receive(store, &foreign, &number, 1, 0, false, 1, NULL, NULL);
    store_commit(store);
    for (guint i = 0; i < 50; i++) {
        told_receive(store, &told, &chatty, "t", 1 + 100 * i, 100);
        store_commit(store);
    }
    for (guint round = 0; round < 2; round++) {
        g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(HistoryReading));
        HistoryFilter filter = {.peer = "kitchen"};

        g_assert_cmpuint(store_read_history(store, 0, 0, &filter, told_collect_history, kept), ==,
                         0);
        g_assert_cmpuint(kept->len, ==, 400);
        told_expect(store, 0, 0, &(HistoryFilter){.peer = "quiet"}, 0, 3, 401, 402, 403);
        told_expect(store, 0, 0, &(HistoryFilter){.peer = "1234"}, 0, 1, 404);
        told_expect(store, 5403, 0, NULL, 0, 1, 5404);
        g_assert_cmpuint(store_read_history(store, 0, 0, NULL, told_collect_history, kept), ==,
                         4404);
        store_close(store);
        store = told_open(&told);
    }
    store_close(store);
}

/* Numbers share their sequences with readings: those that are lost are not lost numbers. */
static void test_lost_numbers(void)
{
    const HistoryFilter numbers = {.numbers = true};
    g_auto(Told) told = {};
    g_autoptr(Store) store = NULL;

    memory_vfs_reset();
    told_begin(&told);
    store = told_open_with(&told, "boot", (StoreLimits){.outbox = 1, .history = 10});
    told_receive(store, &told, &told_kitchen, "", 1, 20); /* 1…20 */
    store_commit(store);
    told_receive(store, &told, &told_kitchen, "t", 21, 20); /* 21…40 */
    store_commit(store);
    told_receive(store, &told, &told_kitchen, "", 41, 5); /* 41…45 */
    told_receive(store, &told, &told_kitchen, "t", 46, 7);
    store_commit(store);
    told_expect(store, 0, 0, &numbers, 22, 3, 43, 44, 45);
    told_expect(store, 15, 0, &numbers, 7, 3, 43, 44, 45);
    told_expect(store, 20, 0, &numbers, 2, 3, 43, 44, 45);
    told_expect(store, 30, 0, &numbers, 2, 3, 43, 44, 45);
    told_expect(store, 43, 0, &numbers, 0, 2, 44, 45);
}

/* What a foreign peer sends while the disk does not take anything is bounded, and counted. */
static void test_waiting_numbers(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = told_begin_store(&told);
    StoreEmitter chatty = {"1", "", "", false}, other = {"2", "", "", false};
    EmittedReading number = {0, 0, told_number("", 5)};

    for (guint i = 0; i < 10000; i++)
        store_receive(store, &chatty, &number, 1, 0, false, 1, NULL, NULL);
    store_receive(store, &other, &number, 1, 0, false, 1, NULL, NULL);
    store_commit(store);
    g_assert_cmpuint(told.received->len, ==, 4096 + 1);
    g_assert_cmpuint(told_missed(store, &told), ==, 10000 - 4096);
    told_expect(store, 4096, 0, NULL, 0, 1, 4097);
    store_receive(store, &chatty, &number, 1, 0, false, 1, NULL, NULL);
    store_commit(store);
    g_assert_cmpuint(told.received->len, ==, 4096 + 2);
}

/* One that has no place for its series fails; what is committed with it does not. */
static void test_published_series(void)
{
    g_auto(Told) told = {};
    Store *store;

    memory_vfs_reset();
    told_begin(&told);
    store = told_open_with(&told, "boot", (StoreLimits){.outbox = 100000, .history = 1});
    for (guint i = 1; i < STORE_MAX_PUBLISHED; i++) {
        g_autofree char *name = g_strdup_printf("s%u", i);

        told_publish(store, &told, name, 1);
    }
    store_commit(store);
    told_publish(store, &told, "one more", 1);
    told_publish(store, &told, "and another", 1);
    told_publish(store, &told, "s1", 2);
    told_receive(store, &told, &told_kitchen, "t", 1, 1);
    store_commit(store);
    g_assert_cmpuint(told.refused, ==, 1);
    g_assert_cmpuint(told.failures, ==, 0);
    g_assert_null(store_problem(store));
    g_assert_cmpuint(told.published->len, ==, STORE_MAX_PUBLISHED + 1);
    g_assert_cmpuint(told.received->len, ==, 1);
    g_assert_cmpuint(store_published(store), ==, STORE_MAX_PUBLISHED + 1);
    store_close(store);
}

static void test_epochs(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = told_begin_store(&told);
    guint64 cursor;

    for (guint i = 0; i < 100; i++) {
        g_autofree char *epoch = g_strdup_printf("epoch %u", i);
        StoreEmitter emitter = {"kitchen", "sha-256 AA", epoch, true};

        told_receive(store, &told, &emitter, "t", 1, 1);
        store_commit(store);
    }
    g_assert_false(store_cursor(store, "sha-256 AA", "epoch 95", &cursor));
    g_assert_true(store_cursor(store, "sha-256 AA", "epoch 96", &cursor));
    g_assert_true(store_cursor(store, "sha-256 AA", "epoch 99", &cursor));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL); /* faults are warned of */
    g_test_add_func("/store-shares/strangers", test_strangers);
    g_test_add_func("/store-shares/one-stranger", test_one_stranger);
    g_test_add_func("/store-shares/many-strangers", test_many_strangers);
    g_test_add_func("/store-shares/much-for-a-place", test_much_for_a_place);
    g_test_add_func("/store-shares/history", test_history);
    g_test_add_func("/store-shares/lost-numbers", test_lost_numbers);
    g_test_add_func("/store-shares/waiting-numbers", test_waiting_numbers);
    g_test_add_func("/store-shares/published-series", test_published_series);
    g_test_add_func("/store-shares/epochs", test_epochs);
    return g_test_run();
}
