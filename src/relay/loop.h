/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A libuv loop inside a GLib main context.
 *
 * GLib polls with poll(2), which costs time for every connection at every
 * wakeup; libuv polls with epoll(7), whose descriptor is a single one for
 * GLib. So thousands of sockets live in the libuv loop, and the bus and the
 * signals in GLib, in one thread.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <uv.h>

typedef struct {
    /* The callbacks of a turn are through: there is time for more. */
    void (*turn)(gpointer data);
    /* Whether there is still something to do, so that the loop must not sleep. */
    bool (*pending)(gpointer data);
} LoopOps;

/* Attaches LOOP to the default main context; g_source_destroy() and unref end
 * it. LOOP must stay until then. Its callbacks run when GLib dispatches. */
GSource *loop_attach(uv_loop_t *loop, const LoopOps *ops, gpointer data);

/* Runs LOOP until the handles that are closing are closed, then closes LOOP. */
void loop_finish(uv_loop_t *loop);
