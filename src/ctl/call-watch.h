/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* One call of the daemon, as its signals tell of it. Nothing is asked again and again. */

#pragma once

#include "ctl/client.h"

typedef struct CallWatch CallWatch;

/* All come from the main loop, and may call call_watch_free(). */
typedef struct {
    /* Its State, as it is at first and whenever it is another. When it is "closed", `ended`
     * follows, and the watch must live until then. */
    void (*state)(const char *state, gpointer data);
    /* A channel of it has gone. May be NULL. */
    void (*channel_gone)(const char *path, gpointer data);
    /* It is over, or the daemon is: once, and nothing comes afterwards. REASON may be NULL. */
    void (*ended)(const char *reason, gpointer data);
} CallWatchOps;

/* To be made before the call is placed, so that none of its signals is missed. OPS is kept by
 * reference. */
CallWatch *call_watch_new(BusClient *client, const CallWatchOps *ops, gpointer data);
void call_watch_free(CallWatch *watch);

/* The object path of the call that is meant: callbacks follow. */
void call_watch_begin(CallWatch *watch, const char *path);
