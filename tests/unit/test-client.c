/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A client whose socket takes half a frame; one whose readers are behind; one that
 * breaks the rules; and one that is asked whether it still lives, because somebody
 * wants its name. */

#include <config.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/client.h"

static int sockets[2];

typedef struct {
    Quota *quota;
    RelayConfig config;
    uv_loop_t loop;
    guint left, congested, received;
    bool busy;    /* received() says no */
    GQueue ready; /* FairEntry */
    FairGroup group;
    FairQueue queue;
    ClientOps ops;
    Client *client;
    gint64 now; /* as the client is told */
} Probed;

static void on_left(Client *client, gpointer data)
{
    ((Probed *) data)->left++;
}

static bool on_received(Client *client, const char *text, gsize length, gpointer data)
{
    Probed *probed = data;

    if (probed->busy)
        return false;
    probed->received++;
    return true;
}

static void on_gathered(Client *client, gpointer data)
{
}

static void on_ready(Client *client, FairEntry *entry, gpointer data)
{
    Probed *probed = data;

    fair_queue_add(&probed->queue, &probed->group, entry);
}

static void on_congested(Client *client, bool is, gpointer data)
{
    ((Probed *) data)->congested += is ? 1 : -1;
}

static void setup(Probed *probed, gconstpointer data)
{
    QuotaLimits none = {};

    probed->quota = quota_new(&none);
    probed->queue.quantum = 1000;
    uv_loop_init(&probed->loop);
    probed->config = (RelayConfig){.max_queue = 64 << 20,
                                   .max_message_size = 1000,
                                   .ping_interval = 30 * G_USEC_PER_SEC,
                                   .max_bad_frames = 5};
    probed->ops = (ClientOps){.config = &probed->config,
                              .quota = probed->quota,
                              .received = on_received,
                              .gathered = on_gathered,
                              .ready = on_ready,
                              .congested = on_congested,
                              .left = on_left,
                              .relay = probed};
    probed->client = client_new(&probed->ops);
    client_set_origin(probed->client, NULL, g_strdup("here"));
}

/* Opens it on sockets[0]; its answer to the handshake is read from the other end. */
static void open_client(Probed *probed)
{
    const Handshake handshake = {.key = (char *) "dGhlIHNhbXBsZSBub25jZQ=="};
    Wire wire;
    char answer[1024];

    wire = wire_plain(sockets[0]);
    client_open(probed->client, &probed->loop, &wire, &handshake);
    g_assert_cmpint(recv(sockets[1], answer, sizeof answer, 0), >, 100);
    probed->now = g_get_monotonic_time() + 4 * G_USEC_PER_SEC;
}

static void teardown(Probed *probed, gconstpointer data)
{
    client_free(probed->client);
    g_assert_cmpuint(quota_bytes(probed->quota), ==, 0);
    while (uv_loop_close(&probed->loop) == UV_EBUSY)
        uv_run(&probed->loop, UV_RUN_NOWAIT);
    quota_free(probed->quota);
    close(sockets[1]);
}

static void connect_pair(void)
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), ==, 0);
}

/* Whoever is ready has a turn, until nobody is. False if the connection is over. */
static bool take_turns(Probed *probed)
{
    FairEntry *entry;
    bool there = true;

    uv_run(&probed->loop, UV_RUN_NOWAIT);
    while (there && (entry = fair_queue_take(&probed->queue)))
        there = client_take_turn(probed->client, entry, g_get_monotonic_time());
    return there;
}

static void send_fill(Probed *probed, gsize size)
{
    g_autoptr(Message) message = message_new(probed->quota, size);

    memset(message_text(message), 'x', size);
    client_send(probed->client, message);
}

