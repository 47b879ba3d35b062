/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The series of others, and what is missed in them. Each peer has a share, and strangers have one
 * together beside it. A series none of whose readings is left in the history makes room for another;
 * where strangers have used theirs up, so does one of whoever has most, for one who has fewer.
 */

#include <config.h>

#include <string.h>

#include "peer/readings/store-private.h"

enum {
    MAX_OF_KNOWN = 1024, /* of each of them */
    MAX_OF_STRANGER = 256,
    MAX_OF_STRANGERS = 2048,
    MAX_SERIES = 16384,
    MAX_EVICTED = 4096, /* rows a commit */
};

static void series_free(gpointer data)
{
    ReceivedSeries *series = data;

    if (!series)
        return;
    g_free(series->key);
    g_free(series->fingerprint);
    g_free(series->peer);
    g_free(series->name);
    g_free(series->epoch);
    g_free(series);
}

void series_clear(Store *store)
{
    g_clear_pointer(&store->series_keys, g_hash_table_unref);
    g_clear_pointer(&store->series, g_ptr_array_unref);
    shares_clear(store);
    store->series = g_ptr_array_new_with_free_func(series_free);
    store->series_keys = g_hash_table_new(g_str_hash, g_str_equal);
}

static char *make_key(const StoreEmitter *emitter, const char *name)
{
    g_autofree char *share = share_make_key(emitter);

    return g_strconcat(share, "\n", name, NULL);
}

static ReceivedSeries *place_series(Store *store, guint id, const StoreEmitter *emitter,
                                    const char *name)
{
    ReceivedSeries *series = g_new0(ReceivedSeries, 1);

    series->id = id;
    series->key = make_key(emitter, name);
    series->fingerprint = g_strdup(emitter->fingerprint);
    series->peer = g_strdup(emitter->peer);
    series->name = g_strdup(name);
    series->known = emitter->known;
    series->share = shares_enter(store, emitter);
    series->epoch = g_strdup("");
    if (id > store->series->len)
        g_ptr_array_set_size(store->series, (gint) id);
    store->series->pdata[id - 1] = series;
    g_hash_table_replace(store->series_keys, series->key, series);
    return series;
}

ReceivedSeries *series_at(const Store *store, gint64 id)
{
    return id >= 1 && id <= store->series->len ? store->series->pdata[id - 1] : NULL;
}

bool series_load(Store *store, GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_LIST_SERIES);
    GError *local = NULL;

    while (store_db_step(store->db, row, &local)) {
        gint64 id = sqlite3_column_int64(row, 0);
        StoreEmitter emitter = {.fingerprint = store_db_column_text(row, 1),
                                .peer = store_db_column_text(row, 2),
                                .known = sqlite3_column_int(row, 4) != 0};
        ReceivedSeries *series;

        if (id < 1 || id > MAX_SERIES || series_at(store, id))
            continue;
        series = place_series(store, (guint) id, &emitter, store_db_column_text(row, 3));
        g_free(series->epoch);
        series->epoch = g_strdup(store_db_column_text(row, 5));
        series->nth = (guint64) sqlite3_column_int64(row, 6);
        series->received = (guint64) sqlite3_column_int64(row, 7);
        series->missed = (guint64) sqlite3_column_int64(row, 8);
        series->emitted = (guint64) sqlite3_column_int64(row, 9);
    }
    if (local)
        g_propagate_error(error, local);
    return !local;
}

/* ---- room for a series -------------------------------------------------------------- */

static bool drop(Store *store, ReceivedSeries *series, GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_DROP_SERIES);

    sqlite3_bind_int64(row, 1, series->id);
    store->dropped += series->received;
    if (series->received > 0)
        store->dropped_until = MAX(store->dropped_until, series->gone);
    shares_leave(store, series->share);
    store->series->pdata[series->id - 1] = NULL;
    if (g_hash_table_lookup(store->series_keys, series->key) == series)
        g_hash_table_remove(store->series_keys, series->key);
    series_free(series);
    return store_db_run(store->db, row, error);
}

