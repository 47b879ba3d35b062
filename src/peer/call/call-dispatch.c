/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What comes of a frame. Our kind names the session, and an rtcbus relay the
 * sender; then both must fit. A foreign remote leaves sessions out, and a foreign
 * relay the sender: what is left out decides nothing.
 *
 *   call, to us         makes an incoming call; not again in a session that has one
 *   call, to everybody  the same: at once if we have numbers to give, in a moment if
 *                       not, never while we call somebody ourselves
 *   offer               1. a call that has a description already (call-match.c): it takes it
 *                       2. our call that waits for one, to whom it was
 *                       3. a session of ours that is over or taken, or a restart: `bye`
 *                       4. without `to`: nobody's; it answers somebody else
 *                       5. makes an incoming call
 *   answer, candidate,  the call it belongs to (call-match.c)
 *   bye
 *   candidate           before its offer: kept
 *   bye                 also ends our call to this remote that waits for an offer
 *
 * A moment: whoever has no numbers waits, so that the emitter, if there is one,
 * comes first. And a peer that listens stays silent, for in a room of twenty
 * listeners the `call` of each reaches the nineteen others, who have nothing to say.
 */

#include <config.h>

#include "peer/call/call-dispatch.h"

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "peer/call/call-match.h"
#include "peer/signaling/delayed-calls.h"
#include "peer/signaling/early-candidates.h"
#include "peer/signaling/recent-sessions.h"

struct CallDispatch {
    Calls *calls;
    const Room *room;
    const CallDispatchOps *ops;
    gpointer data;
    DelayedCalls *delayed;
    EarlyCandidates *early;
    RecentSessions *heard; /* `call`s to everybody */
    RecentSessions *ended; /* sessions of calls that we had */
};

static bool is_from(const Call *call, const char *from)
{
    return g_strcmp0(call_remote(call), from) == 0;
}

/* Who is where is looked up when it is asked for, and not each time that somebody comes or goes. */
static void settle_all(CallDispatch *dispatch)
{
    const GPtrArray *list = calls_list(dispatch->calls);

    for (guint i = 0; i < list->len; i++)
        call_settle(list->pdata[i]);
}

/* ---- `call` --------------------------------------------------------------- */

/*
 * A foreign client that calls or offers again has forgotten the call before.
 * An anonymous one may be somebody else, so what is connected stays: if its
 * remote is gone, ICE consent will tell (RFC 7675).
 */
static void replace_foreign(CallDispatch *dispatch, const char *from)
{
    g_autoptr(GPtrArray) all = calls_snapshot(dispatch->calls);

    for (guint i = 0; i < all->len; i++) {
        Call *call = all->pdata[i];

        if (call_direction(call) == CALL_INCOMING && call_is_foreign(call) && is_from(call, from) &&
            (from || call_is_pending(call)))
            call_drop(call, CALL_REASON_REPLACED);
    }
}

static void answer_call(CallDispatch *dispatch, const Frame *frame)
{
    Call *call;

    if (!frame->session)
        replace_foreign(dispatch, frame->from);
    call = calls_admit(dispatch->calls, frame);
    if (call)
        call_make_offer(call);
}

static void on_delayed(const Frame *frame, gpointer data)
{
    answer_call(data, frame);
}

static bool is_listener(const CallDispatch *dispatch)
{
    const GPtrArray *list = calls_list(dispatch->calls);

    for (guint i = 0; i < list->len; i++) {
        if (call_direction(list->pdata[i]) == CALL_OUTGOING && !call_is_carried(list->pdata[i]))
            return true;
    }
    return false;
}

static void receive_call(CallDispatch *dispatch, const Frame *frame)
{
    if (!frame->to)
        recent_sessions_add(dispatch->heard, frame->from, frame->session, clock_monotonic());
    if (call_match_incoming(calls_of_frame(dispatch->calls, frame), frame))
        return; /* it was asked again when we joined */

    if (frame->to || dispatch->ops->is_emitter(dispatch->data)) {
        delayed_calls_drop(dispatch->delayed, frame);
        answer_call(dispatch, frame);
    } else if (!is_listener(dispatch)) {
        delayed_calls_add(dispatch->delayed, frame);
    }
}

