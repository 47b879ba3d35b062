/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Which call is a frame for? Our kind names the session, and an rtcbus relay the
 * sender; then both must fit. A foreign remote leaves sessions out, and a foreign
 * relay the sender: what is left out decides nothing.
 *
 *   call, to us         makes an incoming call; not again in a session that has one
 *   call, to everybody  the same: at once if we have numbers to give, in a moment if
 *                       not, never while we call somebody ourselves
 *   offer               1. our call that waits for one, to whom it was
 *                       2. a call that has taken an offer: the same one once more
 *                       3. a session of ours that is over or taken: `bye`
 *                       4. without `to`: nobody's; it answers somebody else
 *                       5. makes an incoming call
 *   answer, candidate,  the call with its session; without one the sender's newest
 *   bye                 foreign call that is not connected, else the newest that is
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
    RecentSessions *ended; /* sessions of our own */
};

static bool is_from(const Call *call, const char *from)
{
    return g_strcmp0(call_remote(call), from) == 0;
}

/* Whether FROM is the one that CALL, which awaits an offer, has asked for. */
static bool is_target(const CallDispatch *dispatch, const Call *call, const char *from)
{
    const char *target = call_target(call);
    const RoomMember *member;

    if (!*target || !from || !room_is_known(dispatch->room))
        return true;
    member = room_find(dispatch->room, target);
    return g_strcmp0(target, from) == 0 || (member && g_strcmp0(member->id, from) == 0);
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
        if (call_direction(list->pdata[i]) == CALL_OUTGOING)
            return true;
    }
    return false;
}

static Call *find_session(const CallDispatch *dispatch, const Frame *frame, CallDirection direction)
{
    const GPtrArray *list = calls_list(dispatch->calls);

    for (guint i = 0; frame->session && i < list->len; i++) {
        Call *call = list->pdata[i];

        if (call_direction(call) == direction &&
            g_strcmp0(call_session(call), frame->session) == 0 && is_from(call, frame->from))
            return call;
    }
    return NULL;
}

static void receive_call(CallDispatch *dispatch, const Frame *frame)
{
    if (!frame->to)
        recent_sessions_add(dispatch->heard, frame->from, frame->session, clock_monotonic());
    if (find_session(dispatch, frame, CALL_INCOMING))
        return; /* it was asked again when we joined */

    if (frame->to || dispatch->ops->is_emitter(dispatch->data)) {
        delayed_calls_drop(dispatch->delayed, frame);
        answer_call(dispatch, frame);
    } else if (!is_listener(dispatch)) {
        delayed_calls_add(dispatch->delayed, frame);
    }
}

/* ---- `offer` -------------------------------------------------------------- */

/* The outgoing call that FRAME, an offer, is for. */
static Call *find_awaiting(const CallDispatch *dispatch, const Frame *frame)
{
    const GPtrArray *list = calls_list(dispatch->calls);

    for (guint i = 0; i < list->len; i++) {
        Call *call = list->pdata[i];

        if (call_awaits_offer(call) && is_target(dispatch, call, frame->from) &&
            (!frame->session || g_strcmp0(call_session(call), frame->session) == 0))
            return call;
    }
    return NULL;
}

static bool is_our_session(const CallDispatch *dispatch, const char *session)
{
    const GPtrArray *list = calls_list(dispatch->calls);

    for (guint i = 0; session && i < list->len; i++) {
        if (call_direction(list->pdata[i]) == CALL_OUTGOING &&
            g_strcmp0(call_session(list->pdata[i]), session) == 0)
            return true;
    }
    return recent_sessions_has_session(dispatch->ended, session, clock_monotonic());
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

static void take_offer(CallDispatch *dispatch, Call *call, const Frame *frame)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);
    g_autoptr(GPtrArray) early =
        early_candidates_take(dispatch->early, frame->from, frame->session, clock_monotonic());

    call_take_offer(call, frame, room_member_name(dispatch->room, frame->from),
                    room_name_of(dispatch->room, frame->from));
    for (guint i = 0; i < early->len && call_state(call) != CALL_CLOSED; i++)
        call_take_candidate(call, early->pdata[i]);
}

/* The same offer again, for a call that has taken it. */
static bool is_repeated_offer(CallDispatch *dispatch, const Frame *frame)
{
    g_autoptr(GPtrArray) all = calls_snapshot(dispatch->calls);

    for (guint i = 0; i < all->len; i++) {
        Call *call = all->pdata[i];

        if (!call_is_answerer(call) || !is_from(call, frame->from))
            continue;
        if (frame->session ? g_strcmp0(call_session(call), frame->session) == 0
                           : call_is_foreign(call)) {
            if (call_take_offer(call, frame, NULL, NULL) || frame->session)
                return true;
        }
    }
    return false;
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
    Call *call = find_awaiting(dispatch, frame);

    delayed_calls_drop(dispatch->delayed, frame);
    if (call) {
        take_offer(dispatch, call, frame);
    } else if (is_repeated_offer(dispatch, frame)) {
        log_debug("an offer came once more");
    } else if (is_our_session(dispatch, frame->session)) {
        /* Somebody else was faster, or the call is over. */
        calls_say_bye(dispatch->calls, frame, NULL);
    } else if (!frame->to) {
        overhear_offer(dispatch, frame);
        log_debug("an offer to nobody in particular is left alone: we have not asked for one");
    } else {
        receive_new_offer(dispatch, frame);
    }
}

