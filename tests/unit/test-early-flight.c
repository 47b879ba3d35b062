/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What goes behind a check before there is a pair: to whom, and how much of it. */

#include <config.h>

#include <string.h>

#include "fake-clock.h"
#include "rtc/ice/check-gate.h"
#include "rtc/ice/early-flight.h"

#define HELLO 200 /* bytes */
#define ANSWER 900

typedef struct {
    CheckBudget *budget;
    EarlyFlight *flight;
    GSocket *socket, *remote; /* ours sends to that one */
    GSocketAddress *to;
    CheckTarget target;
} World;

static GSocket *bound(const char *host, GSocketAddress **address)
{
    GSocket *socket =
        g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string(host, 0);

    g_assert_true(g_socket_bind(socket, any, FALSE, NULL));
    g_socket_set_blocking(socket, FALSE);
    *address = g_socket_get_local_address(socket, NULL);
    return socket;
}

static CheckTarget target_of(GSocketAddress *address)
{
    struct sockaddr_storage native;
    CheckTarget target;

    g_assert_true(g_socket_address_to_native(address, &native, sizeof native, NULL));
    g_assert_true(check_target_read(&target, (struct sockaddr *) &native));
    return target;
}

static void set_up(World *world, gconstpointer data)
{
    g_autoptr(GSocketAddress) own = NULL;

    world->budget = check_budget_new();
    world->flight = early_flight_new(world->budget);
    world->socket = bound("127.0.0.1", &own);
    world->remote = bound("127.0.0.1", &world->to);
    world->target = target_of(world->to);
}

static void tear_down(World *world, gconstpointer data)
{
    early_flight_free(world->flight);
    check_budget_unref(world->budget);
    g_object_unref(world->socket);
    g_object_unref(world->remote);
    g_object_unref(world->to);
}

/* Of a handshake; a ClientHello if it is as long as one. */
static guint8 *make_packet(gsize length)
{
    guint8 *bytes = g_malloc0(length);

    bytes[0] = 22;
    if (length == HELLO)
        bytes[13] = 1;
    return bytes;
}

static bool add(World *world, gsize length)
{
    g_autofree guint8 *bytes = make_packet(MAX(length, 1));

    return early_flight_add(world->flight, bytes, length);
}

static void hear(World *world, guint8 type)
{
    early_flight_note_heard(world->flight, &world->target, (guint8[HELLO]){type}, HELLO);
}

static void hear_check(World *world)
{
    early_flight_note_asked(world->flight, &world->target, 100);
    early_flight_note_replied(world->flight, &world->target);
}

static void check(World *world)
{
    early_flight_note_check(world->flight, &world->target, world->socket, world->to);
    early_flight_send(world->flight);
}

/* So many bytes come to the remote. */
static void expect(World *world, gsize wanted)
{
    char bytes[EARLY_FLIGHT_SIZE];
    gsize all = 0;
    gssize length;

    do {
        if (all < wanted)
            g_assert_true(g_socket_condition_timed_wait(world->remote, G_IO_IN, 60 * G_USEC_PER_SEC,
                                                        NULL, NULL));
        while ((length = g_socket_receive(world->remote, bytes, sizeof bytes, NULL, NULL)) > 0)
            all += length;
    } while (all < wanted);
    g_assert_cmpuint(all, ==, wanted);
}

/* Whatever comes first, it goes behind the check, and once. */
static void test_behind_check(World *world, gconstpointer data)
{
    early_flight_note_check(world->flight, &world->target, world->socket, world->to);
    g_assert_true(add(world, HELLO));
    expect(world, 0); /* the check is not out yet */
    early_flight_send(world->flight);
    early_flight_send(world->flight);
    expect(world, HELLO);
    check(world); /* nothing has come from there */
    expect(world, 0);
    early_flight_note_asked(world->flight, &world->target, 100);
    check(world); /* nothing that had our password */
    expect(world, 0);
    early_flight_note_replied(world->flight, &world->target);
    check(world);
    expect(world, HELLO);
}

static void test_after_check(World *world, gconstpointer data)
{
    check(world);
    g_assert_true(add(world, HELLO));
    expect(world, HELLO);
}

