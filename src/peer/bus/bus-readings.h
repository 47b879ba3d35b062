/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Readings on org.rtcbus.Peer1: all that is published and received, numbers too. */

#pragma once

#include "peer/bus/peer-dbus.h"
#include "peer/peer.h"

/* OBJECT answers for PEER, which lasts as long as there are calls to it. */
void bus_readings_connect(RtcbusPeer1 *object, Peer *peer);

/* What it shows may be another. */
void bus_readings_update(RtcbusPeer1 *object, const Peer *peer);

/* Tells of a reading that has come; how many bytes that is, about. */
gsize bus_readings_tell(RtcbusPeer1 *object, const HistoryReading *reading);

/* The value of LastNumber. Floating. */
GVariant *bus_readings_last_number(const Peer *peer);
