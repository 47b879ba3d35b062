/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A socket of usrsctp as WebRTC wants it: with all its options, bound and connecting. */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/sctp/association.h"

struct sctp_status;
struct socket;

typedef struct {
    guint32 id;                      /* see sctp-stack.h */
    guint16 local_port, remote_port; /* as usrsctp is to know them */
    guint16 streams, max_streams;    /* outgoing ones at first, and incoming ones at most */
    gsize packet;                    /* the largest one, in bytes */
    gsize chunk;                     /* the largest packet that one chunk fills; 0: the same */
    gsize buffer;                    /* for what goes out, and for what comes in */
    gsize partial;                   /* so much of a message is handed up before its end is here */
    guint rto_min;                   /* ms; 0: the default of sctp-stack.c */
    guint32 seed;                    /* tag and TSN are counted from here; 0: chosen at random */
} SctpSocketConfig;

struct socket *sctp_socket_new(const SctpSocketConfig *config, GError **error);

/* Sends an INIT; also if the remote does: SCTP resolves the collision (RFC 8831 6.2, 9260 5.2). */
bool sctp_socket_connect(struct socket *socket, const SctpSocketConfig *config, GError **error);

/* How long a packet waits for its acknowledgement at least before it is sent again; 0: as above */
void sctp_socket_set_rto_min(struct socket *socket, guint milliseconds);

/* The largest packet to send from now on, SCTP header included. Its chunks are never larger than the
 * smallest of these sizes, nor than a packet of the last one of sctp_socket_set_chunk() has. */
void sctp_socket_set_packet(struct socket *socket, gsize size);
void sctp_socket_set_chunk(struct socket *socket, gsize size);

/* Sends a HEARTBEAT of usrsctp's own, to the address of the association ID. */
void sctp_socket_measure(struct socket *socket, guint32 id, guint16 remote_port);

bool sctp_socket_get_status(struct socket *socket, struct sctp_status *status);

/* No less than what is ASSUMED, if anything is. 0: not measured; at least 1 µs otherwise, for usrsctp
 * tells whole milliseconds. */
guint64 sctp_socket_round_trip_usec(struct socket *socket, guint64 assumed);

/* usrsctp has come so far that the remote can begin no more. */
bool sctp_socket_is_past_handshake(struct socket *socket);

/* Whether small messages do not wait for others. */
void sctp_socket_set_no_delay(struct socket *socket, bool no_delay);

/* False: it was not accepted, and errno says why. */
bool sctp_socket_add_streams(struct socket *socket, guint16 count);
bool sctp_socket_reset_streams(struct socket *socket, const guint16 *streams, guint n);

/* False: it was not taken, and errno says why. */
bool sctp_socket_send(struct socket *socket, const AssociationMessage *message);
