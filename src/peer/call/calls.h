/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * All calls of this peer: makes them, finds the one that a frame belongs to,
 * decides which are answered, and bounds what strangers can make us keep.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "signaling/frame.h"
#include "peer/call/call-quota.h"
#include "peer/signaling/room.h"

#define CALL_DEFAULT_TIMEOUT 30 /* seconds */

typedef struct {
    CallLimits calls;
    guint max_early; /* candidates of one remote, ahead of their offer */
} CallsLimits;

typedef struct {
    void (*send)(const Frame *frame, gpointer data);
    /* What a new connection is made of; see CallOps. */
    void (*configure)(ConnectionConfig *config, gpointer data);
    /* See CallOps. */
    bool (*verify)(Call *call, const char *fingerprint, TrustAnswer *answer, GError **error,
                   gpointer data);
    bool (*connected)(Call *call, GError **error, gpointer data);
    /* Whether a call of NAME (NULL: it has none) may come in. */
    bool (*accepts)(const char *name, gpointer data);
    /* Whether a key is known for NAME, which may be NULL. */
    bool (*knows)(const char *name, gpointer data);
    /* Whether we have numbers to give to whoever calls. */
    bool (*is_emitter)(gpointer data);

    /* `changed` also comes for CALL_CLOSED; `ended` is the last of a call. */
    void (*added)(Call *call, gpointer data);
    void (*changed)(Call *call, gpointer data);
    void (*ended)(Call *call, gpointer data);
    void (*channel)(Call *call, CallChannel *channel, CallChannelEvent event, gpointer data);
    void (*message)(Call *call, CallChannel *channel, MessageKind kind, const guint8 *bytes,
                    gsize length, gpointer data);
} CallsOps;

typedef struct {
    const char *channel_id;
    const char *fingerprint;
    guint timeout;
} CallOptions;

typedef struct Calls Calls;

/* ROOM is the caller's and must outlive it, as OPS. */
Calls *calls_new(const Room *room, const CallsLimits *limits, const CallsOps *ops, gpointer data);
void calls_free(Calls *calls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Calls, calls_free)

void calls_set_limits(Calls *calls, const CallsLimits *limits);

/*
 * Calls PEER, a name or id, or "" for whoever answers. OPTIONS: CHANNEL_ID as
 * in CallInfo, FINGERPRINT as there, TIMEOUT in seconds. Errors are PEER_ERROR: NOT_CONNECTED, NO_SUCH_PEER, INVALID_ARGUMENT,
 * LIMIT_EXCEEDED. While the relay is being connected to, the call waits.
 */
Call *calls_place(Calls *calls, const char *peer, const CallOptions *options, GError **error);

/* Whether FRAME belongs to a call that there is. */
bool calls_expect(const Calls *calls, const Frame *frame);

/* A frame of another peer. */
void calls_receive(Calls *calls, const Frame *frame);

/* Whether there is a place for a call that has shown FINGERPRINT, which we do not know.
 * PEER_ERROR_LIMIT_EXCEEDED. */
bool calls_have_place(const Calls *calls, const char *fingerprint, GError **error);

/* The state of ROOM is another. */
void calls_relay_changed(Calls *calls);
void calls_peer_joined(Calls *calls, const char *id);
/* Before it is taken out of the room. */
void calls_peer_left(Calls *calls, const char *id);
/* The relay knows no TO. */
void calls_no_such_peer(Calls *calls, const char *to);

/* Ends them all, with a `bye` each. */
void calls_hang_up_all(Calls *calls, const char *reason);

Call *calls_find(const Calls *calls, guint number);
guint calls_count(const Calls *calls);
