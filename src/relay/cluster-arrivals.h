/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What has come from NATS and waits for the relay's loop. It comes in one thread and is taken in
 * another, for a short while at a time: clients of this relay have turns, too.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#define CLUSTER_ARRIVALS_RUN 500 /* µs, half of what rooms have between two looks at the sockets */

typedef struct ClusterArrivals ClusterArrivals;

/* The first member of whatever arrives */
typedef struct {
    GList link;
    gsize bytes; /* that it counts as, until it is taken */
} ClusterArrival;

ClusterArrivals *cluster_arrivals_new(void (*free)(ClusterArrival *arrival));
void cluster_arrivals_free(ClusterArrivals *arrivals);

/* From any thread. Takes ARRIVAL. */
void cluster_arrivals_push(ClusterArrivals *arrivals, ClusterArrival *arrival);
gsize cluster_arrivals_bytes(ClusterArrivals *arrivals);

/* From the loop's thread: TAKE gets one after the other, in their order, until none is left or
 * the time is over. Returns how many bytes there were until then: what was taken counts till the
 * end. */
gsize cluster_arrivals_run(ClusterArrivals *arrivals,
                           void (*take)(const ClusterArrival *arrival, gpointer data),
                           gpointer data);
bool cluster_arrivals_are_left(ClusterArrivals *arrivals);
