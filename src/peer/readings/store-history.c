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

void history_clear(Store *store)
{
    series_clear(store);
    store->history_bytes = store->numbers_kept = 0;
    store->ranges[LOG_HISTORY].kept = 0;
}

bool history_load(Store *store, GError **error)
{
    SequenceRange *range = &store->ranges[LOG_HISTORY];
    sqlite3_stmt *row;
    GError *local = NULL;

    if (!series_load(store, error))
        return false;
    row = store_db_statement(store->db, SQL_COUNT_HISTORY);
    while (store_db_step(store->db, row, &local)) {
        ReceivedSeries *series = series_at(store, sqlite3_column_int64(row, 0));
        guint64 count = (guint64) sqlite3_column_int64(row, 1);

        range->kept += count;
        store->history_bytes += (guint64) sqlite3_column_int64(row, 2) + count * ROW_OVERHEAD;
        if (series)
            series->kept = count;
        if (series && !*series->name)
            store->numbers_kept += (guint64) sqlite3_column_int64(row, 3);
    }
    if (local) {
        g_propagate_error(error, local);
        return false;
    }
    return store_ask_oldest(store, LOG_HISTORY, error);
}

/* ---- receiving ---------------------------------------------------------------------- */

void store_receive(Store *store, const StoreEmitter *emitter, const EmittedReading *readings,
                   guint count, guint64 cursor, bool greeting, guint64 received, StoreDone done,
                   gpointer done_data)
{
    WaitingWrite *write = store_write_new(done, done_data);
    guint64 before = 0;

    if (*emitter->epoch && !greeting) {
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

    if (range->kept++ == 0)
        range->oldest = range->last + 1;
    waiting->sequence = series->touched = ++range->last;
    series->kept++;
    series->fresh = waiting->reading;
    store->history_bytes += waiting->reading->length + ROW_OVERHEAD;
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
    store->numbers_kept++;
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
static bool add_reading(Store *store, const WaitingWrite *write, WaitingReading *waiting,
                        GError **error)
{
    StoreEmitter emitter = {.peer = write->peer,
                            .fingerprint = write->fingerprint,
                            .epoch = write->epoch,
                            .known = write->known};
    ReceivedSeries *series;

    if (!series_get(store, &emitter, waiting->reading->series, &series, error))
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
    for (guint i = 0; i < write->readings->len; i++) {
        WaitingReading *waiting = &g_array_index(write->readings, WaitingReading, i);

        waiting->sequence = 0;
        if (!add_reading(store, write, waiting, error))
            return false;
    }
    return !*write->epoch || write->greeting || emitters_advance(store, write, error);
}

/* ---- what is too old ------------------------------------------------------------------- */

static bool is_excess(const Store *store, guint64 received)
{
    return store->ranges[LOG_HISTORY].kept > store->limits.history ||
           store->history_bytes > MAX_HISTORY_BYTES || received < store->horizon;
}

/* What the row at hand takes with it */
static guint64 count_out(Store *store, sqlite3_stmt *row)
{
    ReceivedSeries *series = series_at(store, sqlite3_column_int64(row, 3));
    Reading reading = {};

    store_db_column_value(row, 4, &reading);
    store->ranges[LOG_HISTORY].kept--;
    store->history_bytes -= MIN(store->history_bytes, reading.length + ROW_OVERHEAD);
    if (series) {
        series->kept -= MIN(series->kept, 1);
        if (!*series->name && reading.kind == READING_NUMBER)
            store->numbers_kept -= MIN(store->numbers_kept, 1);
    }
    return (guint64) sqlite3_column_int64(row, 0);
}

static bool trim(Store *store, bool *done, GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_READ_HISTORY);
    GError *local = NULL;
    guint64 last = 0;
    guint count = 0;

    sqlite3_bind_int64(row, 1, 0);
    while (count < MAX_TRIMMED && store_db_step(store->db, row, &local)) {
        if (!is_excess(store, (guint64) sqlite3_column_int64(row, 1)))
            break;
        last = count_out(store, row);
        count++;
    }
    sqlite3_reset(row);
    if (local) {
        g_propagate_error(error, local);
        return false;
    }
    if (count == 0)
        return true;
    *done = *done && count < MAX_TRIMMED;
    row = store_db_statement(store->db, SQL_TRIM_HISTORY);
    sqlite3_bind_int64(row, 1, (gint64) last);
    return store_db_run(store->db, row, error) && store_ask_oldest(store, LOG_HISTORY, error);
}

bool history_finish(Store *store, bool *done, GError **error)
{
    return series_finish(store, error) && trim(store, done, error);
}

bool history_has_expired(Store *store)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_READ_HISTORY);
    bool expired;

    sqlite3_bind_int64(row, 1, 0);
    expired = store_db_step(store->db, row, NULL) &&
              (guint64) sqlite3_column_int64(row, 1) < store->horizon;
    sqlite3_reset(row);
    return expired;
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

/* How many that pass FILTER can have left the history at all */
static guint64 count_gone(const Store *store, const HistoryFilter *filter)
{
    guint64 gone = store->dropped;

    if (filter->numbers)
        return store->numbers - MIN(store->numbers, store->numbers_kept);
    for (guint i = 0; i < store->series->len; i++) {
        const ReceivedSeries *series = store->series->pdata[i];

        if (series && is_peer(filter, series->peer, series->fingerprint) &&
            (!filter->series || strcmp(filter->series, series->name) == 0))
            gone += series->received - MIN(series->received, series->kept);
    }
    return gone;
}

/* Those before the oldest that is kept were received before it. */
static bool had_all_since(Store *store, guint64 since)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_READ_HISTORY);
    bool had;

    sqlite3_bind_int64(row, 1, 0);
    had = store_db_step(store->db, row, NULL) && (guint64) sqlite3_column_int64(row, 1) < since;
    sqlite3_reset(row);
    return had;
}

static guint64 count_lost(Store *store, guint64 after, const HistoryFilter *filter)
{
    const SequenceRange *range = &store->ranges[LOG_HISTORY];
    guint64 lost = store_used_between(range, after, range->oldest - 1);

    if (lost == 0 || !filter)
        return lost;
    if (filter->last > 0 || (filter->since > 0 && had_all_since(store, filter->since)))
        return 0;
    return MIN(lost, count_gone(store, filter));
}

guint64 store_read_history(Store *store, guint64 after, guint max, const HistoryFilter *filter,
                           HistoryVisitor visit, gpointer data)
{
    sqlite3_stmt *row;
    GError *fault = NULL;
    guint64 lost;
    guint count = 0;

    after = MIN(after, G_MAXINT64);
    lost = count_lost(store, after, filter);
    if (filter && filter->last > 0)
        after = skip_to_last(store, after, filter);
    row = store_db_statement(store->db, SQL_READ_HISTORY);
    sqlite3_bind_int64(row, 1, (gint64) after);
    while ((max == 0 || count < max) && store_db_step(store->db, row, &fault)) {
        HistoryReading reading = describe_row(store, row);

        if (!passes(filter, &reading))
            continue;
        count++;
        if (!visit(&reading, data))
            break;
    }
    sqlite3_reset(row);
    store_note_fault(store, fault);
    return lost;
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
