/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A Channel as its ChannelSet sees it. Only channel.c and channel-set.c
 * include this.
 */

#pragma once

#include "common/message-queue.h"
#include "rtc/channel/channel-set.h"
#include "rtc/channel/channel.h"

struct Channel {
    ChannelSet *set;
    ChannelState state;
    const ChannelOps *ops;
    gpointer data;

    char *label, *protocol;
    bool ordered, negotiated;
    int max_retransmits, max_packet_lifetime;
    ChannelPriority priority;
    int id;

    GBytes *dcep;       /* an OPEN or an ACK that is to be sent before the queue */
    MessageQueue queue; /* tagged by PPID */
    guint64 turn;       /* the virtual time of its next one; see channel-set.c */
    bool no_stream;     /* SCTP has none for it yet; of one flush */
    bool low_mark;  /* `writable` is owed */
    bool acknowledged;  /* the remote knows the channel: unordered may begin */
    gint64 open_sent;   /* monotonic, when the OPEN went out; 0: not yet */
    enum {
        RESET_NONE,
        RESET_ASKED, /* our outgoing reset is on its way */
        RESET_DONE,
    } local_reset;
    bool remote_reset;
    bool refused; /* an OPEN of the remote's; its user never hears of it */
    bool held;
    MessageQueue inbox; /* tagged by kind, while the channel is held */
    guint releaser;    /* delivers the inbox from the main loop */
    GError *reason;
    ChannelStats stats;
};

Channel *channel_new(ChannelSet *set, const char *label, const ChannelOptions *options);
void channel_free(Channel *channel);
void channel_enter_state(Channel *channel, ChannelState state);
void channel_receive(Channel *channel, guint32 ppid, const guint8 *bytes, gsize length);
void channel_push(Channel *channel, guint32 ppid, const void *bytes, gsize length);
/* Whether it has something to send. */
bool channel_waits(const Channel *channel);
/* All of that is thrown away. */
void channel_drop_queue(Channel *channel);

/* Parts of channel_send() and channel_close() that concern the whole set. */
bool channel_set_may_queue(ChannelSet *set, gsize length);
void channel_set_charge(ChannelSet *set, gssize bytes);
bool channel_set_is_attached(const ChannelSet *set);
gsize channel_set_max_send(const ChannelSet *set);
void channel_set_flush(ChannelSet *set);
/* CHANNEL has something to send, and had nothing before. */
void channel_set_join_turns(ChannelSet *set, Channel *channel);
bool channel_set_try_send(ChannelSet *set, Channel *channel, guint32 ppid, const void *bytes,
                          gsize length, SctpResult *result);
void channel_set_cork(ChannelSet *set, bool corked);
void channel_set_close(ChannelSet *set, Channel *channel);
bool channel_set_is_silent(const ChannelSet *set);
/* A channel's inbox has grown or shrunk: is it time to stop or go on reading? */
void channel_set_update_hold(ChannelSet *set);
/* What a channel may hold before its association is not read any more */
#define INBOX_MAX (1024 * 1024)
#define INBOX_MESSAGES (64 * 1024) /* even empty ones cost memory */
/* Goes on with a close that waited for the inbox. */
void channel_set_drained(ChannelSet *set, Channel *channel);
void channel_deliver_inbox(Channel *channel, bool all);
