/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/kept-calls.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/clock.h"
#include "common/printable.h"
#include "common/random-id.h"
#include "common/random.h"
#include "peer/call/keeper.h"
#include "peer/call/kept-list.h"
#include "peer/error.h"

/* Many kept calls change at once. What changes within TELL_DELAY milliseconds is told of together;
 * within more if they are very many, for all of them are told of each time: TELL_USEC each. */
enum { TELL_DELAY = 100, TELL_USEC = 400 };

struct KeptCalls {
    Calls *calls;
    const Room *room;
    const KeptCallsOps *ops;
    gpointer data;
    Keeper *keeper;
    KeptList *list;
    char **configured, **forwarded;
    char *own_id; /* in the room that the keeper has heard of; NULL: none */
    bool placing; /* what begins is the keeper's own */
    guint turn_id, tell_id;
};

/* ---- what the keeper asks for --------------------------------------------- */

static guint on_place(const char *name, bool named, bool *connected, GError **error, gpointer data)
{
    KeptCalls *kept = data;
    CallOptions options = {.timeout = CALL_DEFAULT_TIMEOUT, .for_everybody = !named};
    Call *call;

    kept->placing = true;
    call = calls_place(kept->calls, name, &options, error);
    kept->placing = false;
    if (!call)
        return 0;
    *connected = call_state(call) == CALL_CONNECTED;
    return call_number(call);
}

static void on_end(guint number, gpointer data)
{
    KeptCalls *kept = data;
    Call *call = calls_find(kept->calls, number);

    if (call)
        call_hang_up_when_sent(call, CALL_REASON_HANGUP);
}

static gboolean on_tell(gpointer data)
{
    KeptCalls *kept = data;

    kept->tell_id = 0;
    kept->ops->changed(kept->data);
    return G_SOURCE_REMOVE;
}

static guint tell_delay(const KeptCalls *kept)
{
    return MAX(TELL_DELAY, keeper_count(kept->keeper) * TELL_USEC / 1000);
}

static void on_changed(gpointer data)
{
    KeptCalls *kept = data;

    if (kept->tell_id == 0)
        kept->tell_id = clock_timer_add(tell_delay(kept), on_tell, kept);
}

static gboolean on_turn(gpointer data)
{
    KeptCalls *kept = data;

    kept->turn_id = 0;
    keeper_turn(kept->keeper, clock_monotonic());
    return G_SOURCE_REMOVE;
}

static void on_wake(gint64 at, gpointer data)
{
    KeptCalls *kept = data;
    gint64 wait;

    g_clear_handle_id(&kept->turn_id, g_source_remove);
    if (at == G_MAXINT64)
        return;
    wait = MAX(at - clock_monotonic(), 0);
    kept->turn_id = clock_timer_add((guint) ((wait + 999) / 1000), on_turn, kept);
}

static guint32 on_chance(guint32 bound, gpointer data)
{
    return random_below(bound);
}

static const KeeperOps keeper_ops = {
    .place = on_place,
    .end = on_end,
    .changed = on_changed,
    .wake = on_wake,
    .chance = on_chance,
};

/* ---- who is kept ------------------------------------------------------------ */

static void add_names(GPtrArray *all, const char *const *names)
{
    for (; *names; names++)
        g_ptr_array_add(all, (gpointer) *names);
}

/* What a person has just asked for is told at once. */
static void apply_names(KeptCalls *kept)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();

    add_names(all, (const char *const *) kept->configured);
    add_names(all, (const char *const *) kept->forwarded);
    add_names(all, kept_list_names(kept->list));
    g_ptr_array_add(all, NULL);
    keeper_set_names(kept->keeper, (const char *const *) all->pdata, clock_monotonic());
    g_clear_handle_id(&kept->tell_id, g_source_remove);
    kept->ops->changed(kept->data);
}

static void set_names(char ***place, const char *const *names)
{
    char **copy = g_strdupv((char **) names);

    g_strfreev(*place);
    *place = copy;
}

void kept_calls_load(KeptCalls *kept)
{
    kept_list_load(kept->list);
    apply_names(kept);
}

void kept_calls_set_configured(KeptCalls *kept, const char *const *configured)
{
    set_names(&kept->configured, configured);
    apply_names(kept);
}

void kept_calls_set_forwarded(KeptCalls *kept, const char *const *forwarded)
{
    set_names(&kept->forwarded, forwarded);
    apply_names(kept);
}

void kept_calls_set_max_calls(KeptCalls *kept, guint max_calls)
{
    keeper_set_max_everybody(kept->keeper, MAX(max_calls / 2, 1), clock_monotonic());
}

