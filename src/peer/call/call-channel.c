/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The rtc layer frees a channel when it has said CLOSED; D-Bus still has to
 * show that state. This is the little that lives in between. */

#include <config.h>

#include "peer/call/call-channel.h"

#include <glib/gi18n.h>

#include "common/clock.h"
#include "common/message-queue.h"
#include "peer/call/call.h"
#include "peer/call/channel-fd.h"
#include "peer/error.h"

/*
 * Whoever acquires a channel as soon as it appears gets it from its beginning:
 * what came before is told by signals, for those who want no more than that,
 * but kept as well, so much and so long (in seconds). When it is full, or all
 * of them together are, the remote waits until the time is over. Those of calls that
 * nobody here has asked for are full by themselves.
 */
#define BACKLOG_MAX (1024 * 1024)
#define BACKLOGS_MAX (8 * 1024 * 1024) /* of either kind of calls */
enum { BACKLOG_TIME = 2 };

struct CallChannel {
    Call *call;
    guint number;
    CallChannelOrigin origin;
    guint reserved; /* timer: a program has to acquire it until then */
    Channel *channel;
    char *reason;                  /* NULL: none */
    const CallChannelTaker *taker; /* a part of this daemon that has it, or NULL */
    gpointer taker_data;
    ChannelFd *fd;        /* the program that has it, or NULL */
    MessageQueue backlog; /* what came before a program had it */
    enum {
        BACKLOG_EMPTY,
        BACKLOG_KEPT,
        BACKLOG_FULL, /* the channel is held */
        BACKLOG_OVER,
    } backlog_state;
    guint backlog_timer;
    bool unasked; /* as its call was when the backlog began */
    bool held;    /* whoever is told of messages is behind */
    CallChannelUser user;
};

static void on_state(Channel *rtc, ChannelState state, const GError *reason, gpointer data)
{
    CallChannel *channel = data;

    if (state == CHANNEL_CLOSED) {
        call_channel_detach(channel);
        channel->reason = reason ? g_strdup(reason->message) : NULL;
    }
    channel->user.state(channel, state);
}

static struct {
    gsize unasked, other;
} backlogs; /* bytes, of all channels */

static gsize *backlogs_of(const CallChannel *channel)
{
    return channel->unasked ? &backlogs.unasked : &backlogs.other;
}

/* A program's socket holds its channel by itself. */
static void update_hold(CallChannel *channel)
{
    if (channel->channel && !channel->fd)
        channel_hold(channel->channel, channel->backlog_state == BACKLOG_FULL || channel->held);
}

void call_channel_hold(CallChannel *channel, bool held)
{
    if (channel->held == held)
        return;
    channel->held = held;
    update_hold(channel);
}

/* It is given to GIVE_TO, or to nobody if that is NULL. */
static void backlog_end(CallChannel *channel, ChannelFd *give_to)
{
    const guint8 *bytes;
    guint32 unused;
    gsize length;

    channel->backlog_state = BACKLOG_OVER;
    update_hold(channel);
    g_clear_handle_id(&channel->backlog_timer, g_source_remove);
    *backlogs_of(channel) -= channel->backlog.bytes;
    while (give_to && (bytes = message_queue_peek(&channel->backlog, &unused, &length))) {
        channel_fd_message(give_to, bytes, length);
        message_queue_pop(&channel->backlog);
    }
    message_queue_clear(&channel->backlog);
}

static gboolean on_backlog_timer(gpointer data)
{
    CallChannel *channel = data;

    channel->backlog_timer = 0;
    backlog_end(channel, NULL);
    return G_SOURCE_REMOVE;
}

static void backlog_add(CallChannel *channel, const guint8 *bytes, gsize length)
{
    if (channel->backlog_state == BACKLOG_OVER)
        return;
    if (channel->backlog_state == BACKLOG_EMPTY) {
        channel->backlog_state = BACKLOG_KEPT;
        channel->unasked = call_is_unasked(channel->call);
        channel->backlog_timer = clock_timer_add_seconds(BACKLOG_TIME, on_backlog_timer, channel);
    }
    message_queue_push(&channel->backlog, 0, bytes, length);
    *backlogs_of(channel) += length;
    if (channel->backlog.bytes < BACKLOG_MAX && *backlogs_of(channel) < BACKLOGS_MAX)
        return;
    channel->backlog_state = BACKLOG_FULL;
    update_hold(channel);
}