/* An answer goes only to where DTLS has come from behind a check, whatever else has. */
static void test_three_times(World *world, gconstpointer data)
{
    check(world);
    hear(world, 22); /* a stranger's */
    g_assert_true(add(world, ANSWER));
    expect(world, 0);
    for (guint i = 0; i < 2; i++)
        hear_check(world);
    hear(world, 23);
    check(world);
    expect(world, 0);
    hear(world, 22);
    check(world);
    expect(world, ANSWER);
    check(world);
    expect(world, 0);
}

static void test_size(World *world, gconstpointer data)
{
    g_assert_true(add(world, EARLY_FLIGHT_SIZE - 10));
    g_assert_false(add(world, 11));
    g_assert_true(add(world, 10));
    g_assert_false(add(world, 1));
}

static void test_targets(World *world, gconstpointer data)
{
    CheckTarget other = world->target;

    for (guint i = 0; i < EARLY_FLIGHT_TARGETS; i++) {
        other.port++;
        early_flight_note_asked(world->flight, &other, HELLO);
    }
    check(world);
    g_assert_true(add(world, HELLO));
    expect(world, 0);
}

/* It is paid for as checks are; where somebody has answered is none of those that a remote aims us
 * at. */
static void test_budget(World *world, gconstpointer data)
{
    g_assert_true(
        check_budget_take_early(world->budget, CHECK_BUDGET_EARLY - 1, clock_monotonic()));
    check(world);
    g_assert_true(add(world, HELLO));
    expect(world, 0);
    g_assert_true(
        check_budget_take_early(world->budget, 1, clock_monotonic())); /* not half of it */
    check_budget_answered(world->budget, &world->target.address, 0);
    check(world);
    expect(world, HELLO);
}

/* What went to somebody who is there is given back, once. */
static void test_given_back(World *world, gconstpointer data)
{
    g_assert_true(
        check_budget_take_early(world->budget, CHECK_BUDGET_EARLY - 2, clock_monotonic()));
    check(world);
    g_assert_true(add(world, HELLO));
    expect(world, HELLO);
    g_assert_false(check_budget_take_early(world->budget, 1, clock_monotonic()));
    for (guint i = 0; i < 2; i++)
        early_flight_note_answered(world->flight, &world->target);
    g_assert_true(check_budget_take_early(world->budget, 2, clock_monotonic()));
    g_assert_false(check_budget_take_early(world->budget, 1, clock_monotonic()));
}

/* What has not gone where the pair leads is to go there. */
static void test_unsent(World *world, gconstpointer data)
{
    CheckTarget other = world->target;
    GPtrArray *unsent;

    other.port++;
    g_assert_null(early_flight_unsent(world->flight, &world->target));
    check(world);
    g_assert_true(add(world, HELLO));
    g_assert_null(early_flight_unsent(world->flight, &world->target));
    unsent = early_flight_unsent(world->flight, &other);
    g_assert_cmpuint(unsent->len, ==, 1);
    g_ptr_array_unref(unsent);
    g_assert_true(add(world, ANSWER));
    unsent = early_flight_unsent(world->flight, &world->target);
    g_assert_cmpuint(unsent->len, ==, 2);
    g_ptr_array_unref(unsent);
    unsent = early_flight_unsent(world->flight, NULL);
    g_assert_cmpuint(unsent->len, ==, 2);
    g_ptr_array_unref(unsent);
}

/* ---- the gate -------------------------------------------------------------- */

static gsize make_check(guint8 *bytes, const char *user)
{
    static const guint8 head[] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
    gsize length = strlen(user);

    g_assert_cmpuint(length % 4, ==, 0);
    memset(bytes, 7, 20);
    memcpy(bytes, head, sizeof head);
    bytes[3] = (guint8) (length + 4);
    memcpy(bytes + 20, (guint8[]){0, 6, 0, (guint8) length}, 4);
    memcpy(bytes + 24, user, length);
    return 24 + length;
}

