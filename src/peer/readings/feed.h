/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The feeds of all calls: on the channel of each (feed-frame.h) readings go from the one who
 * has opened msg_channel to the other one, if both are rtcbus. The emitter opens it as soon as
 * it knows that; the listener does if it is closed, or never comes. Whoever has it gets no numbers
 * on msg_channel. Of several calls to an emitter the newest one has the feed.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/call/call.h"
#include "peer/readings/store.h"

typedef struct Feed Feed;

/* May not end a call. */
typedef struct {
    /* feed_listeners() is another one. */
    void (*changed)(gpointer data);
    /* feed_serves() is true now for the call of CHANNEL, which is our msg_channel. */
    void (*no_numbers)(CallChannel *channel, gpointer data);
} FeedOps;

/* STORE must last longer. */
Feed *feed_new(Store *store, const FeedOps *ops, gpointer data);
void feed_free(Feed *feed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Feed, feed_free)

/* As StoreOps.published and .changed */
void feed_published(Feed *feed, const OutboxReading *reading);
void feed_store_changed(Feed *feed);

/* CALL is about to go. */
void feed_call_ended(Feed *feed, Call *call);

/* To be told of every channel. True: it is one of ours, and nobody else is to hear of it. EARLY:
 * the remote may hear us before the channel is open. */
bool feed_take_channel(Feed *feed, CallChannel *channel, CallChannelEvent event, bool early);

/* Whether readings go by a feed in CALL, or will. */
bool feed_serves(const Feed *feed, const Call *call);

/* Those who hear what we publish; and whether somebody does, or is about to */
guint feed_listeners(const Feed *feed);
bool feed_is_begun(const Feed *feed);
