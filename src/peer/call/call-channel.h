/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A data channel of a call, with the number under which D-Bus knows it. It
 * outlives neither its call nor the rtc layer's channel that it stands for.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/channel/channel.h"

typedef struct Call Call;
typedef struct CallChannel CallChannel;

typedef enum {
    CALL_CHANNEL_ADDED,
    CALL_CHANNEL_CHANGED, /* its state */
    CALL_CHANNEL_SHORTER, /* what it has to send; only of a call by steps */
    CALL_CHANNEL_REMOVED, /* closed; freed after this */
} CallChannelEvent;

/* How its call hears of it; the channel may be freed meanwhile. */
typedef void (*CallChannelState)(CallChannel *channel, ChannelState state);
/* How its call hears that less of what was accepted has to be sent. */
typedef void (*CallChannelShorter)(CallChannel *channel);
/* How the call's user hears what comes; the call may end meanwhile. */
typedef void (*CallChannelMessage)(CallChannel *channel, MessageKind kind, const guint8 *bytes,
                                   gsize length, gpointer data);

typedef enum {
    CALL_CHANNEL_OUTGOING,
    CALL_CHANNEL_PUBLISHING, /* outgoing, in answer to a `call` */
    CALL_CHANNEL_INCOMING,
} CallChannelOrigin;

/* What its call and the call's user are told. SHORTER may be NULL; then what comes is kept for a
 * program that acquires the channel soon. */
typedef struct {
    CallChannelState state;
    CallChannelShorter shorter;
    CallChannelMessage message;
    gpointer data; /* of `message` */
} CallChannelUser;

CallChannel *call_channel_new(Call *call, guint number, CallChannelOrigin origin, Channel *channel,
                              const CallChannelUser *user);
void call_channel_free(CallChannel *channel);

/* The connection is about to go: what waits of a held channel comes now. */
void call_channel_drain(CallChannel *channel);

/* The connection is gone, and the rtc layer's channel with it. */
void call_channel_detach(CallChannel *channel);

Call *call_channel_call(const CallChannel *channel);
guint call_channel_number(const CallChannel *channel);
/* We opened it in answer to a `call`: the remote listens to our numbers on it. */
bool call_channel_is_publishing(const CallChannel *channel);
/* The remote opened it. */
bool call_channel_is_incoming(const CallChannel *channel);
ChannelState call_channel_state(const CallChannel *channel);

/* Why it was closed, if for a fault; else "". */
const char *call_channel_reason(const CallChannel *channel);

/* NULL once it is closed. */
Channel *call_channel_rtc(const CallChannel *channel);

/* Whether something that was accepted has not been given to SCTP yet */
bool call_channel_is_busy(const CallChannel *channel);

/* As channel_send(), and channel_close() once all that a program has sent went out. */
bool call_channel_send(CallChannel *channel, MessageKind kind, const void *bytes, gsize length,
                       GError **error);
void call_channel_close(CallChannel *channel);

/*
 * Gives the channel to a program; see channel-fd.h. From now on nothing comes
 * by `message`. PEER_ERROR_FAILED if a program has it already.
 */
bool call_channel_acquire(CallChannel *channel, MessageKind kind, int *fd, guint *max_size,
                          GError **error);
/* Keeps what comes for the program that acquires the channel, which is closed
 * if there is none within TIMEOUT seconds. */
void call_channel_reserve(CallChannel *channel, guint timeout);
/* A part of this daemon that has the channel; what comes goes nowhere else. */
typedef struct {
    /* The channel may be closed by it. */
    void (*message)(CallChannel *channel, const guint8 *bytes, gsize length, gpointer data);
    /* As in ChannelOps */
    void (*writable)(CallChannel *channel, gpointer data);
} CallChannelTaker;

/* Gives the channel to TAKER, which is kept by reference, when it has just been added. */
void call_channel_take(CallChannel *channel, const CallChannelTaker *taker, gpointer data);
/* Also when it is gone. *DATA: as it was given */
bool call_channel_is_taken(const CallChannel *channel, const CallChannelTaker *taker,
                           gpointer *data);

bool call_channel_is_acquired(const CallChannel *channel);

/* While it is held no `message` comes, and the remote waits. A program that acquires it ends
 * that. */
void call_channel_hold(CallChannel *channel, bool held);
