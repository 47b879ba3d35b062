/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whose turn it is: entries in groups, the groups in turn. Each group has the
 * same share of what is spent; one that needs less than that comes before those
 * that always have something to do (deficit round robin with a list of new groups,
 * after RFC 8290 section 4.2). Knows no clock: whoever asks says what a turn has cost.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct FairGroup FairGroup;

/* Of whoever can have a turn. */
typedef struct {
    GList link;       /* data: whose it is */
    FairGroup *group; /* NULL while it waits for no turn */
} FairEntry;

struct FairGroup {
    /* private */
    GList link;
    GQueue entries;
    gint64 credit;
    gint64 rested_at; /* what the queue had spent then */
    bool known;       /* it has had a turn before */
    GQueue *list;     /* that it is in, or NULL */
};

typedef struct {
    gint64 quantum; /* what a group may spend before it is another one's turn */
    /* private */
    GQueue fresh, old;
    gint64 spent;       /* by all */
    FairGroup *current; /* whose entry was taken last */
} FairQueue;

/* ENTRY waits for a turn of GROUP; nothing changes if it waits for one already. */
void fair_queue_add(FairQueue *queue, FairGroup *group, FairEntry *entry);
void fair_entry_remove(FairEntry *entry);

/* Whose turn it is; it waits no more. NULL if nobody does. */
FairEntry *fair_queue_take(FairQueue *queue);

/* What the turn that was taken last has cost. */
void fair_queue_charge(FairQueue *queue, gint64 cost);

bool fair_queue_is_empty(const FairQueue *queue);

/* GROUP, of which nothing waits, comes to its end. */
void fair_queue_forget(FairQueue *queue, FairGroup *group);