/* An id is of one connection to the relay, and a name is for ever. */
static const char *name_to_keep(const KeptCalls *kept, const char *peer, GError **error)
{
    const char *name = is_random_id(peer) ? room_member_name(kept->room, peer) : peer;

    if (name && *name && strlen(name) <= FRAME_MAX_NAME && is_printable(name))
        return name;
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                        _("a peer is kept by its name, and this one has none, or it is no name"));
    return NULL;
}

bool kept_calls_keep(KeptCalls *kept, const char *peer, GError **error)
{
    const char *name = name_to_keep(kept, peer, error);

    if (!name || !kept_list_add(kept->list, name, error))
        return false;
    apply_names(kept);
    keeper_retry(kept->keeper, name, clock_monotonic());
    return true;
}

static bool may_unkeep(const KeptCalls *kept, const char *name, GError **error)
{
    const char *const *configured = (const char *const *) kept->configured;
    bool everybody = g_strv_contains(configured, KEEPER_EVERYBODY);

    if (g_strv_contains(configured, name))
        g_set_error(error, PEER_ERROR, PEER_ERROR_DENIED,
                    _("%s is in [Calls] Keep= of peer.conf, and kept as long as it is there"),
                    name);
    else if (g_strv_contains((const char *const *) kept->forwarded, name))
        g_set_error(error, PEER_ERROR, PEER_ERROR_DENIED,
                    _("a file in forwards.d leads to %s, which is kept as long as it is there"),
                    name);
    else if (everybody && keeper_keeps(kept->keeper, name))
        g_set_error(error, PEER_ERROR, PEER_ERROR_DENIED,
                    _("[Calls] Keep=* of peer.conf keeps everybody, and %s with them"), name);
    else if (kept_list_has(kept->list, name))
        return true;
    else if (keeper_keeps(kept->keeper, name))
        g_set_error(error, PEER_ERROR, PEER_ERROR_DENIED,
                    _("everybody is kept, and %s with them: \"rtcbusctl unkeep '*'\" ends that"),
                    name);
    else
        g_set_error(error, PEER_ERROR, PEER_ERROR_NO_SUCH_PEER,
                    _("%s is not kept; \"rtcbusctl keep\" lists who is"), name);
    return false;
}

bool kept_calls_unkeep(KeptCalls *kept, const char *peer, GError **error)
{
    const char *known = room_member_name(kept->room, peer);
    g_autofree char *name = g_strdup(known ? known : peer);

    if (!may_unkeep(kept, name, error) || !kept_list_remove(kept->list, name, error))
        return false;
    apply_names(kept);
    return true;
}

/* ---- the room ------------------------------------------------------------- */

/* All who have a name. Transfer container. */
static const char **names_present(const Room *room)
{
    const GPtrArray *members = room_members(room);
    GPtrArray *names = g_ptr_array_new();

    for (guint i = 0; i < members->len; i++) {
        const RoomMember *member = members->pdata[i];

        if (member->name)
            g_ptr_array_add(names, member->name);
    }
    g_ptr_array_add(names, NULL);
    return (const char **) g_ptr_array_free(names, FALSE);
}

/* It is also another when only our name is; then everybody is still there. */
void kept_calls_room_changed(KeptCalls *kept)
{
    bool connected = room_state(kept->room) == RELAY_CONNECTED;
    const char *own_id = connected ? room_own_id(kept->room) : NULL;
    g_autofree const char **names = NULL;
    KeeperRoom room = own_id      ? KEEPER_ROOM_KNOWN
                      : connected ? KEEPER_ROOM_NAMELESS
                                  : KEEPER_ROOM_NONE;

    if (own_id && g_strcmp0(own_id, kept->own_id) == 0)
        return;
    g_free(kept->own_id);
    kept->own_id = g_strdup(own_id);
    names = names_present(kept->room);
    keeper_set_room(kept->keeper, room, names, clock_monotonic());
}

void kept_calls_joined(KeptCalls *kept, const char *id)
{
    const char *name = room_member_name(kept->room, id);

    if (name)
        keeper_joined(kept->keeper, name, clock_monotonic());
}

void kept_calls_leaving(KeptCalls *kept, const char *id)
{
    const char *name = room_member_name(kept->room, id);

    if (name)
        keeper_left(kept->keeper, name, clock_monotonic());
}

void kept_calls_stop(KeptCalls *kept)
{
    keeper_set_room(kept->keeper, KEEPER_ROOM_NONE, NULL, clock_monotonic());
}

/* ---- calls ---------------------------------------------------------------- */

/* The name under which the keeper hears of a call */
static const char *name_of(const Call *call)
{
    const char *asked = call_identity(call)->asked;

    return asked ? asked : call_target(call);
}

void kept_calls_call_added(KeptCalls *kept, const Call *call)
{
    if (!kept->placing && call_direction(call) == CALL_OUTGOING && !call_is_carried(call))
        keeper_call_began(kept->keeper, name_of(call), call_number(call), clock_monotonic());
}

