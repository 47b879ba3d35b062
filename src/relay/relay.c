/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See relay.h. Everything runs in one thread, from the libuv loop that lives
 * in the main context (loop.h); what a client does, it does in its turn
 * (traffic.h). Sending to a room can close some of those in it; they leave the
 * room only when the sending is done.
 */

#include <config.h>

#include "relay/relay.h"

#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory-trim.h"
#include "common/names.h"
#include "common/printable.h"
#include "relay/admission.h"
#include "relay/certificate-watch.h"
#include "relay/client.h"
#include "relay/drain.h"
#include "relay/forward.h"
#include "relay/ice-renewal.h"
#include "relay/listener.h"
#include "relay/loop.h"
#include "relay/others.h"
#include "relay/traffic.h"
#include "relay/web.h"

#define CHANGE_DELAY_MS 100
#define GRAINS_PER_INTERVAL 16 /* how exact PingInterval is */
#define MAX_GRAIN G_USEC_PER_SEC
#define STOP_TIMEOUT_MS 1000
/* Memory goes back when so much less is in use than was */
#define TRIM_DELAY_MS 1000
#define TRIM_BYTES (4 << 20)
#define TRIM_CLIENTS 256

struct Relay {
    const RelayConfig *config;
    uv_loop_t loop;
    GSource *source;
    Quota *quota;
    Router *router;
    Traffic *traffic;
    Forwarding forward;
    Others others;
    Cluster *cluster; /* NULL: this relay is alone */
    Admission *admission;
    Listener *listener, *tls_listener;
    CertificateWatch *certificates;
    Web *web;
    Access *access;
    Refusals *refusals;
    IceOffer *ice_offer;
    ClientOps client_ops;
    GQueue clients; /* the oldest first */
    Wheel checks;   /* of clients */
    GQueue leaving; /* closed, but still in their rooms */
    guint busy;     /* as long as it is not 0, nobody leaves a room */
    guint open;     /* clients in a room */
    guint most;     /* clients that there were at once, since memory was given back */
    guint64 accepted, accepted_tls, joined;
    Histogram latency; /* of frames */
    Drain *drain;      /* NULL: clients may stay */
    guint check_id, change_id, stop_id, trim_id;
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
        relay->change_id = clock_timer_add(CHANGE_DELAY_MS, on_change_due, relay);
}

void relay_on_change(Relay *relay, void (*func)(gpointer data), gpointer data)
{
    relay->changed = func;
    relay->changed_data = data;
}

static const char *const no_addresses[] = {NULL};

const char *const *relay_listening(const Relay *relay)
{
    return relay->listener ? listener_addresses(relay->listener) : no_addresses;
}

const char *const *relay_tls_listening(const Relay *relay)
{
    return relay->tls_listener ? listener_addresses(relay->tls_listener) : no_addresses;
}

const char *relay_warning(const Relay *relay)
{
    return certificate_watch_warning(relay->certificates);
}

void relay_counters(const Relay *relay, RelayCounters *out)
{
    out->connections = relay->open;
    out->rooms = router_count_rooms(relay->router);
    out->forwarded = relay->forward.forwarded;
    out->dropped = relay->forward.dropped;
    out->refused = refusals_count(relay->refusals);
    out->handshakes = admission_handshakes(relay->admission);
    out->accepted = relay->accepted;
    out->accepted_tls = relay->accepted_tls;
    out->joined = relay->joined;
    out->buffered = quota_bytes(relay->quota);
    out->latency = &relay->latency;
    out->refusals = admission_refusals(relay->admission, &out->n_refusals);
    out->certificate_expires = relay->config->tls ? tls_credentials_expire(relay->config->tls) : 0;
    out->draining = relay->drain != NULL;
    cluster_counters(relay->cluster, &out->cluster);
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
    for (Member *member = room_first(room); member; member = member_next(member)) {
        Client *client = member->data;
        RelayClientInfo info = {
            .id = member->id,
            .name = member->name,
            .address = client_address(client),
            .origin = client_origin(client),
            .since = client_since(client),
            .rtcbus = client_speaks_rtcbus(client),
            .waiting = client_waiting(client),
            .grant = client_grant(client),
            .account = client_account(client),
            .max_connections = relay->config->max_connections_per_address,
        };

        func(&info, data);
    }
    return true;
}

