/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * When a call restarts ICE: at once when its path is silent or another one is wanted, then
 * again and again, later each time, and at once when what was in the way may be gone. No
 * clock and no I/O: whoever has it says what time it is (µs, monotonic), and asks when to
 * ask again.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    REPAIR_NONE,   /* the path is good */
    REPAIR_WANTED, /* it is, and another one is wanted */
    REPAIR_NEEDED, /* it is silent */
} RepairState;

const char *repair_state_to_string(RepairState state);

typedef enum {
    REPAIR_WAIT,
    REPAIR_RESTART,
    REPAIR_RESTART_ANEW, /* in place of one that may be under way: our addresses are others */
} RepairAction;

/* All zero is a good one. */
typedef struct {
    RepairState state;
    bool anew;
    guint tries;
    gint64 due; /* the next restart */
} CallRepair;

#define REPAIR_NEVER G_MAXINT64

/* Nothing comes over the path. */
void call_repair_need(CallRepair *repair, gint64 now);

/* Our addresses are others, or there may be a better path. */
void call_repair_want(CallRepair *repair, bool anew, gint64 now);

/* The link, the relay or the remote is back: what has waited for it waits no longer. */
void call_repair_hurry(CallRepair *repair, gint64 now);

/* Data comes again, or over another path. What is wanted since our addresses are others, and has not
 * begun, stays wanted. */
void call_repair_mend(CallRepair *repair);

/* What is to be done now. Restarts count as begun: the next one is due later. */
RepairAction call_repair_take(CallRepair *repair, gint64 now);

/* ACTION, just taken, could not be done: the next one is to do what it should. */
void call_repair_put_off(CallRepair *repair, RepairAction action);

/* The same, and it has no way to the remote: the next one waits for call_repair_hurry(). */
void call_repair_bar(CallRepair *repair, RepairAction action);

/* When to ask again; REPAIR_NEVER: not before something has happened. */
gint64 call_repair_due(const CallRepair *repair);
