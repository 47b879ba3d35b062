/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A GMainContext of its own for each ICE agent, run from the default one.
 *
 * GLib looks at all sources and polls all descriptors of a context whenever
 * anything happens in it: with a thousand calls in one context that is most of
 * what a daemon does. All nested contexts together are one descriptor (epoll)
 * and one timer of the default context, and only those that have something to
 * do are looked at. A turn of a context is a turn of its sockets (socket-turn.h):
 * it reads a bounded number of packets.
 */

#pragma once

#include <glib.h>

#include "rtc/ice/socket-turn.h"

typedef struct NestedContext NestedContext;

NestedContext *nested_context_new(void);

/* Not from a callback of one of its own sources. */
void nested_context_free(NestedContext *context);

/* For whoever attaches sources, at any time. Transfer none. */
GMainContext *nested_context_get(NestedContext *context);

/* What its sockets do in its turns from now on; OPS by reference, NULL: nobody is asked. */
void nested_context_set_watch(NestedContext *context, const SocketWatchOps *ops, gpointer data);

/* Its timers may be late by MILLISECONDS from now on, to save wake-ups. */
void nested_context_set_slack(NestedContext *context, guint milliseconds);

/* Its timer NAME, as g_source_set_name() has it, is due at AT, in monotonic microseconds; nothing if
 * there is none among its newest sources. */
void nested_context_set_time(NestedContext *context, const char *name, gint64 at);