void relay_foreach_relay(Relay *relay, void (*func)(ClusterRelay *other, gpointer data),
                         gpointer data)
{
    cluster_foreach(relay->cluster, func, data);
}

const Refusals *relay_refusals(const Relay *relay)
{
    return relay->refusals;
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
    if (!quota_exceeded(relay->quota))
        return;
    for (GList *link = relay->clients.head; link; link = link->next)
        client_hurry(link->data); /* they may read fast enough */
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

static void relay_probe(Relay *relay, Client *client);

static void on_sent(Client *client, gpointer data)
{
    relay_probe(data, client);
}

static bool on_received(Client *client, const char *data, gsize length, gpointer user_data)
{
    Relay *relay = user_data;
    bool done;

    relay_begin(relay);
    done = forward_message(&relay->forward, client, data, length);
    relay_relieve(relay);
    relay_end(relay);
    return done;
}

static void on_ready(Client *client, FairEntry *entry, gpointer data)
{
    traffic_ready(((Relay *) data)->traffic, client, entry);
}

static void on_congested(Client *client, bool is, gpointer data)
{
    Relay *relay = data;

    traffic_congested(relay->traffic, client, is);
    if (client_member(client))
        cluster_congested(relay->cluster, client_member(client), is);
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

    relay->forward.dropped++;
}

/* ---- clients ----------------------------------------------------------- */

static void relay_leave(Relay *relay, Client *client)
{
    Member *member = client_member(client);
    const char *reason = client_close_reason(client);

    log_event(G_LOG_LEVEL_INFO,
              (.message_id = MESSAGE_CLIENT_LEFT, .remote = client_label(client),
               .room = room_name(member->room), .topic = LOG_TOPIC_MEMBERS,
               .source = client_address(client)),
              _("%s (%s) left room /%s%s%s"), client_label(client), client_address(client),
              room_name(member->room), reason && *reason ? ": " : "", reason ? reason : "");
    if (!relay->drain) { /* else nobody stays who would have to know */
        g_autoptr(Message) message = message_left(relay->quota, member->id, member->name);

        forward_to_room(member->room, member, message, false);
    }
    cluster_left(relay->cluster, member);
    admission_leave(relay->admission, client);
    relay->open--;
    relay_changed(relay);
}

static gboolean on_check(gpointer data);

/* The relay wakes up when there is something to do, and else not at all. */
static void schedule_check(Relay *relay)
{
    gint64 due = MIN(wheel_next(&relay->checks), admission_due(relay->admission));
    gint64 wait = MAX(due - clock_monotonic(), 0);

    if (due == G_MAXINT64 || (relay->check_id != 0 && relay->check_at <= due))
        return;
    g_clear_handle_id(&relay->check_id, g_source_remove);
    relay->check_at = due;
    relay->check_id = clock_timer_add((guint) MIN(wait / 1000 + 1, G_MAXINT), on_check, relay);
}

static void client_check_later(Relay *relay, Client *client)
{
    wheel_add(&relay->checks, client_check_entry(client), client_due(client));
    schedule_check(relay);
}

/* Whoever sends it a frame waits for what it says: one that has gone without a word is
 * not to be waited for as long as a silent one may stay. */
static void relay_probe(Relay *relay, Client *client)
{
    if (client_probe(client, clock_monotonic()))
        client_check_later(relay, client);
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
        ice_renewal_check(relay->ice_offer, relay->quota, client, now);
        wheel_add(&relay->checks, client_check_entry(client), client_due(client));
    }
}

static gboolean on_check(gpointer data)
{
    Relay *relay = data;
    gint64 now = clock_monotonic();

    relay->check_id = 0;
    admission_check(relay->admission, now);
    check_clients(relay, now);
    schedule_check(relay);
    return G_SOURCE_REMOVE;
}

