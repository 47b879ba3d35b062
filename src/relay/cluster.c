/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See cluster.h. It binds the parts that know nothing of one another: the link to NATS, the streams
 * between relays, who is there, and whose a name is. What they want done comes back by callbacks, and
 * what those decide for a newcomer is told when they are through.
 *
 * Subjects, with the cluster's Name in front: NAME.all is for all, NAME.relay.ID for one relay, and
 * NAME.reply.ID.* for what the store answers it.
 */

#include <config.h>

#include "relay/cluster.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/secret-file.h"
#include "relay/cluster-link.h"
#include "relay/cluster-questions.h"

#define START_TIME (2 * G_USEC_PER_SEC)     /* in which a client waits for NATS */
#define STORE_RETRY (G_USEC_PER_SEC)        /* to make one */
#define STORE_PATIENCE (5 * G_USEC_PER_SEC) /* as servers may be choosing a leader */
#define CONTENDED_RETRY 1 /* seconds, told to whom a name is refused that nobody shows */
#define PROBED_RETRY 4    /* the same, of a name whose client is asked if it lives */
#define MAX_REPLICAS 3
#define FLOW_SHARE 8 /* of MaxQueue may be on its way to one room at one relay */

struct Cluster {
    const ClusterOps *ops;
    gpointer data;
    const RelayConfig *config;
    Router *router;
    char self[ROUTER_ID_LENGTH + 1];
    char *name, *server;
    char *all, *one, *reply; /* subjects; the last two end where an id or an answer's kind begins */
    ClusterLink *link;
    ClusterRelays *relays;
    ClusterMembers *members;
    ClusterNames *names;
    GByteArray *buffer;
    GQueue decided;      /* newcomers who are to ask again */
    GHashTable *waiting; /* newcomers who were told to wait */
    GQueue early;        /* those of them who came before we knew of the others */
    bool relieved;       /* who had to wait may go on */
    gint64 choked;       /* since when too much waits for NATS; 0: it does not */
    gint64 started;
    bool connected, was_connected, store;
    bool told;                        /* the administrator, that there is no connection */
    gint64 store_asked, store_missed; /* since when we are without one */
    bool told_store;                  /* the administrator, that there is none */
    char store_reason[CLUSTER_STORE_REASON];
    ClusterQuestions questions;
    guint64 connections;
    guint timer;
    gint64 timer_at;
};

static void run(Cluster *cluster);

/* ---- what goes out ------------------------------------------------------------ */

static bool on_send(const char *to, const ClusterMessage *message, gpointer data)
{
    Cluster *cluster = data;
    g_autofree char *subject = to ? g_strconcat(cluster->one, to, NULL) : NULL;
    ClusterPost post = {
        .subject = to ? subject : cluster->all,
        .expected = -1,
        .bulk = message->type == CLUSTER_FRAME,
    };

    g_byte_array_set_size(cluster->buffer, 0);
    cluster_message_encode(message, cluster->buffer);
    post.data = (const char *) cluster->buffer->data;
    post.size = cluster->buffer->len;
    return cluster_link_send(cluster->link, &post);
}

static void fill_member(ClusterMessage *message, const Cluster *cluster, const Member *member)
{
    *message = (ClusterMessage){.type = CLUSTER_JOINED};
    g_strlcpy(message->id, member->id, sizeof message->id);
    g_strlcpy(message->name, member->name, sizeof message->name);
    g_strlcpy(message->room, room_name(member->room), sizeof message->room);
    if (*member->name)
        message->revision = cluster_names_revision(cluster->names, message->room, member->name);
}

typedef struct {
    Cluster *cluster;
    ClusterRelay *relay;
    bool sent;
} Snapshot;

static void fill_congested(ClusterMessage *message, const Member *member, bool is)
{
    *message = (ClusterMessage){.type = is ? CLUSTER_CONGESTED : CLUSTER_RELIEVED};
    g_strlcpy(message->id, member->id, sizeof message->id);
}

