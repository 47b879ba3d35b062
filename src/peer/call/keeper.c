/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/keeper.h"

#include <string.h>

#include "common/log.h"

typedef struct {
    char *name;
    KeptState state;
    bool named;          /* else it is kept for everybody's sake */
    guint call;          /* 0: none */
    guint failures;      /* since the last steady call */
    gint64 placed;       /* when it was called last; 0: never */
    gint64 connected_at; /* 0: the call has not been connected */
    gint64 due;          /* queued, resting, refused */
    char *reason;
    GSequenceIter *turn; /* in `timed`, or NULL */
    GList node;          /* of `calling`, if it has data */
} KeptPeer;

struct Keeper {
    const KeeperOps *ops;
    gpointer data;
    KeeperRoom room;
    GHashTable *present;  /* names in the room */
    GHashTable *left_out; /* those of them for whom there was no place */
    GPtrArray *list;      /* of KeptPeer */
    GHashTable *by_name, *by_call;
    GSequence *timed; /* those who wait for a time, in its order */
    GQueue calling;   /* those who are being called, in the order of `placed` */
    bool everybody;
    guint max_everybody;
    guint unnamed; /* how many are kept for everybody's sake */
};

static const char *const public_names[] = {
    [KEPT_OFFLINE] = "waiting", [KEPT_ABSENT] = "absent",       [KEPT_QUEUED] = "waiting",
    [KEPT_CALLING] = "calling", [KEPT_CONNECTED] = "connected", [KEPT_RECONNECTING] = "waiting",
    [KEPT_RESTING] = "waiting", [KEPT_REFUSED] = "refused",
};

static const char *const state_names[] = {
    [KEPT_OFFLINE] = "offline",     [KEPT_ABSENT] = "absent",
    [KEPT_QUEUED] = "queued",       [KEPT_CALLING] = "calling",
    [KEPT_CONNECTED] = "connected", [KEPT_RECONNECTING] = "reconnecting",
    [KEPT_RESTING] = "resting",     [KEPT_REFUSED] = "refused",
};

const char *kept_state_to_string(KeptState state)
{
    return public_names[state];
}

#define BIT(state) (1u << (state))
#define IDLE                                                                                       \
    (BIT(KEPT_OFFLINE) | BIT(KEPT_ABSENT) | BIT(KEPT_QUEUED) | BIT(KEPT_RESTING) |                 \
     BIT(KEPT_REFUSED))
#define TIMED (BIT(KEPT_QUEUED) | BIT(KEPT_RESTING) | BIT(KEPT_REFUSED))
static const guint allowed_next[] = {
    [KEPT_OFFLINE] = IDLE | BIT(KEPT_CALLING),
    [KEPT_ABSENT] = IDLE | BIT(KEPT_CALLING),
    [KEPT_QUEUED] = IDLE | BIT(KEPT_CALLING),
    [KEPT_CALLING] = IDLE | BIT(KEPT_CONNECTED),
    [KEPT_CONNECTED] = IDLE | BIT(KEPT_RECONNECTING),
    [KEPT_RECONNECTING] = IDLE | BIT(KEPT_CONNECTED),
    [KEPT_RESTING] = IDLE | BIT(KEPT_CALLING),
    [KEPT_REFUSED] = IDLE | BIT(KEPT_CALLING),
};

static void kept_free(gpointer data)
{
    KeptPeer *kept = data;

    g_free(kept->name);
    g_free(kept->reason);
    g_free(kept);
}

static int compare_due(gconstpointer a, gconstpointer b, gpointer data)
{
    const KeptPeer *one = a, *other = b;

    return (one->due > other->due) - (one->due < other->due);
}

static void kept_unfile(Keeper *keeper, KeptPeer *kept)
{
    g_clear_pointer(&kept->turn, g_sequence_remove);
    if (kept->node.data)
        g_queue_unlink(&keeper->calling, &kept->node);
    kept->node.data = NULL;
}

/* Where keeper_turn() finds it, by its state and times */
static void kept_file(Keeper *keeper, KeptPeer *kept)
{
    kept_unfile(keeper, kept);
    if (BIT(kept->state) & TIMED) {
        kept->turn = g_sequence_insert_sorted(keeper->timed, kept, compare_due, NULL);
    } else if (kept->state == KEPT_CALLING) {
        kept->node.data = kept;
        g_queue_push_tail_link(&keeper->calling, &kept->node);
    }
}

