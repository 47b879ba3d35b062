/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A relay that does not read: what waits for it is bounded, and the connection ends. How often one is
 * asked for a sign.
 */

#include <config.h>

#include "peer/signaling/signaling.h"
#include "peer/signaling/websocket.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <libsoup/soup.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wait.h"

enum { FRAME = 16 * 1024 };

typedef struct {
    GSocketService *service;
    GSocketConnection *client;
    GString *head;
    char buffer[4096];
    bool reads;
    Websocket *websocket; /* by itself, */
    Signaling *signaling; /* or within this */
    bool open;
    guint closed;
} Ends;

/* ---- the relay ---------------------------------------------------------------- */

static char *answer_key(const char *head)
{
    const char *at = strstr(head, "Sec-WebSocket-Key: ") + strlen("Sec-WebSocket-Key: ");
    g_autofree char *key = g_strndup(at, strcspn(at, "\r"));
    g_autofree char *both = g_strconcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", NULL);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 digest[20];
    gsize length = sizeof digest;

    g_checksum_update(sum, (const guchar *) both, -1);
    g_checksum_get_digest(sum, digest, &length);
    return g_base64_encode(digest, length);
}

static void answer(Ends *ends)
{
    g_autofree char *key = answer_key(ends->head->str);
    g_autofree char *text = g_strdup_printf("HTTP/1.1 101 Switching Protocols\r\n"
                                            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                            "Sec-WebSocket-Accept: %s\r\n\r\n",
                                            key);
    GOutputStream *output = g_io_stream_get_output_stream(G_IO_STREAM(ends->client));

    g_assert_true(g_output_stream_write_all(output, text, strlen(text), NULL, NULL, NULL));
}

static void read_more(Ends *ends);

static void on_read(GObject *input, GAsyncResult *result, gpointer data)
{
    Ends *ends = data;
    gssize length = g_input_stream_read_finish(G_INPUT_STREAM(input), result, NULL);

    if (length <= 0)
        return;
    if (ends->open) {
        read_more(ends);
        return;
    }
    g_string_append_len(ends->head, ends->buffer, length);
    if (!strstr(ends->head->str, "\r\n\r\n")) {
        read_more(ends);
        return;
    }
    answer(ends);
    if (ends->reads)
        read_more(ends);
}

static void read_more(Ends *ends)
{
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(ends->client)), ends->buffer,
                              sizeof ends->buffer, G_PRIORITY_DEFAULT, NULL, on_read, ends);
}

static gboolean on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
                            gpointer data)
{
    Ends *ends = data;

    ends->client = g_object_ref(connection);
    read_more(ends);
    return TRUE;
}

/* ---- the peer ----------------------------------------------------------------- */

static void on_open(Websocket *websocket, const char *protocol, gpointer data)
{
    ((Ends *) data)->open = true;
}

static void on_text(Websocket *websocket, const char *text, gsize length, gpointer data)
{
}

static void on_closed(Websocket *websocket, const WebsocketFailure *failure, gpointer data)
{
    ((Ends *) data)->closed++;
    g_test_message("%s", failure->message);
}

static const WebsocketOps ops = {on_open, on_text, on_closed};

static char *ends_listen(Ends *ends, bool reads)
{
    guint16 port;

    *ends = (Ends){.service = g_socket_service_new(), .head = g_string_new(NULL), .reads = reads};
    port = g_socket_listener_add_any_inet_port(G_SOCKET_LISTENER(ends->service), NULL, NULL);
    g_signal_connect(ends->service, "incoming", G_CALLBACK(on_incoming), ends);
    return g_strdup_printf("ws://127.0.0.1:%u/", port);
}

static void ends_begin(Ends *ends, bool reads)
{
    g_autofree char *url = ends_listen(ends, reads);

    ends->websocket = websocket_new(url, &(UpgradeOffer){}, &ops, ends);
    wait_until(ends->open);
}

static void ends_clear(Ends *ends)
{
    websocket_free(ends->websocket);
    g_io_stream_close(G_IO_STREAM(ends->client), NULL, NULL);
    g_socket_service_stop(ends->service);
    g_socket_listener_close(G_SOCKET_LISTENER(ends->service));
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_object_unref(ends->client);
    g_object_unref(ends->service);
    g_string_free(ends->head, TRUE);
}

/* How many of COUNT frames are taken, if there is time for each */
static guint send_frames(Ends *ends, guint count)
{
    g_autofree char *text = g_strnfill(FRAME, 'x');
    guint sent = 0;

    while (sent < count && websocket_send(ends->websocket, text)) {
        sent++;
        for (guint i = 0; i < 20; i++)
            g_main_context_iteration(NULL, FALSE);
    }
    return sent;
}

