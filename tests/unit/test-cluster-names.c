/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Several relays that claim names in one store, in virtual time: answers are late or lost, relays are cut
 * off or die, the store comes back empty.
 */

#include <config.h>

#include <glib.h>
#include <string.h>

#include "relay/cluster-names.h"

#define RELAYS 3
#define NAMES 4
#define STEP (5 * 1000) /* µs */
#define LIFE (5 * G_USEC_PER_SEC)

typedef struct {
    char key[CLUSTER_KEY_LENGTH + 1];
    guint64 sequence;
    char *value; /* NULL: a tombstone */
} Key;

typedef struct Node Node;

/* An answer on its way */
typedef struct {
    Node *node;
    gint64 due;
    guint32 token;
    ClusterStoreAnswer answer;
} Reply;

struct Node {
    char id[RANDOM_ID_LENGTH + 1];
    ClusterNames *names;
    bool online, dead;
    gint64 since;        /* of ONLINE or DEAD */
    bool has[NAMES];     /* who is called so */
    bool waits[NAMES];   /* who wants to be */
    bool decided[NAMES]; /* and may ask again */
    bool owns[NAMES];    /* what those have shown */
    const char *resume[NAMES];
    ClusterClaim told[NAMES]; /* what they were told last */
    guint lost;
};

/* All there is */
static struct {
    Node nodes[RELAYS];
    GPtrArray *keys;
    GQueue replies;
    guint64 sequence;
    gint64 now;
    GRand *rand;
    guint lose; /* of 100 questions and answers */
} world;

static const char *const names[NAMES] = {"anna", "bert", "cara", "dora"};

static Key *find_key(const char *key)
{
    for (guint i = 0; i < world.keys->len; i++) {
        Key *found = world.keys->pdata[i];

        if (strcmp(found->key, key) == 0)
            return found;
    }
    return NULL;
}

static void key_free(gpointer data)
{
    Key *key = data;

    g_free(key->value);
    g_free(key);
}

static bool is_lost(void)
{
    return (guint) g_rand_int_range(world.rand, 0, 100) < world.lose;
}

static void reply(Node *node, guint32 token, ClusterStoreAnswer answer)
{
    Reply *reply_ = g_new(Reply, 1);

    *reply_ = (Reply){node, world.now + g_rand_int_range(world.rand, 500, 20000), token, answer};
    g_queue_push_tail(&world.replies, reply_);
}

static bool on_put(guint32 token, const char *name, guint64 expected, const char *value,
                   gpointer data)
{
    Key *key = find_key(name);
    ClusterStoreAnswer answer = {.result = CLUSTER_STORE_CONFLICT};

    g_assert_true(((Node *) data)->online);
    if (is_lost())
        return true;
    if (expected == (key ? key->sequence : 0)) {
        if (!key) {
            key = g_new0(Key, 1);
            g_strlcpy(key->key, name, sizeof key->key);
            g_ptr_array_add(world.keys, key);
        }
        g_free(key->value);
        key->value = g_strdup(value);
        key->sequence = ++world.sequence;
        answer = (ClusterStoreAnswer){CLUSTER_STORE_DONE, key->sequence, {}};
    }
    if (!is_lost())
        reply(data, token, answer);
    return true;
}

static bool on_get(guint32 token, const char *name, gpointer data)
{
    const Key *key = find_key(name);
    const char *value = key && key->value ? key->value : "";
    ClusterStoreAnswer answer = cluster_store_read_get(value, strlen(value), key ? 0 : 404,
                                                       key ? key->sequence : 0, key && !key->value);

    if (!is_lost())
        reply(data, token, answer);
    return true;
}

