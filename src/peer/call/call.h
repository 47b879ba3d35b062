/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One call: who it is with, how far it has come, and its connection.
 *
 *   outgoing (we are the listener)      incoming (we are the emitter)
 *   calling     our `call` is out       a `call` was heard
 *   connecting  an offer came           our offer is out
 *   connected ⇄ reconnecting            (the remote does not answer: ICE restarts)
 *   closed      for a reason, once
 *
 * An offer that nobody asked for is an incoming call that goes the left way.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "signaling/frame.h"
#include "peer/call/call-channel.h"
#include "peer/call/call-identity.h"
#include "peer/call/call-reason.h"
#include "peer/call/call-servers.h"
#include "rtc/connection.h"

/* People may carry the descriptions of a call, by mail or by hand: so many seconds. */
#define CALL_CARRIED_TIMEOUT 3600

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

/* All but `configure`, `send`, `locate` and `patience` may end the call, and each may ask for another one. */
typedef struct {
    /* What a new connection is made of; CONFIG is zero and may point at what lives longer. */
    void (*configure)(Call *call, ConnectionConfig *config, gpointer data);
    void (*send)(const Frame *frame, gpointer data);
    /* The same of a call whose signaling is a program's: a description or a candidate. */
    void (*carry)(Call *call, const Frame *frame, gpointer data);
    /* Where the remote of a connected call is in the room, as calls_locate(). */
    bool (*locate)(Call *call, const char **to, gpointer data);
    /* How many seconds it may be in CALL_RECONNECTING */
    guint (*patience)(gpointer data);
    /* State, remote or another property is not what it was. */
    void (*changed)(Call *call, gpointer data);
    /* After it has changed to CALL_CLOSED: the last of a call, and the first time that its
     * reference may be dropped. */
    void (*ended)(Call *call, gpointer data);
    void (*channel)(Call *call, CallChannel *channel, CallChannelEvent event, gpointer data);
    CallChannelMessage message;
} CallOps;

/* Whether a call goes on; call-trust.h has the one there is. May not end the call. */
typedef struct {
    /* Whether a call of NAME (NULL: it has none) may come in. */
    bool (*accepts)(const char *name, gpointer data);
    /* Whether a key is known for NAME, which may be NULL. */
    bool (*knows)(const char *name, gpointer data);
    /* Whether to talk to whoever has the key FINGERPRINT, as connection.h's `verify`. */
    bool (*verify)(Call *call, const char *fingerprint, TrustAnswer *answer, GError **error,
                   gpointer data);
    /* Whether somebody vouches for the key that it has shown. */
    bool (*vouches)(const Call *call, gpointer data);
    /* It is connected, and nothing has passed yet: the last chance to refuse. */
    bool (*connected)(Call *call, GError **error, gpointer data);
} CallGuardOps;

/* Who hears of a call, and who decides on it. */
typedef struct {
    const CallOps *ops;
    gpointer data;
    const CallGuardOps *guard;
    gpointer guard_data;
} CallUser;

typedef struct {
    guint number;
    CallDirection direction;
    const char *session;                      /* NULL: the remote has made up none */
    const char *target;                       /* outgoing: name or id; "": whoever answers */
    const char *asked, *id, *claimed, *shown; /* as CallIdentity; SHOWN NULL: the target */
    const char *fingerprint; /* the only one to talk to, "sha-256 AB:…"; or NULL */
    const char *channel_id;  /* free text of the `call` frame, or NULL */
    bool carried;            /* outgoing: a program does its signaling, and no relay */
    const char *program;     /* which one, by whatever tells it from others; or NULL */
    bool bare;               /* whoever offers opens no msg_channel */
    bool
        stepwise; /* carried and bare: negotiated as rtc/connection-steps.h has it, and the program's
                              * alone: readings and services are not in it */
    Certificate *certificate;       /* to be shown instead of ours, or NULL */
    const char *const *ice_servers; /* instead of ours; NULL: ours */
    bool relay_only;                /* as in ConnectionConfig */
    bool known_name;                /* incoming: it comes under a name that we know */
    bool for_everybody; /* outgoing: kept though nobody has asked for this peer by name */
    guint timeout;      /* milliseconds until it must be connected; 0: any time */
} CallInfo;

/* In state CALLING, with its timeout running. INFO and USER are copied. */
Call *call_new(const CallInfo *info, const CallUser *user);
Call *call_ref(Call *call);
void call_unref(Call *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Call, call_unref)

/* Sends our `call`; TO overrides whom it is addressed to (NULL: as the call is). */
void call_ring(Call *call, const char *to);

/* Answers a `call`: opens msg_channel and offers. On failure the call is closed. */
void call_make_offer(Call *call);

/* Binds the call, which awaits an offer, to FRAME's sender, with CLAIMED and SHOWN as
 * call_identity_bind(), and answers its offer; a bad one closes the call. */
void call_take_offer(Call *call, const Frame *frame, const char *claimed, const char *shown);

/* As connection_has_keys(). */
bool call_has_keys(const Call *call, const GPtrArray *keys);

/*
 * An offer within the call, whoever has made the first one: the same again, other media, or
 * an ICE restart. It is answered, and the remote is where it came from. One that is bad or
 * names another key is told in the journal, and changes nothing.
 */
void call_take_later_offer(Call *call, const Frame *frame);

