/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The relay is one that speaks rtcbus.1, or any server that passes text on.
 * With the first, a frame without `from` is the relay's own and one with it is
 * a peer's, so no peer can fake that another has left. With the second, frames
 * of the relay's types are nobody's and are ignored. What a frame is, by what the
 * relay has shown itself to be:
 *
 *                  `welcome`       other of the relay's  of a peer
 *   promised       it is rtcbus.1  ignored               it is foreign; taken
 *   silent         it is rtcbus.1  ignored               it is foreign; taken
 *   rtcbus.1       ignored         taken                 taken if it has a `from`
 *   foreign        ignored         ignored               taken, if it is not our own
 *
 * That a server selects rtcbus.1 proves nothing: there are libraries that select
 * whatever is offered. A relay says `welcome` first, so one that says nothing for
 * two seconds, or passes on a peer's frame before that, is a foreign one. Each
 * connection finds out anew.
 *
 * Some bare servers refuse a handshake that offers a subprotocol they do not
 * know, with 400 (Bad Request): then the next attempt offers none, and the one
 * after that offers it again. Any other refusal says nothing about the
 * subprotocol, for it may be that of a proxy before the relay.
 */

#include <config.h>

#include "peer/signaling/signaling.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"
#include "common/secret-file.h"
#include "common/random.h"
#include "peer/signaling/refusal.h"
#include "peer/signaling/relay-list.h"
#include "peer/signaling/relay-servers.h"
#include "peer/signaling/sent-frames.h"
#include "peer/signaling/ice-servers.h"
#include "peer/signaling/name-choice.h"
#include "peer/signaling/websocket.h"

enum {
    BACKOFF_FIRST = 500, /* milliseconds */
    BACKOFF_LAST = 30000,
    SILENCES_MAX = 240, /* attempts, of five seconds each: twenty minutes */
    STABLE = 10000,     /* a connection that lasts this long resets the backoff */
    WELCOME_LIMIT = 2000,
    WAIT_LAST = 60, /* seconds that we wait at most if the relay asks us to */
    STOP_LIMIT = 1000,
    COMPLAINTS_MAX = 32,
    HOP_LIMIT = 500, /* until the next relay of several is tried */
};

#define FRESH_USEC G_USEC_PER_SEC

/* What the relay of this connection has shown itself to be */
typedef enum {
    RELAY_KIND_PROMISED, /* has selected rtcbus.1 and owes its welcome */
    RELAY_KIND_RTCBUS,   /* has said welcome */
    RELAY_KIND_SILENT,   /* owes it still: foreign, or slow */
    RELAY_KIND_FOREIGN,
} RelayKind;

struct Signaling {
    const SignalingOps *ops;
    gpointer data;
    RelaySettings relay; /* but not its URLs: */
    RelayList *relays;
    NameChoice name;

    Room *room;
    RelayServers *ice_servers;
    Websocket *socket;
    RelayKind kind;
    SentFrames *sent; /* to a relay that does not speak rtcbus.1: they may come back */
    bool plain;       /* the next attempt offers no subprotocol */
    bool offered;     /* and whether this one does */
    char *resume;     /* shows the relay that it is still we who have it, or NULL */
    bool stopping;
    guint failures; /* in a row, and those because nobody has answered: */
    guint silences;
    gint64 attempted; /* µs, when the last attempt began */
    guint retry_timer, stable_timer, limit_timer;
    GHashTable *complained; /* set: the problems that were logged as a warning */
};

static void signaling_connect(Signaling *signaling);

static void signaling_enter_state(Signaling *signaling, RelayState state, const char *problem)
{
    if (state != RELAY_CONNECTED)
        room_clear(signaling->room);
    room_set_state(signaling->room, state, problem);
    log_debug("relay: %s", relay_state_to_string(state));
    signaling->ops->state(signaling->data);
}

static void signaling_drop(Signaling *signaling)
{
    g_clear_handle_id(&signaling->retry_timer, g_source_remove);
    room_set_retry(signaling->room, 0);
    g_clear_handle_id(&signaling->stable_timer, g_source_remove);
    g_clear_handle_id(&signaling->limit_timer, g_source_remove);
    g_clear_pointer(&signaling->socket, websocket_free);
}

