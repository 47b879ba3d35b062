/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* See wheel.h: a ring of queues, one for each grain of time to come. */

#include <config.h>

#include "relay/wheel.h"

void wheel_init(Wheel *wheel, gint64 grain, gint64 now)
{
    *wheel = (Wheel){.grain = grain, .done = now / grain, .now = now / grain};
}

static GQueue *slot_queue(Wheel *wheel, gint64 slot)
{
    return &wheel->slots[slot % WHEEL_SLOTS];
}

void wheel_add(Wheel *wheel, WheelEntry *entry, gint64 due)
{
    gint64 slot = (due + wheel->grain - 1) / wheel->grain;

    wheel_remove(wheel, entry);
    entry->slot = MIN(MAX(slot, wheel->now + 1), wheel->done + WHEEL_SLOTS);
    g_queue_push_tail_link(slot_queue(wheel, entry->slot), &entry->link);
}

void wheel_remove(Wheel *wheel, WheelEntry *entry)
{
    if (entry->slot != 0)
        g_queue_unlink(slot_queue(wheel, entry->slot), &entry->link);
    entry->slot = 0;
}

gpointer wheel_take(Wheel *wheel, gint64 now)
{
    gint64 last = now / wheel->grain;

    wheel->now = MAX(wheel->now, last);
    /* What lies further back than the wheel is large has been seen on the way. */
    wheel->done = MAX(wheel->done, last - WHEEL_SLOTS);
    while (wheel->done < last) {
        GList *link = g_queue_pop_head_link(slot_queue(wheel, wheel->done + 1));

        if (link) {
            ((WheelEntry *) link)->slot = 0;
            return link->data;
        }
        wheel->done++;
    }
    return NULL;
}

gint64 wheel_next(const Wheel *wheel)
{
    for (gint64 slot = wheel->done + 1; slot <= wheel->done + WHEEL_SLOTS; slot++) {
        if (wheel->slots[slot % WHEEL_SLOTS].length > 0)
            return slot * wheel->grain;
    }
    return G_MAXINT64;
}
