/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A client whose socket takes half a frame: libwebsockets has to take the
 * rest, and if it does not the connection is over. And one that is asked whether
 * it still lives, because somebody wants its name. These are libwebsockets'
 * functions. */

#include <config.h>

#include <arpa/inet.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/client.h"

static int sockets[2];
static int write_result;
static guint writes;
static bool partial;

int lws_write(struct lws *wsi, unsigned char *buffer, size_t length, enum lws_write_protocol kind)
{
    writes++;
    if (kind == LWS_WRITE_PING)
        return (int) length;
    partial = write_result >= 0;
    return write_result < 0 ? write_result : (int) length;
}

int lws_partial_buffered(struct lws *wsi)
{
    return partial;
}

lws_sockfd_type lws_get_socket_fd(struct lws *wsi)
{
    return sockets[0];
}

int lws_callback_on_writable(struct lws *wsi)
{
    return 1;
}

int lws_is_final_fragment(struct lws *wsi)
{
    return 1;
}

int lws_frame_is_binary(struct lws *wsi)
{
    return 0;
}

size_t lws_remaining_packet_payload(struct lws *wsi)
{
    return 0;
}

void lws_close_reason(struct lws *wsi, enum lws_close_status status, unsigned char *buffer,
                      size_t length)
{
}

void lws_set_timeout(struct lws *wsi, enum pending_timeout reason, int seconds)
{
}

static void on_left(Client *client, gpointer relay)
{
    (*(guint *) relay)++;
}

/* Sends a frame that the socket does not take whole, and one more. */
static void test_partial(gconstpointer data)
{
    static const RelayConfig config = {.max_queue = 64 * 1024 * 1024};
    const bool fails = GPOINTER_TO_INT(data);
    QuotaLimits none = {};
    g_autoptr(Quota) quota = quota_new(&none);
    GQueue unsent = G_QUEUE_INIT;
    guint left = 0;
    const ClientOwner owner = {
        .config = &config, .quota = quota, .left = on_left, .relay = &left, .unsent = &unsent};
    Client *client = client_new(&owner);
    char end;

    writes = 0;
    partial = false;
    write_result = fails ? -1 : 0;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), ==, 0);
    client->address = g_strdup("here");
    client_opened(client, (struct lws *) client);
    for (int i = 0; i < 2; i++) {
        g_autoptr(Message) message = message_new(quota, 8 * 1024 * 1024);

        memset(message_text(message), 'x', 8 * 1024 * 1024);
        client_send(client, message);
    }
    client_flush_all(&unsent);
    g_assert_cmpuint(writes, ==, 1);
    g_assert_cmpint(client->state, ==, fails ? CLIENT_CLOSED : CLIENT_OPEN);
    g_assert_cmpuint(left, ==, fails ? 1 : 0);
    g_assert_cmpint(client_waiting(client) > 0, ==, !fails);
    if (fails) /* nothing can follow the piece of a frame */
        g_assert_cmpint(send(sockets[0], "x", 1, MSG_NOSIGNAL), <, 0);
    else
        g_assert_cmpint(recv(sockets[1], &end, 1, MSG_DONTWAIT), ==, 1);
    client_free(client);
    g_assert_cmpuint(quota_bytes(quota), ==, 0);
    close(sockets[0]);
    close(sockets[1]);
}

typedef struct {
    Quota *quota;
    RelayConfig config;
    GQueue unsent;
    guint left;
    ClientOwner owner;
    Client *client;
    gint64 now; /* as the client is told */
} Probed;

static void probed_setup(Probed *probed, gconstpointer data)
{
    QuotaLimits none = {};

    writes = 0;
    partial = false;
    probed->quota = quota_new(&none);
    probed->config = (RelayConfig){.max_queue = 64 << 20, .ping_interval = 30 * G_USEC_PER_SEC};
    probed->owner = (ClientOwner){.config = &probed->config, .quota = probed->quota,
                                  .left = on_left, .relay = &probed->left,
                                  .unsent = &probed->unsent};
    probed->client = client_new(&probed->owner);
    probed->client->address = g_strdup("here");
    probed->now = probed->client->heard + 4 * G_USEC_PER_SEC;
    client_opened(probed->client, (struct lws *) probed->client);
}