/* ---- trying again --------------------------------------------------------- */

static gboolean on_retry(gpointer data)
{
    Signaling *signaling = data;

    signaling->retry_timer = 0;
    room_set_retry(signaling->room, 0);
    signaling_connect(signaling);
    return G_SOURCE_REMOVE;
}

static void signaling_wait(Signaling *signaling, guint delay)
{
    signaling->retry_timer = clock_timer_add(delay, on_retry, signaling);
    room_set_retry(signaling->room, clock_wall() + delay * G_GINT64_CONSTANT(1000));
}

/* Half to all of 0.5 s, 1 s, 2 s … 30 s: a relay that comes back is not met by
 * everybody in the same instant. */
static guint next_delay(Signaling *signaling)
{
    guint delay = BACKOFF_LAST;

    if (relay_list_has_more(signaling->relays))
        return random_below(HOP_LIMIT);
    if (signaling->failures < 6)
        delay = MIN(BACKOFF_FIRST << signaling->failures, BACKOFF_LAST);
    signaling->failures++;
    return delay / 2 + random_below(delay / 2 + 1);
}

/* As above, and longer if the relay asks for it, but never as long as it likes. A network that
 * carries nothing is not spared by waiting, and one that is back is to be met at once. */
static guint delay_after(Signaling *signaling, const DialFailure *failure)
{
    guint delay;

    if (relay_list_has_more(signaling->relays))
        return next_delay(signaling);
    if (failure->silent && signaling->silences < SILENCES_MAX) {
        signaling->silences++;
        return BACKOFF_FIRST / 2 + random_below(BACKOFF_FIRST / 2);
    }
    delay = next_delay(signaling);
    return MAX(delay, MIN(failure->retry_after, WAIT_LAST) * 1000);
}

/* A warning for a new problem, and silence while it lasts: days without a relay
 * must not fill the journal. */
static void signaling_complain(Signaling *signaling, const char *problem, guint delay)
{
    bool again = g_hash_table_contains(signaling->complained, problem);

    if (g_hash_table_size(signaling->complained) >= COMPLAINTS_MAX)
        g_hash_table_remove_all(signaling->complained);

    log_event(again ? G_LOG_LEVEL_DEBUG : G_LOG_LEVEL_WARNING,
              (.message_id = MESSAGE_RELAY_LOST, .topic = LOG_TOPIC_RELAY),
              _("relay %s: %s; trying again in %.1f s"), relay_list_shown(signaling->relays),
              problem, delay / 1000.0);
    g_hash_table_add(signaling->complained, g_strdup(problem));
}

/* What the last relay has told us means nothing to the next. */
static void signaling_hop(Signaling *signaling)
{
    const char *before = relay_list_url(signaling->relays);

    relay_list_next(signaling->relays);
    if (relay_list_url(signaling->relays) == before)
        return;
    signaling->plain = false;
    name_choice_begin(&signaling->name);
    g_clear_pointer(&signaling->resume, g_free);
}

static void signaling_retry(Signaling *signaling, const char *problem, guint delay)
{
    signaling_complain(signaling, problem, delay);
    signaling_drop(signaling);
    signaling_hop(signaling);
    signaling_wait(signaling, delay);
    signaling_enter_state(signaling, RELAY_DISCONNECTED, problem);
}

/* ---- connected ------------------------------------------------------------ */

static gboolean on_stable(gpointer data)
{
    Signaling *signaling = data;

    signaling->stable_timer = 0;
    signaling->failures = signaling->silences = 0;
    relay_list_stable(signaling->relays);
    g_hash_table_remove_all(signaling->complained);
    return G_SOURCE_REMOVE;
}

static void signaling_connected(Signaling *signaling)
{
    const char *id = room_own_id(signaling->room);

    g_clear_handle_id(&signaling->limit_timer, g_source_remove);
    g_hash_table_remove_all(signaling->complained);
    signaling->stable_timer = clock_timer_add(STABLE, on_stable, signaling);
    relay_list_connected(signaling->relays);
    room_set_fault(signaling->room, id ? NULL : RELAY_FAULT_FOREIGN);
    if (id)
        log_event(G_LOG_LEVEL_INFO,
                  (.message_id = MESSAGE_RELAY_CONNECTED, .topic = LOG_TOPIC_RELAY),
                  _("connected to %s as %s (%s)"), relay_list_shown(signaling->relays),
                  room_own_name(signaling->room), id);
    else
        log_event(G_LOG_LEVEL_INFO,
                  (.message_id = MESSAGE_RELAY_CONNECTED, .topic = LOG_TOPIC_RELAY),
                  _("connected to %s, which speaks no rtcbus.1: peers have no names there"),
                  relay_list_shown(signaling->relays));
    signaling_enter_state(signaling, RELAY_CONNECTED, NULL);
}

