/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * How far the feeds of listeners have come, by their fingerprints; in memory only, and of the
 * ones that were here last. It is what a listener is offered when it comes again, so it costs
 * a round trip if it is wrong, and nothing else.
 */

#pragma once

#include <glib.h>

typedef struct FeedReached FeedReached;

FeedReached *feed_reached_new(void);
void feed_reached_free(FeedReached *reached);

void feed_reached_note(FeedReached *reached, const char *fingerprint, guint64 sequence);
/* 0: not known. */
guint64 feed_reached_find(const FeedReached *reached, const char *fingerprint);
/* Sequences mean something else now. */
void feed_reached_clear(FeedReached *reached);
