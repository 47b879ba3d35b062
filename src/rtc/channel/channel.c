/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One data channel: its state, its queue and what it tells its user. What
 * concerns several channels is in channel-set.c.
 */

#include <config.h>

#include "rtc/channel/channel.h"

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "rtc/channel/channel-private.h"
#include "rtc/channel/dcep.h"
#include "rtc/error.h"

/* Above this many queued bytes a sender should wait for `writable`. */
#define HIGH_MARK (512 * 1024)
/* One that had to wait may go on when so little is left of what it has sent. */
#define RESUME_MARK (256 * 1024)
/* What a channel may hold before its association is not read any more */
#define INBOX_MAX (1024 * 1024)
#define INBOX_MESSAGES (64 * 1024) /* even empty ones cost memory */

const char *channel_state_to_string(ChannelState state)
{
    static const char *const names[] = {
        [CHANNEL_CONNECTING] = "connecting",
        [CHANNEL_OPEN] = "open",
        [CHANNEL_CLOSING] = "closing",
        [CHANNEL_CLOSED] = "closed",
    };
    return names[state];
}

Channel *channel_new(const ChannelHostOps *ops, gpointer host, const char *label,
                     const ChannelOptions *options)
{
    Channel *channel = g_new0(Channel, 1);

    channel->host_ops = ops;
    channel->host = host;
    channel->label = g_strdup(label);
    channel->protocol = g_strdup(options->protocol ? options->protocol : "");
    channel->ordered = options->ordered;
    channel->negotiated = options->negotiated;
    channel->max_retransmits = options->max_retransmits;
    channel->max_packet_lifetime = options->max_packet_lifetime;
    channel->priority = options->priority;
    /* It may have been chosen by the remote. */
    channel->turn.weight =
        CLAMP(options->priority, CHANNEL_PRIORITY_VERY_LOW, CHANNEL_PRIORITY_HIGH);
    channel->id = options->id;
    return channel;
}

bool channel_waits(const Channel *channel)
{
    return channel->dcep || !message_queue_is_empty(&channel->queue);
}

void channel_push_dcep(Channel *channel, GBytes *message)
{
    channel->dcep = message;
    channel->host_ops->waits(channel, true, channel->host);
}

void channel_pop(Channel *channel)
{
    gsize before = channel->queue.bytes;

    if (channel->dcep) {
        g_clear_pointer(&channel->dcep, g_bytes_unref);
        if (channel->open_sent == 0)
            channel->open_sent = clock_monotonic();
    } else {
        message_queue_pop(&channel->queue);
        channel->shorter = true;
        channel->host_ops->refund(before - channel->queue.bytes, channel->host);
    }
    if (!channel_waits(channel))
        channel->host_ops->waits(channel, false, channel->host);
}

/* The PPID is in the lowest byte of a tag, and milliseconds modulo 2^24 above it. */
static guint32 make_tag(guint32 ppid)
{
    return (guint32) (clock_monotonic() / 1000) << 8 | ppid;
}

/* Milliseconds, of four hours and a half at most */
static int age_of(guint32 tag)
{
    return (int) ((make_tag(0) - (tag & ~0xffu)) >> 8);
}

/*
 * RFC 3758 4.1 counts from when the application gives a message, and one that is too old is not sent
 * a first time.
 */
const guint8 *channel_peek(Channel *channel, guint32 *ppid, gsize *length, int *lifetime)
{
    const guint8 *bytes;
    guint32 tag;

    *ppid = PPID_DCEP;
    *lifetime = -1;
    if (channel->dcep)
        return g_bytes_get_data(channel->dcep, length);
    while ((bytes = message_queue_peek(&channel->queue, &tag, length)) &&
           channel->max_packet_lifetime >= 0 && age_of(tag) > channel->max_packet_lifetime)
        channel_pop(channel);
    if (!bytes)
        return NULL;
    *ppid = tag & 0xff;
    if (channel->max_packet_lifetime >= 0)
        *lifetime = channel->max_packet_lifetime - age_of(tag);
    return bytes;
}

void channel_drop_queue(Channel *channel)
{
    g_clear_pointer(&channel->dcep, g_bytes_unref);
    channel->host_ops->refund(channel->queue.bytes, channel->host);
    message_queue_clear(&channel->queue);
    channel->host_ops->waits(channel, false, channel->host);
}

