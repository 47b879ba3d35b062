/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A client whose socket takes half a frame: libwebsockets has to take the
 * rest, and if it does not the connection is over. These are its functions. */

#include "config.h"

#include <libwebsockets.h>
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/client/partial", GINT_TO_POINTER(false), test_partial);
    g_test_add_data_func("/client/partial-lost", GINT_TO_POINTER(true), test_partial);
    return g_test_run();
}
