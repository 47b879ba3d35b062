/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The peer on D-Bus (data/org.rtcbus.Peer1.xml): arguments in, results out, news as signals
 * and property changes. Nothing is decided here.
 */

#pragma once

#include <gio/gio.h>

#include "peer/call/call.h"
#include "peer/readings/history.h"

typedef struct Peer Peer;
typedef struct Bus Bus;

/* Exports everything on CONNECTION. PEER must outlive it. */
Bus *bus_new(GDBusConnection *connection, Peer *peer, GError **error);
void bus_free(Bus *bus);

/* Properties of the peer itself may have changed. */
void bus_update(Bus *bus);
/* See PairingDeskOps. */
/* KNOWN is another key that is known for NAME, or "". */
void bus_tell_pairing_proven(Bus *bus, const char *name, const char *fingerprint, const char *known);
void bus_tell_pairing_failed(Bus *bus, const char *message, guint tries);
void bus_tell_pairing_ended(Bus *bus, bool ok, const char *name, const char *fingerprint,
                            const char *message);

void bus_tell_number(Bus *bus, const ReceivedNumber *number);

void bus_tell_call_added(Bus *bus, Call *call);
void bus_tell_call_changed(Bus *bus, Call *call);
void bus_tell_call_ended(Bus *bus, Call *call);

void bus_tell_channel(Bus *bus, CallChannel *channel, CallChannelEvent event);
void bus_tell_message(Bus *bus, CallChannel *channel, MessageKind kind, const guint8 *bytes,
                      gsize length);
