/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What we have received. */

#include <config.h>

#include <glib/gi18n.h>
#include <string.h>

#include "common/log.h"
#include "peer/readings/store-private.h"

enum { MAX_TRIMMED = 4096 }; /* a commit */

/* Of all values in the history, with what a row costs beside its value */
#define MAX_HISTORY_BYTES (256 * 1024 * 1024)
#define ROW_OVERHEAD 64

enum { MAX_NUMBERS_GONE = 8192 }; /* sequences */

void history_clear(Store *store)
{
    series_clear(store);
    store->history_bytes = store->numbers_kept = 0;
    store->ranges[LOG_HISTORY].kept = 0;
    g_array_set_size(store->numbers_gone, 0);
    store->numbers_gone_until = store->dropped_until = 0;
}

/* The row SEQUENCE of SERIES (or NULL: of none that there is) has come. */
static void count_in(Store *store, ReceivedSeries *series, guint64 sequence, bool number,
                     gsize length)
{
    store->ranges[LOG_HISTORY].kept++;
    store->history_bytes += length + ROW_OVERHEAD;
    store->numbers_kept += number && series && !*series->name;
    if (!series)
        return;
    series->kept++;
    series->touched = sequence;
    share_add(series->share, sequence, length + ROW_OVERHEAD);
}

/* What has left in an earlier run is not known. Of a series it is what came before the oldest that is
 * kept, which is FIRST[id]. */
static void assume_gone(Store *store, const guint64 *first)
{
    store->dropped_until = store->ranges[LOG_HISTORY].last;
    for (guint i = 0; i < store->series->len; i++) {
        ReceivedSeries *series = store->series->pdata[i];

        if (!series || series->received <= series->kept)
            continue;
        series->gone = series->kept > 0 ? first[series->id] - 1 : store->dropped_until;
        if (!*series->name)
            store->numbers_gone_until = MAX(store->numbers_gone_until, series->gone);
    }
}

bool history_load(Store *store, GError **error)
{
    g_autofree guint64 *first = NULL;
    sqlite3_stmt *row;
    GError *local = NULL;

    if (!series_load(store, error))
        return false;
    first = g_new0(guint64, store->series->len + 1);
    row = store_db_statement(store->db, SQL_LIST_HISTORY);
    while (store_db_step(store->db, row, &local)) {
        guint64 sequence = (guint64) sqlite3_column_int64(row, 0);
        ReceivedSeries *series = series_at(store, sqlite3_column_int64(row, 1));
        bool number = sqlite3_column_int(row, 2) != 0;

        if (series && series->kept == 0)
            first[series->id] = sequence;
        count_in(store, series, sequence, number,
                 number ? 0 : (gsize) sqlite3_column_int64(row, 3));
    }
    if (local) {
        g_propagate_error(error, local);
        return false;
    }
    assume_gone(store, first);
    return true;
}

/* ---- numbers without a sequence ------------------------------------------------------ */

enum {
    MAX_NUMBERS_WAITING = 4096, /* of one peer */
    MAX_NUMBERS_CROWDED = 64,   /* the same while the store is full */
};

/* What one peer has waiting of them */
typedef struct {
    guint count;
    WaitingWrite *last;
} WaitingNumbers;

