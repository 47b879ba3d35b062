/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What the files of a connection know of it: connection.c, connection-sctp.c,
 * connection-steps.c and connection-stats.c. */

#pragma once

#include "common/bucket.h"
#include "rtc/channel/channel-set.h"
#include "rtc/connection.h"
#include "rtc/dtls/dtls.h"
#include "rtc/negotiation.h"
#include "rtc/paths.h"
#include "rtc/sctp/association.h"

#define CONNECTION_SCTP_PORT 5000

struct Connection {
    guint patience;           /* seconds */
    bool waits;               /* as ConnectionConfig has it */
    guint keep_alive;         /* the same */
    const ConnectionOps *ops; /* NULL once it is being freed */
    gpointer data;
    ConnectionState state;
    Certificate *certificate;
    gsize max_message_size;
    const char *protocol;

    GBytes *sctp_init; /* for the first description of ours */
    Negotiation negotiation;
    Bucket offers; /* of the remote */
    GQueue outbox; /* of Outbound, for the signaling */
    guint outbox_source;
    bool held; /* the outbox, until the description is set that its candidates belong to */
    guint connect_timer;
    bool doubted; /* SCTP gets no answers */
    bool lost;    /* ICE gets none */

    TransportTap tap; /* of what DTLS carries; or NULL */
    gpointer tap_data;
    Paths *paths;
    Dtls *dtls; /* NULL: the remote's description is not known */
    Association *sctp;
    ChannelSet *channels;
};

/* In connection.c */
void connection_enter_state(Connection *connection, ConnectionState state, const GError *reason);
/* Both descriptions are known: DTLS begins. */
bool connection_begin(Connection *connection, GError **error);
/* Both descriptions of a restart are known. If there never was a path, there is to be one in time. */
void connection_begin_again(Connection *connection);
/* What a first description of ours says beside ICE. Transfer full. */
Sdp *connection_template(const Connection *connection);
/* Candidates wait in the outbox, or go out from the main loop; forgotten: none of those that wait
 * ever does. */
void connection_hold_outbox(Connection *connection, bool held);
void connection_forget_outbox(Connection *connection);
bool connection_take_answer(Connection *connection, Sdp **remote, const char *text, GError **error);
/* Asks ConnectionOps.restart: whether there is room for one more agent. */
bool connection_prepare_restart(Connection *connection, GError **error);
bool connection_is_over(const Connection *connection, GError **error);

/* In connection-stats.c: there is a DTLS now. */
void connection_tap_dtls(Connection *connection);

/* DISCONNECTED if SCTP or ICE gets no answers, CONNECTED if both do. */
void connection_note_doubt(Connection *connection);

/* In connection-sctp.c: DTLS is up. */
void connection_start_sctp(Connection *connection);

/* In connection-steps.c: the agent of what was made and not set is gone. */
void connection_forget_made(Connection *connection);