/* ---- `offer` -------------------------------------------------------------- */

/* An offer for it is too late, or not for us. */
static bool is_over(const CallDispatch *dispatch, const Frame *frame)
{
    return (frame->restart && frame->to) ||
           call_match_has_session(calls_of_frame(dispatch->calls, frame), frame->session) ||
           recent_sessions_has_session(dispatch->ended, frame->session, clock_monotonic());
}

/* FRAME, an offer to everybody, answers somebody else's `call`, if anybody's. */
static void overhear_offer(CallDispatch *dispatch, const Frame *frame)
{
    gint64 now = clock_monotonic();

    if (frame->session)
        recent_sessions_take_session(dispatch->heard, frame->session, now);
    else if (recent_sessions_take_other(dispatch->heard, frame->from, now))
        delayed_calls_drop_foreign(dispatch->delayed);
}

/* CALL gets what came ahead of FRAME, a description that it has taken. */
static void take_early(CallDispatch *dispatch, Call *call, const Frame *frame)
{
    g_autoptr(GPtrArray) early =
        early_candidates_take(dispatch->early, frame->from, frame->session, clock_monotonic());

    for (guint i = 0; i < early->len && call_state(call) != CALL_CLOSED; i++)
        call_take_candidate(call, early->pdata[i]);
}

static void take_offer(CallDispatch *dispatch, Call *call, const Frame *frame)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);

    call_take_offer(call, frame, room_member_name(dispatch->room, frame->from),
                    room_name_of(dispatch->room, frame->from));
    take_early(dispatch, call, frame);
}

static void take_later_offer(CallDispatch *dispatch, Call *call, const Frame *frame)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);

    call_take_later_offer(call, frame);
    take_early(dispatch, call, frame);
}

/* An offer that is for no call that there is. */
static void receive_new_offer(CallDispatch *dispatch, const Frame *frame)
{
    Call *call;

    if (!frame->session)
        replace_foreign(dispatch, frame->from);
    call = calls_admit(dispatch->calls, frame);
    if (call)
        take_offer(dispatch, call, frame);
}

static void receive_offer(CallDispatch *dispatch, const Frame *frame)
{
    const GPtrArray *list = calls_of_frame(dispatch->calls, frame);
    Call *within = call_match(list, dispatch->room, frame);
    Call *waiting = call_match_waiting(list, dispatch->room, frame);

    delayed_calls_drop(dispatch->delayed, frame);
    if (within && call_is_described(within)) {
        take_later_offer(dispatch, within, frame);
    } else if (waiting) {
        take_offer(dispatch, waiting, frame);
    } else if (is_over(dispatch, frame)) {
        /* Somebody else was faster, or the call is over. */
        calls_say_bye(dispatch->calls, frame, frame->restart ? FRAME_REASON_GONE : NULL);
    } else if (!frame->to) {
        overhear_offer(dispatch, frame);
        log_debug("an offer to nobody in particular is left alone: we have not asked for one");
    } else {
        receive_new_offer(dispatch, frame);
    }
}

/* ---- `answer`, `candidate`, `bye` ----------------------------------------- */

static Call *find_call(const CallDispatch *dispatch, const Frame *frame)
{
    return call_match(calls_of_frame(dispatch->calls, frame), dispatch->room, frame);
}

static Call *find_waiting(const CallDispatch *dispatch, const Frame *frame)
{
    return call_match_waiting(calls_of_frame(dispatch->calls, frame), dispatch->room, frame);
}

static void receive_answer(CallDispatch *dispatch, const Frame *frame)
{
    Call *call = find_call(dispatch, frame);
    g_autoptr(Call) keep G_GNUC_UNUSED = call ? call_ref(call) : NULL;

    delayed_calls_drop(dispatch->delayed, frame);
    if (call) {
        call_take_answer(call, frame);
        take_early(dispatch, call, frame);
    } else {
        log_debug("an answer that belongs to no call");
    }
}

