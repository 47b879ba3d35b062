/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Three relays and the network between them, in virtual time: it loses messages, cuts relays off, in
 * one direction too, and they die, stand still and come back.
 */

#include <config.h>

#include <glib.h>
#include <string.h>

#include "relay/cluster-relays.h"

#define RELAYS 3
#define CLIENTS 4 /* of each relay */
#define STEP (5 * 1000)
#define FLOW 4096 /* bytes on their way to the room at one relay */

typedef struct {
    char id[ROUTER_ID_LENGTH + 1];
    ClusterRelays *relays;
    ClusterMembers *members;
    char clients[CLIENTS][ROUTER_ID_LENGTH + 1]; /* "": nobody is there */
    bool stopped, online, mute;
    GHashTable *seen;   /* id → itself: others' clients, as ours were told */
    GHashTable *frames; /* text → how often it came */
    GHashTable *sent;   /* text → itself */
    guint failed, relieved;
    guint slept;
    GQueue inbox; /* of those who are stopped */
} Node;

typedef struct {
    Node *to;
    GByteArray *bytes;
    gint64 due;
} Parcel;

static struct {
    Node nodes[RELAYS];
    GQueue parcels;
    gint64 now;
    GRand *rand;
    guint lose;
    guint n_frames;
} world;

static void parcel_free(gpointer data)
{
    Parcel *parcel = data;

    g_byte_array_unref(parcel->bytes);
    g_free(parcel);
}

/* In order, as NATS delivers from one to another. */
static bool on_send(const char *to, const ClusterMessage *message, gpointer data)
{
    Node *self = data;

    g_assert_true(self->online);
    for (guint i = 0; i < RELAYS; i++) {
        Node *node = &world.nodes[i];
        Parcel *parcel;

        if (node == self || (to && strcmp(to, node->id) != 0))
            continue;
        if (self->mute || !node->online ||
            (guint) g_rand_int_range(world.rand, 0, 1000) < world.lose)
            continue;
        parcel = g_new(Parcel, 1);
        *parcel = (Parcel){node, g_byte_array_new(), world.now + 10 * 1000};
        cluster_message_encode(message, parcel->bytes);
        g_queue_push_tail(&world.parcels, parcel);
    }
    return true;
}

static void fill_member(ClusterMessage *message, const char *id)
{
    *message = (ClusterMessage){.type = CLUSTER_JOINED};
    g_strlcpy(message->id, id, sizeof message->id);
    g_strlcpy(message->room, "den", sizeof message->room);
}

static bool on_snapshot(ClusterRelay *relay, gpointer data)
{
    Node *self = data;

    for (guint i = 0; i < CLIENTS; i++) {
        ClusterMessage joined;

        fill_member(&joined, self->clients[i]);
        if (*self->clients[i] && !cluster_relays_send(self->relays, relay, &joined))
            return false;
    }
    return true;
}

static bool has_client(const Node *node, const char *id)
{
    for (guint i = 0; i < CLIENTS; i++) {
        if (strcmp(node->clients[i], id) == 0)
            return true;
    }
    return false;
}

static bool take_frame(Node *self, const ClusterMessage *message)
{
    char *text = g_strndup(message->text, message->text_size);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(self->frames, text));

    if (!has_client(self, message->to)) {
        g_free(text);
        return false;
    }
    g_assert_cmpuint(count, ==, 0); /* no frame twice */
    g_hash_table_insert(self->frames, text, GUINT_TO_POINTER(count + 1));
    return true;
}

static bool on_received(ClusterRelay *relay, const ClusterMessage *message, gpointer data)
{
    Node *self = data;

    if (message->type == CLUSTER_BEGIN)
        cluster_members_begin(self->members, &relay->origin);
    else if (message->type == CLUSTER_END)
        cluster_members_end(self->members, &relay->origin);
    else if (message->type == CLUSTER_JOINED)
        cluster_members_join(self->members, &relay->origin, message->id, message->room,
                             message->name, message->revision);
    else if (message->type == CLUSTER_LEFT)
        cluster_members_leave(self->members, &relay->origin, message->id);
    else if (message->type == CLUSTER_CONGESTED || message->type == CLUSTER_RELIEVED)
        cluster_members_set_congested(self->members, &relay->origin, message->id,
                                      message->type == CLUSTER_CONGESTED);
    else if (message->type == CLUSTER_FRAME)
        return take_frame(self, message);
    return true;
}

