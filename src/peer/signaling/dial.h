/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * From a URL to an open WebSocket: name, TCP, TLS, and the opening handshake of
 * RFC 6455. It is done here and not by libsoup's session because a session
 * follows redirects, throws the body of a refusal away, and tells too little of
 * why a certificate is refused. It never uses a proxy, a cookie or an extension.
 */

#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "peer/signaling/upgrade.h"

typedef struct Dial Dial;

typedef struct {
    const char *message; /* one sentence for people; see refusal.h */
    const char *fault;   /* RELAY_FAULT_* */
    bool silent;         /* nobody has answered: it may be the network */
    guint status;        /* of the answer; 0: there was none */
    const char *words;   /* the relay's own, or NULL */
    bool retry;          /* and it has said when another try may succeed (Retry-After) */
    guint retry_after;   /* seconds; 0: it has not */
} DialFailure;

/* One of them is called, once, from the main loop. Both may call dial_free(). */
typedef struct {
    /* PROTOCOL is the subprotocol that the server chose, or NULL. */
    void (*opened)(GIOStream *stream, const char *protocol, gpointer data);
    void (*failed)(const DialFailure *failure, gpointer data);
} DialOps;

/* URI as of upgrade_uri(). OPS is kept by reference. */
Dial *dial_new(GUri *uri, const UpgradeOffer *offer, const DialOps *ops, gpointer data);
void dial_free(Dial *dial); /* nothing comes after */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Dial, dial_free)