static bool snapshot_member(Cluster *cluster, ClusterRelay *relay, const Member *member)
{
    ClusterMessage joined, congested;

    fill_member(&joined, cluster, member);
    if (!cluster_relays_send(cluster->relays, relay, &joined))
        return false;
    if (!cluster->ops->is_congested(member, cluster->data))
        return true;
    fill_congested(&congested, member, true);
    return cluster_relays_send(cluster->relays, relay, &congested);
}

static void snapshot_room(RelayRoom *room, gpointer data)
{
    Snapshot *snapshot = data;

    for (const Member *member = room_first(room); member && snapshot->sent;
         member = member_next(member))
        snapshot->sent = snapshot_member(snapshot->cluster, snapshot->relay, member);
}

static bool on_snapshot(ClusterRelay *relay, gpointer data)
{
    Cluster *cluster = data;
    Snapshot snapshot = {cluster, relay, true};

    router_foreach_room(cluster->router, snapshot_room, &snapshot);
    return snapshot.sent;
}

/* ---- what comes in ------------------------------------------------------------ */

static bool take_frame(Cluster *cluster, const ClusterRelay *relay, const ClusterMessage *message)
{
    const ClusterMember *sender = cluster_members_find_id(cluster->members, message->id);

    if (!sender || sender->origin != &relay->origin ||
        strcmp(cluster_member_room(sender), message->room) != 0)
        return false;
    return cluster->ops->frame(sender, *message->to ? message->to : NULL, message->text,
                               message->text_size, cluster->data);
}

static bool on_received(ClusterRelay *relay, const ClusterMessage *message, gpointer data)
{
    Cluster *cluster = data;

    switch (message->type) {
    case CLUSTER_BEGIN:
        cluster_members_begin(cluster->members, &relay->origin);
        break;
    case CLUSTER_END:
        cluster_members_end(cluster->members, &relay->origin);
        break;
    case CLUSTER_JOINED:
        cluster_members_join(cluster->members, &relay->origin, message->id, message->room,
                             message->name, message->revision);
        break;
    case CLUSTER_LEFT:
        cluster_members_leave(cluster->members, &relay->origin, message->id);
        break;
    case CLUSTER_PROBE:
        cluster->ops->probe(message->id, cluster->data);
        break;
    case CLUSTER_FRAME:
        return take_frame(cluster, relay, message);
    case CLUSTER_CONGESTED:
    case CLUSTER_RELIEVED:
        cluster_members_set_congested(cluster->members, &relay->origin, message->id,
                                      message->type == CLUSTER_CONGESTED);
        cluster->relieved |= message->type == CLUSTER_RELIEVED;
        break;
    case CLUSTER_HELLO:
    case CLUSTER_BYE:
    case CLUSTER_PING:
    case CLUSTER_ACK:
    case CLUSTER_RESYNC:
        break;
    }
    return true;
}

static void on_failed(const char *sender, const char *to, bool absent, gpointer data)
{
    Cluster *cluster = data;

    cluster->ops->failed(sender, to, absent, cluster->data);
}

static void on_relieved(gpointer data)
{
    ((Cluster *) data)->relieved = true;
}

static void on_came(ClusterRelay *relay, gpointer data)
{
    Cluster *cluster = data;

    log_event(G_LOG_LEVEL_INFO, (.topic = LOG_TOPIC_RELAY, .source = relay->origin.id),
              _("the relay %s is in the cluster"), relay->label);
    cluster->ops->changed(cluster->data);
}

static void on_gone(ClusterRelay *relay, const char *reason, gpointer data)
{
    Cluster *cluster = data;

    if (reason)
        log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_RELAY, .source = relay->origin.id),
                  _("the relay %s is gone with its %u clients: %s"), relay->label,
                  relay->origin.members.length, reason);
    else
        log_event(G_LOG_LEVEL_INFO, (.topic = LOG_TOPIC_RELAY, .source = relay->origin.id),
                  _("the relay %s has left the cluster"), relay->label);
    cluster_members_drop(cluster->members, &relay->origin);
    cluster->ops->changed(cluster->data);
}