static void receive_candidate(CallDispatch *dispatch, const Frame *frame)
{
    gint64 now = clock_monotonic();
    Call *call = find_call(dispatch, frame);

    if (call && !call_awaits_offer(call))
        call_take_candidate(call, frame);
    else if (frame->to || !recent_sessions_has_session(dispatch->heard, frame->session, now))
        early_candidates_keep(dispatch->early, frame, now);
}

/* The outgoing call to exactly this remote that has not been answered yet. */
static Call *find_refused(const CallDispatch *dispatch, const Frame *frame)
{
    Call *call = frame->session ? find_waiting(dispatch, frame) : NULL;

    return call && *call_target(call) ? call : NULL;
}

static void receive_bye(CallDispatch *dispatch, const Frame *frame)
{
    g_autoptr(GPtrArray) early G_GNUC_UNUSED =
        early_candidates_take(dispatch->early, frame->from, frame->session, clock_monotonic());
    g_autofree char *reason = NULL;
    Call *call;
    bool waiting;

    settle_all(dispatch);
    delayed_calls_drop(dispatch->delayed, frame);
    call = find_call(dispatch, frame);
    waiting = !call || call_awaits_offer(call);
    if (waiting)
        call = find_refused(dispatch, frame);
    reason = call_reason_from_bye(frame->reason, frame->message, waiting);
    if (call)
        call_drop(call, reason);
    else if (g_strcmp0(frame->reason, FRAME_REASON_GONE) == 0 &&
             (call = call_match_detour(calls_of_frame(dispatch->calls, frame), frame)))
        call_note_gone(call);
}

bool call_dispatch_expects(const CallDispatch *dispatch, const Frame *frame)
{
    return find_call(dispatch, frame) || find_waiting(dispatch, frame);
}

void call_dispatch_receive(CallDispatch *dispatch, const Frame *frame)
{
    if (!room_is_for_us(dispatch->room, frame->to)) {
        delayed_calls_drop(dispatch->delayed, frame);
        return;
    }
    switch (frame->type) {
    case FRAME_CALL:
        receive_call(dispatch, frame);
        break;
    case FRAME_OFFER:
        receive_offer(dispatch, frame);
        break;
    case FRAME_ANSWER:
        receive_answer(dispatch, frame);
        break;
    case FRAME_CANDIDATE:
        receive_candidate(dispatch, frame);
        break;
    case FRAME_BYE:
        receive_bye(dispatch, frame);
        break;
    default:
        break;
    }
}

/* ---- relay and room ------------------------------------------------------- */

static void ring_waiting(CallDispatch *dispatch)
{
    g_autoptr(GPtrArray) all = calls_snapshot(dispatch->calls);

    for (guint i = 0; i < all->len; i++) {
        Call *call = all->pdata[i];
        const char *target = call_target(call);

        if (!call_awaits_offer(call))
            continue;
        if (*target && room_is_known(dispatch->room) && !room_find(dispatch->room, target))
            call_drop(call, CALL_REASON_NO_SUCH_PEER);
        else
            call_ring(call, NULL);
    }
}

/* A restart that had no way to its remote may have one now. */
static void hurry_all(CallDispatch *dispatch)
{
    const GPtrArray *list = calls_list(dispatch->calls);

    for (guint i = 0; i < list->len; i++)
        call_hurry(list->pdata[i]);
}

/* What is connected needs no relay; what is not has lost frames, unless a program carries them. */
static void end_pending(CallDispatch *dispatch)
{
    g_autoptr(GPtrArray) all = calls_snapshot(dispatch->calls);
    g_autofree char *reason =
        g_strdup_printf("%s: %s", CALL_REASON_RELAY, room_problem(dispatch->room));

    delayed_calls_drop_all(dispatch->delayed, NULL);
    for (guint i = 0; i < all->len; i++) {
        call_note_left(all->pdata[i], false); /* who comes and goes is not known any more */
        if (call_is_pending(all->pdata[i]) && !call_is_carried(all->pdata[i]))
            call_drop(all->pdata[i], reason);
    }
}

void call_dispatch_relay_changed(CallDispatch *dispatch)
{
    if (room_state(dispatch->room) == RELAY_CONNECTED) {
        ring_waiting(dispatch);
        hurry_all(dispatch);
    } else if (room_state(dispatch->room) == RELAY_DISCONNECTED) {
        end_pending(dispatch);
    }
}

