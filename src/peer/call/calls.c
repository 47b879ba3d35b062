/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Which call does a frame belong to? Our kind names the session, and with an
 * rtcbus relay the sender too; both must fit. A foreign client names nothing:
 * then the sender alone decides, and through a foreign relay there is not even
 * that: one anonymous remote, whose newest unfinished call is meant.
 *
 * Who answers a `call`? One that is addressed to us is answered at once. One
 * to everybody is answered at once by an emitter. A peer that listens itself
 * stays silent: in a room of twenty listeners the `call` of each reaches the
 * nineteen others, who have nothing to say. Anybody else waits a moment, so
 * that the emitter, if there is one, comes first.
 */

#include <config.h>

#include "peer/call/calls.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/bucket.h"
#include "common/log.h"
#include "common/random-id.h"
#include "common/memory-trim.h"
#include "peer/signaling/delayed.h"
#include "peer/signaling/early.h"
#include "peer/signaling/heard.h"
#include "peer/error.h"

/* How often a refusal is told: so many at once, then one in so many µs. */
enum { BYE_BURST = 1024, BYE_INTERVAL = 20000 };

/* After so many calls, and when so many seconds have passed, memory is given back. */
enum { TRIM_CALLS = 32, TRIM_DELAY = 5 };

struct Calls {
    const Room *room;
    CallsLimits limits;
    const CallsOps *ops;
    gpointer data;
    GPtrArray *list; /* of Call, in order of their numbers */
    guint last_number;
    Delayed *delayed;
    EarlyCandidates *early;
    Heard *heard; /* `call`s to everybody */
    Heard *ended; /* sessions of our own */
    Bucket byes;
    guint ended_count, trim_id;
};

/* ---- the list ------------------------------------------------------------- */

static void on_configure(Call *call, ConnectionConfig *config, gpointer data)
{
    Calls *calls = data;

    calls->ops->configure(config, calls->data);
}

static void on_send(Call *call, const Frame *frame, gpointer data)
{
    Calls *calls = data;

    calls->ops->send(frame, calls->data);
}

static bool on_verify(Call *call, const char *fingerprint, TrustAnswer *answer, GError **error,
                      gpointer data)
{
    Calls *calls = data;

    return calls->ops->verify(call, fingerprint, answer, error, calls->data);
}

static bool on_connected(Call *call, GError **error, gpointer data)
{
    Calls *calls = data;

    return calls->ops->connected(call, error, calls->data);
}

static gboolean on_trim(gpointer data)
{
    Calls *calls = data;

    calls->trim_id = 0;
    memory_settle();
    return G_SOURCE_REMOVE;
}

/* What many calls took stays in the heap's free lists otherwise. */
static void calls_note_end(Calls *calls)
{
    if (++calls->ended_count % TRIM_CALLS == 0 && calls->trim_id == 0)
        calls->trim_id = g_timeout_add_seconds(TRIM_DELAY, on_trim, calls);
}

static void on_changed(Call *call, gpointer data)
{
    Calls *calls = data;

    calls->ops->changed(call, calls->data);
    if (call_state(call) != CALL_CLOSED)
        return;
    if (call_direction(call) == CALL_OUTGOING)
        heard_add(calls->ended, call_remote(call), call_session(call), g_get_monotonic_time());
    calls->ops->ended(call, calls->data);
    g_ptr_array_remove(calls->list, call);
    calls_note_end(calls);
}

static void on_channel(Call *call, CallChannel *channel, CallChannelEvent event, gpointer data)
{
    Calls *calls = data;

    calls->ops->channel(call, channel, event, calls->data);
}

static void on_message(Call *call, CallChannel *channel, MessageKind kind, const guint8 *bytes,
                       gsize length, gpointer data)
{
    Calls *calls = data;

    calls->ops->message(call, channel, kind, bytes, length, calls->data);
}

static const CallOps call_ops = {
    .configure = on_configure,
    .send = on_send,
    .verify = on_verify,
    .connected = on_connected,
    .changed = on_changed,
    .channel = on_channel,
    .message = on_message,
};