void history_forget_waiting(Store *store)
{
    g_clear_pointer(&store->numbers_waiting, g_hash_table_unref);
    store->numbers_waiting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

/* Whoever sends them cannot be held back, and does not send them again: those for which there is
 * no room are missed. */
static bool has_room(Store *store, const StoreEmitter *emitter)
{
    g_autofree char *key = share_make_key(emitter);
    WaitingNumbers *numbers = g_hash_table_lookup(store->numbers_waiting, key);

    if (!numbers ||
        numbers->count < (store_is_full(store) ? MAX_NUMBERS_CROWDED : MAX_NUMBERS_WAITING))
        return true;
    numbers->last->skipped++;
    return false;
}

static void note_waiting(Store *store, const StoreEmitter *emitter, WaitingWrite *write)
{
    char *key = share_make_key(emitter);
    WaitingNumbers *numbers = g_hash_table_lookup(store->numbers_waiting, key);

    if (!numbers) {
        numbers = g_new0(WaitingNumbers, 1);
        g_hash_table_insert(store->numbers_waiting, key, numbers);
    } else {
        g_free(key);
    }
    numbers->count++;
    numbers->last = write;
}

/* They are missed in the series of the one before them, which is in this transaction. */
static bool add_skipped(Store *store, const StoreEmitter *emitter, const WaitingWrite *write,
                        GError **error)
{
    const WaitingReading *last = &g_array_index(write->readings, WaitingReading, 0);
    ReceivedSeries *series = NULL;

    if (write->skipped > 0 && !series_get(store, emitter, last->reading->series, &series, error))
        return false;
    if (series)
        series->missed += write->skipped;
    return true;
}

/* ---- receiving ---------------------------------------------------------------------- */

void store_receive(Store *store, const StoreEmitter *emitter, const EmittedReading *readings,
                   guint count, guint64 cursor, bool greeting, guint64 received, StoreDone done,
                   gpointer done_data)
{
    const bool numbered = *emitter->epoch != '\0';
    WaitingWrite *write;
    guint64 before = 0;

    if (!numbered && !has_room(store, emitter))
        return;
    write = store_write_new(done, done_data);
    if (!numbered)
        note_waiting(store, emitter, write);
    if (numbered && !greeting) {
        Emitter *heard = emitters_get(store, emitter);

        before = heard->waiting;
        heard->waiting = MAX(heard->waiting, cursor);
    }
    write->peer = g_strdup(emitter->peer);
    write->fingerprint = g_strdup(emitter->fingerprint);
    write->epoch = g_strdup(emitter->epoch);
    write->known = emitter->known;
    write->greeting = greeting;
    write->received = received;
    write->cursor = cursor;
    for (guint i = 0; i < count; i++) {
        if (readings[i].sequence == 0 || readings[i].sequence > before)
            store_write_add(write, &readings[i]);
    }
    store_wait(store, write);
}

static bool add_row(Store *store, const WaitingWrite *write, WaitingReading *waiting,
                    ReceivedSeries *series, GError **error)
{
    SequenceRange *range = &store->ranges[LOG_HISTORY];
    sqlite3_stmt *row = store_db_statement(store->db, SQL_ADD_HISTORY);

    waiting->sequence = ++range->last;
    count_in(store, series, waiting->sequence, reading_is_plain_number(waiting->reading),
             waiting->reading->length);
    series->fresh = waiting->reading;
    sqlite3_bind_int64(row, 1, (gint64) waiting->sequence);
    sqlite3_bind_int64(row, 2, (gint64) write->received);
    sqlite3_bind_int64(row, 3, (gint64) waiting->reading->time);
    sqlite3_bind_int64(row, 4, series->id);
    store_db_bind_value(row, 5, waiting->reading);
    return store_db_run(store->db, row, error);
}

static void note_number(Store *store, const WaitingWrite *write, const WaitingReading *waiting)
{
    store->numbers++;
    g_free(store->last_number_peer);
    store->last_number_peer = g_strdup(write->peer);
    store->last_number = (HistoryReading){
        .sequence = waiting->sequence,
        .received = write->received,
        .peer = store->last_number_peer,
        .fingerprint = "",
        .reading = {.series = "",
                    .unit = "",
                    .time = waiting->reading->time,
                    .number = waiting->reading->number},
    };
}

static bool is_base(const WaitingWrite *write, const WaitingReading *waiting)
{
    return *write->epoch && waiting->emitted == 0;
}

/* A series for which there is no room is left out, and the cursor goes on: it must not stop the
 * others. */
static bool add_reading(Store *store, const StoreEmitter *emitter, const WaitingWrite *write,
                        WaitingReading *waiting, GError **error)
{
    ReceivedSeries *series;

    if (!series_get(store, emitter, waiting->reading->series, &series, error))
        return false;
    if (!series) {
        log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_LISTENERS, .source = write->peer),
                  _("%s has too many series: readings of %s are not kept"), write->peer,
                  waiting->reading->series);
        return true;
    }
    if (is_base(write, waiting))
        return series_base(store, series, write, waiting->nth, error);
    if (write->greeting && series_has(series, write->epoch, waiting->emitted))
        return true;
    series_count(series, write, waiting);
    if (!add_row(store, write, waiting, series, error))
        return false;
    if (reading_is_plain_number(waiting->reading))
        note_number(store, write, waiting);
    return true;
}

bool history_add(Store *store, WaitingWrite *write, GError **error)
{
    const StoreEmitter emitter = {.peer = write->peer,
                                  .fingerprint = write->fingerprint,
                                  .epoch = write->epoch,
                                  .known = write->known};

    for (guint i = 0; i < write->readings->len; i++) {
        WaitingReading *waiting = &g_array_index(write->readings, WaitingReading, i);

        waiting->sequence = 0;
        if (!add_reading(store, &emitter, write, waiting, error))
            return false;
    }
    if (!add_skipped(store, &emitter, write, error))
        return false;
    return !*write->epoch || write->greeting || emitters_advance(store, write, error);
}

/* ---- what is too old ------------------------------------------------------------------- */

