/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A data channel (RFC 8831, W3C webrtc-pc RTCDataChannel).
 *
 * Channels belong to their connection. A pointer to one is good until its
 * `state` callback has been given CHANNEL_CLOSED and has returned, or until
 * connection_free() is called, whichever is first.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Channel Channel;

typedef enum {
    CHANNEL_CONNECTING, /* waits for the connection, or for the remote's DCEP ACK */
    CHANNEL_OPEN,
    CHANNEL_CLOSING, /* what is queued goes out, then the stream is reset (RFC 8831 6.7) */
    CHANNEL_CLOSED,
} ChannelState;

const char *channel_state_to_string(ChannelState state);

typedef enum {
    MESSAGE_TEXT, /* UTF-8 */
    MESSAGE_BINARY,
} MessageKind;

/* RFC 8831 6.4; the values are those of RFC 8832 8.2.1 on the wire */
typedef enum {
    CHANNEL_PRIORITY_VERY_LOW = 128,
    CHANNEL_PRIORITY_LOW = 256,
    CHANNEL_PRIORITY_MEDIUM = 512,
    CHANNEL_PRIORITY_HIGH = 1024,
} ChannelPriority;

typedef struct {
    const char *protocol; /* NULL or "": none; at most 65535 bytes of UTF-8 */
    bool ordered;
    int max_retransmits;     /* -1: no limit */
    int max_packet_lifetime; /* milliseconds, -1: no limit; not both limits */
    ChannelPriority priority;
    bool negotiated; /* out of band: no DCEP, `id` must be given */
    int id;          /* stream id 0…65534, of our half by the DTLS role unless it is negotiated
                      * (RFC 8832 6); -1: the next one of these */
} ChannelOptions;

#define CHANNEL_OPTIONS_DEFAULT                                                                    \
    ((ChannelOptions){.ordered = true,                                                             \
                      .max_retransmits = -1,                                                       \
                      .max_packet_lifetime = -1,                                                   \
                      .priority = CHANNEL_PRIORITY_LOW,                                            \
                      .id = -1})

typedef struct {
    guint64 messages_sent, messages_received;
    guint64 bytes_sent, bytes_received; /* of the application's messages alone */
} ChannelStats;

/* All callbacks may call any function of this header and connection.h. */
typedef struct {
    /* REASON is set when a channel closes for a fault, else NULL. */
    void (*state)(Channel *channel, ChannelState state, const GError *reason, gpointer data);
    /* One whole message; TEXT is not terminated and may hold bad UTF-8. */
    void (*message)(Channel *channel, MessageKind kind, const guint8 *bytes, gsize length,
                    gpointer data);
    /* The queue has fallen below the low mark after a send was refused or grew it. May be NULL. */
    void (*writable)(Channel *channel, gpointer data);
    /* channel_buffered_amount() has become less; once for all that went out at a time. May be NULL. */
    void (*shorter)(Channel *channel, gpointer data);
} ChannelOps;

/* Who is told of what happens on the channel. OPS is kept by reference. Call it before returning
 * to the main loop. */
void channel_attach(Channel *channel, const ChannelOps *ops, gpointer data);

/*
 * Queues one message. Fails with RTC_ERROR_TOO_LARGE beyond the remote's
 * a=max-message-size, RTC_ERROR_FULL when the connection's send quota is used
 * up (try again at `writable`), RTC_ERROR_CLOSED unless the state is
 * CONNECTING or OPEN, RTC_ERROR_INVALID for text that is not UTF-8.
 */
bool channel_send(Channel *channel, MessageKind kind, const void *bytes, gsize length,
                  GError **error);

/*
 * Small messages that are sent while the channel is corked may wait for one
 * another to share packets. The last message of a batch has to be sent without
 * the cork, for that is what sends them all.
 */
void channel_cork(Channel *channel, bool corked);

/* What channel_send() takes at most, in bytes; 0 while the remote's limit is not known. */
gsize channel_max_message_size(const Channel *channel);

/* More is queued than should be, or a send was refused: `writable` will come. */
bool channel_is_congested(const Channel *channel);

/* Orderly: what is queued is sent first. CHANNEL_CLOSED follows by callback. */
void channel_close(Channel *channel);

/*
 * Backpressure: while a channel is held, messages wait. When one has much
 * waiting, or all together have, nothing more is read from the association, and SCTP's own window
 * slows the remote; the other channels of the call wait with it, for SCTP has
 * one window for all. What waits when the channel closes comes before CLOSED,
 * held or not.
 */
void channel_hold(Channel *channel, bool held);

/* Hands up all that waits of a held channel now, for one whose connection is about to go. */
void channel_drain(Channel *channel);

ChannelState channel_state(const Channel *channel);
const char *channel_label(const Channel *channel);
const char *channel_protocol(const Channel *channel);
int channel_id(const Channel *channel); /* -1 until it is known */
bool channel_ordered(const Channel *channel);
int channel_max_retransmits(const Channel *channel);
int channel_max_packet_lifetime(const Channel *channel);
ChannelPriority channel_priority(const Channel *channel);
bool channel_negotiated(const Channel *channel);
gsize channel_buffered_amount(const Channel *channel); /* bytes not yet given to SCTP */
const ChannelStats *channel_stats(const Channel *channel);
