/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See forward.h. Between relays a frame goes as it came in: the relay of its receivers reads it anew,
 * and writes the sender into it, whom it knows from who has joined.
 */

#include <config.h>

#include "relay/forward.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"
#include "relay/json-text.h"

#define FRAME_COST 64 /* bytes, of sending a frame, besides its own */

/* Who a frame is for: one of the two, or all in the room if ALL. */
typedef struct {
    bool all;
    Member *here;
    const ClusterMember *there;
    char to[MAX(ROUTER_NAME_MAX, ROUTER_ID_LENGTH) + 1]; /* what the frame says */
} Recipient;

guint forward_to_room(const RelayRoom *room, const Member *except, Message *message, bool all)
{
    guint receivers = 0;

    for (Member *member = room_first(room); member; member = member_next(member)) {
        Client *client = member->data;

        if (member == except || (!all && !client_speaks_rtcbus(client)))
            continue;
        client_send(client, message);
        receivers++;
    }
    return receivers;
}

static void log_frame(const Client *client, const Envelope *frame, const Recipient *recipient)
{
    const char *to = recipient->here    ? client_label(recipient->here->data)
                     : recipient->there ? recipient->to
                                        : "all";
    char type[32];

    if (!envelope_decode(&frame->type, type, sizeof type) || !g_str_is_ascii(type))
        g_strlcpy(type, "other", sizeof type);
    g_strcanon(type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", '?');
    log_event(G_LOG_LEVEL_DEBUG,
              (.message_id = MESSAGE_SIGNALING, .remote = client_label(client),
               .room = room_name(client_member(client)->room)),
              "%s → %s: %s, %zu bytes", client_label(client), to, type, frame->length);
}

/* False if there is nobody of that name. */
static bool find_recipient(Forwarding *forward, Client *client, const Envelope *frame,
                           Recipient *out)
{
    const Member *sender = client_member(client);

    *out = (Recipient){.all = !frame->to.data};
    if (out->all)
        return true;
    if (!envelope_decode(&frame->to, out->to, sizeof out->to))
        return false;
    out->here = router_find(forward->router, sender, out->to);
    if (!out->here)
        out->there = cluster_find(forward->cluster, room_name(sender->room), out->to);
    return out->here || out->there;
}

static bool may_send(Forwarding *forward, Client *client, const Recipient *recipient)
{
    if (!recipient->there &&
        !traffic_may_send(forward->traffic, client, recipient->here ? recipient->here->data : NULL))
        return false;
    if (recipient->here ||
        cluster_may_send(forward->cluster, room_name(client_member(client)->room),
                         recipient->there))
        return true;
    traffic_hold(forward->traffic, client);
    return false;
}

static Message *stamped(Forwarding *forward, const Envelope *frame, const char *sender)
{
    Message *message = message_stamped(forward->quota, frame, sender);

    message->born = clock_monotonic();
    return message;
}

static guint send_here(Forwarding *forward, const Envelope *frame, const char *sender,
                       const RelayRoom *room, Member *recipient, const Member *except)
{
    g_autoptr(Message) message = stamped(forward, frame, sender);

    if (!recipient)
        return forward_to_room(room, except, message, true);
    client_send(recipient->data, message);
    forward->sent(recipient->data, forward->data);
    return 1;
}

/* How many it is sent to, other relays counted as one each. */
static guint send_all(Forwarding *forward, Client *client, const Envelope *frame,
                      const Recipient *recipient)
{
    const Member *sender = client_member(client);
    guint receivers = 0;
    int relays = 0;

    if (!recipient->there)
        receivers = send_here(forward, frame, sender->id, sender->room, recipient->here, sender);
    if (!recipient->here)
        relays = cluster_send(forward->cluster, sender, recipient->there,
                              recipient->there ? recipient->to : NULL, frame->frame, frame->length);
    if (relays < 0)
        forward_failed(forward, sender->id, recipient->there ? recipient->to : NULL, false);
    return receivers + (guint) MAX(relays, 0);
}

static bool forward_frame(Forwarding *forward, Client *client, const Envelope *frame)
{
    Recipient recipient;
    guint receivers;

    if (!find_recipient(forward, client, frame, &recipient)) {
        forward->dropped++;
        client_send_error(client, "no-such-peer", "nobody in this room is called that", &frame->to);
        return true;
    }
    if (!may_send(forward, client, &recipient))
        return false;
    if (log_is_verbose())
        log_frame(client, frame, &recipient);
    receivers = send_all(forward, client, frame, &recipient);
    if (receivers > 0)
        forward->forwarded++;
    traffic_spend(forward->traffic, client, (guint64) receivers * (frame->length + FRAME_COST));
    return true;
}

bool forward_message(Forwarding *forward, Client *client, const char *data, gsize length)
{
    Envelope frame;
    EnvelopeResult result = envelope_scan(data, length, &frame);

    if (result == ENVELOPE_OK)
        return forward_frame(forward, client, &frame);
    forward->dropped++;
    if (result == ENVELOPE_NOT_UTF8)
        client_close(client, 1007, "text frames are UTF-8");
    else
        client_bad_frame(client, envelope_result_to_string(result));
    return true;
}

bool forward_from_afar(Forwarding *forward, const ClusterMember *sender, const char *to,
                       const char *data, gsize length)
{
    RelayRoom *room = router_find_room(forward->router, cluster_member_room(sender));
    Member *recipient = to ? router_find_id(forward->router, to) : NULL;
    Envelope frame;

    if (!room || (to && (!recipient || recipient->room != room)) ||
        envelope_scan(data, length, &frame) != ENVELOPE_OK)
        return false;
    send_here(forward, &frame, sender->id, room, recipient, NULL);
    return true;
}

void forward_failed(Forwarding *forward, const char *sender, const char *to, bool absent)
{
    const Member *member = router_find_id(forward->router, sender);
    g_autoptr(GString) quoted = g_string_new(NULL);
    EnvelopeText text = {};

    if (!member || (absent && !to)) /* a room may empty itself meanwhile */
        return;
    if (to) {
        json_text_append(quoted, to);
        text = (EnvelopeText){.data = quoted->str + 1, .length = quoted->len - 2};
    }
    if (absent)
        client_send_error(member->data, "no-such-peer", "nobody in this room is called that",
                          &text);
    else
        client_send_error(member->data, "not-delivered",
                          "the relay of its receiver cannot be reached now", &text);
}
