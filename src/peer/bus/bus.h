/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The peer on D-Bus (data/org.rtcbus.Peer1.xml): arguments in, results out, news as signals
 * and property changes. Nothing is decided here.
 */

#pragma once

#include <gio/gio.h>

#include "peer/peer.h"

typedef struct Bus Bus;

/* Exports everything on CONNECTION. PEER must have been prepared, and may be freed before it. */
Bus *bus_new(GDBusConnection *connection, Peer *peer, GError **error);
void bus_free(Bus *bus);

/* What a Bus does with what the peer tells: for peer_begin(), with the Bus as its data. */
extern const PeerOps bus_peer_ops;
