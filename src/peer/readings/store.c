/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Opening, collecting and committing. What is waiting is committed at once, but only so many times
 * in a row, and then every few milliseconds: some readings are quick, and thousands share a commit.
 */

#include <config.h>

#include "peer/readings/store.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/bucket.h"
#include "common/clock.h"
#include "common/log.h"
#include "peer/error.h"
#include "peer/readings/store-file.h"
#include "peer/readings/store-private.h"

enum {
    COMMIT_BURST = 8,        /* commits in a row, and then one each */
    COMMIT_INTERVAL = 5000,  /* µs */
    RETRY_INTERVAL = 200000, /* the same, after a commit that failed */
    RESERVED_AHEAD = 65536,  /* sequences; each time costs a wait for the disk */
    MAX_WAITING = 16 * 1024 * 1024,
    MAX_BUSY = 30 * G_USEC_PER_SEC,
    CLOSING_TRIES = 400, /* COMMIT_INTERVAL apart */
};

/* ---- sequences ------------------------------------------------------------------ */

guint64 store_used_between(const SequenceRange *range, guint64 after, guint64 last)
{
    guint64 count = last > after ? last - after : 0;

    for (guint i = 0; i < range->gaps->len; i++) {
        const SequenceGap *gap = &g_array_index(range->gaps, SequenceGap, i);
        guint64 first = MAX(gap->first, after + 1), end = MIN(gap->last, last);

        if (end >= first)
            count -= end - first + 1;
    }
    return count;
}

guint64 store_previous(const SequenceRange *range, guint64 sequence)
{
    guint64 previous = sequence - 1;

    for (guint i = range->gaps->len; i > 0; i--) {
        const SequenceGap *gap = &g_array_index(range->gaps, SequenceGap, i - 1);

        if (gap->last == previous)
            previous = gap->first - 1;
    }
    return previous;
}

/* ---- the state ------------------------------------------------------------------ */

static void state_begin(Store *store)
{
    random_id(store->epoch);
    random_id(store->history_id);
    g_free(store->file_boot);
    store->file_boot = g_strdup(store->boot);
    for (int i = 0; i < LOG_COUNT; i++) {
        GArray *gaps = store->ranges[i].gaps;

        store->ranges[i] = (SequenceRange){.oldest = 1, .gaps = gaps};
    }
    store->numbers = store->dropped = 0;
    store->last_number = (HistoryReading){};
}

static void state_read(Store *store, sqlite3_stmt *row)
{
    SequenceRange *outbox = &store->ranges[LOG_OUTBOX], *history = &store->ranges[LOG_HISTORY];

    g_strlcpy(store->epoch, store_db_column_text(row, 0), sizeof store->epoch);
    g_strlcpy(store->history_id, store_db_column_text(row, 1), sizeof store->history_id);
    g_free(store->file_boot);
    store->file_boot = g_strdup(store_db_column_text(row, 2));
    outbox->last = (guint64) sqlite3_column_int64(row, 3);
    outbox->reserved = outbox->asked = (guint64) sqlite3_column_int64(row, 4);
    history->last = (guint64) sqlite3_column_int64(row, 5);
    history->reserved = history->asked = (guint64) sqlite3_column_int64(row, 6);
    store->numbers = (guint64) sqlite3_column_int64(row, 7);
    store->dropped = (guint64) sqlite3_column_int64(row, 8);
    g_free(store->last_number_peer);
    store->last_number_peer = g_strdup(store_db_column_text(row, 11));
    store->last_number =
        (HistoryReading){.sequence = (guint64) sqlite3_column_int64(row, 9),
                         .received = (guint64) sqlite3_column_int64(row, 10),
                         .peer = store->last_number_peer,
                         .fingerprint = "",
                         .reading = {.series = "",
                                     .unit = "",
                                     .time = (guint64) sqlite3_column_int64(row, 12),
                                     .number = sqlite3_column_double(row, 13)}};
}

static bool state_write(Store *store, GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_WRITE_STATE);
    const HistoryReading *number = &store->last_number;
    const guint64 values[] = {
        store->ranges[LOG_OUTBOX].last,
        store->ranges[LOG_OUTBOX].asked,
        store->ranges[LOG_HISTORY].last,
        store->ranges[LOG_HISTORY].asked,
        store->numbers,
        store->dropped,
        number->sequence,
        number->received,
    };
    int column = 0;

    sqlite3_bind_text(row, ++column, store->epoch, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, ++column, store->history_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, ++column, store->file_boot, -1, SQLITE_STATIC);
    for (gsize i = 0; i < G_N_ELEMENTS(values); i++)
        sqlite3_bind_int64(row, ++column, (gint64) values[i]);
    sqlite3_bind_text(row, ++column, number->peer ? number->peer : "", -1, SQLITE_STATIC);
    sqlite3_bind_int64(row, ++column, (gint64) number->reading.time);
    sqlite3_bind_double(row, ++column, number->reading.number);
    return store_db_run(store->db, row, error);
}

