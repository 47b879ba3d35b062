/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/trust/pairing-desk.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/bucket.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/printable.h"
#include "common/random-id.h"
#include "peer/trust/cpace.h"
#include "peer/trust/pairing.h"
#include "peer/error.h"

/*
 * Runs that have not been confirmed: one of each sender, whose next one takes its place; of all of
 * them the oldest gives way. A run is free for a stranger, who learns nothing from it, but costs us
 * some point arithmetic: so a sender asks a few times, and all together not too often. A foreign
 * relay does not tell who it is, and what is one sender's share is nobody's there.
 */
enum { MAX_RUNS = 16, ASKS_PER_SENDER = 8, ASK_BURST = 200 };
#define ASK_INTERVAL (2 * G_USEC_PER_SEC)

/* Seconds for each answer that a joiner waits for, and for a person to decide */
enum { ANSWER_TIMEOUT = 5, DECISION_TIMEOUT = 120 };

typedef enum {
    DESK_CLOSED,
    DESK_HOSTING,    /* our code waits to be typed */
    DESK_ASKING,     /* we have asked the room for whoever made the code */
    DESK_CONFIRMING, /* it has answered, and has our tag */
    DESK_DECIDING,   /* both tags were right, and our user is asked */
} DeskState;

typedef struct {
    char *from, *session;
    PairingRun *run;
} Visit;

struct PairingDesk {
    const Room *room;
    char *own_fingerprint;
    const PairingDeskOps *ops;
    gpointer data;
    DeskState state;
    PairingRole role;
    char *digits;
    char *name; /* of PairingWish */
    bool replace, ask;
    guint timer, tries;
    Bucket asks;
    GHashTable *asked; /* sender → how often; as many as ASKS lets ask while a code lasts */
    GQueue visits;     /* of Visit: as a host one of each sender, as a joiner one */
    Visit *proven;     /* the one whose tag was right */
    bool waited;       /* the host has said `wait` */
};

static const char *desk_state_to_string(DeskState state)
{
    static const char *const names[] = {
        [DESK_CLOSED] = "closed",         [DESK_HOSTING] = "hosting",   [DESK_ASKING] = "asking",
        [DESK_CONFIRMING] = "confirming", [DESK_DECIDING] = "deciding",
    };
    return names[state];
}

static void visit_free(gpointer data)
{
    Visit *visit = data;

    pairing_run_free(visit->run);
    g_free(visit->from);
    g_free(visit->session);
    g_free(visit);
}

static void desk_enter_state(PairingDesk *desk, DeskState state)
{
    log_debug("pairing: %s → %s", desk_state_to_string(desk->state), desk_state_to_string(state));
    desk->state = state;
    if (state != DESK_CLOSED)
        return;
    g_clear_handle_id(&desk->timer, g_source_remove);
    g_queue_clear_full(&desk->visits, visit_free);
    g_hash_table_remove_all(desk->asked);
    desk->proven = NULL;
    desk->waited = false;
    g_clear_pointer(&desk->digits, g_free);
    g_clear_pointer(&desk->name, g_free);
}

/* ---- frames --------------------------------------------------------------- */

static void send_step(PairingDesk *desk, const Visit *visit, const char *step, const char *data)
{
    g_autoptr(Frame) frame = frame_new(FRAME_PAIR);

    frame->to = g_strdup(visit->from);
    frame->session = g_strdup(visit->session);
    frame->step = g_strdup(step);
    frame->data = g_strdup(data);
    desk->ops->send(frame, desk->data);
}

static void desk_end(PairingDesk *desk, const char *message)
{
    if (desk->proven && desk->role == PAIRING_HOST)
        send_step(desk, desk->proven, "failed", NULL);
    desk_enter_state(desk, DESK_CLOSED);
    desk->ops->ended(false, "", "", message, desk->data);
}

static Visit *visit_find(const PairingDesk *desk, const Frame *frame)
{
    for (GList *l = desk->visits.head; l; l = l->next) {
        Visit *visit = l->data;

        if (g_strcmp0(visit->session, frame->session) == 0 &&
            g_strcmp0(visit->from, frame->from) == 0)
            return visit;
    }
    return NULL;
}

