/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Where connections come in that lead to a service of a peer: rtcbusctl forward, and a
 * forward that the daemon has declared. Each connection is a link (stream-link.h) with a
 * channel of its own on the one call that they share. While there is no call they wait.
 */

#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "common/stream-link.h"

typedef struct ForwardPort ForwardPort;

/* May call anything of forward_port but forward_port_free(). */
typedef struct {
    /* Somebody waits and there is no call. */
    void (*dial)(gpointer data);
    /* Opens a channel for LINK on the call: forward_port_opened() follows, now or later. */
    void (*open)(StreamLink *link, gpointer data);
    /* A connection is over for ERROR, or it could have no channel. */
    void (*failed)(const GError *error, gpointer data);
} ForwardPortOps;

typedef struct {
    guint waiting;     /* so many may be without a channel; more are closed at once */
    guint connections; /* so many may there be in all */
    guint opening;     /* so many channels are asked for at once */
    guint hold;        /* seconds that a connection waits for a call; 0: as long as it takes */
} ForwardPortLimits;

/* OPS is kept by reference, LIMITS are copied. */
ForwardPort *forward_port_new(const ForwardPortLimits *limits, const ForwardPortOps *ops,
                              gpointer data);
/* Closes all connections, and the sockets that it listens on. */
void forward_port_free(ForwardPort *port);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ForwardPort, forward_port_free)

/* Listens on SOCKET besides; the first time may fail with ERROR, and so may each. */
bool forward_port_listen(ForwardPort *port, GSocket *socket, GError **error);
bool forward_port_is_listening(const ForwardPort *port);

/* The call that channels are opened on from now on, by any number; 0: there is none. */
void forward_port_set_call(ForwardPort *port, guint call);

/* For LINK there is PACKETS, the socket of an acquired channel, which is taken over; or -1 with
 * ERROR. A link whose call has ended meanwhile waits once more. */
void forward_port_opened(StreamLink *link, int packets, gsize max_packet, const GError *error);

/* There will be no call: closes those who wait. */
void forward_port_give_up(ForwardPort *port);

bool forward_port_has_waiting(const ForwardPort *port);