static bool gaps_load(Store *store, GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_LIST_GAPS);
    GError *local = NULL;

    for (int i = 0; i < LOG_COUNT; i++)
        g_array_set_size(store->ranges[i].gaps, 0);
    while (store_db_step(store->db, row, &local)) {
        SequenceGap gap = {(guint64) sqlite3_column_int64(row, 1),
                           (guint64) sqlite3_column_int64(row, 2)};

        g_array_append_val(store->ranges[sqlite3_column_int(row, 0) != LOG_OUTBOX].gaps, gap);
    }
    if (local)
        g_propagate_error(error, local);
    return !local;
}

static void store_clear(Store *store)
{
    outbox_clear(store);
    history_clear(store);
    emitters_clear(store);
}

static bool load_state(Store *store, GError **error)
{
    sqlite3_stmt *row = store_db_statement(store->db, SQL_READ_STATE);
    g_autoptr(GError) local = NULL;

    state_begin(store);
    if (store_db_step(store->db, row, &local)) {
        state_read(store, row);
        sqlite3_reset(row);
    }
    if (!local)
        return true;
    g_propagate_error(error, g_steal_pointer(&local));
    return false;
}

/* A store that is new has no ids in its file before it has resumed. */
bool store_load(Store *store, GError **error)
{
    store->loaded = false;
    store_clear(store);
    if (!load_state(store, error) || !gaps_load(store, error) || !outbox_load(store, error) ||
        !history_load(store, error) || !emitters_load(store, error))
        return false;
    store->loaded = true;
    return true;
}

/* ---- sequences are reserved before they are used --------------------------------- */

static bool skip_reserved(Store *store, SequenceLog log, GError **error)
{
    SequenceRange *range = &store->ranges[log];
    SequenceGap gap = {range->last + 1, range->reserved};
    sqlite3_stmt *row = store_db_statement(store->db, SQL_ADD_GAP);

    if (gap.first > gap.last)
        return true;
    sqlite3_bind_int(row, 1, log);
    sqlite3_bind_int64(row, 2, (gint64) gap.first);
    sqlite3_bind_int64(row, 3, (gint64) gap.last);
    g_array_append_val(range->gaps, gap);
    if (range->oldest > range->last)
        range->oldest = range->reserved + 1;
    range->last = range->reserved;
    return store_db_run(store->db, row, error) &&
           (log != LOG_OUTBOX || forks_add(store, &gap, error));
}

/* The machine has been started anew: what was not on the disk is gone, and somebody may have it. */
static bool skip_lost(Store *store, GError **error)
{
    if (strcmp(store->boot, store->file_boot) == 0)
        return true;
    g_free(store->file_boot);
    store->file_boot = g_strdup(store->boot);
    return skip_reserved(store, LOG_OUTBOX, error) && skip_reserved(store, LOG_HISTORY, error);
}

static bool begin(Store *store, GError **error)
{
    store->evicted = 0;
    return store_db_run(store->db, store_db_statement(store->db, SQL_BEGIN), error);
}

static bool end(Store *store, GError **error)
{
    return state_write(store, error) &&
           store_db_run(store->db, store_db_statement(store->db, SQL_COMMIT), error);
}

static bool write_reserve(Store *store, guint64 ahead, GError **error)
{
    bool good;

    if (!begin(store, error))
        return false;
    good = skip_lost(store, error);
    for (int i = 0; i < LOG_COUNT; i++)
        store->ranges[i].asked = store->ranges[i].last + ahead;
    good = good && end(store, error);
    for (int i = 0; good && i < LOG_COUNT; i++)
        store->ranges[i].reserved = store->ranges[i].asked;
    return good;
}

/* These commits alone wait for the disk: the first, and one after which too many sequences are used
 * before the thread has brought the next ones to the disk. */
static bool write_reserve_synced(Store *store, guint64 ahead, GError **error)
{
    bool good;

    store_db_set_synced(store->db, true);
    good = write_reserve(store, ahead, error);
    store_db_set_synced(store->db, false);
    return good;
}

