/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * All that the peer does with readings: the store, what is published and to whom, and the numbers
 * that come on msg_channel. Those between two rtcbus peers come by feed.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/call/call-channel.h"
#include "peer/readings/feed-frame.h"
#include "peer/readings/publisher.h"
#include "peer/readings/store.h"

typedef struct Readings Readings;

/* As in StoreOps */
typedef struct {
    void (*received)(const HistoryReading *reading, gpointer data);
    /* The ids, the problem, or how many listen, may be other ones. */
    void (*changed)(gpointer data);
} ReadingsOps;

typedef struct {
    StoreLimits limits;
    NumberSource source;
    guint64 interval; /* of the source, microseconds */
} ReadingsSettings;

/* The store is in FOLDER. */
Readings *readings_new(const char *folder, const ReadingsSettings *settings, const ReadingsOps *ops,
                       gpointer data);
/* What waits for its commit is told. */
void readings_free(Readings *readings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Readings, readings_free)

void readings_set(Readings *readings, const ReadingsSettings *settings);

/* As store_publish(); and this peer is an emitter from then on. */
bool readings_publish(Readings *readings, const Reading *reading, StoreDone done,
                      gpointer done_data, GError **error);

/* A channel of a call has come, is another one, or goes. EARLY: it may be given numbers before it
 * is open. True: it is a feed, and nobody else is to hear of it. */
bool readings_note_channel(Readings *readings, CallChannel *channel, CallChannelEvent event,
                           bool early);

/* After its channels are gone */
void readings_note_end(Readings *readings, Call *call);

/* A message of a channel, if it is a number on msg_channel. */
void readings_take_message(Readings *readings, CallChannel *channel, MessageKind kind,
                           const guint8 *bytes, gsize length);

Store *readings_store(const Readings *readings);

guint readings_listeners(const Readings *readings);
bool readings_is_emitter(const Readings *readings);
