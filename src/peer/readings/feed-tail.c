/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/readings/feed-tail.h"

enum { MAX_READINGS = 4096 };
#define MAX_BYTES (1024 * 1024) /* of values */

typedef struct {
    guint64 sequence, nth;
    Reading *reading;
} TailReading;

/* A ring: number N of all that have ever been is at N % MAX_READINGS. */
struct FeedTail {
    TailReading *readings;
    guint64 first, end; /* numbers */
    guint64 before;     /* the sequence before the first one */
    gsize bytes;
};

FeedTail *feed_tail_new(void)
{
    FeedTail *tail = g_new0(FeedTail, 1);

    tail->readings = g_new(TailReading, MAX_READINGS);
    return tail;
}

static TailReading *at(const FeedTail *tail, guint64 number)
{
    return &tail->readings[number % MAX_READINGS];
}

static void drop_first(FeedTail *tail)
{
    TailReading *first = at(tail, tail->first++);

    tail->before = first->sequence;
    tail->bytes -= first->reading->length;
    reading_free(first->reading);
}

void feed_tail_clear(FeedTail *tail)
{
    while (tail->first < tail->end)
        drop_first(tail);
}

void feed_tail_free(FeedTail *tail)
{
    if (!tail)
        return;
    feed_tail_clear(tail);
    g_free(tail->readings);
    g_free(tail);
}

void feed_tail_add(FeedTail *tail, const OutboxReading *reading)
{
    if (tail->first == tail->end)
        tail->before = reading->previous;
    while (tail->first < tail->end && (tail->end - tail->first == MAX_READINGS ||
                                       tail->bytes + reading->reading.length > MAX_BYTES))
        drop_first(tail);
    *at(tail, tail->end++) =
        (TailReading){reading->sequence, reading->nth, reading_copy(&reading->reading)};
    tail->bytes += reading->reading.length;
}

static guint64 find_above(const FeedTail *tail, guint64 after)
{
    guint64 low = tail->first, high = tail->end;

    while (low < high) {
        guint64 middle = low + (high - low) / 2;

        if (at(tail, middle)->sequence > after)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

bool feed_tail_read(const FeedTail *tail, guint64 after, OutboxVisitor visit, gpointer data)
{
    if (tail->first == tail->end || after < tail->before)
        return false;
    for (guint64 i = find_above(tail, after); i < tail->end; i++) {
        const TailReading *found = at(tail, i);

        if (!visit(&(OutboxReading){.sequence = found->sequence,
                                    .nth = found->nth,
                                    .reading = *found->reading},
                   data))
            break;
    }
    return true;
}
