/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What is on its way to one room at one other relay, and whether whoever would add to it is to wait.
 * No I/O and no clock.
 *
 * It is full until half of it has arrived, and for CLUSTER_PATIENCE at most: then nobody waits any
 * more, as for a reader that does not read.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#define CLUSTER_PATIENCE (3 * G_USEC_PER_SEC)

typedef struct {
    gsize bytes, limit;
    gint64 since; /* when it has become full; 0: it is not */
} ClusterFlow;

/* One to whoever holds on to it. */
#define cluster_flow_new() g_rc_box_new0(ClusterFlow)
#define cluster_flow_ref(flow) g_rc_box_acquire(flow)
#define cluster_flow_unref(flow) g_rc_box_release(flow)

/* BYTES are sent at NOW, or are there. LIMIT: where it is full. */
void cluster_flow_add(ClusterFlow *flow, gsize bytes, gsize limit, gint64 now);

/* True if it was full, and is so no longer. */
bool cluster_flow_take(ClusterFlow *flow, gsize bytes);

bool cluster_flow_is_full(const ClusterFlow *flow, gint64 now);
