/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The SCTP of a connection: how it begins, and whose messages are whose. */

#include <config.h>

#include "rtc/connection-private.h"
#include "rtc/sctp/opening-chunk.h"

/* As many as usrsctp lets a remote have: only on the same of ours can it be told that one ends. */
#define STREAMS 1024

static void on_sctp_state(TransportState state, const GError *reason, gpointer data)
{
    static const ConnectionState states[] = {
        [TRANSPORT_NEW] = CONNECTION_CONNECTING,
        [TRANSPORT_CONNECTING] = CONNECTION_CONNECTING,
        [TRANSPORT_CONNECTED] = CONNECTION_CONNECTED,
        [TRANSPORT_FAILED] = CONNECTION_FAILED,
        [TRANSPORT_CLOSED] = CONNECTION_CLOSED,
    };
    connection_enter_state(data, states[state], reason);
}

static void on_sctp_doubt(bool doubted, gpointer data)
{
    Connection *connection = data;

    connection->doubted = doubted;
    connection_note_doubt(connection);
}

static void on_sctp_message(guint16 stream, guint32 ppid, const guint8 *bytes, gsize length,
                            gpointer data)
{
    channel_set_message(((Connection *) data)->channels, stream, ppid, bytes, length);
}

static void on_sctp_oversized(guint16 stream, gpointer data)
{
    channel_set_oversized(((Connection *) data)->channels, stream);
}

static void on_sctp_remote_reset(guint16 stream, gpointer data)
{
    channel_set_remote_reset(((Connection *) data)->channels, stream);
}

static void on_sctp_local_reset(guint16 stream, gpointer data)
{
    channel_set_local_reset(((Connection *) data)->channels, stream);
}

static void on_sctp_writable(gpointer data)
{
    channel_set_writable(((Connection *) data)->channels);
}

static const AssociationOps sctp_user = {
    .state = on_sctp_state,
    .doubt = on_sctp_doubt,
    .message = on_sctp_message,
    .oversized = on_sctp_oversized,
    .remote_reset = on_sctp_remote_reset,
    .local_reset = on_sctp_local_reset,
    .writable = on_sctp_writable,
};

void connection_start_sctp(Connection *connection)
{
    const Sdp *remote = connection->negotiation.remote;
    const bool ours = remote->max_packet_size > 0;
    AssociationConfig config = {
        .local_port = CONNECTION_SCTP_PORT,
        .remote_port = remote->sctp_port,
        .streams = ours ? OPENING_STREAMS : STREAMS,
        .adds_streams = ours, /* when it is asked */
        .mtu = dtls_mtu(connection->dtls),
        .first = paths_is_local(connection->paths)
                     ? MIN(dtls_record_max(connection->dtls), remote->max_packet_size)
                     : 0,
        .max_packet = remote->max_packet_size,
        .takes_parts = ours && remote->packet_parts,
        .max_message_size = connection->max_message_size,
        .own_opening = ours ? connection->negotiation.local->sctp_init : NULL,
        .remote_opening = remote->sctp_init,
        .opens = connection->negotiation.offerer,
        .quiet_seconds = connection->keep_alive,
        /* DTLS has measured next to nothing if its flights waited for the path. */
        .round_trip_usec = MAX(dtls_round_trip_usec(connection->dtls),
                               paths_transport(connection->paths)->round_trip_usec),
        .path_round_trip_usec = paths_transport(connection->paths)->round_trip_usec,
    };
    g_autoptr(GError) error = NULL;

    connection->sctp =
        association_new(dtls_transport(connection->dtls), &config, &sctp_user, connection, &error);
    if (!connection->sctp) {
        connection_enter_state(connection, CONNECTION_FAILED, error);
        return;
    }
    /* Channels that wait send their OPEN now: it is bundled with COOKIE-ECHO. */
    channel_set_attach(connection->channels, connection->sctp, connection->negotiation.client,
                       remote->max_message_size);
    association_start(connection->sctp);
}
