/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Whom connectivity checks may go to, and how many: the rule, the budget, and the gate of both. */

#include <config.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include "rtc/ice/check-gate.h"
#include "rtc/ice/check-rule.h"
#include "rtc/ice/stun-check.h"
#include "wait.h"

#define UFRAG "ours"

static GSocketAddress *address_of(const char *host, guint16 port)
{
    return g_inet_socket_address_new_from_string(host, port);
}

static struct sockaddr *native(struct sockaddr_storage *storage, const char *host, guint16 port)
{
    g_autoptr(GSocketAddress) address = address_of(host, port);

    g_assert_true(g_socket_address_to_native(address, storage, sizeof *storage, NULL));
    return (struct sockaddr *) storage;
}

/* A host with an address of its own on a network of 256, another of IPv6, and loopback. */
static void make_rule(CheckRule *rule, const char *used)
{
    struct sockaddr_storage lo, ether, mask, ipv6, local;
    struct ifaddrs list[] = {
        {.ifa_addr = native(&lo, "127.0.0.1", 0), .ifa_flags = IFF_LOOPBACK},
        {.ifa_addr = native(&ether, "10.98.0.2", 0),
         .ifa_netmask = native(&mask, "255.255.255.0", 0),
         .ifa_flags = IFF_BROADCAST},
        {.ifa_addr = native(&ipv6, "fd98::2", 0)},
        {},
    };

    for (guint i = 0; i + 1 < G_N_ELEMENTS(list); i++)
        list[i].ifa_next = &list[i + 1];
    check_rule_init(rule, list);
    check_rule_use(rule, native(&local, used, 0));
}

static bool allows(const CheckRule *rule, const char *host)
{
    struct sockaddr_storage storage;
    CheckTarget target;

    g_assert_true(check_target_read(&target, native(&storage, host, 1000)));
    return check_rule_allows(rule, &target);
}

static void test_rule(void)
{
    static const char *const good[] = {
        "203.0.113.7",
        "10.98.0.3",
        "192.168.1.1",
        "223.255.255.254",
        "2600::1",
        "fd00::1",
        "2002:cb00:7107::1",
        "64:ff9b::203.0.113.7",
        "::ffff:203.0.113.7",
        "10.98.0.2", /* the gate is stricter */
    };
    static const char *const bad[] = {
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "169.254.169.254",
        "224.0.0.251",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "0.1.2.3",
        "10.98.0.255",
        "10.98.0.0",
        "::",
        "ff02::1",
        "ff0e::1",
        "fe80::1",
        "fec0::1",
        "::10.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:224.0.0.1",
        "2002:7f00:1::1",
        "2002:e000:fb::1",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::255.255.255.255",
        "2001:0:1:2:3:4:5:6",
        "100::1",
    };
    g_auto(CheckRule) rule = {};
    CheckTarget target = {};

    make_rule(&rule, "10.98.0.2");
    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_cmpstr(allows(&rule, good[i]) ? good[i] : "refused", ==, good[i]);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpstr(allows(&rule, bad[i]) ? bad[i] : "refused", ==, "refused");
    inet_pton(AF_INET6, "2600::1", &target.address);
    g_assert_false(check_rule_allows(&rule, &target)); /* no port */
}

/* What is next to us only is asked from there only. */
static void test_rule_used(void)
{
    g_auto(CheckRule) loopback = {};
    g_auto(CheckRule) link_local = {};

    make_rule(&loopback, "127.0.0.1");
    g_assert_true(allows(&loopback, "127.0.0.1"));
    g_assert_true(allows(&loopback, "::1"));
    check_rule_use(&loopback, &(struct sockaddr){.sa_family = AF_UNIX});
    g_assert_true(allows(&loopback, "127.0.0.1"));
    make_rule(&link_local, "169.254.3.4");
    g_assert_true(allows(&link_local, "169.254.5.6"));
    g_assert_false(allows(&link_local, "127.0.0.1"));
}

/* ---- messages --------------------------------------------------------------- */