/* To our last offer, which may be a later one, too. A bad answer to the first closes the call. */
void call_take_answer(Call *call, const Frame *frame);
void call_take_candidate(Call *call, const Frame *frame);

/*
 * What happens outside to the path of a call. Nothing, if it has not been connected.
 *   want path   another path is wanted; ANEW: our addresses are others
 *   hurry       the link, the relay or the remote is back: try again now
 *   note gone   somebody in the remote's place says that it does not know the call
 *   note replaced
 *               the remote has called again and shown its key: the call ends if it is silent
 *   note left   the remote has left the room, or it is not known any more whether it has
 *   settle      somebody may have left the room: perhaps the remote is where it only seemed to be
 */
void call_want_path(Call *call, bool anew);
void call_hurry(Call *call);
void call_note_gone(Call *call);
/* Whether that has just been said: it may be called again, and shows its key if it is true. */
bool call_is_gone(const Call *call);
void call_note_replaced(Call *call);
void call_note_left(Call *call, bool left);
void call_settle(Call *call);

/*
 * What the program does that signals for a carried call; our side comes by the operation
 * `carry`. An error leaves the call as it was. TYPE is "offer" or "answer"; CANDIDATE is as in
 * connection.h, "" ends the list; MID may be NULL.
 *
 * The first offer may be made once, by one side. A later one of ours is an ICE restart.
 */
bool call_create_offer(Call *call, GError **error);
bool call_set_description(Call *call, const char *type, const char *sdp, GError **error);
bool call_add_candidate(Call *call, const char *candidate, const char *mid, GError **error);

/*
 * The same of a stepwise call, as in rtc/connection-steps.h; call_set_description() is steps_set_remote() in it.
 * call_reconfigure() is for the ICE restarts to come; SERVERS NULL: ours.
 */
char *call_make_description(Call *call, const char *type, bool restart, GError **error);
bool call_set_own_description(Call *call, const char *type, GError **error);
void call_reconfigure(Call *call, const char *const *servers, bool relay_only);
/* FAILED hears of servers of its own that fail, until the call ends. It may not end the call. */
void call_watch_servers(Call *call, CallServerFailed failed, gpointer data);

/*
 * The ways to end a call. Nothing happens if it is closed.
 *   when sent   says `bye` when all that its channels have accepted has arrived, or after a
 *               few seconds; at once if nothing is on its way, or when it is asked again
 *   hang up     says `bye` now
 *   turn away   says `bye` now, and that we have too many
 *   drop        says nothing: the remote is gone, or has said `bye` itself
 */
void call_hang_up_when_sent(Call *call, const char *reason);
void call_hang_up(Call *call, const char *reason);
void call_turn_away(Call *call, const char *reason);
void call_drop(Call *call, const char *reason);

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
const CallIdentity *call_identity(const Call *call);
const char *call_remote(const Call *call);          /* its id */
const char *call_peer(const Call *call);            /* its shown name */
const char *call_peer_for_people(const Call *call); /* the same, and never "" */
const char *call_wanted(const Call *call);          /* the fingerprint asked for, or NULL */
const char *call_fingerprint(const Call *call);     /* its verified key */
TrustLevel call_trust(const Call *call);
bool call_is_vouched(const Call *call);            /* somebody vouches for that key, as of now */
gint64 call_started(const Call *call);             /* monotonic microseconds */
guint64 call_connected_at(const Call *call);       /* microseconds since the epoch; 0: not yet */
guint64 call_reconnecting_since(const Call *call); /* the same; 0: it is not */
/* Of a stepwise call: as CONNECTION_PATH_FAILED has told */
bool call_has_no_path(const Call *call);
guint64 call_setup_time(const Call *call); /* microseconds to the first open channel; 0: none */

/* Neither connected yet nor closed. */
bool call_is_pending(const Call *call);
/* It comes in from somebody who has not shown a known key, or, before there is a key, does
 * not come under a known name. */
bool call_is_stranger(const Call *call);
/* It goes out, and somebody here has asked for it: not for everybody's sake. */
bool call_is_own(const Call *call);
/* Neither that, nor with somebody who is known. */
bool call_is_unasked(const Call *call);
/* A program carries its descriptions and candidates; no frame of the relay is for it. */
bool call_is_carried(const Call *call);
bool call_is_stepwise(const Call *call);
/* The program that does, or NULL: it is not there any more, and the call may go on without it. */
const char *call_program(const Call *call);
void call_note_program_gone(Call *call);
/* Waits for an offer, from anyone or from its target. */
bool call_awaits_offer(const Call *call);
/* It has taken a description of the remote's. */
bool call_is_described(const Call *call);
/* We have offered, at first or later, and wait for the answer. */
bool call_awaits_answer(const Call *call);
/* The remote leaves sessions out (rtcbus-signaling(7)): match it by sender alone. */
bool call_is_foreign(const Call *call);

/* Its key is good, and it is not one that has to be remembered first (call-trust.c); and no other
 * program, which may not look for messages before it knows that the channel is open. */
bool call_may_hear_early(const Call *call);

/* It is being hung up, and waits for what has been sent. */
bool call_is_ending(const Call *call);
/* It is over because one side has not wanted it: the key, the rules, or too many calls. */
bool call_was_refused(const Call *call);

/* As connection_remote_speaks() */
bool call_remote_speaks(const Call *call, const char *protocol);

/* As connection_get_stats(); all zero while there is no connection. */
void call_get_stats(Call *call, ConnectionStats *stats);