static gsize drain(char *last, gsize size)
{
    static char buffer[1 << 20];
    gsize sum = 0;
    gssize n;

    while ((n = recv(sockets[1], buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
        sum += (gsize) n;
        if (last && (gsize) n >= size)
            memcpy(last, buffer + (gsize) n - size, size);
    }
    return sum;
}

/* Two frames that the socket does not take whole arrive whole, as it is read. */
static void test_partial(Probed *probed, gconstpointer data)
{
    const gsize size = 8 << 20, wire = 2 * (size + 10);
    gsize got = 0;

    connect_pair();
    open_client(probed);
    send_fill(probed, size);
    send_fill(probed, size);
    g_assert_true(take_turns(probed));
    g_assert_cmpuint(client_waiting(probed->client), >, 0);
    while (got < wire) {
        got += drain(NULL, 0);
        g_assert_true(take_turns(probed));
    }
    g_assert_cmpuint(got, ==, wire);
    g_assert_cmpuint(client_waiting(probed->client), ==, 0);
    g_assert_cmpint(client_state(probed->client), ==, CLIENT_OPEN);
}

/* The other end is gone in the middle of a frame. */
static void test_partial_lost(Probed *probed, gconstpointer data)
{
    connect_pair();
    open_client(probed);
    send_fill(probed, 8 << 20);
    g_assert_true(take_turns(probed));
    close(sockets[1]);
    g_assert_false(take_turns(probed) && take_turns(probed));
    client_kill(probed->client, NULL);
    g_assert_cmpuint(probed->left, ==, 1);
    g_assert_cmpuint(client_waiting(probed->client), ==, 0);
}

/* A long queue at a full socket is congestion, until most of it is read or nobody
 * waits any more. */
static void test_congestion(Probed *probed, gconstpointer data)
{
    probed->config.max_queue = 4 << 20;
    connect_pair();
    open_client(probed);
    send_fill(probed, 1 << 20);
    g_assert_true(take_turns(probed));
    g_assert_cmpuint(probed->congested, ==, 0);
    send_fill(probed, 1 << 20);
    send_fill(probed, 1 << 20);
    g_assert_cmpuint(probed->congested, ==, 1);
    client_give_up(probed->client);
    g_assert_cmpuint(probed->congested, ==, 0);
    send_fill(probed, 512 << 10); /* nobody waits, and there is room still */
    g_assert_cmpuint(probed->congested, ==, 0);
    while (client_waiting(probed->client) > 0) {
        drain(NULL, 0);
        take_turns(probed);
    }
    for (int i = 0; i < 3; i++)
        send_fill(probed, 1 << 20);
    g_assert_cmpuint(probed->congested, ==, 1); /* it has another chance */
    send_fill(probed, 3 << 20);
    g_assert_cmpint(client_state(probed->client), ==, CLIENT_CLOSING);
    g_assert_cmpuint(probed->left, ==, 1);
    client_kill(probed->client, NULL);
}

/* A message whose receivers are behind comes again, in order, and is read once. */
static void test_waiting(Probed *probed, gconstpointer data)
{
    static const char frames[] = "\x81\x82\0\0\0\0{}\x81\x82\0\0\0\0{}\x81\x82\0\0\0\0{}";

    connect_pair();
    open_client(probed);
    probed->busy = true;
    g_assert_cmpint(send(sockets[1], frames, sizeof frames - 1, 0), >, 0);
    g_assert_true(take_turns(probed));
    client_hold(probed->client);
    g_assert_true(take_turns(probed));
    g_assert_cmpuint(probed->received, ==, 0);
    g_assert_cmpuint(client_waiting(probed->client), ==, sizeof frames - 1 - 6);
    probed->busy = false;
    client_release(probed->client);
    g_assert_true(take_turns(probed));
    g_assert_cmpuint(probed->received, ==, 3);
    g_assert_cmpuint(client_waiting(probed->client), ==, 0);
}

/* RFC 6455 section 5: who breaks its rules is told the code and goes. */
static void test_rules(Probed *probed, gconstpointer data)
{
    const char *frame = data;
    char end[4];

    connect_pair();
    open_client(probed);
    g_assert_cmpint(send(sockets[1], frame + 1, (size_t) frame[0], 0), >, 0);
    g_assert_true(take_turns(probed));
    g_assert_cmpint(client_state(probed->client), ==, CLIENT_CLOSED);
    g_assert_cmpint(recv(sockets[1], end, 4, 0), ==, 4);
    g_assert_cmpuint((guchar) end[0], ==, 0x88);
    g_assert_cmpuint((guint) ((guchar) end[2] << 8 | (guchar) end[3]), ==, 1002);
    g_assert_cmpuint(probed->received, ==, 0);
}

/* A flood of pings is answered, and never with more than there is to read. */
static void test_pings(Probed *probed, gconstpointer data)
{
    static const char ping[] = "\x89\x81\0\0\0\0p";
    char last[3] = "";

    connect_pair();
    open_client(probed);
    for (int i = 0; i < 20000; i++) {
        while (send(sockets[1], ping, sizeof ping - 1, MSG_DONTWAIT) < 0)
            g_assert_true(take_turns(probed));
    }
    g_assert_true(take_turns(probed));
    g_assert_cmpuint(client_waiting(probed->client), <, 1000);
    g_assert_cmpuint(drain(last, 3), >=, 3);
    g_assert_cmpmem(last, 3, "\x8a\1p", 3);
}

/* A connection as long as a slow link: what is written stays in the kernel's hands. */
static void connect_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), small = 4096;

    g_assert_cmpint(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), ==, 0);
    g_assert_cmpint(bind(listener, (struct sockaddr *) &address, size), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    g_assert_cmpint(getsockname(listener, (struct sockaddr *) &address, &size), ==, 0);
    sockets[0] = socket(AF_INET, SOCK_STREAM, 0);
    g_assert_cmpint(connect(sockets[0], (struct sockaddr *) &address, size), ==, 0);
    sockets[1] = accept(listener, NULL, NULL);
    close(listener);
}

