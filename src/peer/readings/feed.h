/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The numbers that have been received: a bounded, ordered history, and how a
 * number reads as text. No I/O and no clock of its own.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    guint64 sequence; /* 1 for the first number ever received, then one more each */
    guint64 time;     /* microseconds since the epoch */
    const char *peer; /* name or id, "" if neither is known */
    double value;
} FeedNumber;

typedef struct Feed Feed;

/* Keeps the last CAPACITY numbers, at least one. */
Feed *feed_new(gsize capacity);
void feed_free(Feed *feed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Feed, feed_free)

/* The newest numbers stay. */
void feed_set_capacity(Feed *feed, gsize capacity);

/* Takes a number in; its sequence. */
guint64 feed_add(Feed *feed, guint64 time, const char *peer, double value);

/* How many were ever received: the sequence of the last one. */
guint64 feed_count(const Feed *feed);

/* False if there is none yet. OUT's peer is the feed's, until the next feed_add(). */
bool feed_last(const Feed *feed, FeedNumber *out);

/*
 * Calls VISIT for each number with a sequence above AFTER, oldest first, MAX at
 * most (0: all). Returns how many of them are lost: too old for the history.
 */
typedef void (*FeedVisitor)(const FeedNumber *number, gpointer data);
guint64 feed_read(const Feed *feed, guint64 after, guint max, FeedVisitor visit, gpointer data);

/* All of TEXT as a finite decimal number; false (VALUE untouched) if it is none. */
bool feed_parse_number(const char *text, gsize length, double *value);

/* Whole numbers without a point, others in the fewest digits that read back the
 * same. VALUE must be finite. Transfer full. */
char *feed_format_number(double value);
