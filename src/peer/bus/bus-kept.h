/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Kept calls and forwards on org.rtcbus.Peer1: Keep, Unkeep, KeptPeers and Forwards. */

#pragma once

#include "peer/bus/peer-dbus.h"
#include "peer/service/forwards.h"

/* OBJECT answers for KEPT, which lasts as long as there are calls to it. */
void bus_kept_connect(RtcbusPeer1 *object, KeptCalls *kept);

/* What it shows may be another. */
void bus_kept_update(RtcbusPeer1 *object, const KeptCalls *kept);
void bus_kept_update_forwards(RtcbusPeer1 *object, const Forwards *forwards);
