/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * RFC 8832 5.1:
 *   byte 0 type, 1 channel type, 2–3 priority, 4–7 reliability parameter,
 *   8–9 label length, 10–11 protocol length, then label and protocol.
 */

#include <config.h>

#include "rtc/channel/dcep.h"

#include <string.h>

#include "rtc/error.h"

#define OPEN_HEADER 12

enum {
    CHANNEL_TYPE_RELIABLE = 0x00,
    CHANNEL_TYPE_REXMIT = 0x01,
    CHANNEL_TYPE_TIMED = 0x02,
    CHANNEL_TYPE_UNORDERED = 0x80,
};

static bool fail(GError **error, const char *message)
{
    g_set_error_literal(error, RTC_ERROR, RTC_ERROR_INVALID, message);
    return false;
}

void dcep_open_clear(DcepOpen *open)
{
    g_clear_pointer(&open->label, g_free);
    g_clear_pointer(&open->protocol, g_free);
}

bool dcep_type(const guint8 *bytes, gsize length, DcepType *type, GError **error)
{
    if (length == 0)
        return fail(error, "an empty DCEP message");
    if (bytes[0] != DCEP_ACK && bytes[0] != DCEP_OPEN)
        return fail(error, "a DCEP message of an unknown type");
    *type = bytes[0];
    return true;
}

static guint get_u16(const guint8 *bytes)
{
    return bytes[0] << 8 | bytes[1];
}

static guint32 get_u32(const guint8 *bytes)
{
    return (guint32) get_u16(bytes) << 16 | get_u16(bytes + 2);
}

static char *get_text(const guint8 *bytes, gsize length)
{
    if (memchr(bytes, 0, length) || !g_utf8_validate((const char *) bytes, length, NULL))
        return NULL;
    return g_strndup((const char *) bytes, length);
}

bool dcep_parse_open(const guint8 *bytes, gsize length, DcepOpen *open, GError **error)
{
    gsize label_length, protocol_length;
    guint32 reliability;
    DcepOpen parsed = {.max_retransmits = -1, .max_packet_lifetime = -1};

    if (length < OPEN_HEADER || bytes[0] != DCEP_OPEN)
        return fail(error, "a DATA_CHANNEL_OPEN that is too short");
    label_length = get_u16(bytes + 8);
    protocol_length = get_u16(bytes + 10);
    if (length != OPEN_HEADER + label_length + protocol_length)
        return fail(error, "a DATA_CHANNEL_OPEN whose lengths do not add up");

    reliability = MIN(get_u32(bytes + 4), G_MAXINT);
    parsed.ordered = !(bytes[1] & CHANNEL_TYPE_UNORDERED);
    switch (bytes[1] & ~CHANNEL_TYPE_UNORDERED) {
    case CHANNEL_TYPE_RELIABLE:
        break;
    case CHANNEL_TYPE_REXMIT:
        parsed.max_retransmits = reliability;
        break;
    case CHANNEL_TYPE_TIMED:
        parsed.max_packet_lifetime = reliability;
        break;
    default:
        return fail(error, "a DATA_CHANNEL_OPEN of an unknown channel type");
    }
    parsed.priority = get_u16(bytes + 2);
    parsed.label = get_text(bytes + OPEN_HEADER, label_length);
    parsed.protocol = get_text(bytes + OPEN_HEADER + label_length, protocol_length);
    if (!parsed.label || !parsed.protocol) {
        dcep_open_clear(&parsed);
        return fail(error, "a DATA_CHANNEL_OPEN whose label or protocol is not UTF-8 text");
    }
    *open = parsed;
    return true;
}

static void put_u16(GByteArray *array, guint value)
{
    g_byte_array_append(array, (const guint8[]){value >> 8, value}, 2);
}

GBytes *dcep_write_open(const DcepOpen *open)
{
    GByteArray *array = g_byte_array_new();
    gsize label_length = strlen(open->label), protocol_length = strlen(open->protocol);
    guint8 type = open->ordered ? 0 : CHANNEL_TYPE_UNORDERED;
    guint32 reliability = 0;

    if (open->max_retransmits >= 0) {
        type |= CHANNEL_TYPE_REXMIT;
        reliability = open->max_retransmits;
    } else if (open->max_packet_lifetime >= 0) {
        type |= CHANNEL_TYPE_TIMED;
        reliability = open->max_packet_lifetime;
    }
    g_byte_array_append(array, (const guint8[]){DCEP_OPEN, type}, 2);
    put_u16(array, open->priority);
    put_u16(array, reliability >> 16);
    put_u16(array, reliability & 0xffff);
    put_u16(array, label_length);
    put_u16(array, protocol_length);
    g_byte_array_append(array, (const guint8 *) open->label, label_length);
    g_byte_array_append(array, (const guint8 *) open->protocol, protocol_length);
    return g_byte_array_free_to_bytes(array);
}

GBytes *dcep_write_ack(void)
{
    static const guint8 ack = DCEP_ACK;

    return g_bytes_new_static(&ack, 1);
}
