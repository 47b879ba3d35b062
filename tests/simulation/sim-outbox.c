/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "sim-outbox.h"

#include <string.h>

#include "common/clock.h"
#include "plants.h"
#include "world.h"

enum { RESERVE = 50 };

static void row_free(gpointer data)
{
    SimRow *row = data;

    g_free((char *) row->reading.reading.series);
    g_free((char *) row->reading.reading.unit);
    g_free((void *) row->reading.reading.data);
    g_free(row);
}

static void epoch_free(gpointer data)
{
    SimEpoch *epoch = data;

    g_ptr_array_unref(epoch->rows);
    g_array_unref(epoch->forks);
    g_free(epoch);
}

static SimEpoch *current(const SimOutbox *outbox)
{
    return outbox->epochs->pdata[outbox->epochs->len - 1];
}

static void drop_waiting(SimOutbox *outbox);

void sim_outbox_begin_anew(SimOutbox *outbox)
{
    SimEpoch *epoch = g_new0(SimEpoch, 1);

    if (outbox->waiting->len > 0)
        drop_waiting(outbox);
    random_id(epoch->id);
    epoch->rows = g_ptr_array_new_with_free_func(row_free);
    epoch->forks = g_array_new(FALSE, FALSE, sizeof(SimFork));
    g_ptr_array_add(outbox->epochs, epoch);
    g_ptr_array_set_size(outbox->rows, 0);
    g_ptr_array_set_size(outbox->waiting, 0);
    outbox->synced = 0;
    outbox->next = 1;
    outbox->reserved = RESERVE;
    memset(outbox->nth, 0, sizeof outbox->nth);
}

SimOutbox *sim_outbox_new(guint limit)
{
    SimOutbox *outbox = g_new0(SimOutbox, 1);

    outbox->epochs = g_ptr_array_new_with_free_func(epoch_free);
    outbox->rows = g_ptr_array_new();
    outbox->waiting = g_ptr_array_new();
    outbox->limit = limit;
    sim_outbox_begin_anew(outbox);
    return outbox;
}

void sim_outbox_free(SimOutbox *outbox)
{
    g_ptr_array_unref(outbox->epochs);
    g_ptr_array_unref(outbox->rows);
    g_ptr_array_unref(outbox->waiting);
    g_free(outbox);
}

/* ---- readings ------------------------------------------------------------------ */

guint sim_reading_hash(const EmittedReading *reading)
{
    const Reading *value = &reading->reading;
    guint hash = g_str_hash(value->series) * 31 + g_str_hash(value->unit);

    hash = hash * 31 + (guint) value->time + (guint) (value->time >> 32);
    hash = hash * 31 + (guint) reading->nth + value->kind;
    if (value->kind == READING_NUMBER)
        return hash * 31 + g_double_hash(&value->number);
    for (gsize i = 0; i < value->length; i++)
        hash = hash * 31 + ((const guint8 *) value->data)[i];
    return hash;
}

static void make_value(Reading *reading)
{
    gsize length = (gsize) (world_once_in(50) ? world_between(10000, 65536) : world_between(0, 40));
    guint8 *data;

    if (!world_once_in(4)) {
        reading->kind = READING_NUMBER;
        reading->number =
            (double) world_between(-50000, 50000) / (world_once_in(2) ? 100 : world_between(1, 7));
        return;
    }
    reading->kind = world_once_in(2) ? READING_TEXT : READING_BYTES;
    data = g_malloc(length + 1);
    for (gsize i = 0; i < length; i++)
        data[i] = (guint8) ('a' + i * 7 % 26);
    reading->data = data;
    reading->length = length;
}

void sim_outbox_publish(SimOutbox *outbox)
{
    SimRow *row = g_new0(SimRow, 1);
    Reading *reading = &row->reading.reading;

    row->series = (guint) world_between(0, SIM_SERIES - 1);
    if (row->series > 1 && !world_once_in(4)) /* some are rare */
        row->series = 0;
    row->reading.sequence = outbox->next++;
    if (outbox->next > outbox->reserved)
        outbox->reserved += RESERVE;
    row->reading.nth = ++outbox->nth[row->series];
    reading->series = g_strdup_printf("series-%u", row->series);
    reading->unit = g_strdup(world_once_in(20) ? "K" : "°C");
    reading->time = (guint64) clock_wall();
    make_value(reading);
    row->hash = sim_reading_hash(&row->reading);
    g_ptr_array_add(current(outbox)->rows, row);
    g_ptr_array_add(outbox->waiting, row);
}

/* ---- what the disk does ----------------------------------------------------------- */

/* NTH goes on from what is there. */
static void count_again(SimOutbox *outbox)
{
    memset(outbox->nth, 0, sizeof outbox->nth);
    for (guint i = 0; i < outbox->rows->len; i++) {
        const SimRow *row = outbox->rows->pdata[i];

        outbox->nth[row->series] = row->reading.nth;
    }
}

/* Nobody has seen them: they have never been. */
static void drop_waiting(SimOutbox *outbox)
{
    GPtrArray *rows = current(outbox)->rows;

    g_ptr_array_set_size(rows, (int) (rows->len - outbox->waiting->len));
    g_ptr_array_set_size(outbox->waiting, 0);
    count_again(outbox);
}

