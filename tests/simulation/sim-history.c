/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "sim-history.h"

#include <string.h>

#include "plants.h"
#include "sim-outbox.h"
#include "world.h"

typedef struct {
    guint64 sequence, nth;
    char *series;
    guint hash;
} SimTaken;

/* A batch that was given */
typedef struct {
    char epoch[RANDOM_ID_LENGTH + 1];
    bool greeting;
    guint64 cursor;
    GArray *taken; /* of SimTaken */
    SimStored stored;
    gpointer data;
} SimCommit;

static void taken_clear(gpointer data)
{
    g_free(((SimTaken *) data)->series);
}

static void commit_free(gpointer data)
{
    SimCommit *commit = data;

    g_array_unref(commit->taken);
    g_free(commit);
}

static void series_clear(gpointer data)
{
    g_free(((SimSeries *) data)->name);
}

static void heard_free(gpointer data)
{
    SimHeard *heard = data;

    g_array_unref(heard->series);
    g_array_unref(heard->received);
    g_free(heard);
}

SimHistory *sim_history_new(void)
{
    SimHistory *history = g_new0(SimHistory, 1);

    history->log = g_ptr_array_new_with_free_func(commit_free);
    history->waiting = g_ptr_array_new_with_free_func(commit_free);
    history->heard = g_ptr_array_new_with_free_func(heard_free);
    return history;
}

void sim_history_free(SimHistory *history)
{
    g_ptr_array_unref(history->log);
    g_ptr_array_unref(history->waiting);
    g_ptr_array_unref(history->heard);
    g_free(history);
}

/* ---- what a commit does -------------------------------------------------------------- */

static SimHeard *heard_of(SimHistory *history, const char *id)
{
    SimHeard *heard;

    for (guint i = history->heard->len; i > 0; i--) {
        heard = history->heard->pdata[i - 1];
        if (strcmp(heard->id, id) == 0)
            return heard;
    }
    heard = g_new0(SimHeard, 1);
    g_strlcpy(heard->id, id, sizeof heard->id);
    heard->series = g_array_new(FALSE, TRUE, sizeof(SimSeries));
    g_array_set_clear_func(heard->series, series_clear);
    heard->received = g_array_new(FALSE, FALSE, sizeof(SimReceived));
    g_ptr_array_add(history->heard, heard);
    return heard;
}

static SimSeries *series_of(SimHeard *heard, const char *name)
{
    SimSeries new = {};

    for (guint i = 0; i < heard->series->len; i++) {
        SimSeries *series = &g_array_index(heard->series, SimSeries, i);

        if (strcmp(series->name, name) == 0)
            return series;
    }
    new.name = g_strdup(name);
    g_array_append_val(heard->series, new);
    return &g_array_index(heard->series, SimSeries, heard->series->len - 1);
}

static void receive(SimHeard *heard, SimSeries *series, const SimTaken *taken, bool greeting)
{
    SimReceived received = {taken->sequence, taken->hash, greeting};

    g_array_append_val(heard->received, received);
    series->nth = taken->nth;
    series->sequence = taken->sequence;
}

static void greet(SimHeard *heard, const SimTaken *taken)
{
    SimSeries *series = series_of(heard, taken->series);

    if (taken->sequence > series->sequence)
        receive(heard, series, taken, true);
    else if (taken->sequence == 0)
        series->nth = taken->nth;
}

static void take(SimHeard *heard, const SimTaken *taken)
{
    SimSeries *series = series_of(heard, taken->series);

    if (taken->sequence == 0) {
        series->nth = MIN(series->nth, taken->nth);
        return;
    }
    if (heard->placed && taken->sequence <= heard->place && planted != PLANT_AGAIN &&
        planted != PLANT_CURSOR)
        return;
    if (taken->nth > series->nth && planted != PLANT_UNCOUNTED)
        series->missed += taken->nth - series->nth - 1;
    receive(heard, series, taken, false);
}