/* How many pings have come. */
static guint pings(void)
{
    char buffer[4096];
    gssize n = recv(sockets[1], buffer, sizeof buffer, MSG_DONTWAIT);

    return n > 0 ? (guint) n / 6 : 0;
}

/* COUNTED: the other end reads, so that the pings can be counted. */
static void ask_and_wait(Probed *probed, bool counted)
{
    g_assert_true(client_probe(probed->client, probed->now));
    g_assert_true(!counted || pings() == 1);
    g_assert_cmpint(client_due(probed->client), ==, probed->now + CLIENT_PROBE_LIMIT);
    for (guint i = 0; i < 100; i++) /* asking again neither floods nor gives it more time */
        client_probe(probed->client, probed->now + i * G_USEC_PER_SEC);
    g_assert_true(!counted || pings() == 0);
    client_check(probed->client, probed->now + CLIENT_PROBE_LIMIT - 1);
    g_assert_cmpint(client_state(probed->client), ==, CLIENT_OPEN);
    client_check(probed->client, probed->now + CLIENT_PROBE_LIMIT);
}

static void test_probe_dead(Probed *probed, gconstpointer data)
{
    connect_pair();
    open_client(probed);
    ask_and_wait(probed, true);
    g_assert_cmpint(client_state(probed->client), ==, CLIENT_CLOSED);
    g_assert_cmpuint(probed->left, ==, 1);
    client_probe(probed->client, probed->now + 9 * G_USEC_PER_SEC);
    g_assert_cmpuint(pings(), ==, 0);
}

static void test_probe_alive(Probed *probed, gconstpointer data)
{
    static const char pong[] = "\x8a\x80\0\0\0";
    gint64 began = g_get_monotonic_time();
    guint asked = 0;

    connect_pair();
    open_client(probed);
    for (guint i = 0; i < 100; i++) { /* ten seconds of it, however long this takes */
        gint64 now = began + i * 100 * 1000;

        client_probe(probed->client, now);
        asked += pings();
        g_assert_cmpint(send(sockets[1], pong, sizeof pong, 0), >, 0);
        uv_run(&probed->loop, UV_RUN_NOWAIT);
        client_take_turn(probed->client, fair_queue_take(&probed->queue), now + 1);
        g_assert_false(client_probe(probed->client, now + 2));
        client_check(probed->client, now + CLIENT_PROBE_LIMIT);
    }
    g_assert_cmpint(client_state(probed->client), ==, CLIENT_OPEN);
    g_assert_cmpuint(asked, ==, 4);
}