typedef struct {
    guint8 bytes[256];
    gsize length;
} Message;

static void begin(Message *message, guint type, guint8 id)
{
    static const guint8 cookie[] = {0x21, 0x12, 0xa4, 0x42};

    memset(message, 0, sizeof *message);
    message->bytes[0] = type >> 8;
    message->bytes[1] = type;
    memcpy(message->bytes + 4, cookie, sizeof cookie);
    memset(message->bytes + 8, id, STUN_ID_LENGTH);
    message->length = 20;
}

static void add(Message *message, guint type, gconstpointer value, gsize size)
{
    guint8 *at = message->bytes + message->length;

    at[1] = type;
    at[3] = size;
    memcpy(at + 4, value, size);
    message->length += 4 + ((size + 3) & ~3u);
    message->bytes[3] = message->length - 20;
}

static Message request(const char *user, guint8 id)
{
    Message message;

    begin(&message, 0x0001, id);
    add(&message, 0x0006, user, strlen(user));
    return message;
}

static Message response(guint8 id)
{
    Message message;

    begin(&message, 0x0101, id);
    return message;
}

/* To 203.0.113.7:1000, in a Send or Data indication */
static Message indication(guint type, const Message *inner)
{
    static const guint8 peer[] = {0,          1,        0x21 ^ 3,   0x12 ^ 0xe8,
                                  0x21 ^ 203, 0x12 ^ 0, 0xa4 ^ 113, 0x42 ^ 7};
    Message message;

    begin(&message, type, 99);
    add(&message, 0x0012, peer, sizeof peer);
    add(&message, 0x0013, inner->bytes, inner->length);
    return message;
}

static void test_messages(void)
{
    Message check = request("theirs:" UFRAG, 7), plain, relayed = indication(0x0016, &check);
    StunCheck read;

    begin(&plain, 0x0001, 1);
    g_assert_false(stun_check_read(plain.bytes, plain.length, &read)); /* asks a server */
    g_assert_true(stun_check_read(check.bytes, check.length, &read));
    g_assert_cmpint(read.kind, ==, STUN_CHECK_REQUEST);
    g_assert_cmpmem(read.user, read.user_length, "theirs:" UFRAG, strlen("theirs:" UFRAG));
    g_assert_false(read.relayed);
    g_assert_true(stun_check_read(relayed.bytes, relayed.length, &read));
    g_assert_true(read.relayed);
    g_assert_cmpuint(g_ntohs(read.peer.port), ==, 1000);
    g_assert_cmpuint(read.peer.address.s6_addr[12], ==, 203);
    for (gsize n = 0; n < relayed.length; n++) {
        g_autofree guint8 *cut = g_memdup2(relayed.bytes, n);

        stun_check_read(cut, n, &read);
    }
}

/* ---- the gate --------------------------------------------------------------- */

typedef struct {
    CheckRule rule;
    CheckBudget *budget;
    CheckGate *gate;
} World;

static void set_up(World *world, gconstpointer uninvited)
{
    make_rule(&world->rule, "10.98.0.2");
    world->budget = check_budget_new();
    world->gate = check_gate_new(&world->rule, world->budget, UFRAG, GPOINTER_TO_INT(uninvited));
}

static void tear_down(World *world, gconstpointer uninvited)
{
    check_gate_free(world->gate);
    check_budget_unref(world->budget);
    check_rule_clear(&world->rule);
}

static bool sends(World *world, const char *host, guint16 port, const Message *message)
{
    g_autoptr(GSocketAddress) to = address_of(host, port);

    return check_gate_watch.may_send(NULL, to, message->bytes, message->length, world->gate);
}

static bool checks(World *world, const char *host, guint16 port, guint8 id)
{
    Message message = request("theirs:" UFRAG, id);

    return sends(world, host, port, &message);
}

static bool receives(World *world, const char *host, guint16 port, Message message)
{
    g_autoptr(GSocketAddress) from = address_of(host, port);

    return check_gate_watch.may_receive(from, message.bytes, message.length, world->gate);
}

