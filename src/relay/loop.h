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
#include <uv.h>

/* Attaches LOOP to the default main context; g_source_destroy() and unref end
 * it. LOOP must stay until then. Its callbacks run when GLib dispatches. FINISH
 * is called at the end of each turn: after them, and before going to sleep. */
GSource *loop_attach(uv_loop_t *loop, void (*finish)(gpointer data), gpointer data);

/* Runs LOOP until the handles that are closing are closed, then closes LOOP. */
void loop_finish(uv_loop_t *loop);