static void announce(Relay *relay, Client *client)
{
    Member *member = client_member(client);
    g_autoptr(Message) joined = message_joined(relay->quota, member->id, member->name);

    relay_begin(relay);
    relay->open++;
    relay->joined++;
    relay->most = MAX(relay->most, relay->open);
    log_event(G_LOG_LEVEL_INFO,
              (.message_id = MESSAGE_CLIENT_JOINED, .remote = client_label(client),
               .room = room_name(member->room), .topic = LOG_TOPIC_MEMBERS,
               .source = client_address(client)),
              _("%s (%s) joined room /%s"), client_label(client), client_address(client),
              room_name(member->room));
    if (client_speaks_rtcbus(client)) {
        g_autofree char *servers = ice_renewal_begin(relay->ice_offer, client, clock_monotonic());
        const ClusterMember *others = cluster_first(relay->cluster, room_name(member->room));
        g_autoptr(Message) welcome =
            message_welcome(relay->quota, member, others, client_resume(client), servers);

        client_send(client, welcome);
    }
    forward_to_room(member->room, member, joined, false);
    cluster_joined(relay->cluster, member, client_resume(client));
    relay_changed(relay);
    relay_end(relay);
}

static void on_admitted(Client *client, const Wire *wire, const Handshake *handshake, gpointer data)
{
    Relay *relay = data;

    g_queue_push_tail_link(&relay->clients, client_link(client));
    relay_begin(relay);
    client_open(client, &relay->loop, wire, handshake);
    announce(relay, client);
    client_check_later(relay, client);
    relay_end(relay);
}

static void on_probed(Client *client, gpointer data)
{
    client_check_later(data, client);
}

static void on_begun(gpointer data)
{
    schedule_check(data);
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
    Account *account = client_account(client);

    client_kill(client, NULL);
    g_assert(!client_member(client));
    g_queue_unlink(&relay->clients, client_link(client));
    wheel_remove(&relay->checks, client_check_entry(client));
    client_free(client);
    quota_give_back(relay->quota, account, QUOTA_CLIENTS);
    if (relay->stopping && relay->clients.length == 0)
        finish_stop(relay);
}

static void on_connection(int fd, const struct sockaddr *address, gpointer data)
{
    Relay *relay = data;

    relay->accepted++;
    admission_begin(relay->admission, fd, address, NULL);
}

static void on_tls_connection(int fd, const struct sockaddr *address, gpointer data)
{
    Relay *relay = data;

    relay->accepted_tls++;
    if (!relay->config->tls) { /* taken out of the configuration; never without TLS on this port */
        close(fd);
        return;
    }
    admission_begin(relay->admission, fd, address, relay->config->tls);
}

/* ---- other relays ------------------------------------------------------ */

static void on_others_begin(gpointer data)
{
    relay_begin(data);
}

static void on_others_end(gpointer data)
{
    relay_relieve(data);
    relay_end(data);
}

static void on_others_changed(gpointer data)
{
    relay_changed(data);
}

static bool join_cluster(Relay *relay, GError **error)
{
    g_autoptr(GError) local = NULL;

    relay->forward = (Forwarding){
        .router = relay->router,
        .traffic = relay->traffic,
        .quota = relay->quota,
        .sent = on_sent,
        .data = relay,
    };
    relay->others = (Others){
        .forward = &relay->forward,
        .begin = on_others_begin,
        .end = on_others_end,
        .changed = on_others_changed,
        .data = relay,
    };
    relay->cluster = others_join(&relay->others, &relay->loop, relay->config, &local);
    relay->forward.cluster = relay->cluster;
    if (!local)
        return true;
    g_propagate_error(error, g_steal_pointer(&local));
    return false;
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
        wheel_remove(&relay->checks, client_check_entry(link->data));
    wheel_init(&relay->checks, MIN(grain, MAX_GRAIN), clock_monotonic());
    g_clear_handle_id(&relay->check_id, g_source_remove);
    for (GList *link = relay->clients.head; link; link = link->next)
        client_check_later(relay, link->data);
    schedule_check(relay);
}

