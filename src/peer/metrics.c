/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/metrics.h"

#include <glib/gi18n.h>

#include "common/log.h"
#include "common/metrics-server.h"
#include "common/metrics.h"

struct PeerMetrics {
    MetricsServer *server;
    PeerMetricsWorld world;
    GHashTable *set_up; /* the calls that are in the histogram; by their addresses, never used */
    Histogram setup;
    guint64 incoming, outgoing, connected, ended;
};

void peer_metrics_added(PeerMetrics *metrics, const Call *call)
{
    if (call_direction(call) == CALL_OUTGOING)
        metrics->outgoing++;
    else
        metrics->incoming++;
}

void peer_metrics_changed(PeerMetrics *metrics, const Call *call)
{
    if (call_setup_time(call) == 0 || !g_hash_table_add(metrics->set_up, (gpointer) call))
        return;
    metrics->connected++;
    histogram_observe(&metrics->setup, (gint64) call_setup_time(call));
}

void peer_metrics_ended(PeerMetrics *metrics, const Call *call)
{
    peer_metrics_changed(metrics, call);
    g_hash_table_remove(metrics->set_up, call);
    metrics->ended++;
}

/* ---- the page -------------------------------------------------------------------- */

static void add_calls(const PeerMetrics *metrics, GString *page)
{
    metrics_begin(page, "rtcbus_peer_calls_total", "counter", "Calls that have begun.");
    metrics_count(page, "rtcbus_peer_calls_total", "direction=\"incoming\"", metrics->incoming);
    metrics_count(page, "rtcbus_peer_calls_total", "direction=\"outgoing\"", metrics->outgoing);
    metrics_counter(page, "rtcbus_peer_calls_connected_total", "Calls that came to be connected.",
                    metrics->connected);
    metrics_counter(page, "rtcbus_peer_calls_ended_total", "Calls that have ended.",
                    metrics->ended);
    metrics_histogram(page, "rtcbus_peer_call_setup_seconds",
                      "From a call's beginning to its first open channel.", &metrics->setup);
}

static GString *on_page(gpointer data)
{
    const PeerMetrics *metrics = data;
    GString *page = g_string_new(NULL);
    const PeerMetricsWorld *world = &metrics->world;

    metrics_begin(page, "rtcbus_peer_build_info", "gauge", "The peer's version.");
    metrics_count(page, "rtcbus_peer_build_info", "version=\"" PACKAGE_VERSION "\"", 1);
    metrics_gauge(page, "rtcbus_peer_relay_connected", "1 while the relay is connected.",
                  room_state(world->room) == RELAY_CONNECTED);
    metrics_gauge(page, "rtcbus_peer_calls", "Calls that there are.", calls_count(world->calls));
    metrics_gauge(page, "rtcbus_peer_listeners", "Peers that get what we publish.",
                  readings_listeners(world->readings));
    metrics_counter(page, "rtcbus_peer_numbers_received_total",
                    "Numbers of the series without a name that were received.",
                    store_numbers(readings_store(world->readings)));
    add_calls(metrics, page);
    metrics_process(page);
    return page;
}

/* A peer works without its relay, and says so in the metrics. */
static const char *on_trouble(gpointer data)
{
    return NULL;
}

/* ---- life ------------------------------------------------------------------------ */

static void tell(const PeerMetrics *metrics)
{
    for (const char *const *at = metrics_server_addresses(metrics->server); *at; at++)
        log_info(_("metrics at %s/metrics"), *at);
}

PeerMetrics *peer_metrics_new(const PeerMetricsWorld *world, char **addresses, char **server_names,
                              GError **error)
{
    static const MetricsServerOps ops = {.page = on_page, .trouble = on_trouble};
    PeerMetrics *metrics = g_new0(PeerMetrics, 1);

    metrics->world = *world;
    metrics->set_up = g_hash_table_new(NULL, NULL);
    metrics->server = metrics_server_new(addresses, server_names, &ops, metrics, error);
    if (!metrics->server) {
        peer_metrics_free(metrics);
        return NULL;
    }
    tell(metrics);
    return metrics;
}

void peer_metrics_free(PeerMetrics *metrics)
{
    if (!metrics)
        return;
    metrics_server_free(metrics->server);
    g_hash_table_unref(metrics->set_up);
    g_free(metrics);
}

void peer_metrics_reload(PeerMetrics *metrics, char **addresses, char **server_names)
{
    g_autoptr(GError) error = NULL;
    bool changed = false;

    metrics_server_set_names(metrics->server, server_names);
    if (!metrics_server_listen(metrics->server, addresses, &changed, &error))
        log_warning("%s", error->message);
    if (changed)
        tell(metrics);
}
