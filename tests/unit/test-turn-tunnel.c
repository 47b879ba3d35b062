/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Who may connect to the loopback end of a tunnel, and what it hears of a server that hangs up or
 * never answers. */

#include <config.h>

#include "rtc/ice/turn-tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rtc/connection.h"
#include "wait.h"

typedef struct {
    int server; /* it listens, and that is all */
    TurnTunnel *tunnel;
} Fixture;

static void setup(Fixture *fixture, gconstpointer ipv6)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    g_autofree char *uri = NULL;
    g_auto(IceServer) server = {};
    g_autoptr(GError) error = NULL;
    TlsTrust *trust = tls_trust_new(NULL);

    fixture->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(fixture->server, (struct sockaddr *) &address, length), ==, 0);
    g_assert_cmpint(listen(fixture->server, 8), ==, 0);
    g_assert_cmpint(getsockname(fixture->server, (struct sockaddr *) &address, &length), ==, 0);
    uri = g_strdup_printf("turns:u:p@127.0.0.1:%u", ntohs(address.sin_port));
    g_assert_true(ice_server_parse(uri, &server, NULL));
    fixture->tunnel = turn_tunnel_new(&server, trust, GPOINTER_TO_INT(ipv6), &error);
    if (!ipv6)
        g_assert_no_error(error);
    tls_trust_unref(trust);
}

static void teardown(Fixture *fixture, gconstpointer data)
{
    turn_tunnel_free(fixture->tunnel);
    close(fixture->server);
}

/* A connection to the tunnel; -1: it is refused. */
static int join(const TurnTunnel *tunnel)
{
    bool ipv6 = strchr(turn_tunnel_address(tunnel), ':');
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(turn_tunnel_port(tunnel))};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons(turn_tunnel_port(tunnel))};
    int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, turn_tunnel_address(tunnel), &v4.sin_addr);
    inet_pton(AF_INET6, turn_tunnel_address(tunnel), &v6.sin6_addr);
    if (connect(fd, ipv6 ? (struct sockaddr *) &v6 : (struct sockaddr *) &v4,
                ipv6 ? sizeof v6 : sizeof v4) == 0)
        return fd;
    g_assert_cmpint(errno, ==, ECONNREFUSED);
    close(fd);
    return -1;
}

static void on_child(pid_t child, int status, gpointer ended)
{
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
    *(bool *) ended = true;
}

/* Another process: it is hung up on, and the tunnel is as it was. */
static void let_another_try(Fixture *fixture)
{
    pid_t child = fork();
    bool ended = false;

    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        int fd = join(fixture->tunnel);
        char byte;

        _exit(fd >= 0 && recv(fd, &byte, 1, 0) <= 0 ? 0 : 1);
    }
    g_child_watch_add(child, on_child, &ended);
    wait_until(ended);
}

static bool is_closed(const TurnTunnel *tunnel)
{
    int fd = join(tunnel);

    if (fd >= 0)
        close(fd);
    return fd < 0;
}

static void test_one_of_our_own(Fixture *fixture, gconstpointer data)
{
    char byte;
    int fd;

    if (!fixture->tunnel) {
        g_test_skip("no ::1 here");
        return;
    }
    let_another_try(fixture);
    fd = join(fixture->tunnel);
    g_assert_cmpint(fd, >=, 0);
    wait_until(is_closed(fixture->tunnel));
    /* The first is kept; nothing comes, for the server does not answer. */
    g_assert_cmpint(recv(fd, &byte, 1, MSG_DONTWAIT), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
    g_clear_pointer(&fixture->tunnel, turn_tunnel_free);
    g_assert_cmpint(recv(fd, &byte, 1, 0), <=, 0);
    close(fd);
}

/* Whether the other end has closed FD; what has come before is of no interest. */
static bool has_ended(int fd)
{
    char bytes[4096];
    gssize n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN);
}

/* libnice is not hung up on: it would wait for the end of its gathering for ever. */
static void test_server_hangs_up(Fixture *fixture, gconstpointer data)
{
    struct pollfd waiting = {.fd = fixture->server, .events = POLLIN};
    int fd = join(fixture->tunnel), server;
    char byte;

    g_assert_cmpint(fd, >=, 0);
    wait_until(is_closed(fixture->tunnel) && poll(&waiting, 1, 0) == 1);
    server = accept(fixture->server, NULL, NULL);
    g_assert_cmpint(server, >=, 0);
    g_assert_cmpint(shutdown(server, SHUT_WR), ==, 0);
    wait_until(has_ended(server));
    g_assert_cmpint(send(fd, "x", 1, MSG_NOSIGNAL), ==, 1);
    g_assert_cmpint(recv(fd, &byte, 1, MSG_DONTWAIT), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
    close(server);
    close(fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/turn-tunnel/one-of-our-own/ipv4", Fixture, GINT_TO_POINTER(false), setup,
               test_one_of_our_own, teardown);
    g_test_add("/turn-tunnel/one-of-our-own/ipv6", Fixture, GINT_TO_POINTER(true), setup,
               test_one_of_our_own, teardown);
    g_test_add("/turn-tunnel/server-hangs-up", Fixture, GINT_TO_POINTER(false), setup,
               test_server_hangs_up, teardown);
    return g_test_run();
}