static void note_number_gone(Store *store, guint64 sequence)
{
    GArray *gone = store->numbers_gone;

    store->numbers_kept -= MIN(store->numbers_kept, 1);
    if (gone->len == MAX_NUMBERS_GONE) {
        store->numbers_gone_until = g_array_index(gone, guint64, gone->len / 2 - 1);
        g_array_remove_range(gone, 0, gone->len / 2);
    }
    g_array_append_val(gone, sequence);
}

/* The row at hand, of SERIES (or NULL), has left. */
static void count_out(Store *store, ReceivedSeries *series, sqlite3_stmt *row, guint64 sequence)
{
    Reading reading = {};

    store_db_column_value(row, 1, &reading);
    store->ranges[LOG_HISTORY].kept--;
    store->history_bytes -= MIN(store->history_bytes, reading.length + ROW_OVERHEAD);
    if (!series)
        return;
    series->kept -= MIN(series->kept, 1);
    series->gone = MAX(series->gone, sequence);
    if (!*series->name && reading.kind == READING_NUMBER)
        note_number_gone(store, sequence);
    share_take_oldest(series->share, reading.length + ROW_OVERHEAD);
}

/* SERIES is that of the row, or NULL. */
static bool take(Store *store, guint64 sequence, ReceivedSeries **series, GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_TAKE_HISTORY);
    GError *local = NULL;

    *series = NULL;
    sqlite3_bind_int64(row, 1, (gint64) sequence);
    if (store_db_step(store->db, row, &local)) {
        *series = series_at(store, sqlite3_column_int64(row, 0));
        count_out(store, *series, row, sequence);
    } else if (!local) {
        g_set_error_literal(&local, STORE_DB_ERROR, STORE_DB_DAMAGED, "a reading is missing");
    }
    sqlite3_reset(row);
    if (local)
        g_propagate_error(error, local);
    return !local;
}

bool history_take_oldest(Store *store, HistoryShare *share, ReceivedSeries **series, GError **error)
{
    return take(store, share_oldest(share), series, error);
}

/* The oldest of all, if it is before the horizon; else 0. */
static guint64 find_expired(Store *store)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_READ_HISTORY);
    guint64 sequence = 0;

    sqlite3_bind_int64(row, 1, 0);
    if (store_db_step(store->db, row, NULL) &&
        (guint64) sqlite3_column_int64(row, 1) < store->horizon)
        sequence = (guint64) sqlite3_column_int64(row, 0);
    sqlite3_reset(row);
    return sequence;
}

/* The next to leave; 0: none has to. */
static guint64 find_excess(Store *store)
{
    bool too_large = store->history_bytes > MAX_HISTORY_BYTES;
    HistoryShare *largest;

    if (store->ranges[LOG_HISTORY].kept > store->limits.history || too_large) {
        largest = shares_find_largest(store, too_large);
        return largest ? share_oldest(largest) : 0;
    }
    return store->horizon > 0 ? find_expired(store) : 0;
}

static bool trim(Store *store, bool *done, GError **error)
{
    ReceivedSeries *series;
    guint64 sequence;
    guint count = 0;

    while (count < MAX_TRIMMED && (sequence = find_excess(store)) > 0) {
        if (!take(store, sequence, &series, error))
            return false;
        count++;
    }
    *done = *done && count < MAX_TRIMMED;
    return true;
}

bool history_finish(Store *store, bool *done, GError **error)
{
    return series_finish(store, error) && trim(store, done, error);
}

bool history_has_expired(Store *store)
{
    return find_expired(store) > 0;
}

HistoryReading history_describe(const WaitingWrite *write, guint i)
{
    const WaitingReading *waiting = &g_array_index(write->readings, WaitingReading, i);

    return (HistoryReading){.sequence = waiting->sequence,
                            .received = write->received,
                            .peer = write->peer,
                            .fingerprint = write->fingerprint,
                            .reading = *waiting->reading};
}

/* ---- reading ------------------------------------------------------------------------- */

/* The row at hand; what it points to lasts until the next. */
static HistoryReading describe_row(const Store *store, sqlite3_stmt *row)
{
    const ReceivedSeries *series = series_at(store, sqlite3_column_int64(row, 3));
    HistoryReading reading = {
        .sequence = (guint64) sqlite3_column_int64(row, 0),
        .received = (guint64) sqlite3_column_int64(row, 1),
        .peer = series ? series->peer : "",
        .fingerprint = series ? series->fingerprint : "",
        .reading = {.series = series ? series->name : "",
                    .time = (guint64) sqlite3_column_int64(row, 2)},
    };

    store_db_column_value(row, 4, &reading.reading);
    return reading;
}

static bool is_peer(const HistoryFilter *filter, const char *peer, const char *fingerprint)
{
    return !filter->peer || strcmp(filter->peer, peer) == 0 ||
           (*fingerprint && strcmp(filter->peer, fingerprint) == 0);
}

