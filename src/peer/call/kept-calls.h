/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Kept calls as the rest of the peer sees them: the keeper with a clock, a relay and
 * calls of ours. Who is kept: those of the configuration, those that are remembered
 * (kept-list.h), and those that a forward needs.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/call/calls.h"

typedef struct KeptCalls KeptCalls;

typedef struct {
    /* What kept_calls_report() gives is another; a few times a second at most. */
    void (*changed)(gpointer data);
} KeptCallsOps;

/* CALLS, ROOM and OPS are the caller's and outlive it. PATH: of the file that remembers. */
KeptCalls *kept_calls_new(Calls *calls, const Room *room, const char *path, const KeptCallsOps *ops,
                          gpointer data);
void kept_calls_free(KeptCalls *kept);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeptCalls, kept_calls_free)

/* Reads the file that remembers; again when the state directory is there at last. */
void kept_calls_load(KeptCalls *kept);

/* CONFIGURED: Keep= of peer.conf. Each may hold KEEPER_EVERYBODY, and ends with NULL. */
void kept_calls_set_configured(KeptCalls *kept, const char *const *configured);
/* Whom the forwards lead to. */
void kept_calls_set_forwarded(KeptCalls *kept, const char *const *forwarded);
/* How many calls there may be, of which everybody's sake gets half. */
void kept_calls_set_max_calls(KeptCalls *kept, guint max_calls);

/* NAME may be the id of somebody who has a name. Errors are PEER_ERROR: INVALID_ARGUMENT,
 * NO_SUCH_PEER (to unkeep: it is not kept), DENIED (to unkeep: it is the administrator's), FAILED,
 * LIMIT_EXCEEDED. A call is placed, or ended, at once. */
bool kept_calls_keep(KeptCalls *kept, const char *name, GError **error);
bool kept_calls_unkeep(KeptCalls *kept, const char *name, GError **error);

/* The state of the room is another. */
void kept_calls_room_changed(KeptCalls *kept);
void kept_calls_joined(KeptCalls *kept, const char *id);
/* Before it is taken out of the room. */
void kept_calls_leaving(KeptCalls *kept, const char *id);

/* Nobody is called any more: our calls end now, and then the relay's connection. */
void kept_calls_stop(KeptCalls *kept);

void kept_calls_call_added(KeptCalls *kept, const Call *call);
void kept_calls_call_changed(KeptCalls *kept, const Call *call);
void kept_calls_call_ended(KeptCalls *kept, const Call *call);

/* Tries again now: NAME, or with NULL all. */
void kept_calls_retry(KeptCalls *kept, const char *name);

/* What is wrong with the file that remembers, for people; NULL: nothing. */
const char *kept_calls_problem(const KeptCalls *kept);

typedef struct {
    const char *name;  /* "": whoever answers */
    const char *state; /* as kept_state_to_string() */
    char *words;       /* since when, or what it waits for and when it is called next */
} KeptCallReport;

void kept_call_report_clear(KeptCallReport *report);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KeptCallReport, kept_call_report_clear)

guint kept_calls_count(const KeptCalls *kept);
KeptCallReport kept_calls_report(const KeptCalls *kept, guint i);
