/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The listener's end of a feed: says what we have, gives what comes to the store, and
 * acknowledges what is on its disk. No I/O and no clock.
 *
 *   new        nothing has been said
 *   expecting  the emitter says first what it takes for our place
 *   asking     HELLO is out; what comes before WELCOME is of no use
 *   greeting   we are new there: the last reading of each series comes
 *   live       readings come as they are published, after those that we lack
 *   waiting    the store has failed; HELLO again, later
 *   broken     the emitter has said what makes no sense
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/readings/feed-frame.h"

typedef enum {
    RECEIVER_NEW,
    RECEIVER_EXPECTING,
    RECEIVER_ASKING,
    RECEIVER_GREETING,
    RECEIVER_LIVE,
    RECEIVER_WAITING,
    RECEIVER_BROKEN,
} FeedReceiverState;

const char *feed_receiver_state_to_string(FeedReceiverState state);

/* To be stored together, or not at all */
typedef struct {
    const char *epoch;
    const EmittedReading *readings; /* checked, and in order */
    guint count;
    bool greeting;  /* for a newcomer: nothing is missed before these */
    guint64 cursor; /* not greeting: we have all up to here then */
} FeedBatch;

/* None may free the receiver; `store` may say what comes of it at once, and none else may tell it
 * anything. */
typedef struct {
    /* What is on the disk of this emitter's readings. False: nothing, not even a greeting. */
    bool (*place)(char epoch[RANDOM_ID_LENGTH + 1], guint64 *sequence, gpointer data);
    /* feed_receiver_stored() follows for each, in order, at once or later. After one that has
     * failed all that have been given before that was said fail, too. */
    void (*store)(const FeedBatch *batch, gpointer data);
    void (*send)(const guint8 *bytes, gsize length, gpointer data);
    /* feed_receiver_wake() is to be called then. */
    void (*wait)(guint milliseconds, gpointer data);
    /* The last call: WHY is for people. */
    void (*broken)(const char *why, gpointer data);
} FeedReceiverOps;

typedef struct FeedReceiver FeedReceiver;

FeedReceiver *feed_receiver_new(const FeedReceiverOps *ops, gpointer data);
void feed_receiver_free(FeedReceiver *receiver);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FeedReceiver, feed_receiver_free)

/* The channel takes messages: it begins. Or the emitter does, whose channel it is. */
void feed_receiver_start(FeedReceiver *receiver);
void feed_receiver_expect(FeedReceiver *receiver);
void feed_receiver_receive(FeedReceiver *receiver, const guint8 *bytes, gsize length);
void feed_receiver_stored(FeedReceiver *receiver, bool ok);
void feed_receiver_wake(FeedReceiver *receiver);

/* The store is another one, with a place of its own. */
void feed_receiver_begin_again(FeedReceiver *receiver);

FeedReceiverState feed_receiver_state(const FeedReceiver *receiver);
