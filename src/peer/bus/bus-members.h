/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The property Peers. It is all who are in the room, so in a large one it is not told of each
 * change. */

#pragma once

#include "peer/bus/peer-dbus.h"
#include "peer/signaling/room.h"

typedef struct BusMembers BusMembers;

/* OBJECT and ROOM are kept by reference. */
BusMembers *bus_members_new(RtcbusPeer1 *object, const Room *room);
void bus_members_free(BusMembers *members);

/* They may be others: told at once, or soon. */
void bus_members_update(BusMembers *members);
