/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/calls.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/bucket.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory-trim.h"
#include "common/random-id.h"
#include "common/random.h"
#include "common/suggestion.h"
#include "peer/call/sender-budgets.h"
#include "peer/error.h"

/* How often a refusal is told: so many at once, then one in so many µs. Peers whose names we know
 * have as many as all others, and each sender has a share: the latter are kept in a fixed number of
 * buckets, of which two senders may have one in common. */
enum {
    BYE_BURST = 1024,
    BYE_INTERVAL = 20000,
    SENDER_BYE_BURST = 128,
    SENDER_BYE_INTERVAL = 160000,
    SENDER_BYES = 1 << 10,
};

/* After so many calls have ended, and then none for so many seconds, memory is given back. */
enum { TRIM_CALLS = 32, TRIM_DELAY = 5 };

struct Calls {
    const Room *room;
    CallLimits limits;
    const CallsOps *ops;
    CallUser user;
    GPtrArray *list;      /* of Call, in order of their numbers */
    GHashTable *sessions; /* session → GPtrArray of Call, in the same order */
    GPtrArray *none;      /* always empty */
    guint last_number;
    SenderBudgets *budgets; /* of connectivity checks */
    Bucket byes[2];         /* of peers whose names are unknown, and known */
    Bucket sender_byes[2][SENDER_BYES];
    guint32 seed;          /* of which sender has which */
    guint past, trim_past; /* begun and ended; when the timer was last looked at */
    guint trim_id;
};

/* ---- the list ------------------------------------------------------------- */

static gboolean on_trim(gpointer data)
{
    Calls *calls = data;

    if (calls->trim_past != calls->past) {
        calls->trim_past = calls->past;
        return G_SOURCE_CONTINUE;
    }
    calls->trim_id = 0;
    calls->past = calls->trim_past = 0;
    memory_trim();
    return G_SOURCE_REMOVE;
}

/* What the set-up of many calls took, or the calls, stays in the heap's free lists otherwise. */
static void note_past(Calls *calls)
{
    if (++calls->past >= TRIM_CALLS && calls->trim_id == 0)
        calls->trim_id = clock_timer_add_seconds(TRIM_DELAY, on_trim, calls);
}

static void sessions_add(Calls *calls, Call *call)
{
    const char *session = call_session(call);
    GPtrArray *same = session ? g_hash_table_lookup(calls->sessions, session) : NULL;

    if (!session)
        return;
    if (!same) {
        same = g_ptr_array_new();
        g_hash_table_insert(calls->sessions, g_strdup(session), same);
    }
    g_ptr_array_add(same, call);
}

static void sessions_remove(Calls *calls, Call *call)
{
    const char *session = call_session(call);
    GPtrArray *same = session ? g_hash_table_lookup(calls->sessions, session) : NULL;

    if (same && g_ptr_array_remove(same, call) && same->len == 0)
        g_hash_table_remove(calls->sessions, session);
}

/* The call belongs to the list. */
static Call *calls_add(Calls *calls, CallInfo *info)
{
    Call *call;

    info->number = ++calls->last_number;
    call = call_new(info, &calls->user);
    g_ptr_array_add(calls->list, call);
    sessions_add(calls, call);
    note_past(calls);
    calls->ops->added(call, calls->user.data);
    return call;
}

void calls_remove(Calls *calls, Call *call)
{
    sessions_remove(calls, call);
    g_ptr_array_remove(calls->list, call);
    note_past(calls);
}

const GPtrArray *calls_list(const Calls *calls)
{
    return calls->list;
}

const GPtrArray *calls_of_frame(const Calls *calls, const Frame *frame)
{
    const GPtrArray *same;

    if (!frame->session)
        return calls->list;
    same = g_hash_table_lookup(calls->sessions, frame->session);
    return same ? same : calls->none;
}

GPtrArray *calls_snapshot(const Calls *calls)
{
    GPtrArray *copy = g_ptr_array_new_full(calls->list->len, (GDestroyNotify) call_unref);

    for (guint i = 0; i < calls->list->len; i++)
        g_ptr_array_add(copy, call_ref(calls->list->pdata[i]));
    return copy;
}

