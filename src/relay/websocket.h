/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libwebsockets: it frames, unframes and closes the connections that the
 * listener accepted and the relay admitted.
 */

#pragma once

#include <glib.h>
#include <uv.h>

#include "relay/client.h"
#include "relay/handshake.h"

typedef struct Server Server;

#define SERVER_ERROR (server_error_quark())
GQuark server_error_quark(void);

typedef struct {
    void (*opened)(Client *client, gpointer data);
    /* The connection is gone: free it. Also after a failed opening. */
    void (*gone)(Client *client, gpointer data);
} ServerEvents;

/* LOOP must be attached already and outlive the server; so must EVENTS. */
Server *server_new(uv_loop_t *loop, const ServerEvents *events, gpointer data, GError **error);

/* Closes every connection, without asking, and runs LOOP to do so, in which
 * nothing else may be active. */
void server_free(Server *server);

/*
 * FD, a connected socket whose client sent a handshake, becomes a WebSocket;
 * HANDSHAKE is what it asked for. FD belongs to the server afterwards; so does
 * CLIENT until it is opened or gone.
 */
void server_adopt(Server *server, int fd, const Handshake *handshake, Client *client);
