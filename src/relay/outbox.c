/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See outbox.h. An array rather than a list: in a room of five hundred every
 * frame takes five hundred places, and each costs a pointer and no allocation.
 */

#include <config.h>

#include "relay/outbox.h"

#include <string.h>

#define FIRST_ALLOCATION 8 /* messages */

void outbox_clear(Outbox *outbox)
{
    for (guint i = outbox->first; i < outbox->end; i++)
        message_unref(outbox->messages[i]);
    g_free(outbox->messages);
    *outbox = (Outbox){};
}

void outbox_cut(Outbox *outbox)
{
    guint keep = outbox->written > 0 ? 1 : 0;

    while (outbox->end > outbox->first + keep) {
        Message *message = outbox->messages[--outbox->end];

        outbox->bytes -= message_cost(message);
        message_unref(message);
    }
    if (keep == 0)
        outbox_clear(outbox);
}

bool outbox_is_empty(const Outbox *outbox)
{
    return outbox->first == outbox->end;
}

/* Room for one more: what is in use moves to the front, or else there is more. */
static void make_room(Outbox *outbox)
{
    guint length = outbox->end - outbox->first;

    if (outbox->first > 0 && outbox->first >= length) {
        memcpy(outbox->messages, outbox->messages + outbox->first,
               length * sizeof *outbox->messages);
        outbox->first = 0;
        outbox->end = length;
        return;
    }
    outbox->allocated = MAX(2 * outbox->allocated, FIRST_ALLOCATION);
    outbox->messages = g_renew(Message *, outbox->messages, outbox->allocated);
}

void outbox_push(Outbox *outbox, Message *message)
{
    if (outbox->end == outbox->allocated)
        make_room(outbox);
    outbox->messages[outbox->end++] = message_ref(message);
    outbox->bytes += message_cost(message);
}

void outbox_push_next(Outbox *outbox, Message *message)
{
    guint at;

    outbox_push(outbox, message);
    at = outbox->first + (outbox->written > 0 ? 1 : 0);
    memmove(outbox->messages + at + 1, outbox->messages + at,
            (outbox->end - 1 - at) * sizeof *outbox->messages);
    outbox->messages[at] = message;
}

guint outbox_gather(const Outbox *outbox, struct iovec *pieces, guint max)
{
    guint n = MIN(max, outbox->end - outbox->first);

    for (guint i = 0; i < n; i++)
        pieces[i] = message_frame(outbox->messages[outbox->first + i]);
    if (n > 0) {
        pieces[0].iov_base = (char *) pieces[0].iov_base + outbox->written;
        pieces[0].iov_len -= outbox->written;
    }
    return n;
}

void outbox_written(Outbox *outbox, gsize size, Histogram *latency, gint64 now)
{
    while (size > 0) {
        Message *message = outbox->messages[outbox->first];
        gsize left = message_frame(message).iov_len - outbox->written;

        if (size < left) {
            outbox->written += size;
            return;
        }
        size -= left;
        outbox->written = 0;
        outbox->first++;
        outbox->bytes -= message_cost(message);
        if (latency && message->born > 0)
            histogram_observe(latency, now - message->born);
        message_unref(message);
    }
    if (outbox_is_empty(outbox))
        outbox_clear(outbox);
}