static void apply_limits(Relay *relay)
{
    const RelayConfig *config = relay->config;
    QuotaLimits limits = {
        .max = {[QUOTA_CLIENTS] = config->max_connections,
                [QUOTA_HANDSHAKES] = config->max_handshakes,
                [QUOTA_ROOMS] = config->max_rooms},
        .max_per_address = config->max_connections_per_address,
        .max_bytes = config->max_buffered,
    };

    quota_set_limits(relay->quota, &limits);
    router_set_max_rooms(relay->router, config->max_rooms);
    restart_checks(relay);
}

/* Its files were read a moment ago, when the configuration was. Who would not be let in
 * any more goes. */
static void load_access(Relay *relay)
{
    g_autoptr(GError) error = NULL;

    if (!access_load(relay->access, relay->config, &error))
        log_error(_("who may come in stays as it was: %s"), error->message);
    relay_begin(relay);
    for (GList *link = relay->clients.head; link; link = link->next) {
        if (!access_still_grants(relay->access, client_grant(link->data)))
            client_close(link->data, 1008, "this relay wants another token now");
    }
    relay_end(relay);
}

static void load_ice_offer(Relay *relay)
{
    guint generation = ice_offer_generation(relay->ice_offer);
    g_autoptr(GError) error = NULL;

    if (!ice_offer_load(relay->ice_offer, relay->config, &error))
        log_error(_("the ICE servers stay as they were: %s"), error->message);
    if (ice_offer_generation(relay->ice_offer) != generation)
        ice_renewal_for_all(&relay->clients, clock_monotonic());
}

void relay_reload(Relay *relay)
{
    load_ice_offer(relay); /* before the checks begin anew */
    apply_limits(relay);
    load_access(relay);
    load_page(relay);
    certificate_watch_set(relay->certificates, relay->config->tls);
}

static gboolean on_trim(gpointer data)
{
    Relay *relay = data;

    relay->trim_id = 0;
    relay->most = relay->open;
    quota_forget_peak(relay->quota);
    memory_trim();
    return G_SOURCE_REMOVE;
}

/* What many clients or a flood have needed goes back when they are over. */
static void trim_later(Relay *relay)
{
    if (relay->trim_id != 0 || (quota_peak(relay->quota) < quota_bytes(relay->quota) + TRIM_BYTES &&
                                relay->most < relay->open + TRIM_CLIENTS))
        return;
    relay->trim_id = clock_timer_add(TRIM_DELAY_MS, on_trim, relay);
}

static void on_turn(gpointer data)
{
    Relay *relay = data;

    traffic_run(relay->traffic, on_gone, relay);
    cluster_run(relay->cluster);
    admission_run(relay->admission, traffic_is_pending(relay->traffic));
    trim_later(relay);
}

static bool on_pending(gpointer data)
{
    const Relay *relay = data;

    return traffic_is_pending(relay->traffic) || cluster_is_pending(relay->cluster) ||
           admission_is_pending(relay->admission);
}

static void on_certificates(gpointer data)
{
    relay_changed(data);
}

static void set_up_admission(Relay *relay)
{
    static const AdmissionOps ops = {on_admitted, on_probed, on_begun};
    const AdmissionWorld world = {
        .loop = &relay->loop,
        .config = relay->config,
        .quota = relay->quota,
        .router = relay->router,
        .traffic = relay->traffic,
        .web = relay->web,
        .access = relay->access,
        .cluster = relay->cluster,
        .refusals = relay->refusals,
        .clients = &relay->clients,
        .client_ops = &relay->client_ops,
    };

    relay->admission = admission_new(&world, &ops, relay);
}

