/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The data channels of one connection: stream ids, DCEP, and who may send
 * next. It sits between the SCTP layer and the Channel objects; see channel.h
 * for what users of channels see.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/channel/channel.h"
#include "rtc/channel/dcep.h"
#include "rtc/sctp/association.h"

typedef struct ChannelSet ChannelSet;

typedef struct {
    gsize send_quota;
    guint max_channels;
    /* The remote opened CHANNEL. */
    void (*incoming)(Channel *channel, gpointer data);
    gpointer data;
} ChannelSetConfig;

ChannelSet *channel_set_new(const ChannelSetConfig *config);
void channel_set_free(ChannelSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChannelSet, channel_set_free)

/* No callback of any channel comes after this. */
void channel_set_silence(ChannelSet *set);

Channel *channel_set_open(ChannelSet *set, const char *label, const ChannelOptions *options,
                          GError **error);

/*
 * The association exists: EVEN ids are ours if we are the DTLS client (RFC
 * 8832 6). REMOTE_MAX is the remote's a=max-message-size, 0: no limit.
 */
void channel_set_attach(ChannelSet *set, Association *association, bool even, gsize remote_max);

/* The association is up: channels open. */
void channel_set_connected(ChannelSet *set);

/* The association is gone: every channel closes, with REASON if it is not NULL. */
void channel_set_detach(ChannelSet *set, const GError *reason);

/* From DATA_CHANNEL_OPEN to its ACK, the last one; 0: none seen */
guint64 channel_set_round_trip_usec(const ChannelSet *set);

/* What the SCTP layer tells, passed on by the connection. */
void channel_set_message(ChannelSet *set, guint16 stream, guint32 ppid, const guint8 *bytes,
                         gsize length);
void channel_set_oversized(ChannelSet *set, guint16 stream);
void channel_set_remote_reset(ChannelSet *set, guint16 stream);
void channel_set_local_reset(ChannelSet *set, guint16 stream);
void channel_set_writable(ChannelSet *set);
