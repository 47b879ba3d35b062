/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A ring that grows up to its capacity, so that a large history costs nothing
 * until it is used. Peers' names repeat endlessly: they are shared strings.
 */

#include <config.h>

#include "peer/readings/history.h"

typedef struct {
    guint64 time;
    char *peer; /* a GRefString, interned */
    double value;
} HistoryEntry;

struct History {
    HistoryEntry *entries; /* number N is at (N - 1) % size while size == capacity */
    gsize size;            /* allocated */
    gsize capacity;        /* never more than this is allocated */
    gsize used;
    guint64 last; /* the newest sequence */
};

enum { FIRST_SIZE = 64 };

History *history_new(gsize capacity)
{
    History *history = g_new0(History, 1);

    history->capacity = MAX(capacity, 1);
    return history;
}

static HistoryEntry *history_entry(const History *history, guint64 sequence)
{
    return &history->entries[(sequence - 1) % history->size];
}

void history_free(History *history)
{
    if (!history)
        return;
    for (guint64 n = history->last - history->used + 1; n <= history->last; n++)
        g_ref_string_release(history_entry(history, n)->peer);
    g_free(history->entries);
    g_free(history);
}

/* Moves what fits into a ring of SIZE entries; the oldest do not. */
static void history_resize(History *history, gsize size)
{
    HistoryEntry *entries = g_new0(HistoryEntry, size);
    gsize kept = MIN(history->used, size);

    for (guint64 n = history->last - history->used + 1; n <= history->last; n++) {
        HistoryEntry *entry = history_entry(history, n);

        if (n + kept > history->last)
            entries[(n - 1) % size] = *entry;
        else
            g_ref_string_release(entry->peer);
    }
    g_free(history->entries);
    history->entries = entries;
    history->size = size;
    history->used = kept;
}

void history_set_capacity(History *history, gsize capacity)
{
    history->capacity = MAX(capacity, 1);
    if (history->size > history->capacity)
        history_resize(history, history->capacity);
}

guint64 history_add(History *history, guint64 time, const char *peer, double value)
{
    HistoryEntry *entry;

    if (history->used == history->size && history->size < history->capacity)
        history_resize(history, MIN(history->capacity, MAX(history->size * 2, FIRST_SIZE)));
    history->last++;
    entry = history_entry(history, history->last);
    if (history->used == history->size)
        g_ref_string_release(entry->peer);
    else
        history->used++;
    *entry = (HistoryEntry){time, g_ref_string_new_intern(peer ? peer : ""), value};
    return history->last;
}

guint64 history_count(const History *history)
{
    return history->last;
}

static ReceivedNumber history_get(const History *history, guint64 sequence)
{
    const HistoryEntry *entry = history_entry(history, sequence);

    return (ReceivedNumber){sequence, entry->time, entry->peer, entry->value};
}

bool history_last(const History *history, ReceivedNumber *out)
{
    if (history->used == 0)
        return false;
    *out = history_get(history, history->last);
    return true;
}

guint64 history_read(const History *history, guint64 after, guint max, HistoryVisitor visit,
                     gpointer data)
{
    guint64 gone = history->last - history->used; /* the newest that is no longer kept */
    guint64 lost = after < gone ? gone - after : 0;
    guint64 n = MAX(after, gone);
    guint count = 0;

    while (n < history->last && (max == 0 || count++ < max)) {
        ReceivedNumber number = history_get(history, ++n);

        visit(&number, data);
    }
    return lost;
}
