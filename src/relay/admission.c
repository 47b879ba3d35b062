/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See admission.h. Nobody can take all of what there is: when handshakes, clients
 * or rooms are all taken, the oldest of the address that has most goes. A handshake
 * that has not come to its end costs nobody much, so there the newcomer gets in
 * unless its own address is full. A client or a room is somebody's work, so it
 * only goes for an address that has less; behind a proxy, where all have one
 * address, the newcomer is refused.
 */

#include <config.h>

#include "relay/admission.h"

#include <glib/gi18n.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"
#include "relay/http-connection.h"
#include "relay/origin.h"

#define FULL_RETRY 10 /* seconds, told to whom there is no room for */
#define GOING_RETRY 5 /* the same, as long as a restart may take */
#define QUANTUM 200   /* µs: the turn of one address's handshakes */
#define RUN 300       /* µs of handshakes between two looks at the sockets */
#define REST 2        /* how many times as long as a run the rooms have, when they want it */

static const int refusal_statuses[] = {400, 401, 403, 409, 429, 503};

struct Admission {
    AdmissionWorld world;
    const AdmissionOps *ops;
    gpointer data;
    GQueue handshakes;  /* HttpConnection, the oldest first */
    FairQueue turns;    /* of the handshakes, in groups by their accounts */
    gint64 rests_until; /* monotonic µs, if there is other work */
    RefusalCount refusals[G_N_ELEMENTS(refusal_statuses)];
    bool shut; /* nobody is let in any more */
};

/* ---- refusals -------------------------------------------------------------- */

static void refuse(Admission *admission, HttpConnection *connection, const Handshake *handshake,
                   int status, const char *text, guint retry_after)
{
    const char *address = http_connection_address(connection);

    refusals_add(admission->world.refusals, clock_wall(), address, status, handshake->room, text);
    log_event(G_LOG_LEVEL_WARNING,
              (.message_id = MESSAGE_CLIENT_REFUSED, .remote = address, .topic = LOG_TOPIC_REFUSALS,
               .source = address),
              _("refused %s with %d: %s"), address, status, text);
    for (guint i = 0; i < G_N_ELEMENTS(admission->refusals); i++)
        admission->refusals[i].count += admission->refusals[i].status == status;
    http_connection_answer(connection, status, text, retry_after);
}