static void probed_teardown(Probed *probed, gconstpointer data)
{
    client_free(probed->client);
    quota_free(probed->quota);
    close(sockets[0]);
    close(sockets[1]);
}

/* A connection as long as a slow link: what is written stays in the kernel's hands. */
static void connect_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
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

static void ask_and_wait(Probed *probed)
{
    g_assert_true(client_probe(probed->client, probed->now));
    g_assert_cmpuint(writes, ==, 1);
    g_assert_cmpint(client_due(probed->client), ==, probed->now + CLIENT_PROBE_LIMIT);
    for (guint i = 0; i < 100; i++) /* asking again neither floods nor gives it more time */
        client_probe(probed->client, probed->now + i * G_USEC_PER_SEC);
    g_assert_cmpuint(writes, ==, 1);
    client_check(probed->client, probed->now + CLIENT_PROBE_LIMIT - 1);
    g_assert_cmpint(probed->client->state, ==, CLIENT_OPEN);
    client_check(probed->client, probed->now + CLIENT_PROBE_LIMIT);
}

static void test_probe_dead(Probed *probed, gconstpointer data)
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), ==, 0);
    ask_and_wait(probed);
    g_assert_cmpint(probed->client->state, ==, CLIENT_CLOSED);
    g_assert_cmpuint(probed->left, ==, 1);
    client_probe(probed->client, probed->now + 9 * G_USEC_PER_SEC);
    g_assert_cmpuint(writes, ==, 1);
}

static void test_probe_alive(Probed *probed, gconstpointer data)
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), ==, 0);
    for (guint i = 0; i < 100; i++, probed->now += 100 * 1000) { /* ten seconds of it */
        client_probe(probed->client, probed->now);
        probed->client->heard = probed->now + 1;
        g_assert_false(client_probe(probed->client, probed->now + 2));
        client_check(probed->client, probed->now + CLIENT_PROBE_LIMIT);
    }
    g_assert_cmpint(probed->client->state, ==, CLIENT_OPEN);
    g_assert_cmpuint(writes, ==, 4);
}

/* The ping waits behind much else, and the other side's kernel still takes it. */
static void test_probe_slow_link(Probed *probed, gconstpointer data)
{
    static char much[1 << 20];

    connect_tcp();
    while (send(sockets[0], much, sizeof much, MSG_DONTWAIT) > 0)
        ;
    ask_and_wait(probed);
    g_assert_cmpint(probed->client->state, ==, CLIENT_OPEN);
    g_assert_cmpint(client_due(probed->client), ==, probed->now + 2 * CLIENT_PROBE_LIMIT);
    client_check(probed->client, probed->client->heard + 2 * 30 * G_USEC_PER_SEC);
    g_assert_cmpint(probed->client->state, ==, CLIENT_CLOSED);
}

/* The relay itself was held up: the pong is there and not read yet. */
static void test_probe_unread(Probed *probed, gconstpointer data)
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), ==, 0);
    g_assert_cmpint(send(sockets[1], "pong", 4, 0), ==, 4);
    ask_and_wait(probed);
    g_assert_cmpint(probed->client->state, ==, CLIENT_OPEN);
}

/* Its program has stopped: all that was sent is acknowledged, and nothing comes. */
static void test_probe_stopped(Probed *probed, gconstpointer data)
{
    connect_tcp();
    ask_and_wait(probed);
    g_assert_cmpint(probed->client->state, ==, CLIENT_CLOSED);
}

static void add_probe_test(const char *path, void (*test)(Probed *, gconstpointer))
{
    g_test_add(path, Probed, NULL, probed_setup, test, probed_teardown);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/client/partial", GINT_TO_POINTER(false), test_partial);
    g_test_add_data_func("/client/partial-lost", GINT_TO_POINTER(true), test_partial);
    add_probe_test("/client/probe/dead", test_probe_dead);
    add_probe_test("/client/probe/alive", test_probe_alive);
    add_probe_test("/client/probe/slow-link", test_probe_slow_link);
    add_probe_test("/client/probe/unread", test_probe_unread);
    add_probe_test("/client/probe/stopped", test_probe_stopped);
    return g_test_run();
}