/* The call belongs to the list. */
static Call *calls_add(Calls *calls, CallInfo *info)
{
    Call *call;

    info->number = ++calls->last_number;
    call = call_new(info, &call_ops, calls);
    g_ptr_array_add(calls->list, call);
    calls->ops->added(call, calls->data);
    return call;
}

/* For loops that end calls. */
static GPtrArray *calls_snapshot(const Calls *calls)
{
    GPtrArray *copy = g_ptr_array_new_full(calls->list->len, (GDestroyNotify) call_unref);

    for (guint i = 0; i < calls->list->len; i++)
        g_ptr_array_add(copy, call_ref(calls->list->pdata[i]));
    return copy;
}

Call *calls_find(const Calls *calls, guint number)
{
    for (guint i = 0; i < calls->list->len; i++) {
        if (call_number(calls->list->pdata[i]) == number)
            return calls->list->pdata[i];
    }
    return NULL;
}

guint calls_count(const Calls *calls)
{
    return calls->list->len;
}

static bool is_from(const Call *call, const char *from)
{
    return g_strcmp0(call_remote(call), from) == 0;
}

/* ---- outgoing ------------------------------------------------------------- */

static bool calls_may_place(const Calls *calls, const char *peer, GError **error)
{
    const Room *room = calls->room;

    if (room_state(room) == RELAY_DISCONNECTED)
        g_set_error(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED,
                    _("not connected to the relay: %s"), room_problem(room));
    else if (strlen(peer) > FRAME_MAX_NAME)
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                            _("no name is that long"));
    else if (*peer && room_is_for_us(room, peer))
        g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                    _("\"%s\" is this peer itself"), peer);
    else if (*peer && room_is_known(room) && !room_find(room, peer))
        g_set_error(error, PEER_ERROR, PEER_ERROR_NO_SUCH_PEER,
                    _("nobody in the room is called \"%s\""), peer);
    else if (calls->list->len >= calls->limits.calls.max_calls)
        g_set_error(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED,
                    _("there are %u calls already (MaxCalls= in peer.conf)"), calls->list->len);
    else
        return true;
    return false;
}

/*
 * Whose key it must be: the text that was asked for, even if the relay has an
 * id that reads the same. Ids of rtcbus-relay cannot be names; for one of them
 * the relay's word on its name is all there is.
 */
static const char *name_asked(const char *peer, const RoomMember *member)
{
    if (is_random_id(peer))
        return member ? member->name : NULL;
    return *peer ? peer : NULL;
}

Call *calls_place(Calls *calls, const char *peer, const CallOptions *options, GError **error)
{
    char session[RANDOM_ID_LENGTH + 1];
    const RoomMember *member = *peer ? room_find(calls->room, peer) : NULL;
    CallInfo info = {.direction = CALL_OUTGOING,
                     .session = session,
                     .target = member ? member->id : peer,
                     .peer = member ? room_name_of(calls->room, member->id) : peer,
                     .name = name_asked(peer, member),
                     .fingerprint = options->fingerprint,
                     .channel_id = options->channel_id,
                     .timeout = options->timeout * 1000};
    Call *call;

    if (!calls_may_place(calls, peer, error))
        return NULL;
    random_id(session);
    call = calls_add(calls, &info);
    if (room_state(calls->room) == RELAY_CONNECTED)
        call_ring(call, NULL);
    return call;
}

/* Whether FROM is the one that CALL, which awaits an offer, has asked for. */
static bool is_target(const Calls *calls, const Call *call, const char *from)
{
    const char *target = call_target(call);
    const RoomMember *member;

    if (!*target || !from || !room_is_known(calls->room))
        return true;
    member = room_find(calls->room, target);
    return g_strcmp0(target, from) == 0 || (member && g_strcmp0(member->id, from) == 0);
}

/* ---- quotas --------------------------------------------------------------- */

