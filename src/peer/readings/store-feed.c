/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a feed asks of the store besides reading the outbox: where it is with an emitter, what
 * the last readings of quiet series are, and where series stood before a power cut. Of those
 * places the last few are kept, beside the gaps of which they are.
 */

#include <config.h>

#include "peer/readings/store-private.h"

bool store_place(Store *store, const char *fingerprint, const char **epoch, guint64 *sequence)
{
    const Emitter *newest = NULL;
    GHashTableIter iter;
    gpointer value;

    if (store->waiting->len > 0)
        store_commit(store);
    g_hash_table_iter_init(&iter, store->emitters);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Emitter *emitter = value;

        if (emitter->heard == 0 || g_strcmp0(emitter->fingerprint, fingerprint) != 0)
            continue;
        if (!newest || emitter->heard > newest->heard ||
            (emitter->heard == newest->heard && emitter->id > newest->id))
            newest = emitter;
    }
    if (!newest)
        return false;
    *epoch = newest->epoch;
    *sequence = newest->cursor;
    return true;
}

guint64 store_outbox_oldest(const Store *store)
{
    const SequenceRange *range = &store->ranges[LOG_OUTBOX];

    return range->kept > 0 ? range->oldest : 0;
}

/* ---- the last readings of series --------------------------------------------------------- */

static int compare_sequence(gconstpointer a, gconstpointer b)
{
    guint64 one = (*(const PublishedSeries *const *) a)->sequence;
    guint64 other = (*(const PublishedSeries *const *) b)->sequence;

    return (one > other) - (one < other);
}

/* False: that is enough, or the disk fails. */
static bool visit_last(Store *store, const PublishedSeries *series, OutboxVisitor visit,
                       gpointer data)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_READ_ONE_LAST);
    GError *fault = NULL;
    bool more = true;

    sqlite3_bind_int64(row, 1, series->id);
    if (store_db_step(store->db, row, &fault))
        more = outbox_visit(store, row, visit, data);
    sqlite3_reset(row);
    more = more && !fault;
    store_note_fault(store, fault);
    return more;
}

void store_read_last_between(Store *store, guint64 after, guint64 until, OutboxVisitor visit,
                             gpointer data)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();

    for (guint i = 0; i < store->published->len; i++) {
        PublishedSeries *series = store->published->pdata[i];

        if (series && series->sequence > after && series->sequence <= until)
            g_ptr_array_add(sorted, series);
    }
    g_ptr_array_sort(sorted, compare_sequence);
    for (guint i = 0; i < sorted->len; i++) {
        if (!visit_last(store, sorted->pdata[i], visit, data))
            return;
    }
}

/* ---- forks ------------------------------------------------------------------------------- */

bool forks_add(Store *store, const SequenceGap *gap, GError **error)
{
    for (guint i = 0; i < store->published->len; i++) {
        const PublishedSeries *series = store->published->pdata[i];
        sqlite3_stmt *row = store_db_statement(store->db, SQL_ADD_FORK);

        if (!series)
            continue;
        sqlite3_bind_int64(row, 1, (gint64) gap->first);
        sqlite3_bind_text(row, 2, series->name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(row, 3, (gint64) series->nth);
        if (!store_db_run(store->db, row, error))
            return false;
    }
    return store_db_run(store->db, store_db_statement(store->db, SQL_TRIM_FORKS), error);
}

static void read_fork(Store *store, guint64 first, StandVisitor visit, gpointer data)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_READ_FORK);
    GError *fault = NULL;

    sqlite3_bind_int64(row, 1, (gint64) first);
    while (store_db_step(store->db, row, &fault)) {
        if (!visit(store_db_column_text(row, 0), (guint64) sqlite3_column_int64(row, 1), data))
            break;
    }
    sqlite3_reset(row);
    store_note_fault(store, fault);
}

bool store_read_fork(Store *store, guint64 sequence, StandVisitor visit, gpointer data)
{
    const GArray *gaps = store->ranges[LOG_OUTBOX].gaps;

    for (guint i = gaps->len; i > 0; i--) {
        const SequenceGap *gap = &g_array_index(gaps, SequenceGap, i - 1);

        if (sequence > gap->last)
            break;
        if (sequence >= gap->first) {
            read_fork(store, gap->first, visit, data);
            return true;
        }
    }
    return false;
}