static gboolean on_welcome_limit(gpointer data)
{
    Signaling *signaling = data;

    signaling->limit_timer = 0;
    signaling->kind = RELAY_KIND_SILENT;
    signaling_connected(signaling);
    return G_SOURCE_REMOVE;
}

static void on_open(Websocket *websocket, const char *protocol, gpointer data)
{
    Signaling *signaling = data;

    if (g_strcmp0(protocol, SUBPROTOCOL) == 0) {
        signaling->kind = RELAY_KIND_PROMISED;
        signaling->limit_timer = clock_timer_add(WELCOME_LIMIT, on_welcome_limit, signaling);
    } else {
        signaling->kind = RELAY_KIND_FOREIGN;
        signaling_connected(signaling);
    }
}

/* ---- frames --------------------------------------------------------------- */

static void log_member(const Frame *frame)
{
    const char *who = frame->name && *frame->name ? frame->name : frame->id;

    log_event(G_LOG_LEVEL_INFO,
              (.message_id = MESSAGE_SIGNALING, .remote = who, .topic = LOG_TOPIC_MEMBERS,
               .source = frame->id),
              frame->type == FRAME_JOINED ? _("← %s joined") : _("← %s left"), who);
}

static void log_frame(GLogLevelFlags level, const Frame *frame, bool sent, const char *remote)
{
    g_autofree char *what = frame_describe(frame);

    log_event(level,
              (.message_id = MESSAGE_SIGNALING, .call = frame->session, .remote = remote,
               .topic = LOG_TOPIC_FRAMES, .source = sent ? frame->to : frame->from),
              sent ? _("→ %s to %s") : _("← %s from %s"), what, remote);
}

static void take_ice_servers(Signaling *signaling, const Frame *frame)
{
    g_autoptr(GUri) uri = upgrade_uri(relay_list_url(signaling->relays));
    bool ours = uri && ice_servers_is_this_machine(g_uri_get_host(uri));

    relay_servers_take(signaling->ice_servers, ice_servers_from_frame(frame->ice_servers, ours),
                       ours);
}

static void receive_welcome(Signaling *signaling, const Frame *frame)
{
    const RoomMember *holder;

    if (signaling->kind == RELAY_KIND_RTCBUS || !frame->id)
        return;
    signaling->kind = RELAY_KIND_RTCBUS;
    g_free(signaling->resume);
    signaling->resume = g_strdup(frame->resume);
    room_set_own_id(signaling->room, frame->id);
    for (guint i = 0; i < frame->peers->len; i++) {
        const FramePeer *peer = frame->peers->pdata[i];

        room_add(signaling->room, peer->id, peer->name);
    }
    holder = room_find(signaling->room, signaling->name.own);
    name_choice_entered(&signaling->name, holder ? holder->id : NULL, clock_monotonic());
    take_ice_servers(signaling, frame);
    log_frame(G_LOG_LEVEL_INFO, frame, false, _("the relay"));
    signaling_connected(signaling);
}

static void receive_ice_servers(Signaling *signaling, const Frame *frame)
{
    log_frame(G_LOG_LEVEL_DEBUG, frame, false, "the relay");
    take_ice_servers(signaling, frame);
    signaling->ops->ice_servers(signaling->data);
}

static void receive_joined(Signaling *signaling, const Frame *frame)
{
    room_add(signaling->room, frame->id, frame->name);
    log_member(frame);
    signaling->ops->members(signaling->data);
    signaling->ops->joined(frame->id, signaling->data);
}

/* Not within a callback of the connection that goes */
static gboolean on_own_name(gpointer data)
{
    Signaling *signaling = data;

    signaling->retry_timer = 0;
    signaling_drop(signaling);
    signaling_connect(signaling);
    return G_SOURCE_REMOVE;
}

