/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See server.h. libwebsockets runs in a libuv loop of ours: with a loop of its
 * own it would install signal handlers (SIGTERM among them) and close the loop
 * when it likes. Its liveness timers are off, for each is an entry in a sorted
 * list that is searched from its head; relay.c does that job.
 */

#include <config.h>

#include "relay/websocket.h"

#include <glib/gi18n.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory-trim.h"

/* What is read at once, and given to our callback if it is in one frame; longer
 * messages come in pieces. libwebsockets keeps a buffer of this size for each
 * connection, but touches only its beginning, for control frames: it costs a
 * page, which smaller ones of some kilobytes do as well. Reading several frames
 * at once is what makes a busy room cheap (client.c). */
#define RECEIVE_SIZE 8192

struct Server {
    uv_loop_t *loop;
    struct lws_context *context; /* libwebsockets makes it NULL when it is freed */
    struct lws_vhost *vhost;
    const ServerEvents *events;
    gpointer data;
    /* only within server_adopt() */
    Client *adopting;
    const Handshake *handshake;
};

G_DEFINE_QUARK(rtcbus-server-error-quark, server_error)

static void log_lws(int level, const char *line)
{
    g_autofree char *text = g_strchomp(g_strdup(line));

    log_debug("libwebsockets: %s", text);
}

/* The answer to the handshake is being written. */
static int on_add_fields(Server *server, struct lws_process_html_args *args)
{
    static const char name[] = "Sec-WebSocket-Protocol: ";
    const char *protocol = server->handshake ? server->handshake->protocol : NULL;

    if (!protocol)
        return 0;
    if ((size_t) args->max_len < sizeof name + strlen(protocol) + 4)
        return -1;
    args->p += g_snprintf(args->p, (gulong) args->max_len, "%s%s\r\n", name, protocol);
    return 0;
}

static int on_established(Server *server, struct lws *wsi)
{
    Client *client = g_steal_pointer(&server->adopting);

    if (!client)
        return -1;
    lws_set_opaque_user_data(wsi, client);
    client_opened(client, wsi);
    server->events->opened(client, server->data);
    return 0;
}

static void on_closed(Server *server, struct lws *wsi)
{
    Client *client = lws_get_opaque_user_data(wsi);

    if (!client)
        return;
    lws_set_opaque_user_data(wsi, NULL);
    server->events->gone(client, server->data);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    Client *client;

    switch (reason) {
    case LWS_CALLBACK_ADD_HEADERS:
        return on_add_fields(lws_context_user(lws_get_context(wsi)), in);
    case LWS_CALLBACK_ESTABLISHED:
        return on_established(lws_context_user(lws_get_context(wsi)), wsi);
    case LWS_CALLBACK_RECEIVE:
        client = lws_get_opaque_user_data(wsi);
        if (client)
            client_received(client, in, length);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        client = lws_get_opaque_user_data(wsi);
        if (client)
            client->heard = g_get_monotonic_time();
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        client = lws_get_opaque_user_data(wsi);
        return !client || client_writable(client) ? 0 : -1;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        on_closed(lws_context_user(lws_get_context(wsi)), wsi);
        return 0;
    case LWS_CALLBACK_HTTP: /* never: only upgrades come here */
        return -1;
    default:
        return 0;
    }
}

/* libwebsockets fills two tables with zeros, with a place for each descriptor
 * that we may ever have: hundreds of kilobytes, of which little is used. */
#define TABLE_SIZE (64 << 10)

static struct {
    void *data;
    size_t size;
} tables[4];
static guint n_tables;
static bool tables_done; /* what comes later is for use */

static void *allocate(void *old, size_t size, const char *reason)
{
    void *data = NULL;

    for (guint i = 0; old && i < n_tables; i++) {
        if (tables[i].data == old)
            tables[i].size = 0; /* it is elsewhere from now on, or nowhere */
    }
    if (size == 0)
        free(old);
    else
        data = realloc(old, size);
    if (data && size >= TABLE_SIZE && !tables_done && n_tables < G_N_ELEMENTS(tables)) {
        tables[n_tables].data = data;
        tables[n_tables++].size = size;
    }
    return data;
}

static void forget_zeros_of_tables(void)
{
    for (; n_tables > 0; n_tables--)
        memory_forget_zeros(tables[n_tables - 1].data, tables[n_tables - 1].size);
    tables_done = true;
}

static const struct lws_protocols protocols[] = {
    {.name = "any", .callback = on_event, .rx_buffer_size = RECEIVE_SIZE,
     .tx_packet_size = 32 << 20},
    {},
};

Server *server_new(uv_loop_t *loop, const ServerEvents *events, gpointer data, GError **error)
{
    static const lws_retry_bo_t never = {};
    void *loops[] = {loop};
    Server *server = g_new0(Server, 1);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
        .foreign_loops = loops,
        .gid = (gid_t) -1,
        .uid = (uid_t) -1,
        .pt_serv_buf_size = 16384,
        .retry_and_idle_policy = &never,
        .user = server,
        .pcontext = &server->context,
        .vhost_name = "relay",
    };

    server->loop = loop;
    server->events = events;
    server->data = data;
    lws_set_log_level(LLL_ERR, log_lws);
    lws_set_allocator(allocate);
    server->context = lws_create_context(&info);
    if (server->context)
        server->vhost = lws_create_vhost(server->context, &info);
    if (!server->vhost) {
        g_set_error_literal(error, SERVER_ERROR, 0,
                            _("libwebsockets does not start; is its libuv plugin "
                              "(libwebsockets-evlib-uv) installed?"));
        server_free(server);
        return NULL;
    }
    forget_zeros_of_tables();
    return server;
}

void server_free(Server *server)
{
    if (!server)
        return;
    /* With a loop of ours, destroying takes two or three calls (depending on
     * the version), and handles that close between them. */
    for (int calls = 0; server->context && calls < 10; calls++) {
        lws_context_destroy(server->context);
        for (int rounds = 0; rounds < 1000 && uv_run(server->loop, UV_RUN_NOWAIT); rounds++)
            ;
    }
    g_free(server);
}

void server_adopt(Server *server, int fd, const Handshake *handshake, Client *client)
{
    g_autofree char *request = handshake_to_request(handshake);

    server->adopting = client;
    server->handshake = handshake;
    lws_adopt_socket_vhost_readbuf(server->vhost, fd, request, strlen(request));
    server->handshake = NULL;
    if (server->adopting)
        server->events->gone(g_steal_pointer(&server->adopting), server->data);
}
