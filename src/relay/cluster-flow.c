/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/cluster-flow.h"

void cluster_flow_add(ClusterFlow *flow, gsize bytes, gsize limit, gint64 now)
{
    flow->bytes += bytes;
    flow->limit = limit;
    if (flow->since == 0 && flow->bytes >= limit)
        flow->since = now;
}

bool cluster_flow_take(ClusterFlow *flow, gsize bytes)
{
    flow->bytes -= bytes;
    if (flow->since == 0 || flow->bytes > flow->limit / 2)
        return false;
    flow->since = 0;
    return true;
}

bool cluster_flow_is_full(const ClusterFlow *flow, gint64 now)
{
    return flow->since != 0 && now - flow->since < CLUSTER_PATIENCE;
}