static ClusterRelayState on_relay_state(const char *relay, gpointer data)
{
    const Node *self = data;

    for (guint i = 0; i < RELAYS; i++) {
        const Node *node = &world.nodes[i];

        if (strcmp(node->id, relay) != 0)
            continue;
        if (node->online && !node->dead)
            return CLUSTER_RELAY_ALIVE;
        return world.now - node->since < LIFE   ? CLUSTER_RELAY_ALIVE
               : world.now - self->since < LIFE ? CLUSTER_RELAY_UNKNOWN
                                                : CLUSTER_RELAY_DEAD;
    }
    return world.now - self->since < LIFE ? CLUSTER_RELAY_UNKNOWN : CLUSTER_RELAY_DEAD;
}

/* Who is connected to the store knows who is where, and nobody else. */
static bool on_is_present(const char *room, const char *name, gpointer data)
{
    const Node *self = data;

    for (guint i = 0; i < RELAYS; i++) {
        const Node *node = &world.nodes[i];

        for (guint n = 0; n < NAMES; n++) {
            if (node != self && node->online && self->online && node->has[n] &&
                strcmp(names[n], name) == 0)
                return true;
        }
    }
    return false;
}

static void on_decided(gpointer waiter, gpointer data)
{
    bool *waits = waiter;

    ((Node *) data)->decided[waits - ((Node *) data)->waits] = true;
}

static void on_lost(const char *room, const char *name, gpointer data)
{
    Node *node = data;

    for (guint n = 0; n < NAMES; n++) {
        if (strcmp(names[n], name) == 0)
            node->has[n] = false;
    }
    node->lost++;
}

static void node_start(Node *node)
{
    static const ClusterNamesOps ops = {on_put,        on_get,     on_relay_state,
                                        on_is_present, on_decided, on_lost};

    *node = (Node){.since = world.now};
    random_id(node->id);
    node->names = cluster_names_new(node->id, &ops, node, world.now);
}

static void set_online(Node *node, bool online)
{
    if (node->online == online || node->dead)
        return;
    node->online = online;
    node->since = world.now;
    cluster_names_set_online(node->names, online, world.now);
}

static void begin(guint32 seed)
{
    world.rand = g_rand_new_with_seed(seed);
    world.keys = g_ptr_array_new_with_free_func(key_free);
    world.now = 10 * G_USEC_PER_SEC;
    world.sequence = 0;
    world.lose = 0;
    for (guint i = 0; i < RELAYS; i++) {
        node_start(&world.nodes[i]);
        set_online(&world.nodes[i], true);
    }
    world.now += LIFE; /* all have been heard of */
}

static void finish(void)
{
    for (guint i = 0; i < RELAYS; i++)
        cluster_names_free(world.nodes[i].names);
    g_queue_clear_full(&world.replies, g_free);
    g_ptr_array_unref(world.keys);
    g_rand_free(world.rand);
}

/* ---- clients ----------------------------------------------------------------- */

/* Somebody who is called NAMES[N], or waits for that. */
static ClusterClaim come_with(Node *node, guint n, bool owns, const char *resume)
{
    ClusterClaim claim;

    if (node->has[n])
        return CLUSTER_CLAIM_TAKEN;
    claim =
        cluster_names_claim(node->names, "den", names[n], owns, resume, &node->waits[n], world.now);
    node->told[n] = claim;
    node->waits[n] = claim == CLUSTER_CLAIM_WAITS;
    node->decided[n] = false;
    node->owns[n] = owns;
    node->resume[n] = resume;
    if (claim == CLUSTER_CLAIM_HAD) {
        cluster_names_use(node->names, "den", names[n],
                          cluster_names_secret(node->names, "den", names[n]), world.now);
        node->has[n] = true;
    }
    return claim;
}

static ClusterClaim come(Node *node, guint n)
{
    return come_with(node, n, false, NULL);
}

static void leave(Node *node, guint n)
{
    if (!node->has[n])
        return;
    node->has[n] = false;
    cluster_names_unuse(node->names, "den", names[n], world.now);
}

/* ---- time -------------------------------------------------------------------- */