static void test_reads_nothing(void)
{
    Ends ends;
    guint sent;

    ends_begin(&ends, false);
    sent = send_frames(&ends, 4096);
    g_test_message("%u frames of %d bytes", sent, FRAME);
    g_assert_cmpuint(sent, <, 4096); /* the kernel takes some MiB, too */
    wait_until(ends.closed == 1);
    g_assert_false(websocket_send(ends.websocket, "x"));
    ends_clear(&ends);
}

/* One that reads on in time is not given up. */
static void test_reads_late(void)
{
    Ends ends;

    ends_begin(&ends, false);
    g_assert_cmpuint(send_frames(&ends, 4096), <, 4096);
    ends.reads = true;
    read_more(&ends);
    wait_until(websocket_send(ends.websocket, "x"));
    g_assert_cmpuint(send_frames(&ends, 1024), ==, 1024);
    g_assert_cmpuint(ends.closed, ==, 0);
    ends_clear(&ends);
}

static void test_reads(void)
{
    Ends ends;

    ends_begin(&ends, true);
    g_assert_cmpuint(send_frames(&ends, 4096), ==, 4096);
    g_assert_cmpuint(ends.closed, ==, 0);
    ends_clear(&ends);
}

/* ---- nobody answers ---------------------------------------------------------- */

/* Connections to PORT that wait for an answer to their SYN */
static guint count_waiting(guint16 port)
{
    g_autofree char *text = NULL;
    g_autofree char *wanted = g_strdup_printf("0100007F:%04X 02 ", port);
    guint count = 0;

    g_assert_true(g_file_get_contents("/proc/self/net/tcp", &text, NULL, NULL));
    for (const char *at = text; (at = strstr(at, wanted)); at++)
        count++;
    return count;
}

static int connect_to(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    (void) !connect(fd, (const struct sockaddr *) address, sizeof *address);
    return fd;
}

/* A server whose queue is full drops SYNs, as a network does that carries nothing. */
static void test_second_connection(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), others[3];
    g_autofree char *url = NULL;
    Ends ends = {};
    guint16 port;

    g_assert_cmpint(bind(server, (struct sockaddr *) &address, length), ==, 0);
    g_assert_cmpint(listen(server, 0), ==, 0);
    g_assert_cmpint(getsockname(server, (struct sockaddr *) &address, &length), ==, 0);
    port = ntohs(address.sin_port);
    for (guint i = 0; i < G_N_ELEMENTS(others); i++)
        others[i] = connect_to(&address);
    wait_until(count_waiting(port) == 2);
    url = g_strdup_printf("ws://127.0.0.1:%u/", port);
    ends.websocket = websocket_new(url, &(UpgradeOffer){}, &ops, &ends);
    wait_until(count_waiting(port) == 4);
    websocket_free(ends.websocket);
    wait_until(count_waiting(port) == 2);
    for (guint i = 0; i < G_N_ELEMENTS(others); i++)
        close(others[i]);
    close(server);
}

/* ---- how often ---------------------------------------------------------------- */

static guint interval;

/* libsoup's, for libpeer.a as well: the program comes before the libraries. */
void soup_websocket_connection_set_keepalive_interval(SoupWebsocketConnection *connection,
                                                      guint seconds)
{
    interval = seconds;
}

static void on_state(gpointer data)
{
    Ends *ends = data;

    ends->open = room_state(signaling_room(ends->signaling)) == RELAY_CONNECTED;
    ends->closed += !ends->open;
}

static void on_servers(gpointer data)
{
}

/* Another interval alone reaches the connection that there is. */
static void test_interval(void)
{
    static const SignalingOps signaling_ops = {.state = on_state, .ice_servers = on_servers};
    Ends ends;
    g_autofree char *url = ends_listen(&ends, true);
    char *urls[] = {url, NULL};
    char none[] = "";
    RelaySettings relay = {urls, 0, none, none, none, none, 5 * G_USEC_PER_SEC};
    const SignalingSettings settings = {.relay = &relay, .name = "box"};
    guint closed;

    ends.signaling = signaling_new(&signaling_ops, &ends);
    signaling_set(ends.signaling, &settings);
    wait_until(ends.open);
    g_assert_cmpuint(interval, ==, 12);
    closed = ends.closed;
    relay.keep_alive = 25 * G_USEC_PER_SEC;
    signaling_set(ends.signaling, &settings);
    g_assert_cmpuint(interval, ==, 25);
    relay.keep_alive = 18 * G_USEC_PER_SEC;
    signaling_set(ends.signaling, &settings);
    g_assert_cmpuint(interval, ==, 18);
    g_assert_true(ends.open);
    g_assert_cmpuint(ends.closed, ==, closed);
    signaling_free(ends.signaling);
    ends_clear(&ends);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/websocket/reads-nothing", test_reads_nothing);
    g_test_add_func("/websocket/reads-late", test_reads_late);
    g_test_add_func("/websocket/reads", test_reads);
    g_test_add_func("/websocket/second-connection", test_second_connection);
    g_test_add_func("/websocket/interval", test_interval);
    return g_test_run();
}