typedef struct {
    guint count, strangers; /* of all; of all strangers */
    guint vacant;           /* an id */
} SeriesCensus;

static SeriesCensus count_series(const Store *store)
{
    SeriesCensus census = {.vacant = store->series->len + 1};

    for (guint i = 0; i < store->series->len; i++) {
        const ReceivedSeries *series = store->series->pdata[i];

        if (!series) {
            census.vacant = i + 1;
            continue;
        }
        census.count++;
        census.strangers += !series->share->known;
    }
    return census;
}

/* The one that has been quiet for longest, of SHARE, of strangers or of all. */
static ReceivedSeries *find_dispensable(const Store *store, const HistoryShare *share,
                                        bool strangers)
{
    ReceivedSeries *found = NULL;

    for (guint i = 0; i < store->series->len; i++) {
        ReceivedSeries *series = store->series->pdata[i];

        if (series && series->kept == 0 && !series->fresh && (!share || series->share == share) &&
            !(strangers && series->share->known) && (!found || series->touched < found->touched))
            found = series;
    }
    return found;
}

/* One of who has most, though it has readings: they go first. None in *VICTIM: there are too many
 * of them for this commit. */
static bool take_from_greediest(Store *store, guint own, ReceivedSeries **victim, GError **error)
{
    HistoryShare *share = shares_find_greediest(store, own);
    ReceivedSeries *series;

    *victim = NULL;
    while (share && !*victim && share_kept(share) > 0 && store->evicted < MAX_EVICTED) {
        if (!history_take_oldest(store, share, &series, error))
            return false;
        store->evicted++;
        if (series && series->kept == 0 && !series->fresh)
            *victim = series;
    }
    return true;
}

/* The id for another series of EMITTER; 0: there is no room, or *ERROR. */
static guint make_room(Store *store, const StoreEmitter *emitter, GError **error)
{
    const HistoryShare *share = shares_find(store, emitter);
    SeriesCensus census = count_series(store);
    guint own = share ? share->series : 0, id;
    bool crowded = !emitter->known && census.strangers >= MAX_OF_STRANGERS;
    ReceivedSeries *victim;

    if (own >= (emitter->known ? MAX_OF_KNOWN : MAX_OF_STRANGER)) {
        victim = find_dispensable(store, share, false);
    } else if (crowded || census.count >= MAX_SERIES) {
        victim = find_dispensable(store, NULL, crowded);
        if (!victim && !take_from_greediest(store, emitter->known ? 0 : own, &victim, error))
            return 0;
    } else {
        return census.vacant;
    }
    if (!victim)
        return 0;
    id = victim->id;
    return drop(store, victim, error) ? id : 0;
}

bool series_get(Store *store, const StoreEmitter *emitter, const char *name, ReceivedSeries **found,
                GError **error)
{
    g_autofree char *key = make_key(emitter, name);
    GError *local = NULL;
    guint id;

    *found = g_hash_table_lookup(store->series_keys, key);
    if (!*found) {
        id = make_room(store, emitter, &local);
        *found = id > 0 ? place_series(store, id, emitter, name) : NULL;
    } else if (strcmp((*found)->peer, emitter->peer) != 0) {
        g_free((*found)->peer);
        (*found)->peer = g_strdup(emitter->peer);
    }
    if (*found)
        (*found)->known = (*found)->share->known = emitter->known;
    if (local)
        g_propagate_error(error, local);
    return !local;
}

/* ---- what is missed ------------------------------------------------------------------ */

static bool is_of(const ReceivedSeries *series, const char *epoch)
{
    return strcmp(series->epoch, epoch) == 0;
}

/* A new epoch begins with 1. */
static void enter_epoch(ReceivedSeries *series, const char *epoch)
{
    if (is_of(series, epoch))
        return;
    g_free(series->epoch);
    series->epoch = g_strdup(epoch);
    series->nth = series->emitted = 0;
}