static guint spend(World *world, const char *host, guint n)
{
    guint sent = 0;

    for (guint i = 0; i < n; i++)
        sent += checks(world, host, 2000 + i, 200);
    return sent;
}

static void test_budget(World *world, gconstpointer uninvited)
{
    World other;
    Message plain;
    guint sent;

    begin(&plain, 0x0001, 1);
    sent = spend(world, "203.0.113.1", 200);
    g_assert_cmpuint(sent, >=, CHECK_BUDGET_BURST);
    g_assert_cmpuint(sent, <, CHECK_BUDGET_BURST + 10);
    g_assert_true(sends(world, "203.0.113.1", 3478, &plain)); /* a server's */
    /* Another connection of the same sender has no more. */
    make_rule(&other.rule, "10.98.0.2");
    other.budget = check_budget_ref(world->budget);
    other.gate = check_gate_new(&other.rule, other.budget, UFRAG, false);
    g_assert_cmpuint(spend(&other, "203.0.113.2", 20), <, 10);
    tear_down(&other, NULL);
}

/* Whose checks they are is known when the description has come. */
static void test_generations(World *world, gconstpointer uninvited)
{
    g_assert_true(receives(world, "203.0.113.1", 40000, request(UFRAG ":next", 1)));
    check_gate_set_remote(world->gate, "theirs");
    g_assert_true(receives(world, "203.0.113.1", 40000, request(UFRAG ":theirs", 2)));
    g_assert_false(receives(world, "203.0.113.1", 40000, request(UFRAG ":next", 3)));
    g_assert_false(receives(world, "203.0.113.1", 40000, request(UFRAG ":theirsx", 4)));
    g_assert_false(receives(world, "203.0.113.1", 40000, request(UFRAG ":", 5)));
    g_assert_true(receives(world, "203.0.113.1", 40000, request("x", 6))); /* libnice knows it */
    g_assert_true(receives(world, "203.0.113.1", 40000, response(7)));
}

static void assert_count(World *world, const char *host, const guint64 expected[4])
{
    struct sockaddr_storage storage;
    CheckCount count;

    check_gate_count(world->gate, native(&storage, host, 40000), &count);
    g_assert_cmpuint(count.requests_sent, ==, expected[0]);
    g_assert_cmpuint(count.responses_received, ==, expected[1]);
    g_assert_cmpuint(count.requests_received, ==, expected[2]);
    g_assert_cmpuint(count.responses_sent, ==, expected[3]);
    g_assert_cmpint(count.round_trip_usec > 0, ==, expected[1] > 0);
    g_assert_cmpint(count.total_round_trip_usec > count.round_trip_usec, ==, expected[1] > 1);
}

/* Of each address; what is sent again, or answered again, counts once. */
static void test_count(World *world, gconstpointer uninvited)
{
    Message reply = response(9);

    for (guint8 id = 1; id <= 10; id++) {
        g_assert_true(checks(world, "203.0.113.1", 40000, id));
        g_assert_true(checks(world, "203.0.113.1", 40000, id));
        if (id % 5 == 0)
            continue;
        receives(world, "203.0.113.1", 40000, response(id));
        receives(world, "203.0.113.1", 40000, response(id));
    }
    receives(world, "203.0.113.1", 40000, response(77));
    for (guint8 id = 1; id <= 3; id++) {
        receives(world, "203.0.113.1", 40000, request(UFRAG ":theirs", id));
        sends(world, "203.0.113.1", 40000, &reply);
    }
    receives(world, "203.0.113.2", 40000, request(UFRAG ":theirs", 1));
    assert_count(world, "203.0.113.1", (guint64[4]){10, 8, 3, 3});
    assert_count(world, "203.0.113.2", (guint64[4]){0, 0, 1, 0});
    assert_count(world, "203.0.113.3", (guint64[4]){0, 0, 0, 0});
}

