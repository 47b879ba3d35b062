/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The emitter's end of a feed: one listener, and its place in our outbox. The listener says
 * what it has; or it is offered some readings before, and takes them if they are those that it
 * lacks. No I/O: readings come from a source, messages go where they are sent, and time is told.
 *
 *   waiting    for HELLO, or until there is something to offer
 *   greeting   a newcomer is given the last reading of each series
 *   sending    what is in the outbox above the listener's place, and then live
 *   broken     the listener has said what makes no sense
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/readings/feed-frame.h"

typedef enum {
    SENDER_WAITING,
    SENDER_GREETING,
    SENDER_SENDING,
    SENDER_BROKEN,
} FeedSenderState;

const char *feed_sender_state_to_string(FeedSenderState state);

/* False: enough. What it is given lasts until it returns. */
typedef bool (*FeedVisitor)(const EmittedReading *reading, gpointer data);

/* What is published, for all senders. None of these calls back but by VISIT. */
typedef struct {
    const char *(*epoch)(gpointer data);
    /* The newest sequence; 0: none. */
    guint64 (*newest)(gpointer data);
    /* The oldest that is still to be had, of every sequence; 0: none. */
    guint64 (*oldest)(gpointer data);
    /* Those above AFTER, in order. */
    void (*read)(guint64 after, FeedVisitor visit, gpointer visit_data, gpointer data);
    /* The last one of each series, in order: those above AFTER, up to UNTIL. */
    void (*read_last)(guint64 after, guint64 until, FeedVisitor visit, gpointer visit_data,
                      gpointer data);
    /* Whether SEQUENCE was given out and is not ours any more, as after a power cut: then a base
     * for each series, of where it stood when the sequences forked. */
    bool (*fork)(guint64 sequence, FeedVisitor visit, gpointer visit_data, gpointer data);
} FeedSourceOps;

/* None may free the sender or tell it anything. */
typedef struct {
    /* Whether the channel would rather have more than less; if not, feed_sender_wake() follows. */
    bool (*is_writable)(gpointer data);
    /* False: the channel is closed. */
    bool (*send)(const guint8 *bytes, gsize length, gpointer data);
    /* feed_sender_wake() is to be called in another turn: the others come first. */
    void (*later)(gpointer data);
    /* feed_sender_resume() is to be called in MILLISECONDS; NULL: no listener is paced. */
    void (*pause)(guint milliseconds, gpointer data);
    /* The last call: WHY is for people. */
    void (*broken)(const char *why, gpointer data);
} FeedSenderOps;

typedef struct FeedSender FeedSender;

FeedSender *feed_sender_new(const FeedSourceOps *source, gpointer source_data,
                            const FeedSenderOps *ops, gpointer data);
void feed_sender_free(FeedSender *sender);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FeedSender, feed_sender_free)

/*
 * To one that has said nothing yet: a few readings, as if it had them up to REACHED, where its
 * last feed ended; 0: as to a newcomer. If it has another place, it says so.
 */
void feed_sender_offer(FeedSender *sender, guint64 reached);

/* A message from the listener, at NOW (monotonic microseconds). */
void feed_sender_receive(FeedSender *sender, const guint8 *bytes, gsize length, gint64 now);

/* There is something new, or the channel is writable again. */
void feed_sender_wake(FeedSender *sender);
/* A pause is over. */
void feed_sender_resume(FeedSender *sender);

/* Whether readings go out; and whether the listener has said that it takes them. */
bool feed_sender_is_begun(const FeedSender *sender);
bool feed_sender_is_heard(const FeedSender *sender);

FeedSenderState feed_sender_state(const FeedSender *sender);
/* The last sequence that went out; and the last that is on the listener's disk. */
guint64 feed_sender_sent(const FeedSender *sender);
guint64 feed_sender_stored(const FeedSender *sender);
