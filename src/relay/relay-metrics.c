/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/relay-metrics.h"

static void add_connections(GString *page, const RelayCounters *counters)
{
    metrics_gauge(page, "rtcbus_relay_clients", "WebSocket clients that are in a room.",
                  counters->connections);
    metrics_gauge(page, "rtcbus_relay_rooms", "Rooms that have clients.", counters->rooms);
    metrics_gauge(page, "rtcbus_relay_handshakes", "Connections that are no clients yet.",
                  counters->handshakes);
    metrics_begin(page, "rtcbus_relay_connections_total", "counter",
                  "Connections that came in, by whether they speak TLS.");
    metrics_count(page, "rtcbus_relay_connections_total", "tls=\"no\"", counters->accepted);
    metrics_count(page, "rtcbus_relay_connections_total", "tls=\"yes\"", counters->accepted_tls);
    metrics_counter(page, "rtcbus_relay_clients_joined_total", "Clients that came into a room.",
                    counters->joined);
    metrics_begin(page, "rtcbus_relay_refusals_total", "counter",
                  "Requests for a WebSocket that were refused, by HTTP status.");
    for (guint i = 0; i < counters->n_refusals; i++) {
        char label[32];

        g_snprintf(label, sizeof label, "code=\"%d\"", counters->refusals[i].status);
        metrics_count(page, "rtcbus_relay_refusals_total", label, counters->refusals[i].count);
    }
}

static void add_frames(GString *page, const RelayCounters *counters)
{
    metrics_counter(page, "rtcbus_relay_frames_forwarded_total",
                    "Frames that were sent on to somebody.", counters->forwarded);
    metrics_counter(page, "rtcbus_relay_frames_dropped_total",
                    "Frames that were sent on to nobody: bad, too fast, or for nobody.",
                    counters->dropped);
    metrics_gauge(page, "rtcbus_relay_buffered_bytes",
                  "Bytes that wait for clients, or for the rest of their messages.",
                  counters->buffered);
    metrics_histogram(page, "rtcbus_relay_frame_latency_seconds",
                      "From a frame's forwarding to the socket of each of its receivers.",
                      counters->latency);
}

static void add_names(GString *page, const ClusterNamesCounters *names)
{
    metrics_gauge(page, "rtcbus_cluster_names", "Names that clients of this relay have.",
                  names->held);
    metrics_gauge(page, "rtcbus_cluster_names_unconfirmed",
                  "Those of them that the store does not know of yet.", names->unconfirmed);
    metrics_counter(page, "rtcbus_cluster_names_claimed_total", "Names that newcomers got.",
                    names->claimed);
    metrics_counter(page, "rtcbus_cluster_names_refused_total",
                    "Names that newcomers did not get: another has them.", names->refused);
    metrics_counter(page, "rtcbus_cluster_names_lost_total",
                    "Clients whose name another relay's client has got.", names->lost);
}

static void add_cluster(GString *page, const ClusterCounters *cluster)
{
    metrics_gauge(page, "rtcbus_cluster_connected", "1 if this relay is connected to NATS.",
                  cluster->connected);
    metrics_gauge(page, "rtcbus_cluster_store", "1 if there is a store for names.", cluster->store);
    metrics_gauge(page, "rtcbus_cluster_relays", "Other relays.", cluster->relays.relays);
    metrics_gauge(page, "rtcbus_cluster_clients", "Clients of other relays.", cluster->clients);
    metrics_gauge(page, "rtcbus_cluster_waiting_bytes", "Bytes that wait for NATS.",
                  cluster->waiting);
    metrics_counter(page, "rtcbus_cluster_connections_total", "Connections to NATS.",
                    cluster->connections);
    metrics_counter(page, "rtcbus_cluster_frames_sent_total", "Frames to other relays.",
                    cluster->relays.sent);
    metrics_counter(page, "rtcbus_cluster_frames_received_total", "Frames from other relays.",
                    cluster->relays.received);
    metrics_counter(page, "rtcbus_cluster_frames_failed_total",
                    "Frames to other relays that may not have come.", cluster->relays.failed);
    metrics_counter(page, "rtcbus_cluster_resyncs_total",
                    "Streams of other relays that were begun anew, for something was lost.",
                    cluster->relays.resynced);
    metrics_counter(page, "rtcbus_cluster_ignored_total",
                    "Messages of other relays that were not to be expected.",
                    cluster->relays.ignored);
    add_names(page, &cluster->names);
}

GString *relay_metrics(const Relay *relay)
{
    GString *page = g_string_new(NULL);
    RelayCounters counters;

    relay_counters(relay, &counters);
    metrics_begin(page, "rtcbus_relay_build_info", "gauge", "The relay's version.");
    metrics_count(page, "rtcbus_relay_build_info", "version=\"" PACKAGE_VERSION "\"", 1);
    add_connections(page, &counters);
    add_frames(page, &counters);
    metrics_gauge(page, "rtcbus_relay_draining", "1 if the relay sends its clients away.",
                  counters.draining);
    if (counters.cluster.enabled)
        add_cluster(page, &counters.cluster);
    if (counters.certificate_expires > 0)
        metrics_gauge(page, "rtcbus_relay_certificate_expiry_timestamp_seconds",
                      "When the first certificate expires, since the epoch.",
                      (guint64) counters.certificate_expires);
    metrics_process(page);
    return page;
}
