/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The peer on D-Bus (INTERFACES 4): arguments in, results out, news as signals
 * and property changes. Nothing is decided here.
 */

#pragma once

#include <gio/gio.h>

#include "peer/call/call.h"
#include "peer/readings/feed.h"

typedef struct Peer Peer;
typedef struct Bus Bus;

/* Exports everything on CONNECTION. PEER must outlive it. */
Bus *bus_new(GDBusConnection *connection, Peer *peer, GError **error);
void bus_free(Bus *bus);

/* Properties of the peer itself may have changed. */
void bus_update(Bus *bus);
/* See PairingDeskOps. */
/* KNOWN is another key that is known for NAME, or "". */
void bus_pairing_proven(Bus *bus, const char *name, const char *fingerprint, const char *known);
void bus_pairing_failed(Bus *bus, const char *message, guint tries);
void bus_pairing_ended(Bus *bus, bool ok, const char *name, const char *fingerprint,
                       const char *message);

void bus_number(Bus *bus, const FeedNumber *number);

void bus_call_added(Bus *bus, Call *call);
void bus_call_changed(Bus *bus, Call *call);
void bus_call_ended(Bus *bus, Call *call);

void bus_channel(Bus *bus, CallChannel *channel, CallChannelEvent event);
void bus_message(Bus *bus, CallChannel *channel, MessageKind kind, const guint8 *bytes,
                 gsize length);
