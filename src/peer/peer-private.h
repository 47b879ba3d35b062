/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What peer.c, peer-calls.c and peer-trust.c know of a peer, and nobody else. */

#pragma once

#include "common/link-watch.h"
#include "peer/call/call-dispatch.h"
#include "peer/call/call-trust.h"
#include "peer/config.h"
#include "peer/metrics.h"
#include "peer/peer.h"
#include "peer/readings/readings.h"
#include "peer/service/service-link.h"
#include "peer/signaling/signaling.h"
#include "peer/trust/identity.h"
#include "peer/trust/pairing-desk.h"

struct Peer {
    PeerConfig config;
    Daemon *daemon;
    Identity *identity;
    char *name; /* as which we ask to be known */
    char *config_path;
    KnownPeers *known;
    Services *services;
    StreamLinks *links;
    Signaling *signaling;
    Calls *calls;
    CallDispatch *dispatch;
    CallTrust call_trust;
    PairingDesk *pairing;
    PairingOutcome pairing_outcome;
    KeptCalls *kept;
    Readings *readings;
    Forwards *forwards;
    const PeerOps *observer;
    gpointer observer_data;
    char **servers; /* for ICE: ours and the relay's */
    ServerWatch *server_watch;
    TlsTrust *trust; /* for turns: servers */
    LinkWatch *link;
    PeerMetrics *metrics;
};

/* In peer.c */
void peer_update(Peer *peer); /* says what is new, to the observer and as the daemon's status */
void peer_part_changed(gpointer peer); /* a part has news of which there is nothing to do here */
void peer_send(const Frame *frame, gpointer peer); /* if there is a relay */
CallLimits peer_call_limits(const Peer *peer);     /* as they are configured */
void peer_apply_names(Peer *peer);                 /* once there is a certificate */

/* In peer-calls.c: when the trust has been made */
void peer_make_calls(Peer *peer);

/* In peer-trust.c, in this order; FOLDER is the state directory. Nothing is read by the first.
 * peer_load_known() logs what is wrong. */
void peer_make_trust(Peer *peer, const char *folder);
void peer_make_pairing(Peer *peer);
void peer_load_known(Peer *peer);