void channel_silence(Channel *channel)
{
    channel->ops = NULL;
}

void channel_free(Channel *channel)
{
    channel_drop_queue(channel);
    g_clear_handle_id(&channel->releaser, g_source_remove);
    message_queue_clear(&channel->inbox);
    g_free(channel->label);
    g_free(channel->protocol);
    g_clear_error(&channel->reason);
    g_free(channel);
}

static void channel_deliver_inbox(Channel *channel, bool all)
{
    while ((all || !channel->held) && !message_queue_is_empty(&channel->inbox)) {
        g_autoptr(MessageBlock) keeper = NULL;
        guint32 kind;
        gsize length;
        /* Taken first: who gets it may close the channel, and that delivers the rest. */
        const guint8 *bytes = message_queue_take(&channel->inbox, &kind, &length, &keeper);

        if (channel->ops)
            channel->ops->message(channel, kind, bytes, length, channel->data);
    }
    channel->host_ops->inbox(channel, channel->host);
}

void channel_enter_state(Channel *channel, ChannelState state)
{
    const ChannelOps *ops;

    if (channel->state >= state)
        return;
    log_debug("channel %d \"%s\": %s → %s", channel->id, channel->label,
              channel_state_to_string(channel->state), channel_state_to_string(state));
    channel->state = state;
    if (state == CHANNEL_CLOSED) {
        channel_drop_queue(channel);
        channel_deliver_inbox(channel, true);
    }
    ops = channel->ops;
    if (state == CHANNEL_CLOSED) /* whoever is told may free what the callbacks are given */
        channel_silence(channel);
    if (ops)
        ops->state(channel, state, channel->reason, channel->data);
}

void channel_attach(Channel *channel, const ChannelOps *ops, gpointer data)
{
    channel->ops = ops;
    channel->data = data;
}

void channel_receive(Channel *channel, guint32 ppid, const guint8 *bytes, gsize length)
{
    MessageKind kind =
        ppid == PPID_STRING || ppid == PPID_STRING_EMPTY ? MESSAGE_TEXT : MESSAGE_BINARY;

    if (ppid == PPID_STRING_EMPTY || ppid == PPID_BINARY_EMPTY) {
        length = 0; /* one byte that means none: SCTP has no empty messages (RFC 8831 6.6) */
    } else if (ppid != PPID_STRING && ppid != PPID_BINARY) {
        log_debug("channel %d: message with PPID %u left out", channel->id, ppid);
        return;
    }
    channel->stats.messages_received++;
    channel->stats.bytes_received += length;
    if (channel->held || !message_queue_is_empty(&channel->inbox)) {
        message_queue_push(&channel->inbox, kind, bytes, length);
        channel->host_ops->inbox(channel, channel->host);
    } else if (channel->ops) {
        channel->ops->message(channel, kind, bytes, length, channel->data);
    }
}

bool channel_is_full(const Channel *channel)
{
    return channel->inbox.bytes > INBOX_MAX || channel->inbox.length > INBOX_MESSAGES;
}

static gboolean on_release(gpointer data)
{
    Channel *channel = data;

    channel->releaser = 0;
    channel_deliver_inbox(channel, false);
    return G_SOURCE_REMOVE;
}

void channel_hold(Channel *channel, bool held)
{
    channel->held = held;
    if (!held && !message_queue_is_empty(&channel->inbox) && channel->releaser == 0)
        channel->releaser = g_idle_add_full(G_PRIORITY_DEFAULT, on_release, channel, NULL);
}

void channel_drain(Channel *channel)
{
    channel_deliver_inbox(channel, true);
}

/* Lets a message wait, if there is room for it. */
static bool channel_push(Channel *channel, guint32 ppid, const void *bytes, gsize length)
{
    if (!channel->host_ops->charge(length, channel->host)) {
        channel->low_mark = true;
        return false;
    }
    message_queue_push(&channel->queue, make_tag(ppid), bytes, length);
    channel->low_mark = channel->low_mark || channel->queue.bytes > HIGH_MARK;
    channel->host_ops->waits(channel, true, channel->host);
    return true;
}

