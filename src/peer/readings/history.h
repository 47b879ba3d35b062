/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The numbers that have been received: a bounded, ordered history. No I/O and no
 * clock of its own.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    guint64 sequence; /* 1 for the first number ever received, then one more each */
    guint64 time;     /* microseconds since the epoch */
    const char *peer; /* name or id, "" if neither is known */
    double value;
} ReceivedNumber;

typedef struct History History;

/* Keeps the last CAPACITY numbers, at least one. */
History *history_new(gsize capacity);
void history_free(History *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(History, history_free)

/* The newest numbers stay. */
void history_set_capacity(History *history, gsize capacity);

/* Takes a number in; its sequence. */
guint64 history_add(History *history, guint64 time, const char *peer, double value);

/* How many were ever received: the sequence of the last one. */
guint64 history_count(const History *history);

/* False if there is none yet. OUT's peer is the history's, until the next history_add(). */
bool history_last(const History *history, ReceivedNumber *out);

/*
 * Calls VISIT for each number with a sequence above AFTER, oldest first, MAX at
 * most (0: all). Returns how many of them are lost: too old for the history.
 */
typedef void (*HistoryVisitor)(const ReceivedNumber *number, gpointer data);
guint64 history_read(const History *history, guint64 after, guint max, HistoryVisitor visit,
                     gpointer data);