/* Who is asked again and again leaves half of it to others. */
static void test_again(World *world, gconstpointer uninvited)
{
    guint sent = 0;

    for (guint i = 0; i < 200; i++)
        sent += checks(world, "203.0.113.1", 1000, i);
    g_assert_cmpuint(sent, <=, CHECK_BUDGET_BURST / 2 + 5);
    g_assert_cmpuint(spend(world, "203.0.113.2", 20), ==, 20);
}

/* Where a sender has been reached once, it is reached by each of its calls, whatever else it
 * names that does not answer. */
static void test_calls_one_after_another(World *world, gconstpointer uninvited)
{
    g_assert_true(checks(world, "203.0.113.1", 40000, 3));
    receives(world, "203.0.113.1", 40000, response(3));
    spend(world, "203.0.113.9", 200);
    for (guint i = 1; i < 20; i++) {
        World other = {.budget = check_budget_ref(world->budget)};

        make_rule(&other.rule, "10.98.0.2");
        other.gate = check_gate_new(&other.rule, other.budget, UFRAG, true);
        g_assert_true(checks(&other, "203.0.113.1", (guint16) (40000 + i), 3));
        g_assert_cmpuint(spend(&other, "203.0.113.10", 20), <, 10);
        tear_down(&other, NULL);
    }
}

/* Only one who has seen the check can answer it; then there is no limit, and what it took is
 * given back. */
static void test_answer(World *world, gconstpointer uninvited)
{
    spend(world, "203.0.113.2", CHECK_BUDGET_BURST - 1);
    g_assert_true(checks(world, "203.0.113.1", 1000, 3));
    receives(world, "203.0.113.1", 1000, response(4));
    g_assert_cmpuint(spend(world, "203.0.113.3", 20), <, 10);
    receives(world, "203.0.113.1", 1000, response(3));
    for (guint i = 0; i < 1000; i++)
        g_assert_true(checks(world, "203.0.113.1", 1000, 3));
}

/* A check from there is worth one of ours, if it has our name. */
static void test_knock(World *world, gconstpointer uninvited)
{
    g_assert_false(checks(world, "10.98.0.2", 1000, 1));
    receives(world, "10.98.0.2", 1000, request("other:theirs", 1));
    g_assert_false(checks(world, "10.98.0.2", 1000, 1));
    receives(world, "10.98.0.2", 1000, request(UFRAG ":theirs", 1));
    g_assert_true(checks(world, "10.98.0.2", 1000, 1));
    g_assert_false(checks(world, "10.98.0.2", 1000, 2));
    receives(world, "10.98.0.2", 1000, response(1));
    g_assert_true(checks(world, "10.98.0.2", 1000, 3));
    g_assert_true(checks(world, "10.98.0.2", 1000, 4));
}

/* The kernel picks no port below 32768. */
static void test_picked_port(World *world, gconstpointer uninvited)
{
    g_assert_false(checks(world, "10.98.0.2", 5353, 1));
    g_assert_true(checks(world, "10.98.0.2", 40000, 1));
    g_assert_true(checks(world, "10.98.0.3", 5353, 1));
}

/* Whoever has placed the call aims first. */
static void test_own_host(World *world, gconstpointer uninvited)
{
    g_assert_true(checks(world, "10.98.0.2", 1000, 1));
    g_assert_false(checks(world, "127.0.0.1", 1000, 1));
}

static void test_relayed(World *world, gconstpointer uninvited)
{
    Message check = request("theirs:" UFRAG, 5), sent = indication(0x0016, &check);
    Message answer = response(5), data = indication(0x0017, &answer);

    spend(world, "203.0.113.2", CHECK_BUDGET_BURST + 5);
    g_assert_false(sends(world, "203.0.113.9", 3478, &sent));
    receives(world, "203.0.113.7", 1000, request(UFRAG ":theirs", 5));
    g_assert_true(sends(world, "203.0.113.9", 3478, &sent));
    receives(world, "203.0.113.9", 3478, data);
    g_assert_true(sends(world, "203.0.113.9", 3478, &sent));
    g_assert_true(sends(world, "203.0.113.9", 3478, &sent));
}

