/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The chunks of a packet that usrsctp has written or may read (RFC 9260 section 3) */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/sctp/network-order.h"

#define CHUNKS_BEGIN 12 /* behind the common header */
#define CHUNK_HEADER 4
#define CHUNK_DATA 0
#define CHUNK_SACK 3
#define CHUNK_HEARTBEAT_ACK 5
#define CHUNK_FORWARD_TSN 192 /* RFC 3758 */

/* Serial numbers (RFC 1982): whether A is B or comes before it */
static inline bool tsn_is_up_to(guint32 a, guint32 b)
{
    return (gint32) (b - a) >= 0;
}

/* The length of the chunk AT, padding included; 0: there is none that is whole. */
static inline gsize chunk_size(const guint8 *packet, gsize length, gsize at)
{
    gsize size;

    if (at + CHUNK_HEADER > length)
        return 0;
    size = get16(packet + at + 2);
    if (size < CHUNK_HEADER || size > length - at)
        return 0;
    return MIN((size + 3) & ~(gsize) 3, length - at);
}