Call *calls_find(const Calls *calls, guint number)
{
    guint first = 0, end = calls->list->len;

    while (first < end) {
        guint middle = first + (end - first) / 2;
        Call *call = calls->list->pdata[middle];

        if (call_number(call) == number)
            return call;
        if (call_number(call) < number)
            first = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

guint calls_count(const Calls *calls)
{
    return calls->list->len;
}

void calls_hang_up_all(Calls *calls, const char *reason)
{
    g_autoptr(GPtrArray) all = calls_snapshot(calls);

    for (guint i = 0; i < all->len; i++)
        call_hang_up(all->pdata[i], reason);
}

bool calls_locate(const Calls *calls, const Call *call, const char **to)
{
    const CallIdentity *identity = call_identity(call);
    const char *name = identity->claimed ? identity->claimed : identity->asked;
    const RoomMember *member;

    *to = identity->id;
    if (room_state(calls->room) != RELAY_CONNECTED)
        return false;
    if (!room_is_known(calls->room) || (identity->id && room_has(calls->room, identity->id)))
        return true;
    member = name ? room_find(calls->room, name) : NULL;
    *to = member ? member->id : NULL;
    return member != NULL;
}

void calls_note_connected(Calls *calls, Call *call)
{
    g_autoptr(GPtrArray) older = g_ptr_array_new_with_free_func((GDestroyNotify) call_unref);
    const char *key = call_fingerprint(call);

    /* One that a program carries has no place in the room to compare. */
    for (guint i = 0; key && call_remote(call) && i < calls->list->len; i++) {
        Call *other = calls->list->pdata[i];

        if (call_number(other) < call_number(call) &&
            g_strcmp0(call_fingerprint(other), key) == 0 && call_remote(other) &&
            g_strcmp0(call_remote(other), call_remote(call)) != 0)
            g_ptr_array_add(older, call_ref(other));
    }
    for (guint i = 0; i < older->len; i++)
        call_note_replaced(older->pdata[i]);
}

void calls_charge(Calls *calls, const Call *call, ConnectionConfig *config)
{
    if (call_direction(call) == CALL_OUTGOING)
        return;
    config->uninvited = true;
    config->check_budget =
        sender_budgets_find(calls->budgets, call_remote(call), clock_monotonic());
    check_budget_set_stranger(config->check_budget, call_is_stranger(call));
}

/* ---- outgoing ------------------------------------------------------------- */

static bool calls_have_room(const Calls *calls, bool for_everybody, GError **error)
{
    if (call_quota_may_place(calls->list, &calls->limits, for_everybody))
        return true;
    g_set_error(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED,
                _("there are %u calls already (MaxCalls= in peer.conf)"), calls->list->len);
    return false;
}

static void set_nobody(const Room *room, const char *peer, GError **error)
{
    const GPtrArray *members = room_members(room);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *meant;

    for (guint i = 0; i < members->len; i++) {
        const RoomMember *member = members->pdata[i];

        if (member->name)
            g_ptr_array_add(names, member->name);
    }
    meant = suggestion_find(peer, (const char *const *) names->pdata, names->len);
    if (meant)
        g_set_error(error, PEER_ERROR, PEER_ERROR_NO_SUCH_PEER,
                    _("nobody in the room is called \"%s\"; is \"%s\" meant?"), peer, meant);
    else if (members->len == 0)
        g_set_error(error, PEER_ERROR, PEER_ERROR_NO_SUCH_PEER,
                    _("nobody in the room is called \"%s\": no others are there, and peers meet at "
                      "the same relay and in the same room (URL= in peer.conf)"),
                    peer);
    else
        g_set_error(
            error, PEER_ERROR, PEER_ERROR_NO_SUCH_PEER,
            _("nobody in the room is called \"%s\"; \"rtcbusctl peers\" tells who is there"), peer);
}

static bool calls_may_place(const Calls *calls, const char *peer, bool for_everybody,
                            GError **error)
{
    const Room *room = calls->room;

    if (room_state(room) == RELAY_DISCONNECTED)
        g_set_error(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED,
                    _("not connected to the relay: %s"), room_problem(room));
    else if (strlen(peer) > FRAME_MAX_NAME)
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                            _("no name is that long"));
    else if (*peer && room_is_for_us(room, peer))
        g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT, _("\"%s\" is this peer itself"),
                    peer);
    else if (*peer && room_is_known(room) && !room_find(room, peer))
        set_nobody(room, peer, error);
    else
        return calls_have_room(calls, for_everybody, error);
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

/* A call that asked for no name is with whoever has come, under whatever name: it is a call to
 * NAME, if a key is known for that, only with this key. */
static bool may_be(const Calls *calls, const Call *call, const char *name)
{
    if (!name || !calls->user.guard->knows(name, calls->user.guard_data))
        return true;
    return call_trust(call) == TRUST_KNOWN && strcmp(call_peer(call), name) == 0;
}

/* Where the same name or id was asked for, or whoever it is now answers it. */
static bool is_to(const Calls *calls, const Call *call, const char *peer, const RoomMember *member)
{
    const char *asked = call_identity(call)->asked, *name = name_asked(peer, member);
    const char *id = member ? member->id : NULL;

    if (!*peer)
        return !*call_target(call);
    if (g_strcmp0(asked, peer) == 0 || strcmp(call_target(call), peer) == 0)
        return true;
    if (!id || (g_strcmp0(call_remote(call), id) != 0 && strcmp(call_target(call), id) != 0))
        return false;
    return g_strcmp0(asked, name) == 0 || may_be(calls, call, name);
}

static bool may_be_used(const Call *call)
{
    return call_direction(call) == CALL_OUTGOING && call_state(call) != CALL_CLOSED &&
           !call_is_ending(call) && !call_is_carried(call) && !call_is_gone(call);
}

Call *calls_find_to(const Calls *calls, const char *peer)
{
    const RoomMember *member = *peer ? room_find(calls->room, peer) : NULL;
    Call *found = NULL;

    for (guint i = 0; i < calls->list->len; i++) {
        Call *call = calls->list->pdata[i];

        if (!is_to(calls, call, peer, member) || !may_be_used(call))
            continue;
        if (call_state(call) == CALL_CONNECTED)
            return call;
        if (!found)
            found = call;
    }
    return found;
}

/* The call that there is, unless it may be with another key than the one that is wanted. */
static Call *find_existing(const Calls *calls, const char *peer, const CallOptions *options)
{
    Call *call = options->another ? NULL : calls_find_to(calls, peer);

    if (!call || !options->fingerprint || g_strcmp0(options->fingerprint, call_wanted(call)) == 0 ||
        g_strcmp0(options->fingerprint, call_fingerprint(call)) == 0)
        return call;
    return NULL;
}

Call *calls_place(Calls *calls, const char *peer, const CallOptions *options, GError **error)
{
    char session[RANDOM_ID_LENGTH + 1];
    const RoomMember *member = *peer ? room_find(calls->room, peer) : NULL;
    CallInfo info = {.direction = CALL_OUTGOING,
                     .session = session,
                     .target = member ? member->id : peer,
                     .asked = name_asked(peer, member),
                     .shown = member ? room_name_of(calls->room, member->id) : peer,
                     .fingerprint = options->fingerprint,
                     .for_everybody = options->for_everybody,
                     .channel_id = options->channel_id,
                     .timeout = options->timeout * 1000};
    Call *call = find_existing(calls, peer, options);

    if (call)
        return call;
    if (!calls_may_place(calls, peer, options->for_everybody, error))
        return NULL;
    random_id(session);
    call = calls_add(calls, &info);
    if (room_state(calls->room) == RELAY_CONNECTED)
        call_ring(call, NULL);
    return call;
}

/* Room for one more that PROGRAM carries */
static bool calls_make_place(Calls *calls, const char *program, GError **error)
{
    Call *gives_way;
    CallPlace place = call_quota_ask_carried(calls->list, &calls->limits, program, &gives_way);

    if (gives_way)
        call_turn_away(gives_way, CALL_REASON_CROWDED);
    if (place == CALL_PLACE_FREE)
        return true;
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED, call_place_to_text(place));
    return false;
}