static void deliver(void)
{
    guint count = world.replies.length;

    for (guint i = 0; i < count; i++) {
        Reply *next = g_queue_pop_head(&world.replies);

        if (next->due > world.now) {
            g_queue_push_tail(&world.replies, next);
            continue;
        }
        if (next->node->online && !next->node->dead)
            cluster_names_answer(next->node->names, next->token, &next->answer, world.now);
        g_free(next);
    }
}

/* What others' presence does: each shows the other that it has the name, too. */
static void contest(void)
{
    for (guint n = 0; n < NAMES; n++) {
        for (guint i = 0; i < RELAYS; i++) {
            Node *node = &world.nodes[i];

            if (node->online && node->has[n] && on_is_present("den", names[n], node))
                cluster_names_contest(node->names, "den", names[n], world.now);
        }
    }
}

static void run(gint64 time)
{
    for (gint64 end = world.now + time; world.now < end; world.now += STEP) {
        deliver();
        contest();
        for (guint i = 0; i < RELAYS; i++) {
            Node *node = &world.nodes[i];

            if (node->dead)
                continue;
            cluster_names_check(node->names, world.now);
            for (guint n = 0; n < NAMES; n++) {
                if (node->waits[n] && node->decided[n])
                    come_with(node, n, node->owns[n], node->resume[n]);
            }
        }
    }
}

static guint count_holders(guint n)
{
    guint count = 0;

    for (guint i = 0; i < RELAYS; i++)
        count += !world.nodes[i].dead && world.nodes[i].has[n];
    return count;
}

/* ---- tests ------------------------------------------------------------------- */

static void test_one_of_three(void)
{
    begin(1);
    for (guint i = 0; i < RELAYS; i++)
        g_assert_cmpint(come(&world.nodes[i], 0), ==, CLUSTER_CLAIM_WAITS);
    run(4 * G_USEC_PER_SEC);
    g_assert_cmpuint(count_holders(0), ==, 1);
    finish();
}

static void test_leaves(void)
{
    Node *first = &world.nodes[0], *second = &world.nodes[1];

    begin(2);
    come(first, 0);
    run(G_USEC_PER_SEC);
    g_assert_true(first->has[0]);
    g_assert_cmpint(come(second, 0), ==, CLUSTER_CLAIM_TAKEN);
    leave(first, 0);
    g_assert_cmpint(come(second, 0), ==, CLUSTER_CLAIM_WAITS); /* while it is given back */
    run(G_USEC_PER_SEC);
    g_assert_true(second->has[0]);
    g_assert_cmpuint(world.keys->len, ==, 1);
    leave(second, 0);
    come(second, 0); /* at once, at the same relay: there is no gap for another */
    run(G_USEC_PER_SEC);
    g_assert_true(second->has[0]);
    finish();
}

static void test_relay_dies(void)
{
    Node *first = &world.nodes[0], *second = &world.nodes[1];

    begin(3);
    come(first, 0);
    run(G_USEC_PER_SEC);
    first->dead = true;
    first->online = false;
    first->since = world.now;
    run(2 * G_USEC_PER_SEC);
    g_assert_cmpint(come(second, 0), ==, CLUSTER_CLAIM_WAITS);
    run(2500 * 1000);
    g_assert_false(second->has[0]); /* it may live */
    run(2 * G_USEC_PER_SEC);
    come(second, 0);
    run(G_USEC_PER_SEC);
    g_assert_true(second->has[0]);
    finish();
}

