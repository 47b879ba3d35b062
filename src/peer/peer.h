/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The peer as a whole: owns the parts and passes on between them. What D-Bus
 * offers is asked for here; who shows the peer to others hears of news by PeerOps,
 * and nothing in here knows that it is D-Bus.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/daemon.h"
#include "peer/call/calls.h"
#include "peer/call/kept-calls.h"
#include "peer/call/server-watch.h"
#include "peer/readings/store.h"
#include "peer/service/forwards.h"
#include "peer/service/services.h"
#include "peer/trust/known-peers.h"
#include "peer/trust/pairing-outcome.h"

typedef struct Peer Peer;

/* What an observer hears. None may end a call or free a channel; all may ask for what the peer
 * is. What they are given lasts until they return. */
typedef struct {
    /* What the functions at the end of this file give may be another. */
    void (*updated)(gpointer data);
    void (*kept_changed)(gpointer data); /* what peer_kept() tells */
    void (*received)(const HistoryReading *reading, gpointer data);
    void (*call_added)(Call *call, gpointer data);
    void (*call_changed)(Call *call, gpointer data);
    void (*call_ended)(Call *call, gpointer data); /* CALL is freed after it */
    /* A description or candidate for the program that signals for CALL */
    void (*call_frame)(Call *call, const Frame *frame, gpointer data);
    void (*channel)(CallChannel *channel, CallChannelEvent event, gpointer data);
    void (*message)(CallChannel *channel, MessageKind kind, const guint8 *bytes, gsize length,
                    gpointer data);
    PairingNewsOps pairing;
} PeerOps;

Peer *peer_new(void);
/* Calls that are left end, and the observer still hears of it. */
void peer_free(Peer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Peer, peer_free)

/* The steps of DaemonInfo, in this order; see common/daemon.h. Nothing happens before
 * peer_begin(), and OBSERVER, which is kept by reference, must last as long as the peer. */
bool peer_configure(Peer *peer, const char *path, bool required, GError **error);
bool peer_prepare(Peer *peer, Daemon *daemon, GError **error);
void peer_begin(Peer *peer, const PeerOps *observer, gpointer data);
void peer_reload(Peer *peer); /* after peer_configure() */
void peer_stop(Peer *peer);   /* daemon_quit() follows */

/* As calls_place() */
Call *peer_call(Peer *peer, const char *whom, const CallOptions *options, GError **error);
/* As calls_create() */
Call *peer_create_call(Peer *peer, const CarriedCallOptions *options, GError **error);
/* As readings_publish() */
bool peer_publish(Peer *peer, const Reading *reading, StoreDone done, gpointer done_data,
                  GError **error);

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

const Forwards *peer_forwards(const Peer *peer);
/* To keep and unkeep, and what there is of it */
KeptCalls *peer_kept(const Peer *peer);

const KnownPeers *peer_known(const Peer *peer);
Store *peer_store(const Peer *peer); /* to be read */
const Room *peer_room(const Peer *peer);
const ServerWatch *peer_server_watch(const Peer *peer);
const char *peer_fingerprint(const Peer *peer);
/* As identity_copies() */
const char *const *peer_key_copies(const Peer *peer);
const char *peer_relay_url(const Peer *peer);
guint peer_listeners(const Peer *peer);
const Services *peer_services(const Peer *peer);
/* What is wrong and is told nowhere else, for people. Transfer full. */
char **peer_problems(const Peer *peer);