/* One that could not be begun has changed nothing. */
static bool take_back(Store *store, GError **error)
{
    g_autoptr(GError) local = NULL;
    guint64 reserved[LOG_COUNT];

    if (error && g_error_matches(*error, STORE_DB_ERROR, STORE_DB_BUSY))
        return false;
    for (int i = 0; i < LOG_COUNT; i++)
        reserved[i] = store->ranges[i].reserved;
    store_db_rollback(store->db);
    if (!store_load(store, &local) && error && !*error)
        g_propagate_error(error, g_steal_pointer(&local));
    for (int i = 0; store->resumed && i < LOG_COUNT; i++)
        store->ranges[i].reserved = MIN(reserved[i], store->ranges[i].asked);
    return false;
}

static bool store_resume(Store *store, GError **error)
{
    if (!store->loaded && !store_load(store, error))
        return false;
    store->resumed = store->resumed || write_reserve_synced(store, RESERVED_AHEAD, error);
    return store->resumed || take_back(store, error);
}

/* With the next commit, long before they are needed */
static void ask_ahead(Store *store)
{
    bool synced = store_db_has_synced(store->db, store->asked_at);

    for (int i = 0; i < LOG_COUNT; i++) {
        SequenceRange *range = &store->ranges[i];

        if (range->asked > range->reserved && synced)
            range->reserved = range->asked;
        if (range->asked == range->reserved && range->reserved - range->last < RESERVED_AHEAD / 2) {
            range->asked = range->last + RESERVED_AHEAD;
            store->asked_at = store_db_commits(store->db) + 1;
        }
    }
}

/* Whether COUNT[log] more are ours. */
static bool is_reserved(const Store *store, const guint64 count[LOG_COUNT])
{
    for (int i = 0; i < LOG_COUNT; i++) {
        if (store->ranges[i].last + count[i] > store->ranges[i].reserved)
            return false;
    }
    return true;
}

static bool reserve_for(Store *store, const GPtrArray *writes, GError **error)
{
    guint64 count[LOG_COUNT] = {};

    for (guint i = 0; i < writes->len; i++) {
        const WaitingWrite *write = writes->pdata[i];

        count[write->published ? LOG_OUTBOX : LOG_HISTORY] += write->readings->len;
    }
    return is_reserved(store, count) ||
           write_reserve_synced(store, RESERVED_AHEAD + MAX(count[LOG_OUTBOX], count[LOG_HISTORY]),
                                error);
}

/* ---- problems ------------------------------------------------------------------- */

/* Who hears of it may look for what is being committed: after that it is there. */
static void tell_changed(Store *store)
{
    store->news = store->committing;
    if (!store->committing)
        store->ops->changed(store->data);
}

void store_set_problem(Store *store, char *problem)
{
    bool news = g_strcmp0(problem, store->problem) != 0;

    g_free(store->problem);
    store->problem = problem;
    if (!news)
        return;
    if (problem)
        log_warning("%s", problem);
    else
        log_info(_("readings are kept on the disk again"));
    tell_changed(store);
}

static char *explain(const Store *store, const GError *error)
{
    return g_strdup_printf(_("readings cannot be kept in %s: %s; once that is mended it goes on by "
                             "itself"),
                           store->path ? store->path : _("memory"), error->message);
}

const char *store_problem(const Store *store)
{
    return store->problem ? store->problem : store->notice;
}

/* ---- open ----------------------------------------------------------------------- */

Store *store_open(const StoreSettings *settings, const StoreOps *ops, gpointer data)
{
    Store *store = g_new0(Store, 1);

    store->path = g_strdup(settings->path);
    store->vfs = g_strdup(settings->vfs);
    store->manual = settings->manual;
    store->limits = settings->limits;
    store->ops = ops;
    store->data = data;
    store->boot = settings->boot ? g_strdup(settings->boot) : store_file_boot();
    for (int i = 0; i < LOG_COUNT; i++)
        store->ranges[i].gaps = g_array_new(FALSE, FALSE, sizeof(SequenceGap));
    store->waiting = g_ptr_array_new();
    history_forget_waiting(store);
    store->numbers_gone = g_array_new(FALSE, FALSE, sizeof(guint64));
    store_clear(store);
    store_begin(store);
    store_resume(store, NULL);
    return store;
}

/* ---- what is waiting ------------------------------------------------------------- */

static void waiting_reading_clear(gpointer data)
{
    reading_free(((WaitingReading *) data)->reading);
}

WaitingWrite *store_write_new(StoreDone done, gpointer done_data)
{
    WaitingWrite *write = g_new0(WaitingWrite, 1);

    write->readings = g_array_new(FALSE, TRUE, sizeof(WaitingReading));
    g_array_set_clear_func(write->readings, waiting_reading_clear);
    write->done = done;
    write->done_data = done_data;
    return write;
}

