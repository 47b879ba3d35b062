/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See cluster-relays.h. A HELLO a second says to all that a relay is there; a PING a second says to each
 * what its stream has come to, so that the loss of its last message is noticed, too. Whoever is not
 * heard of for LIFE is dead. A relay that was connected anew has another session: its streams begin
 * anew in both directions, as what was on its way is lost.
 *
 * Nothing is sent twice: a frame that was lost is reported to its sender, who knows best what to do.
 */

#include <config.h>

#include "relay/cluster-relays.h"

#include <string.h>

#define INTERVAL G_USEC_PER_SEC /* of HELLO and PING */
#define LIFE (5 * G_USEC_PER_SEC)
#define ACK_DELAY (20 * 1000) /* µs */
#define ACK_COUNT 256
#define ACK_BYTES (32 << 10)
#define FRAME_COST 128 /* bytes of a frame on its way, besides its own */
#define RESTART_INTERVAL (G_USEC_PER_SEC / 2)
#define SYNC_TIME (2 * G_USEC_PER_SEC) /* for others to be heard of */

/* A frame that was not acknowledged yet */
typedef struct {
    guint64 sequence;
    ClusterFlow *flow;
    gsize bytes;
    char sender[ROUTER_ID_LENGTH + 1];
    char to[]; /* "": to all */
} Sent;

typedef struct {
    ClusterRelay relay; /* first */
    guint32 session;
    struct {
        guint32 stream;   /* 0: there is none */
        guint64 sequence; /* the last that was sent */
        GQueue unacked;   /* Sent */
        gint64 begun;
        bool broken; /* something could not be sent: it is to begin anew */
    } out;
    struct {
        guint32 stream;
        guint64 sequence; /* the last that came */
        guint64 acked;    /* the last that an ACK was of */
        bool gap;
        gint64 asked; /* when we have asked for another */
        guint news;   /* since the last ACK */
        gsize bytes;  /* of frames, the same */
        gint64 ack;   /* when that is due; 0: it is not */
        GArray *failed;
    } in;
} Contact;

struct ClusterRelays {
    char self[ROUTER_ID_LENGTH + 1];
    char label[CLUSTER_LABEL_MAX + 1];
    const ClusterRelaysOps *ops;
    gpointer data;
    GHashTable *contacts; /* id → Contact, owned */
    guint32 session, last_stream;
    bool online;
    gint64 online_since;
    gint64 tick, checked;
    bool leaving;
    gint64 now;
    ClusterRelaysCounters counters;
};

static bool post(ClusterRelays *relays, const char *to, ClusterMessage *message)
{
    g_strlcpy(message->origin, relays->self, sizeof message->origin);
    return relays->online && relays->ops->send(to, message, relays->data);
}

static bool say_hello(ClusterRelays *relays, const char *to)
{
    ClusterMessage hello = {
        .type = CLUSTER_HELLO,
        .session = relays->session,
        .leaving = relays->leaving,
    };

    g_strlcpy(hello.label, relays->label, sizeof hello.label);
    return post(relays, to, &hello);
}

static void say_of_stream(ClusterRelays *relays, const Contact *contact, ClusterMessageType type,
                          guint32 stream, guint64 sequence)
{
    ClusterMessage message = {.type = type, .stream = stream, .sequence = sequence};

    post(relays, contact->relay.origin.id, &message);
}

/* ---- the stream to another ---------------------------------------------------- */

static void sent_free(gpointer data)
{
    cluster_flow_unref(((Sent *) data)->flow);
    g_free(data);
}

/* It has arrived, or never will. */
static void finish(ClusterRelays *relays, Contact *contact, Sent *sent)
{
    contact->relay.unacked--;
    if (cluster_flow_take(sent->flow, sent->bytes))
        relays->ops->relieved(relays->data);
    sent_free(sent);
}

static void fail(ClusterRelays *relays, Contact *contact, Sent *sent, bool absent)
{
    relays->counters.failed++;
    relays->ops->failed(sent->sender, *sent->to ? sent->to : NULL, absent, relays->data);
    finish(relays, contact, sent);
}

