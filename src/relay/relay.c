/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See relay.h. Everything runs in one thread, from the libuv loop that lives
 * in the main context (loop.h). Sending to a room can close some of those in
 * it; they leave the room only when the sending is done.
 */

#include <config.h>

#include "relay/relay.h"

#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/names.h"
#include "common/printable.h"
#include "relay/client.h"
#include "relay/listener.h"
#include "relay/loop.h"
#include "relay/origin.h"
#include "relay/websocket.h"
#include "relay/http-connection.h"
#include "relay/web.h"

#define CHANGE_DELAY_MS 100
#define GRAINS_PER_INTERVAL 16 /* how exact PingInterval is */
#define MAX_GRAIN G_USEC_PER_SEC
#define STOP_TIMEOUT_MS 1000
#define FULL_RETRY 10         /* seconds, told to whom there is no room for */

struct Relay {
    const RelayConfig *config;
    uv_loop_t loop;
    GSource *source;
    Quota *quota;
    Router *router;
    Server *server;
    Listener *listener;
    Web *web;
    ClientOwner owner;
    GQueue visitors; /* the oldest first */
    GQueue clients;
    Wheel checks;    /* of clients */
    GQueue unsent;   /* with something to send at the end of this turn */
    GQueue leaving;  /* closed, but still in their rooms */
    guint busy;      /* as long as it is not 0, nobody leaves a room */
    guint open;      /* clients in a room */
    guint64 forwarded, dropped;
    guint check_id, change_id, stop_id;
    gint64 check_at; /* when check_id is due, monotonic µs */
    void (*changed)(gpointer data);
    gpointer changed_data;
    GSourceFunc done;
    gpointer done_data;
    bool stopping;
};

/* ---- what others see --------------------------------------------------- */

static gboolean on_change_due(gpointer data)
{
    Relay *relay = data;

    relay->change_id = 0;
    if (relay->changed)
        relay->changed(relay->changed_data);
    return G_SOURCE_REMOVE;
}

static void relay_changed(Relay *relay)
{
    if (relay->change_id == 0 && !relay->stopping)
        relay->change_id = g_timeout_add(CHANGE_DELAY_MS, on_change_due, relay);
}

void relay_on_change(Relay *relay, void (*func)(gpointer data), gpointer data)
{
    relay->changed = func;
    relay->changed_data = data;
}

const char *const *relay_listening(const Relay *relay)
{
    static const char *const none[] = {NULL};

    return relay->listener ? listener_addresses(relay->listener) : none;
}

void relay_counters(const Relay *relay, RelayCounters *out)
{
    out->connections = relay->open;
    out->rooms = router_count_rooms(relay->router);
    out->forwarded = relay->forwarded;
    out->dropped = relay->dropped;
}

typedef struct {
    void (*func)(const char *room, guint clients, gpointer data);
    gpointer data;
} RoomVisit;

static void visit_room(RelayRoom *room, gpointer data)
{
    RoomVisit *visit = data;

    visit->func(room_name(room), room_size(room), visit->data);
}

void relay_foreach_room(Relay *relay, void (*func)(const char *room, guint clients, gpointer data),
                        gpointer data)
{
    RoomVisit visit = {func, data};

    router_foreach_room(relay->router, visit_room, &visit);
}

bool relay_foreach_client(Relay *relay, const char *name,
                          void (*func)(const RelayClientInfo *info, gpointer data), gpointer data)
{
    RelayRoom *room = router_find_room(relay->router, name);

    if (!room)
        return false;
    for (Member *member = room_first(room); member; member = member->next) {
        Client *client = member->data;
        RelayClientInfo info = {
            .id = member->id,
            .name = member->name,
            .address = client->address,
            .origin = client->origin,
            .since = client->since,
        };

        func(&info, data);
    }
    return true;
}

bool relay_disconnect(Relay *relay, const char *id)
{
    Member *member = router_find_id(relay->router, id);

    if (!member)
        return false;
    client_close(member->data, 1000, "disconnected by the administrator");
    return true;
}

/* ---- frames ------------------------------------------------------------ */

/* Nobody may fill the memory by not reading, or by never ending a message: when
 * all of it together is too much, those who have most waiting go first. */