static Visit *visit_new(PairingDesk *desk, const char *from, const char *session)
{
    Visit *visit = g_new0(Visit, 1);

    visit->from = g_strdup(from);
    visit->session = g_strdup(session);
    visit->run = pairing_run_new(desk->role, desk->digits, session, room_own_name(desk->room),
                                 desk->own_fingerprint);
    g_queue_push_tail(&desk->visits, visit);
    if (desk->visits.length > MAX_RUNS)
        visit_free(g_queue_pop_head(&desk->visits));
    return visit;
}

static void visit_drop(PairingDesk *desk, Visit *visit)
{
    g_queue_remove(&desk->visits, visit);
    visit_free(visit);
}

/* ---- the decision ---------------------------------------------------------- */

static void desk_start_timer(PairingDesk *desk, guint seconds, GSourceFunc func)
{
    g_clear_handle_id(&desk->timer, g_source_remove);
    desk->timer = clock_timer_add_seconds(seconds, func, desk);
}

static void desk_set_wish(PairingDesk *desk, const PairingWish *wish)
{
    if (wish->name) {
        g_free(desk->name);
        desk->name = g_strdup(wish->name);
    }
    desk->replace = wish->replace;
    desk->ask = wish->ask;
}

/* The end of a pairing that succeeds. */
static bool desk_remember(PairingDesk *desk, GError **error)
{
    PairingRun *run = desk->proven->run;
    g_autofree char *name = g_strdup(desk->name ? desk->name : pairing_run_name(run));
    g_autofree char *fingerprint = g_strdup(pairing_run_fingerprint(run));
    g_autofree char *tag = pairing_run_tag(run);

    if (!desk->ops->paired(name, fingerprint, desk->replace, error, desk->data))
        return false;
    if (desk->role == PAIRING_HOST)
        send_step(desk, desk->proven, "done", tag);
    desk_enter_state(desk, DESK_CLOSED);
    desk->ops->ended(true, name, fingerprint, _("paired"), desk->data);
    return true;
}

static gboolean on_undecided(gpointer data)
{
    PairingDesk *desk = data;

    desk->timer = 0;
    desk_end(desk, _("nobody said whether to remember the other side"));
    return G_SOURCE_REMOVE;
}

/* Both tags were right: VISIT is whom the code was given to. */
static void desk_proven(PairingDesk *desk, Visit *visit)
{
    g_autoptr(GError) error = NULL;

    desk->proven = visit;
    if (desk->ask) {
        desk_enter_state(desk, DESK_DECIDING);
        desk_start_timer(desk, DECISION_TIMEOUT, on_undecided);
        if (desk->role == PAIRING_HOST)
            send_step(desk, visit, "wait", NULL);
        desk->ops->proven(pairing_run_name(visit->run), pairing_run_fingerprint(visit->run),
                          desk->data);
    } else if (!desk_remember(desk, &error)) {
        desk_end(desk, error->message);
    }
}

bool pairing_desk_accept(PairingDesk *desk, const PairingWish *wish, GError **error)
{
    if (desk->state != DESK_DECIDING) {
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED,
                            _("no pairing waits to be confirmed"));
        return false;
    }
    desk_set_wish(
        desk,
        &(PairingWish){.name = wish->name, .replace = wish->replace || desk->replace, .ask = true});
    return desk_remember(desk, error);
}

/* ---- as the host ------------------------------------------------------------ */

static gboolean on_expired(gpointer data)
{
    PairingDesk *desk = data;

    desk->timer = 0;
    desk_end(desk, _("nobody typed the code in time: it has expired"));
    return G_SOURCE_REMOVE;
}

static bool desk_may_begin(const PairingDesk *desk, GError **error)
{
    if (desk->state != DESK_CLOSED)
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED,
                            _("there is a pairing already: \"rtcbusctl pair --cancel\" ends it"));
    else if (room_state(desk->room) != RELAY_CONNECTED || !room_own_name(desk->room))
        g_set_error(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED,
                    _("not connected to the relay: %s"), room_problem(desk->room));
    else
        return true;
    return false;
}