void call_dispatch_link_changed(CallDispatch *dispatch, bool anew)
{
    const GPtrArray *list = calls_list(dispatch->calls);

    for (guint i = 0; i < list->len; i++)
        call_want_path(list->pdata[i], anew);
}

/* The remote of a connected call may be back. Under its name there may be a new program, too, that
 * does not know the call: the answer to a restart tells. */
static void note_back(CallDispatch *dispatch, Call *call, const char *id)
{
    const CallIdentity *identity = call_identity(call);
    const char *to;

    if (!call_connected_at(call) || !calls_locate(dispatch->calls, call, &to) ||
        g_strcmp0(to, id) != 0)
        return;
    if (identity->left)
        call_want_path(call, false);
    call_hurry(call);
}

void call_dispatch_joined(CallDispatch *dispatch, const char *id)
{
    g_autoptr(GPtrArray) all = calls_snapshot(dispatch->calls);

    for (guint i = 0; i < all->len; i++) {
        if (call_awaits_offer(all->pdata[i]) && !*call_target(all->pdata[i]))
            call_ring(all->pdata[i], id);
        else
            note_back(dispatch, all->pdata[i], id);
    }
}

/* ID is out of reach: what has not been connected with it never will be. */
static void end_pending_with(CallDispatch *dispatch, const char *id, const char *reason)
{
    g_autoptr(GPtrArray) all = calls_snapshot(dispatch->calls);

    for (guint i = 0; i < all->len; i++) {
        Call *call = all->pdata[i];

        if (call_is_pending(call) && (is_from(call, id) || g_strcmp0(call_target(call), id) == 0))
            call_drop(call, reason);
    }
}

static void note_left(CallDispatch *dispatch, const char *id)
{
    const GPtrArray *list = calls_list(dispatch->calls);

    for (guint i = 0; i < list->len; i++) {
        if (!is_from(list->pdata[i], id))
            continue;
        log_debug("call %u goes on without its remote in the room", call_number(list->pdata[i]));
        call_note_left(list->pdata[i], true);
    }
}

void call_dispatch_leaving(CallDispatch *dispatch, const char *id)
{
    settle_all(dispatch);
    note_left(dispatch, id);
    delayed_calls_drop_all(dispatch->delayed, id);
    end_pending_with(dispatch, id, CALL_REASON_LEFT);
}

/* It was a connection that has died, perhaps, of a remote that has been elsewhere for long. */
void call_dispatch_left(CallDispatch *dispatch)
{
    settle_all(dispatch);
}

void call_dispatch_no_such_peer(CallDispatch *dispatch, const char *to)
{
    end_pending_with(dispatch, to, CALL_REASON_NO_SUCH_PEER);
}

/* ---- the object ----------------------------------------------------------- */

void call_dispatch_note_end(CallDispatch *dispatch, const Call *call)
{
    if (call_session(call))
        recent_sessions_add(dispatch->ended, call_remote(call), call_session(call),
                            clock_monotonic());
}

CallDispatch *call_dispatch_new(Calls *calls, const Room *room, guint max_early,
                                const CallDispatchOps *ops, gpointer data)
{
    CallDispatch *dispatch = g_new0(CallDispatch, 1);

    dispatch->calls = calls;
    dispatch->room = room;
    dispatch->ops = ops;
    dispatch->data = data;
    dispatch->delayed = delayed_calls_new(on_delayed, dispatch);
    dispatch->early = early_candidates_new(max_early);
    dispatch->heard = recent_sessions_new();
    dispatch->ended = recent_sessions_new();
    return dispatch;
}

void call_dispatch_free(CallDispatch *dispatch)
{
    if (!dispatch)
        return;
    delayed_calls_free(dispatch->delayed);
    early_candidates_free(dispatch->early);
    recent_sessions_free(dispatch->heard);
    recent_sessions_free(dispatch->ended);
    g_free(dispatch);
}

void call_dispatch_set_max_early(CallDispatch *dispatch, guint max_early)
{
    early_candidates_set_limit(dispatch->early, max_early);
}