Call *calls_create(Calls *calls, const CarriedCallOptions *options, GError **error)
{
    CallInfo info = {.direction = CALL_OUTGOING,
                     .carried = true,
                     .program = options->program,
                     .bare = options->bare || options->stepwise,
                     .stepwise = options->stepwise,
                     .certificate = options->certificate,
                     .ice_servers = options->ice_servers,
                     .relay_only = options->relay_only,
                     .asked = *options->name ? options->name : NULL,
                     .shown = options->name,
                     .fingerprint = options->fingerprint,
                     .timeout = options->stepwise ? 0 : CALL_CARRIED_TIMEOUT * 1000};

    if (strlen(options->name) > FRAME_MAX_NAME) {
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                            _("no name is that long"));
        return NULL;
    }
    return calls_make_place(calls, options->program, error) ? calls_add(calls, &info) : NULL;
}

/* ---- incoming ------------------------------------------------------------- */

static bool may_say_bye(Calls *calls, const char *to)
{
    const char *name = room_member_name(calls->room, to);
    bool known = calls->user.guard->knows(name, calls->user.guard_data);
    guint place = (guint32) (g_str_hash(to) * (calls->seed | 1)) >> 22;
    gint64 now = clock_monotonic();

    return bucket_take(&calls->sender_byes[known][place], now, SENDER_BYE_INTERVAL,
                       SENDER_BYE_BURST) &&
           bucket_take(&calls->byes[known], now, BYE_INTERVAL, BYE_BURST);
}