static void receive_left(Signaling *signaling, const Frame *frame)
{
    log_member(frame);
    signaling->ops->leaving(frame->id, signaling->data);
    room_remove(signaling->room, frame->id);
    signaling->ops->left(signaling->data);
    signaling->ops->members(signaling->data);
    if (signaling->stopping || !name_choice_left(&signaling->name, frame->id, clock_monotonic()))
        return;
    log_event(G_LOG_LEVEL_INFO, (.topic = LOG_TOPIC_RELAY),
              _("the name %s was a dead connection's, and is ours again"), signaling->name.own);
    g_clear_handle_id(&signaling->retry_timer, g_source_remove);
    signaling->retry_timer = clock_timer_add(0, on_own_name, signaling);
}

static void receive_from_relay(Signaling *signaling, const Frame *frame)
{
    if (frame->type == FRAME_JOINED && frame->id) {
        receive_joined(signaling, frame);
    } else if (frame->type == FRAME_LEFT && frame->id) {
        receive_left(signaling, frame);
    } else if (frame->type == FRAME_ICE_SERVERS) {
        receive_ice_servers(signaling, frame);
    } else if (frame->type == FRAME_RELAY_ERROR) {
        log_frame(G_LOG_LEVEL_INFO, frame, false, _("the relay"));
        if (frame->to && g_strcmp0(frame->code, "no-such-peer") == 0)
            signaling->ops->no_such_peer(frame->to, signaling->data);
    }
}

static bool is_of_a_peer(const Frame *frame)
{
    return frame->type >= FRAME_CALL && frame->type <= FRAME_PAIR;
}

static void receive_from_peer(Signaling *signaling, const Frame *frame)
{
    const char *who = frame->from ? room_name_of(signaling->room, frame->from) : NULL;

    if (!is_of_a_peer(frame)) {
        log_debug("a frame of type %s is ignored", frame_type_to_string(frame->type));
        return;
    }
    /* Through a relay that only broadcasts we overhear what is meant for others. */
    if (room_is_for_us(signaling->room, frame->to))
        log_frame(signaling->ops->expects(frame, signaling->data) ? G_LOG_LEVEL_INFO
                                                                  : G_LOG_LEVEL_DEBUG,
                  frame, false, who ? who : _("somebody"));
    name_choice_heard(&signaling->name, frame->from);
    signaling->ops->frame(frame, signaling->data);
}

/* A relay that owes its welcome. One that is late is believed, unless it has passed a peer's
 * frame on before, which no relay does. */
static void receive_unwelcomed(Signaling *signaling, const Frame *frame)
{
    if (frame->type == FRAME_WELCOME && !frame->from) {
        receive_welcome(signaling, frame);
    } else if (is_of_a_peer(frame)) {
        bool told = signaling->kind == RELAY_KIND_SILENT;

        signaling->kind = RELAY_KIND_FOREIGN;
        if (!told)
            signaling_connected(signaling);
        receive_from_peer(signaling, frame);
    }
}

/* By the table at the head of this file. */
static void on_text(Websocket *websocket, const char *text, gsize length, gpointer data)
{
    Signaling *signaling = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Frame) frame = NULL;

    if (signaling->kind != RELAY_KIND_RTCBUS && sent_frames_take(signaling->sent, text)) {
        log_debug("a frame of our own came back");
        return;
    }
    frame = frame_parse(text, length, &error);
    if (!frame)
        log_debug("a frame is ignored: %s", error->message);
    else if (signaling->kind == RELAY_KIND_FOREIGN)
        receive_from_peer(signaling, frame);
    else if (signaling->kind != RELAY_KIND_RTCBUS)
        receive_unwelcomed(signaling, frame);
    else if (frame->from)
        receive_from_peer(signaling, frame);
    else
        receive_from_relay(signaling, frame);
}