void channel_tell_writable(Channel *channel)
{
    if (!channel->low_mark || channel->state > CHANNEL_OPEN || channel->queue.bytes > RESUME_MARK)
        return;
    channel->low_mark = false;
    if (channel->ops && channel->ops->writable)
        channel->ops->writable(channel, channel->data);
}

void channel_tell_shorter(Channel *channel)
{
    if (!channel->shorter)
        return;
    channel->shorter = false;
    if (channel->ops && channel->ops->shorter)
        channel->ops->shorter(channel, channel->data);
}

/* UTF-8 that may hold U+0000, which g_utf8_validate() refuses */
static bool is_utf8(const char *text, gsize length)
{
    const char *end = text + length;

    while (text < end) {
        if (g_utf8_validate(text, end - text, &text))
            return true;
        if (*text != '\0')
            return false;
        text++;
    }
    return true;
}

static bool channel_check_send(Channel *channel, MessageKind kind, const void *bytes, gsize length,
                               GError **error)
{
    gsize known = channel_max_message_size(channel);
    gsize max = known > 0 ? known : ASSOCIATION_MAX_SEND;

    if (channel->state != CHANNEL_CONNECTING && channel->state != CHANNEL_OPEN)
        g_set_error(error, RTC_ERROR, RTC_ERROR_CLOSED, "the channel is %s",
                    channel_state_to_string(channel->state));
    else if (length > max)
        g_set_error(error, RTC_ERROR, RTC_ERROR_TOO_LARGE,
                    "the message has %" G_GSIZE_FORMAT " bytes, the remote takes %" G_GSIZE_FORMAT,
                    length, max);
    else if (kind == MESSAGE_TEXT && !is_utf8(bytes, length))
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_INVALID, "the text is not UTF-8");
    else
        return true;
    return false;
}

bool channel_send(Channel *channel, MessageKind kind, const void *bytes, gsize length,
                  GError **error)
{
    static const guint8 nothing = 0;
    guint32 ppid = kind == MESSAGE_TEXT ? PPID_STRING : PPID_BINARY;
    gsize application_length = length;
    AssociationResult result;

    if (!channel_check_send(channel, kind, bytes, length, error))
        return false;
    if (length == 0) {
        ppid = kind == MESSAGE_TEXT ? PPID_STRING_EMPTY : PPID_BINARY_EMPTY;
        bytes = &nothing;
        length = 1;
    }
    /* Straight to SCTP, without a copy, if nobody waits. */
    result = channel->host_ops->send(channel, ppid, bytes, length, channel->host);
    if (result == ASSOCIATION_REFUSED) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FAILED, "SCTP refused the message");
        return false;
    }
    if (result != ASSOCIATION_SENT && !channel_push(channel, ppid, bytes, length)) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FULL,
                            "too much is waiting to be sent on this call");
        return false;
    }
    channel->stats.messages_sent++;
    channel->stats.bytes_sent += application_length;
    return true;
}

void channel_cork(Channel *channel, bool corked)
{
    channel->host_ops->cork(corked, channel->host);
}

void channel_close(Channel *channel)
{
    if (channel->state >= CHANNEL_CLOSING)
        return;
    channel_enter_state(channel, CHANNEL_CLOSING);
    channel->host_ops->closing(channel, channel->host);
}

gsize channel_max_message_size(const Channel *channel)
{
    return channel->host_ops->max_message_size(channel->host);
}

bool channel_is_congested(const Channel *channel)
{
    return channel->low_mark;
}

ChannelState channel_state(const Channel *channel)
{
    return channel->state;
}

const char *channel_label(const Channel *channel)
{
    return channel->label;
}

const char *channel_protocol(const Channel *channel)
{
    return channel->protocol;
}

int channel_id(const Channel *channel)
{
    return channel->id;
}

bool channel_ordered(const Channel *channel)
{
    return channel->ordered;
}

int channel_max_retransmits(const Channel *channel)
{
    return channel->max_retransmits;
}

int channel_max_packet_lifetime(const Channel *channel)
{
    return channel->max_packet_lifetime;
}

ChannelPriority channel_priority(const Channel *channel)
{
    return channel->priority;
}

bool channel_negotiated(const Channel *channel)
{
    return channel->negotiated;
}

gsize channel_buffered_amount(const Channel *channel)
{
    return channel->queue.bytes;
}

const ChannelStats *channel_stats(const Channel *channel)
{
    return &channel->stats;
}
