/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/ice/gathering.h"

#include "common/clock.h"
#include "common/log.h"

enum { LIMIT = 12000 }; /* ms */

struct Gathering {
    NiceAgent *agent;
    void (*ended)(const char *candidate, gpointer data);
    gpointer data;
    guint limit;
    bool is_over;
};

static void end(Gathering *gathering)
{
    g_clear_handle_id(&gathering->limit, g_source_remove);
    if (gathering->is_over)
        return;
    gathering->is_over = true;
    gathering->ended(NULL, gathering->data);
}

static void on_done(NiceAgent *agent, guint stream, gpointer data)
{
    end(data);
}

static gboolean on_limit(gpointer data)
{
    Gathering *gathering = data;

    gathering->limit = 0;
    log_debug("ICE: there will be no more candidates of ours, a server's connection broke");
    end(gathering);
    return G_SOURCE_REMOVE;
}

void gathering_begin(Gathering *gathering)
{
    if (!gathering->is_over && gathering->limit == 0)
        gathering->limit = clock_timer_add(LIMIT, on_limit, gathering);
}

Gathering *gathering_new(NiceAgent *agent, void (*ended)(const char *candidate, gpointer data),
                         gpointer data)
{
    Gathering *gathering = g_new0(Gathering, 1);

    gathering->agent = agent;
    gathering->ended = ended;
    gathering->data = data;
    g_signal_connect(agent, "candidate-gathering-done", G_CALLBACK(on_done), gathering);
    return gathering;
}

void gathering_free(Gathering *gathering)
{
    if (!gathering)
        return;
    g_signal_handlers_disconnect_by_data(gathering->agent, gathering);
    g_clear_handle_id(&gathering->limit, g_source_remove);
    g_free(gathering);
}