bool signaling_send(Signaling *signaling, const Frame *frame)
{
    const char *who = frame->to ? room_name_of(signaling->room, frame->to) : NULL;
    g_autofree char *text = NULL;

    if (room_state(signaling->room) != RELAY_CONNECTED || !signaling->socket)
        return false;
    text = frame_write(frame);
    /* Before it is sent, or the other side's line could come first. */
    log_frame(G_LOG_LEVEL_INFO, frame, true, who ? who : _("everyone"));
    if (!websocket_send(signaling->socket, text))
        return false;
    /* The end of the candidates reads the same from both sides. */
    if (signaling->kind != RELAY_KIND_RTCBUS &&
        (frame->type != FRAME_CANDIDATE || frame->candidate))
        sent_frames_add(signaling->sent, text);
    return true;
}

/* ---- connecting ----------------------------------------------------------- */

enum {
    HTTP_BAD_REQUEST = 400, /* also: I do not know this subprotocol */
    HTTP_CONFLICT = 409,
};

static void signaling_wait_for_name(Signaling *signaling, guint delay)
{
    g_autofree char *problem =
        g_strdup_printf(_("the name %s is taken in the room"), signaling->name.own);

    if (signaling->name.waits == 1)
        log_event(G_LOG_LEVEL_INFO, (.topic = LOG_TOPIC_RELAY),
                  _("the name %s is taken in the room, perhaps by a connection of ours that is "
                    "dead: trying again"),
                  signaling->name.own);
    signaling_drop(signaling);
    signaling_wait(signaling, delay);
    /* The relay is there: calls wait for it. */
    signaling_enter_state(signaling, RELAY_CONNECTING, problem);
}

static void signaling_name_taken(Signaling *signaling, const DialFailure *failure)
{
    g_autofree char *taken = g_strdup(name_choice_get(&signaling->name));
    guint wait = failure->retry ? name_choice_wait(&signaling->name) : 0;
    g_autofree char *problem = NULL;

    if (wait > 0) {
        signaling_wait_for_name(signaling, wait);
    } else if (name_choice_next(&signaling->name)) {
        log_event(G_LOG_LEVEL_INFO, (.topic = LOG_TOPIC_RELAY),
                  _("the name %s is taken in the room, so we are %s"), taken,
                  name_choice_get(&signaling->name));
        signaling_drop(signaling);
        signaling_connect(signaling);
    } else {
        problem = refusal_of_taken(taken, failure->words);
        signaling_retry(signaling, problem, delay_after(signaling, failure));
    }
}

static void signaling_stopped(Signaling *signaling)
{
    signaling_drop(signaling);
    signaling_enter_state(signaling, RELAY_DISCONNECTED, _("stopped"));
    signaling->ops->stopped(signaling->data);
}

static void signaling_refused(Signaling *signaling, const DialFailure *failure)
{
    if (failure->status == HTTP_CONFLICT) {
        signaling_name_taken(signaling, failure);
        return;
    }
    signaling->plain = signaling->offered && failure->status == HTTP_BAD_REQUEST;
    signaling_retry(signaling, failure->message, delay_after(signaling, failure));
}

static void on_closed(Websocket *websocket, const WebsocketFailure *failure, gpointer data)
{
    Signaling *signaling = data;

    room_set_fault(signaling->room, failure->dial ? failure->dial->fault : RELAY_FAULT_LOST);
    if (signaling->stopping) {
        signaling_stopped(signaling);
    } else if (failure->dial) {
        signaling_refused(signaling, failure->dial);
    } else {
        name_choice_begin(&signaling->name);
        signaling_retry(signaling, failure->message, next_delay(signaling));
    }
}

static const WebsocketOps websocket_ops = {
    .open = on_open,
    .text = on_text,
    .closed = on_closed,
};

static char *url_with_name(const char *url, const char *name)
{
    g_autofree char *escaped = g_uri_escape_string(name, NULL, FALSE);

    return g_strconcat(url, strchr(url, '?') ? "&" : "?", "name=", escaped, NULL);
}

/* The token to show now: NULL with ERROR if it cannot be had, "" if there is none. */
static char *signaling_token(const Signaling *signaling, GError **error)
{
    char *token;

    if (!*signaling->relay.token_file)
        return g_strdup(signaling->relay.token);
    token = secret_file_read(signaling->relay.token_file, SECRET_FILE_HIDDEN, 1, UPGRADE_MAX_TOKEN,
                             error);
    if (!token || upgrade_check_token(token))
        return token;
    g_set_error(error, SECRET_FILE_ERROR, 0, _("%s holds more than a token, or none"),
                signaling->relay.token_file);
    secret_free(token);
    return NULL;
}

