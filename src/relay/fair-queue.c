/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See fair-queue.h. A group that rests regains what it may spend at the pace at which
 * the others have turns, so that one which needs less than its share is always among
 * the first, and one which comes and goes gets no more than it.
 */

#include <config.h>

#include "relay/fair-queue.h"

static void put(FairGroup *group, GQueue *list)
{
    if (group->list)
        g_queue_unlink(group->list, &group->link);
    group->list = list;
    group->link.data = group;
    if (list)
        g_queue_push_tail_link(list, &group->link);
}

static void rest(FairQueue *queue, FairGroup *group)
{
    put(group, NULL);
    group->rested_at = queue->spent;
}

static void wake(FairQueue *queue, FairGroup *group)
{
    gint64 groups = queue->fresh.length + queue->old.length + 1;
    gint64 regained = (queue->spent - group->rested_at) / groups;

    group->credit = group->known ? MIN(group->credit + regained, queue->quantum) : queue->quantum;
    group->known = true;
    put(group, group->credit > 0 ? &queue->fresh : &queue->old);
}

void fair_queue_add(FairQueue *queue, FairGroup *group, FairEntry *entry)
{
    if (entry->group)
        return;
    entry->group = group;
    g_queue_push_tail_link(&group->entries, &entry->link);
    if (!group->list)
        wake(queue, group);
}

void fair_entry_remove(FairEntry *entry)
{
    if (entry->group)
        g_queue_unlink(&entry->group->entries, &entry->link);
    entry->group = NULL;
}

/* The group whose turn it is, with something to do. */
static FairGroup *next_group(FairQueue *queue)
{
    for (;;) {
        GQueue *list = queue->fresh.head ? &queue->fresh : &queue->old;
        FairGroup *group = g_queue_peek_head(list);

        if (!group)
            return NULL;
        if (!group->entries.head) {
            rest(queue, group);
        } else if (group->credit <= 0) {
            group->credit += queue->quantum;
            put(group, &queue->old);
        } else {
            return group;
        }
    }
}

FairEntry *fair_queue_take(FairQueue *queue)
{
    FairEntry *entry;

    queue->current = next_group(queue);
    if (!queue->current)
        return NULL;
    entry = (FairEntry *) queue->current->entries.head;
    fair_entry_remove(entry);
    return entry;
}

void fair_queue_charge(FairQueue *queue, gint64 cost)
{
    queue->spent += cost;
    if (queue->current)
        queue->current->credit -= cost;
}

bool fair_queue_is_empty(const FairQueue *queue)
{
    for (GList *link = queue->fresh.head; link; link = link->next) {
        if (((FairGroup *) link->data)->entries.head)
            return false;
    }
    for (GList *link = queue->old.head; link; link = link->next) {
        if (((FairGroup *) link->data)->entries.head)
            return false;
    }
    return true;
}

void fair_queue_forget(FairQueue *queue, FairGroup *group)
{
    g_return_if_fail(!group->entries.head);
    put(group, NULL);
    if (queue->current == group)
        queue->current = NULL;
}
