/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The rtc layer frees a channel when it has said CLOSED; D-Bus still has to
 * show that state. This is the little that lives in between. */

#include "config.h"

#include "peer/call-channel.h"

#include <glib/gi18n.h>

#include "peer/peer-error.h"

struct CallChannel {
    Call *call;
    guint number;
    bool feed;
    Channel *channel;
    char *reason; /* NULL: none */
    const CallChannelOps *ops;
    gpointer data;
};

static void on_state(Channel *rtc, ChannelState state, const GError *reason, gpointer data)
{
    CallChannel *channel = data;

    if (state == CHANNEL_CLOSED) {
        channel->channel = NULL;
        channel->reason = reason ? g_strdup(reason->message) : NULL;
    }
    channel->ops->state(channel, state, channel->data);
}

static void on_message(Channel *rtc, MessageKind kind, const guint8 *bytes, gsize length,
                       gpointer data)
{
    CallChannel *channel = data;

    channel->ops->message(channel, kind, bytes, length, channel->data);
}

static const ChannelOps channel_ops = {.state = on_state, .message = on_message};

CallChannel *call_channel_new(Call *call, guint number, bool feed, Channel *rtc,
                              const CallChannelOps *ops, gpointer data)
{
    CallChannel *channel = g_new0(CallChannel, 1);

    channel->call = call;
    channel->number = number;
    channel->feed = feed;
    channel->channel = rtc;
    channel->ops = ops;
    channel->data = data;
    channel_set_ops(rtc, &channel_ops, channel);
    return channel;
}

void call_channel_free(CallChannel *channel)
{
    g_free(channel->reason);
    g_free(channel);
}

void call_channel_detach(CallChannel *channel)
{
    channel->channel = NULL;
}

Call *call_channel_call(const CallChannel *channel)
{
    return channel->call;
}

guint call_channel_number(const CallChannel *channel)
{
    return channel->number;
}

bool call_channel_is_feed(const CallChannel *channel)
{
    return channel->feed;
}

ChannelState call_channel_state(const CallChannel *channel)
{
    return channel->channel ? channel_state(channel->channel) : CHANNEL_CLOSED;
}

const char *call_channel_reason(const CallChannel *channel)
{
    return channel->reason ? channel->reason : "";
}

Channel *call_channel_rtc(const CallChannel *channel)
{
    return channel->channel;
}

bool call_channel_send(CallChannel *channel, MessageKind kind, const void *bytes, gsize length,
                       GError **error)
{
    if (channel->channel)
        return channel_send(channel->channel, kind, bytes, length, error);
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED, _("the channel is closed"));
    return false;
}

void call_channel_close(CallChannel *channel)
{
    if (channel->channel)
        channel_close(channel->channel);
}
