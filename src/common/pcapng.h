/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Files of packets as Wireshark reads them (draft-ietf-opsawg-pcapng): a codec
 * of three of its blocks, without I/O. A file is the head, then a block a packet.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#define PCAPNG_SCTP 248 /* LINKTYPE_SCTP: packets begin with the header of RFC 9260 3.1 */

typedef struct {
    gint64 time;  /* microseconds since the epoch */
    bool sent;    /* else received */
    guint64 lost; /* packets that should have come between the one before and this */
    const guint8 *bytes;
    gsize length;
} PcapngPacket;

/* What a file begins with; COMMENT is UTF-8 for people, at most 65535 bytes. Transfer full. */
GByteArray *pcapng_head(guint16 link_type, const char *comment);
/* One packet. Transfer full. */
GByteArray *pcapng_packet(const PcapngPacket *packet);