/* Only a check with our user name and password makes somebody one who has been heard. */
static void test_gate(World *world, gconstpointer data)
{
    g_auto(CheckRule) rule = {};
    CheckGate *gate;
    guint8 packet[64], hello[HELLO] = {22}, reply[64];
    gsize length = make_check(packet, "ours:him");
    struct sockaddr_storage native;

    make_check(reply, "ours:him");
    reply[0] = 1; /* a success */
    check_rule_init(&rule, NULL);
    g_socket_address_to_native(world->to, &native, sizeof native, NULL);
    check_rule_use(&rule, (struct sockaddr *) &native);
    gate = check_gate_new(&rule, world->budget, "ours", false);
    g_assert_true(check_gate_send_early(gate, (guint8[ANSWER]){}, ANSWER));
    g_assert_true(check_gate_watch.may_receive(world->to, hello, sizeof hello, gate));
    g_assert_true(check_gate_watch.may_send(world->socket, world->to, packet, length, gate));
    check_gate_watch.over(gate);
    expect(world, 0);
    g_assert_true(check_gate_watch.may_receive(world->to, packet, length, gate));
    g_assert_true(check_gate_watch.may_receive(world->to, hello, sizeof hello, gate));
    g_assert_true(check_gate_watch.may_send(world->socket, world->to, packet, length, gate));
    check_gate_watch.over(gate);
    expect(world, 0);
    g_assert_true(check_gate_watch.may_send(world->socket, world->to, reply, length, gate));
    g_assert_true(check_gate_watch.may_receive(world->to, hello, sizeof hello, gate));
    g_assert_true(check_gate_watch.may_send(world->socket, world->to, packet, length, gate));
    expect(world, 0);
    check_gate_watch.over(gate);
    expect(world, ANSWER);
    g_assert_null(check_gate_end_early(gate, (struct sockaddr *) &native));
    g_assert_false(check_gate_send_early(gate, hello, sizeof hello));
    check_gate_watch.may_send(world->socket, world->to, packet, length, gate);
    check_gate_watch.over(gate);
    expect(world, 0);
    check_gate_free(gate);
}

typedef struct {
    GSocket *socket;
    GSocketAddress *address;
} Candidate;

/* Waits for the first, if there must be ONE at least. */
static guint count_packets(GSocket *socket, bool one)
{
    char bytes[EARLY_FLIGHT_SIZE];
    guint n = 0;

    if (one)
        g_assert_true(
            g_socket_condition_timed_wait(socket, G_IO_IN, 60 * G_USEC_PER_SEC, NULL, NULL));
    while (g_socket_receive(socket, bytes, sizeof bytes, NULL, NULL) > 0)
        n++;
    return n;
}

/* A sender of many candidates, none of which is heard from: the last has its repeats all the same,
 * and few are sent more than checks. */
static void test_many_candidates(World *world, gconstpointer data)
{
    g_auto(CheckRule) rule = {};
    Candidate candidates[8];
    CheckGate *gate;
    g_autofree guint8 *hello = make_packet(HELLO);
    guint8 packet[64];
    gsize length = make_check(packet, "ours:him");
    struct sockaddr_storage native;
    guint hellos = 0;

    check_rule_init(&rule, NULL);
    g_socket_address_to_native(world->to, &native, sizeof native, NULL);
    check_rule_use(&rule, (struct sockaddr *) &native);
    gate = check_gate_new(&rule, world->budget, "ours", false);
    g_assert_true(check_gate_send_early(gate, hello, HELLO));
    for (guint i = 0; i < G_N_ELEMENTS(candidates); i++)
        candidates[i].socket = bound("127.0.0.1", &candidates[i].address);
    for (guint round = 0; round < 3; round++) {
        for (guint i = 0; i < G_N_ELEMENTS(candidates); i++) {
            g_assert_true(check_gate_watch.may_send(world->socket, candidates[i].address, packet,
                                                    length, gate));
            check_gate_watch.over(gate);
        }
    }
    for (guint i = 0; i < G_N_ELEMENTS(candidates); i++) {
        hellos += count_packets(candidates[i].socket, i < EARLY_FLIGHT_STRANGERS);
        g_object_unref(candidates[i].socket);
        g_object_unref(candidates[i].address);
    }
    g_assert_cmpuint(hellos, ==, EARLY_FLIGHT_STRANGERS);
    check_gate_free(gate);
}

static void add_test(const char *name, void (*test)(World *, gconstpointer))
{
    g_test_add(name, World, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_test("/early-flight/behind-check", test_behind_check);
    add_test("/early-flight/after-check", test_after_check);
    add_test("/early-flight/three-times", test_three_times);
    add_test("/early-flight/size", test_size);
    add_test("/early-flight/targets", test_targets);
    add_test("/early-flight/budget", test_budget);
    add_test("/early-flight/given-back", test_given_back);
    add_test("/early-flight/unsent", test_unsent);
    add_test("/early-flight/gate", test_gate);
    add_test("/early-flight/many-candidates", test_many_candidates);
    return g_test_run();
}