void calls_say_bye(Calls *calls, const Frame *frame, const char *reason)
{
    g_autoptr(Frame) bye = NULL;

    /* Through a foreign relay it would reach everybody. */
    if (!frame->from || !may_say_bye(calls, frame->from))
        return;
    bye = frame_new(FRAME_BYE);
    bye->to = g_strdup(frame->from);
    bye->session = g_strdup(frame->session);
    bye->reason = g_strdup(reason);
    calls->user.ops->send(bye, calls->user.data);
}

/* A `call` to everybody is not worth an answer. */
static bool calls_accept(Calls *calls, const Frame *frame, const char *name)
{
    if (calls->user.guard->accepts(name, calls->user.guard_data))
        return true;
    log_debug("a call of %s is not taken (Accept=)", frame->from ? frame->from : "somebody");
    if (frame->to || frame->type == FRAME_OFFER)
        calls_say_bye(calls, frame, NULL);
    return false;
}

/* Room for one more of FRAME's sender, who comes under a name that we know, or not. */
static bool calls_make_room(Calls *calls, const Frame *frame, bool known)
{
    Call *gives_way;
    CallPlace place = call_quota_ask(calls->list, &calls->limits, frame->from, known,
                                     clock_monotonic(), &gives_way);

    if (gives_way)
        call_turn_away(gives_way, CALL_REASON_CROWDED);
    if (place == CALL_PLACE_FREE)
        return true;
    log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_REFUSALS, .source = frame->from),
              _("a call of %s is refused: %s"),
              frame->from ? room_name_of(calls->room, frame->from) : _("a peer without a name"),
              call_place_to_text(place));
    calls_say_bye(calls, frame, FRAME_REASON_BUSY);
    return false;
}

Call *calls_admit(Calls *calls, const Frame *frame)
{
    const char *name = room_member_name(calls->room, frame->from);
    CallInfo info = {.direction = CALL_INCOMING,
                     .session = frame->session,
                     .id = frame->from,
                     .claimed = name,
                     .shown = room_name_of(calls->room, frame->from),
                     .known_name = calls->user.guard->knows(name, calls->user.guard_data),
                     .channel_id = frame->channel_id,
                     .timeout = CALL_INCOMING_TIMEOUT * 1000};

    if (!calls_accept(calls, frame, name) || !calls_make_room(calls, frame, info.known_name))
        return NULL;
    return calls_add(calls, &info);
}

bool calls_have_place(const Calls *calls, const char *fingerprint, GError **error)
{
    CallPlace place = call_quota_ask_key(calls->list, &calls->limits, fingerprint);

    if (place == CALL_PLACE_FREE)
        return true;
    g_set_error(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED, "%s", call_place_to_text(place));
    return false;
}

/* ---- the object ----------------------------------------------------------- */

Calls *calls_new(const Room *room, const CallLimits *limits, const CallsOps *ops,
                 const CallUser *user)
{
    Calls *calls = g_new0(Calls, 1);

    calls->room = room;
    calls->limits = *limits;
    calls->ops = ops;
    calls->user = *user;
    calls->list = g_ptr_array_new_with_free_func((GDestroyNotify) call_unref);
    calls->sessions =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
    calls->none = g_ptr_array_new();
    calls->budgets = sender_budgets_new();
    random_bytes(&calls->seed, sizeof calls->seed);
    return calls;
}

void calls_free(Calls *calls)
{
    if (!calls)
        return;
    g_warn_if_fail(calls->list->len == 0);
    g_clear_handle_id(&calls->trim_id, g_source_remove);
    g_hash_table_unref(calls->sessions);
    g_ptr_array_unref(calls->none);
    g_ptr_array_unref(calls->list);
    sender_budgets_free(calls->budgets);
    g_free(calls);
}

void calls_set_limits(Calls *calls, const CallLimits *limits)
{
    calls->limits = *limits;
}
