/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The messages that wait for one client, in their order. No I/O: what waits is
 * shown as pieces for one writev(), and what was written is taken off again.
 * An empty outbox holds no memory.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/uio.h>

#include "common/metrics.h"
#include "relay/message.h"

typedef struct {
    gsize bytes; /* message_cost() of all that waits */
    /* private */
    Message **messages;
    guint first, end, allocated;
    gsize written; /* bytes of the first frame that are */
} Outbox;

/* Forgets all, also a frame that is written in part. */
void outbox_clear(Outbox *outbox);

/* Forgets all but a frame that is written in part. */
void outbox_cut(Outbox *outbox);
bool outbox_is_empty(const Outbox *outbox);

/* Puts MESSAGE, of which it takes a reference, behind the others. */
void outbox_push(Outbox *outbox, Message *message);

/* The same, before all others of which nothing is written. */
void outbox_push_next(Outbox *outbox, Message *message);

/* What is to be written first, at most MAX frames, as PIECES; how many those are.
 * They are valid until the outbox changes. */
guint outbox_gather(const Outbox *outbox, struct iovec *pieces, guint max);

/* The first SIZE bytes of what was gathered are written, at NOW. LATENCY, which may be NULL, is told
 * how long each frame that is whole by that has been on its way. */
void outbox_written(Outbox *outbox, gsize size, Histogram *latency, gint64 now);
