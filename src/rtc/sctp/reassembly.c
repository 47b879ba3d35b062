/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * When a sender gives up a message of which a part has been read, usrsctp marks
 * what it has of it as the end, and tells only behind that that it is none. So
 * a message whose last piece cannot be known to be one waits for what is read
 * next, which is at once.
 */

#include <config.h>

#include "rtc/sctp/reassembly.h"

typedef struct {
    GByteArray *bytes; /* NULL: being thrown away */
} Partial;

struct Reassembly {
    GHashTable *partial; /* stream → Partial, messages of which a part is here */
    gsize bytes, max_all, max_message;
    GByteArray *last; /* a message that seems whole; NULL: none */
    guint16 last_stream;
    guint32 last_ppid;
    const ReassemblyOps *ops;
    gpointer data;
};

static void partial_free(Partial *partial)
{
    if (partial->bytes)
        g_byte_array_unref(partial->bytes);
    g_free(partial);
}

Reassembly *reassembly_new(gsize max_message, gsize max_all, const ReassemblyOps *ops,
                           gpointer data)
{
    Reassembly *reassembly = g_new0(Reassembly, 1);

    reassembly->partial = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify) partial_free);
    reassembly->max_message = max_message;
    reassembly->max_all = max_all;
    reassembly->ops = ops;
    reassembly->data = data;
    return reassembly;
}

void reassembly_free(Reassembly *reassembly)
{
    if (!reassembly)
        return;
    g_hash_table_unref(reassembly->partial);
    if (reassembly->last)
        g_byte_array_unref(reassembly->last);
    g_free(reassembly);
}

gsize reassembly_bytes(const Reassembly *reassembly)
{
    return reassembly->bytes;
}

void reassembly_settle(Reassembly *reassembly)
{
    g_autoptr(GByteArray) last = g_steal_pointer(&reassembly->last);

    if (last)
        reassembly->ops->message(reassembly->last_stream, reassembly->last_ppid, last->data,
                                 last->len, reassembly->data);
}

static void throw_away(Reassembly *reassembly, Partial *partial)
{
    reassembly->bytes -= partial->bytes ? partial->bytes->len : 0;
    g_clear_pointer(&partial->bytes, g_byte_array_unref);
}

static void drop_partial(Reassembly *reassembly, guint16 stream)
{
    Partial *partial = g_hash_table_lookup(reassembly->partial, GUINT_TO_POINTER(stream));

    if (!partial)
        return;
    throw_away(reassembly, partial);
    g_hash_table_remove(reassembly->partial, GUINT_TO_POINTER(stream));
}

static Partial *partial_of(Reassembly *reassembly, guint16 stream)
{
    Partial *partial = g_hash_table_lookup(reassembly->partial, GUINT_TO_POINTER(stream));

    if (!partial) {
        partial = g_new0(Partial, 1);
        partial->bytes = g_byte_array_new();
        g_hash_table_insert(reassembly->partial, GUINT_TO_POINTER(stream), partial);
    }
    return partial;
}

/* Takes the message on STREAM out: it is whole, or was thrown away. */
static void complete(Reassembly *reassembly, guint16 stream, guint32 ppid)
{
    Partial *partial = partial_of(reassembly, stream);

    if (partial->bytes) {
        reassembly->bytes -= partial->bytes->len;
        reassembly->last = g_steal_pointer(&partial->bytes);
        reassembly->last_stream = stream;
        reassembly->last_ppid = ppid;
    }
    g_hash_table_remove(reassembly->partial, GUINT_TO_POINTER(stream));
}

void reassembly_add(Reassembly *reassembly, guint16 stream, guint32 ppid, const guint8 *bytes,
                    gsize length, PieceEnd end)
{
    Partial *partial;
    bool too_large;

    reassembly_settle(reassembly);
    if (end == PIECE_LAST && length <= reassembly->max_message &&
        !g_hash_table_contains(reassembly->partial, GUINT_TO_POINTER(stream))) {
        reassembly->ops->message(stream, ppid, bytes, length, reassembly->data);
        return;
    }
    partial = partial_of(reassembly, stream);
    too_large = partial->bytes && (partial->bytes->len + length > reassembly->max_message ||
                                   reassembly->bytes + length > reassembly->max_all);
    if (too_large)
        throw_away(reassembly, partial);
    if (partial->bytes) {
        g_byte_array_append(partial->bytes, bytes, length);
        reassembly->bytes += length;
    }
    if (end != PIECE_MORE)
        complete(reassembly, stream, ppid);
    if (too_large)
        reassembly->ops->oversized(stream, reassembly->data);
}

void reassembly_give_up(Reassembly *reassembly, guint16 stream)
{
    if (reassembly->last && reassembly->last_stream == stream)
        g_clear_pointer(&reassembly->last, g_byte_array_unref);
    else
        reassembly_settle(reassembly);
    drop_partial(reassembly, stream);
}

void reassembly_end(Reassembly *reassembly, guint16 stream)
{
    reassembly_settle(reassembly);
    drop_partial(reassembly, stream);
}
