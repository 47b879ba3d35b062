/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * An emitter, its listeners, and the calls between them: processes that come and go, and
 * channels that carry messages in order until they are cut.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/call/keeper.h"
#include "peer/readings/feed-reached.h"
#include "sim-history.h"
#include "sim-outbox.h"

typedef struct {
    bool runs;
    guint life; /* how often it has been started */
    SimOutbox *outbox;
    FeedReached *reached; /* by the numbers of listeners */
    gint64 interval;      /* µs between what it publishes, on average; 0: nothing any more */
    GPtrArray *calls;     /* of SimCall, not owned: those that it believes in */
} SimEmitter;

typedef struct {
    guint number;
    bool runs, reachable;
    guint life;
    SimHistory *history;
    bool online;      /* the relay has it, and it knows */
    Keeper *keeper;   /* while it runs */
    gint64 wake;      /* when its keeper wants to be asked */
    GPtrArray *calls; /* of SimCall, not owned: those that it believes in */
    gint64 latency;   /* µs, one way */
    guint speed;      /* bytes a millisecond */
} SimListener;

typedef struct {
    SimEmitter emitter;
    GPtrArray *listeners; /* of SimListener */
    GPtrArray *calls;     /* of SimCall: all that have ever been */
    bool relay;           /* it runs: calls can begin */
    bool calm;            /* nobody makes a second call any more */
} SimNet;

SimNet *sim_net_new(guint listeners, guint limit, gint64 interval);
void sim_net_free(SimNet *net);

void sim_emitter_start(SimNet *net);
/* POWER: what has not been synced may be gone. */
void sim_emitter_stop(SimNet *net, bool power);
void sim_emitter_lose_store(SimNet *net);

void sim_listener_start(SimNet *net, SimListener *listener);
void sim_listener_stop(SimNet *net, SimListener *listener, bool power);

/* Relay and paths are as RELAY, REACHABLE and RUNS say now: who notices it does so later. */
void sim_look(SimNet *net);

/* Nothing arrives any more, and each end finds out later. A restart of ICE may mend it. */
void sim_cut(SimNet *net, SimListener *listener);

/* Whether each listener has a call in which it hears what is published. */
bool sim_listener_is_live(const SimNet *net, const SimListener *listener);