bool sim_outbox_commit(SimOutbox *outbox)
{
    if (outbox->full) {
        drop_waiting(outbox);
        return false;
    }
    for (guint i = 0; i < outbox->waiting->len; i++) {
        SimRow *row = outbox->waiting->pdata[i];

        row->state = ROW_COMMITTED;
        g_ptr_array_add(outbox->rows, row);
    }
    g_ptr_array_set_size(outbox->waiting, 0);
    return true;
}

void sim_outbox_sync(SimOutbox *outbox)
{
    outbox->synced = outbox->rows->len;
}

void sim_outbox_kill(SimOutbox *outbox)
{
    drop_waiting(outbox);
}

/* Sequences that were reserved are not used again: somebody may have them. */
void sim_outbox_power_cut(SimOutbox *outbox)
{
    guint left = (guint) world_between(outbox->synced, outbox->rows->len);
    SimFork fork;

    drop_waiting(outbox);
    for (guint i = left; i < outbox->rows->len; i++)
        ((SimRow *) outbox->rows->pdata[i])->state = ROW_LOST;
    g_ptr_array_set_size(outbox->rows, (int) left);
    outbox->synced = left;
    outbox->next = outbox->reserved + 1;
    fork.until = outbox->reserved;
    outbox->reserved += RESERVE;
    count_again(outbox);
    fork.from = sim_outbox_source.newest(outbox);
    memcpy(fork.nth, outbox->nth, sizeof fork.nth);
    g_array_append_val(current(outbox)->forks, fork);
}

/* ---- the source -------------------------------------------------------------------- */

static const char *on_epoch(gpointer data)
{
    return current(data)->id;
}

static guint first_kept(const SimOutbox *outbox)
{
    return outbox->rows->len > outbox->limit ? outbox->rows->len - outbox->limit : 0;
}

static guint64 sequence_at(const SimOutbox *outbox, guint i)
{
    return i < outbox->rows->len ? ((SimRow *) outbox->rows->pdata[i])->reading.sequence : 0;
}

static guint64 on_newest(gpointer data)
{
    const SimOutbox *outbox = data;

    return outbox->rows->len > 0 ? sequence_at(outbox, outbox->rows->len - 1) : 0;
}

static guint64 on_oldest(gpointer data)
{
    return planted == PLANT_TRIMMED ? 0 : sequence_at(data, first_kept(data));
}

/* The first one above AFTER */
static guint find_above(const SimOutbox *outbox, guint low, guint64 after)
{
    guint high = outbox->rows->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;

        if (sequence_at(outbox, middle) > after)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void on_read(guint64 after, FeedVisitor visit, gpointer visit_data, gpointer data)
{
    const SimOutbox *outbox = data;

    for (guint i = find_above(outbox, first_kept(outbox), after); i < outbox->rows->len; i++) {
        if (!visit(&((SimRow *) outbox->rows->pdata[i])->reading, visit_data))
            return;
    }
}

static void on_read_last(guint64 after, guint64 until, FeedVisitor visit, gpointer visit_data,
                         gpointer data)
{
    const SimOutbox *outbox = data;
    const SimRow *last[SIM_SERIES] = {};
    guint seen = 0;

    for (guint i = outbox->rows->len; i > 0 && seen < SIM_SERIES; i--) {
        const SimRow *row = outbox->rows->pdata[i - 1];

        if (!last[row->series]) {
            last[row->series] = row;
            seen++;
        }
    }
    for (;;) {
        const SimRow *next = NULL;

        for (guint i = 0; i < SIM_SERIES; i++) {
            if (last[i] && last[i]->reading.sequence > after &&
                (!next || last[i]->reading.sequence < next->reading.sequence))
                next = last[i];
        }
        if (!next || next->reading.sequence > until || !visit(&next->reading, visit_data))
            return;
        after = next->reading.sequence;
    }
}

static bool on_fork(guint64 sequence, FeedVisitor visit, gpointer visit_data, gpointer data)
{
    static const char *const names[] = {"series-0", "series-1", "series-2",
                                        "series-3", "series-4", "series-5"};
    const GArray *forks = current(data)->forks;

    for (guint i = forks->len; i > 0; i--) {
        const SimFork *fork = &g_array_index(forks, SimFork, i - 1);

        if (sequence <= fork->from || sequence > fork->until)
            continue;
        for (guint k = 0; k < SIM_SERIES; k++) {
            EmittedReading base = {.nth = fork->nth[k], .reading = {names[k], ""}};

            visit(&base, visit_data);
        }
        return true;
    }
    return false;
}

const FeedSourceOps sim_outbox_source = {
    .epoch = on_epoch,
    .newest = on_newest,
    .oldest = on_oldest,
    .read = on_read,
    .read_last = on_read_last,
    .fork = on_fork,
};

/* ---- the truth ---------------------------------------------------------------------- */

const SimEpoch *sim_outbox_epoch(const SimOutbox *outbox, const char *id)
{
    for (guint i = 0; i < outbox->epochs->len; i++) {
        const SimEpoch *epoch = outbox->epochs->pdata[i];

        if (strcmp(epoch->id, id) == 0)
            return epoch;
    }
    return NULL;
}

const SimRow *sim_epoch_find(const SimEpoch *epoch, guint64 sequence)
{
    guint low = 0, high = epoch->rows->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        const SimRow *row = epoch->rows->pdata[middle];

        if (row->reading.sequence == sequence)
            return row;
        if (row->reading.sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
