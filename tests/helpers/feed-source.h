/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What a helper publishes, for any number of FeedSenders: a store, and the tail before it. */

#pragma once

#include "peer/readings/feed-sender.h"

extern const FeedSourceOps feed_source_ops; /* with NULL as its data */

/* PATH: a file, or NULL for one in memory. */
void feed_source_open(const char *path);
void feed_source_close(void);

/* A reading of one of four series; it may be sent after feed_source_commit(). */
void feed_source_publish(guint64 number);
void feed_source_commit(void);
