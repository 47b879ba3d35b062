/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * `call`s to everybody that are answered in a moment, if nobody with more to
 * say does it first. Bounded: when too many wait, a new one is not answered.
 */

#pragma once

#include <glib.h>

#include "signaling/frame.h"

typedef struct DelayedCalls DelayedCalls;

/* ANSWER is called when a `call` has waited long enough; it is not kept then. */
typedef void (*DelayedCallsAnswer)(const Frame *call, gpointer data);
DelayedCalls *delayed_calls_new(DelayedCallsAnswer answer, gpointer data);
void delayed_calls_free(DelayedCalls *delayed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DelayedCalls, delayed_calls_free)

void delayed_calls_add(DelayedCalls *delayed, const Frame *call);

/* FRAME shows that the `call` of its session, or of its sender, needs no answer of ours. */
void delayed_calls_drop(DelayedCalls *delayed, const Frame *frame);

/* The first without a session: a foreign emitter answers in the order they came. */
void delayed_calls_drop_foreign(DelayedCalls *delayed);

/* All of FROM, or with NULL of everybody. */
void delayed_calls_drop_all(DelayedCalls *delayed, const char *from);