static void fail_all(ClusterRelays *relays, Contact *contact)
{
    Sent *sent;

    while ((sent = g_queue_pop_head(&contact->out.unacked)))
        fail(relays, contact, sent, false);
}

/* What an ACK that was lost has said of a frame is not known. */
static bool has_come(const ClusterMessage *ack, guint64 sequence)
{
    for (guint i = 0; i < ack->n_failed; i++) {
        if (ack->failed[i] == sequence)
            return false;
    }
    return sequence > ack->revision;
}

static void take_ack(ClusterRelays *relays, Contact *contact, const ClusterMessage *ack)
{
    const Sent *first;

    if (ack->stream != contact->out.stream)
        return;
    while ((first = g_queue_peek_head(&contact->out.unacked)) && first->sequence <= ack->sequence) {
        Sent *sent = g_queue_pop_head(&contact->out.unacked);

        if (has_come(ack, sent->sequence))
            finish(relays, contact, sent);
        else
            fail(relays, contact, sent, sent->sequence > ack->revision);
    }
}

bool cluster_relays_send(ClusterRelays *relays, ClusterRelay *relay, ClusterMessage *message)
{
    Contact *contact = (Contact *) relay;

    message->stream = contact->out.stream;
    message->sequence = contact->out.sequence + 1;
    if (contact->out.stream == 0 || contact->out.broken ||
        (message->type == CLUSTER_FRAME && relay->unacked >= CLUSTER_UNACKED_MAX))
        return false;
    if (!post(relays, relay->origin.id, message)) {
        contact->out.broken |= message->type != CLUSTER_FRAME && message->type != CLUSTER_PROBE;
        return false;
    }
    contact->out.sequence++;
    return true;
}

bool cluster_relays_send_frame(ClusterRelays *relays, ClusterRelay *relay, ClusterMessage *frame,
                               const ClusterFrameOrder *order)
{
    const char *to = order->to ? order->to : "";
    gsize size = strlen(to) + 1;
    Sent *sent;

    if (!cluster_relays_send(relays, relay, frame))
        return false;
    relays->counters.sent++;
    relay->unacked++;
    sent = g_malloc(sizeof *sent + size);
    sent->sequence = frame->sequence;
    sent->flow = cluster_flow_ref(order->flow);
    sent->bytes = frame->text_size + FRAME_COST;
    g_strlcpy(sent->sender, frame->id, sizeof sent->sender);
    g_strlcpy(sent->to, to, size);
    g_queue_push_tail(&((Contact *) relay)->out.unacked, sent);
    cluster_flow_add(order->flow, sent->bytes, order->limit, order->now);
    return true;
}

/* Begins anew, with who is there. */
static void begin_stream(ClusterRelays *relays, Contact *contact)
{
    ClusterMessage begin = {.type = CLUSTER_BEGIN}, end = {.type = CLUSTER_END};

    fail_all(relays, contact);
    contact->out.stream = 0;
    if (!relays->online)
        return;
    contact->out.stream = ++relays->last_stream;
    contact->out.sequence = 0;
    contact->out.begun = relays->now;
    contact->out.broken = false;
    if (!cluster_relays_send(relays, &contact->relay, &begin) ||
        !relays->ops->snapshot(&contact->relay, relays->data))
        contact->out.broken = true;
    cluster_relays_send(relays, &contact->relay, &end);
}

static void take_resync(ClusterRelays *relays, Contact *contact, const ClusterMessage *message)
{
    if (message->stream != contact->out.stream && contact->out.stream != 0)
        return;
    fail_all(relays, contact);
    contact->out.broken = true; /* not at once, if it has just been begun */
}

static void tell_one(gpointer key, gpointer value, gpointer data)
{
    struct {
        ClusterRelays *relays;
        ClusterMessage *message;
    } *told = data;

    cluster_relays_send(told->relays, value, told->message);
}

void cluster_relays_tell(ClusterRelays *relays, ClusterMessage *message)
{
    struct {
        ClusterRelays *relays;
        ClusterMessage *message;
    } told = {relays, message};

    g_hash_table_foreach(relays->contacts, tell_one, &told);
}