static void signaling_set_pings(Signaling *signaling)
{
    websocket_set_pings(signaling->socket, (guint) (signaling->relay.keep_alive / G_USEC_PER_SEC));
}

static void signaling_open(Signaling *signaling, const char *url, const char *token)
{
    const UpgradeOffer offer = {
        .origin = signaling->relay.origin,
        .ca = signaling->relay.ca,
        .subprotocol = signaling->offered ? SUBPROTOCOL : NULL,
        .token = token,
        .resume = signaling->resume,
    };

    signaling->attempted = clock_monotonic();
    signaling->socket = websocket_new(url, &offer, &websocket_ops, signaling);
    signaling_set_pings(signaling);
}

static void signaling_connect(Signaling *signaling)
{
    const char *name = name_choice_get(&signaling->name);
    g_autofree char *url = url_with_name(relay_list_url(signaling->relays), name);
    g_autoptr(GError) error = NULL;
    char *token = signaling_token(signaling, &error);

    if (error) {
        g_autofree char *problem = refusal_of_token(error->message);

        room_set_fault(signaling->room, RELAY_FAULT_TOKEN);
        signaling_retry(signaling, problem, next_delay(signaling));
        return;
    }
    room_set_own_name(signaling->room, name);
    signaling->offered = !signaling->plain;
    signaling->plain = false;
    signaling->kind = RELAY_KIND_FOREIGN;
    signaling_open(signaling, url, token);
    secret_free(token);
    signaling_enter_state(signaling, RELAY_CONNECTING,
                          *room_problem(signaling->room) ? room_problem(signaling->room)
                                                         : _("the relay has not answered yet"));
}

static bool signaling_has(const Signaling *signaling, const SignalingSettings *settings)
{
    return signaling->name.own &&
           relay_list_has(signaling->relays, (const char *const *) settings->relay->urls,
                          settings->relay->comeback) &&
           g_strcmp0(signaling->relay.origin, settings->relay->origin) == 0 &&
           g_strcmp0(signaling->relay.token, settings->relay->token) == 0 &&
           g_strcmp0(signaling->relay.ca, settings->relay->ca) == 0 &&
           g_strcmp0(signaling->relay.token_file, settings->relay->token_file) == 0 &&
           g_strcmp0(signaling->name.own, settings->name) == 0 &&
           g_strcmp0(signaling->name.other, settings->other_name) == 0;
}

/* Nothing that one relay has taught us holds for another. */
static void signaling_forget(Signaling *signaling)
{
    signaling_drop(signaling);
    signaling->plain = false;
    signaling->failures = signaling->silences = 0;
    g_clear_pointer(&signaling->resume, g_free);
    g_hash_table_remove_all(signaling->complained);
    relay_servers_clear(signaling->ice_servers);
    g_clear_pointer(&signaling->sent, sent_frames_free);
    signaling->sent = sent_frames_new();
}

static void signaling_drop_settings(Signaling *signaling)
{
    g_clear_pointer(&signaling->relay.origin, g_free);
    g_clear_pointer(&signaling->relay.token, secret_free);
    g_clear_pointer(&signaling->relay.token_file, g_free);
    g_clear_pointer(&signaling->relay.ca, g_free);
    name_choice_clear(&signaling->name);
}

static void warn_without_tls(const Signaling *signaling)
{
    g_autoptr(GUri) uri = upgrade_uri(relay_list_url(signaling->relays));

    if ((*signaling->relay.token || *signaling->relay.token_file) && uri &&
        strcmp(g_uri_get_scheme(uri), "ws") == 0 &&
        !ice_servers_is_this_machine(g_uri_get_host(uri)))
        log_warning(_("the token goes to %s without TLS, and who is on the way there can read it: "
                      "write wss:// into URL="),
                    relay_list_shown(signaling->relays));
}

