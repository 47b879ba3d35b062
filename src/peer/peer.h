/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The peer as a whole: owns the parts and passes on between them. What D-Bus
 * offers is asked for here; it hears of news through bus.h.
 */

#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "common/daemon.h"
#include "peer/call/calls.h"
#include "peer/call/server-watch.h"
#include "peer/readings/history.h"
#include "peer/trust/known-peers.h"
#include "peer/trust/pairing-desk.h"

typedef struct Peer Peer;

Peer *peer_new(void);
void peer_free(Peer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Peer, peer_free)

/* The steps of DaemonInfo; see common/daemon.h. */
bool peer_configure(const char *path, bool required, gpointer peer, GError **error);
bool peer_start(Daemon *daemon, GDBusConnection *bus, gpointer peer, GError **error);
void peer_reload(Daemon *daemon, gpointer peer);
void peer_stop(Daemon *daemon, gpointer peer);

/* As calls_place() */
Call *peer_call(Peer *peer, const char *whom, const CallOptions *options, GError **error);
/* As publisher_publish() */
guint64 peer_publish(Peer *peer, double value, GError **error);

/* As known_peers_add() of a FINGERPRINT as people write it, which replaces, and
 * known_peers_forget(). Errors also: PEER_ERROR_INVALID_ARGUMENT. */
bool peer_trust(Peer *peer, const char *name, const char *fingerprint, GError **error);
bool peer_forget(Peer *peer, const char *name, GError **error);

/* Makes a new key, and hangs up all calls. Errors are those of identity_renew(). */
bool peer_new_identity(Peer *peer, GError **error);

/* As pairing_desk_open(), _join(), _accept() and _cancel(). Transfer full. */
char *peer_pair(Peer *peer, guint seconds, const PairingWish *wish, GError **error);
bool peer_pair_with(Peer *peer, const char *code, const PairingWish *wish, GError **error);
bool peer_confirm_pairing(Peer *peer, const PairingWish *wish, GError **error);
bool peer_cancel_pairing(Peer *peer, GError **error);

const KnownPeers *peer_known(const Peer *peer);
const History *peer_history(const Peer *peer);
const Room *peer_room(const Peer *peer);
const ServerWatch *peer_server_watch(const Peer *peer);
const char *peer_fingerprint(const Peer *peer);
/* As identity_copies() */
const char *const *peer_key_copies(const Peer *peer);
const char *peer_relay_url(const Peer *peer);
guint peer_listeners(const Peer *peer);
/* As services_broken() */
const char *const *peer_broken_services(const Peer *peer);
