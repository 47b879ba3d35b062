/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One WebSocket connection to a relay, from the attempt to the end. It tries
 * once; when to try again is its owner's business.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/signaling/dial.h"

typedef struct Websocket Websocket;

typedef struct {
    const char *message;     /* one sentence for people: the cause, and what to do */
    const DialFailure *dial; /* NULL: it had been open */
} WebsocketFailure;

typedef struct {
    /* PROTOCOL is the subprotocol that the server chose, or NULL. */
    void (*open)(Websocket *websocket, const char *protocol, gpointer data);
    /* A text message, in valid UTF-8 and terminated. */
    void (*text)(Websocket *websocket, const char *text, gsize length, gpointer data);
    /* Nothing comes after this; free it now or later. */
    void (*closed)(Websocket *websocket, const WebsocketFailure *failure, gpointer data);
} WebsocketOps;

/*
 * Begins to connect to URL (ws: or wss:). * Callbacks come from the main loop, never from within this call.
 */
Websocket *websocket_new(const char *url, const UpgradeOffer *offer, const WebsocketOps *ops,
                         gpointer data);

/* The relay is asked for a sign each SECONDS, 12 at least, and given up after two and then some. */
void websocket_set_pings(Websocket *websocket, guint seconds);

/* Drops the connection at once if it is still there. No callback comes after. */
void websocket_free(Websocket *websocket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Websocket, websocket_free)

/* False if it is not open, or if so much waits for a relay that does not read that there is no room
 * for TEXT: then `closed` follows. */
bool websocket_send(Websocket *websocket, const char *text);

/* The network is another one: whether the relay still answers is known within three seconds, and
 * at once if this machine has our address no more. True: it is open, and asked. */
bool websocket_probe(Websocket *websocket);

/* Sends what is queued and the closing handshake; `closed` follows. */
void websocket_close(Websocket *websocket);