/* The one place where the state changes. */
static void kept_enter_state(Keeper *keeper, KeptPeer *kept, KeptState state)
{
    if (kept->state != state) {
        g_return_if_fail(allowed_next[kept->state] & BIT(state));
        log_debug("kept %s: %s → %s", kept->name, state_names[kept->state], state_names[state]);
        kept->state = state;
    }
    kept_file(keeper, kept);
    keeper->ops->changed(keeper->data);
}

static bool kept_is_idle(const KeptPeer *kept)
{
    return BIT(kept->state) & IDLE;
}

static KeptPeer *keeper_find(const Keeper *keeper, const char *name)
{
    return g_hash_table_lookup(keeper->by_name, name);
}

static KeptPeer *keeper_find_call(const Keeper *keeper, guint call)
{
    return g_hash_table_lookup(keeper->by_call, GUINT_TO_POINTER(call));
}

/* 0: none. Of two that have the same one, the first hears of it. */
static void kept_set_call(Keeper *keeper, KeptPeer *kept, guint call)
{
    if (kept->call != 0 && keeper_find_call(keeper, kept->call) == kept)
        g_hash_table_remove(keeper->by_call, GUINT_TO_POINTER(kept->call));
    kept->call = call;
    if (call != 0 && !keeper_find_call(keeper, call))
        g_hash_table_insert(keeper->by_call, GUINT_TO_POINTER(call), kept);
}

/* ---- times ---------------------------------------------------------------- */

static gint64 keeper_chance(Keeper *keeper, gint64 bound)
{
    return bound > 0 ? keeper->ops->chance((guint32) bound, keeper->data) : 0;
}

/* Twice as long after each failure; from half of it to all of it. */
static gint64 keeper_rest(Keeper *keeper, guint failures, gint64 first, gint64 longest)
{
    gint64 rest = MIN(first << MIN(failures, 16), longest);

    return rest / 2 + keeper_chance(keeper, rest / 2 + 1);
}

/* In a room of many, everybody hears at once what makes them call. */
static gint64 keeper_spread(Keeper *keeper)
{
    gint64 bound = (gint64) g_hash_table_size(keeper->present) * KEEPER_SPREAD;

    return keeper_chance(keeper, MIN(bound, KEEPER_LONGEST_SPREAD));
}

static bool kept_is_present(const Keeper *keeper, const KeptPeer *kept)
{
    return keeper->room == KEEPER_ROOM_NAMELESS ||
           g_hash_table_contains(keeper->present, kept->name);
}

static void kept_enqueue(Keeper *keeper, KeptPeer *kept, gint64 now)
{
    gint64 soonest = kept->placed > 0 ? kept->placed + KEEPER_PAUSE : now;

    kept->due = MAX(now + keeper_spread(keeper), soonest);
    kept_enter_state(keeper, kept, KEPT_QUEUED);
}

/* It has no call: what it is to wait for. RESTED: it has had its rest, or needs none. */
static void kept_settle(Keeper *keeper, KeptPeer *kept, KeptState rest, gint64 now)
{
    if (keeper->room == KEEPER_ROOM_NONE)
        kept_enter_state(keeper, kept, KEPT_OFFLINE);
    else if (!kept_is_present(keeper, kept))
        kept_enter_state(keeper, kept, KEPT_ABSENT);
    else if (rest == KEPT_QUEUED)
        kept_enqueue(keeper, kept, now);
    else
        kept_enter_state(keeper, kept, rest);
}

/* ---- calling -------------------------------------------------------------- */

/* Those who are being called, without those who have taken too long to answer. UNTIL is when
 * the first of them will have. */
static guint keeper_attempts(const Keeper *keeper, gint64 now, gint64 *until)
{
    guint count = 0;

    *until = G_MAXINT64;
    if (keeper->room == KEEPER_ROOM_NAMELESS)
        return keeper->calling.length;
    for (const GList *at = keeper->calling.tail; at; at = at->prev) {
        const KeptPeer *kept = at->data;

        if (now - kept->placed >= KEEPER_PATIENCE)
            break;
        *until = kept->placed + KEEPER_PATIENCE;
        count++;
    }
    return count;
}

static bool keeper_is_full(const Keeper *keeper, gint64 now, gint64 *until)
{
    guint most = keeper->room == KEEPER_ROOM_NAMELESS ? 1 : KEEPER_ATTEMPTS;

    return keeper_attempts(keeper, now, until) >= most;
}

