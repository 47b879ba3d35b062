/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The listener's store as the feed sees it, in memory, with what a crash leaves of it.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/readings/feed-receiver.h"

/* What came of a series of an epoch */
typedef struct {
    char *name;
    guint64 nth, sequence; /* of the newest; a base has no sequence */
    guint64 missed;
} SimSeries;

typedef struct {
    guint64 sequence;
    guint hash;
    bool greeting;
} SimReceived;

/* What there is of an epoch of the emitter */
typedef struct {
    char id[RANDOM_ID_LENGTH + 1];
    bool placed; /* it is no newcomer any more */
    guint64 place;
    guint64 begin;    /* above it nothing may be lost */
    GArray *series;   /* of SimSeries */
    GArray *received; /* of SimReceived, in their order */
} SimHeard;

typedef void (*SimStored)(bool ok, gpointer data);

typedef struct {
    GPtrArray *log;     /* of SimCommit: what is on the disk */
    guint synced;       /* of LOG: what a power cut leaves for certain */
    GPtrArray *waiting; /* of SimCommit, for the next commit */
    GPtrArray *heard;   /* of SimHeard, as LOG has it; the last one is the newest place's */
    bool full;          /* the disk */
} SimHistory;

SimHistory *sim_history_new(void);
void sim_history_free(SimHistory *history);

/* STORED is called at the next commit, unless there is a crash before. */
void sim_history_store(SimHistory *history, const FeedBatch *batch, SimStored stored,
                       gpointer data);
bool sim_history_place(const SimHistory *history, char epoch[RANDOM_ID_LENGTH + 1],
                       guint64 *sequence);

void sim_history_commit(SimHistory *history);
void sim_history_sync(SimHistory *history);
void sim_history_kill(SimHistory *history);
void sim_history_power_cut(SimHistory *history);