/* Turns the sender away, as kindly as a frame can. One that floods us may wait in vain for
 * it. */
static void send_bye(Calls *calls, const Frame *to, const char *reason)
{
    g_autoptr(Frame) bye = NULL;

    if (!bucket_take(&calls->byes, g_get_monotonic_time(), BYE_INTERVAL, BYE_BURST))
        return;
    bye = frame_new(FRAME_BYE);
    bye->to = g_strdup(to->from);
    bye->session = g_strdup(to->session);
    bye->reason = g_strdup(reason);
    calls->ops->send(bye, calls->data);
}

/* A `call` to everybody is not worth an answer. */
static bool calls_accept(Calls *calls, const Frame *frame)
{
    if (calls->ops->accepts(room_member_name(calls->room, frame->from), calls->data))
        return true;
    log_debug("a call of %s is not taken (Accept=)", frame->from ? frame->from : "somebody");
    if (frame->from && (frame->to || frame->type == FRAME_OFFER))
        send_bye(calls, frame, NULL);
    return false;
}

static bool comes_under_known_name(const Calls *calls, const char *from)
{
    return calls->ops->knows(room_member_name(calls->room, from), calls->data);
}

/* Room for one more incoming call of FRAME's sender; else it is told. */
static bool calls_admit(Calls *calls, const Frame *frame)
{
    Call *gives_way;
    CallPlace place = call_quota_ask(calls->list, &calls->limits.calls, frame->from,
                                     comes_under_known_name(calls, frame->from),
                                     g_get_monotonic_time(), &gives_way);

    if (gives_way)
        call_turn_away(gives_way, CALL_REASON_CROWDED);
    if (place == CALL_PLACE_FREE)
        return true;
    log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_REFUSALS, .source = frame->from),
              _("a call of %s is refused: %s"),
              frame->from ? room_name_of(calls->room, frame->from) : _("a peer without a name"),
              call_place_to_text(place));
    if (frame->from)
        send_bye(calls, frame, FRAME_REASON_BUSY);
    return false;
}

bool calls_have_place(const Calls *calls, const char *fingerprint, GError **error)
{
    CallPlace place = call_quota_ask_key(calls->list, &calls->limits.calls, fingerprint);

    if (place == CALL_PLACE_FREE)
        return true;
    g_set_error(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED, "%s", call_place_to_text(place));
    return false;
}

/* ---- `call` --------------------------------------------------------------- */

/*
 * A foreign client that calls or offers again has forgotten the call before.
 * An anonymous one may be somebody else, so what is connected stays: if its
 * remote is gone, ICE consent will tell (RFC 7675).
 */
static void replace_foreign(Calls *calls, const char *from)
{
    g_autoptr(GPtrArray) all = calls_snapshot(calls);

    for (guint i = 0; i < all->len; i++) {
        Call *call = all->pdata[i];

        if (call_direction(call) == CALL_INCOMING && call_is_foreign(call) &&
            is_from(call, from) && (from || call_is_pending(call)))
            call_end(call, CALL_REASON_REPLACED);
    }
}

static void answer_call(Calls *calls, const Frame *frame)
{
    CallInfo info = {.direction = CALL_INCOMING,
                     .session = frame->session,
                     .remote = frame->from,
                     .peer = room_name_of(calls->room, frame->from),
                     .name = room_member_name(calls->room, frame->from),
                     .channel_id = frame->channel_id,
                     .known_name = comes_under_known_name(calls, frame->from),
                     .timeout = CALL_DEFAULT_TIMEOUT * 1000};

    if (!frame->session)
        replace_foreign(calls, frame->from);
    if (calls_accept(calls, frame) && calls_admit(calls, frame))
        call_make_offer(calls_add(calls, &info));
}

static void on_delayed(const Frame *frame, gpointer data)
{
    answer_call(data, frame);
}

static bool is_listener(const Calls *calls)
{
    for (guint i = 0; i < calls->list->len; i++) {
        if (call_direction(calls->list->pdata[i]) == CALL_OUTGOING)
            return true;
    }
    return false;
}