/* Who waits for a time, and longest of all. */
static KeptPeer *keeper_next(const Keeper *keeper)
{
    GSequenceIter *first = g_sequence_get_begin_iter(keeper->timed);

    return g_sequence_iter_is_end(first) ? NULL : g_sequence_get(first);
}

static void kept_set_reason(KeptPeer *kept, const char *reason)
{
    char *copy = g_strdup(reason);

    g_free(kept->reason);
    kept->reason = copy;
}

static void kept_failed(Keeper *keeper, KeptPeer *kept, KeeperEnd end, const char *reason,
                        gint64 now)
{
    bool refused = end == KEEPER_END_REFUSED;

    kept_set_reason(kept, reason);
    kept_set_call(keeper, kept, 0);
    if (kept->connected_at > 0 && now - kept->connected_at >= KEEPER_STEADY)
        kept->failures = 0;
    kept->connected_at = 0;
    kept->due = now + keeper_rest(keeper, kept->failures,
                                  refused ? KEEPER_FIRST_REFUSED_REST : KEEPER_FIRST_REST,
                                  refused ? KEEPER_LONGEST_REFUSED_REST : KEEPER_LONGEST_REST);
    if (keeper->room != KEEPER_ROOM_NONE) /* without a relay it is not its fault */
        kept->failures++;
    kept_settle(keeper, kept, refused ? KEPT_REFUSED : KEPT_RESTING, now);
}

static void kept_began(Keeper *keeper, KeptPeer *kept, guint call, gint64 now)
{
    kept_set_call(keeper, kept, call);
    kept->placed = now;
    kept->connected_at = 0;
    kept_enter_state(keeper, kept, KEPT_CALLING);
}

static void kept_connected(Keeper *keeper, KeptPeer *kept, gint64 now)
{
    if (kept->connected_at == 0)
        kept->connected_at = now;
    kept_set_reason(kept, NULL);
    kept_enter_state(keeper, kept, KEPT_CONNECTED);
}

static void kept_call(Keeper *keeper, KeptPeer *kept, gint64 now)
{
    g_autoptr(GError) error = NULL;
    bool connected = false;
    guint call;

    kept->placed = now;
    call = keeper->ops->place(kept->name, kept->named, &connected, &error, keeper->data);
    if (call == 0) {
        kept_failed(keeper, kept, KEEPER_END_LOST, error->message, now);
        return;
    }
    kept_began(keeper, kept, call, now);
    if (connected)
        kept_connected(keeper, kept, now);
}

void keeper_turn(Keeper *keeper, gint64 now)
{
    KeptPeer *next;
    gint64 until;

    while ((next = keeper_next(keeper)) && next->due <= now) {
        if (keeper_is_full(keeper, now, &until)) {
            keeper->ops->wake(until, keeper->data);
            return;
        }
        kept_call(keeper, next, now);
    }
    keeper->ops->wake(next ? next->due : G_MAXINT64, keeper->data);
}

/* ---- who is kept ------------------------------------------------------------ */

static void kept_set_named(Keeper *keeper, KeptPeer *kept, bool named)
{
    keeper->unnamed = keeper->unnamed + kept->named - named;
    kept->named = named;
}

static void keeper_add(Keeper *keeper, const char *name, bool named, gint64 now)
{
    KeptPeer *kept = keeper_find(keeper, name);

    if (kept) {
        kept_set_named(keeper, kept, kept->named || named);
        return;
    }
    kept = g_new0(KeptPeer, 1);
    kept->name = g_strdup(name);
    kept->named = named;
    keeper->unnamed += !named;
    g_ptr_array_add(keeper->list, kept);
    g_hash_table_insert(keeper->by_name, kept->name, kept);
    kept_settle(keeper, kept, KEPT_QUEUED, now);
}

static void keeper_remove(Keeper *keeper, KeptPeer *kept)
{
    kept_unfile(keeper, kept);
    kept_set_call(keeper, kept, 0);
    keeper->unnamed -= !kept->named;
    g_hash_table_remove(keeper->by_name, kept->name);
    g_ptr_array_remove(keeper->list, kept);
}

