/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Which file the store is in: its own, a new one beside a damaged one, or none at all for a while.
 * What is in memory goes to the disk as it is, once it can; if there is a file of before, it is the
 * one that goes on.
 */

#include <config.h>

#include <glib/gi18n.h>

#include "common/log.h"
#include "peer/readings/store-file.h"
#include "peer/readings/store-private.h"

static bool open_file(Store *store, GError **error)
{
    store->in_memory = false;
    store->resumed = false;
    store->db = store_db_open(store->path, store->vfs, error);
    if (store->db && store_load(store, error))
        return true;
    g_clear_pointer(&store->db, store_db_close);
    return false;
}

static void open_in_memory(Store *store, const char *why)
{
    bool good;

    store->resumed = false;
    store->in_memory = true;
    store->db = store_db_open(NULL, NULL, NULL);
    good = store->db && store_load(store, NULL);
    g_assert(good); /* there is no disk in it */
    store_set_problem(
        store, g_strdup_printf(_("readings are kept in memory only and would end with the daemon, "
                                 "for %s cannot be used: %s; once that is mended it goes on by "
                                 "itself"),
                               store->path, why));
}

static bool put_aside(Store *store, const char *damage, GError **error)
{
    g_autofree char *aside = store_file_put_aside(store->path, store->vfs, error);

    if (!aside)
        return false;
    log_error(
        _("the readings in %s cannot be read: %s; they are in %s now, and new ones are begun"),
        store->path, damage, aside);
    g_free(store->notice);
    store->notice = store->vfs ? NULL : store_file_notice(store->path);
    return true;
}

void store_begin_anew(Store *store, const char *damage)
{
    g_autoptr(GError) error = NULL;

    if (!put_aside(store, damage, &error) || !open_file(store, &error))
        open_in_memory(store, error->message);
}

void store_begin(Store *store)
{
    g_autoptr(GError) error = NULL;

    if (store->path && !store->vfs)
        store->notice = store_file_notice(store->path);
    if (open_file(store, &error))
        return;
    if (g_error_matches(error, STORE_DB_ERROR, STORE_DB_DAMAGED) && store->path)
        store_begin_anew(store, error->message);
    else
        open_in_memory(store, error->message);
}

static StoreDb *open_again(Store *store, GError **error)
{
    if (!g_file_test(store->path, G_FILE_TEST_EXISTS) &&
        !store_db_copy(store->db, store->path, error))
        return NULL;
    return store_db_open(store->path, NULL, error);
}

/* What is waiting has its place among what is in memory: it goes first. */
void store_try_return(Store *store)
{
    g_autoptr(GError) error = NULL;
    StoreDb *memory = store->db, *file;

    if (!store->in_memory || store->vfs || store->waiting->len > 0)
        return;
    file = open_again(store, &error);
    if (g_error_matches(error, STORE_DB_ERROR, STORE_DB_DAMAGED))
        put_aside(store, error->message, NULL);
    if (!file)
        return;
    store->db = file;
    if (!store_load(store, NULL)) {
        store->db = memory;
        store_load(store, NULL);
        store_db_close(file);
        return;
    }
    store_db_close(memory);
    store->in_memory = store->resumed = false;
    store_set_problem(store, NULL);
}
