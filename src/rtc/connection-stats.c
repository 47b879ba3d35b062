/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What can be asked of a connection: counters, the pair in use, and what the remote said of itself. */

#include <config.h>

#include "rtc/connection-private.h"

bool connection_remote_speaks(const Connection *connection, const char *protocol)
{
    const Sdp *remote = connection->negotiation.remote;

    return remote && g_strcmp0(remote->protocol, protocol) == 0;
}

bool connection_is_unacknowledged(Connection *connection)
{
    return connection->sctp && association_is_unacknowledged(connection->sctp);
}

void connection_tap_dtls(Connection *connection)
{
    transport_set_tap(dtls_transport(connection->dtls), connection->tap, connection->tap_data);
}

void connection_set_tap(Connection *connection, TransportTap tap, gpointer data)
{
    connection->tap = tap;
    connection->tap_data = data;
    if (connection->dtls)
        connection_tap_dtls(connection);
}

static void set_traffic(ConnectionStats *stats, const DtlsTraffic *traffic)
{
    stats->bytes_sent = traffic->bytes_sent;
    stats->bytes_received = traffic->bytes_received;
    stats->packets_sent = traffic->packets_sent;
    stats->packets_received = traffic->packets_received;
}

void connection_get_stats(Connection *connection, ConnectionStats *stats)
{
    *stats = (ConnectionStats){};
    paths_selected_pair(connection->paths, &stats->local_candidate, &stats->remote_candidate,
                        &stats->checks);
    if (connection->dtls) {
        stats->remote_fingerprint = g_strdup(dtls_remote_fingerprint(connection->dtls));
        if (dtls_remote_certificate(connection->dtls))
            stats->remote_certificate = g_bytes_ref(dtls_remote_certificate(connection->dtls));
        stats->local_certificate = dtls_local_certificate(connection->dtls);
        stats->cipher = dtls_cipher(connection->dtls);
        set_traffic(stats, dtls_traffic(connection->dtls));
    }
    if (connection->sctp) {
        stats->round_trip_usec = association_round_trip_usec(connection->sctp);
        stats->packet_size = association_packet_size(connection->sctp);
    }
    if (stats->round_trip_usec == 0)
        stats->round_trip_usec = channel_set_round_trip_usec(connection->channels);
    if (stats->round_trip_usec == 0 && connection->dtls)
        stats->round_trip_usec = dtls_round_trip_usec(connection->dtls);
    if (connection->negotiation.remote)
        stats->remote_max_message_size = connection->negotiation.remote->max_message_size;
}

void connection_stats_clear(ConnectionStats *stats)
{
    g_clear_pointer(&stats->local_candidate, g_free);
    g_clear_pointer(&stats->remote_candidate, g_free);
    g_clear_pointer(&stats->remote_fingerprint, g_free);
    g_clear_pointer(&stats->remote_certificate, g_bytes_unref);
    g_clear_pointer(&stats->local_certificate, g_bytes_unref);
}
