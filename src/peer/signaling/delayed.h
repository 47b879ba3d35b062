/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * `call`s to everybody that are answered in a moment, if nobody with more to
 * say does it first. Bounded: when too many wait, a new one is not answered.
 */

#pragma once

#include <glib.h>

#include "signaling/frame.h"

typedef struct Delayed Delayed;

/* ANSWER is called when a `call` has waited long enough; it is not kept then. */
typedef void (*DelayedAnswer)(const Frame *call, gpointer data);
Delayed *delayed_new(DelayedAnswer answer, gpointer data);
void delayed_free(Delayed *delayed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Delayed, delayed_free)

void delayed_add(Delayed *delayed, const Frame *call);

/* FRAME shows that the `call` of its session, or of its sender, needs no answer of ours. */
void delayed_drop(Delayed *delayed, const Frame *frame);

/* The first without a session: a foreign emitter answers in the order they came. */
void delayed_drop_foreign(Delayed *delayed);

/* All of FROM, or with NULL of everybody. */
void delayed_drop_all(Delayed *delayed, const char *from);