static void on_joined(const ClusterMember *member, gpointer data)
{
    Cluster *cluster = data;
    const char *room = cluster_member_room(member);
    const RelayRoom *here = router_find_room(cluster->router, room);

    cluster->ops->joined(member, cluster->data);
    if (here && *member->name && room_find(here, member->name))
        cluster_names_contest(cluster->names, room, member->name, clock_monotonic());
}

static void on_left(const ClusterMember *member, gpointer data)
{
    Cluster *cluster = data;

    cluster->ops->left(member, cluster->data);
}

/* ---- names -------------------------------------------------------------------- */

static bool on_put(guint32 token, const char *key, guint64 expected, const char *value,
                   gpointer data)
{
    return cluster_questions_put(&((Cluster *) data)->questions, token, key, expected, value);
}

static bool on_get(guint32 token, const char *key, gpointer data)
{
    return cluster_questions_get(&((Cluster *) data)->questions, token, key);
}

static void ask_for_store(Cluster *cluster, gint64 now)
{
    cluster->store_asked = now;
    cluster_questions_make_store(&cluster->questions, CLUSTER_NAMES_AGE);
}

static void set_store(Cluster *cluster, bool store)
{
    if (cluster->store == store)
        return;
    cluster->store = store;
    cluster->store_missed = clock_monotonic();
    if (store && cluster->told_store)
        log_info(_("there is a store for names again"));
    cluster->told_store &= !store;
    cluster_names_set_online(cluster->names, store, clock_monotonic());
    cluster->ops->changed(cluster->data);
}

/* Once, that we are connected and there is none. */
static void tell_of_store(Cluster *cluster, gint64 now)
{
    if (cluster->told_store || now - cluster->store_missed < STORE_PATIENCE)
        return;
    cluster->told_store = true;
    log_warning(
        _("NATS has no store for names: %s. Each relay decides by itself whose a name is, and "
          "asks for a store again"),
        *cluster->store_reason ? cluster->store_reason : _("no answer"));
}

static ClusterRelayState on_relay_state(const char *relay, gpointer data)
{
    return cluster_relays_state(((Cluster *) data)->relays, relay, clock_monotonic());
}

static bool on_is_present(const char *room, const char *name, gpointer data)
{
    return cluster_members_find(((Cluster *) data)->members, room, name) != NULL;
}

static void on_decided(gpointer waiter, gpointer data)
{
    g_queue_push_tail(&((Cluster *) data)->decided, waiter);
}

static void on_lost(const char *room, const char *name, gpointer data)
{
    Cluster *cluster = data;

    cluster->ops->lost(room, name, cluster->data);
}

/* An answer, whose subject ends in what kind it is and the token of the question */
static void take_answer(Cluster *cluster, const ClusterMail *mail, const char *token)
{
    guint32 number = (guint32) g_ascii_strtoull(token + 1, NULL, 10);
    ClusterStoreAnswer answer = *token == CLUSTER_ANSWER_GET
                                    ? cluster_store_read_get(mail->data, mail->size, mail->status,
                                                             mail->sequence, mail->tombstone)
                                    : cluster_store_read_put(mail->data, mail->size, mail->status);

    if (*token == CLUSTER_ANSWER_STORE) {
        g_strlcpy(cluster->store_reason, answer.reason, sizeof cluster->store_reason);
        set_store(cluster, answer.result == CLUSTER_STORE_DONE);
        return;
    }
    cluster_names_answer(cluster->names, number, &answer, clock_monotonic());
    if (answer.result == CLUSTER_STORE_MISSING)
        set_store(cluster, false);
}

/* ---- the link ------------------------------------------------------------------ */

