/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A Channel as its set sees it, and what a Channel wants of who holds it. Only
 * channel.c and channel-set.c include this.
 */

#pragma once

#include "common/message-queue.h"
#include "rtc/channel/channel.h"
#include "rtc/channel/scheduler.h"
#include "rtc/sctp/association.h"

/* What all channels of a call share. HOST is what was given to channel_new(). */
typedef struct {
    /* Sends a message now, ahead of all that waits; ASSOCIATION_BLOCKED: it has to wait. */
    AssociationResult (*send)(Channel *channel, guint32 ppid, const void *bytes, gsize length,
                              gpointer host);
    /* Charges LENGTH bytes that wait to the quota, or refuses. */
    bool (*charge)(gsize length, gpointer host);
    void (*refund)(gsize length, gpointer host);
    /* CHANNEL has something to send, or nothing any more. */
    void (*waits)(Channel *channel, bool waits, gpointer host);
    /* CHANNEL's inbox has grown or shrunk. It may close for that. */
    void (*inbox)(Channel *channel, gpointer host);
    /* CHANNEL is CLOSING: what waits goes out, then the stream ends. */
    void (*closing)(Channel *channel, gpointer host);
    /* What the remote takes at most, in bytes; 0: not known yet */
    gsize (*max_message_size)(gpointer host);
    void (*cork)(bool corked, gpointer host);
} ChannelHostOps;

struct Channel {
    const ChannelHostOps *host_ops;
    gpointer host;
    ChannelState state;
    const ChannelOps *ops;
    gpointer data;

    char *label, *protocol;
    bool ordered, negotiated;
    int max_retransmits, max_packet_lifetime;
    ChannelPriority priority;
    int id;

    GBytes *dcep;       /* an OPEN or an ACK that is to be sent before the queue */
    MessageQueue queue; /* tagged by PPID, and when the message came */
    Turn turn;
    bool low_mark;     /* `writable` is owed */
    bool shorter;      /* `shorter` is */
    bool acknowledged; /* the remote knows the channel: unordered may begin */
    gint64 open_sent;  /* monotonic, when the OPEN went out; 0: not yet */
    enum {
        RESET_NONE,
        RESET_ASKED, /* our outgoing reset is on its way */
        RESET_DONE,
    } local_reset;
    bool remote_reset;
    bool refused; /* an OPEN of the remote's; its user never hears of it */
    bool held;
    MessageQueue inbox; /* tagged by kind, while the channel is held */
    guint releaser;     /* delivers the inbox from the main loop */
    GError *reason;
    ChannelStats stats;
};

/* OPS is kept by reference. */
Channel *channel_new(const ChannelHostOps *ops, gpointer host, const char *label,
                     const ChannelOptions *options);
void channel_free(Channel *channel);
void channel_enter_state(Channel *channel, ChannelState state);
void channel_receive(Channel *channel, guint32 ppid, const guint8 *bytes, gsize length);
/* No callback comes any more. */
void channel_silence(Channel *channel);

/* Whether it has something to send */
bool channel_waits(const Channel *channel);
/* Puts a DCEP message in front of the queue. */
void channel_push_dcep(Channel *channel, GBytes *message);
/* The first of what waits; it stays until channel_pop(). Messages whose time is over are gone then;
 * LIFETIME is what is left of it, in milliseconds, -1: no limit. NULL: nothing waits any more. */
const guint8 *channel_peek(Channel *channel, guint32 *ppid, gsize *length, int *lifetime);
void channel_pop(Channel *channel);
/* All of it is thrown away. */
void channel_drop_queue(Channel *channel);
/* Tells who had to wait that there is room again, if there is. */
void channel_tell_writable(Channel *channel);
/* Tells that the queue is shorter than it was, if it is. */
void channel_tell_shorter(Channel *channel);

/* Its inbox holds so much that nothing more should be read from the association. */
bool channel_is_full(const Channel *channel);
