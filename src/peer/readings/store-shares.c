/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What of the history each peer has. Where there is too much, whoever has most gives its oldest: a
 * peer that sends little keeps it, whatever the others send. A known peer stands for itself;
 * strangers are as one, for they can be as many as they like, and among them it is the same again.
 *
 * Which rows are whose is in memory, eight bytes each: the table is in the order of all, and whose
 * a row is would have to be looked for.
 */

#include <config.h>

#include <string.h>

#include "peer/readings/store-private.h"

enum { MANY_TAKEN = 1024 };

static void share_free(gpointer data)
{
    HistoryShare *share = data;

    g_array_unref(share->rows);
    g_free(share->key);
    g_free(share);
}

void shares_clear(Store *store)
{
    g_clear_pointer(&store->shares, g_hash_table_unref);
    store->shares = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, share_free);
}

char *share_make_key(const StoreEmitter *emitter)
{
    return *emitter->fingerprint ? g_strdup(emitter->fingerprint)
                                 : g_strconcat("?", emitter->peer, NULL);
}

HistoryShare *shares_find(const Store *store, const StoreEmitter *emitter)
{
    g_autofree char *key = share_make_key(emitter);

    return g_hash_table_lookup(store->shares, key);
}

HistoryShare *shares_enter(Store *store, const StoreEmitter *emitter)
{
    HistoryShare *share = shares_find(store, emitter);

    if (!share) {
        share = g_new0(HistoryShare, 1);
        share->key = share_make_key(emitter);
        share->rows = g_array_new(FALSE, FALSE, sizeof(guint64));
        g_hash_table_insert(store->shares, share->key, share);
    }
    share->series++;
    share->known = emitter->known;
    return share;
}

void shares_leave(Store *store, HistoryShare *share)
{
    if (--share->series == 0)
        g_hash_table_remove(store->shares, share->key);
}

/* ---- rows --------------------------------------------------------------------------- */

guint64 share_kept(const HistoryShare *share)
{
    return share->rows->len - share->taken;
}

guint64 share_oldest(const HistoryShare *share)
{
    return share_kept(share) > 0 ? g_array_index(share->rows, guint64, share->taken) : G_MAXUINT64;
}

void share_add(HistoryShare *share, guint64 sequence, gsize bytes)
{
    g_array_append_val(share->rows, sequence);
    share->bytes += bytes;
}

void share_take_oldest(HistoryShare *share, gsize bytes)
{
    share->taken++;
    share->bytes -= MIN(share->bytes, bytes);
    if (share->taken > MANY_TAKEN && share->taken > share->rows->len / 2) {
        g_array_remove_range(share->rows, 0, share->taken);
        share->taken = 0;
    }
}

/* ---- who has most --------------------------------------------------------------------- */

typedef enum { BY_ROWS, BY_BYTES, BY_SERIES } ShareMeasure;

static guint64 measure(const HistoryShare *share, ShareMeasure by)
{
    return by == BY_SERIES ? share->series : by == BY_BYTES ? share->bytes : share_kept(share);
}

/* Of two that have as much, whose oldest is older. */
static void note_larger(HistoryShare **largest, HistoryShare *share, ShareMeasure by)
{
    guint64 size = measure(share, by), most = *largest ? measure(*largest, by) : 0;

    if (!*largest || size > most || (size == most && share_oldest(share) < share_oldest(*largest)))
        *largest = share;
}

HistoryShare *shares_find_largest(const Store *store, bool by_bytes)
{
    ShareMeasure by = by_bytes ? BY_BYTES : BY_ROWS;
    HistoryShare *known = NULL, *stranger = NULL;
    guint64 of_strangers = 0;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, store->shares);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        HistoryShare *share = value;

        if (share_kept(share) == 0)
            continue;
        note_larger(share->known ? &known : &stranger, share, by);
        of_strangers += share->known ? 0 : measure(share, by);
    }
    return !stranger || (known && measure(known, by) > of_strangers) ? known : stranger;
}

HistoryShare *shares_find_greediest(const Store *store, guint series)
{
    HistoryShare *greediest = NULL;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, store->shares);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        HistoryShare *share = value;

        if (!share->known)
            note_larger(&greediest, share, BY_SERIES);
    }
    return greediest && greediest->series > series + 1 ? greediest : NULL;
}
