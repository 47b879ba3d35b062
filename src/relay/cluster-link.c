/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See cluster-link.h. Why a thread: libnats has calls that wait (connecting, for each server in
 * turn), and others take a lock that one of its own threads may hold as long as that. So none
 * of them is made in the relay's loop. The thread runs a libuv loop. It costs a frame one hop from
 * thread to thread at each end, 30 µs.
 *
 * A lost connection is not mended by libnats but made anew: what was sent over the old one may be lost,
 * and those above have to know.
 *
 * libnats has timers and a thread that flushes, and both go by the wall clock: they would stand still for
 * an hour after the clock was set back by one. So it has neither. What is sent is written in the loop's next turn,
 * and whether NATS answers is seen by a message to ourselves. It does have a thread that frees messages,
 * and wakes it for each if it sleeps; so they are given back many at once.
 *
 * The subscriptions are "synchronous" ones that we look into after each turn of the loop,
 * for libnats has a thread for each of the other kind.
 */

#include <config.h>

#include "relay/cluster-link.h"

#include <nats/nats.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/random.h"
#include "relay/bell.h"
#include "relay/cluster-arrivals.h"
#include "relay/cluster-socket.h"
#include "relay/loop.h"

#define CONNECT_TIMEOUT_MS 2000 /* for each server */
#define RETRY_MS 500            /* and as much again, by chance */
#define FIRST_MS 20             /* the same, after a connection: another server may be there */
#define ECHO_MS 1000
#define SILENCE (6 * G_USEC_PER_SEC) /* of NATS: it does not answer */
#define LEAVING_MS 200               /* to write what is left, and for NATS to see that */
#define LIBRARY_BUFFER (1 << 20)     /* bytes that libnats has of ours at once */
#define MAX_SUBJECTS 4
#define SPENT_COUNT 64 /* messages that are kept until they are freed together */
#define SPENT_BYTES (64 << 10)

/* A ClusterPost with all that belongs to it */
typedef struct {
    guint connection; /* which one it was meant for */
    gint64 expected;
    bool tombstone;
    gsize subject_size, reply_size, size; /* the first two with a NUL, or 0 */
    char bytes[];
} Letter;

/* Something that has happened, in its order */
typedef struct {
    ClusterArrival base; /* first */
    enum {
        ARRIVAL_MESSAGE,
        ARRIVAL_UP,
        ARRIVAL_DOWN,
    } kind;
    guint connection;
    ClusterLink *link;
    natsMsg *message;
    char *text;
    gsize max_payload;
} Arrival;

struct ClusterLink {
    const ClusterLinkOps *ops;
    gpointer data;
    GThread *thread;
    /* of the relay's loop */
    Bell *arrived;
    guint connection;  /* the one that is up, as far as we know; 0: none */
    gsize max_payload; /* bytes that NATS takes at once */
    ClusterArrivals *arrivals;
    natsMsg *spent[SPENT_COUNT];
    guint n_spent;
    gsize spent_bytes;
    /* of both, under the lock */
    GMutex lock;
    GQueue letters;
    gsize letter_bytes;
    bool quit;
    /* of the thread */
    uv_loop_t loop;
    Bell *wake;
    uv_check_t check;
    uv_timer_t timer;
    natsOptions *options;
    natsConnection *nats;
    natsSubscription *subscriptions[MAX_SUBJECTS];
    char **subjects, *echo;
    gint64 heard; /* of NATS, monotonic µs */
    guint n_connections;
    GQueue writing; /* letters */
    bool leaving;   /* it ends when all is written, and NATS has seen its end */
    bool late;      /* or when there is no time for more */
};

static void free_spent(ClusterLink *link)
{
    while (link->n_spent > 0)
        natsMsg_Destroy(link->spent[--link->n_spent]);
    link->spent_bytes = 0;
}