static void on_up(const char *server, gpointer data)
{
    Cluster *cluster = data;
    gint64 now = clock_monotonic();

    cluster->connected = cluster->was_connected = true;
    cluster->store_missed = now;
    *cluster->store_reason = 0;
    cluster->told = false;
    cluster->connections++;
    g_free(cluster->server);
    cluster->server = g_strdup(server);
    log_info(_("connected to NATS at %s"), server);
    cluster_relays_set_online(cluster->relays, true, now);
    ask_for_store(cluster, now);
    cluster->ops->changed(cluster->data);
}

static void on_down(const char *reason, gpointer data)
{
    Cluster *cluster = data;

    if (!cluster->told)
        log_warning(_("no connection to NATS: %s. This relay goes on with its own clients, and "
                      "tries again"),
                    reason);
    cluster->connected = false;
    cluster->told = true;
    set_store(cluster, false);
    cluster_relays_set_online(cluster->relays, false, clock_monotonic());
    cluster->ops->changed(cluster->data);
}

static void on_mail(const ClusterMail *mail, gpointer data)
{
    Cluster *cluster = data;
    const char *token = NULL;
    ClusterMessage message;

    if (g_str_has_prefix(mail->subject, cluster->reply))
        token = mail->subject + strlen(cluster->reply);
    if (token)
        take_answer(cluster, mail, token);
    else if (cluster_message_decode((const guint8 *) mail->data, mail->size, &message))
        cluster_relays_take(cluster->relays, &message, clock_monotonic());
}

static void on_begin(gpointer data)
{
    Cluster *cluster = data;

    cluster->ops->begin(cluster->data);
}

static void on_end(gpointer data)
{
    Cluster *cluster = data;

    run(cluster);
    cluster->ops->end(cluster->data);
}

/* ---- time ---------------------------------------------------------------------- */

static gboolean on_timer(gpointer data)
{
    Cluster *cluster = data;

    cluster->timer = 0;
    on_begin(cluster);
    on_end(cluster);
    return G_SOURCE_REMOVE;
}

static void schedule(Cluster *cluster, gint64 due, gint64 now)
{
    if (cluster->timer != 0 && cluster->timer_at <= due && cluster->timer_at > now)
        return;
    g_clear_handle_id(&cluster->timer, g_source_remove);
    cluster->timer_at = due;
    cluster->timer = clock_timer_add((guint) (MAX(due - now, 0) / 1000 + 1), on_timer, cluster);
}

static bool is_ready(const Cluster *cluster, gint64 now)
{
    if (!cluster->was_connected)
        return now - cluster->started >= START_TIME;
    return cluster_relays_are_synced(cluster->relays, now);
}

static void tell_decided(Cluster *cluster)
{
    gpointer waiter;

    while ((waiter = g_queue_pop_head(&cluster->decided)))
        cluster->ops->decided(waiter, cluster->data);
}

/* Does what is due, and tells newcomers. */
static void run(Cluster *cluster)
{
    gint64 now = clock_monotonic(), due;
    bool slept;

    if (cluster->connected && !cluster->store)
        tell_of_store(cluster, now);
    if (cluster->connected && !cluster->store && now - cluster->store_asked >= STORE_RETRY)
        ask_for_store(cluster, now);
    due = cluster_relays_check(cluster->relays, now, &slept);
    if (slept) { /* others may have given our names away */
        cluster_names_set_online(cluster->names, false, now);
        cluster_names_set_online(cluster->names, cluster->store, now);
    }
    due = MIN(due, cluster_names_check(cluster->names, now));
    if (cluster->early.head && is_ready(cluster, now)) {
        gpointer waiter;

        while ((waiter = g_queue_pop_head(&cluster->early)))
            on_decided(waiter, cluster);
    }
    if (cluster->early.head)
        due = MIN(due, now + START_TIME / 40);
    tell_decided(cluster);
    if (cluster->relieved)
        cluster->ops->relieved(cluster->data);
    cluster->relieved = false;
    schedule(cluster, due, now);
}

/* ---- newcomers ------------------------------------------------------------------- */

static guint retry_after(Cluster *cluster, const char *room, const char *name)
{
    const ClusterMember *holder = cluster_members_find(cluster->members, room, name);

    cluster_probe(cluster, holder);
    return holder ? PROBED_RETRY : CONTENDED_RETRY;
}