static void on_failed(const char *sender, const char *to, bool absent, gpointer data)
{
    ((Node *) data)->failed++;
}

static void on_relieved(gpointer data)
{
    ((Node *) data)->relieved++;
}

static void on_came(ClusterRelay *relay, gpointer data)
{
}

static void on_gone(ClusterRelay *relay, const char *reason, gpointer data)
{
    cluster_members_drop(((Node *) data)->members, &relay->origin);
}

static void on_joined(const ClusterMember *member, gpointer data)
{
    g_assert_true(g_hash_table_add(((Node *) data)->seen, g_strdup(member->id)));
}

static void on_left(const ClusterMember *member, gpointer data)
{
    g_assert_true(g_hash_table_remove(((Node *) data)->seen, member->id));
}

static void node_start(Node *node)
{
    static const ClusterRelaysOps ops = {on_send,     on_snapshot, on_received, on_failed,
                                         on_relieved, on_came,     on_gone};
    static const ClusterMembersOps members_ops = {on_joined, on_left};

    random_id(node->id);
    node->relays = cluster_relays_new(node->id, "node", &ops, node, world.now);
    node->members = cluster_members_new(&members_ops, node);
    node->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    memset(node->clients, 0, sizeof node->clients);
    node->stopped = node->mute = node->online = false;
    for (guint i = 0; i < CLIENTS; i++)
        random_id(node->clients[i]);
}

static void set_online(Node *node, bool online)
{
    node->online = online;
    cluster_relays_set_online(node->relays, online, world.now);
}

static void drop_relay(ClusterRelay *relay, gpointer data)
{
    cluster_members_drop(((Node *) data)->members, &relay->origin);
}

/* As kill -9 does */
static void node_end(Node *node)
{
    cluster_relays_foreach(node->relays, drop_relay, node);
    cluster_relays_free(node->relays);
    cluster_members_free(node->members);
    g_hash_table_unref(node->seen);
    g_queue_clear_full(&node->inbox, parcel_free);
}

static void begin(guint32 seed)
{
    world.rand = g_rand_new_with_seed(seed);
    world.now = 10 * G_USEC_PER_SEC;
    world.lose = world.n_frames = 0;
    for (guint i = 0; i < RELAYS; i++) {
        Node *node = &world.nodes[i];

        *node = (Node){};
        node->frames = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        node->sent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        node_start(node);
        set_online(node, true);
    }
}

static void finish(void)
{
    for (guint i = 0; i < RELAYS; i++) {
        node_end(&world.nodes[i]);
        g_hash_table_unref(world.nodes[i].frames);
        g_hash_table_unref(world.nodes[i].sent);
    }
    g_queue_clear_full(&world.parcels, parcel_free);
    g_rand_free(world.rand);
}

static void take(Parcel *parcel)
{
    ClusterMessage message;

    g_assert_true(cluster_message_decode(parcel->bytes->data, parcel->bytes->len, &message));
    if (parcel->to->online)
        cluster_relays_take(parcel->to->relays, &message, world.now);
    parcel_free(parcel);
}

static void node_run(Node *node)
{
    Parcel *parcel;
    bool slept = false;

    while ((parcel = g_queue_pop_head(&node->inbox)))
        take(parcel);
    cluster_relays_check(node->relays, world.now, &slept);
    node->slept += slept;
}

static void run(gint64 time)
{
    for (gint64 end = world.now + time; world.now < end; world.now += STEP) {
        const Parcel *first;

        while ((first = g_queue_peek_head(&world.parcels)) && first->due <= world.now) {
            Parcel *parcel = g_queue_pop_head(&world.parcels);

            g_queue_push_tail(&parcel->to->inbox, parcel);
        }
        for (guint i = 0; i < RELAYS; i++) {
            if (!world.nodes[i].stopped)
                node_run(&world.nodes[i]);
        }
    }
}

static void come(Node *node, guint i)
{
    ClusterMessage joined;

    if (*node->clients[i])
        return;
    random_id(node->clients[i]);
    fill_member(&joined, node->clients[i]);
    cluster_relays_tell(node->relays, &joined);
}

