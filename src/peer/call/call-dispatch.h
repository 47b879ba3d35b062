/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Finds the call that a frame of another peer is for, and makes one where a frame
 * begins it. What happens to the relay and in the room goes to the calls from
 * here, too.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/call/calls.h"

typedef struct CallDispatch CallDispatch;

typedef struct {
    /* Whether we have numbers to give to whoever calls. */
    bool (*is_emitter)(gpointer data);
} CallDispatchOps;

/* CALLS, ROOM and OPS are the caller's and outlive it. MAX_EARLY: how many candidates of one
 * remote are kept that come ahead of their offer. */
CallDispatch *call_dispatch_new(Calls *calls, const Room *room, guint max_early,
                                const CallDispatchOps *ops, gpointer data);
void call_dispatch_free(CallDispatch *dispatch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CallDispatch, call_dispatch_free)

void call_dispatch_set_max_early(CallDispatch *dispatch, guint max_early);

/* A frame of another peer. */
void call_dispatch_receive(CallDispatch *dispatch, const Frame *frame);

/* Whether FRAME belongs to a call that there is. */
bool call_dispatch_expects(const CallDispatch *dispatch, const Frame *frame);

/* CALL has ended: what comes for it from now on is too late. */
void call_dispatch_note_end(CallDispatch *dispatch, const Call *call);

/* The state of the room is another. */
void call_dispatch_relay_changed(CallDispatch *dispatch);
/* An address, interface or route has come or gone. ANEW: one that calls may use has gone or
 * become another. */
void call_dispatch_link_changed(CallDispatch *dispatch, bool anew);
void call_dispatch_joined(CallDispatch *dispatch, const char *id);
/* Before it is taken out of the room, and after that. */
void call_dispatch_leaving(CallDispatch *dispatch, const char *id);
void call_dispatch_left(CallDispatch *dispatch);
/* The relay knows no TO. */
void call_dispatch_no_such_peer(CallDispatch *dispatch, const char *to);