ClusterClaim cluster_claim(Cluster *cluster, const char *room, const char *name, bool owns,
                           const char *resume, gpointer waiter, guint *retry)
{
    gint64 now = clock_monotonic();
    ClusterClaim claim = CLUSTER_CLAIM_HAD;

    *retry = 0;
    if (!cluster)
        return CLUSTER_CLAIM_HAD;
    if (!is_ready(cluster, now)) {
        g_queue_push_tail(&cluster->early, waiter);
        claim = CLUSTER_CLAIM_WAITS;
    } else if (*name) {
        claim = cluster_names_claim(cluster->names, room, name, owns, resume, waiter, now);
    }
    if (claim == CLUSTER_CLAIM_WAITS)
        g_hash_table_add(cluster->waiting, waiter);
    else
        g_hash_table_remove(cluster->waiting, waiter);
    if (claim == CLUSTER_CLAIM_TAKEN)
        *retry = retry_after(cluster, room, name);
    schedule(cluster, now, now);
    return claim;
}

void cluster_cancel(Cluster *cluster, gpointer waiter)
{
    if (!cluster || !g_hash_table_remove(cluster->waiting, waiter))
        return;
    g_queue_remove(&cluster->early, waiter);
    g_queue_remove(&cluster->decided, waiter);
    cluster_names_cancel(cluster->names, waiter);
}

const char *cluster_secret(Cluster *cluster, const char *room, const char *name)
{
    return cluster && *name ? cluster_names_secret(cluster->names, room, name) : NULL;
}

void cluster_settle(Cluster *cluster, const char *room, const char *name)
{
    if (cluster && *name)
        cluster_names_settle(cluster->names, room, name, clock_monotonic());
}

void cluster_joined(Cluster *cluster, const Member *member, const char *resume)
{
    const char *room = room_name(member->room);
    ClusterMessage joined;

    if (!cluster)
        return;
    if (*member->name)
        cluster_names_use(cluster->names, room, member->name, resume, clock_monotonic());
    fill_member(&joined, cluster, member);
    cluster_relays_tell(cluster->relays, &joined);
}

void cluster_left(Cluster *cluster, const Member *member)
{
    ClusterMessage left = {.type = CLUSTER_LEFT};
    gint64 now = clock_monotonic();

    if (!cluster)
        return;
    g_strlcpy(left.id, member->id, sizeof left.id);
    cluster_relays_tell(cluster->relays, &left);
    if (!*member->name)
        return;
    cluster_names_unuse(cluster->names, room_name(member->room), member->name, now);
    schedule(cluster, now, now);
}

/* ---- frames ---------------------------------------------------------------------- */

const ClusterMember *cluster_find(Cluster *cluster, const char *room, const char *to)
{
    return cluster ? cluster_members_find(cluster->members, room, to) : NULL;
}

const ClusterMember *cluster_first(Cluster *cluster, const char *room)
{
    return cluster ? cluster_members_first(cluster->members, room) : NULL;
}

void cluster_probe(Cluster *cluster, const ClusterMember *member)
{
    ClusterMessage probe = {.type = CLUSTER_PROBE};

    if (!member)
        return;
    g_strlcpy(probe.id, member->id, sizeof probe.id);
    cluster_relays_send(cluster->relays, (ClusterRelay *) member->origin, &probe);
}

void cluster_congested(Cluster *cluster, const Member *member, bool is)
{
    ClusterMessage message;

    if (!cluster)
        return;
    fill_congested(&message, member, is);
    cluster_relays_tell(cluster->relays, &message);
}

/* NATS takes nothing, or less than we have. */
static bool is_choked(Cluster *cluster, gint64 now)
{
    if (cluster_link_waiting(cluster->link) < CLUSTER_LINK_BULK / 2)
        cluster->choked = 0;
    else if (cluster->choked == 0)
        cluster->choked = now;
    return cluster->choked != 0 && now - cluster->choked < CLUSTER_PATIENCE;
}

