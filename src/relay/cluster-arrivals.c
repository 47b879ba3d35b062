/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/cluster-arrivals.h"

#include "common/clock.h"

struct ClusterArrivals {
    void (*free)(ClusterArrival *arrival);
    GMutex lock;
    GQueue coming; /* under the lock */
    gsize bytes;   /* the same: of all that wait */
    GQueue begun;  /* the loop's: what it has taken over, all at once */
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
    g_queue_push_tail_link(&arrivals->coming, &arrival->link);
    arrivals->bytes += arrival->bytes;
    g_mutex_unlock(&arrivals->lock);
}

/* What has come, if the last of what came before is taken */
static void take_over(ClusterArrivals *arrivals)
{
    if (arrivals->begun.head)
        return;
    g_mutex_lock(&arrivals->lock);
    arrivals->begun = arrivals->coming;
    g_queue_init(&arrivals->coming);
    g_mutex_unlock(&arrivals->lock);
}

static ClusterArrival *pop(ClusterArrivals *arrivals)
{
    GList *link;

    take_over(arrivals);
    link = g_queue_pop_head_link(&arrivals->begun);
    return link ? link->data : NULL;
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
    take_over(arrivals);
    return arrivals->begun.head != NULL;
}

gsize cluster_arrivals_run(ClusterArrivals *arrivals,
                           void (*take)(const ClusterArrival *arrival, gpointer data),
                           gpointer data)
{
    gint64 end = clock_monotonic() + CLUSTER_ARRIVALS_RUN;
    ClusterArrival *arrival;
    gsize bytes = 0, before;

    while (clock_monotonic() < end && (arrival = pop(arrivals))) {
        bytes += arrival->bytes;
        take(arrival, data);
        arrivals->free(arrival);
    }
    g_mutex_lock(&arrivals->lock);
    before = arrivals->bytes;
    arrivals->bytes -= bytes;
    g_mutex_unlock(&arrivals->lock);
    return before;
}

void cluster_arrivals_free(ClusterArrivals *arrivals)
{
    ClusterArrival *arrival;

    while ((arrival = pop(arrivals)))
        arrivals->free(arrival);
    g_mutex_clear(&arrivals->lock);
    g_free(arrivals);
}
