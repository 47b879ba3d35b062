/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The emitter's store as the feed sees it, in memory, with what a crash leaves of it. It is
 * also the truth: what was ever published, under which sequence.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/readings/feed-sender.h"

typedef enum {
    ROW_WAITING,   /* for the next commit; nobody sees it */
    ROW_COMMITTED, /* a killed process has it still */
    ROW_LOST,      /* to a power cut; who has it, has it */
} SimRowState;

typedef struct {
    SimRowState state;
    EmittedReading reading; /* the row's own copy */
    guint series;
    guint hash;
} SimRow;

enum { SIM_SERIES = 6 };

/* A power cut has taken what there was above FROM, up to UNTIL. */
typedef struct {
    guint64 from, until;
    guint64 nth[SIM_SERIES]; /* at FROM */
} SimFork;

typedef struct {
    char id[RANDOM_ID_LENGTH + 1];
    GPtrArray *rows; /* of SimRow: all that have ever been */
    GArray *forks;   /* of SimFork */
} SimEpoch;

typedef struct {
    GPtrArray *epochs;  /* of SimEpoch; the last one is now */
    GPtrArray *rows;    /* of SimRow, not owned: what is on the disk now, before trimming */
    GPtrArray *waiting; /* of SimRow, not owned */
    guint synced;       /* of ROWS: what a power cut leaves for certain */
    guint limit;        /* readings */
    guint64 next, reserved;
    guint64 nth[SIM_SERIES];
    bool full; /* the disk */
} SimOutbox;

SimOutbox *sim_outbox_new(guint limit);
void sim_outbox_free(SimOutbox *outbox);

/* Something of a series; it waits for sim_outbox_commit(). */
void sim_outbox_publish(SimOutbox *outbox);
/* False: nothing was committed, and what waited is gone. */
bool sim_outbox_commit(SimOutbox *outbox);
void sim_outbox_sync(SimOutbox *outbox);

void sim_outbox_kill(SimOutbox *outbox);
void sim_outbox_power_cut(SimOutbox *outbox);
/* The file is gone: another epoch. */
void sim_outbox_begin_anew(SimOutbox *outbox);

guint sim_reading_hash(const EmittedReading *reading);
const SimEpoch *sim_outbox_epoch(const SimOutbox *outbox, const char *id);
const SimRow *sim_epoch_find(const SimEpoch *epoch, guint64 sequence);

/* Its data is the SimOutbox. */
extern const FeedSourceOps sim_outbox_source;