void store_write_add(WaitingWrite *write, const EmittedReading *reading)
{
    WaitingReading waiting = {.reading = reading_copy(&reading->reading),
                              .emitted = reading->sequence,
                              .nth = reading->nth};

    g_array_append_val(write->readings, waiting);
}

static void write_free(gpointer data)
{
    WaitingWrite *write = data;

    g_array_unref(write->readings);
    g_free(write->peer);
    g_free(write->fingerprint);
    g_free(write->epoch);
    g_free(write);
}

static gboolean on_timer(gpointer data)
{
    Store *store = data;

    store->timer = 0;
    store_commit(store);
    return G_SOURCE_REMOVE;
}

static void schedule(Store *store)
{
    gint64 wait = bucket_wait(&store->commits, clock_monotonic(), COMMIT_INTERVAL,
                              store->failed ? 1 : COMMIT_BURST);

    if (!store->manual && !store->timer)
        store->timer = clock_timer_add((guint) ((wait + 999) / 1000), on_timer, store);
}

void store_wait(Store *store, WaitingWrite *write)
{
    g_ptr_array_add(store->waiting, write);
    for (guint i = 0; i < write->readings->len; i++)
        store->waiting_bytes +=
            g_array_index(write->readings, WaitingReading, i).reading->length + sizeof(Reading);
    schedule(store);
}

void store_note_fault(Store *store, GError *fault)
{
    if (!fault)
        return;
    if (g_error_matches(fault, STORE_DB_ERROR, STORE_DB_DAMAGED) && !store->damage) {
        store->damage = g_strdup(fault->message);
        schedule(store);
    }
    g_error_free(fault);
}

bool store_is_full(const Store *store)
{
    return store->waiting_bytes > MAX_WAITING;
}

/* ---- commit --------------------------------------------------------------------- */

static bool write_all(Store *store, const GPtrArray *writes, bool *done, GError **error)
{
    if (!begin(store, error))
        return false;
    for (guint i = 0; i < writes->len; i++) {
        WaitingWrite *write = writes->pdata[i];

        if (!(write->published ? outbox_add(store, write, error)
                               : history_add(store, write, error)))
            return false;
    }
    return outbox_finish(store, done, error) && history_finish(store, done, error) &&
           end(store, error);
}

/* *DONE: nothing is left to be taken out. */
static bool transact(Store *store, const GPtrArray *writes, bool *done, GError **error)
{
    *done = true;
    if (store->damage) {
        g_set_error_literal(error, STORE_DB_ERROR, STORE_DB_DAMAGED, store->damage);
        g_clear_pointer(&store->damage, g_free);
        return false;
    }
    if (!store_resume(store, error))
        return false;
    ask_ahead(store);
    if (reserve_for(store, writes, error) && write_all(store, writes, done, error))
        return true;
    *done = true;
    return take_back(store, error);
}

/* Once more, with a new file, if the one that is there is damaged. */
static bool transact_or_begin_anew(Store *store, const GPtrArray *writes, bool *done,
                                   GError **error)
{
    g_autoptr(GError) local = NULL;

    if (transact(store, writes, done, &local))
        return true;
    if (!store->path || store->in_memory ||
        !g_error_matches(local, STORE_DB_ERROR, STORE_DB_DAMAGED)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return false;
    }
    g_clear_pointer(&store->db, store_db_kill);
    store_begin_anew(store, local->message);
    if (!transact(store, writes, done, error))
        return false;
    tell_changed(store);
    return true;
}

static void tell_write(Store *store, const WaitingWrite *write, const GError *fault)
{
    g_autoptr(GError) refusal = write->refused && !fault ? outbox_refusal() : NULL;
    const GError *error = fault ? fault : refusal;
    guint64 sequence = write->cursor;

    for (guint i = 0; !error && i < write->readings->len; i++) {
        if (write->published) {
            OutboxReading reading = outbox_describe(store, write, i);

            sequence = reading.sequence;
            store->ops->published(&reading, store->data);
        } else if (g_array_index(write->readings, WaitingReading, i).sequence > 0) {
            HistoryReading reading = history_describe(write, i);

            store->ops->received(&reading, store->data);
        }
    }
    if (write->done)
        write->done(sequence, error, write->done_data);
}

static void tell_all(Store *store, const GPtrArray *writes, const GError *fault)
{
    g_autofree char *words = fault ? explain(store, fault) : NULL;
    g_autoptr(GError) error =
        fault ? g_error_new_literal(PEER_ERROR, PEER_ERROR_FAILED, words) : NULL;

    store->failed = error != NULL;
    if (error)
        store_set_problem(store, g_steal_pointer(&words));
    else if (!store->in_memory && store->problem)
        store_set_problem(store, NULL);
    for (guint i = 0; i < writes->len; i++)
        tell_write(store, writes->pdata[i], error);
}

