/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a peer counts of its calls, and a server that Prometheus reads it from
 * (common/metrics-server.h).
 */

#pragma once

#include "peer/call/calls.h"
#include "peer/readings/readings.h"
#include "peer/signaling/room.h"

typedef struct PeerMetrics PeerMetrics;

/* What is looked at for each page; all of it must stay. */
typedef struct {
    const Room *room;
    const Calls *calls;
    const Readings *readings;
} PeerMetricsWorld;

/* Listens on ADDRESSES, a list that may be empty; SERVER_NAMES as in metrics_server_new(). NULL with
 * ERROR if it cannot. */
PeerMetrics *peer_metrics_new(const PeerMetricsWorld *world, char **addresses, char **server_names,
                              GError **error);
void peer_metrics_free(PeerMetrics *metrics);
/* Other ones from now on; addresses that cannot be had are told in the journal, and change nothing. */
void peer_metrics_reload(PeerMetrics *metrics, char **addresses, char **server_names);

/* What becomes of CALL */
void peer_metrics_added(PeerMetrics *metrics, const Call *call);
void peer_metrics_changed(PeerMetrics *metrics, const Call *call);
void peer_metrics_ended(PeerMetrics *metrics, const Call *call);
