/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A block goes when its last message has gone; a large one is kept for the
 * process, so that a queue that is filled and emptied again and again allocates
 * nothing. Others begin small: there may be a thousand with one message each.
 */

#include <config.h>

#include "common/message-queue.h"

#include <string.h>

enum { BLOCK_SIZE = 64 * 1024 - 64, FIRST_SIZE = BLOCK_SIZE / 64 };

struct MessageBlock {
    MessageBlock *next;
    gsize size, begin, end;
    gsize refs; /* the queue's, and one for each message that was taken */
    guint8 space[];
};

typedef struct {
    guint32 tag, length;
    guint8 bytes[];
} Record;

static MessageBlock *spare;

static gsize record_size(gsize length)
{
    return (sizeof(Record) + length + 7) & ~(gsize) 7;
}

static Record *record_at(const MessageBlock *block, gsize at)
{
    return (Record *) (block->space + at);
}

/* Twice as large as the one BEFORE it in the queue, if there is one */
static MessageBlock *block_new(const MessageBlock *before, gsize needed)
{
    MessageBlock *block = needed <= BLOCK_SIZE ? g_steal_pointer(&spare) : NULL;

    if (!block) {
        gsize size = MAX(needed, before ? MIN(2 * before->size, BLOCK_SIZE) : FIRST_SIZE);

        block = g_malloc(sizeof(MessageBlock) + size);
        block->size = size;
    }
    block->next = NULL;
    block->refs = 1;
    block->begin = block->end = 0;
    return block;
}

void message_block_unref(MessageBlock *block)
{
    if (--block->refs > 0)
        return;
    if (!spare && block->size == BLOCK_SIZE)
        spare = block;
    else
        g_free(block);
}

void message_queue_push(MessageQueue *queue, guint32 tag, const void *bytes, gsize length)
{
    gsize needed = record_size(length);
    MessageBlock *block = queue->last;
    Record *record;

    if (!block || block->size - block->end < needed) {
        block = block_new(queue->last, needed);
        if (queue->last)
            queue->last->next = block;
        else
            queue->first = block;
        queue->last = block;
    }
    record = record_at(block, block->end);
    record->tag = tag;
    record->length = length;
    if (length > 0)
        memcpy(record->bytes, bytes, length);
    block->end += needed;
    queue->bytes += length;
    queue->length++;
}

const guint8 *message_queue_peek(const MessageQueue *queue, guint32 *tag, gsize *length)
{
    const Record *record;

    if (queue->length == 0)
        return NULL;
    record = record_at(queue->first, queue->first->begin);
    *tag = record->tag;
    *length = record->length;
    return record->bytes;
}

guint message_queue_peek_many(const MessageQueue *queue, struct iovec *vectors, guint max)
{
    guint n = 0;

    for (const MessageBlock *block = queue->first; block; block = block->next) {
        for (gsize at = block->begin; at < block->end && n < max; n++) {
            Record *record = record_at(block, at);

            vectors[n] = (struct iovec){record->bytes, record->length};
            at += record_size(record->length);
        }
    }
    return n;
}

void message_queue_pop(MessageQueue *queue)
{
    MessageBlock *block = queue->first;
    const Record *record = record_at(block, block->begin);

    queue->bytes -= record->length;
    queue->length--;
    block->begin += record_size(record->length);
    if (block->begin < block->end)
        return;
    queue->first = block->next;
    if (!queue->first)
        queue->last = NULL;
    message_block_unref(block);
}

const guint8 *message_queue_take(MessageQueue *queue, guint32 *tag, gsize *length,
                                 MessageBlock **keeper)
{
    const guint8 *bytes = message_queue_peek(queue, tag, length);

    if (!bytes)
        return NULL;
    *keeper = queue->first;
    (*keeper)->refs++;
    message_queue_pop(queue);
    return bytes;
}

void message_queue_clear(MessageQueue *queue)
{
    while (queue->length > 0)
        message_queue_pop(queue);
}