char *pairing_desk_open(PairingDesk *desk, guint seconds, const PairingWish *wish, GError **error)
{
    char *code;

    if (!desk_may_begin(desk, error))
        return NULL;
    code = pairing_code_new();
    desk->digits = pairing_code_parse(code);
    desk->role = PAIRING_HOST;
    desk_set_wish(desk, wish);
    desk->tries = PAIRING_TRIES;
    desk_start_timer(desk, seconds, on_expired);
    desk_enter_state(desk, DESK_HOSTING);
    return code;
}

static bool may_ask(PairingDesk *desk, const char *from)
{
    guint before = from ? GPOINTER_TO_UINT(g_hash_table_lookup(desk->asked, from)) : 0;

    if (before >= ASKS_PER_SENDER ||
        !bucket_take(&desk->asks, clock_monotonic(), ASK_INTERVAL, ASK_BURST))
        return false;
    if (from)
        g_hash_table_insert(desk->asked, g_strdup(from), GUINT_TO_POINTER(before + 1));
    return true;
}

/* The run of FROM that there is will not be confirmed. */
static void forget_run(PairingDesk *desk, const char *from)
{
    for (GList *l = desk->visits.head; l; l = l->next) {
        if (g_strcmp0(((Visit *) l->data)->from, from) == 0) {
            visit_drop(desk, l->data);
            return;
        }
    }
}

static void receive_ask(PairingDesk *desk, const Frame *frame)
{
    g_autofree char *share = NULL;
    Visit *visit;

    if (desk->state != DESK_HOSTING || !frame->session || visit_find(desk, frame) ||
        !pairing_ask_is_for(frame->data, desk->digits) || !may_ask(desk, frame->from))
        return;
    if (frame->from)
        forget_run(desk, frame->from);
    visit = visit_new(desk, frame->from, frame->session);
    share = pairing_run_share(visit->run);
    if (pairing_run_take_share(visit->run, frame->data))
        send_step(desk, visit, "answer", share);
    else
        visit_drop(desk, visit);
}

static void desk_wrong_code(PairingDesk *desk, Visit *visit)
{
    g_autofree char *who = printable(pairing_run_name(visit->run));
    g_autofree char *text =
        g_strdup_printf(_("%s, as it calls itself, has typed a wrong code, or somebody in between "
                          "has changed what was sent"),
                        who);

    send_step(desk, visit, "wrong", NULL);
    visit_drop(desk, visit);
    desk->tries--;
    desk->ops->failed(text, desk->tries, desk->data);
    if (desk->tries == 0)
        desk_end(desk, _("three wrong tries: the code is void"));
}

static void receive_confirm(PairingDesk *desk, const Frame *frame)
{
    Visit *visit = desk->state == DESK_HOSTING ? visit_find(desk, frame) : NULL;

    if (!visit)
        return;
    if (pairing_run_take_tag(visit->run, frame->data))
        desk_proven(desk, visit);
    else
        desk_wrong_code(desk, visit);
}

/* ---- as the joiner ------------------------------------------------------------ */

static gboolean on_no_answer(gpointer data)
{
    PairingDesk *desk = data;

    desk->timer = 0;
    desk_end(desk, desk->state == DESK_ASKING
                       ? _("nobody in the room waits for this code: look at its first three "
                           "digits, whether it has expired, and whether both use the same room")
                       : _("the other side did not finish the pairing"));
    return G_SOURCE_REMOVE;
}

static char *new_session(void)
{
    char id[RANDOM_ID_LENGTH + 1];

    random_id(id);
    return g_strdup(id);
}

bool pairing_desk_join(PairingDesk *desk, const char *code, const PairingWish *wish, GError **error)
{
    g_autofree char *digits = pairing_code_parse(code);
    g_autofree char *session = new_session();
    g_autofree char *share = NULL;
    Visit *visit;

    if (!digits) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                    _("a pairing code is %d digits, as 123-4567-8901"),
                    PAIRING_SLOT_DIGITS + PAIRING_SECRET_DIGITS);
        return false;
    }
    if (!desk_may_begin(desk, error))
        return false;
    desk->role = PAIRING_JOINER;
    desk->digits = g_steal_pointer(&digits);
    desk_set_wish(desk, wish);
    desk_enter_state(desk, DESK_ASKING);
    desk_start_timer(desk, ANSWER_TIMEOUT, on_no_answer);
    visit = visit_new(desk, NULL, session);
    share = pairing_run_share(visit->run);
    send_step(desk, visit, "ask", share);
    return true;
}