static Call *find_session(const Calls *calls, const Frame *frame, CallDirection direction)
{
    for (guint i = 0; frame->session && i < calls->list->len; i++) {
        Call *call = calls->list->pdata[i];

        if (call_direction(call) == direction &&
            g_strcmp0(call_session(call), frame->session) == 0 && is_from(call, frame->from))
            return call;
    }
    return NULL;
}

static void receive_call(Calls *calls, const Frame *frame)
{
    if (!frame->to)
        heard_add(calls->heard, frame->from, frame->session, g_get_monotonic_time());
    if (find_session(calls, frame, CALL_INCOMING))
        return; /* it was asked again when we joined */

    if (frame->to || calls->ops->is_emitter(calls->data)) {
        delayed_drop(calls->delayed, frame);
        answer_call(calls, frame);
    } else if (!is_listener(calls)) {
        delayed_add(calls->delayed, frame);
    }
}

/* ---- `offer` -------------------------------------------------------------- */

/* The outgoing call that FRAME, an offer, is for. */
static Call *find_awaiting(const Calls *calls, const Frame *frame)
{
    for (guint i = 0; i < calls->list->len; i++) {
        Call *call = calls->list->pdata[i];

        if (call_awaits_offer(call) && is_target(calls, call, frame->from) &&
            (!frame->session || g_strcmp0(call_session(call), frame->session) == 0))
            return call;
    }
    return NULL;
}

static bool is_our_session(const Calls *calls, const char *session)
{
    for (guint i = 0; session && i < calls->list->len; i++) {
        if (call_direction(calls->list->pdata[i]) == CALL_OUTGOING &&
            g_strcmp0(call_session(calls->list->pdata[i]), session) == 0)
            return true;
    }
    return heard_has_session(calls->ended, session, g_get_monotonic_time());
}

/* FRAME, an offer to everybody, answers somebody else's `call`, if anybody's. */
static void overhear_offer(Calls *calls, const Frame *frame)
{
    gint64 now = g_get_monotonic_time();

    if (frame->session)
        heard_take_session(calls->heard, frame->session, now);
    else if (heard_take_other(calls->heard, frame->from, now))
        delayed_drop_foreign(calls->delayed);
}

static void take_offer(Calls *calls, Call *call, const Frame *frame)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);
    g_autoptr(GPtrArray) early =
        early_take(calls->early, frame->from, frame->session, g_get_monotonic_time());

    call_take_offer(call, frame, room_name_of(calls->room, frame->from),
                    room_member_name(calls->room, frame->from));
    for (guint i = 0; i < early->len && call_state(call) != CALL_CLOSED; i++)
        call_take_candidate(call, early->pdata[i]);
}

