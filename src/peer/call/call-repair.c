/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * It does not know whether a restart is under way: the connection leaves a young one alone
 * when it is asked for another, whichever side has begun it. So a restart whose frames were
 * lost costs no more than the wait for the next.
 */

#include <config.h>

#include "peer/call/call-repair.h"

#include "common/log.h"
#include "common/random.h"

/* Milliseconds until the next restart, by how many there have been; the last one for all more. */
static const guint waits[] = {1000, 2000, 4000, 8000, 10000};

enum {
    SPREAD = 100,   /* ms: what happens to many calls at once is not done by all at once */
    WANTED_MAX = 4, /* restarts for a path that is good */
};

const char *repair_state_to_string(RepairState state)
{
    static const char *const names[] = {
        [REPAIR_NONE] = "none",
        [REPAIR_WANTED] = "wanted",
        [REPAIR_NEEDED] = "needed",
    };
    return names[state];
}

static void repair_enter_state(CallRepair *repair, RepairState state)
{
    if (state == repair->state)
        return;
    log_debug("repair: %s → %s", repair_state_to_string(repair->state),
              repair_state_to_string(state));
    repair->state = state;
    repair->tries = 0;
    if (state == REPAIR_NONE) {
        repair->anew = false;
        repair->due = REPAIR_NEVER;
    }
}

/* A quarter more or less, so that those that began together do not go on so. */
static gint64 wait_usec(guint tries)
{
    guint wait = waits[MIN(tries, G_N_ELEMENTS(waits)) - 1];

    return (gint64) (wait * 3 / 4 + random_below(wait / 2)) * 1000;
}

void call_repair_need(CallRepair *repair, gint64 now)
{
    if (repair->state == REPAIR_NEEDED)
        return;
    repair_enter_state(repair, REPAIR_NEEDED);
    repair->due = now;
}

void call_repair_want(CallRepair *repair, bool anew, gint64 now)
{
    if (repair->state == REPAIR_NONE)
        repair_enter_state(repair, REPAIR_WANTED);
    repair->anew = repair->anew || anew;
    repair->tries = 0;
    repair->due = now;
    if (repair->state == REPAIR_WANTED)
        repair->due += random_below(SPREAD) * 1000;
}

void call_repair_hurry(CallRepair *repair, gint64 now)
{
    if (repair->state == REPAIR_NONE)
        return;
    repair->tries = 0;
    repair->due = now + random_below(SPREAD) * 1000;
}

/* A restart that began before our addresses changed may end after that, and has none of the new. */
void call_repair_mend(CallRepair *repair)
{
    repair_enter_state(repair, repair->anew ? REPAIR_WANTED : REPAIR_NONE);
}

RepairAction call_repair_take(CallRepair *repair, gint64 now)
{
    RepairAction action = repair->anew ? REPAIR_RESTART_ANEW : REPAIR_RESTART;

    if (repair->state == REPAIR_NONE || now < repair->due)
        return REPAIR_WAIT;
    if (repair->state == REPAIR_WANTED && repair->tries >= WANTED_MAX) {
        repair_enter_state(repair, REPAIR_NONE);
        return REPAIR_WAIT;
    }
    repair->anew = false;
    repair->tries++;
    repair->due = now + wait_usec(repair->tries);
    return action;
}

void call_repair_put_off(CallRepair *repair, RepairAction action)
{
    repair->anew = repair->anew || action == REPAIR_RESTART_ANEW;
}

void call_repair_bar(CallRepair *repair, RepairAction action)
{
    call_repair_put_off(repair, action);
    repair->due = REPAIR_NEVER;
}

gint64 call_repair_due(const CallRepair *repair)
{
    return repair->state == REPAIR_NONE ? REPAIR_NEVER : repair->due;
}