/* ---- checks that go out again and again ---------------------------------------- */

static GSocket *bound(const char *host, GSocketAddress **address)
{
    GSocket *socket =
        g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
    g_autoptr(GSocketAddress) any = address_of(host, 0);

    g_assert_true(g_socket_bind(socket, any, FALSE, NULL));
    g_socket_set_blocking(socket, FALSE);
    *address = g_socket_get_local_address(socket, NULL);
    return socket;
}

/* The gate lets it go, and does not send it itself. */
static void check_from(World *world, GSocket *socket, GSocketAddress *to, guint8 id)
{
    Message message = request("theirs:" UFRAG, id);

    g_assert_true(
        check_gate_watch.may_send(socket, to, message.bytes, message.length, world->gate));
}

static bool takes(GSocket *socket, guint8 id)
{
    Message wanted = request("theirs:" UFRAG, id);
    char bytes[512];
    gssize length = g_socket_receive(socket, bytes, sizeof bytes, NULL, NULL);

    return length == (gssize) wanted.length && memcmp(bytes, wanted.bytes, length) == 0;
}

/* Nothing is left of the budget. */
static void spend_elsewhere(World *world)
{
    World other = {.budget = check_budget_ref(world->budget)};

    make_rule(&other.rule, "10.98.0.2");
    other.gate = check_gate_new(&other.rule, other.budget, UFRAG, true);
    g_assert_cmpuint(spend(&other, "203.0.113.9", 200), <, 200);
    tear_down(&other, NULL);
}

/* The last one for each who has answered before, until it is enough; and one to who has not when
 * one has come from there. */
static void test_repeat(World *world, gconstpointer uninvited)
{
    g_autoptr(GSocketAddress) ours = NULL, known = NULL, unknown = NULL;
    g_autoptr(GSocket) from = bound("127.0.0.1", &ours), one = bound("127.0.0.1", &known),
                       other = bound("127.0.0.2", &unknown);
    Message knock = request(UFRAG ":theirs", 99);
    struct sockaddr_storage storage;
    CheckTarget target;
    guint times = 0;

    check_rule_clear(&world->rule);
    make_rule(&world->rule, "127.0.0.1");
    check_target_read(&target, native(&storage, "127.0.0.1", 0));
    check_budget_answered(world->budget, &target.address, 0);
    check_gate_repeat(world->gate, 5);
    check_from(world, from, known, 1);
    check_from(world, from, unknown, 1);
    wait_until(takes(one, 1));
    check_from(world, from, known, 2);
    wait_until((times += takes(one, 2)) == 3);
    g_assert_false(takes(other, 1));
    g_assert_true(check_gate_watch.may_receive(unknown, knock.bytes, knock.length, world->gate));
    wait_until(takes(other, 1));
    spend_elsewhere(world);
    check_from(world, from, unknown, 2); /* the one that was repeated may be out of date */
    check_gate_repeat(world->gate, 0);
    check_from(world, from, known, 3);
    g_assert_false(takes(one, 3));
    g_assert_false(takes(other, 1));
}

static void add_test(const char *name, bool uninvited, void (*test)(World *, gconstpointer))
{
    g_test_add(name, World, GINT_TO_POINTER(uninvited), set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/check/rule", test_rule);
    g_test_add_func("/check/rule-used", test_rule_used);
    g_test_add_func("/check/messages", test_messages);
    add_test("/check/budget", true, test_budget);
    add_test("/check/again", true, test_again);
    add_test("/check/generations", true, test_generations);
    add_test("/check/calls-one-after-another", true, test_calls_one_after_another);
    add_test("/check/answer", true, test_answer);
    add_test("/check/knock", true, test_knock);
    add_test("/check/picked-port", true, test_picked_port);
    add_test("/check/own-host", false, test_own_host);
    add_test("/check/relayed", true, test_relayed);
    add_test("/check/repeat", true, test_repeat);
    add_test("/check/count", true, test_count);
    return g_test_run();
}