static void leave(Node *node, guint i)
{
    ClusterMessage left = {.type = CLUSTER_LEFT};

    if (!*node->clients[i])
        return;
    g_strlcpy(left.id, node->clients[i], sizeof left.id);
    node->clients[i][0] = 0;
    cluster_relays_tell(node->relays, &left);
}

/* A frame of a client of NODE's to TO. True if it was sent. */
static bool send_frame(Node *node, const char *to)
{
    const ClusterMember *member = cluster_members_find(node->members, "den", to);
    ClusterMessage frame = {.type = CLUSTER_FRAME};
    ClusterFrameOrder order;
    g_autofree char *text = g_strdup_printf("%u", ++world.n_frames);

    if (!member)
        return false;
    frame.text = text;
    frame.text_size = strlen(text);
    random_id(frame.id);
    g_strlcpy(frame.to, to, sizeof frame.to);
    g_strlcpy(frame.room, "den", sizeof frame.room);
    order = (ClusterFrameOrder){to, cluster_member_flow(member), FLOW, world.now};
    if (!cluster_relays_send_frame(node->relays, (ClusterRelay *) member->origin, &frame, &order))
        return false;
    g_hash_table_add(node->sent, g_steal_pointer(&text));
    return true;
}

/* Everybody has seen all clients of all others. */
static bool all_is_seen(void)
{
    for (guint i = 0; i < RELAYS; i++) {
        guint count = 0;

        for (guint j = 0; j < RELAYS; j++) {
            for (guint n = 0; n < CLIENTS && j != i; n++) {
                const char *id = world.nodes[j].clients[n];

                if (!*id)
                    continue;
                count++;
                if (!g_hash_table_contains(world.nodes[i].seen, id))
                    return false;
            }
        }
        if (count != g_hash_table_size(world.nodes[i].seen))
            return false;
    }
    return true;
}

/* Those that did not come were reported. */
static void check_frames(guint32 seed)
{
    for (guint i = 0; i < RELAYS; i++) {
        GHashTableIter iter;
        gpointer text;
        guint lost = 0;

        g_hash_table_iter_init(&iter, world.nodes[i].sent);
        while (g_hash_table_iter_next(&iter, &text, NULL)) {
            bool came = false;

            for (guint j = 0; j < RELAYS; j++)
                came |= g_hash_table_contains(world.nodes[j].frames, text);
            lost += !came;
        }
        if (lost > world.nodes[i].failed)
            g_error("seed %u: %u frames lost, and %u reported", seed, lost, world.nodes[i].failed);
    }
}

/* ---- tests -------------------------------------------------------------------- */

static void test_come_and_go(void)
{
    begin(1);
    run(G_USEC_PER_SEC);
    g_assert_true(all_is_seen());
    leave(&world.nodes[0], 0);
    run(G_USEC_PER_SEC / 10);
    g_assert_true(all_is_seen());
    come(&world.nodes[0], 0);
    for (guint i = 0; i < 100; i++)
        g_assert_true(send_frame(&world.nodes[0], world.nodes[1].clients[0]));
    run(G_USEC_PER_SEC);
    g_assert_true(all_is_seen());
    g_assert_cmpuint(g_hash_table_size(world.nodes[1].frames), ==, 100);
    g_assert_cmpuint(world.nodes[0].failed, ==, 0);
    finish();
}

/* It has left by the time that the frame comes. */
static void test_absent(void)
{
    char id[ROUTER_ID_LENGTH + 1];

    begin(2);
    run(G_USEC_PER_SEC);
    g_strlcpy(id, world.nodes[1].clients[0], sizeof id);
    leave(&world.nodes[1], 0);
    g_assert_true(send_frame(&world.nodes[0], id));
    run(G_USEC_PER_SEC / 10);
    g_assert_cmpuint(world.nodes[0].failed, ==, 1);
    g_assert_false(send_frame(&world.nodes[0], id));
    finish();
}

/* As many frames are on their way as may be: who comes and goes is told all the same. */
static void test_limit(void)
{
    const char *to = world.nodes[1].clients[0];

    begin(6);
    run(G_USEC_PER_SEC);
    world.nodes[1].stopped = true;
    for (guint i = 0; i < CLUSTER_UNACKED_MAX; i++)
        g_assert_true(send_frame(&world.nodes[0], to));
    g_assert_false(send_frame(&world.nodes[0], to));
    leave(&world.nodes[0], 0);
    leave(&world.nodes[0], 1);
    come(&world.nodes[0], 1);
    world.nodes[1].stopped = false;
    run(G_USEC_PER_SEC);
    g_assert_true(all_is_seen());
    g_assert_cmpuint(g_hash_table_size(world.nodes[1].frames), ==, CLUSTER_UNACKED_MAX);
    g_assert_cmpuint(world.nodes[0].failed, ==, 0);
    g_assert_true(send_frame(&world.nodes[0], to));
    finish();
}

