/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The relay itself: who may come in, and what becomes of a frame. It owns the
 * listener, the visitors, the clients, the router and the quota.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/metrics.h"
#include "relay/access.h"
#include "relay/admission.h"
#include "relay/cluster.h"
#include "relay/config.h"
#include "relay/quota.h"
#include "relay/refusals.h"

typedef struct Relay Relay;

typedef struct {
    guint connections; /* WebSocket clients that are in a room */
    guint rooms;
    guint64 forwarded;              /* frames sent on to at least one other client */
    guint64 dropped;                /* frames sent on to nobody: bad, too fast, no such peer */
    guint64 refused;                /* who was not let in */
    guint handshakes;               /* connections that are no clients yet */
    guint64 accepted, accepted_tls; /* connections, ever */
    guint64 joined;                 /* clients, ever */
    guint64 buffered;               /* bytes, for clients or of unfinished messages */
    const Histogram *latency;       /* of frames */
    const RefusalCount *refusals;
    guint n_refusals;
    gint64 certificate_expires; /* seconds since the epoch; 0: there is none */
    bool draining;
    ClusterCounters cluster;
} RelayCounters;

/* What can be seen of a client; valid as long as nothing runs. */
typedef struct {
    const char *id, *name, *address, *origin;
    gint64 since;  /* µs since the epoch */
    bool rtcbus;   /* it speaks rtcbus.1 */
    gsize waiting; /* bytes */
    const AccessGrant *grant;
    const Account *account;  /* what its connection is charged to */
    guint64 max_connections; /* of that account; 0: no limit */
} RelayClientInfo;

/* Begins to listen and serve from the default main context. CONFIG is borrowed
 * and must stay; after changing it, call relay_reload(). */
Relay *relay_new(const RelayConfig *config, char **listen, GError **error);

/* Takes over what CONFIG says now. */
void relay_reload(Relay *relay);

/* Sends all clients away within DrainTime= and lets nobody in any more. */
void relay_drain(Relay *relay);

/* The same, and calls DONE once they are gone, or soon after. */
void relay_stop(Relay *relay, GSourceFunc done, gpointer data);
void relay_free(Relay *relay);

/* "ADDRESS:PORT" of each socket. Owned by RELAY. */
const char *const *relay_listening(const Relay *relay);
const char *const *relay_tls_listening(const Relay *relay);

/* What an administrator should know although all is well so far; NULL if there is nothing.
 * Owned by RELAY. */
const char *relay_warning(const Relay *relay);
void relay_counters(const Relay *relay, RelayCounters *out);

/* FUNC is called when connections or rooms have changed; not at once and not
 * for every change. */
void relay_on_change(Relay *relay, void (*func)(gpointer data), gpointer data);

void relay_foreach_room(Relay *relay, void (*func)(const char *room, guint clients, gpointer data),
                        gpointer data);

/* False if there is no such ROOM. */
bool relay_foreach_client(Relay *relay, const char *room,
                          void (*func)(const RelayClientInfo *info, gpointer data), gpointer data);

/* The other relays of the cluster. */
void relay_foreach_relay(Relay *relay, void (*func)(ClusterRelay *other, gpointer data),
                         gpointer data);

/* Who was not let in. Owned by RELAY. */
const Refusals *relay_refusals(const Relay *relay);

/* Closes the connection of a client. False if nobody has this ID. */
bool relay_disconnect(Relay *relay, const char *id);
