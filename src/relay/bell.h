/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Wakes a libuv loop from other threads. uv_async_t does that, too; but whoever it wakes before its
 * sender is through spins and yields until that has a processor again, and where processors are few
 * that takes up to a millisecond.
 */

#pragma once

#include <glib.h>
#include <uv.h>

typedef struct Bell Bell;

/* LOOP has a turn, and RUNG is called in it, soon after bell_ring(); once for any number of them. */
Bell *bell_new(uv_loop_t *loop, void (*rung)(gpointer data), gpointer data);

/* From any thread. What was done before it is seen by RUNG, and by LOOP's next turn. */
void bell_ring(Bell *bell);

/* From the loop's thread, when nobody rings any more. LOOP has to have another turn. */
void bell_free(Bell *bell);