static void arrival_free(ClusterArrival *base)
{
    Arrival *arrival = (Arrival *) base;
    ClusterLink *link = arrival->link;

    if (arrival->message) {
        link->spent[link->n_spent++] = arrival->message;
        link->spent_bytes += base->bytes;
    }
    if (link->n_spent == SPENT_COUNT || link->spent_bytes >= SPENT_BYTES)
        free_spent(link);
    g_free(arrival->text);
    g_free(arrival);
}

/* ---- in the thread ----------------------------------------------------------- */

static void tell(ClusterLink *link, Arrival arrival)
{
    Arrival *copy = g_memdup2(&arrival, sizeof arrival);

    copy->base.bytes = arrival.message ? (gsize) natsMsg_GetDataLength(arrival.message) : 0;
    copy->connection = link->n_connections;
    copy->link = link;
    cluster_arrivals_push(link->arrivals, &copy->base);
    bell_ring(link->arrived);
}

static bool is_full(ClusterLink *link)
{
    return cluster_arrivals_bytes(link->arrivals) > CLUSTER_LINK_QUEUE;
}

static void on_timer(uv_timer_t *timer);

static void disconnect(ClusterLink *link, const char *reason)
{
    guint retry = link->nats ? FIRST_MS : RETRY_MS, wait = retry + random_below(retry);

    tell(link, (Arrival){.kind = ARRIVAL_DOWN, .text = g_strdup(reason)}); /* it may be libnats's */
    for (guint i = 0; i < MAX_SUBJECTS; i++)
        g_clear_pointer(&link->subscriptions[i], natsSubscription_Destroy);
    g_clear_pointer(&link->nats, natsConnection_Destroy);
    uv_timer_start(&link->timer, on_timer, wait, 0);
}

static natsStatus subscribe(ClusterLink *link)
{
    natsStatus status = NATS_OK;

    for (guint i = 0; link->subjects[i] && status == NATS_OK; i++)
        status =
            natsConnection_SubscribeSync(&link->subscriptions[i], link->nats, link->subjects[i]);
    for (guint i = 0; link->subjects[i] && status == NATS_OK; i++)
        status = natsSubscription_SetPendingLimits(link->subscriptions[i], -1, CLUSTER_LINK_QUEUE);
    return status;
}

/* Where we are connected, without a password that is part of it. Transfer full. */
static char *connected_to(ClusterLink *link)
{
    char url[256] = "";
    const char *at;

    natsConnection_GetConnectedUrl(link->nats, url, sizeof url);
    at = strrchr(url, '@');
    return g_strdup(at ? at + 1 : url);
}

static void connect_now(ClusterLink *link)
{
    natsStatus status = natsConnection_Connect(&link->nats, link->options);

    link->n_connections++;
    if (status == NATS_OK)
        status = subscribe(link);
    if (status != NATS_OK) {
        disconnect(link, natsStatus_GetText(status));
        return;
    }
    cluster_socket_write(link->loop.data);
    tell(link, (Arrival){.kind = ARRIVAL_UP,
                         .text = connected_to(link),
                         .max_payload = (gsize) natsConnection_GetMaxPayload(link->nats)});
    link->heard = clock_monotonic();
    uv_timer_start(&link->timer, on_timer, ECHO_MS, ECHO_MS);
}

static natsStatus send_letter(ClusterLink *link, const Letter *letter)
{
    const char *subject = letter->bytes, *reply = NULL;
    const char *data = letter->bytes + letter->subject_size + letter->reply_size;
    char expected[24];
    natsMsg *message = NULL;
    natsStatus status;

    if (letter->reply_size > 0)
        reply = letter->bytes + letter->subject_size;
    if (letter->expected < 0 && !reply)
        return natsConnection_Publish(link->nats, subject, data, (int) letter->size);
    if (letter->expected < 0)
        return natsConnection_PublishRequest(link->nats, subject, reply, data, (int) letter->size);
    status = natsMsg_Create(&message, subject, reply, data, (int) letter->size);
    g_snprintf(expected, sizeof expected, "%" G_GINT64_FORMAT, letter->expected);
    if (status == NATS_OK)
        status = natsMsgHeader_Set(message, "Nats-Expected-Last-Subject-Sequence", expected);
    if (status == NATS_OK && letter->tombstone)
        status = natsMsgHeader_Set(message, "KV-Operation", "DEL");
    if (status == NATS_OK)
        status = natsConnection_PublishMsg(link->nats, message);
    natsMsg_Destroy(message);
    return status;
}