/* NAME is in the room, and everybody is kept as long as there are places. */
static void keeper_take(Keeper *keeper, const char *name, gint64 now)
{
    if (keeper_find(keeper, name))
        return;
    if (keeper->unnamed < keeper->max_everybody)
        keeper_add(keeper, name, false, now);
    else
        g_hash_table_add(keeper->left_out, g_strdup(name));
}

/* For everybody's sake; where nobody has a name, whoever answers. */
static void keeper_add_present(Keeper *keeper, gint64 now)
{
    GHashTableIter iter;
    gpointer name;

    g_hash_table_remove_all(keeper->left_out);
    if (!keeper->everybody)
        return;
    if (keeper->room == KEEPER_ROOM_NAMELESS)
        keeper_add(keeper, "", false, now);
    g_hash_table_iter_init(&iter, keeper->present);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        keeper_take(keeper, name, now);
}

/* Somebody has gone: there may be a place for somebody else. */
static void keeper_fill(Keeper *keeper, gint64 now)
{
    GHashTableIter iter;
    gpointer name;

    g_hash_table_iter_init(&iter, keeper->left_out);
    while (keeper->unnamed < keeper->max_everybody && g_hash_table_iter_next(&iter, &name, NULL)) {
        keeper_add(keeper, name, false, now);
        g_hash_table_iter_remove(&iter);
    }
}

/* Whether KEPT is there only as long as it is in the room, and it is not. */
static bool kept_is_over(const Keeper *keeper, const KeptPeer *kept)
{
    if (kept->named)
        return false;
    if (!keeper->everybody)
        return true;
    if (!kept_is_idle(kept) || keeper->room == KEEPER_ROOM_NONE)
        return false;
    return *kept->name ? !g_hash_table_contains(keeper->present, kept->name)
                       : keeper->room != KEEPER_ROOM_NAMELESS;
}

static void kept_drop_if_over(Keeper *keeper, KeptPeer *kept)
{
    guint call = kept->call;

    if (!kept_is_over(keeper, kept))
        return;
    keeper_remove(keeper, kept);
    if (call != 0)
        keeper->ops->end(call, keeper->data);
    keeper->ops->changed(keeper->data);
}

static void keeper_drop_over(Keeper *keeper)
{
    for (guint i = keeper->list->len; i > 0; i--)
        kept_drop_if_over(keeper, keeper->list->pdata[i - 1]);
}

void keeper_set_names(Keeper *keeper, const char *const *names, gint64 now)
{
    keeper->everybody = g_strv_contains(names, KEEPER_EVERYBODY);
    for (guint i = 0; i < keeper->list->len; i++) {
        KeptPeer *kept = keeper->list->pdata[i];

        kept_set_named(keeper, kept, g_strv_contains(names, kept->name));
    }
    for (guint i = 0; names[i]; i++) {
        if (strcmp(names[i], KEEPER_EVERYBODY) != 0)
            keeper_add(keeper, names[i], true, now);
    }
    keeper_add_present(keeper, now);
    keeper_drop_over(keeper);
    keeper_turn(keeper, now);
}

void keeper_set_max_everybody(Keeper *keeper, guint max_everybody, gint64 now)
{
    keeper->max_everybody = max_everybody;
    keeper_add_present(keeper, now);
    keeper_turn(keeper, now);
}

/* ---- the room ------------------------------------------------------------- */

static void keeper_settle_idle(Keeper *keeper, gint64 now)
{
    for (guint i = 0; i < keeper->list->len; i++) {
        KeptPeer *kept = keeper->list->pdata[i];

        if (kept_is_idle(kept))
            kept_settle(keeper, kept, KEPT_QUEUED, now);
    }
}

void keeper_set_room(Keeper *keeper, KeeperRoom room, const char *const *names, gint64 now)
{
    if (room == keeper->room && room != KEEPER_ROOM_KNOWN)
        return;
    keeper->room = room;
    g_hash_table_remove_all(keeper->present);
    for (guint i = 0; room == KEEPER_ROOM_KNOWN && names && names[i]; i++)
        g_hash_table_add(keeper->present, g_strdup(names[i]));
    keeper_settle_idle(keeper, now);
    keeper_add_present(keeper, now);
    keeper_drop_over(keeper);
    keeper_turn(keeper, now);
}

