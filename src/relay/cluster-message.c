/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/cluster-message.h"

#include <string.h>

#include "common/printable.h"

#define MAGIC "rtcb" /* and the version behind it */
#define WIRE_VERSION 1

bool cluster_message_is_in_stream(ClusterMessageType type)
{
    return type >= CLUSTER_BEGIN;
}

/* ---- writing ----------------------------------------------------------------- */

static void put_number(GByteArray *out, guint64 value, guint bytes)
{
    guint8 digits[8];

    for (guint i = 0; i < bytes; i++)
        digits[i] = (guint8) (value >> 8 * (bytes - 1 - i));
    g_byte_array_append(out, digits, bytes);
}

static void put_text(GByteArray *out, const char *text)
{
    gsize length = strlen(text);

    put_number(out, length, 1);
    g_byte_array_append(out, (const guint8 *) text, (guint) length);
}

static void put_member(GByteArray *out, const ClusterMessage *message)
{
    put_text(out, message->id);
    put_text(out, message->room);
    put_text(out, message->name);
    put_number(out, message->revision, 8);
}

static void put_frame(GByteArray *out, const ClusterMessage *message)
{
    put_text(out, message->id);
    put_text(out, message->to);
    put_text(out, message->room);
    g_byte_array_append(out, (const guint8 *) message->text, (guint) message->text_size);
}

static void put_ack(GByteArray *out, const ClusterMessage *message)
{
    put_number(out, message->revision, 8);
    put_number(out, message->n_failed, 1);
    for (guint i = 0; i < message->n_failed; i++)
        put_number(out, message->failed[i], 8);
}

static void put_hello(GByteArray *out, const ClusterMessage *message)
{
    put_number(out, message->session, 4);
    put_number(out, message->leaving, 1);
    put_text(out, message->label);
}

void cluster_message_encode(const ClusterMessage *message, GByteArray *out)
{
    g_byte_array_append(out, (const guint8 *) MAGIC, sizeof MAGIC - 1);
    put_number(out, WIRE_VERSION, 1);
    put_number(out, message->type, 1);
    put_text(out, message->origin);
    put_number(out, message->stream, 4);
    put_number(out, message->sequence, 8);
    switch (message->type) {
    case CLUSTER_HELLO:
        put_hello(out, message);
        break;
    case CLUSTER_ACK:
        put_ack(out, message);
        break;
    case CLUSTER_JOINED:
        put_member(out, message);
        break;
    case CLUSTER_LEFT:
    case CLUSTER_PROBE:
    case CLUSTER_CONGESTED:
    case CLUSTER_RELIEVED:
        put_text(out, message->id);
        break;
    case CLUSTER_FRAME:
        put_frame(out, message);
        break;
    case CLUSTER_BYE:
    case CLUSTER_PING:
    case CLUSTER_RESYNC:
    case CLUSTER_BEGIN:
    case CLUSTER_END:
        break;
    }
}

/* ---- reading ----------------------------------------------------------------- */

/* What is left to read; once something was wrong, nothing is. */
typedef struct {
    const guint8 *at, *end;
    bool bad;
} ClusterReader;

static const guint8 *take(ClusterReader *reader, gsize size)
{
    const guint8 *at = reader->at;

    if (reader->bad || (gsize) (reader->end - at) < size) {
        reader->bad = true;
        return NULL;
    }
    reader->at += size;
    return at;
}

static guint64 get_number(ClusterReader *reader, guint bytes)
{
    const guint8 *at = take(reader, bytes);
    guint64 value = 0;

    for (guint i = 0; at && i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* Into OUT, of SIZE bytes with its NUL. */
static void get_text(ClusterReader *reader, char *out, gsize size)
{
    gsize length = get_number(reader, 1);
    const guint8 *at = length < size ? take(reader, length) : NULL;

    out[0] = 0;
    if (!at || memchr(at, 0, length)) {
        reader->bad = true;
        return;
    }
    memcpy(out, at, length);
    out[length] = 0;
}

/* An id in the one form that we write */
static void get_id(ClusterReader *reader, char out[ROUTER_ID_LENGTH + 1])
{
    get_text(reader, out, ROUTER_ID_LENGTH + 1);
    for (const char *c = out; *c; c++)
        reader->bad |= g_ascii_isupper(*c);
    reader->bad |= !is_random_id(out);
}

static void get_room(ClusterReader *reader, ClusterMessage *out)
{
    get_text(reader, out->room, sizeof out->room);
    reader->bad |= !router_check_room(out->room, NULL);
}

static void get_member(ClusterReader *reader, ClusterMessage *out)
{
    get_id(reader, out->id);
    get_room(reader, out);
    get_text(reader, out->name, sizeof out->name);
    reader->bad |= *out->name && !router_check_name(out->name, NULL);
    out->revision = get_number(reader, 8);
}

static void get_frame(ClusterReader *reader, ClusterMessage *out)
{
    get_id(reader, out->id);
    if (reader->at < reader->end && *reader->at == 0)
        get_text(reader, out->to, sizeof out->to);
    else
        get_id(reader, out->to);
    get_room(reader, out);
    out->text = (const char *) reader->at;
    out->text_size = (gsize) (reader->end - reader->at);
    reader->at = reader->end;
}

static void get_ack(ClusterReader *reader, ClusterMessage *out)
{
    out->revision = get_number(reader, 8);
    out->n_failed = (guint) get_number(reader, 1);
    if (out->n_failed > CLUSTER_FAILED_MAX)
        reader->bad = true;
    for (guint i = 0; !reader->bad && i < out->n_failed; i++)
        out->failed[i] = get_number(reader, 8);
}

static void get_hello(ClusterReader *reader, ClusterMessage *out)
{
    guint leaving;

    out->session = (guint32) get_number(reader, 4);
    leaving = (guint) get_number(reader, 1);
    out->leaving = leaving == 1;
    reader->bad |= leaving > 1;
    get_text(reader, out->label, sizeof out->label);
    reader->bad |= !is_printable(out->label);
}

static void get_rest(ClusterReader *reader, ClusterMessage *out)
{
    switch (out->type) {
    case CLUSTER_HELLO:
        get_hello(reader, out);
        break;
    case CLUSTER_ACK:
        get_ack(reader, out);
        break;
    case CLUSTER_JOINED:
        get_member(reader, out);
        break;
    case CLUSTER_LEFT:
    case CLUSTER_PROBE:
    case CLUSTER_CONGESTED:
    case CLUSTER_RELIEVED:
        get_id(reader, out->id);
        break;
    case CLUSTER_FRAME:
        get_frame(reader, out);
        break;
    case CLUSTER_BYE:
    case CLUSTER_PING:
    case CLUSTER_RESYNC:
    case CLUSTER_BEGIN:
    case CLUSTER_END:
        break;
    default:
        reader->bad = true;
    }
}

bool cluster_message_decode(const guint8 *data, gsize size, ClusterMessage *out)
{
    ClusterReader reader = {data, data + size, false};
    const guint8 *magic = take(&reader, sizeof MAGIC - 1);

    *out = (ClusterMessage){};
    if (!magic || memcmp(magic, MAGIC, sizeof MAGIC - 1) != 0 ||
        get_number(&reader, 1) != WIRE_VERSION)
        return false;
    out->type = (ClusterMessageType) get_number(&reader, 1);
    get_id(&reader, out->origin);
    out->stream = (guint32) get_number(&reader, 4);
    out->sequence = get_number(&reader, 8);
    get_rest(&reader, out);
    return !reader.bad && reader.at == reader.end;
}