/* A checkpoint is at its end; it is not for ever. */
static bool is_busy(Store *store, const GError *error)
{
    if (!g_error_matches(error, STORE_DB_ERROR, STORE_DB_BUSY)) {
        store->busy_since = 0;
        return false;
    }
    if (store->busy_since == 0)
        store->busy_since = clock_monotonic();
    return !store->hurried && clock_monotonic() - store->busy_since < MAX_BUSY;
}

/* After one that failed the bucket has no token for a while. */
static void note_commit(Store *store, bool good)
{
    gint64 now = clock_monotonic();

    if (good)
        bucket_take(&store->commits, now, COMMIT_INTERVAL, COMMIT_BURST);
    else
        store->commits = now + RETRY_INTERVAL;
}

static void commit_waiting(Store *store)
{
    g_autoptr(GPtrArray) writes = NULL;
    g_autoptr(GError) error = NULL;
    bool done = true, busy;
    bool good = transact_or_begin_anew(store, store->waiting, &done, &error);

    busy = is_busy(store, error);
    note_commit(store, good || busy);
    if (busy) {
        schedule(store);
        return;
    }
    writes = g_steal_pointer(&store->waiting);
    g_ptr_array_set_free_func(writes, write_free);
    store->waiting = g_ptr_array_new();
    store->waiting_bytes = 0;
    history_forget_waiting(store);
    if (!good)
        emitters_forget_waiting(store);
    tell_all(store, writes, error);
    if (!done || store->waiting->len > 0)
        schedule(store);
}

static void commit(Store *store)
{
    store->committing = true;
    commit_waiting(store);
    store->committing = false;
    if (store->news)
        tell_changed(store);
}

/*
 * A callback of a commit is no place for the next: its readings would come before others, and
 * when the file has been begun anew, what waits would be written twice.
 */
void store_commit(Store *store)
{
    if (store->committing) {
        schedule(store);
        return;
    }
    g_clear_handle_id(&store->timer, g_source_remove);
    commit(store);
}

void store_expire(Store *store, guint64 now)
{
    store_try_return(store);
    store_db_shrink(store->db);
    if (store->limits.history_time == 0 || now <= store->limits.history_time)
        return;
    store->horizon = now - store->limits.history_time;
    if (history_has_expired(store))
        store_commit(store);
}

void store_set_limits(Store *store, const StoreLimits *limits)
{
    store->limits = *limits;
    if (limits->history_time == 0)
        store->horizon = 0;
    store_commit(store);
}

/* ---- the end -------------------------------------------------------------------- */

static void store_free(Store *store)
{
    g_clear_handle_id(&store->timer, g_source_remove);
    store_clear(store);
    for (int i = 0; i < LOG_COUNT; i++)
        g_array_unref(store->ranges[i].gaps);
    g_ptr_array_set_free_func(store->waiting, write_free);
    g_ptr_array_unref(store->waiting);
    g_hash_table_unref(store->numbers_waiting);
    g_hash_table_unref(store->published_names);
    g_ptr_array_unref(store->published);
    g_hash_table_unref(store->series_keys);
    g_ptr_array_unref(store->series);
    g_hash_table_unref(store->shares);
    g_array_unref(store->numbers_gone);
    g_hash_table_unref(store->emitters);
    g_free(store->last_number_peer);
    g_free(store->problem);
    g_free(store->damage);
    g_free(store->notice);
    g_free(store->boot);
    g_free(store->file_boot);
    g_free(store->path);
    g_free(store->vfs);
    g_free(store);
}

/* Whoever else has the file locked is waited for, but not for long. */
static void commit_rest(Store *store)
{
    for (guint tries = 0; store->waiting->len > 0; tries++) {
        if (store->busy_since > 0)
            g_usleep(COMMIT_INTERVAL);
        store->hurried = tries >= CLOSING_TRIES;
        commit(store);
    }
}

/* What is reserved and not used is given back, so that nothing is skipped after it. */
void store_close(Store *store)
{
    if (!store)
        return;
    store_db_settle(store->db);
    commit_rest(store);
    if (store->resumed && !store->in_memory)
        write_reserve_synced(store, 0, NULL);
    store_db_rollback(store->db);
    store_db_close(store->db);
    store_free(store);
}

void store_kill(Store *store)
{
    store_db_kill(store->db);
    store_free(store);
}

const char *store_epoch(const Store *store)
{
    return store->epoch;
}

const char *store_history_id(const Store *store)
{
    return store->history_id;
}
