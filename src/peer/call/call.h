/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One call: who it is with, how far it has come, and its connection.
 *
 *   outgoing (we are the listener)      incoming (we are the emitter)
 *   calling     our `call` is out       a `call` was heard
 *   connecting  an offer came           our offer is out
 *   connected ⇄ reconnecting            (the remote does not answer)
 *   closed      for a reason, once
 *
 * An offer that nobody asked for is an incoming call that goes the left way.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "signaling/frame.h"
#include "peer/call/call-channel.h"
#include "peer/trust/trust.h"
#include "rtc/connection.h"

typedef enum {
    CALL_CALLING,
    CALL_CONNECTING,
    CALL_CONNECTED,
    CALL_RECONNECTING,
    CALL_CLOSED,
} CallState;

const char *call_state_to_string(CallState state);

typedef enum {
    CALL_OUTGOING,
    CALL_INCOMING,
} CallDirection;

/* Reasons that we give ourselves; others are the connection's error messages. */
#define CALL_REASON_HANGUP "hung up"
#define CALL_REASON_REMOTE_HANGUP "the remote hung up"
#define CALL_REASON_REFUSED "the remote refused the call"
#define CALL_REASON_BUSY "the remote refused the call: it has too many"
#define CALL_REASON_CROWDED "it made room for another call"
#define CALL_REASON_TIMEOUT "timeout"
#define CALL_REASON_UNTRUSTED "the remote does not trust our certificate"
#define CALL_REASON_LEFT "the remote left the room"
#define CALL_REASON_RELAY "the relay went away"
#define CALL_REASON_REPLACED "replaced by a new call"
#define CALL_REASON_NO_SUCH_PEER "no such peer in the room"
#define CALL_REASON_NEW_KEY "this peer has a new key"
#define CALL_REASON_STOPPED "the daemon stopped"

/* Told to the owner, who must not drop its reference before CALL_CLOSED. */
typedef struct {
    /* What a new connection is made of; CONFIG is zero and may point at what lives longer. */
    void (*configure)(Call *call, ConnectionConfig *config, gpointer data);
    void (*send)(Call *call, const Frame *frame, gpointer data);
    /* Whether to talk to whoever has the key FINGERPRINT, as connection.h's `verify`. */
    bool (*verify)(Call *call, const char *fingerprint, TrustAnswer *answer, GError **error,
                   gpointer data);
    /* It is connected, and nothing has passed yet: the last chance to refuse. */
    bool (*connected)(Call *call, GError **error, gpointer data);
    /* State, remote or another property is not what it was. CLOSED comes last of all. */
    void (*changed)(Call *call, gpointer data);
    void (*channel)(Call *call, CallChannel *channel, CallChannelEvent event, gpointer data);
    void (*message)(Call *call, CallChannel *channel, MessageKind kind, const guint8 *bytes,
                    gsize length, gpointer data);
} CallOps;

typedef struct {
    guint number;
    CallDirection direction;
    const char *session;    /* NULL: the remote has made up none */
    const char *target;     /* outgoing: name or id; "": whoever answers */
    const char *remote;     /* the remote's id; NULL: not known (yet) */
    const char *peer;       /* what to call the remote in front of people */
    /* The name whose key must be the one we know. Outgoing: as it was asked for, and then
     * nothing that the relay says changes it. NULL: the remote has none (yet). */
    const char *name;
    const char *fingerprint; /* the only one to talk to, "sha-256 AB:…"; or NULL */
    const char *channel_id; /* free text of the `call` frame, or NULL */
    bool known_name;        /* incoming: it comes under a name that we know */
    guint timeout;          /* milliseconds until it must be connected */
} CallInfo;

/* In state CALLING, with its timeout running. INFO is copied. */
Call *call_new(const CallInfo *info, const CallOps *ops, gpointer data);
Call *call_ref(Call *call);
void call_unref(Call *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Call, call_unref)

/* Sends our `call`; TO overrides whom it is addressed to (NULL: as the call is). */
void call_ring(Call *call, const char *to);

/* Answers a `call`: opens msg_channel and offers. On failure the call is closed. */
void call_make_offer(Call *call);

/* Binds the call to FRAME's sender, PEER to people and NAME to the relay (or NULL), and
 * answers its offer; a bad offer closes it. False if it has had another offer before; the
 * same one again is harmless. */
bool call_take_offer(Call *call, const Frame *frame, const char *peer, const char *name);

void call_take_answer(Call *call, const Frame *frame);
void call_take_candidate(Call *call, const Frame *frame);

/* Ends the call when all that its channels have accepted has arrived, or after a
 * few seconds; at once if nothing is on its way, or when it is asked for again. */
void call_finish(Call *call, const char *reason);

/* Ends the call now, with a `bye` to the remote or without. Nothing happens if it is closed. */
void call_hang_up(Call *call, const char *reason);
/* The same, and tells the remote that we have too many. */
void call_turn_away(Call *call, const char *reason);
void call_end(Call *call, const char *reason);

/* Errors are RTC_ERROR or PEER_ERROR_NOT_CONNECTED. The channel is the call's. */
CallChannel *call_open_channel(Call *call, const char *label, const ChannelOptions *options,
                               GError **error);
CallChannel *call_find_channel(const Call *call, guint number);

guint call_number(const Call *call);
CallDirection call_direction(const Call *call);
CallState call_state(const Call *call);
const char *call_reason(const Call *call);  /* "" while it lasts */
const char *call_session(const Call *call); /* or NULL */
const char *call_target(const Call *call);  /* "" for anyone, and for incoming calls */
const char *call_remote(const Call *call);  /* id or NULL */
const char *call_peer(const Call *call);    /* for people; may be "" */
const char *call_peer_for_people(const Call *call); /* never "" */
const char *call_name(const Call *call);    /* that must be right, or NULL */
bool call_name_is_asked(const Call *call);  /* by us, so that nobody else has chosen it */
const char *call_wanted(const Call *call);  /* the fingerprint asked for, or NULL */
const char *call_fingerprint(const Call *call); /* of the remote, verified; NULL before */
TrustLevel call_trust(const Call *call);
gint64 call_started(const Call *call);      /* monotonic microseconds */
guint64 call_connected_at(const Call *call); /* microseconds since the epoch; 0: not yet */
guint64 call_setup_time(const Call *call);   /* microseconds to the first open channel; 0: none */

/* Neither connected yet nor closed. */
bool call_is_pending(const Call *call);
/* It comes in from somebody who has not shown a known key, or, before there is a key, does
 * not come under a known name. */
bool call_is_stranger(const Call *call);
/* Waits for an offer, from anyone or from its target. */
bool call_awaits_offer(const Call *call);
/* It has taken an offer. */
bool call_is_answerer(const Call *call);
/* We have offered and wait for the answer. */
bool call_awaits_answer(const Call *call);
/* The remote leaves sessions out (rtcbus-signaling(7)): match it by sender alone. */
bool call_is_foreign(const Call *call);

/* As connection_get_stats(); all zero while there is no connection. */
void call_get_stats(Call *call, ConnectionStats *stats);