static bool passes(const HistoryFilter *filter, const HistoryReading *reading)
{
    if (!filter)
        return true;
    return reading->received >= filter->since &&
           is_peer(filter, reading->peer, reading->fingerprint) &&
           (!filter->series || strcmp(filter->series, reading->reading.series) == 0) &&
           (!filter->numbers || reading_is_plain_number(&reading->reading));
}

/* AFTER, or later: there are no more than filter->last that pass after it. */
static guint64 skip_to_last(Store *store, guint64 after, const HistoryFilter *filter)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_READ_HISTORY_BACK);
    guint count = 0;

    sqlite3_bind_int64(row, 1, (gint64) after);
    while (store_db_step(store->db, row, NULL)) {
        HistoryReading reading = describe_row(store, row);

        if (passes(filter, &reading) && count++ == filter->last) {
            after = reading.sequence;
            break;
        }
    }
    sqlite3_reset(row);
    return after;
}

static guint64 count_numbers_gone(const Store *store, guint64 after)
{
    const GArray *gone = store->numbers_gone;
    guint64 all = store->numbers - MIN(store->numbers, store->numbers_kept), count = 0;

    while (count < gone->len && g_array_index(gone, guint64, gone->len - 1 - count) > after)
        count++;
    return count +
           MIN(all - MIN(all, gone->len),
               store_used_between(&store->ranges[LOG_HISTORY], after, store->numbers_gone_until));
}

/* How many above AFTER that pass FILTER can have left the history at all */
static guint64 count_gone(const Store *store, guint64 after, const HistoryFilter *filter)
{
    const SequenceRange *range = &store->ranges[LOG_HISTORY];
    guint64 gone = MIN(store->dropped, store_used_between(range, after, store->dropped_until));

    if (filter->numbers)
        return count_numbers_gone(store, after);
    for (guint i = 0; i < store->series->len; i++) {
        const ReceivedSeries *series = store->series->pdata[i];

        if (series && is_peer(filter, series->peer, series->fingerprint) &&
            (!filter->series || strcmp(filter->series, series->name) == 0))
            gone += MIN(series->received - MIN(series->received, series->kept),
                        store_used_between(range, after, series->gone));
    }
    return gone;
}

/* One walk through the history: what is in no row between two that are there is lost. */
typedef struct {
    Store *store;
    const HistoryFilter *filter;
    guint64 at; /* the sequence of the last row */
    guint64 lost;
} HistoryWalk;

/* The next row is SEQUENCE, RECEIVED then: what came before it was received before it. */
static void walk_to(HistoryWalk *walk, guint64 sequence, guint64 received)
{
    if (!walk->filter || received >= walk->filter->since)
        walk->lost += store_used_between(&walk->store->ranges[LOG_HISTORY], walk->at, sequence - 1);
    walk->at = MAX(walk->at, sequence);
}

static guint64 walk_lost(const HistoryWalk *walk, guint64 after)
{
    if (!walk->filter)
        return walk->lost;
    return walk->filter->last > 0 ? 0
                                  : MIN(walk->lost, count_gone(walk->store, after, walk->filter));
}

guint64 store_read_history(Store *store, guint64 after, guint max, const HistoryFilter *filter,
                           HistoryVisitor visit, gpointer data)
{
    HistoryWalk walk = {.store = store, .filter = filter};
    bool whole = true;
    sqlite3_stmt *row;
    GError *fault = NULL;
    guint count = 0;

    after = MIN(after, G_MAXINT64);
    if (filter && filter->last > 0)
        after = skip_to_last(store, after, filter);
    walk.at = after;
    row = store_db_statement(store->db, SQL_READ_HISTORY);
    sqlite3_bind_int64(row, 1, (gint64) after);
    while (whole && store_db_step(store->db, row, &fault)) {
        HistoryReading reading = describe_row(store, row);

        walk_to(&walk, reading.sequence, reading.received);
        if (passes(filter, &reading))
            whole = visit(&reading, data) && (max == 0 || ++count < max);
    }
    sqlite3_reset(row);
    if (whole && !fault)
        walk_to(&walk, store->ranges[LOG_HISTORY].last + 1, G_MAXUINT64);
    store_note_fault(store, fault);
    return walk_lost(&walk, after);
}

guint64 store_received(const Store *store)
{
    return store->ranges[LOG_HISTORY].last;
}

guint64 store_numbers(const Store *store)
{
    return store->numbers;
}

bool store_last_number(const Store *store, HistoryReading *out)
{
    if (store->last_number.sequence > 0)
        *out = store->last_number;
    return store->last_number.sequence > 0;
}
