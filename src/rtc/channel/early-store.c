/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A queue a stream, in a table. Streams are at most a thousand, and those that
 * have something here a handful.
 */

#include <config.h>

#include "rtc/channel/early-store.h"

#define OVERHEAD 64 /* of a message, at least */

typedef struct {
    guint32 ppid;
    GBytes *bytes;
} EarlyMessage;

typedef struct {
    GQueue messages; /* of EarlyMessage */
    gsize bytes;
} EarlyStream;

struct EarlyStore {
    GHashTable *streams; /* id → EarlyStream, of those that have something */
    gsize bytes, limit;
};

static void early_free(EarlyMessage *early)
{
    g_bytes_unref(early->bytes);
    g_free(early);
}

static void early_stream_free(EarlyStream *stream)
{
    g_queue_clear_full(&stream->messages, (GDestroyNotify) early_free);
    g_free(stream);
}

EarlyStore *early_store_new(gsize limit)
{
    EarlyStore *store = g_new0(EarlyStore, 1);

    store->streams = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify) early_stream_free);
    store->limit = limit;
    return store;
}

void early_store_free(EarlyStore *store)
{
    g_hash_table_unref(store->streams);
    g_free(store);
}

gsize early_store_bytes(const EarlyStore *store)
{
    return store->bytes;
}

/* The oldest message of the stream KEY, taken out */
static EarlyMessage *pop(EarlyStore *store, gpointer key, EarlyStream *stream)
{
    EarlyMessage *early = g_queue_pop_head(&stream->messages);
    gsize cost = g_bytes_get_size(early->bytes) + OVERHEAD;

    stream->bytes -= cost;
    store->bytes -= cost;
    if (g_queue_is_empty(&stream->messages))
        g_hash_table_remove(store->streams, key);
    return early;
}

static void drop_of_largest(EarlyStore *store)
{
    GHashTableIter iter;
    gpointer key, value, largest_key = NULL;
    EarlyStream *largest = NULL;

    g_hash_table_iter_init(&iter, store->streams);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        EarlyStream *stream = value;

        if (!largest || stream->bytes > largest->bytes) {
            largest = stream;
            largest_key = key;
        }
    }
    g_assert(largest); /* what is over the limit is somewhere */
    early_free(pop(store, largest_key, largest));
}

bool early_store_add(EarlyStore *store, guint16 stream, guint32 ppid, const guint8 *bytes,
                     gsize length)
{
    gpointer key = GUINT_TO_POINTER(stream);
    EarlyStream *queue;
    EarlyMessage *early;

    if (length + OVERHEAD > store->limit)
        return false;
    while (store->bytes + length + OVERHEAD > store->limit)
        drop_of_largest(store);
    queue = g_hash_table_lookup(store->streams, key);
    if (!queue) {
        queue = g_new0(EarlyStream, 1);
        g_queue_init(&queue->messages);
        g_hash_table_insert(store->streams, key, queue);
    }
    early = g_new0(EarlyMessage, 1);
    *early = (EarlyMessage){ppid, g_bytes_new(bytes, length)};
    g_queue_push_tail(&queue->messages, early);
    queue->bytes += length + OVERHEAD;
    store->bytes += length + OVERHEAD;
    return true;
}

void early_store_take(EarlyStore *store, guint16 stream, EarlyFunc func, gpointer data)
{
    gpointer key = GUINT_TO_POINTER(stream);
    EarlyStream *queue;

    /* Looked up each time: FUNC may have dropped the rest. */
    while ((queue = g_hash_table_lookup(store->streams, key))) {
        EarlyMessage *early = pop(store, key, queue);
        gsize length;
        const guint8 *bytes = g_bytes_get_data(early->bytes, &length);

        func(early->ppid, bytes, length, data);
        early_free(early);
    }
}

void early_store_drop(EarlyStore *store, guint16 stream)
{
    EarlyStream *queue = g_hash_table_lookup(store->streams, GUINT_TO_POINTER(stream));

    if (!queue)
        return;
    store->bytes -= queue->bytes;
    g_hash_table_remove(store->streams, GUINT_TO_POINTER(stream));
}
