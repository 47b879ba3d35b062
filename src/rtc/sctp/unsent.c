/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Messages of a stream are sent in order, so the first chunk of one says that it
 * is no longer waiting. A message is never given up before that.
 */

#include <config.h>

#include "rtc/sctp/unsent.h"

#include "rtc/sctp/chunks.h"

#define FLAG_FIRST 2 /* the first chunk of a message */
#define STREAM_OFFSET 8

typedef struct {
    GQueue lengths; /* of each message, the next one first */
    gsize bytes;
} UnsentStream;

struct Unsent {
    GHashTable *streams; /* of guint16 → UnsentStream, those that have some */
    bool any;            /* a TSN is known */
    guint32 last;        /* the TSN that was sent last for the first time */
};

static void stream_free(gpointer data)
{
    UnsentStream *stream = data;

    g_queue_clear(&stream->lengths);
    g_free(stream);
}

Unsent *unsent_new(void)
{
    Unsent *unsent = g_new0(Unsent, 1);

    unsent->streams = g_hash_table_new_full(NULL, NULL, NULL, stream_free);
    return unsent;
}

void unsent_free(Unsent *unsent)
{
    if (!unsent)
        return;
    g_hash_table_unref(unsent->streams);
    g_free(unsent);
}

bool unsent_has_room(const Unsent *unsent, guint16 stream)
{
    const UnsentStream *found = g_hash_table_lookup(unsent->streams, GUINT_TO_POINTER(stream));

    return !found || found->bytes < UNSENT_MAX;
}

void unsent_given(Unsent *unsent, guint16 stream, gsize length)
{
    UnsentStream *found = g_hash_table_lookup(unsent->streams, GUINT_TO_POINTER(stream));

    if (!found) {
        found = g_new0(UnsentStream, 1);
        g_queue_init(&found->lengths);
        g_hash_table_insert(unsent->streams, GUINT_TO_POINTER(stream), found);
    }
    g_queue_push_tail(&found->lengths, GSIZE_TO_POINTER(length));
    found->bytes += length;
}

static void remove_one(Unsent *unsent, guint16 stream, gpointer (*pop)(GQueue *queue))
{
    UnsentStream *found = g_hash_table_lookup(unsent->streams, GUINT_TO_POINTER(stream));

    if (!found)
        return;
    found->bytes -= GPOINTER_TO_SIZE(pop(&found->lengths));
    if (g_queue_is_empty(&found->lengths))
        g_hash_table_remove(unsent->streams, GUINT_TO_POINTER(stream));
}

void unsent_take_back(Unsent *unsent, guint16 stream)
{
    remove_one(unsent, stream, g_queue_pop_tail);
}

void unsent_output(Unsent *unsent, const guint8 *packet, gsize length)
{
    gsize size;

    for (gsize at = COMMON_HEADER; (size = chunk_size(packet, length, at)) > 0; at += size) {
        const guint8 *chunk = packet + at;
        guint32 tsn;

        if (chunk[0] != CHUNK_DATA || size < STREAM_OFFSET + 2)
            continue;
        tsn = get32(chunk + CHUNK_HEADER);
        if (unsent->any && tsn_is_up_to(tsn, unsent->last))
            continue; /* once more */
        unsent->any = true;
        unsent->last = tsn;
        if (chunk[1] & FLAG_FIRST)
            remove_one(unsent, get16(chunk + STREAM_OFFSET), g_queue_pop_head);
    }
}
