/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A socket of usrsctp as WebRTC wants it: with all its options, bound and connecting. */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/sctp/association.h"

struct socket;

typedef struct {
    guint32 id;                      /* see sctp-stack.h */
    guint16 local_port, remote_port; /* as usrsctp is to know them */
    guint16 streams, max_streams;    /* outgoing ones at first, and incoming ones at most */
    gsize packet;                    /* the largest one, in bytes */
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

/* The largest packet to send from now on, SCTP header included. */
void sctp_socket_set_packet(struct socket *socket, gsize size);

/* False: it was not taken, and errno says why. */
bool sctp_socket_send(struct socket *socket, const AssociationMessage *message);
