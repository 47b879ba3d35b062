/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What one peer may have of the store, whatever it sends. */

#include <config.h>

#include <stdbool.h>
#include <string.h>

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
    g_test_add_func("/store-shares/epochs", test_epochs);
    return g_test_run();
}