static void relay_relieve(Relay *relay)
{
    if (quota_exceeded(relay->quota))
        client_flush_all(&relay->unsent); /* they may read fast enough */
    while (quota_exceeded(relay->quota)) {
        Client *worst = NULL;

        for (GList *link = relay->clients.head; link; link = link->next) {
            Client *client = link->data;

            if (client_waiting(client) > (worst ? client_waiting(worst) : 0))
                worst = client;
        }
        if (!worst)
            break;
        client_kill(worst, "the relay is overloaded");
    }
}

static void relay_leave(Relay *relay, Client *client);

/* Between these two members may be sent to without one of them vanishing. */
static void relay_begin(Relay *relay)
{
    relay->busy++;
}

static void relay_end(Relay *relay)
{
    Client *client;

    /* The news that one has left may be too much for another. */
    while (relay->busy == 1 && (client = g_queue_pop_head(&relay->leaving)))
        relay_leave(relay, client);
    relay->busy--;
}

/* To everybody in SENDER's room but SENDER; those without the subprotocol only
 * if ALL. Whether there was anybody. */
static bool relay_broadcast(Relay *relay, Member *sender, Message *message, bool all)
{
    bool any = false;

    for (Member *member = room_first(sender->room); member; member = member->next) {
        Client *client = member->data;

        if (member == sender || (!all && !client->rtcbus))
            continue;
        client_send(client, message);
        any = true;
    }
    return any;
}

