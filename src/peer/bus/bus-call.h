/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The interface org.rtcbus.Peer1.Call of one call. */

#pragma once

#include "peer/call/call.h"
#include "peer/call/program-debt.h"
#include "peer/bus/peer-dbus.h"

#define BUS_TYPE_CALL (bus_call_get_type())
G_DECLARE_FINAL_TYPE(BusCall, bus_call, BUS, CALL, RtcbusPeer1CallSkeleton)

/* Keeps a reference to CALL. */
BusCall *bus_call_new(Call *call);

/* The call hears when its program leaves the bus; a stepwise one belongs to that, and ends. */
void bus_call_follow(BusCall *self, GDBusConnection *connection, ProgramDebts *debts);

/* That program, or NULL: the call is no program's */
const char *bus_call_owner(const BusCall *self);
/* And what it owes; the call's. */
ProgramDebt *bus_call_program(const BusCall *self);

/* Shows the call's properties as they are now. */
void bus_call_update(BusCall *self);

/* The part of it that a channel which is about to come depends on. */
void bus_call_update_trust(BusCall *self);

/* Announces FRAME, a description or candidate of ours. */
void bus_call_frame(BusCall *self, const Frame *frame);
