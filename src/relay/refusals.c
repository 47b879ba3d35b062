/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/refusals.h"

#include <string.h>

#include "common/printable.h"

#define TEXT_MAX 256 /* bytes */

struct Refusals {
    GQueue entries; /* of RefusalEntry, the last one first */
    guint64 count;
};

static void entry_free(gpointer data)
{
    RefusalEntry *entry = data;

    g_free(entry->address);
    g_free(entry->room);
    g_free(entry->reason);
    g_free(entry);
}

Refusals *refusals_new(void)
{
    Refusals *refusals = g_new0(Refusals, 1);

    g_queue_init(&refusals->entries);
    return refusals;
}

void refusals_free(Refusals *refusals)
{
    if (!refusals)
        return;
    g_queue_clear_full(&refusals->entries, entry_free);
    g_free(refusals);
}

static char *shown(const char *text)
{
    g_autofree char *part = g_strndup(text, TEXT_MAX);

    return printable(part);
}

static void remove_entry(Refusals *refusals, GList *link)
{
    entry_free(link->data);
    g_queue_delete_link(&refusals->entries, link);
}

/* The same again, or NULL. When ENTRY's address or all of us have no place left, the oldest
 * goes. */
static GList *find_place(Refusals *refusals, const RefusalEntry *entry)
{
    GList *oldest = NULL;
    guint n = 0;

    for (GList *link = refusals->entries.head; link; link = link->next) {
        const RefusalEntry *other = link->data;

        if (strcmp(other->address, entry->address) != 0)
            continue;
        if (other->status == entry->status && strcmp(other->room, entry->room) == 0 &&
            strcmp(other->reason, entry->reason) == 0)
            return link;
        oldest = link;
        n++;
    }
    if (n >= REFUSALS_MAX_PER_ADDRESS)
        remove_entry(refusals, oldest);
    else if (refusals->entries.length >= REFUSALS_MAX)
        remove_entry(refusals, refusals->entries.tail);
    return NULL;
}

void refusals_add(Refusals *refusals, gint64 time, const char *address, int status,
                  const char *room, const char *reason)
{
    RefusalEntry *entry = g_new0(RefusalEntry, 1);
    GList *same;

    *entry = (RefusalEntry){.time = time,
                            .count = 1,
                            .status = status,
                            .address = shown(address),
                            .room = shown(room),
                            .reason = shown(reason)};
    refusals->count++;
    same = find_place(refusals, entry);
    if (same) {
        entry->count += ((const RefusalEntry *) same->data)->count;
        remove_entry(refusals, same);
    }
    g_queue_push_head(&refusals->entries, entry);
}

guint64 refusals_count(const Refusals *refusals)
{
    return refusals->count;
}

void refusals_foreach(const Refusals *refusals,
                      void (*func)(const RefusalEntry *entry, gpointer data), gpointer data)
{
    for (const GList *link = refusals->entries.head; link; link = link->next)
        func(link->data, data);
}
