/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Messages that wait, in order, copied one behind the other into blocks of
 * memory: a small message costs its bytes and eight more, and no allocation.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/uio.h>

typedef struct MessageBlock MessageBlock;

/* All zero is an empty one. */
typedef struct {
    MessageBlock *first, *last;
    gsize bytes;  /* of the messages */
    guint length; /* how many there are */
} MessageQueue;

/* TAG is the caller's: a kind, a PPID. */
void message_queue_push(MessageQueue *queue, guint32 tag, const void *bytes, gsize length);

/* The first message; it stays the queue's. NULL if there is none. */
const guint8 *message_queue_peek(const MessageQueue *queue, guint32 *tag, gsize *length);

/* The first messages, MAX at most; returns how many. */
guint message_queue_peek_many(const MessageQueue *queue, struct iovec *vectors, guint max);

void message_queue_pop(MessageQueue *queue);

/* The first message, which leaves the queue, but is there until KEEPER has been released. */
const guint8 *message_queue_take(MessageQueue *queue, guint32 *tag, gsize *length,
                                 MessageBlock **keeper);
void message_block_unref(MessageBlock *keeper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MessageBlock, message_block_unref)

void message_queue_clear(MessageQueue *queue);

static inline bool message_queue_is_empty(const MessageQueue *queue)
{
    return queue->length == 0;
}