/* As much as libnats may have at once. */
static void write_letters(ClusterLink *link)
{
    Letter *letter;
    gsize size = 0;

    while ((!link->nats || natsConnection_Buffered(link->nats) < LIBRARY_BUFFER) &&
           (letter = g_queue_pop_head(&link->writing))) {
        size += letter->size;
        if (link->nats && letter->connection == link->n_connections)
            send_letter(link, letter);
        g_free(letter);
    }
    cluster_socket_write(link->loop.data);
    g_mutex_lock(&link->lock);
    link->letter_bytes -= size;
    g_mutex_unlock(&link->lock);
}

/* As far as the socket takes them; there is a turn when it takes more. */
static void send_letters(ClusterLink *link)
{
    Letter *letter;

    g_mutex_lock(&link->lock);
    while ((letter = g_queue_pop_head(&link->letters)))
        g_queue_push_tail(&link->writing, letter);
    g_mutex_unlock(&link->lock);
    do
        write_letters(link);
    while (link->writing.length > 0 && link->nats && natsConnection_Buffered(link->nats) == 0);
}

static void take_message(ClusterLink *link, natsMsg *message)
{
    link->heard = clock_monotonic();
    if (strcmp(natsMsg_GetSubject(message), link->echo) == 0)
        natsMsg_Destroy(message);
    else
        tell(link, (Arrival){.kind = ARRIVAL_MESSAGE, .message = message});
}

static void receive(ClusterLink *link)
{
    for (guint i = 0; i < MAX_SUBJECTS && link->subscriptions[i]; i++) {
        natsMsg *message = NULL;

        while (!is_full(link) &&
               natsSubscription_NextMsg(&message, link->subscriptions[i], 0) == NATS_OK)
            take_message(link, g_steal_pointer(&message));
    }
}

/* Or nothing more is to be, or can be. */
static bool is_written(ClusterLink *link)
{
    return link->late || !link->nats ||
           (link->writing.length == 0 && natsConnection_Buffered(link->nats) == 0);
}

/* NATS sees the end of our half and ends its own, and with that libnats is done. One that closes a
 * connection which lives waits half a second for NATS, whose answer this thread would have to read. */
static void hang_up(ClusterLink *link)
{
    cluster_socket_shut(link->loop.data, link->late ? SHUT_RDWR : SHUT_WR);
}

static void end(ClusterLink *link)
{
    uv_close((uv_handle_t *) &link->check, NULL);
    disconnect(link, "");
    uv_close((uv_handle_t *) &link->timer, NULL);
    uv_stop(&link->loop);
}

static void on_check(uv_check_t *check)
{
    ClusterLink *link = check->data;

    receive(link);
    if (!link->late)
        send_letters(link);
    if (link->nats && natsConnection_IsClosed(link->nats)) {
        const char *reason = NULL;
        natsStatus status = natsConnection_GetLastError(link->nats, &reason);

        receive(link);
        disconnect(link, reason && *reason ? reason : natsStatus_GetText(status));
    }
    if (!link->leaving || !is_written(link))
        return;
    if (link->nats)
        hang_up(link);
    else
        end(link);
}

/* libnats notices that it is cut off, and on_check() that it has. */
static void check_echo(ClusterLink *link)
{
    if (clock_monotonic() - link->heard < SILENCE || is_full(link))
        natsConnection_Publish(link->nats, link->echo, "", 0);
    else
        cluster_socket_shut(link->loop.data, SHUT_RDWR);
    cluster_socket_write(link->loop.data);
}