void keeper_joined(Keeper *keeper, const char *name, gint64 now)
{
    KeptPeer *kept = keeper_find(keeper, name);

    g_hash_table_add(keeper->present, g_strdup(name));
    if (kept && kept_is_idle(kept))
        kept_settle(keeper, kept, KEPT_QUEUED, now);
    else if (keeper->everybody)
        keeper_take(keeper, name, now);
    keeper_turn(keeper, now);
}

void keeper_left(Keeper *keeper, const char *name, gint64 now)
{
    KeptPeer *kept = keeper_find(keeper, name);

    g_hash_table_remove(keeper->present, name);
    g_hash_table_remove(keeper->left_out, name);
    if (kept && kept_is_idle(kept))
        kept_settle(keeper, kept, kept->state, now);
    if (kept)
        kept_drop_if_over(keeper, kept);
    keeper_fill(keeper, now);
    keeper_turn(keeper, now);
}

/* ---- calls ---------------------------------------------------------------- */

void keeper_call_began(Keeper *keeper, const char *name, guint call, gint64 now)
{
    KeptPeer *kept = keeper_find(keeper, name);

    if (kept && kept->call == 0 && kept_is_idle(kept))
        kept_began(keeper, kept, call, now);
}

void keeper_call_connected(Keeper *keeper, guint call, gint64 now)
{
    KeptPeer *kept = keeper_find_call(keeper, call);

    if (!kept || kept->state == KEPT_CONNECTED)
        return;
    kept_connected(keeper, kept, now);
    keeper_turn(keeper, now);
}

void keeper_call_reconnecting(Keeper *keeper, guint call, gint64 now)
{
    KeptPeer *kept = keeper_find_call(keeper, call);

    if (kept && kept->state == KEPT_CONNECTED)
        kept_enter_state(keeper, kept, KEPT_RECONNECTING);
}

void keeper_call_ended(Keeper *keeper, guint call, KeeperEnd end, const char *reason, gint64 now)
{
    KeptPeer *kept = keeper_find_call(keeper, call);

    if (!kept)
        return;
    kept_failed(keeper, kept, end, reason, now);
    kept_drop_if_over(keeper, kept);
    keeper_fill(keeper, now);
    keeper_turn(keeper, now);
}

static void kept_retry(Keeper *keeper, KeptPeer *kept, gint64 now)
{
    if (kept->state != KEPT_RESTING && kept->state != KEPT_REFUSED)
        return;
    kept->failures = 0;
    kept_enqueue(keeper, kept, now);
}

void keeper_retry_all(Keeper *keeper, gint64 now)
{
    for (guint i = 0; i < keeper->list->len; i++)
        kept_retry(keeper, keeper->list->pdata[i], now);
    keeper_turn(keeper, now);
}

void keeper_retry(Keeper *keeper, const char *name, gint64 now)
{
    KeptPeer *kept = keeper_find(keeper, name);

    if (kept)
        kept_retry(keeper, kept, now);
    keeper_turn(keeper, now);
}

/* ---- the object ----------------------------------------------------------- */

Keeper *keeper_new(guint max_everybody, const KeeperOps *ops, gpointer data)
{
    Keeper *keeper = g_new0(Keeper, 1);

    keeper->ops = ops;
    keeper->data = data;
    keeper->max_everybody = max_everybody;
    keeper->present = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    keeper->left_out = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    keeper->list = g_ptr_array_new_with_free_func(kept_free);
    keeper->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    keeper->by_call = g_hash_table_new(NULL, NULL);
    keeper->timed = g_sequence_new(NULL);
    g_queue_init(&keeper->calling);
    return keeper;
}

void keeper_free(Keeper *keeper)
{
    if (!keeper)
        return;
    g_hash_table_unref(keeper->present);
    g_hash_table_unref(keeper->left_out);
    g_hash_table_unref(keeper->by_name);
    g_hash_table_unref(keeper->by_call);
    g_sequence_free(keeper->timed);
    g_ptr_array_unref(keeper->list);
    g_free(keeper);
}

guint keeper_count(const Keeper *keeper)
{
    return keeper->list->len;
}

KeptReport keeper_report(const Keeper *keeper, guint i)
{
    const KeptPeer *kept = keeper->list->pdata[i];

    return (KeptReport){.name = kept->name,
                        .state = kept->state,
                        .call = kept->call,
                        .due = kept->due,
                        .reason = kept->reason ? kept->reason : ""};
}

bool keeper_keeps(const Keeper *keeper, const char *name)
{
    return keeper_find(keeper, name) != NULL;
}