const RefusalCount *admission_refusals(const Admission *admission, guint *n)
{
    *n = G_N_ELEMENTS(admission->refusals);
    return admission->refusals;
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

/* Whoever asks for a name that is taken may be the one who has it, come back
 * after its machine or its link was gone, which nobody has told us. Returns
 * after how many seconds we know; 0: the holder lives. */
static guint probe_holder(Admission *admission, const Handshake *handshake)
{
    RelayRoom *room = router_find_room(admission->world.router, handshake->room);
    Client *holder = room_find(room, handshake->name)->data;
    bool undecided = client_probe_name(holder, clock_monotonic());

    admission->ops->probed(holder, admission->data);
    return undecided ? CLIENT_PROBE_LIMIT / G_USEC_PER_SEC + 1 : 0;
}

static void refuse_member(Admission *admission, HttpConnection *connection,
                          const Handshake *handshake, const GError *error)
{
    int status = error_status(error);
    guint retry_after = 0;

    if (g_error_matches(error, ROUTER_ERROR, ROUTER_ERROR_NAME_TAKEN))
        retry_after = probe_holder(admission, handshake);
    else if (status == 503)
        retry_after = FULL_RETRY;
    refuse(admission, connection, handshake, status, error->message, retry_after);
}

/* ---- shares ------------------------------------------------------------------ */

/* The oldest handshake, of OWNER if that is not NULL, or else of whoever has most. */
static HttpConnection *oldest_handshake(Admission *admission, const Account *owner)
{
    HttpConnection *found = NULL;
    guint most = 0;

    for (GList *link = admission->handshakes.head; link; link = link->next) {
        const Account *account = http_connection_account(link->data);
        guint has = account_has(account, QUOTA_HANDSHAKES);

        if (owner ? account == owner : has > most) {
            found = link->data;
            most = has;
            if (owner)
                break;
        }
    }
    return found;
}

/* Makes a place for a client of ACCOUNT, if another address has more than that. */
static bool make_place(Admission *admission, const Account *account)
{
    guint most = account_has(account, QUOTA_CLIENTS) + 1;
    Client *worst = NULL;

    if (!quota_is_full(admission->world.quota, QUOTA_CLIENTS))
        return true;
    for (GList *link = admission->world.clients->head; link; link = link->next) {
        guint has = account_has(client_account(link->data), QUOTA_CLIENTS);

        if (client_state(link->data) == CLIENT_OPEN && has > most) {
            worst = link->data;
            most = has;
        }
    }
    if (worst)
        client_kill(worst, "the relay is full, and its address has most places");
    return worst != NULL;
}

typedef struct {
    RelayRoom *room;
    guint most;
} WorstRoom;

static void compare_room(RelayRoom *room, gpointer data)
{
    WorstRoom *worst = data;
    guint has = account_has(room_founder(room), QUOTA_ROOMS);

    if (has > worst->most)
        *worst = (WorstRoom){room, has};
}

/* The same with a room; all who are in it go. */
static bool make_room(Admission *admission, const Account *account)
{
    WorstRoom worst = {.most = account_has(account, QUOTA_ROOMS) + 1};
    g_autoptr(GPtrArray) clients = g_ptr_array_new();

    router_foreach_room(admission->world.router, compare_room, &worst);
    if (!worst.room)
        return false;
    for (Member *member = room_first(worst.room); member; member = member_next(member))
        g_ptr_array_add(clients, member->data);
    for (guint i = 0; i < clients->len; i++)
        client_kill(clients->pdata[i], "there are too many rooms, most of one address");
    return true;
}

/* The oldest handshakes of ACCOUNT go until it has as many connections as it may have. False if NEWCOMER
 * is all that could go: its clients are not to go for this. */
static bool thin_out_own(Admission *admission, const Account *account,
                         const HttpConnection *newcomer)
{
    while (quota_is_over_own(admission->world.quota, account)) {
        HttpConnection *oldest = oldest_handshake(admission, account);

        if (!oldest || oldest == newcomer)
            return false;
        http_connection_close(oldest);
    }
    return true;
}

/* There are too many handshakes, or too many connections of ACCOUNT. */
static bool thin_out(Admission *admission, const Account *account)
{
    if (!thin_out_own(admission, account, NULL))
        return false;
    /* The newcomer is counted, but not in the list: it never is the oldest. */
    if (quota_is_over(admission->world.quota, QUOTA_HANDSHAKES) && admission->handshakes.head)
        http_connection_close(oldest_handshake(admission, NULL));
    return true;
}

/* ---- rooms --------------------------------------------------------------------- */

static void enter(Admission *admission, Member *member, Client *client, Account *account)
{
    client_set_member(client, member);
    if (room_founder(member->room))
        return;
    room_set_founder(member->room, account);
    quota_take(admission->world.quota, account, QUOTA_ROOMS);
    traffic_begin_room(admission->world.traffic, member->room);
}

void admission_leave(Admission *admission, Client *client)
{
    Member *member = client_member(client);
    RelayRoom *room = member->room;
    Account *founder = room_founder(room);
    bool last = room_size(room) == 1;

    traffic_leave(admission->world.traffic, client);
    if (last)
        traffic_end_room(admission->world.traffic, room);
    router_leave(admission->world.router, member);
    if (last)
        quota_give_back(admission->world.quota, founder, QUOTA_ROOMS);
}

static Member *join(Admission *admission, const Handshake *handshake, Client *client,
                    const Account *account, GError **error)
{
    Router *router = admission->world.router;
    g_autoptr(GError) problem = NULL;
    Member *member = router_join(router, handshake->room, handshake->name, client, &problem);

    if (!member && g_error_matches(problem, ROUTER_ERROR, ROUTER_ERROR_TOO_MANY_ROOMS) &&
        make_room(admission, account))
        return router_join(router, handshake->room, handshake->name, client, error);
    if (!member)
        g_propagate_error(error, g_steal_pointer(&problem));
    return member;
}

/* ---- requests ------------------------------------------------------------------ */

static void serve_page(Admission *admission, HttpConnection *connection, const Handshake *request)
{
    g_auto(WebAnswer) answer = {};

    if (web_find(admission->world.web, request, &answer))
        http_connection_send(connection, answer.head, answer.body);
    else
        http_connection_answer(connection, 404,
                               "This is rtcbus-relay, a signaling relay for WebRTC: "
                               "connect with a WebSocket. No page is served here.",
                               0);
}

/* A name that is written in a token is its bearer's, whoever has it. */
static void claim_name(Admission *admission, const Handshake *handshake)
{
    RelayRoom *room = router_find_room(admission->world.router, handshake->room);
    Member *holder = room ? room_find(room, handshake->name) : NULL;

    if (holder)
        client_close_now(holder->data, 1008, "its name belongs to another's token");
}

/* CLIENT is the peer that has the name already, by a connection that it has lost, or it will have
 * been told that it has. */
static void resume_name(Admission *admission, const Handshake *handshake, Client *client)
{
    RelayRoom *room = router_find_room(admission->world.router, handshake->room);
    Member *holder = room && *handshake->name ? room_find(room, handshake->name) : NULL;

    if (!holder || !client_is_resumed_by(holder->data, handshake->resume))
        return;
    client_set_resume(client, handshake->resume);
    client_close_now(holder->data, 1000, "it has connected again");
}

/* ACCOUNT will have a handshake less; with the last one its group has no more turns. */
static void forget_turns(Admission *admission, Account *account)
{
    if (account_has(account, QUOTA_HANDSHAKES) == 1)
        fair_queue_forget(&admission->turns, account_turns(account));
}

static void admit(Admission *admission, HttpConnection *connection, const Handshake *handshake,
                  const AccessGrant *grant)
{
    Account *account = http_connection_account(connection);
    Client *client = client_new(admission->world.client_ops);
    const char *secret = cluster_secret(admission->world.cluster, handshake->room, handshake->name);
    g_autoptr(GError) error = NULL;
    Member *member;
    char *address;
    Wire wire;

    if (secret)
        client_set_resume(client, secret);
    if (grant->owns_name)
        claim_name(admission, handshake);
    else if (handshake->resume)
        resume_name(admission, handshake, client);
    member = join(admission, handshake, client, account, &error);
    if (!member) {
        refuse_member(admission, connection, handshake, error);
        client_free(client);
        return;
    }
    enter(admission, member, client, account);
    client_set_grant(client, grant);
    wire = http_connection_take(connection, &account, &address);
    forget_turns(admission, account);
    quota_upgrade(admission->world.quota, account);
    client_set_origin(client, account, address);
    admission->ops->admitted(client, &wire, handshake, admission->data);
}

/* A name must be nobody's at another relay, either. */
static void enter_room(Admission *admission, HttpConnection *connection, const Handshake *handshake,
                       const AccessGrant *grant)
{
    Cluster *cluster = admission->world.cluster;
    guint retry_after;
    g_autofree char *text = NULL;

    switch (cluster_claim(cluster, handshake->room, handshake->name, grant->owns_name,
                          handshake->resume, connection, &retry_after)) {
    case CLUSTER_CLAIM_HAD:
        admit(admission, connection, handshake, grant);
        cluster_settle(cluster, handshake->room, handshake->name);
        break;
    case CLUSTER_CLAIM_WAITS:
        http_connection_wait(connection);
        break;
    case CLUSTER_CLAIM_TAKEN:
        text = g_strdup_printf(N_("the name %s is taken in this room"), handshake->name);
        refuse(admission, connection, handshake, 409, text, retry_after);
        break;
    }
}

void admission_decided(gpointer waiter)
{
    http_connection_again(waiter);
}

/* Who CONNECTION is from is known better now. False if there are too many from there. */
static bool on_forwarded(HttpConnection *connection, const struct sockaddr *client, gpointer data)
{
    Admission *admission = data;
    Quota *quota = admission->world.quota;
    Account *before = http_connection_account(connection);
    bool proxied = trusted_proxies_have(admission->world.config->proxies, client);
    Account *account = proxied ? quota_enter_proxy(quota, client) : quota_enter(quota, client);

    forget_turns(admission, before);
    quota_give_back(quota, before, QUOTA_HANDSHAKES);
    http_connection_set_client(connection, account, client, proxied);
    return thin_out_own(admission, account, connection);
}

/* The proxies in front of us say who it is from. */
static bool look_behind(Admission *admission, HttpConnection *connection,
                        const Handshake *handshake)
{
    struct sockaddr_storage client;

    return !http_connection_is_proxied(connection) || !handshake->forwarded_for ||
           !trusted_proxies_client(admission->world.config->proxies, handshake->forwarded_for,
                                   &client) ||
           on_forwarded(connection, (const struct sockaddr *) &client, admission);
}

static void decide(Admission *admission, HttpConnection *connection, const Handshake *handshake)
{
    guint64 prefix = account_prefix(http_connection_account(connection));
    g_auto(AccessRefusal) refusal = {};
    AccessGrant grant;
    const char *reason;

    if (handshake->upgrade &&
        !origin_admits(handshake, admission->world.config, g_get_host_name(), &reason))
        refuse(admission, connection, handshake, 403, reason, 0);
    /* A page that shows its token wants to know what is wrong with it, or with where it is from: a
     * browser does not tell why there is no WebSocket. */
    else if (!handshake->upgrade && handshake->token &&
             !origin_admits_own(handshake, admission->world.config, g_get_host_name(), &reason))
        refuse(admission, connection, handshake, 421, reason, 0);
    else if ((handshake->upgrade || handshake->token) &&
             !access_check(admission->world.access, handshake, prefix, clock_wall(),
                           clock_monotonic(), &grant, &refusal))
        refuse(admission, connection, handshake, refusal.status, refusal.text, refusal.retry_after);
    else if (!handshake->upgrade)
        serve_page(admission, connection, handshake);
    else if (!make_place(admission, http_connection_account(connection)))
        refuse(admission, connection, handshake, 503, N_("there are too many connections"),
               FULL_RETRY);
    else
        enter_room(admission, connection, handshake, &grant);
}

static void on_request(HttpConnection *connection, const Handshake *handshake, gpointer data)
{
    Admission *admission = data;

    if (admission->shut && handshake->upgrade)
        refuse(admission, connection, handshake, 503, N_("the relay is going away"), GOING_RETRY);
    else if (look_behind(admission, connection, handshake))
        decide(admission, connection, handshake);
    else
        refuse(admission, connection, handshake, 503,
               N_("there are too many connections from this address"), FULL_RETRY);
}

static void on_gone(HttpConnection *connection, gpointer data)
{
    Admission *admission = data;
    Account *account = http_connection_account(connection);

    g_queue_unlink(&admission->handshakes, http_connection_link(connection));
    cluster_cancel(admission->world.cluster, connection);
    if (!account)
        return;
    forget_turns(admission, account);
    quota_give_back(admission->world.quota, account, QUOTA_HANDSHAKES);
}

static void on_ready(HttpConnection *connection, FairEntry *entry, gpointer data)
{
    Admission *admission = data;

    fair_queue_add(&admission->turns, account_turns(http_connection_account(connection)), entry);
}

/* ---- connections --------------------------------------------------------------- */

/* Too many: a word in passing, without spending anything on it. In TLS it would not be understood. */
static void turn_away(int fd, bool tls)
{
    g_autofree char *answer = handshake_answer(
        503, N_("there are too many connections from this address"), FULL_RETRY, true);
    char buffer[4096];

    /* What has come already is read, or closing would reset the connection. */
    if (recv(fd, buffer, sizeof buffer, 0) >= -1 && !tls)
        (void) !send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    close(fd);
}

void admission_begin(Admission *admission, int fd, const struct sockaddr *address,
                     TlsCredentials *credentials)
{
    static const HttpConnectionOps ops = {on_ready, on_forwarded, on_request, on_gone};
    const HttpConnectionStart start = {
        .fd = fd,
        .tls = credentials,
        .proxied = trusted_proxies_have(admission->world.config->proxies, address),
    };
    Account *account = start.proxied ? quota_enter_proxy(admission->world.quota, address)
                                     : quota_enter(admission->world.quota, address);
    HttpConnection *connection;

    if (!thin_out(admission, account)) {
        forget_turns(admission, account);
        quota_give_back(admission->world.quota, account, QUOTA_HANDSHAKES);
        turn_away(fd, credentials);
        return;
    }
    connection =
        http_connection_new(admission->world.loop, &start, account, address, &ops, admission);
    g_queue_push_tail_link(&admission->handshakes, http_connection_link(connection));
    admission->ops->begun(admission->data);
}

/* ---- turns ---------------------------------------------------------------------- */

void admission_run(Admission *admission, bool busy)
{
    gint64 start = clock_monotonic(), now = start;
    FairEntry *entry;

    if (busy && start < admission->rests_until)
        return;
    while (now < start + RUN && (entry = fair_queue_take(&admission->turns))) {
        gint64 before = now;

        http_connection_take_turn(entry);
        now = clock_monotonic();
        fair_queue_charge(&admission->turns, now - before);
    }
    admission->rests_until = now + REST * (now - start);
}

bool admission_is_pending(const Admission *admission)
{
    return !fair_queue_is_empty(&admission->turns);
}

/* ---- life ----------------------------------------------------------------------- */

void admission_check(Admission *admission, gint64 now)
{
    while (admission_due(admission) <= now)
        http_connection_close(admission->handshakes.head->data);
}

gint64 admission_due(const Admission *admission)
{
    const GList *first = admission->handshakes.head;

    return first ? http_connection_since(first->data) +
                       (gint64) admission->world.config->handshake_timeout
                 : G_MAXINT64;
}

void admission_close_all(Admission *admission)
{
    while (admission->handshakes.head)
        http_connection_close(admission->handshakes.head->data);
}

Admission *admission_new(const AdmissionWorld *world, const AdmissionOps *ops, gpointer data)
{
    Admission *admission = g_new0(Admission, 1);

    admission->turns.quantum = QUANTUM;
    for (guint i = 0; i < G_N_ELEMENTS(refusal_statuses); i++)
        admission->refusals[i].status = refusal_statuses[i];
    admission->world = *world;
    admission->ops = ops;
    admission->data = data;
    return admission;
}

void admission_shut(Admission *admission)
{
    admission->shut = true;
}

guint admission_handshakes(const Admission *admission)
{
    return admission->handshakes.length;
}

void admission_free(Admission *admission)
{
    if (!admission)
        return;
    g_warn_if_fail(!admission->handshakes.head);
    g_free(admission);
}