/* ---- the stream from another -------------------------------------------------- */

static void acknowledge(ClusterRelays *relays, Contact *contact)
{
    ClusterMessage ack = {
        .type = CLUSTER_ACK,
        .stream = contact->in.stream,
        .sequence = contact->in.sequence,
        .revision = contact->in.acked,
        .n_failed = contact->in.failed->len,
    };

    for (guint i = 0; i < ack.n_failed; i++)
        ack.failed[i] = g_array_index(contact->in.failed, guint64, i);
    post(relays, contact->relay.origin.id, &ack);
    g_array_set_size(contact->in.failed, 0);
    contact->in.acked = contact->in.sequence;
    contact->in.news = 0;
    contact->in.bytes = 0;
    contact->in.ack = 0;
}

static void ask_for_another(ClusterRelays *relays, Contact *contact, const ClusterMessage *message)
{
    bool same = message->stream == contact->in.stream;

    contact->in.gap = true;
    if (relays->now - contact->in.asked < RESTART_INTERVAL)
        return;
    contact->in.asked = relays->now;
    if (contact->in.news > 0)
        acknowledge(relays, contact);
    relays->counters.resynced++;
    say_of_stream(relays, contact, CLUSTER_RESYNC, message->stream,
                  same ? contact->in.sequence : 0);
}

static void take_begin(ClusterRelays *relays, Contact *contact, const ClusterMessage *message)
{
    contact->in.stream = message->stream;
    contact->in.sequence = message->sequence;
    contact->in.acked = contact->in.news = 0;
    contact->in.bytes = 0;
    contact->in.ack = 0;
    contact->in.gap = false;
    g_array_set_size(contact->in.failed, 0);
    contact->relay.synced = false;
    relays->ops->received(&contact->relay, message, relays->data);
}

static void take_next(ClusterRelays *relays, Contact *contact, const ClusterMessage *message)
{
    contact->in.sequence++;
    contact->in.news++;
    contact->in.bytes += message->text_size;
    if (contact->in.ack == 0)
        contact->in.ack = relays->now + ACK_DELAY;
    if (message->type == CLUSTER_END)
        contact->relay.synced = true;
    relays->counters.received += message->type == CLUSTER_FRAME;
    if (!relays->ops->received(&contact->relay, message, relays->data))
        g_array_append_val(contact->in.failed, message->sequence);
    if (contact->in.failed->len == CLUSTER_FAILED_MAX || contact->in.news >= ACK_COUNT ||
        contact->in.bytes >= ACK_BYTES)
        acknowledge(relays, contact);
}

static void take_in_stream(ClusterRelays *relays, Contact *contact, const ClusterMessage *message)
{
    bool next = message->stream == contact->in.stream &&
                message->sequence == contact->in.sequence + 1 && !contact->in.gap;

    if (message->type == CLUSTER_BEGIN && message->stream > contact->in.stream)
        take_begin(relays, contact, message);
    else if (next && message->type != CLUSTER_BEGIN)
        take_next(relays, contact, message);
    else if (message->stream > contact->in.stream ||
             (message->stream == contact->in.stream && message->sequence > contact->in.sequence))
        ask_for_another(relays, contact, message);
    else
        relays->counters.ignored++;
}

static void take_ping(ClusterRelays *relays, Contact *contact, const ClusterMessage *message)
{
    if (message->stream > contact->in.stream ||
        (message->stream == contact->in.stream &&
         (contact->in.gap || message->sequence > contact->in.sequence)))
        ask_for_another(relays, contact, message);
}

/* ---- who is there -------------------------------------------------------------- */

static void contact_free(gpointer data)
{
    Contact *contact = data;

    g_queue_clear_full(&contact->out.unacked, sent_free);
    g_array_unref(contact->in.failed);
    g_free(contact);
}

