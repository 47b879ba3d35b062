/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Numbers are in the order of this machine: the first block says which that is.
 * The length of a block stands at both of its ends.
 */

#include <config.h>

#include "common/pcapng.h"

#include <string.h>

#define SECTION_HEADER 0x0a0d0d0a
#define INTERFACE_DESCRIPTION 1
#define ENHANCED_PACKET 6
#define BYTE_ORDER_MAGIC 0x1a2b3c4d

enum {
    OPTION_END = 0,
    OPTION_COMMENT = 1,   /* of any block */
    OPTION_FLAGS = 2,     /* of a packet */
    OPTION_DROPCOUNT = 4, /* of a packet */
};

enum { FLAGS_INBOUND = 1, FLAGS_OUTBOUND = 2 };

static void put16(GByteArray *block, guint16 value)
{
    g_byte_array_append(block, (const guint8 *) &value, sizeof value);
}

static void put32(GByteArray *block, guint32 value)
{
    g_byte_array_append(block, (const guint8 *) &value, sizeof value);
}

static void put_padded(GByteArray *block, const void *bytes, gsize length)
{
    static const guint8 padding[3];

    g_byte_array_append(block, bytes, length);
    g_byte_array_append(block, padding, (4 - length % 4) % 4);
}

static void put_option(GByteArray *block, guint16 code, const void *bytes, gsize length)
{
    put16(block, code);
    put16(block, length);
    put_padded(block, bytes, length);
}

/* The block at START begins; its length is written when it ends. */
static gsize begin(GByteArray *file, guint32 type)
{
    gsize start = file->len;

    put32(file, type);
    put32(file, 0);
    return start;
}

static void end(GByteArray *file, gsize start)
{
    guint32 length = file->len + 4 - start;

    put32(file, length);
    memcpy(file->data + start + 4, &length, sizeof length);
}

GByteArray *pcapng_head(guint16 link_type, const char *comment)
{
    GByteArray *file = g_byte_array_new();
    gsize start = begin(file, SECTION_HEADER);

    put32(file, BYTE_ORDER_MAGIC);
    put16(file, 1); /* version 1.0 */
    put16(file, 0);
    put32(file, G_MAXUINT32); /* how long the file becomes nobody knows */
    put32(file, G_MAXUINT32);
    put_option(file, OPTION_COMMENT, comment, strlen(comment));
    put_option(file, OPTION_END, NULL, 0);
    end(file, start);

    start = begin(file, INTERFACE_DESCRIPTION);
    put16(file, link_type);
    put16(file, 0);
    put32(file, 0); /* packets are whole */
    end(file, start);
    return file;
}

GByteArray *pcapng_packet(const PcapngPacket *packet)
{
    GByteArray *file = g_byte_array_new();
    gsize start = begin(file, ENHANCED_PACKET);
    guint32 flags = packet->sent ? FLAGS_OUTBOUND : FLAGS_INBOUND;

    put32(file, 0); /* the interface */
    put32(file, (guint64) packet->time >> 32);
    put32(file, (guint32) packet->time);
    put32(file, packet->length);
    put32(file, packet->length);
    put_padded(file, packet->bytes, packet->length);
    put_option(file, OPTION_FLAGS, &flags, sizeof flags);
    if (packet->lost > 0)
        put_option(file, OPTION_DROPCOUNT, &packet->lost, sizeof packet->lost);
    put_option(file, OPTION_END, NULL, 0);
    end(file, start);
    return file;
}