static void log_frame(const Client *client, const Envelope *frame, const char *to)
{
    char type[32];

    if (!envelope_decode(&frame->type, type, sizeof type) || !g_str_is_ascii(type))
        g_strlcpy(type, "other", sizeof type);
    g_strcanon(type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", '?');
    log_event(G_LOG_LEVEL_DEBUG,
              (.message_id = MESSAGE_SIGNALING, .remote = client_label(client),
               .room = room_name(client->member->room)),
              "%s → %s: %s, %zu bytes", client_label(client), to, type, frame->length);
}

static void relay_forward(Relay *relay, Client *client, const Envelope *frame)
{
    g_autoptr(Message) message = NULL;
    Member *recipient = NULL;
    char to[MAX(ROUTER_NAME_MAX, ROUTER_ID_LENGTH) + 1];

    if (frame->to.data) {
        if (envelope_decode(&frame->to, to, sizeof to))
            recipient = router_find(relay->router, client->member, to);
        if (!recipient) {
            relay->dropped++;
            client_send_error(client, "no-such-peer", "nobody in this room is called that",
                              &frame->to);
            return;
        }
    }
    if (log_is_verbose())
        log_frame(client, frame, recipient ? client_label(recipient->data) : "all");
    message = message_stamped(relay->quota, frame, client->member);
    if (recipient) {
        client_send(recipient->data, message);
        relay->forwarded++;
    } else if (relay_broadcast(relay, client->member, message, true)) {
        relay->forwarded++;
    }
}

static void on_received(Client *client, const char *data, gsize length, gpointer user_data)
{
    Relay *relay = user_data;
    Envelope frame;
    EnvelopeResult result = envelope_scan(data, length, &frame);

    relay_begin(relay);
    if (result == ENVELOPE_OK) {
        relay_forward(relay, client, &frame);
        relay_relieve(relay);
    } else {
        relay->dropped++;
        if (result == ENVELOPE_NOT_UTF8)
            client_close(client, 1007, "text frames are UTF-8");
        else
            client_bad_frame(client, envelope_result_to_string(result));
    }
    relay_end(relay);
}

static void on_gathered(Client *client, gpointer data)
{
    Relay *relay = data;

    relay_begin(relay);
    relay_relieve(relay);
    relay_end(relay);
}

static void on_dropped(Client *client, gpointer data)
{
    Relay *relay = data;

    relay->dropped++;
}

/* ---- clients ----------------------------------------------------------- */

static void relay_leave(Relay *relay, Client *client)
{
    Member *member = client->member;

    log_event(G_LOG_LEVEL_INFO,
              (.message_id = MESSAGE_CLIENT_LEFT, .remote = client_label(client),
               .room = room_name(member->room), .topic = LOG_TOPIC_MEMBERS,
               .source = client->address),
              _("%s (%s) left room /%s%s%s"), client_label(client), client->address,
              room_name(member->room), client->close_reason ? ": " : "",
              client->close_reason ? client->close_reason : "");
    if (!relay->stopping) {
        g_autoptr(Message) message = message_left(relay->quota, member);

        relay_broadcast(relay, member, message, false);
    }
    client->member = NULL;
    router_leave(relay->router, member);
    relay->open--;
    relay_changed(relay);
}

static gboolean on_check(gpointer data);

static gint64 visitor_due(Relay *relay)
{
    const Visitor *first = g_queue_peek_head(&relay->visitors);

    return first ? first->since + (gint64) relay->config->handshake_timeout : G_MAXINT64;
}

/* The relay wakes up when there is something to do, and else not at all. */
static void schedule_check(Relay *relay)
{
    gint64 due = MIN(wheel_next(&relay->checks), visitor_due(relay));
    gint64 wait = MAX(due - g_get_monotonic_time(), 0);

    if (due == G_MAXINT64 || (relay->check_id != 0 && relay->check_at <= due))
        return;
    g_clear_handle_id(&relay->check_id, g_source_remove);
    relay->check_at = due;
    relay->check_id = g_timeout_add((guint) MIN(wait / 1000 + 1, G_MAXINT), on_check, relay);
}

static void client_check_later(Relay *relay, Client *client)
{
    wheel_add(&relay->checks, &client->check, client_due(client));
    schedule_check(relay);
}

static void on_left(Client *client, gpointer data)
{
    Relay *relay = data;

    client_check_later(relay, client);
    relay_begin(relay);
    g_queue_push_tail(&relay->leaving, client);
    relay_end(relay);
}

static void check_clients(Relay *relay, gint64 now)
{
    Client *client;

    while ((client = wheel_take(&relay->checks, now))) {
        client_check(client, now);
        wheel_add(&relay->checks, &client->check, client_due(client));
    }
}

static void check_visitors(Relay *relay, gint64 now)
{
    gint64 limit = (gint64) relay->config->handshake_timeout;
    Visitor *visitor;

    while ((visitor = g_queue_peek_head(&relay->visitors)) && now - visitor->since >= limit)
        visitor_close(visitor);
}

static gboolean on_check(gpointer data)
{
    Relay *relay = data;
    gint64 now = g_get_monotonic_time();

    relay->check_id = 0;
    check_visitors(relay, now);
    check_clients(relay, now);
    schedule_check(relay);
    return G_SOURCE_REMOVE;
}

static void on_opened(Client *client, gpointer data)
{
    Relay *relay = data;
    Member *member = client->member;
    g_autoptr(Message) joined = message_joined(relay->quota, member);

    relay_begin(relay);
    relay->open++;
    log_event(G_LOG_LEVEL_INFO,
              (.message_id = MESSAGE_CLIENT_JOINED, .remote = client_label(client),
               .room = room_name(member->room), .topic = LOG_TOPIC_MEMBERS,
               .source = client->address),
              _("%s (%s) joined room /%s"), client_label(client), client->address,
              room_name(member->room));
    if (client->rtcbus) {
        g_autoptr(Message) welcome = message_welcome(relay->quota, member);

        client_send(client, welcome);
    }
    relay_broadcast(relay, member, joined, false);
    relay_changed(relay);
    relay_end(relay);
}

static void finish_stop(Relay *relay)
{
    GSourceFunc done = g_steal_pointer(&relay->done);

    g_clear_handle_id(&relay->stop_id, g_source_remove);
    if (done)
        done(relay->done_data);
}

static void on_gone(Client *client, gpointer data)
{
    Relay *relay = data;

    if (client->state == CLIENT_OPENING) /* it never was in the room for anybody */
        router_leave(relay->router, g_steal_pointer(&client->member));
    else
        client_ended(client);
    g_assert(!client->member);
    g_queue_unlink(&relay->clients, &client->link);
    wheel_remove(&relay->checks, &client->check);
    quota_leave(relay->quota, client->account, true);
    client_free(client);
    if (relay->stopping && relay->clients.length == 0)
        finish_stop(relay);
}

/* ---- visitors ---------------------------------------------------------- */

static void refuse(Relay *relay, Visitor *visitor, int status, const char *text,
                   guint retry_after)
{
    log_event(G_LOG_LEVEL_WARNING,
              (.message_id = MESSAGE_CLIENT_REFUSED, .remote = visitor->address,
               .topic = LOG_TOPIC_REFUSALS, .source = visitor->address),
              _("refused %s with %d: %s"), visitor->address, status, text);
    visitor_answer(visitor, status, text, retry_after);
}

static int error_status(const GError *error)
{
    switch ((RouterError) error->code) {
    case ROUTER_ERROR_NAME_TAKEN:
        return 409;
    case ROUTER_ERROR_TOO_MANY_ROOMS:
        return 503;
    case ROUTER_ERROR_BAD_ROOM:
    case ROUTER_ERROR_BAD_NAME:
        break;
    }
    return 400;
}

static void admit(Relay *relay, Visitor *visitor, const Handshake *handshake, Client *client)
{
    client->account = g_steal_pointer(&visitor->account);
    client->address = g_steal_pointer(&visitor->address);
    client->origin = printable(handshake->origin ? handshake->origin : "");
    client->rtcbus = handshake->rtcbus;
    g_queue_push_tail_link(&relay->clients, &client->link);
    client_check_later(relay, client);
    server_adopt(relay->server, visitor_take(visitor), handshake, client);
}

static void serve_page(Relay *relay, Visitor *visitor, const Handshake *request)
{
    g_auto(WebAnswer) answer = {};

    if (web_find(relay->web, request, &answer))
        visitor_send(visitor, answer.head, answer.body);
    else
        visitor_answer(visitor, 404,
                       "This is rtcbus-relay, a signaling relay for WebRTC: "
                       "connect with a WebSocket. No page is served here.",
                       0);
}

/* Whoever asks for a name that is taken may be the one who has it, come back
 * after its machine or its link was gone, which nobody has told us. Returns
 * after how many seconds we know; 0: the holder lives. */
static guint probe_holder(Relay *relay, const Handshake *handshake)
{
    RelayRoom *room = router_find_room(relay->router, handshake->room);
    Client *holder = room_find(room, handshake->name)->data;
    bool undecided = client_probe(holder, g_get_monotonic_time());

    client_check_later(relay, holder);
    return undecided ? CLIENT_PROBE_LIMIT / G_USEC_PER_SEC + 1 : 0;
}

static void refuse_member(Relay *relay, Visitor *visitor, const Handshake *handshake,
                          const GError *error)
{
    int status = error_status(error);
    guint retry_after = 0;

    if (g_error_matches(error, ROUTER_ERROR, ROUTER_ERROR_NAME_TAKEN))
        retry_after = probe_holder(relay, handshake);
    else if (status == 503)
        retry_after = FULL_RETRY;
    refuse(relay, visitor, status, error->message, retry_after);
}

static void on_request(Visitor *visitor, const Handshake *handshake, gpointer data)
{
    Relay *relay = data;
    g_autoptr(GError) error = NULL;
    const char *reason;
    Client *client;

    if (!handshake->upgrade) {
        serve_page(relay, visitor, handshake);
        return;
    }
    if (!origin_admits(handshake, relay->config, g_get_host_name(), &reason)) {
        refuse(relay, visitor, 403, reason, 0);
        return;
    }
    client = client_new(&relay->owner);
    client->member = router_join(relay->router, handshake->room, handshake->name, client, &error);
    if (!client->member) {
        refuse_member(relay, visitor, handshake, error);
        client_free(client);
        return;
    }
    if (!quota_upgrade(relay->quota, visitor->account)) {
        refuse(relay, visitor, 503, "there are too many connections", FULL_RETRY);
        router_leave(relay->router, client->member);
        client_free(client);
        return;
    }
    admit(relay, visitor, handshake, client);
}

static void on_visitor_gone(Visitor *visitor, gpointer data)
{
    Relay *relay = data;

    g_queue_unlink(&relay->visitors, &visitor->link);
    if (visitor->account)
        quota_leave(relay->quota, visitor->account, false);
}

static const VisitorEvents visitor_events = {on_request, on_visitor_gone};

/* Too many: a word in passing, without spending anything on it. */
static void turn_away(int fd)
{
    g_autofree char *answer =
        handshake_answer(503, "there are too many connections from this address or in all",
                         FULL_RETRY, true);
    char buffer[4096];

    /* What has come already is read, or closing would reset the connection. */
    if (recv(fd, buffer, sizeof buffer, 0) >= -1)
        (void) !send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    close(fd);
}

static void on_connection(int fd, const struct sockaddr *address, gpointer data)
{
    Relay *relay = data;
    Account *account = quota_enter(relay->quota, address);
    Visitor *visitor;

    if (!account) {
        log_event(G_LOG_LEVEL_WARNING,
                  (.message_id = MESSAGE_CLIENT_REFUSED, .topic = LOG_TOPIC_CONNECTIONS),
                  _("a connection was turned away: there are too many"));
        turn_away(fd);
        return;
    }
    visitor = visitor_new(&relay->loop, fd, account, address, &visitor_events, relay);
    g_queue_push_tail_link(&relay->visitors, &visitor->link);
    schedule_check(relay);
}

/* ---- life -------------------------------------------------------------- */

/* The relay does its work without the page too. */
static void load_page(Relay *relay)
{
    const RelayConfig *config = relay->config;
    const char *directory = *config->web_directory ? config->web_directory : PKGDATADIR "/web";
    g_autoptr(GError) error = NULL;

    if (!web_load(relay->web, config->web_enabled ? directory : NULL, &error))
        log_warning(_("the web page is not loaded: %s"), error->message);
}

/* PingInterval may be another. */
static void restart_checks(Relay *relay)
{
    gint64 grain = (gint64) relay->config->ping_interval / GRAINS_PER_INTERVAL;

    for (GList *link = relay->clients.head; link; link = link->next)
        wheel_remove(&relay->checks, &((Client *) link->data)->check);
    wheel_init(&relay->checks, MIN(grain, MAX_GRAIN), g_get_monotonic_time());
    g_clear_handle_id(&relay->check_id, g_source_remove);
    for (GList *link = relay->clients.head; link; link = link->next)
        client_check_later(relay, link->data);
    schedule_check(relay);
}

static void apply_limits(Relay *relay)
{
    const RelayConfig *config = relay->config;
    QuotaLimits limits = {
        .max_clients = config->max_connections,
        .max_visitors = config->max_handshakes,
        .max_per_address = config->max_connections_per_address,
        .max_bytes = config->max_buffered,
    };

    quota_set_limits(relay->quota, &limits);
    router_set_max_rooms(relay->router, config->max_rooms);
    restart_checks(relay);
}

void relay_reload(Relay *relay)
{
    apply_limits(relay);
    load_page(relay);
}

static void on_turn_over(gpointer data)
{
    Relay *relay = data;

    client_flush_all(&relay->unsent);
}

Relay *relay_new(const RelayConfig *config, char **listen, GError **error)
{
    static const ServerEvents server_events = {on_opened, on_gone};
    QuotaLimits none = {};
    Relay *relay = g_new0(Relay, 1);

    relay->config = config;
    relay->quota = quota_new(&none);
    relay->router = router_new();
    relay->web = web_new();
    relay->owner = (ClientOwner){
        .config = config,
        .quota = relay->quota,
        .received = on_received,
        .gathered = on_gathered,
        .dropped = on_dropped,
        .left = on_left,
        .relay = relay,
        .unsent = &relay->unsent,
    };
    uv_loop_init(&relay->loop);
    relay->source = loop_attach(&relay->loop, on_turn_over, relay);
    apply_limits(relay);
    relay->server = server_new(&relay->loop, &server_events, relay, error);
    if (relay->server)
        relay->listener = listener_new(&relay->loop, listen, on_connection, relay, error);
    if (!relay->listener) {
        relay_free(relay);
        return NULL;
    }
    load_page(relay);
    return relay;
}

static gboolean on_stop_timeout(gpointer data)
{
    Relay *relay = data;

    relay->stop_id = 0;
    finish_stop(relay);
    return G_SOURCE_REMOVE;
}

void relay_stop(Relay *relay, GSourceFunc done, gpointer data)
{
    relay->stopping = true;
    relay->done = done;
    relay->done_data = data;
    g_clear_pointer(&relay->listener, listener_free);
    while (relay->visitors.head)
        visitor_close(relay->visitors.head->data);
    for (GList *link = relay->clients.head; link; link = link->next)
        client_close(link->data, 1001, "the relay is going away");
    if (relay->clients.length == 0)
        finish_stop(relay);
    else
        relay->stop_id = g_timeout_add(STOP_TIMEOUT_MS, on_stop_timeout, relay);
}

void relay_free(Relay *relay)
{
    if (!relay)
        return;
    relay->stopping = true;
    relay->done = NULL;
    g_clear_pointer(&relay->listener, listener_free);
    while (relay->visitors.head)
        visitor_close(relay->visitors.head->data);
    g_clear_pointer(&relay->server, server_free);
    g_source_destroy(relay->source);
    g_source_unref(relay->source);
    loop_finish(&relay->loop);
    g_clear_handle_id(&relay->check_id, g_source_remove);
    g_clear_handle_id(&relay->change_id, g_source_remove);
    g_clear_handle_id(&relay->stop_id, g_source_remove);
    router_free(relay->router);
    web_free(relay->web);
    quota_free(relay->quota);
    g_free(relay);
}