static void test_resumed_and_owned(void)
{
    Node *first = &world.nodes[0], *second = &world.nodes[1], *third = &world.nodes[2];
    g_autofree char *secret = NULL;
    char wrong[RANDOM_ID_LENGTH + 1];

    begin(4);
    come_with(first, 0, false, NULL);
    run(20 * 1000 * 10);
    secret = g_strdup("00000000000000000000000000000001");
    random_id(wrong);
    leave(first, 0);
    run(G_USEC_PER_SEC);
    g_assert_cmpint(come_with(first, 0, false, secret), ==, CLUSTER_CLAIM_WAITS);
    run(G_USEC_PER_SEC);
    g_assert_true(first->has[0]);
    g_assert_cmpint(come_with(second, 0, false, wrong), ==, CLUSTER_CLAIM_WAITS);
    run(G_USEC_PER_SEC);
    g_assert_cmpint(second->told[0], ==, CLUSTER_CLAIM_TAKEN);
    g_assert_false(second->has[0]);
    come_with(second, 0, false, secret);
    run(G_USEC_PER_SEC);
    g_assert_true(second->has[0]);
    g_assert_false(first->has[0]);
    come_with(third, 0, true, NULL);
    run(G_USEC_PER_SEC);
    g_assert_true(third->has[0]);
    g_assert_false(second->has[0]);
    finish();
}

/* Two holders after a partition: the one that is in the store keeps the name. */
static void test_cut_off(void)
{
    Node *first = &world.nodes[0], *second = &world.nodes[1];

    begin(5);
    come(first, 0);
    run(G_USEC_PER_SEC);
    set_online(first, false);
    run(LIFE + G_USEC_PER_SEC);
    g_assert_true(first->has[0]);
    come(second, 0);
    run(G_USEC_PER_SEC);
    g_assert_true(second->has[0]);
    g_assert_cmpint(come(first, 1), ==, CLUSTER_CLAIM_HAD); /* by its own word */
    g_assert_cmpuint(cluster_names_revision(first->names, "den", names[1]), ==, 0);
    set_online(first, true);
    run(G_USEC_PER_SEC);
    g_assert_false(first->has[0]);
    g_assert_cmpuint(first->lost, ==, 1);
    g_assert_true(second->has[0]);
    g_assert_true(first->has[1]);
    g_assert_cmpuint(cluster_names_revision(first->names, "den", names[1]), >, 0);
    finish();
}

static void test_store_is_empty(void)
{
    begin(6);
    for (guint n = 0; n < RELAYS; n++)
        come(&world.nodes[n], n);
    run(G_USEC_PER_SEC);
    for (guint i = 0; i < RELAYS; i++)
        set_online(&world.nodes[i], false);
    g_ptr_array_set_size(world.keys, 0);
    world.sequence = 0;
    run(G_USEC_PER_SEC);
    for (guint i = 0; i < RELAYS; i++)
        set_online(&world.nodes[i], true);
    run(G_USEC_PER_SEC);
    g_assert_cmpuint(world.keys->len, ==, RELAYS);
    for (guint n = 0; n < RELAYS; n++) {
        g_assert_cmpuint(count_holders(n), ==, 1);
        come(&world.nodes[(n + 1) % RELAYS], n);
    }
    run(3 * G_USEC_PER_SEC);
    for (guint n = 0; n < RELAYS; n++)
        g_assert_cmpuint(count_holders(n), ==, 1);
    finish();
}

/* A store that does not answer is not waited for by each newcomer. */
static void test_store_is_silent(void)
{
    begin(7);
    world.lose = 100;
    g_assert_cmpint(come(&world.nodes[0], 0), ==, CLUSTER_CLAIM_WAITS);
    run(2500 * 1000);
    g_assert_true(world.nodes[0].has[0]);
    g_assert_cmpint(come(&world.nodes[0], 1), ==, CLUSTER_CLAIM_HAD);
    world.lose = 0;
    run(4 * G_USEC_PER_SEC);
    g_assert_cmpuint(cluster_names_revision(world.nodes[0].names, "den", names[0]), >, 0);
    g_assert_cmpuint(cluster_names_revision(world.nodes[0].names, "den", names[1]), >, 0);
    finish();
}

