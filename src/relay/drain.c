/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/drain.h"

#include "common/clock.h"
#include "relay/client.h"

#define TICK_MS 20
#define EACH (5 * 1000) /* µs for one client, if there is so much time */

struct Drain {
    GQueue *clients;
    gint64 began, time;
    guint64 all, closed; /* clients */
    guint timer;
};

static gboolean on_tick(gpointer data)
{
    Drain *drain = data;
    gint64 passed = MIN(clock_monotonic() - drain->began, drain->time);
    guint64 due = drain->time > 0 ? drain->all * (guint64) passed / (guint64) drain->time : 0;
    bool last = passed >= drain->time;

    for (GList *link = drain->clients->head; link && (last || drain->closed < due);
         link = link->next) {
        if (client_state(link->data) != CLIENT_OPEN)
            continue;
        client_close(link->data, 1012, "the relay is going away");
        drain->closed++;
    }
    if (!last)
        return G_SOURCE_CONTINUE;
    drain->timer = 0;
    return G_SOURCE_REMOVE;
}

Drain *drain_new(GQueue *clients, gint64 time)
{
    Drain *drain = g_new0(Drain, 1);

    drain->clients = clients;
    drain->began = clock_monotonic();
    drain->all = clients->length;
    drain->time = MIN(time, (gint64) clients->length * EACH);
    drain->timer = clock_timer_add(TICK_MS, on_tick, drain);
    return drain;
}

guint drain_milliseconds(const Drain *drain)
{
    return (guint) (drain->time / 1000) + TICK_MS;
}

void drain_free(Drain *drain)
{
    if (!drain)
        return;
    g_clear_handle_id(&drain->timer, g_source_remove);
    g_free(drain);
}