static void on_message(Channel *rtc, MessageKind kind, const guint8 *bytes, gsize length,
                       gpointer data)
{
    CallChannel *channel = data;

    if (channel->taker) {
        channel->taker->message(channel, bytes, length, channel->taker_data);
        return;
    }
    if (channel->fd) {
        channel_fd_message(channel->fd, bytes, length);
        return;
    }
    if (!channel->user.shorter)
        backlog_add(channel, bytes, length);
    channel->user.message(channel, kind, bytes, length, channel->user.data);
}

static void on_writable(Channel *rtc, gpointer data)
{
    CallChannel *channel = data;

    if (channel->taker)
        channel->taker->writable(channel, channel->taker_data);
    else if (channel->fd)
        channel_fd_writable(channel->fd);
}

static void on_shorter(Channel *rtc, gpointer data)
{
    CallChannel *channel = data;

    if (channel->user.shorter && !channel->taker && !channel->fd)
        channel->user.shorter(channel);
}

static const ChannelOps channel_ops = {
    .state = on_state, .message = on_message, .writable = on_writable, .shorter = on_shorter};

CallChannel *call_channel_new(Call *call, guint number, CallChannelOrigin origin, Channel *rtc,
                              const CallChannelUser *user)
{
    CallChannel *channel = g_new0(CallChannel, 1);

    channel->call = call;
    channel->number = number;
    channel->origin = origin;
    channel->channel = rtc;
    channel->user = *user;
    channel_attach(rtc, &channel_ops, channel);
    return channel;
}

void call_channel_free(CallChannel *channel)
{
    g_free(channel->reason);
    call_channel_detach(channel);
    g_free(channel);
}

void call_channel_drain(CallChannel *channel)
{
    if (channel->channel)
        channel_drain(channel->channel);
}

void call_channel_detach(CallChannel *channel)
{
    channel->channel = NULL;
    backlog_end(channel, NULL);
    g_clear_handle_id(&channel->reserved, g_source_remove);
    g_clear_pointer(&channel->fd, channel_fd_finish);
}

Call *call_channel_call(const CallChannel *channel)
{
    return channel->call;
}

guint call_channel_number(const CallChannel *channel)
{
    return channel->number;
}

bool call_channel_is_publishing(const CallChannel *channel)
{
    return channel->origin == CALL_CHANNEL_PUBLISHING;
}

bool call_channel_is_incoming(const CallChannel *channel)
{
    return channel->origin == CALL_CHANNEL_INCOMING;
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

bool call_channel_is_busy(const CallChannel *channel)
{
    return channel->channel && (channel_buffered_amount(channel->channel) > 0 ||
                                (channel->fd && channel_fd_is_busy(channel->fd)));
}

void call_channel_close(CallChannel *channel)
{
    if (channel->channel && channel->fd)
        channel_fd_close(channel->fd);
    else if (channel->channel)
        channel_close(channel->channel);
}

bool call_channel_acquire(CallChannel *channel, MessageKind kind, int *fd, guint *max_size,
                          GError **error)
{
    if (!channel->channel) {
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED,
                            _("the channel is closed"));
        return false;
    }
    if (channel->fd || channel->taker) {
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_FAILED,
                            _("a program has acquired the channel already"));
        return false;
    }
    channel->fd = channel_fd_new(channel->channel, kind, fd, max_size, error);
    if (!channel->fd)
        return false;
    g_clear_handle_id(&channel->reserved, g_source_remove);
    channel->held = false;
    channel_hold(channel->channel, false);
    backlog_end(channel, channel->fd);
    return true;
}

void call_channel_take(CallChannel *channel, const CallChannelTaker *taker, gpointer data)
{
    channel->taker = taker;
    channel->taker_data = data;
}

bool call_channel_is_taken(const CallChannel *channel, const CallChannelTaker *taker,
                           gpointer *data)
{
    *data = channel->taker == taker ? channel->taker_data : NULL;
    return channel->taker == taker;
}

static gboolean on_reserved(gpointer data)
{
    CallChannel *channel = data;

    channel->reserved = 0;
    channel_hold(channel->channel, false);
    channel_close(channel->channel);
    return G_SOURCE_REMOVE;
}

void call_channel_reserve(CallChannel *channel, guint timeout)
{
    channel_hold(channel->channel, true);
    channel->reserved = clock_timer_add_seconds(timeout, on_reserved, channel);
}

bool call_channel_is_acquired(const CallChannel *channel)
{
    return channel->fd != NULL;
}