static void on_timer(uv_timer_t *timer)
{
    ClusterLink *link = timer->data;

    if (link->leaving) {
        link->late = true;
        bell_ring(link->wake); /* for another turn */
    } else if (!link->nats) {
        connect_now(link);
    } else {
        check_echo(link);
    }
}

/* The last letters are the loop's to write: on_check() sees when it has. */
static void on_wake(gpointer data)
{
    ClusterLink *link = data;
    bool quit;

    g_mutex_lock(&link->lock);
    quit = link->quit;
    g_mutex_unlock(&link->lock);
    if (!quit || link->leaving)
        return;
    link->leaving = true;
    uv_timer_start(&link->timer, on_timer, LEAVING_MS, 0);
}

static gpointer run(gpointer data)
{
    ClusterLink *link = data;

    connect_now(link);
    uv_run(&link->loop, UV_RUN_DEFAULT);
    nats_ReleaseThreadMemory();
    return NULL;
}

/* ---- in the relay's loop ----------------------------------------------------- */

static guint64 header_number(natsMsg *message, const char *name)
{
    const char *value = NULL;

    return natsMsgHeader_Get(message, name, &value) == NATS_OK && value
               ? g_ascii_strtoull(value, NULL, 10)
               : 0;
}

static void hand_over(ClusterLink *link, natsMsg *message)
{
    const char *operation = NULL;
    ClusterMail mail = {
        .subject = natsMsg_GetSubject(message),
        .data = natsMsg_GetData(message),
        .size = (gsize) natsMsg_GetDataLength(message),
        .status = (int) header_number(message, "Status"),
        .sequence = header_number(message, "Nats-Sequence"),
    };

    mail.tombstone = natsMsgHeader_Get(message, "KV-Operation", &operation) == NATS_OK;
    link->ops->received(&mail, link->data);
}

static void take_arrival(const ClusterArrival *base, gpointer data)
{
    const Arrival *arrival = (const Arrival *) base;
    ClusterLink *link = data;

    switch (arrival->kind) {
    case ARRIVAL_MESSAGE:
        hand_over(link, arrival->message);
        break;
    case ARRIVAL_UP:
        link->connection = arrival->connection;
        link->max_payload = arrival->max_payload;
        link->ops->up(arrival->text, link->data);
        break;
    case ARRIVAL_DOWN:
        link->connection = 0;
        link->ops->down(arrival->text, link->data);
        break;
    }
}

/* The loop has a turn now. */
static void on_arrived(gpointer data)
{
}

void cluster_link_run(ClusterLink *link)
{
    gsize bytes;

    if (!cluster_arrivals_are_left(link->arrivals))
        return;
    link->ops->begin(link->data);
    bytes = cluster_arrivals_run(link->arrivals, take_arrival, link);
    link->ops->end(link->data);
    if (bytes > CLUSTER_LINK_QUEUE) /* the thread may have seen it so, and waits */
        bell_ring(link->wake);
}

bool cluster_link_is_pending(const ClusterLink *link)
{
    return cluster_arrivals_are_left(link->arrivals);
}

bool cluster_link_send(ClusterLink *link, const ClusterPost *post)
{
    gsize subject = strlen(post->subject) + 1, reply = post->reply ? strlen(post->reply) + 1 : 0;
    gsize limit = post->bulk ? CLUSTER_LINK_BULK : CLUSTER_LINK_QUEUE;
    Letter *letter;

    if (link->connection == 0 || post->size > link->max_payload ||
        cluster_link_waiting(link) > limit)
        return false;
    letter = g_malloc(sizeof *letter + subject + reply + post->size);
    *letter =
        (Letter){link->connection, post->expected, post->tombstone, subject, reply, post->size};
    memcpy(letter->bytes, post->subject, subject);
    if (reply > 0)
        memcpy(letter->bytes + subject, post->reply, reply);
    if (post->size > 0)
        memcpy(letter->bytes + subject + reply, post->data, post->size);
    g_mutex_lock(&link->lock);
    g_queue_push_tail(&link->letters, letter);
    link->letter_bytes += post->size;
    g_mutex_unlock(&link->lock);
    bell_ring(link->wake);
    return true;
}

