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
    if (counters.certificate_expires > 0)
        metrics_gauge(page, "rtcbus_relay_certificate_expiry_timestamp_seconds",
                      "When the first certificate expires, since the epoch.",
                      (guint64) counters.certificate_expires);
    metrics_process(page);
    return page;
}
