/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The path of a call that has been connected: restarts ICE when that is due (call-repair.h
 * says when), and gives the remote up when it has been silent for too long.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/call/call-repair.h"

typedef struct CallPath CallPath;

typedef enum {
    CALL_PATH_PATIENCE, /* it has been lost for as long as we wait */
    CALL_PATH_GONE,     /* it is silent, and the remote has said that it does not know the call */
    CALL_PATH_REPLACED, /* it is silent, and the remote has called again */
} CallPathEnd;

typedef enum {
    CALL_RESTART_BEGUN,
    CALL_RESTART_REFUSED, /* it could not begin: it is tried again */
    CALL_RESTART_BARRED,  /* there is no way to the remote now */
} CallRestart;

/* From the main loop, or from within the functions below where they say so. */
typedef struct {
    /* Restarts ICE. May not end the call. */
    CallRestart (*restart)(bool anew, gpointer data);
    /* Seconds that a path may be lost */
    guint (*patience)(gpointer data);
    /* The last of it. */
    void (*ended)(CallPathEnd end, gpointer data);
} CallPathOps;

/* OPS is kept by reference. */
CallPath *call_path_new(const CallPathOps *ops, gpointer data);
void call_path_free(CallPath *path);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CallPath, call_path_free)

/* Nothing comes over it; with LOST nothing has come for so long that the call counts as
 * reconnecting. Calls `restart`, or `ended`, which frees it. */
void call_path_silent(CallPath *path, bool lost);

/* Data comes again, or over another path. */
void call_path_mended(CallPath *path);

/* The remote has said that it does not know the call. Whoever has said it may have taken its
 * place in the room: so the call ends only if it is silent, too, and stays so for a moment. */
void call_path_gone(CallPath *path);
/* Whether that has been said, and nothing has come since that shows the contrary. */
bool call_path_is_gone(const CallPath *path);

/* The remote has called again under another id, and shown its key: this call is over unless it
 * is alive. May call `ended`, which frees it. */
void call_path_replaced(CallPath *path);

/* As in call-repair.h. May call `restart`. */
void call_path_want(CallPath *path, bool anew);
void call_path_hurry(CallPath *path);