/* The ping waits behind much else, and the other side's kernel still takes it. */
static void test_probe_slow_link(Probed *probed, gconstpointer data)
{
    static char much[1 << 20];

    connect_tcp();
    open_client(probed);
    while (send(sockets[0], much, sizeof much, MSG_DONTWAIT) > 0)
        ;
    ask_and_wait(probed, false);
    g_assert_cmpint(client_state(probed->client), ==, CLIENT_OPEN);
    g_assert_cmpint(client_due(probed->client), ==, probed->now + 2 * CLIENT_PROBE_LIMIT);
    client_check(probed->client, probed->now + 2 * 30 * G_USEC_PER_SEC);
    g_assert_cmpint(client_state(probed->client), ==, CLIENT_CLOSED);
}

/* The relay itself was held up: the pong is there and not read yet. */
static void test_probe_unread(Probed *probed, gconstpointer data)
{
    connect_pair();
    open_client(probed);
    g_assert_cmpint(send(sockets[1], "pong", 4, 0), ==, 4);
    ask_and_wait(probed, true);
    g_assert_cmpint(client_state(probed->client), ==, CLIENT_OPEN);
}

/* Its program has stopped: all that was sent is acknowledged, and nothing comes. */
static void test_probe_stopped(Probed *probed, gconstpointer data)
{
    connect_tcp();
    open_client(probed);
    ask_and_wait(probed, false);
    g_assert_cmpint(client_state(probed->client), ==, CLIENT_CLOSED);
}

static void add(const char *path, void (*test)(Probed *, gconstpointer))
{
    g_test_add(path, Probed, NULL, setup, test, teardown);
}

/* Who resets the connection behind his last frame is gone at once, not when he should have answered. */
static void test_reset(Probed *probed, gconstpointer data)
{
    static const guint8 close_frame[] = {0x88, 0x80, 0, 0, 0, 0};
    const Handshake handshake = {.key = (char *) "dGhlIHNhbXBsZSBub25jZQ=="};
    gint64 end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
    bool there = true;
    Wire wire;

    connect_tcp();
    wire = wire_plain(sockets[0]);
    client_open(probed->client, &probed->loop, &wire, &handshake);
    g_assert_cmpint(send(sockets[1], close_frame, sizeof close_frame, 0), ==, sizeof close_frame);
    close(sockets[1]); /* with the answer unread */
    sockets[1] = -1;
    while (there && g_get_monotonic_time() < end)
        there = take_turns(probed);
    g_assert_false(there);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path, *frame; /* its length comes first */
    } rules[] = {
        {"/client/rules/unmasked", "\x04\x81\x02{}"},
        {"/client/rules/reserved-bit", "\x06\xc1\x80\0\0\0\0"},
        {"/client/rules/reserved-opcode", "\x06\x83\x80\0\0\0\0"},
        {"/client/rules/nothing-to-continue", "\x06\x80\x80\0\0\0\0"},
        {"/client/rules/fragmented-ping", "\x06\x09\x80\0\0\0\0"},
        {"/client/rules/long-ping", "\x08\x89\xfe\0\x7e\0\0\0\0"},
        {"/client/rules/within-a-message", "\x0c\x01\x80\0\0\0\0\x81\x80\0\0\0\0"},
        {"/client/rules/close-of-one-byte", "\x07\x88\x81\0\0\0\0x"},
    };

    g_test_init(&argc, &argv, NULL);
    add("/client/partial", test_partial);
    add("/client/partial-lost", test_partial_lost);
    add("/client/congestion", test_congestion);
    add("/client/waiting", test_waiting);
    add("/client/pings", test_pings);
    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++)
        g_test_add(rules[i].path, Probed, rules[i].frame, setup, test_rules, teardown);
    add("/client/probe/dead", test_probe_dead);
    add("/client/probe/alive", test_probe_alive);
    add("/client/probe/slow-link", test_probe_slow_link);
    add("/client/probe/unread", test_probe_unread);
    add("/client/probe/stopped", test_probe_stopped);
    g_test_add("/client/reset", Probed, NULL, setup, test_reset, teardown);
    return g_test_run();
}