/* Nobody's secret is believed without a store, while somebody else shows that name. */
static void test_unverified(void)
{
    Node *second = &world.nodes[1];
    char wrong[RANDOM_ID_LENGTH + 1];

    random_id(wrong);
    begin(8);
    come(&world.nodes[0], 0);
    run(G_USEC_PER_SEC);
    g_assert_true(world.nodes[0].has[0]);
    world.lose = 100;
    g_assert_cmpint(come_with(second, 0, false, wrong), ==, CLUSTER_CLAIM_WAITS);
    run(2500 * 1000);
    g_assert_cmpint(second->told[0], ==, CLUSTER_CLAIM_TAKEN);
    g_assert_cmpint(come_with(second, 0, false, wrong), ==, CLUSTER_CLAIM_TAKEN);
    world.lose = 0;
    run(3 * G_USEC_PER_SEC);
    g_assert_cmpint(come_with(second, 0, false, wrong), ==, CLUSTER_CLAIM_WAITS);
    cluster_names_set_online(second->names, false, world.now);
    run(STEP);
    g_assert_cmpint(second->told[0], ==, CLUSTER_CLAIM_TAKEN);
    g_assert_cmpint(come_with(second, 0, false, wrong), ==, CLUSTER_CLAIM_TAKEN);
    g_assert_cmpint(come_with(second, 0, true, NULL), ==, CLUSTER_CLAIM_HAD);
    finish();
}

/* One thing that may happen at any time */
static void happen(void)
{
    Node *node = &world.nodes[g_rand_int_range(world.rand, 0, RELAYS)];
    guint n = (guint) g_rand_int_range(world.rand, 0, NAMES);

    switch (g_rand_int_range(world.rand, 0, 12)) {
    case 0:
        set_online(node, !node->online);
        break;
    case 1:
        cluster_names_cancel(node->names, &node->waits[n]);
        node->waits[n] = false;
        break;
    case 2:
        if (g_rand_int_range(world.rand, 0, 8) == 0) {
            for (guint i = 0; i < RELAYS; i++)
                set_online(&world.nodes[i], false);
            g_ptr_array_set_size(world.keys, 0);
            world.sequence = 0;
        }
        break;
    case 3:
    case 4:
    case 5:
        leave(node, n);
        break;
    default:
        if (!node->waits[n])
            come_with(node, n, g_rand_int_range(world.rand, 0, 10) == 0, NULL);
        break;
    }
}

/* Whatever has happened: when all is well again, each name is one client's, as the store has it,
 * and those that nobody has are free. */
static void test_chaos(void)
{
    for (guint32 seed = 1; seed <= 300; seed++) {
        begin(seed);
        world.lose = seed % 3 * 10;
        for (guint i = 0; i < 150; i++) {
            happen();
            run(g_rand_int_range(world.rand, 1, 400) * 1000);
        }
        world.lose = 0;
        for (guint i = 0; i < RELAYS; i++)
            set_online(&world.nodes[i], true);
        run(3 * LIFE);
        for (guint n = 0; n < NAMES; n++) {
            guint holders = count_holders(n);

            if (holders > 1)
                g_error("seed %u: %s has %u holders", seed, names[n], holders);
            if (holders == 1)
                continue;
            come(&world.nodes[seed % RELAYS], n);
            run(3 * G_USEC_PER_SEC);
            if (count_holders(n) != 1)
                g_error("seed %u: %s is not free", seed, names[n]);
        }
        finish();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cluster-names/one-of-three", test_one_of_three);
    g_test_add_func("/cluster-names/leaves", test_leaves);
    g_test_add_func("/cluster-names/relay-dies", test_relay_dies);
    g_test_add_func("/cluster-names/resumed-and-owned", test_resumed_and_owned);
    g_test_add_func("/cluster-names/cut-off", test_cut_off);
    g_test_add_func("/cluster-names/store-is-empty", test_store_is_empty);
    g_test_add_func("/cluster-names/store-is-silent", test_store_is_silent);
    g_test_add_func("/cluster-names/unverified", test_unverified);
    g_test_add_func("/cluster-names/chaos", test_chaos);
    return g_test_run();
}
