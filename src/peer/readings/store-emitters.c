/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * How far we have heard whom: a cursor for each epoch of each key. Strangers cannot push out the
 * cursors of known peers, nor one peer, by new epochs, those of another.
 */

#include <config.h>

#include <string.h>

#include "peer/readings/store-private.h"

enum {
    MAX_EPOCHS = 4, /* of one key */
    MAX_STRANGERS = 256,
    MAX_KNOWN = 16384,
};

static char *make_key(const char *fingerprint, const char *epoch)
{
    return g_strconcat(fingerprint, "\n", epoch, NULL);
}

static void emitter_free(gpointer data)
{
    Emitter *emitter = data;

    g_free(emitter->key);
    g_free(emitter->fingerprint);
    g_free(emitter->epoch);
    g_free(emitter);
}

void emitters_clear(Store *store)
{
    g_clear_pointer(&store->emitters, g_hash_table_unref);
    store->emitters = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, emitter_free);
    store->last_emitter_id = 0;
}

static Emitter *add(Store *store, gint64 id, const char *fingerprint, const char *epoch)
{
    Emitter *emitter = g_new0(Emitter, 1);

    emitter->id = id;
    emitter->key = make_key(fingerprint, epoch);
    emitter->fingerprint = g_strdup(fingerprint);
    emitter->epoch = g_strdup(epoch);
    store->last_emitter_id = MAX(store->last_emitter_id, id);
    g_hash_table_replace(store->emitters, emitter->key, emitter);
    return emitter;
}

bool emitters_load(Store *store, GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_LIST_EMITTERS);
    GError *local = NULL;

    while (store_db_step(store->db, row, &local)) {
        Emitter *emitter = add(store, sqlite3_column_int64(row, 0), store_db_column_text(row, 1),
                               store_db_column_text(row, 2));

        emitter->known = sqlite3_column_int(row, 3) != 0;
        emitter->cursor = emitter->waiting = (guint64) sqlite3_column_int64(row, 4);
        emitter->heard = (guint64) sqlite3_column_int64(row, 5);
    }
    if (local)
        g_propagate_error(error, local);
    return !local;
}

Emitter *emitters_find(const Store *store, const char *fingerprint, const char *epoch)
{
    g_autofree char *key = make_key(fingerprint, epoch);

    return g_hash_table_lookup(store->emitters, key);
}

Emitter *emitters_get(Store *store, const StoreEmitter *emitter)
{
    Emitter *found = emitters_find(store, emitter->fingerprint, emitter->epoch);

    if (!found)
        found = add(store, store->last_emitter_id + 1, emitter->fingerprint, emitter->epoch);
    found->known = emitter->known;
    return found;
}

/* ---- limits ------------------------------------------------------------------------ */

typedef struct {
    const Emitter *newest; /* that must stay */
    guint epochs, strangers, known;
    Emitter *oldest_epoch, *oldest_stranger, *oldest_known;
} EmitterCensus;

static void note(guint *count, Emitter **oldest, Emitter *emitter, const Emitter *newest)
{
    ++*count;
    if (emitter != newest && emitter->waiting == emitter->cursor &&
        (!*oldest || emitter->heard < (*oldest)->heard))
        *oldest = emitter;
}

static Emitter *find_excess(const Store *store, const Emitter *newest)
{
    EmitterCensus census = {};
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, store->emitters);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Emitter *emitter = value;

        if (strcmp(emitter->fingerprint, newest->fingerprint) == 0)
            note(&census.epochs, &census.oldest_epoch, emitter, newest);
        if (emitter->known)
            note(&census.known, &census.oldest_known, emitter, newest);
        else
            note(&census.strangers, &census.oldest_stranger, emitter, newest);
    }
    if (census.epochs > MAX_EPOCHS)
        return census.oldest_epoch;
    if (census.strangers > MAX_STRANGERS)
        return census.oldest_stranger;
    return census.known > MAX_KNOWN ? census.oldest_known : NULL;
}

static bool drop_excess(Store *store, const Emitter *newest, GError **error)
{
    Emitter *excess = find_excess(store, newest);
    sqlite3_stmt *row;

    if (!excess)
        return true;
    row = store_db_statement(store->db, SQL_DROP_EMITTER);
    sqlite3_bind_int64(row, 1, excess->id);
    g_hash_table_remove(store->emitters, excess->key);
    return store_db_run(store->db, row, error);
}

/* ---- in a transaction ----------------------------------------------------------------- */

bool emitters_advance(Store *store, const WaitingWrite *write, GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_WRITE_EMITTER);
    Emitter *emitter = emitters_get(store, &(StoreEmitter){.fingerprint = write->fingerprint,
                                                           .epoch = write->epoch,
                                                           .known = write->known});
    bool first = emitter->heard == 0;

    emitter->cursor = MAX(emitter->cursor, write->cursor);
    emitter->waiting = MAX(emitter->waiting, emitter->cursor);
    emitter->heard = store->ranges[LOG_HISTORY].last + 1;
    sqlite3_bind_int64(row, 1, emitter->id);
    sqlite3_bind_text(row, 2, emitter->fingerprint, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 3, emitter->epoch, -1, SQLITE_STATIC);
    sqlite3_bind_int(row, 4, emitter->known);
    sqlite3_bind_int64(row, 5, (gint64) emitter->cursor);
    sqlite3_bind_int64(row, 6, (gint64) emitter->heard);
    return store_db_run(store->db, row, error) && (!first || drop_excess(store, emitter, error));
}

/* After a failure; those that were never committed are not known at all. */
void emitters_forget_waiting(Store *store)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, store->emitters);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Emitter *emitter = value;

        emitter->waiting = emitter->cursor;
        if (emitter->heard == 0)
            g_hash_table_iter_remove(&iter);
    }
}

bool store_cursor(const Store *store, const char *fingerprint, const char *epoch, guint64 *sequence)
{
    const Emitter *emitter = emitters_find(store, fingerprint, epoch);

    *sequence = emitter ? emitter->waiting : 0;
    return emitter != NULL;
}

bool store_has_heard(const Store *store, const char *fingerprint)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, store->emitters);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (strcmp(((Emitter *) value)->fingerprint, fingerprint) == 0)
            return true;
    }
    return false;
}