static void apply(SimHistory *history, const SimCommit *commit)
{
    SimHeard *heard = heard_of(history, commit->epoch);
    guint at;

    for (guint i = 0; i < commit->taken->len; i++) {
        const SimTaken *taken = &g_array_index(commit->taken, SimTaken, i);

        if (commit->greeting)
            greet(heard, taken);
        else
            take(heard, taken);
    }
    if (commit->greeting)
        return;
    if (!heard->placed && commit->taken->len == 0)
        heard->begin = commit->cursor;
    heard->place = heard->placed ? MAX(heard->place, commit->cursor) : commit->cursor;
    heard->placed = true;
    g_ptr_array_find(history->heard, heard, &at);
    g_ptr_array_add(history->heard, g_ptr_array_steal_index(history->heard, at));
}

/* ---- giving ------------------------------------------------------------------------- */

static void add(SimHistory *history, const FeedBatch *batch, bool readings, SimStored stored,
                gpointer data)
{
    SimCommit *commit = g_new0(SimCommit, 1);

    g_strlcpy(commit->epoch, batch->epoch, sizeof commit->epoch);
    commit->greeting = batch->greeting;
    commit->cursor = batch->cursor;
    commit->stored = stored;
    commit->data = data;
    commit->taken = g_array_new(FALSE, FALSE, sizeof(SimTaken));
    g_array_set_clear_func(commit->taken, taken_clear);
    for (guint i = 0; i < batch->count && readings; i++) {
        const EmittedReading *reading = &batch->readings[i];
        SimTaken taken = {reading->sequence, reading->nth, g_strdup(reading->reading.series),
                          sim_reading_hash(reading)};

        g_array_append_val(commit->taken, taken);
    }
    g_ptr_array_add(history->waiting, commit);
}

void sim_history_store(SimHistory *history, const FeedBatch *batch, SimStored stored, gpointer data)
{
    if (planted == PLANT_CURSOR && !batch->greeting && batch->count > 0)
        add(history, batch, false, NULL, NULL);
    add(history, batch, true, stored, data);
}

bool sim_history_place(const SimHistory *history, char epoch[RANDOM_ID_LENGTH + 1],
                       guint64 *sequence)
{
    const SimHeard *heard =
        history->heard->len > 0 ? history->heard->pdata[history->heard->len - 1] : NULL;

    if (!heard || !heard->placed)
        return false;
    strcpy(epoch, heard->id);
    *sequence = heard->place;
    if (planted == PLANT_AGAIN && *sequence > 1)
        --*sequence;
    return true;
}

/* ---- what the disk does ----------------------------------------------------------------- */

void sim_history_commit(SimHistory *history)
{
    GPtrArray *given = history->waiting;
    bool ok = !history->full;

    history->waiting = g_ptr_array_new_with_free_func(commit_free);
    for (guint i = 0; i < given->len && ok; i++)
        apply(history, given->pdata[i]);
    for (guint i = 0; i < given->len; i++) {
        SimCommit *commit = given->pdata[i];

        if (commit->stored)
            commit->stored(ok, commit->data);
        if (ok)
            g_ptr_array_add(history->log, commit);
    }
    if (ok)
        g_ptr_array_set_free_func(given, NULL);
    g_ptr_array_unref(given);
}

void sim_history_sync(SimHistory *history)
{
    history->synced = history->log->len;
}

void sim_history_kill(SimHistory *history)
{
    g_ptr_array_set_size(history->waiting, 0);
}

void sim_history_power_cut(SimHistory *history)
{
    guint left = (guint) world_between(history->synced, history->log->len);

    sim_history_kill(history);
    g_ptr_array_set_size(history->log, (int) left);
    history->synced = left;
    g_ptr_array_set_size(history->heard, 0);
    for (guint i = 0; i < left; i++)
        apply(history, history->log->pdata[i]);
}