static Contact *contact_new(ClusterRelays *relays, const ClusterMessage *hello)
{
    Contact *contact;

    if (g_hash_table_size(relays->contacts) >= CLUSTER_RELAYS_MAX)
        return NULL;
    contact = g_new0(Contact, 1);
    g_strlcpy(contact->relay.origin.id, hello->origin, sizeof contact->relay.origin.id);
    g_strlcpy(contact->relay.label, hello->label, sizeof contact->relay.label);
    contact->session = hello->session;
    contact->in.failed = g_array_new(FALSE, FALSE, sizeof(guint64));
    contact->in.asked = G_MININT64 / 2;
    contact->relay.heard = relays->now;
    g_hash_table_insert(relays->contacts, contact->relay.origin.id, contact);
    relays->ops->came(&contact->relay, relays->data);
    say_hello(relays, contact->relay.origin.id);
    begin_stream(relays, contact);
    return contact;
}

static void contact_end(ClusterRelays *relays, Contact *contact, const char *reason)
{
    contact->out.stream = 0;
    fail_all(relays, contact);
    relays->ops->gone(&contact->relay, reason, relays->data);
    g_hash_table_remove(relays->contacts, contact->relay.origin.id);
}

static void take_hello(ClusterRelays *relays, Contact *contact, const ClusterMessage *hello)
{
    if (!contact)
        contact = contact_new(relays, hello);
    if (!contact)
        return;
    g_strlcpy(contact->relay.label, hello->label, sizeof contact->relay.label);
    contact->relay.leaving = hello->leaving;
    if (contact->session == hello->session)
        return;
    contact->session = hello->session;
    say_hello(relays, contact->relay.origin.id);
    begin_stream(relays, contact);
}

void cluster_relays_take(ClusterRelays *relays, const ClusterMessage *message, gint64 now)
{
    Contact *contact = g_hash_table_lookup(relays->contacts, message->origin);

    relays->now = now;
    if (strcmp(message->origin, relays->self) == 0)
        return;
    if (contact)
        contact->relay.heard = now;
    if (message->type == CLUSTER_HELLO)
        take_hello(relays, contact, message);
    else if (!contact)
        relays->counters.ignored++;
    else if (message->type == CLUSTER_BYE)
        contact_end(relays, contact, NULL);
    else if (message->type == CLUSTER_PING)
        take_ping(relays, contact, message);
    else if (message->type == CLUSTER_ACK)
        take_ack(relays, contact, message);
    else if (message->type == CLUSTER_RESYNC)
        take_resync(relays, contact, message);
    else
        take_in_stream(relays, contact, message);
}

ClusterRelayState cluster_relays_state(const ClusterRelays *relays, const char *id, gint64 now)
{
    if (strcmp(id, relays->self) == 0 || g_hash_table_contains(relays->contacts, id))
        return CLUSTER_RELAY_ALIVE;
    return relays->online && now - relays->online_since >= LIFE ? CLUSTER_RELAY_DEAD
                                                                : CLUSTER_RELAY_UNKNOWN;
}

bool cluster_relays_are_synced(const ClusterRelays *relays, gint64 now)
{
    GHashTableIter iter;
    gpointer contact;

    if (!relays->online)
        return true;
    if (now - relays->online_since < SYNC_TIME / 10)
        return false;
    g_hash_table_iter_init(&iter, relays->contacts);
    while (g_hash_table_iter_next(&iter, NULL, &contact)) {
        if (!((Contact *) contact)->relay.synced && now - relays->online_since < SYNC_TIME)
            return false;
    }
    return true;
}

/* ---- time ----------------------------------------------------------------------- */

static void contact_tick(ClusterRelays *relays, Contact *contact)
{
    if (contact->out.stream != 0)
        say_of_stream(relays, contact, CLUSTER_PING, contact->out.stream, contact->out.sequence);
}

static gint64 contact_check(ClusterRelays *relays, Contact *contact, bool tick)
{
    gint64 now = relays->now, due = contact->relay.heard + LIFE;

    if (contact->in.ack != 0 && contact->in.ack <= now)
        acknowledge(relays, contact);
    if (contact->out.broken && now - contact->out.begun >= RESTART_INTERVAL)
        begin_stream(relays, contact);
    if (tick)
        contact_tick(relays, contact);
    if (contact->in.ack != 0)
        due = MIN(due, contact->in.ack);
    if (contact->out.broken && relays->online)
        due = MIN(due, contact->out.begun + RESTART_INTERVAL);
    return due;
}

