/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* See message.h. The frames are few and small, so they are written by hand. */

#include <config.h>

#include "relay/message.h"

#include <string.h>

#include "relay/json-text.h"
#include "relay/websocket.h"

#define MESSAGE_HEADROOM 10                /* the largest header that an unmasked frame has */
#define QUEUE_COST (2 * sizeof(Message *)) /* what a place in a queue takes */
#define MAX_ECHO 256                       /* bytes of a "to" sent back */

static gsize message_size(const Message *message)
{
    gsize room = message->opcode == WEBSOCKET_TEXT ? message->size : WEBSOCKET_CONTROL_MAX;

    return sizeof *message + MESSAGE_HEADROOM + room;
}

/* The header of a frame that is all of its message, just before the text:
 * RFC 6455 section 5.2. */
static void write_header(Message *message)
{
    guint64 size = message->size;
    guint extended = size < 126 ? 0 : size < 65536 ? 2 : 8;
    guchar *header = (guchar *) message->data + MESSAGE_HEADROOM - 2 - extended;

    header[0] = 0x80 | message->opcode;
    header[1] = (guchar) (extended == 0 ? size : extended == 2 ? 126 : 127);
    for (guint i = 0; i < extended; i++)
        header[2 + i] = (guchar) (size >> 8 * (extended - 1 - i));
    message->header_size = (guint8) (2 + extended);
}

Message *message_new(Quota *quota, gsize size)
{
    Message *message = g_malloc(sizeof *message + MESSAGE_HEADROOM + size);

    message->references = 1;
    message->size = (guint) size;
    message->born = 0;
    message->quota = quota;
    message->opcode = WEBSOCKET_TEXT;
    write_header(message);
    quota_charge(quota, sizeof *message + MESSAGE_HEADROOM + size);
    return message;
}

void message_set_control(Message *message, const char *data, gsize size)
{
    message->size = (guint) MIN(size, WEBSOCKET_CONTROL_MAX);
    memcpy(message_text(message), data, message->size);
    write_header(message);
}

/* All are charged alike, so that the text of one can change. */
Message *message_new_control(Quota *quota, guint8 opcode, const char *data, gsize size)
{
    Message *message = message_new(quota, WEBSOCKET_CONTROL_MAX);

    message->opcode = opcode;
    message_set_control(message, data, size);
    return message;
}

char *message_text(Message *message)
{
    return message->data + MESSAGE_HEADROOM;
}

struct iovec message_frame(Message *message)
{
    return (struct iovec){message->data + MESSAGE_HEADROOM - message->header_size,
                          message->header_size + message->size};
}

Message *message_ref(Message *message)
{
    message->references++;
    return message;
}

void message_unref(Message *message)
{
    if (--message->references > 0)
        return;
    quota_release(message->quota, message_size(message));
    g_free(message);
}

gsize message_cost(const Message *message)
{
    return message_size(message) + QUEUE_COST;
}

Message *message_stamped(Quota *quota, const Envelope *frame, const char *sender)
{
    Message *message = message_new(quota, envelope_stamped_size(frame, ROUTER_ID_LENGTH));
    gsize size = envelope_stamp(frame, sender, ROUTER_ID_LENGTH, message_text(message));

    g_assert(size == message->size);
    return message;
}

static Message *from_string(Quota *quota, const GString *text)
{
    Message *message = message_new(quota, text->len);

    memcpy(message_text(message), text->str, text->len);
    return message;
}

static void append_member(GString *out, const char *id, const char *name)
{
    g_string_append_printf(out, "\"id\":\"%s\",\"name\":", id);
    json_text_append(out, name);
}

/* The next of a list of peers */
static void append_peer(GString *out, const char *id, const char *name)
{
    if (out->str[out->len - 1] != '[')
        g_string_append_c(out, ',');
    g_string_append_c(out, '{');
    append_member(out, id, name);
    g_string_append_c(out, '}');
}

Message *message_welcome(Quota *quota, const Member *self, const ClusterMember *others,
                         const char *resume, const char *ice_servers)
{
    g_autoptr(GString) text = g_string_new("{\"type\":\"welcome\",");

    g_string_append_printf(text, "\"id\":\"%s\",\"room\":", self->id);
    json_text_append(text, room_name(self->room));
    g_string_append(text, ",\"peers\":[");
    for (const Member *member = room_first(self->room); member; member = member_next(member)) {
        if (member != self)
            append_peer(text, member->id, member->name);
    }
    for (; others; others = cluster_member_next(others))
        append_peer(text, others->id, others->name);
    g_string_append(text, "],");
    if (*self->name)
        g_string_append_printf(text, "\"resume\":\"%s\",", resume);
    g_string_append_printf(text, "\"iceServers\":%s}", ice_servers);
    return from_string(quota, text);
}

Message *message_ice_servers(Quota *quota, const char *ice_servers)
{
    g_autoptr(GString) text = g_string_new("{\"type\":\"iceServers\",\"iceServers\":");

    g_string_append(text, ice_servers);
    g_string_append_c(text, '}');
    return from_string(quota, text);
}

static Message *about_member(Quota *quota, const char *type, const char *id, const char *name)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "{\"type\":\"%s\",", type);
    append_member(text, id, name);
    g_string_append_c(text, '}');
    return from_string(quota, text);
}

Message *message_joined(Quota *quota, const char *id, const char *name)
{
    return about_member(quota, "joined", id, name);
}

Message *message_left(Quota *quota, const char *id, const char *name)
{
    return about_member(quota, "left", id, name);
}

Message *message_error(Quota *quota, const char *code, const char *text, const EnvelopeText *to)
{
    g_autoptr(GString) out = g_string_new(NULL);

    g_string_append_printf(out, "{\"type\":\"error\",\"code\":\"%s\",\"message\":", code);
    json_text_append(out, text);
    if (to && to->data && to->length <= MAX_ECHO) {
        g_string_append(out, ",\"to\":\"");
        g_string_append_len(out, to->data, (gssize) to->length);
        g_string_append_c(out, '"');
    }
    g_string_append_c(out, '}');
    return from_string(quota, out);
}
