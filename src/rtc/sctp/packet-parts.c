/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/sctp/packet-parts.h"

#include <string.h>

#include "common/turn-tasks.h"
#include "rtc/sctp/chunks.h"
#include "rtc/sctp/crc32c.h"

/* Of a part, behind its chunk's header */
#define NUMBER 4
#define BEGIN 6
#define TOTAL 8
#define PART_HEADER 12

struct PacketParts {
    Transport *lower;
    bool agreed;
    GByteArray *rest; /* a packet that is not full; empty: none */
    guint8 last;      /* the type of the last chunk in it */
    TurnTask sender;
    guint16 sent; /* the number of the last chunk that was cut */

    GByteArray *joined; /* what has come of a chunk, behind a packet's header; NULL: nothing */
    guint16 number;     /* of that chunk */
};

static void send_sealed(PacketParts *parts, guint8 *packet, gsize length)
{
    crc32c_seal(packet, length);
    transport_send(parts->lower, packet, length);
}

static void send_rest(gpointer data)
{
    PacketParts *parts = data;

    if (parts->rest->len == 0)
        return;
    turn_task_cancel(&parts->sender);
    send_sealed(parts, parts->rest->data, parts->rest->len);
    g_byte_array_set_size(parts->rest, 0);
}

PacketParts *packet_parts_new(Transport *lower, bool agreed)
{
    PacketParts *parts = g_new0(PacketParts, 1);

    parts->lower = lower;
    parts->agreed = agreed;
    parts->rest = g_byte_array_new();
    turn_task_init(&parts->sender, send_rest, parts);
    return parts;
}

void packet_parts_free(PacketParts *parts)
{
    if (!parts)
        return;
    turn_task_cancel(&parts->sender);
    g_byte_array_unref(parts->rest);
    g_clear_pointer(&parts->joined, g_byte_array_unref);
    g_free(parts);
}

/* ---- what goes out ---- */

static void send_chunk_parts(PacketParts *parts, const guint8 *packet, gsize at, gsize chunk,
                             gsize size)
{
    const gsize room = (size - COMMON_HEADER - PART_HEADER) & ~(gsize) 3;
    g_autofree guint8 *copy = g_malloc0(size);
    guint8 *part = copy + COMMON_HEADER;

    memcpy(copy, packet, COMMON_HEADER);
    part[0] = PACKET_PARTS_CHUNK;
    put16(part + NUMBER, ++parts->sent);
    put16(part + TOTAL, chunk);
    for (gsize begin = 0, n; begin < chunk; begin += n) {
        n = MIN(room, chunk - begin);
        put16(part + 2, PART_HEADER + n);
        put16(part + BEGIN, begin);
        memcpy(part + PART_HEADER, packet + at + begin, n);
        send_sealed(parts, copy, COMMON_HEADER + PART_HEADER + n);
    }
}

static void add_to_rest(PacketParts *parts, const guint8 *packet, gsize at, gsize chunk)
{
    if (parts->rest->len == 0)
        g_byte_array_append(parts->rest, packet, COMMON_HEADER);
    g_byte_array_append(parts->rest, packet + at, chunk);
    parts->last = packet[at];
}

void packet_parts_send(PacketParts *parts, const guint8 *packet, gsize length, gsize size)
{
    gsize chunk;

    /* No chunk of control comes behind DATA (RFC 9260 6.10). */
    if (length <= size || packet[COMMON_HEADER] != parts->last)
        send_rest(parts);
    if (length <= size) {
        transport_send(parts->lower, packet, length);
        return;
    }
    for (gsize at = COMMON_HEADER; (chunk = chunk_size(packet, length, at)) > 0; at += chunk) {
        const bool cut = COMMON_HEADER + chunk > size && parts->agreed;

        if (cut || parts->rest->len + chunk > size)
            send_rest(parts);
        if (cut)
            send_chunk_parts(parts, packet, at, chunk, size);
        else
            add_to_rest(parts, packet, at, chunk);
    }
    if (parts->rest->len > 0)
        turn_task_add(&parts->sender);
}

/* ---- what comes in ---- */

static void drop_joined(PacketParts *parts)
{
    g_clear_pointer(&parts->joined, g_byte_array_unref);
}

/* Whether the part is the first one, or follows the last. */
static bool fits(PacketParts *parts, const guint8 *packet, const guint8 *part, gsize n)
{
    const gsize begin = get16(part + BEGIN), total = get16(part + TOTAL);

    if (n == 0 || begin + n > total || total > PACKET_PARTS_MAX)
        return false;
    if (begin == 0) {
        drop_joined(parts);
        parts->joined = g_byte_array_new();
        parts->number = get16(part + NUMBER);
        g_byte_array_append(parts->joined, packet, COMMON_HEADER);
    }
    return parts->joined && parts->number == get16(part + NUMBER) &&
           parts->joined->len == COMMON_HEADER + begin;
}

bool packet_parts_take(PacketParts *parts, const guint8 *packet, gsize length, GByteArray **whole)
{
    const guint8 *part = packet + COMMON_HEADER;
    gsize n;

    *whole = NULL;
    if (!parts->agreed || length < COMMON_HEADER + PART_HEADER || part[0] != PACKET_PARTS_CHUNK)
        return false;
    n = length - COMMON_HEADER - PART_HEADER;
    if (get16(part + 2) != PART_HEADER + n || !fits(parts, packet, part, n)) {
        drop_joined(parts);
        return true;
    }
    g_byte_array_append(parts->joined, part + PART_HEADER, n);
    if (parts->joined->len == COMMON_HEADER + (gsize) get16(part + TOTAL))
        *whole = g_steal_pointer(&parts->joined);
    return true;
}