/* The first one is the only one: more would be more guesses for a relay. */
static void receive_answer(PairingDesk *desk, const Frame *frame)
{
    Visit *visit = desk->state == DESK_ASKING ? desk->visits.head->data : NULL;
    g_autofree char *tag = NULL;

    if (!visit || g_strcmp0(visit->session, frame->session) != 0)
        return;
    visit->from = g_strdup(frame->from);
    if (!pairing_run_take_share(visit->run, frame->data)) {
        desk_end(desk, _("the other side's answer makes no sense"));
        return;
    }
    desk_enter_state(desk, DESK_CONFIRMING);
    desk_start_timer(desk, ANSWER_TIMEOUT, on_no_answer);
    tag = pairing_run_tag(visit->run);
    send_step(desk, visit, "confirm", tag);
}

/* A person over there is asked. Once only, or a relay could keep us for ever. */
static void receive_wait(PairingDesk *desk, const Frame *frame)
{
    if (desk->state != DESK_CONFIRMING || desk->waited || !visit_find(desk, frame))
        return;
    desk->waited = true;
    desk_start_timer(desk, DECISION_TIMEOUT + ANSWER_TIMEOUT, on_no_answer);
}

static void receive_end(PairingDesk *desk, const Frame *frame)
{
    Visit *visit = desk->state == DESK_CONFIRMING ? visit_find(desk, frame) : NULL;

    if (!visit)
        return;
    if (strcmp(frame->step, "failed") == 0)
        desk_end(desk, _("the other side could not remember this peer; its log says why"));
    else if (strcmp(frame->step, "wrong") == 0)
        desk_end(desk, _("the code is wrong, or somebody in between has changed what was sent"));
    else if (frame->data && pairing_run_take_tag(visit->run, frame->data))
        desk_proven(desk, visit);
    else
        desk_end(desk, _("whoever answered does not know the code: somebody may be in between"));
}

/* ---- both ------------------------------------------------------------------- */

void pairing_desk_receive(PairingDesk *desk, const Frame *frame)
{
    const char *step = frame->step ? frame->step : "";

    if (strcmp(step, "ask") == 0 && frame->data)
        receive_ask(desk, frame);
    else if (strcmp(step, "answer") == 0 && frame->data)
        receive_answer(desk, frame);
    else if (strcmp(step, "confirm") == 0 && frame->data)
        receive_confirm(desk, frame);
    else if (strcmp(step, "wait") == 0)
        receive_wait(desk, frame);
    else if (strcmp(step, "done") == 0 || strcmp(step, "wrong") == 0 || strcmp(step, "failed") == 0)
        receive_end(desk, frame);
}

bool pairing_desk_cancel(PairingDesk *desk, const char *message)
{
    if (desk->state == DESK_CLOSED)
        return false;
    desk_end(desk, message);
    return true;
}

PairingDesk *pairing_desk_new(const Room *room, const char *fingerprint, const PairingDeskOps *ops,
                              gpointer data)
{
    PairingDesk *desk = g_new0(PairingDesk, 1);

    desk->room = room;
    desk->own_fingerprint = g_strdup(fingerprint);
    desk->ops = ops;
    desk->data = data;
    desk->asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_queue_init(&desk->visits);
    return desk;
}

void pairing_desk_set_fingerprint(PairingDesk *desk, const char *fingerprint)
{
    g_return_if_fail(desk->state == DESK_CLOSED);
    g_free(desk->own_fingerprint);
    desk->own_fingerprint = g_strdup(fingerprint);
}

void pairing_desk_free(PairingDesk *desk)
{
    if (!desk)
        return;
    desk_enter_state(desk, DESK_CLOSED);
    g_hash_table_unref(desk->asked);
    g_free(desk->own_fingerprint);
    g_free(desk);
}
