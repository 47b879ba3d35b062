/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * All calls of this peer: places them, admits those that come in, and bounds what
 * strangers can make us keep. Which call a frame is for is call-dispatch.h's.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "signaling/frame.h"
#include "peer/call/call-quota.h"
#include "peer/signaling/room.h"

#define CALL_DEFAULT_TIMEOUT 30 /* seconds */
/* Who calls us says how long it waits. We wait longer than ICE may take (RFC 8863: 39.5 s). */
#define CALL_INCOMING_TIMEOUT 45

typedef struct {
    /* A new one is in the list, and nothing has happened in it. May not end it. */
    void (*added)(Call *call, gpointer data);
} CallsOps;

typedef struct {
    const char *channel_id;
    const char *fingerprint;
    guint timeout;
    bool another;       /* also where there is an outgoing call to the peer */
    bool for_everybody; /* as CallInfo has it */
} CallOptions;

typedef struct Calls Calls;

/* ROOM is the caller's and must outlive it, as OPS. USER is that of each call, and OPS has its
 * data; it calls calls_remove() when a call has ended. */
Calls *calls_new(const Room *room, const CallLimits *limits, const CallsOps *ops,
                 const CallUser *user);
/* None may be left: calls_hang_up_all(). */
void calls_free(Calls *calls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Calls, calls_free)

void calls_set_limits(Calls *calls, const CallLimits *limits);

/*
 * Calls PEER, a name or id, or "" for whoever answers; or gives the call of calls_find_to(), if
 * it is not for another fingerprint. OPTIONS: CHANNEL_ID as in CallInfo, FINGERPRINT as there,
 * TIMEOUT in seconds, ANOTHER: always a new one. Errors are PEER_ERROR: NOT_CONNECTED,
 * NO_SUCH_PEER, INVALID_ARGUMENT, LIMIT_EXCEEDED. While the relay is being connected to, the
 * call waits.
 */
Call *calls_place(Calls *calls, const char *peer, const CallOptions *options, GError **error);

/* The outgoing call to PEER, as in calls_place(), by its name or its id; NULL if there is none. Where
 * there are several, one that is connected. */
Call *calls_find_to(const Calls *calls, const char *peer);

typedef struct {
    const char *name;    /* whom we expect, for trust and for people; "": nobody by name */
    const char *program; /* as in CallInfo, and the others */
    const char *fingerprint;
    bool bare;
    bool stepwise;
    Certificate *certificate;
    const char *const *ice_servers;
    bool relay_only;
} CarriedCallOptions;

/*
 * A call whose signaling is a program's: call_create_offer() or an offer for
 * call_set_description() begin it. Errors are PEER_ERROR: LIMIT_EXCEEDED, INVALID_ARGUMENT.
 */
Call *calls_create(Calls *calls, const CarriedCallOptions *options, GError **error);

/* A new call that comes in with FRAME, a `call` or an offer. NULL if it is not taken; its sender
 * is told then, as far as that makes sense. */
Call *calls_admit(Calls *calls, const Frame *frame);

/* Says `bye` to the sender of FRAME, for REASON (FRAME_REASON_*, or NULL). At a bounded rate:
 * who floods us may wait for it in vain. */
void calls_say_bye(Calls *calls, const Frame *frame, const char *reason);

/* Whether there is a place for a call that has shown FINGERPRINT, which we do not know.
 * PEER_ERROR_LIMIT_EXCEEDED. */
bool calls_have_place(const Calls *calls, const char *fingerprint, GError **error);

/*
 * Where the remote of CALL, which has been connected, is in the room: under the id that it had,
 * else under the name that the relay gave it. TO is NULL where the relay gives no ids. False if
 * the relay is not connected, and TO is where it was; or if it is not there, and TO is NULL.
 */
bool calls_locate(const Calls *calls, const Call *call, const char **to);

/*
 * CALL is connected: its remote has shown its key. Older ones with that key are of a program
 * that is not there any more, if it was another one in the room and is silent: they end.
 */
void calls_note_connected(Calls *calls, Call *call);

/* What CALL's new connection may do before its remote has answered: if it came in, the checks
 * are those of its sender. */
void calls_charge(Calls *calls, const Call *call, ConnectionConfig *config);

/* CALL has ended, and its reference is dropped. */
void calls_remove(Calls *calls, Call *call);

/* Ends them all, with a `bye` each. */
void calls_hang_up_all(Calls *calls, const char *reason);

Call *calls_find(const Calls *calls, guint number);
guint calls_count(const Calls *calls);
/* In the order of their numbers; the list's, and it changes when a call comes or ends. */
const GPtrArray *calls_list(const Calls *calls);
/* Those whose session is the one that FRAME names; all if it names none. As calls_list(). */
const GPtrArray *calls_of_frame(const Calls *calls, const Frame *frame);
/* A copy with references, for loops that end calls. */
GPtrArray *calls_snapshot(const Calls *calls);