void series_count(ReceivedSeries *series, const WaitingWrite *write, const WaitingReading *reading)
{
    series->received++;
    if (reading->nth == 0)
        return;
    enter_epoch(series, write->epoch);
    if (!write->greeting && reading->nth > series->nth + 1)
        series->missed += reading->nth - series->nth - 1;
    series->nth = reading->nth;
    series->emitted = reading->emitted;
}

bool series_has(const ReceivedSeries *series, const char *epoch, guint64 emitted)
{
    return is_of(series, epoch) && emitted <= series->emitted;
}

/* One that has no value yet has a row, with received 0: its number is none. */
bool series_base(Store *store, ReceivedSeries *series, const WaitingWrite *write, guint64 nth,
                 GError **error)
{
    static const Reading none = {.series = "", .unit = ""};
    sqlite3_stmt *row = store_db_statement(store->db, SQL_NOTE_SERIES);

    enter_epoch(series, write->epoch);
    series->nth = write->greeting ? nth : MIN(nth, series->nth);
    if (series->received == 0)
        series->fresh = &none;
    if (series->fresh)
        return true;
    sqlite3_bind_text(row, 1, series->epoch, -1, SQLITE_STATIC);
    sqlite3_bind_int64(row, 2, (gint64) series->nth);
    sqlite3_bind_int64(row, 3, (gint64) series->emitted);
    sqlite3_bind_int64(row, 4, series->id);
    return store_db_run(store->db, row, error);
}

static bool write_series(Store *store, ReceivedSeries *series, GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_WRITE_SERIES);

    sqlite3_bind_int64(row, 1, series->id);
    sqlite3_bind_text(row, 2, series->fingerprint, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 3, series->peer, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 4, series->name, -1, SQLITE_STATIC);
    sqlite3_bind_int(row, 5, series->known);
    sqlite3_bind_text(row, 6, series->epoch, -1, SQLITE_STATIC);
    sqlite3_bind_int64(row, 7, (gint64) series->nth);
    sqlite3_bind_int64(row, 8, (gint64) series->received);
    sqlite3_bind_int64(row, 9, (gint64) series->missed);
    sqlite3_bind_int64(row, 10, (gint64) series->fresh->time);
    store_db_bind_value(row, 11, series->fresh);
    sqlite3_bind_int64(row, 13, (gint64) series->emitted);
    series->fresh = NULL;
    return store_db_run(store->db, row, error);
}

bool series_finish(Store *store, GError **error)
{
    for (guint i = 0; i < store->series->len; i++) {
        ReceivedSeries *series = store->series->pdata[i];

        if (series && series->fresh && !write_series(store, series, error))
            return false;
    }
    return true;
}

/* ---- for people ------------------------------------------------------------------------ */

static int compare_series(gconstpointer a, gconstpointer b)
{
    const ReceivedSeries *one = *(ReceivedSeries *const *) a, *other = *(ReceivedSeries *const *) b;
    int order = strcmp(one->peer, other->peer);

    return order ? order : strcmp(one->name, other->name);
}

void store_list_series(Store *store, SeriesVisitor visit, gpointer data)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();

    for (guint i = 0; i < store->series->len; i++) {
        ReceivedSeries *series = store->series->pdata[i];

        if (series && series->received > 0)
            g_ptr_array_add(sorted, series);
    }
    g_ptr_array_sort(sorted, compare_series);
    for (guint i = 0; i < sorted->len; i++) {
        const ReceivedSeries *series = sorted->pdata[i];
        sqlite3_stmt *row = store_db_statement(store->db, SQL_LAST_OF_SERIES);
        SeriesReport report = {.peer = series->peer,
                               .fingerprint = series->fingerprint,
                               .received = series->received,
                               .missed = series->missed};

        sqlite3_bind_int64(row, 1, series->id);
        if (!store_db_step(store->db, row, NULL))
            continue;
        report.last =
            (Reading){.series = series->name, .time = (guint64) sqlite3_column_int64(row, 0)};
        store_db_column_value(row, 1, &report.last);
        visit(&report, data);
        sqlite3_reset(row);
    }
}
