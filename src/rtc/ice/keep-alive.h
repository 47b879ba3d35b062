/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * How often a selected pair that answers is asked whether it still does (RFC 7675): that also keeps
 * NATs open. libnice asks each four to six seconds and has no option for it. Here its next check is
 * put off when one was answered; one that is not is followed by others in libnice's own time, so
 * that the end of consent comes no later for it.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/ice/nested-context.h"
#include "rtc/ice/stun-check.h"

/* What libnice does by itself */
#define KEEP_ALIVE_LEAST 5 /* seconds */

/*
 * Consent ends 30 seconds after the last answer. RFC 7675 5.1 sends a check once only, and none
 * within four seconds of another: after so long there is room for one that is put off and for two
 * of libnice's, at most six seconds apart, and three seconds for the last one's answer.
 */
#define KEEP_ALIVE_CONSENT 15 /* seconds */

typedef struct {
    NestedContext *context; /* of the agent */
    guint seconds;          /* between two checks, at most; up to KEEP_ALIVE_LEAST: libnice's */
    bool waits;             /* for the answer to the check ID */
    guint8 id[STUN_ID_LENGTH];
} KeepAlive;

/* SECONDS, or what is left of them where an agent's CONSENT ends. */
guint keep_alive_within(guint seconds, bool consent);

/* The check ID goes out, to the selected pair if there is one. Before there is, nothing is to be put
 * off that matters: the first check of a pair that has been selected goes out at once. */
void keep_alive_sent(KeepAlive *keep, const guint8 *id);

/* The check ID was answered. */
void keep_alive_answered(KeepAlive *keep, const guint8 *id);