static bool start_listening(Relay *relay, char **listen, GError **error)
{
    relay->listener = listener_new(&relay->loop, listen, on_connection, relay, error);
    if (relay->listener)
        relay->tls_listener =
            listener_new(&relay->loop, relay->config->tls_listen, on_tls_connection, relay, error);
    return relay->tls_listener;
}

Relay *relay_new(const RelayConfig *config, char **listen, GError **error)
{
    static const LoopOps loop_ops = {on_turn, on_pending};
    QuotaLimits none = {};
    bool joined;
    Relay *relay = g_new0(Relay, 1);

    relay->config = config;
    relay->quota = quota_new(&none);
    relay->router = router_new();
    relay->traffic = traffic_new();
    relay->web = web_new();
    relay->access = access_new();
    relay->refusals = refusals_new();
    relay->ice_offer = ice_offer_new();
    relay->client_ops = (ClientOps){
        .config = config,
        .quota = relay->quota,
        .latency = &relay->latency,
        .received = on_received,
        .gathered = on_gathered,
        .dropped = on_dropped,
        .ready = on_ready,
        .congested = on_congested,
        .left = on_left,
        .relay = relay,
    };
    uv_loop_init(&relay->loop);
    relay->source = loop_attach(&relay->loop, &loop_ops, relay);
    joined = join_cluster(relay, error);
    set_up_admission(relay);
    apply_limits(relay);
    relay->certificates = certificate_watch_new(on_certificates, relay);
    if (!joined || !access_load(relay->access, config, error) ||
        !ice_offer_load(relay->ice_offer, config, error) ||
        !start_listening(relay, listen, error)) {
        relay_free(relay);
        return NULL;
    }
    load_page(relay);
    certificate_watch_set(relay->certificates, config->tls);
    return relay;
}

static gboolean on_stop_timeout(gpointer data)
{
    Relay *relay = data;

    relay->stop_id = 0;
    finish_stop(relay);
    return G_SOURCE_REMOVE;
}

void relay_drain(Relay *relay)
{
    if (relay->drain)
        return;
    if (relay->clients.length > 0)
        log_info(_("%u clients are sent away"), relay->clients.length);
    admission_shut(relay->admission);
    cluster_set_leaving(relay->cluster);
    relay->drain = drain_new(&relay->clients, (gint64) relay->config->drain_time);
    relay_changed(relay);
}

/* Who comes meanwhile hears that he is to come back. */
void relay_stop(Relay *relay, GSourceFunc done, gpointer data)
{
    relay_drain(relay);
    relay->stopping = true;
    relay->done = done;
    relay->done_data = data;
    if (relay->clients.length == 0)
        finish_stop(relay);
    else
        relay->stop_id = clock_timer_add(drain_milliseconds(relay->drain) + STOP_TIMEOUT_MS,
                                         on_stop_timeout, relay);
}

void relay_free(Relay *relay)
{
    if (!relay)
        return;
    relay->stopping = true;
    relay->done = NULL;
    g_clear_pointer(&relay->listener, listener_free);
    g_clear_pointer(&relay->tls_listener, listener_free);
    admission_close_all(relay->admission);
    g_clear_pointer(&relay->certificates, certificate_watch_free);
    if (!relay->drain)
        relay->drain = drain_new(&relay->clients, 0);
    while (relay->clients.head)
        on_gone(relay->clients.head->data, relay);
    cluster_free(relay->cluster);
    g_source_destroy(relay->source);
    g_source_unref(relay->source);
    loop_finish(&relay->loop);
    g_clear_handle_id(&relay->check_id, g_source_remove);
    g_clear_handle_id(&relay->change_id, g_source_remove);
    g_clear_handle_id(&relay->stop_id, g_source_remove);
    g_clear_handle_id(&relay->trim_id, g_source_remove);
    drain_free(relay->drain);
    admission_free(relay->admission);
    traffic_free(relay->traffic);
    router_free(relay->router);
    web_free(relay->web);
    access_free(relay->access);
    refusals_free(relay->refusals);
    ice_offer_free(relay->ice_offer);
    quota_free(relay->quota);
    g_free(relay);
}