gsize cluster_link_waiting(ClusterLink *link)
{
    gsize waiting;

    g_mutex_lock(&link->lock);
    waiting = link->letter_bytes;
    g_mutex_unlock(&link->lock);
    return waiting;
}

/* ---- life -------------------------------------------------------------------- */

/* libnats would write on standard error. */
static void ignore_error(natsConnection *nats, natsSubscription *subscription, natsStatus status,
                         void *closure)
{
}

static bool is_secure(char **servers)
{
    for (; *servers; servers++) {
        if (g_str_has_prefix(*servers, "tls://"))
            return true;
    }
    return false;
}

static void set_options(natsOptions *options, const ClusterLinkSettings *settings)
{
    natsOptions_SetServers(options, (const char **) settings->servers,
                           (int) g_strv_length(settings->servers));
    natsOptions_SetName(options, settings->label);
    natsOptions_SetAllowReconnect(options, false);
    natsOptions_SetTimeout(options, CONNECT_TIMEOUT_MS);
    natsOptions_SetPingInterval(options, 0);
    natsOptions_SetSendAsap(options, true);
    natsOptions_SetErrorHandler(options, ignore_error, NULL);
    if (*settings->user)
        natsOptions_SetUserInfo(options, settings->user, settings->password);
    if (*settings->credentials)
        natsOptions_SetUserCredentialsFromFiles(options, settings->credentials, NULL);
    if (*settings->ca)
        natsOptions_LoadCATrustedCertificates(options, settings->ca);
    if (*settings->ca || is_secure(settings->servers))
        natsOptions_SetSecure(options, true);
}

ClusterLink *cluster_link_new(uv_loop_t *loop, const ClusterLinkSettings *settings,
                              const ClusterLinkOps *ops, gpointer data)
{
    ClusterLink *link = g_new0(ClusterLink, 1);

    g_assert(g_strv_length((char **) settings->subjects) <= MAX_SUBJECTS);
    link->ops = ops;
    link->data = data;
    link->subjects = g_strdupv((char **) settings->subjects);
    link->echo = g_strdup(settings->echo);
    link->arrivals = cluster_arrivals_new(arrival_free);
    g_mutex_init(&link->lock);
    link->arrived = bell_new(loop, on_arrived, NULL);
    uv_loop_init(&link->loop);
    link->wake = bell_new(&link->loop, on_wake, link);
    uv_timer_init(&link->loop, &link->timer);
    uv_check_init(&link->loop, &link->check);
    uv_check_start(&link->check, on_check);
    link->timer.data = link->check.data = link;
    nats_Open(-1);
    natsOptions_Create(&link->options);
    set_options(link->options, settings);
    cluster_socket_use(link->options, &link->loop);
    link->thread = g_thread_new("nats", run, link);
    return link;
}

void cluster_link_free(ClusterLink *link)
{
    if (!link)
        return;
    g_mutex_lock(&link->lock);
    link->quit = true;
    g_mutex_unlock(&link->lock);
    bell_ring(link->wake);
    g_thread_join(link->thread);
    bell_free(link->wake); /* not by the thread: it may end before bell_ring() does */
    loop_finish(&link->loop);
    bell_free(link->arrived);
    g_queue_clear_full(&link->letters, g_free);
    g_queue_clear_full(&link->writing, g_free);
    cluster_arrivals_free(link->arrivals);
    free_spent(link);
    natsOptions_Destroy(link->options);
    nats_CloseAndWait(CONNECT_TIMEOUT_MS);
    g_strfreev(link->subjects);
    g_free(link->echo);
    g_mutex_clear(&link->lock);
    g_free(link);
}
