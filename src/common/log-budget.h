/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * How many lines a remote may cause. Each topic of the log has a budget of its
 * own, and in it each remote has a share, so that one that floods us hides
 * nobody else's lines. Only a few remotes have a share at a time: one more than
 * that shares with all the others who came too late. So the lines are bounded,
 * however many remotes there are and however often they change their names.
 *
 * No clock and no log: whoever asks says what time it is.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/bucket.h"

enum { LOG_BUDGET_SHARES = 8 };

/* What a share holds: BURST lines, and one more every INTERVAL µs. */
typedef struct {
    guint burst;
    gint64 interval;
} LogShare;

/* One topic's. All zero is a full one. */
typedef struct {
    struct {
        guint remote; /* a hash: two that meet in it share */
        Bucket bucket;
    } shares[LOG_BUDGET_SHARES];
    Bucket others;
    guint64 left_out; /* lines, since log_budget_settle() */
} LogBudget;

/* Whether a line that REMOTE causes may be written. If not it is counted. REMOTE is an id, an
 * address or a name; NULL is nobody in particular, who has a share too. */
bool log_budget_take(LogBudget *budget, const LogShare *share, const char *remote, gint64 now);

/* How many lines have been left out since this was asked before. */
guint64 log_budget_settle(LogBudget *budget);