static bool is_full(const Node *node, const char *to)
{
    const ClusterMember *member = cluster_members_find(node->members, "den", to);

    return cluster_flow_is_full(cluster_member_flow(member), world.now);
}

/* Whoever sends is to wait while much is on its way, but not for long; and then he hears that he may go
 * on. */
static void test_flow(void)
{
    const char *to = world.nodes[1].clients[0];
    guint count = 0;

    begin(8);
    run(G_USEC_PER_SEC);
    world.nodes[1].stopped = true;
    for (; !is_full(&world.nodes[0], to); count++)
        g_assert_true(send_frame(&world.nodes[0], to));
    g_assert_cmpuint(count, >, FLOW / 256);
    g_assert_cmpuint(count, <, FLOW / 64);
    g_assert_false(is_full(&world.nodes[0], world.nodes[2].clients[0]));
    run(CLUSTER_PATIENCE / 2);
    g_assert_true(is_full(&world.nodes[0], to));
    run(CLUSTER_PATIENCE / 2 + STEP);
    g_assert_false(is_full(&world.nodes[0], to));
    g_assert_cmpuint(world.nodes[0].relieved, ==, 0);
    world.nodes[1].stopped = false;
    run(G_USEC_PER_SEC / 10);
    g_assert_cmpuint(world.nodes[0].relieved, ==, 1);
    g_assert_cmpuint(
        cluster_member_flow(cluster_members_find(world.nodes[0].members, "den", to))->bytes, ==, 0);
    g_assert_cmpuint(world.nodes[0].failed, ==, 0);
    finish();
}

static void tell_congested(Node *node, guint i, bool is)
{
    ClusterMessage message = {.type = is ? CLUSTER_CONGESTED : CLUSTER_RELIEVED};

    g_strlcpy(message.id, node->clients[i], sizeof message.id);
    cluster_relays_tell(node->relays, &message);
}

/* A room is congested while one of its members is, and that is forgotten with him and with the stream. */
static void test_congested(void)
{
    ClusterMembers *members = (begin(9), world.nodes[0].members);

    run(G_USEC_PER_SEC);
    tell_congested(&world.nodes[1], 0, true);
    tell_congested(&world.nodes[2], 0, true);
    run(G_USEC_PER_SEC / 10);
    g_assert_true(cluster_members_find_id(members, world.nodes[1].clients[0])->congested);
    tell_congested(&world.nodes[1], 0, false);
    run(G_USEC_PER_SEC / 10);
    g_assert_true(cluster_members_are_congested(members, "den"));
    leave(&world.nodes[2], 0);
    run(G_USEC_PER_SEC / 10);
    g_assert_false(cluster_members_are_congested(members, "den"));
    tell_congested(&world.nodes[1], 1, true);
    run(G_USEC_PER_SEC / 10);
    g_assert_true(cluster_members_are_congested(members, "den"));
    set_online(&world.nodes[1], false);
    set_online(&world.nodes[1], true);
    run(G_USEC_PER_SEC);
    g_assert_false(cluster_members_are_congested(members, "den"));
    finish();
}

static void test_dies(void)
{
    char id[ROUTER_ID_LENGTH + 1];

    begin(3);
    run(G_USEC_PER_SEC);
    g_strlcpy(id, world.nodes[2].id, sizeof id);
    node_end(&world.nodes[2]);
    node_start(&world.nodes[2]);
    world.nodes[2].stopped = true;
    run(4 * G_USEC_PER_SEC);
    g_assert_cmpint(cluster_relays_state(world.nodes[0].relays, id, world.now), ==,
                    CLUSTER_RELAY_ALIVE);
    g_assert_true(
        send_frame(&world.nodes[0], cluster_members_first(world.nodes[0].members, "den")->id));
    run(3 * G_USEC_PER_SEC);
    g_assert_cmpint(cluster_relays_state(world.nodes[0].relays, id, world.now), ==,
                    CLUSTER_RELAY_DEAD);
    g_assert_cmpuint(g_hash_table_size(world.nodes[0].seen), ==, CLIENTS);
    finish();
}