void signaling_set(Signaling *signaling, const SignalingSettings *settings)
{
    bool first = signaling->name.own == NULL;

    if (signaling->stopping)
        return;
    signaling->relay.keep_alive = settings->relay->keep_alive;
    if (signaling->socket)
        signaling_set_pings(signaling);
    if (signaling_has(signaling, settings))
        return;
    signaling_forget(signaling);
    signaling_drop_settings(signaling);
    relay_list_set(signaling->relays, (const char *const *) settings->relay->urls,
                   settings->relay->comeback);
    signaling->relay.origin = g_strdup(settings->relay->origin);
    signaling->relay.token = g_strdup(settings->relay->token);
    signaling->relay.token_file = g_strdup(settings->relay->token_file);
    signaling->relay.ca = g_strdup(settings->relay->ca);
    name_choice_set(&signaling->name, settings->name, settings->other_name);
    if (!first)
        signaling_enter_state(signaling, RELAY_DISCONNECTED, _("the configuration has changed"));
    room_set_state(signaling->room, RELAY_DISCONNECTED, NULL);
    warn_without_tls(signaling);
    signaling_connect(signaling);
}

void signaling_hold(Signaling *signaling, const RelaySettings *relay, const char *problem)
{
    relay_list_set(signaling->relays, (const char *const *) relay->urls, relay->comeback);
    signaling_enter_state(signaling, RELAY_DISCONNECTED, problem);
}

/* An attempt that began just now is not made again: links may flap. */
void signaling_link_changed(Signaling *signaling, bool come)
{
    bool fresh = clock_monotonic() - signaling->attempted < FRESH_USEC;

    if (signaling->stopping || !signaling->name.own ||
        (signaling->socket && websocket_probe(signaling->socket)) || !come)
        return;
    signaling->failures = signaling->silences = 0;
    if (fresh && signaling->socket)
        return;
    signaling_drop(signaling);
    if (fresh)
        signaling_wait(signaling, FRESH_USEC / 1000);
    else
        signaling_connect(signaling);
}

static void on_first_is_back(gpointer data)
{
    Signaling *signaling = data;

    if (signaling->stopping)
        return;
    relay_list_home(signaling->relays);
    log_event(G_LOG_LEVEL_INFO, (.topic = LOG_TOPIC_RELAY),
              _("the relay %s can be reached again, so we go back to it"),
              relay_list_shown(signaling->relays));
    signaling_drop(signaling);
    g_clear_pointer(&signaling->resume, g_free);
    signaling_connect(signaling);
}

/* ---- the end -------------------------------------------------------------- */

static gboolean on_stop_limit(gpointer data)
{
    Signaling *signaling = data;

    signaling->limit_timer = 0;
    signaling_stopped(signaling);
    return G_SOURCE_REMOVE;
}

void signaling_stop(Signaling *signaling)
{
    if (signaling->stopping)
        return;
    signaling->stopping = true;
    g_clear_handle_id(&signaling->retry_timer, g_source_remove);
    g_clear_handle_id(&signaling->stable_timer, g_source_remove);
    g_clear_handle_id(&signaling->limit_timer, g_source_remove);
    signaling->limit_timer =
        clock_timer_add(signaling->socket ? STOP_LIMIT : 0, on_stop_limit, signaling);
    if (signaling->socket)
        websocket_close(signaling->socket);
}

/* ---- the object ----------------------------------------------------------- */

Signaling *signaling_new(const SignalingOps *ops, gpointer data)
{
    Signaling *signaling = g_new0(Signaling, 1);

    signaling->ops = ops;
    signaling->data = data;
    signaling->room = room_new();
    signaling->complained = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    signaling->relays = relay_list_new(on_first_is_back, signaling);
    signaling->sent = sent_frames_new();
    signaling->ice_servers = relay_servers_new(ops->ice_servers, data);
    return signaling;
}

void signaling_free(Signaling *signaling)
{
    if (!signaling)
        return;
    signaling_drop(signaling);
    room_free(signaling->room);
    relay_list_free(signaling->relays);
    sent_frames_free(signaling->sent);
    relay_servers_free(signaling->ice_servers);
    signaling_drop_settings(signaling);
    g_free(signaling->resume);
    g_hash_table_unref(signaling->complained);
    g_free(signaling);
}

const Room *signaling_room(const Signaling *signaling)
{
    return signaling->room;
}

const char *const *signaling_ice_servers(const Signaling *signaling)
{
    return relay_servers_list(signaling->ice_servers);
}

const char *signaling_url(const Signaling *signaling)
{
    const char *url = relay_list_shown(signaling->relays);

    return url ? url : "";
}
