/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What we have published. A series has a place (its id) as long as it has readings in the outbox,
 * and after that until another one needs it.
 */

#include <config.h>

#include <glib/gi18n.h>
#include <string.h>

#include "peer/error.h"
#include "peer/readings/store-private.h"

enum { MAX_TRIMMED = 4096 }; /* a commit, beside as many as it adds */

static void published_free(gpointer data)
{
    PublishedSeries *series = data;

    if (!series)
        return;
    g_free(series->name);
    g_free(series);
}

void outbox_clear(Store *store)
{
    g_clear_pointer(&store->published_names, g_hash_table_unref);
    g_clear_pointer(&store->published, g_ptr_array_unref);
    store->published = g_ptr_array_new_with_free_func(published_free);
    store->published_names = g_hash_table_new(g_str_hash, g_str_equal);
}

static PublishedSeries *place_series(Store *store, guint id, const char *name)
{
    PublishedSeries *series = g_new0(PublishedSeries, 1);

    series->id = id;
    series->name = g_strdup(name);
    if (id > store->published->len)
        g_ptr_array_set_size(store->published, (gint) id);
    store->published->pdata[id - 1] = series;
    g_hash_table_insert(store->published_names, series->name, series);
    return series;
}

static PublishedSeries *published_at(const Store *store, gint64 id)
{
    return id >= 1 && id <= store->published->len ? store->published->pdata[id - 1] : NULL;
}

static bool ask_number(Store *store, SqlStatement which, guint64 otherwise, guint64 *answer,
                       GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, which);
    g_autoptr(GError) local = NULL;

    *answer = otherwise;
    if (store_db_step(store->db, row, &local)) {
        if (sqlite3_column_type(row, 0) != SQLITE_NULL)
            *answer = (guint64) sqlite3_column_int64(row, 0);
        sqlite3_reset(row);
    }
    if (!local)
        return true;
    g_propagate_error(error, g_steal_pointer(&local));
    return false;
}

static bool ask_oldest(Store *store, GError **error)
{
    SequenceRange *range = &store->ranges[LOG_OUTBOX];

    return ask_number(store, SQL_OLDEST_OUTBOX, range->last + 1, &range->oldest, error);
}

bool outbox_load(Store *store, GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_LIST_PUBLISHED);
    GError *local = NULL;

    while (store_db_step(store->db, row, &local)) {
        gint64 id = sqlite3_column_int64(row, 0);
        PublishedSeries *series;

        if (id < 1 || id > STORE_MAX_PUBLISHED || published_at(store, id))
            continue;
        series = place_series(store, (guint) id, store_db_column_text(row, 1));
        series->nth = (guint64) sqlite3_column_int64(row, 2);
        series->sequence = (guint64) sqlite3_column_int64(row, 3);
    }
    if (local) {
        g_propagate_error(error, local);
        return false;
    }
    return ask_oldest(store, error) &&
           ask_number(store, SQL_COUNT_OUTBOX, 0, &store->ranges[LOG_OUTBOX].kept, error);
}

/* ---- publishing ------------------------------------------------------------------ */

/* A series none of whose readings is in the outbox, and that has been quiet the longest. */
static PublishedSeries *find_dispensable(const Store *store)
{
    PublishedSeries *found = NULL;

    for (guint i = 0; i < store->published->len; i++) {
        PublishedSeries *series = store->published->pdata[i];

        if (series->sequence < store->ranges[LOG_OUTBOX].oldest && !series->fresh &&
            (!found || series->sequence < found->sequence))
            found = series;
    }
    return found;
}

static bool has_room(const Store *store, const char *name)
{
    return g_hash_table_contains(store->published_names, name) ||
           store->published->len < STORE_MAX_PUBLISHED || find_dispensable(store);
}

static PublishedSeries *get_series(Store *store, const char *name)
{
    PublishedSeries *series = g_hash_table_lookup(store->published_names, name);
    PublishedSeries *old = NULL;
    guint id = store->published->len + 1;

    if (series)
        return series;
    if (id > STORE_MAX_PUBLISHED) {
        old = find_dispensable(store);
        if (!old)
            return NULL;
        id = old->id;
        g_hash_table_remove(store->published_names, old->name);
        published_free(old);
        store->published->pdata[id - 1] = NULL;
    }
    return place_series(store, id, name);
}

GError *outbox_refusal(void)
{
    return g_error_new(PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED, _("there are %d series already"),
                       STORE_MAX_PUBLISHED);
}

bool store_publish(Store *store, const Reading *reading, StoreDone done, gpointer done_data,
                   GError **error)
{
    WaitingWrite *write;

    if (!reading_check(reading, error))
        return false;
    if (!has_room(store, reading->series)) {
        g_propagate_error(error, outbox_refusal());
        return false;
    }
    if (store_is_full(store)) {
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED,
                            _("too much is being published at once"));
        return false;
    }
    write = store_write_new(done, done_data);
    write->published = true;
    store_write_add(write, &(EmittedReading){.reading = *reading});
    store_wait(store, write);
    return true;
}