/* If we ourselves have not run for a while, nobody could be heard. */
static bool notice_sleep(ClusterRelays *relays, gint64 now)
{
    gint64 slept = now - relays->checked;
    GHashTableIter iter;
    gpointer contact;

    relays->checked = now;
    if (slept < 2 * INTERVAL)
        return false;
    g_hash_table_iter_init(&iter, relays->contacts);
    while (g_hash_table_iter_next(&iter, NULL, &contact)) {
        ClusterRelay *relay = contact;

        relay->heard = MIN(relay->heard + slept, now);
    }
    relays->online_since = MIN(relays->online_since + slept, now);
    return slept >= LIFE;
}

static void bury_dead(ClusterRelays *relays, gint64 now)
{
    g_autoptr(GList) contacts = g_hash_table_get_values(relays->contacts);

    for (GList *link = contacts; link; link = link->next) {
        Contact *contact = link->data;

        if (now - contact->relay.heard >= LIFE)
            contact_end(relays, contact, "not heard of");
    }
}

gint64 cluster_relays_check(ClusterRelays *relays, gint64 now, bool *slept)
{
    bool tick = now >= relays->tick;
    GHashTableIter iter;
    gpointer contact;
    gint64 due;

    relays->now = now;
    *slept = notice_sleep(relays, now);
    bury_dead(relays, now);
    if (tick) {
        relays->tick = now + INTERVAL;
        say_hello(relays, NULL);
    }
    due = relays->tick;
    g_hash_table_iter_init(&iter, relays->contacts);
    while (g_hash_table_iter_next(&iter, NULL, &contact))
        due = MIN(due, contact_check(relays, contact, tick));
    return due;
}

void cluster_relays_set_online(ClusterRelays *relays, bool online, gint64 now)
{
    GHashTableIter iter;
    gpointer contact;

    if (relays->online == online)
        return;
    relays->now = now;
    relays->online = online;
    relays->online_since = now;
    relays->tick = now;
    relays->session += online;
    if (online)
        say_hello(relays, NULL);
    g_hash_table_iter_init(&iter, relays->contacts);
    while (g_hash_table_iter_next(&iter, NULL, &contact))
        begin_stream(relays, contact);
}

/* ---- life ------------------------------------------------------------------------ */

void cluster_relays_set_leaving(ClusterRelays *relays)
{
    relays->leaving = true;
}

void cluster_relays_say_bye(ClusterRelays *relays)
{
    ClusterMessage bye = {.type = CLUSTER_BYE};

    post(relays, NULL, &bye);
}

void cluster_relays_foreach(ClusterRelays *relays, void (*func)(ClusterRelay *relay, gpointer data),
                            gpointer data)
{
    GHashTableIter iter;
    gpointer contact;

    g_hash_table_iter_init(&iter, relays->contacts);
    while (g_hash_table_iter_next(&iter, NULL, &contact))
        func(contact, data);
}

void cluster_relays_counters(const ClusterRelays *relays, ClusterRelaysCounters *out)
{
    *out = relays->counters;
    out->relays = g_hash_table_size(relays->contacts);
}

ClusterRelays *cluster_relays_new(const char *self, const char *label, const ClusterRelaysOps *ops,
                                  gpointer data, gint64 now)
{
    ClusterRelays *relays = g_new0(ClusterRelays, 1);

    g_strlcpy(relays->self, self, sizeof relays->self);
    g_strlcpy(relays->label, label, sizeof relays->label);
    relays->ops = ops;
    relays->data = data;
    relays->contacts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, contact_free);
    relays->checked = relays->now = now;
    return relays;
}

void cluster_relays_free(ClusterRelays *relays)
{
    if (!relays)
        return;
    g_hash_table_unref(relays->contacts);
    g_free(relays);
}