/* The one who is there now is called at once, and shows by its key that it is the same. */
static void note_gone(KeptCalls *kept, const Call *call)
{
    g_autofree char *name = g_strdup(name_of(call));

    keeper_call_ended(kept->keeper, call_number(call), KEEPER_END_LOST, CALL_REASON_GONE,
                      clock_monotonic());
    keeper_retry(kept->keeper, name, clock_monotonic());
}

void kept_calls_call_changed(KeptCalls *kept, const Call *call)
{
    if (call_is_gone(call))
        note_gone(kept, call);
    else if (call_state(call) == CALL_CONNECTED)
        keeper_call_connected(kept->keeper, call_number(call), clock_monotonic());
    else if (call_state(call) == CALL_RECONNECTING)
        keeper_call_reconnecting(kept->keeper, call_number(call), clock_monotonic());
}

void kept_calls_call_ended(KeptCalls *kept, const Call *call)
{
    keeper_call_ended(kept->keeper, call_number(call),
                      call_was_refused(call) ? KEEPER_END_REFUSED : KEEPER_END_LOST,
                      call_reason(call), clock_monotonic());
}

void kept_calls_retry(KeptCalls *kept, const char *name)
{
    if (name)
        keeper_retry(kept->keeper, name, clock_monotonic());
    else
        keeper_retry_all(kept->keeper, clock_monotonic());
}

/* ---- what people see ---------------------------------------------------------- */

static char *time_text(gint64 real, const char *format)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(real / G_USEC_PER_SEC);

    return time ? g_date_time_format(time, format) : g_strdup("?");
}

static char *connected_words(const KeptCalls *kept, guint number)
{
    const Call *call = calls_find(kept->calls, number);
    g_autofree char *since = time_text(call ? (gint64) call_connected_at(call) : 0, "%F %T");

    return g_strdup_printf(_("since %s"), since);
}

/* The time of the next try is rounded up. */
static char *resting_words(const KeptReport *report)
{
    gint64 real = clock_wall() + report->due - clock_monotonic() + G_USEC_PER_SEC - 1;
    g_autofree char *next = time_text(real, "%T");
    g_autofree char *reason = printable(report->reason);

    return g_strdup_printf(_("%s; it is called again at %s"), reason, next);
}

static char *offline_words(const KeptCalls *kept)
{
    const char *problem = room_problem(kept->room);

    return *problem ? g_strdup_printf(_("waits for the relay: %s"), problem)
                    : g_strdup(_("waits for the relay"));
}

static char *report_words(const KeptCalls *kept, const KeptReport *report)
{
    switch (report->state) {
    case KEPT_OFFLINE:
        return offline_words(kept);
    case KEPT_ABSENT:
        return g_strdup(_("waits for it to join the room"));
    case KEPT_QUEUED:
        return g_strdup(_("waits for its turn"));
    case KEPT_CALLING:
        return g_strdup(_("waits for the answer"));
    case KEPT_CONNECTED:
        return connected_words(kept, report->call);
    case KEPT_RECONNECTING:
        return g_strdup(_("waits for it to be heard again"));
    case KEPT_RESTING:
    case KEPT_REFUSED:
        return resting_words(report);
    }
    return g_strdup("");
}

void kept_call_report_clear(KeptCallReport *report)
{
    g_free(report->words);
}

guint kept_calls_count(const KeptCalls *kept)
{
    return keeper_count(kept->keeper);
}

KeptCallReport kept_calls_report(const KeptCalls *kept, guint i)
{
    KeptReport report = keeper_report(kept->keeper, i);

    return (KeptCallReport){.name = report.name,
                            .state = kept_state_to_string(report.state),
                            .words = report_words(kept, &report)};
}

const char *kept_calls_problem(const KeptCalls *kept)
{
    return kept_list_problem(kept->list);
}

/* ---- the object ----------------------------------------------------------- */

KeptCalls *kept_calls_new(Calls *calls, const Room *room, const char *path, const KeptCallsOps *ops,
                          gpointer data)
{
    KeptCalls *kept = g_new0(KeptCalls, 1);

    kept->calls = calls;
    kept->room = room;
    kept->ops = ops;
    kept->data = data;
    kept->list = kept_list_new(path);
    kept->configured = g_new0(char *, 1);
    kept->forwarded = g_new0(char *, 1);
    kept->keeper = keeper_new(1, &keeper_ops, kept);
    return kept;
}

void kept_calls_free(KeptCalls *kept)
{
    if (!kept)
        return;
    g_clear_handle_id(&kept->turn_id, g_source_remove);
    g_clear_handle_id(&kept->tell_id, g_source_remove);
    keeper_free(kept->keeper);
    kept_list_free(kept->list);
    g_strfreev(kept->configured);
    g_strfreev(kept->forwarded);
    g_free(kept->own_id);
    g_free(kept);
}
