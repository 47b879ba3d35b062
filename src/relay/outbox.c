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

guint outbox_gather(const Outbox *outbox, struct iovec *pieces, guint max)
{
    guint n = MIN(max, outbox->end - outbox->first);

    for (guint i = 0; i < n; i++)
        pieces[i] = message_frame(outbox->messages[outbox->first + i]);
    return n;
}

Message *outbox_written(Outbox *outbox, gsize size, struct iovec *rest)
{
    Message *partial = NULL;

    while (size > 0) {
        Message *message = outbox->messages[outbox->first++];
        struct iovec frame = message_frame(message);

        outbox->bytes -= message_cost(message);
        if (size < frame.iov_len) {
            *rest = (struct iovec){(char *) frame.iov_base + size, frame.iov_len - size};
            partial = message;
            break;
        }
        size -= frame.iov_len;
        message_unref(message);
    }
    if (outbox_is_empty(outbox))
        outbox_clear(outbox);
    return partial;
}
