/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whose calls there is a place for. A stranger is whoever has not shown a key
 * that we know; before there is a key, whoever does not come under a name that
 * we know. Strangers have a number of places and never all of them, so that
 * they cannot keep out whom we know; those whom we call for everybody's sake
 * (Keep=*) count with them. The last places are for calls that somebody here asks
 * for. Whoever takes a known name without having its
 * key is found out in the DTLS handshake, and what waits for that is bounded, too.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/call/call.h"

typedef struct {
    guint max_calls;             /* in all */
    guint max_pending;           /* of one remote, not connected yet */
    guint max_strangers;         /* calls of strangers in all */
    guint max_per_stranger;      /* of them, of one sender and of one key */
    guint max_pending_strangers; /* of them, not connected yet, in all */
} CallLimits;

typedef enum {
    CALL_PLACE_FREE,
    CALL_PLACE_FULL,         /* all are taken */
    CALL_PLACE_STRANGERS,    /* all that strangers have */
    CALL_PLACE_SENDER,       /* all that this stranger has */
    CALL_PLACE_PENDING,      /* too many of this sender are not connected yet */
    CALL_PLACE_PENDING_POOL, /* too many of its kind are not connected yet */
    CALL_PLACE_DESCRIPTORS,  /* the process has few descriptors left */
    CALL_PLACE_CARRIED,      /* all that calls without a relay have */
    CALL_PLACE_PROGRAM,      /* all that this program has of them */
} CallPlace;

/* The words for it, translated; NULL for CALL_PLACE_FREE. */
const char *call_place_to_text(CallPlace place);

/*
 * Whether there is a place among CALLS for one more that comes in from FROM (an
 * id, or NULL), who comes under a known name or not. GIVES_WAY is a call that has
 * to be ended first, or NULL: where too many wait, the sender who has most gives
 * way to one who has fewer, and what has waited long to what is new. Where all places are
 * taken, a stranger who does not answer any more gives way.
 */
CallPlace call_quota_ask(const GPtrArray *calls, const CallLimits *limits, const char *from,
                         bool known, gint64 now, Call **gives_way);

/* The same for a call that has shown the key FINGERPRINT, which we do not know. */
CallPlace call_quota_ask_key(const GPtrArray *calls, const CallLimits *limits,
                             const char *fingerprint);

/* Whether there is a place for a call that goes out, FOR_EVERYBODY (CallInfo) or not. */
bool call_quota_may_place(const GPtrArray *calls, const CallLimits *limits, bool for_everybody);

/*
 * Whether there is a place for one more that PROGRAM, which may be NULL, carries. What is carried has
 * three quarters of all, and a program at most three times as many as it leaves to the others. GIVES_WAY as
 * above: one that waits and whose program is gone.
 */
CallPlace call_quota_ask_carried(const GPtrArray *calls, const CallLimits *limits,
                                 const char *program, Call **gives_way);

/* Whether there are descriptors for another agent of CALL. */
bool call_quota_may_restart(const Call *call);