typedef struct {
    gint64 now;
    bool any, full;
} FlowVisit;

static void visit_flow(ClusterOrigin *origin, ClusterFlow *flow, gpointer data)
{
    FlowVisit *visit = data;

    visit->any = true;
    visit->full |= cluster_flow_is_full(flow, visit->now);
}

bool cluster_may_send(Cluster *cluster, const char *room, const ClusterMember *recipient)
{
    FlowVisit visit = {.now = clock_monotonic()};

    if (!cluster || !cluster->connected)
        return true;
    if (recipient)
        visit_flow(recipient->origin, cluster_member_flow(recipient), &visit);
    else
        cluster_members_foreach_origin(cluster->members, room, visit_flow, &visit);
    if (!visit.any)
        return true;
    return !visit.full && !is_choked(cluster, visit.now) &&
           !(recipient ? recipient->congested
                       : cluster_members_are_congested(cluster->members, room));
}

typedef struct {
    Cluster *cluster;
    ClusterMessage *message;
    ClusterFrameOrder order;
    int sent;
    bool failed;
} Sending;

static void send_to(ClusterOrigin *origin, ClusterFlow *flow, gpointer data)
{
    Sending *sending = data;

    sending->order.flow = flow;
    if (cluster_relays_send_frame(sending->cluster->relays, (ClusterRelay *) origin,
                                  sending->message, &sending->order))
        sending->sent++;
    else
        sending->failed = true;
}

int cluster_send(Cluster *cluster, const Member *sender, const ClusterMember *recipient,
                 const char *to, const char *text, gsize size)
{
    ClusterMessage frame = {.type = CLUSTER_FRAME, .text = text, .text_size = size};
    Sending sending = {.cluster = cluster, .message = &frame, .order = {.to = to}};

    if (!cluster)
        return 0;
    sending.order.limit = cluster->config->max_queue / FLOW_SHARE;
    sending.order.now = clock_monotonic();
    g_strlcpy(frame.id, sender->id, sizeof frame.id);
    g_strlcpy(frame.room, room_name(sender->room), sizeof frame.room);
    if (recipient) {
        g_strlcpy(frame.to, recipient->id, sizeof frame.to);
        send_to(recipient->origin, cluster_member_flow(recipient), &sending);
    } else {
        cluster_members_foreach_origin(cluster->members, frame.room, send_to, &sending);
    }
    return sending.failed ? -1 : sending.sent;
}

/* ---- life ------------------------------------------------------------------------ */

void cluster_run(Cluster *cluster)
{
    if (cluster)
        cluster_link_run(cluster->link);
}

bool cluster_is_pending(const Cluster *cluster)
{
    return cluster && cluster_link_is_pending(cluster->link);
}

void cluster_set_leaving(Cluster *cluster)
{
    if (cluster)
        cluster_relays_set_leaving(cluster->relays);
}

void cluster_foreach(Cluster *cluster, void (*func)(ClusterRelay *relay, gpointer data),
                     gpointer data)
{
    if (cluster)
        cluster_relays_foreach(cluster->relays, func, data);
}

void cluster_counters(Cluster *cluster, ClusterCounters *out)
{
    *out = (ClusterCounters){.server = ""};
    if (!cluster)
        return;
    out->enabled = true;
    out->connected = cluster->connected;
    out->store = cluster->store;
    out->server = cluster->connected ? cluster->server : "";
    out->clients = cluster_members_count(cluster->members);
    out->waiting = cluster_link_waiting(cluster->link);
    out->connections = cluster->connections;
    cluster_relays_counters(cluster->relays, &out->relays);
    cluster_names_counters(cluster->names, &out->names);
}

