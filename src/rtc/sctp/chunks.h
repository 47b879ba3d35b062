/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The chunks of a packet that usrsctp has written or may read (RFC 9260 section 3) */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/sctp/network-order.h"

#define COMMON_HEADER 12 /* usrsctp's idea of a path MTU leaves it out */
#define CHUNK_HEADER 4
#define TSN_END 8 /* in DATA, SACK and FORWARD-TSN it is behind the chunk's header */

enum {
    CHUNK_DATA = 0,
    CHUNK_INIT = 1,
    CHUNK_INIT_ACK = 2,
    CHUNK_SACK = 3,
    CHUNK_HEARTBEAT = 4,
    CHUNK_HEARTBEAT_ACK = 5,
    CHUNK_ABORT = 6,
    CHUNK_SHUTDOWN = 7,
    CHUNK_SHUTDOWN_ACK = 8,
    CHUNK_ERROR = 9,
    CHUNK_COOKIE_ECHO = 10,
    CHUNK_COOKIE_ACK = 11,
    CHUNK_SHUTDOWN_COMPLETE = 14,
    CHUNK_RE_CONFIG = 130,  /* RFC 6525 3.1 */
    CHUNK_PAD = 132,        /* RFC 4820 3 */
    CHUNK_FORWARD_TSN = 192 /* RFC 3758 3.2 */
};

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

/* Where the first chunk TYPE of LEAST bytes or more begins; 0: there is none. */
static inline gsize chunk_find(const guint8 *packet, gsize length, guint8 type, gsize least)
{
    gsize size;

    for (gsize at = COMMON_HEADER; (size = chunk_size(packet, length, at)) > 0; at += size) {
        if (packet[at] == type && size >= least)
            return at;
    }
    return 0;
}
