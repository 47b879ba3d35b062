/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The interface org.rtcbus.Peer1.Channel of one channel. */

#pragma once

#include "peer/call/call-channel.h"
#include "peer/call/program-debt.h"
#include "peer/bus/peer-dbus.h"

#define BUS_TYPE_CHANNEL (bus_channel_get_type())
G_DECLARE_FINAL_TYPE(BusChannel, bus_channel, BUS, CHANNEL, RtcbusPeer1ChannelSkeleton)

/* OWNER and PROGRAM: as bus_call_owner() and bus_call_program() */
BusChannel *bus_channel_new(CallChannel *channel, const char *owner, ProgramDebt *program);

/* What a signal costs beside its bytes, about */
#define BUS_SIGNAL_OVERHEAD PROGRAM_DEBT_OVERHEAD

/* The program that it belongs to has not acknowledged so much that nothing more should be told. */
bool bus_channel_is_behind(const BusChannel *self);

/* Less of what was accepted waits to be sent. */
void bus_channel_shorter(BusChannel *self);
/* Shows the channel's properties as they are now. */
void bus_channel_update(BusChannel *self);

/* The channel is about to be freed: shows it as closed. */
void bus_channel_detach(BusChannel *self);

void bus_channel_message(BusChannel *self, MessageKind kind, const guint8 *bytes, gsize length);
