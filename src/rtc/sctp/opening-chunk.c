/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * usrsctp chooses a tag and a TSN when an association begins, and that is long after the
 * description went out. It can be told the number from which it counts (an option for debugging):
 * then both are known before. The gate tells whether it has kept to that.
 */

#include <config.h>

#include "rtc/sctp/opening-chunk.h"

#include <string.h>

#include "common/random.h"
#include "rtc/sctp/chunks.h"

/* RFC 9260 3 */
#define TAG_OFFSET 4 /* in a packet and in an INIT alike */
#define TSN_OFFSET 16
#define PARAMETERS_OFFSET 20
#define PARAMETER_COOKIE 7

/* What usrsctp takes of the numbers that it counts, from the first one */
#define SEED_TO_TAG 0
#define TAG_TO_TSN 3

/* No number on the way is 0. */
static bool is_tag(guint32 tag)
{
    return tag > SEED_TO_TAG && tag <= G_MAXUINT32 - 16;
}

static void write_chunk(guint8 chunk[OPENING_CHUNK_SIZE], guint32 tag)
{
    /* Forward-TSN-Supported, and Supported Extensions: FORWARD-TSN and RE-CONFIG */
    static const guint8 parameters[] = {0xc0, 0x00, 0, 4, 0x80, 0x08, 0, 6, 0xc0, 0x82, 0, 0};

    G_STATIC_ASSERT(PARAMETERS_OFFSET + sizeof parameters == OPENING_CHUNK_SIZE);
    chunk[0] = CHUNK_INIT;
    chunk[1] = 0;
    put16(chunk + 2, OPENING_CHUNK_SIZE - 2); /* without the padding */
    put32(chunk + TAG_OFFSET, tag);
    put32(chunk + 8, OPENING_WINDOW);
    put16(chunk + 12, OPENING_STREAMS);
    put16(chunk + 14, OPENING_STREAMS_MAX);
    put32(chunk + TSN_OFFSET, tag + TAG_TO_TSN);
    memcpy(chunk + PARAMETERS_OFFSET, parameters, sizeof parameters);
}

GBytes *opening_chunk_describe(void)
{
    guint8 chunk[OPENING_CHUNK_SIZE];
    guint32 tag;

    do
        random_bytes(&tag, sizeof tag);
    while (!is_tag(tag));
    write_chunk(chunk, tag);
    return g_bytes_new(chunk, sizeof chunk);
}

bool opening_chunk_is_ours(const guint8 *chunk, gsize length)
{
    guint8 ours[OPENING_CHUNK_SIZE];

    if (length != sizeof ours || !is_tag(get32(chunk + TAG_OFFSET)))
        return false;
    write_chunk(ours, get32(chunk + TAG_OFFSET));
    return memcmp(chunk, ours, sizeof ours) == 0;
}

guint32 opening_chunk_tag(GBytes *chunk)
{
    return get32((const guint8 *) g_bytes_get_data(chunk, NULL) + TAG_OFFSET);
}

guint32 opening_chunk_seed(GBytes *chunk)
{
    return opening_chunk_tag(chunk) - SEED_TO_TAG;
}

bool opening_chunk_is_answered(const guint8 *packet, gsize length)
{
    if (length < COMMON_HEADER + CHUNK_HEADER)
        return false;
    switch (packet[COMMON_HEADER]) {
    case CHUNK_INIT:
    case CHUNK_INIT_ACK:
    case CHUNK_COOKIE_ECHO:
    case CHUNK_COOKIE_ACK:
    case CHUNK_ABORT:
        return false;
    default:
        return true;
    }
}

bool opening_chunk_is_proof(const guint8 *packet, gsize length)
{
    return length >= COMMON_HEADER + CHUNK_HEADER &&
           (packet[COMMON_HEADER] == CHUNK_SACK || packet[COMMON_HEADER] == CHUNK_HEARTBEAT_ACK);
}

/* The common header */
static GByteArray *packet_new(guint32 tag, guint16 remote_port, guint16 local_port)
{
    GByteArray *packet = g_byte_array_new();
    guint8 header[COMMON_HEADER] = {};

    put16(header, remote_port);
    put16(header + 2, local_port);
    put32(header + TAG_OFFSET, tag);
    g_byte_array_append(packet, header, sizeof header);
    return packet;
}

GByteArray *opening_chunk_init_ack(GBytes *chunk, guint32 tag, guint16 remote_port,
                                   guint16 local_port)
{
    static const guint8 cookie[] = {0, PARAMETER_COOKIE, 0, 8, 's', 'n', 'a', 'p'};
    GByteArray *packet = packet_new(tag, remote_port, local_port);
    gsize size;
    const guint8 *bytes = g_bytes_get_data(chunk, &size);

    g_byte_array_append(packet, bytes, size);
    g_byte_array_append(packet, (const guint8 *) "\0\0\0", -size & 3);
    g_byte_array_append(packet, cookie, sizeof cookie);
    packet->data[COMMON_HEADER] = CHUNK_INIT_ACK;
    put16(packet->data + COMMON_HEADER + 2, packet->len - COMMON_HEADER);
    return packet;
}

GByteArray *opening_chunk_cookie_ack(guint32 tag, guint16 remote_port, guint16 local_port)
{
    static const guint8 chunk[] = {CHUNK_COOKIE_ACK, 0, 0, CHUNK_HEADER};
    GByteArray *packet = packet_new(tag, remote_port, local_port);

    g_byte_array_append(packet, chunk, sizeof chunk);
    return packet;
}