/* The same offer again, for a call that has taken it. */
static bool is_repeated_offer(Calls *calls, const Frame *frame)
{
    g_autoptr(GPtrArray) all = calls_snapshot(calls);

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

static void receive_offer(Calls *calls, const Frame *frame)
{
    CallInfo info = {.direction = CALL_INCOMING,
                     .session = frame->session,
                     .remote = frame->from,
                     .peer = room_name_of(calls->room, frame->from),
                     .name = room_member_name(calls->room, frame->from),
                     .known_name = comes_under_known_name(calls, frame->from),
                     .timeout = CALL_DEFAULT_TIMEOUT * 1000};
    Call *call = find_awaiting(calls, frame);

    delayed_drop(calls->delayed, frame);
    if (call) {
        take_offer(calls, call, frame);
    } else if (is_repeated_offer(calls, frame)) {
        log_debug("an offer came once more");
    } else if (is_our_session(calls, frame->session)) {
        /* Somebody else was faster, or the call is over. Through a foreign
         * relay a bye would reach the one who was faster, too. */
        if (frame->from)
            send_bye(calls, frame, NULL);
    } else if (!frame->to) {
        overhear_offer(calls, frame);
        log_debug("an offer to nobody in particular is left alone: we have not asked for one");
    } else {
        if (!frame->session)
            replace_foreign(calls, frame->from);
        if (calls_accept(calls, frame) && calls_admit(calls, frame))
            take_offer(calls, calls_add(calls, &info), frame);
    }
}

/* ---- `answer`, `candidate`, `bye` ----------------------------------------- */

/* Newest first: an older one of the same sender is as good as replaced. */
static Call *find_foreign(const Calls *calls, const Frame *frame, bool pending)
{
    for (guint i = calls->list->len; i > 0; i--) {
        Call *call = calls->list->pdata[i - 1];

        if (!call_is_foreign(call) || !is_from(call, frame->from) || call_awaits_offer(call) ||
            call_is_pending(call) != pending)
            continue;
        if (frame->type != FRAME_ANSWER || call_awaits_answer(call))
            return call;
    }
    return NULL;
}

static Call *find_call(const Calls *calls, const Frame *frame)
{
    Call *call;

    if (!frame->session) {
        call = find_foreign(calls, frame, true);
        return call ? call : find_foreign(calls, frame, false);
    }
    call = find_session(calls, frame, CALL_INCOMING);
    return call ? call : find_session(calls, frame, CALL_OUTGOING);
}

static void receive_answer(Calls *calls, const Frame *frame)
{
    Call *call = find_call(calls, frame);

    delayed_drop(calls->delayed, frame);
    if (call)
        call_take_answer(call, frame);
    else
        log_debug("an answer that belongs to no call");
}

static void receive_candidate(Calls *calls, const Frame *frame)
{
    gint64 now = g_get_monotonic_time();
    Call *call = find_call(calls, frame);

    if (call && !call_awaits_offer(call))
        call_take_candidate(call, frame);
    else if (frame->to || !heard_has_session(calls->heard, frame->session, now))
        early_keep(calls->early, frame, now);
}

/* The outgoing call to exactly this remote that has not been answered yet. */
static Call *find_refused(const Calls *calls, const Frame *frame)
{
    Call *call = frame->session ? find_awaiting(calls, frame) : NULL;

    return call && *call_target(call) ? call : NULL;
}

static void receive_bye(Calls *calls, const Frame *frame)
{
    g_autoptr(GPtrArray) early G_GNUC_UNUSED =
        early_take(calls->early, frame->from, frame->session, g_get_monotonic_time());
    Call *call = find_call(calls, frame);
    bool waiting = !call || call_awaits_offer(call);

    delayed_drop(calls->delayed, frame);
    if (waiting)
        call = find_refused(calls, frame);
    if (!call)
        return;
    if (g_strcmp0(frame->reason, FRAME_REASON_UNTRUSTED) == 0)
        call_end(call, CALL_REASON_UNTRUSTED);
    else if (g_strcmp0(frame->reason, FRAME_REASON_BUSY) == 0)
        call_end(call, CALL_REASON_BUSY);
    else
        call_end(call, waiting ? CALL_REASON_REFUSED : CALL_REASON_REMOTE_HANGUP);
}

bool calls_expect(const Calls *calls, const Frame *frame)
{
    return find_call(calls, frame) || find_awaiting(calls, frame);
}

void calls_receive(Calls *calls, const Frame *frame)
{
    if (!room_is_for_us(calls->room, frame->to)) {
        delayed_drop(calls->delayed, frame);
        return;
    }
    switch (frame->type) {
    case FRAME_CALL:
        receive_call(calls, frame);
        break;
    case FRAME_OFFER:
        receive_offer(calls, frame);
        break;
    case FRAME_ANSWER:
        receive_answer(calls, frame);
        break;
    case FRAME_CANDIDATE:
        receive_candidate(calls, frame);
        break;
    case FRAME_BYE:
        receive_bye(calls, frame);
        break;
    default:
        break;
    }
}

/* ---- relay and room ------------------------------------------------------- */

static void ring_waiting(Calls *calls)
{
    g_autoptr(GPtrArray) all = calls_snapshot(calls);

    for (guint i = 0; i < all->len; i++) {
        Call *call = all->pdata[i];
        const char *target = call_target(call);

        if (!call_awaits_offer(call))
            continue;
        if (*target && room_is_known(calls->room) && !room_find(calls->room, target))
            call_end(call, CALL_REASON_NO_SUCH_PEER);
        else
            call_ring(call, NULL);
    }
}

/* What is connected needs no relay; what is not has lost frames. */
static void end_pending(Calls *calls)
{
    g_autoptr(GPtrArray) all = calls_snapshot(calls);
    g_autofree char *reason =
        g_strdup_printf("%s: %s", CALL_REASON_RELAY, room_problem(calls->room));

    delayed_drop_all(calls->delayed, NULL);
    for (guint i = 0; i < all->len; i++) {
        if (call_is_pending(all->pdata[i]))
            call_end(all->pdata[i], reason);
    }
}

void calls_relay_changed(Calls *calls)
{
    if (room_state(calls->room) == RELAY_CONNECTED)
        ring_waiting(calls);
    else if (room_state(calls->room) == RELAY_DISCONNECTED)
        end_pending(calls);
}

void calls_peer_joined(Calls *calls, const char *id)
{
    g_autoptr(GPtrArray) all = calls_snapshot(calls);

    for (guint i = 0; i < all->len; i++) {
        if (call_awaits_offer(all->pdata[i]) && !*call_target(all->pdata[i]))
            call_ring(all->pdata[i], id);
    }
}

/* ID is out of reach: what has not been connected with it never will be. */
static void end_pending_with(Calls *calls, const char *id, const char *reason)
{
    g_autoptr(GPtrArray) all = calls_snapshot(calls);

    for (guint i = 0; i < all->len; i++) {
        Call *call = all->pdata[i];

        if (call_is_pending(call) &&
            (is_from(call, id) || g_strcmp0(call_target(call), id) == 0))
            call_end(call, reason);
        else if (is_from(call, id))
            log_debug("call %u goes on without its remote in the room", call_number(call));
    }
}

void calls_peer_left(Calls *calls, const char *id)
{
    delayed_drop_all(calls->delayed, id);
    end_pending_with(calls, id, CALL_REASON_LEFT);
}

void calls_no_such_peer(Calls *calls, const char *to)
{
    end_pending_with(calls, to, CALL_REASON_NO_SUCH_PEER);
}

void calls_hang_up_all(Calls *calls, const char *reason)
{
    g_autoptr(GPtrArray) all = calls_snapshot(calls);

    for (guint i = 0; i < all->len; i++)
        call_hang_up(all->pdata[i], reason);
}

/* ---- the object ----------------------------------------------------------- */

Calls *calls_new(const Room *room, const CallsLimits *limits, const CallsOps *ops, gpointer data)
{
    Calls *calls = g_new0(Calls, 1);

    calls->room = room;
    calls->limits = *limits;
    calls->ops = ops;
    calls->data = data;
    calls->list = g_ptr_array_new_with_free_func((GDestroyNotify) call_unref);
    calls->delayed = delayed_new(on_delayed, calls);
    calls->early = early_new(limits->max_early);
    calls->heard = heard_new();
    calls->ended = heard_new();
    return calls;
}

void calls_free(Calls *calls)
{
    if (!calls)
        return;
    calls_hang_up_all(calls, CALL_REASON_STOPPED);
    g_clear_handle_id(&calls->trim_id, g_source_remove);
    delayed_free(calls->delayed);
    g_ptr_array_unref(calls->list);
    early_free(calls->early);
    heard_free(calls->heard);
    heard_free(calls->ended);
    g_free(calls);
}

void calls_set_limits(Calls *calls, const CallsLimits *limits)
{
    calls->limits = *limits;
    early_set_limit(calls->early, limits->max_early);
}
