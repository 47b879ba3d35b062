/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The newest readings of the outbox in memory, so that listeners who keep up do not
 * read the disk, however many they are.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/readings/store.h"

typedef struct FeedTail FeedTail;

FeedTail *feed_tail_new(void);
void feed_tail_free(FeedTail *tail);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FeedTail, feed_tail_free)

/* The next one after those that are there. */
void feed_tail_add(FeedTail *tail, const OutboxReading *reading);
void feed_tail_clear(FeedTail *tail);

/* Those above AFTER, in order. False: not all of them are here. */
bool feed_tail_read(const FeedTail *tail, guint64 after, OutboxVisitor visit, gpointer data);