/* Who has stood still knows it, and believes nobody dead for that. */
static void test_stands_still(void)
{
    begin(4);
    run(G_USEC_PER_SEC);
    world.nodes[0].stopped = true;
    run(8 * G_USEC_PER_SEC);
    g_assert_cmpuint(g_hash_table_size(world.nodes[1].seen), ==, CLIENTS);
    world.nodes[0].stopped = false;
    run(2 * G_USEC_PER_SEC);
    g_assert_cmpuint(world.nodes[0].slept, ==, 1);
    g_assert_cmpuint(world.nodes[1].slept, ==, 0);
    g_assert_true(all_is_seen());
    finish();
}

/* Nor does it believe anybody alive for longer. */
static void test_dies_meanwhile(void)
{
    begin(7);
    run(G_USEC_PER_SEC);
    world.nodes[0].stopped = true;
    run(8 * G_USEC_PER_SEC);
    world.nodes[0].stopped = false;
    world.nodes[2].stopped = true;
    run(6 * G_USEC_PER_SEC);
    g_assert_cmpint(cluster_relays_state(world.nodes[0].relays, world.nodes[2].id, world.now), ==,
                    CLUSTER_RELAY_DEAD);
    g_assert_cmpuint(g_hash_table_size(world.nodes[0].seen), ==, CLIENTS);
    finish();
}

/* The last message of a stream is lost, and nothing comes behind it. */
static void test_last_is_lost(void)
{
    begin(5);
    run(G_USEC_PER_SEC);
    world.lose = 1000;
    leave(&world.nodes[0], 0);
    send_frame(&world.nodes[0], world.nodes[1].clients[0]);
    world.lose = 0;
    run(2 * G_USEC_PER_SEC);
    g_assert_true(all_is_seen());
    g_assert_cmpuint(world.nodes[0].failed, ==, 1);
    finish();
}

static void happen(void)
{
    Node *node = &world.nodes[g_rand_int_range(world.rand, 0, RELAYS)];
    Node *other = &world.nodes[g_rand_int_range(world.rand, 0, RELAYS)];
    guint n = (guint) g_rand_int_range(world.rand, 0, CLIENTS);

    switch (g_rand_int_range(world.rand, 0, 40)) {
    case 0:
        set_online(node, !node->online);
        break;
    case 1:
        node->stopped = !node->stopped;
        break;
    case 2:
        node->mute = !node->mute;
        break;
    default:
        if (node->stopped)
            break;
        if (g_rand_boolean(world.rand))
            come(node, n);
        else
            leave(node, n);
        for (guint i = 0; i < 5; i++)
            send_frame(node, other->clients[i % CLIENTS]);
        break;
    }
}

static void test_chaos(void)
{
    for (guint32 seed = 1; seed <= 200; seed++) {
        begin(seed);
        world.lose = seed % 3 * 20;
        for (guint i = 0; i < 150; i++) {
            happen();
            run(g_rand_int_range(world.rand, 0, 300) * 1000);
        }
        world.lose = 0;
        for (guint i = 0; i < RELAYS; i++) {
            world.nodes[i].stopped = world.nodes[i].mute = false;
            set_online(&world.nodes[i], true);
        }
        run(10 * G_USEC_PER_SEC);
        if (!all_is_seen())
            g_error("seed %u: not all is seen", seed);
        check_frames(seed);
        finish();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cluster-relays/come-and-go", test_come_and_go);
    g_test_add_func("/cluster-relays/absent", test_absent);
    g_test_add_func("/cluster-relays/limit", test_limit);
    g_test_add_func("/cluster-relays/flow", test_flow);
    g_test_add_func("/cluster-relays/congested", test_congested);
    g_test_add_func("/cluster-relays/dies", test_dies);
    g_test_add_func("/cluster-relays/stands-still", test_stands_still);
    g_test_add_func("/cluster-relays/dies-meanwhile", test_dies_meanwhile);
    g_test_add_func("/cluster-relays/last-is-lost", test_last_is_lost);
    g_test_add_func("/cluster-relays/chaos", test_chaos);
    return g_test_run();
}
