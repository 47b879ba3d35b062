/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A store in memory (memory-vfs.h), and what it has told.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/readings/store.h"

typedef struct {
    GArray *published, *received; /* of guint64: sequences that were told */
    GArray *done;
    guint failures, refused, changes;
    guint64 missed;
} Told;

extern const StoreOps told_ops; /* whose data is a Told */
extern const StoreEmitter told_kitchen;

void told_begin(Told *told);
void told_clear(Told *told);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Told, told_clear)

/* Opens what there is; or begins with nothing, TOLD as well. */
Store *told_open_with(Told *told, const char *boot, StoreLimits limits);
Store *told_open(Told *told);
Store *told_begin_store(Told *told);

/* A StoreDone, whose data is a Told */
void told_done(guint64 sequence, const GError *error, gpointer data);

Reading told_number(const char *series, double value);
void told_publish(Store *store, Told *told, const char *series, double value);

/* COUNT numbers of SERIES from sequence and place FIRST on, each its own value */
void told_receive(Store *store, Told *told, const StoreEmitter *emitter, const char *series,
                  guint64 first, guint count);

/* Visitors, whose data is an array of OutboxReading, or of HistoryReading; their strings stay. */
bool told_collect_outbox(const OutboxReading *reading, gpointer data);
bool told_collect_history(const HistoryReading *reading, gpointer data);

/* The OutboxReadings */
GArray *told_outbox(Store *store, guint64 after, guint max);

/* Checks that so many are lost, and that what is read has these COUNT sequences. */
void told_expect(Store *store, guint64 after, guint max, const HistoryFilter *filter, guint64 lost,
                 guint count, ...);

/* Of all series together */
guint64 told_missed(Store *store, Told *told);
