/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/cluster-arrivals.h"

#include "common/clock.h"

struct ClusterArrivals {
    void (*free)(ClusterArrival *arrival);
    GMutex lock;
    GQueue waiting; /* under the lock */
    gsize bytes;    /* the same */
};

ClusterArrivals *cluster_arrivals_new(void (*free)(ClusterArrival *arrival))
{
    ClusterArrivals *arrivals = g_new0(ClusterArrivals, 1);

    arrivals->free = free;
    g_mutex_init(&arrivals->lock);
    return arrivals;
}

void cluster_arrivals_push(ClusterArrivals *arrivals, ClusterArrival *arrival)
{
    arrival->link.data = arrival;
    g_mutex_lock(&arrivals->lock);
    g_queue_push_tail_link(&arrivals->waiting, &arrival->link);
    arrivals->bytes += arrival->bytes;
    g_mutex_unlock(&arrivals->lock);
}

static ClusterArrival *pop(ClusterArrivals *arrivals)
{
    ClusterArrival *arrival = NULL;
    GList *link;

    g_mutex_lock(&arrivals->lock);
    link = g_queue_pop_head_link(&arrivals->waiting);
    if (link) {
        arrival = link->data;
        arrivals->bytes -= arrival->bytes;
    }
    g_mutex_unlock(&arrivals->lock);
    return arrival;
}

gsize cluster_arrivals_bytes(ClusterArrivals *arrivals)
{
    gsize bytes;

    g_mutex_lock(&arrivals->lock);
    bytes = arrivals->bytes;
    g_mutex_unlock(&arrivals->lock);
    return bytes;
}

bool cluster_arrivals_are_left(ClusterArrivals *arrivals)
{
    bool left;

    g_mutex_lock(&arrivals->lock);
    left = arrivals->waiting.length > 0;
    g_mutex_unlock(&arrivals->lock);
    return left;
}

void cluster_arrivals_run(ClusterArrivals *arrivals,
                          void (*take)(const ClusterArrival *arrival, gpointer data), gpointer data)
{
    gint64 end = clock_monotonic() + CLUSTER_ARRIVALS_RUN;
    ClusterArrival *arrival;

    while (clock_monotonic() < end && (arrival = pop(arrivals))) {
        take(arrival, data);
        arrivals->free(arrival);
    }
}

void cluster_arrivals_free(ClusterArrivals *arrivals)
{
    ClusterArrival *arrival;

    while ((arrival = pop(arrivals)))
        arrivals->free(arrival);
    g_mutex_clear(&arrivals->lock);
    g_free(arrivals);
}