/* ---- `answer`, `candidate`, `bye` ----------------------------------------- */

/* Newest first: an older one of the same sender is as good as replaced. */
static Call *find_foreign(const CallDispatch *dispatch, const Frame *frame, bool pending)
{
    const GPtrArray *list = calls_list(dispatch->calls);

    for (guint i = list->len; i > 0; i--) {
        Call *call = list->pdata[i - 1];

        if (!call_is_foreign(call) || !is_from(call, frame->from) || call_awaits_offer(call) ||
            call_is_pending(call) != pending)
            continue;
        if (frame->type != FRAME_ANSWER || call_awaits_answer(call))
            return call;
    }
    return NULL;
}

static Call *find_call(const CallDispatch *dispatch, const Frame *frame)
{
    Call *call;

    if (!frame->session) {
        call = find_foreign(dispatch, frame, true);
        return call ? call : find_foreign(dispatch, frame, false);
    }
    call = find_session(dispatch, frame, CALL_INCOMING);
    return call ? call : find_session(dispatch, frame, CALL_OUTGOING);
}

static void receive_answer(CallDispatch *dispatch, const Frame *frame)
{
    Call *call = find_call(dispatch, frame);

    delayed_calls_drop(dispatch->delayed, frame);
    if (call)
        call_take_answer(call, frame);
    else
        log_debug("an answer that belongs to no call");
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
    Call *call = frame->session ? find_awaiting(dispatch, frame) : NULL;

    return call && *call_target(call) ? call : NULL;
}

static void receive_bye(CallDispatch *dispatch, const Frame *frame)
{
    g_autoptr(GPtrArray) early G_GNUC_UNUSED =
        early_candidates_take(dispatch->early, frame->from, frame->session, clock_monotonic());
    Call *call = find_call(dispatch, frame);
    bool waiting = !call || call_awaits_offer(call);

    delayed_calls_drop(dispatch->delayed, frame);
    if (waiting)
        call = find_refused(dispatch, frame);
    if (!call)
        return;
    if (g_strcmp0(frame->reason, FRAME_REASON_UNTRUSTED) == 0)
        call_drop(call, CALL_REASON_UNTRUSTED);
    else if (g_strcmp0(frame->reason, FRAME_REASON_BUSY) == 0)
        call_drop(call, CALL_REASON_BUSY);
    else
        call_drop(call, waiting ? CALL_REASON_REFUSED : CALL_REASON_REMOTE_HANGUP);
}

bool call_dispatch_expects(const CallDispatch *dispatch, const Frame *frame)
{
    return find_call(dispatch, frame) || find_awaiting(dispatch, frame);
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

/* What is connected needs no relay; what is not has lost frames. */
static void end_pending(CallDispatch *dispatch)
{
    g_autoptr(GPtrArray) all = calls_snapshot(dispatch->calls);
    g_autofree char *reason =
        g_strdup_printf("%s: %s", CALL_REASON_RELAY, room_problem(dispatch->room));

    delayed_calls_drop_all(dispatch->delayed, NULL);
    for (guint i = 0; i < all->len; i++) {
        if (call_is_pending(all->pdata[i]))
            call_drop(all->pdata[i], reason);
    }
}

void call_dispatch_relay_changed(CallDispatch *dispatch)
{
    if (room_state(dispatch->room) == RELAY_CONNECTED)
        ring_waiting(dispatch);
    else if (room_state(dispatch->room) == RELAY_DISCONNECTED)
        end_pending(dispatch);
}

void call_dispatch_joined(CallDispatch *dispatch, const char *id)
{
    g_autoptr(GPtrArray) all = calls_snapshot(dispatch->calls);

    for (guint i = 0; i < all->len; i++) {
        if (call_awaits_offer(all->pdata[i]) && !*call_target(all->pdata[i]))
            call_ring(all->pdata[i], id);
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
        else if (is_from(call, id))
            log_debug("call %u goes on without its remote in the room", call_number(call));
    }
}

void call_dispatch_left(CallDispatch *dispatch, const char *id)
{
    delayed_calls_drop_all(dispatch->delayed, id);
    end_pending_with(dispatch, id, CALL_REASON_LEFT);
}

void call_dispatch_no_such_peer(CallDispatch *dispatch, const char *to)
{
    end_pending_with(dispatch, to, CALL_REASON_NO_SUCH_PEER);
}

/* ---- the object ----------------------------------------------------------- */

void call_dispatch_note_end(CallDispatch *dispatch, const Call *call)
{
    if (call_direction(call) == CALL_OUTGOING)
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