static bool start_link(Cluster *cluster, uv_loop_t *loop, const RelayConfig *config, GError **error)
{
    static const ClusterLinkOps ops = {on_up, on_down, on_mail, on_begin, on_end};
    g_autofree char *one = g_strconcat(cluster->one, cluster->self, NULL);
    g_autofree char *reply = g_strconcat(cluster->reply, "*", NULL);
    g_autofree char *echo = g_strconcat(cluster->reply, "echo", NULL);
    g_autofree char *label = g_strdup_printf("rtcbus-relay %s", cluster->self);
    const char *const subjects[] = {cluster->all, one, reply, NULL};
    char *password = NULL;
    ClusterLinkSettings settings = {
        .servers = config->cluster_servers,
        .user = config->cluster_user,
        .credentials = config->cluster_credentials,
        .ca = config->cluster_ca,
        .label = label,
        .subjects = subjects,
        .echo = echo,
    };

    if (*config->cluster_password) {
        password = secret_file_read(config->cluster_password, SECRET_FILE_HIDDEN, 1,
                                    CLUSTER_SECRET_MAX, error);
        if (!password)
            return false;
    }
    settings.password = password ? password : "";
    cluster->link = cluster_link_new(loop, &settings, &ops, cluster);
    cluster->questions = (ClusterQuestions){
        .link = cluster->link,
        .name = cluster->name,
        .reply = cluster->reply,
        .replicas = g_strv_length(config->cluster_servers) >= MAX_REPLICAS ? MAX_REPLICAS : 1,
    };
    secret_free(password);
    return true;
}

Cluster *cluster_new(uv_loop_t *loop, const RelayConfig *config, Router *router,
                     const ClusterOps *ops, gpointer data, GError **error)
{
    static const ClusterRelaysOps relays_ops = {on_send,     on_snapshot, on_received, on_failed,
                                                on_relieved, on_came,     on_gone};
    static const ClusterMembersOps members_ops = {on_joined, on_left};
    static const ClusterNamesOps names_ops = {on_put,        on_get,     on_relay_state,
                                              on_is_present, on_decided, on_lost};
    Cluster *cluster;

    if (!*config->cluster_servers)
        return NULL;
    cluster = g_new0(Cluster, 1);
    cluster->ops = ops;
    cluster->data = data;
    cluster->config = config;
    cluster->router = router;
    random_id(cluster->self);
    cluster->started = clock_monotonic();
    cluster->name = g_strdup(config->cluster_name);
    cluster->server = g_strdup("");
    cluster->all = g_strconcat(cluster->name, ".all", NULL);
    cluster->one = g_strconcat(cluster->name, ".relay.", NULL);
    cluster->reply = g_strconcat(cluster->name, ".reply.", cluster->self, ".", NULL);
    cluster->buffer = g_byte_array_new();
    cluster->waiting = g_hash_table_new(NULL, NULL);
    cluster->members = cluster_members_new(&members_ops, cluster);
    cluster->relays = cluster_relays_new(cluster->self, g_get_host_name(), &relays_ops, cluster,
                                         cluster->started);
    cluster->names = cluster_names_new(cluster->self, &names_ops, cluster, cluster->started);
    if (!start_link(cluster, loop, config, error)) {
        cluster_free(cluster);
        return NULL;
    }
    return cluster;
}

static void drop_relay(ClusterRelay *relay, gpointer data)
{
    cluster_members_drop(((Cluster *) data)->members, &relay->origin);
}

void cluster_free(Cluster *cluster)
{
    if (!cluster)
        return;
    g_clear_handle_id(&cluster->timer, g_source_remove);
    cluster_relays_say_bye(cluster->relays);
    cluster_link_free(cluster->link);
    cluster_relays_foreach(cluster->relays, drop_relay, cluster);
    cluster_names_free(cluster->names);
    cluster_relays_free(cluster->relays);
    cluster_members_free(cluster->members);
    g_queue_clear(&cluster->early);
    g_queue_clear(&cluster->decided);
    g_hash_table_unref(cluster->waiting);
    g_byte_array_unref(cluster->buffer);
    g_free(cluster->name);
    g_free(cluster->server);
    g_free(cluster->all);
    g_free(cluster->one);
    g_free(cluster->reply);
    g_free(cluster);
}
