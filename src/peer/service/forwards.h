/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Declared forwards: ports of this machine that lead to services of others, by calls that
 * are kept. Each is a file NAME.conf in forwards.d:
 *
 *   [Forward]
 *   Listen=127.0.0.1:2222
 *   Peer=box
 *   Service=ssh
 *
 * A file that is wrong costs its own forward alone. An address that is not there yet is
 * waited for. Who connects while the peer is absent waits for it some seconds: as long as a
 * call takes that comes at once, and not as long as ssh would sit there in silence.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/call/kept-calls.h"

#define FORWARD_HOLD 10 /* seconds that a connection waits for the call */
#define FORWARD_RETRY 5 /* seconds until an address is tried again */

typedef struct Forwards Forwards;

typedef struct {
    /* What forwards_report() and forwards_problems() give is another. */
    void (*changed)(gpointer data);
} ForwardsOps;

/* Reads nothing yet. CALLS, KEPT and OPS are the caller's and outlive it. */
Forwards *forwards_new(const char *folder, Calls *calls, KeptCalls *kept, const ForwardsOps *ops,
                       gpointer data);
/* Closes all connections. */
void forwards_free(Forwards *forwards);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Forwards, forwards_free)

/* Reads the folder anew. What stays as it was keeps its connections; those of what has gone or is
 * another are closed. What is wrong is a warning in the log. */
void forwards_load(Forwards *forwards);

/* What is wrong in the files of FOLDER, as warnings for PROBLEMS (of ConfigProblem). */
void forwards_check(const char *folder, GPtrArray *problems);

/* The state of CALL is another, or it has ended. */
void forwards_call_changed(Forwards *forwards, const Call *call);

/* An address may be there that was not: tries all that do not listen, at once. */
void forwards_link_changed(Forwards *forwards);

typedef struct {
    const char *name, *listen, *peer, *service;
    const char *problem; /* why it does not listen; "": it does */
} ForwardReport;

guint forwards_count(const Forwards *forwards);
/* In the order of their names. Strings are those of the forwards. */
ForwardReport forwards_report(const Forwards *forwards, guint i);
/* Of files that are wrong, for people, each with the name of its forward; ends with NULL. */
const char *const *forwards_problems(const Forwards *forwards);
