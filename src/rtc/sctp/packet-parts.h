/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Packets of usrsctp that are larger than what the path carries now. It never
 * cuts a chunk again that it has sent, and never cuts larger ones again once it
 * has been told of smaller packets. So it is not told of a path that has become
 * smaller; what it sends meanwhile is cut here.
 *
 * Chunks that share a packet go in several ones. A chunk that is too large alone
 * goes in parts, to a remote that puts them together: packets with one chunk
 * each, which is of ours alone and is passed over by who does not know it.
 *
 *   type 181, flags 0, length (16 bits)
 *   number of the cut chunk (16), where the part begins in it (16)
 *   length of the cut chunk with its padding (16), 0 (16)
 *   the part
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/transport.h"

#define PACKET_PARTS_CHUNK 181
/* The longest chunk that is put together, which is what a remote can make us keep */
#define PACKET_PARTS_MAX 16384

typedef struct PacketParts PacketParts;

/* Sends to LOWER, which outlives it. AGREED: the remote puts parts together, and so do we. */
PacketParts *packet_parts_new(Transport *lower, bool agreed);
void packet_parts_free(PacketParts *parts);

/* Sends PACKET in packets of up to SIZE bytes. What does not fill one leaves at the end of the turn
 * at the latest. */
void packet_parts_send(PacketParts *parts, const guint8 *packet, gsize length, gsize size);

/* Whether PACKET has a part of a chunk. With the last one, of those that have come one behind
 * another, WHOLE becomes a packet with that chunk; the caller frees it. */
bool packet_parts_take(PacketParts *parts, const guint8 *packet, gsize length, GByteArray **whole);