/* ---- in a transaction -------------------------------------------------------------- */

bool outbox_add(Store *store, WaitingWrite *write, GError **error)
{
    WaitingReading *waiting = &g_array_index(write->readings, WaitingReading, 0);
    SequenceRange *range = &store->ranges[LOG_OUTBOX];
    PublishedSeries *series = get_series(store, waiting->reading->series);
    sqlite3_stmt *row = store_db_statement(store->db, SQL_ADD_OUTBOX);

    write->refused = !series;
    if (!series)
        return true;
    if (range->kept++ == 0)
        range->oldest = range->last + 1;
    waiting->sequence = series->sequence = ++range->last;
    waiting->nth = ++series->nth;
    series->fresh = waiting->reading;
    sqlite3_bind_int64(row, 1, (gint64) waiting->sequence);
    sqlite3_bind_int64(row, 2, (gint64) waiting->reading->time);
    sqlite3_bind_int64(row, 3, series->id);
    sqlite3_bind_int64(row, 4, (gint64) waiting->nth);
    store_db_bind_value(row, 5, waiting->reading);
    return store_db_run(store->db, row, error);
}

static bool write_series(Store *store, PublishedSeries *series, GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_WRITE_PUBLISHED);

    sqlite3_bind_int64(row, 1, series->id);
    sqlite3_bind_text(row, 2, series->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(row, 3, (gint64) series->nth);
    sqlite3_bind_int64(row, 4, (gint64) series->sequence);
    sqlite3_bind_int64(row, 5, (gint64) series->fresh->time);
    store_db_bind_value(row, 6, series->fresh);
    series->fresh = NULL;
    return store_db_run(store->db, row, error);
}

static bool trim(Store *store, bool *done, GError **error)
{
    SequenceRange *range = &store->ranges[LOG_OUTBOX];
    guint64 excess = range->kept > store->limits.outbox ? range->kept - store->limits.outbox : 0;
    sqlite3_stmt *row = store_db_statement(store->db, SQL_TRIM_OUTBOX);

    if (excess == 0)
        return true;
    if (excess > MAX_TRIMMED) {
        excess = MAX_TRIMMED;
        *done = false;
    }
    sqlite3_bind_int64(row, 1, (gint64) excess - 1);
    if (!store_db_run(store->db, row, error))
        return false;
    range->kept -= excess;
    return ask_oldest(store, error);
}

bool outbox_finish(Store *store, bool *done, GError **error)
{
    for (guint i = 0; i < store->published->len; i++) {
        PublishedSeries *series = store->published->pdata[i];

        if (series->fresh && !write_series(store, series, error))
            return false;
    }
    return trim(store, done, error);
}

OutboxReading outbox_describe(const Store *store, const WaitingWrite *write, guint i)
{
    const WaitingReading *waiting = &g_array_index(write->readings, WaitingReading, i);

    return (OutboxReading){.sequence = waiting->sequence,
                           .previous =
                               store_previous(&store->ranges[LOG_OUTBOX], waiting->sequence),
                           .nth = waiting->nth,
                           .reading = *waiting->reading};
}

/* ---- reading ---------------------------------------------------------------------- */

/* Both tables give sequence, time, series, nth, value, unit. */
bool outbox_visit(Store *store, sqlite3_stmt *row, OutboxVisitor visit, gpointer data)
{
    const PublishedSeries *series = published_at(store, sqlite3_column_int64(row, 2));
    OutboxReading reading = {
        .sequence = (guint64) sqlite3_column_int64(row, 0),
        .nth = (guint64) sqlite3_column_int64(row, 3),
        .reading = {.series = series ? series->name : "",
                    .time = (guint64) sqlite3_column_int64(row, 1)},
    };

    reading.previous = store_previous(&store->ranges[LOG_OUTBOX], reading.sequence);
    store_db_column_value(row, 4, &reading.reading);
    return visit(&reading, data);
}

void store_read_outbox(Store *store, guint64 after, guint max, OutboxVisitor visit, gpointer data)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_READ_OUTBOX);
    GError *fault = NULL;
    guint count = 0;

    sqlite3_bind_int64(row, 1, (gint64) MIN(after, G_MAXINT64));
    while ((max == 0 || count++ < max) && store_db_step(store->db, row, &fault)) {
        if (!outbox_visit(store, row, visit, data))
            break;
    }
    sqlite3_reset(row);
    store_note_fault(store, fault);
}

void store_read_last(Store *store, OutboxVisitor visit, gpointer data)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_READ_LAST);
    GError *fault = NULL;

    while (store_db_step(store->db, row, &fault)) {
        if (!outbox_visit(store, row, visit, data))
            break;
    }
    sqlite3_reset(row);
    store_note_fault(store, fault);
}

guint64 store_published(const Store *store)
{
    return store->ranges[LOG_OUTBOX].last;
}

guint64 store_outbox_missed(const Store *store, guint64 after)
{
    const SequenceRange *range = &store->ranges[LOG_OUTBOX];

    return store_used_between(range, after, range->oldest - 1);
}
