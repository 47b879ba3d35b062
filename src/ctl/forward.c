/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "forward": a local port that leads to a service of a peer. Each connection
 * has a channel of its own; all share one call, which is placed anew when a
 * connection comes after it has ended.
 */

#include "config.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/names.h"
#include "common/stream.h"
#include "ctl/command.h"
#include "ctl/session.h"
#include "ctl/text.h"

typedef struct {
    Client *client;
    GMainLoop *loop;
    const char *peer;
    char *label;
    Session *session;
    bool calling; /* session_open() runs, and with it the main loop */
    GHashTable *streams;
} Forward;

static void on_done(Stream *stream, const GError *error, gpointer data)
{
    Forward *forward = data;

    if (error && !g_error_matches(error, STREAM_ERROR, STREAM_ERROR_IO))
        g_printerr("rtcbusctl: %s\n", error->message);
    g_hash_table_remove(forward->streams, stream);
}

static bool forward_call(Forward *forward, GError **error)
{
    if (forward->session && session_is_connected(forward->session))
        return true;
    g_clear_pointer(&forward->session, session_close);
    forward->calling = true;
    forward->session = session_open(forward->client, forward->peer, error);
    forward->calling = false;
    return forward->session != NULL;
}

static gboolean on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
                            gpointer data)
{
    Forward *forward = data;
    g_autoptr(GError) error = NULL;
    gsize max_packet;
    int packets, fd;

    if (forward->calling)
        return TRUE; /* closed: there is no call yet */
    if (!forward_call(forward, &error)) {
        client_fail(forward->client, &peer_service, error);
        return TRUE;
    }
    packets = session_open_stream(forward->session, forward->label, &max_packet, &error);
    if (packets < 0) {
        client_fail(forward->client, &peer_service, error);
        return TRUE;
    }
    fd = fcntl(g_socket_get_fd(g_socket_connection_get_socket(connection)), F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        close(packets);
    else
        g_hash_table_add(forward->streams,
                         stream_new(packets, max_packet, fd, fd, on_done, forward));
    return TRUE;
}

static gboolean on_interrupt(gpointer data)
{
    g_main_loop_quit(((Forward *) data)->loop);
    return G_SOURCE_CONTINUE;
}

/* ADDRESS:PORT, [ADDRESS]:PORT; an address, so that it is clear who can connect */
static GSocketAddress *parse_address(const char *text)
{
    g_autoptr(GSocketConnectable) parsed = g_network_address_parse(text, 0, NULL);
    GNetworkAddress *address = G_NETWORK_ADDRESS(parsed);

    if (!parsed || !strrchr(text, ':'))
        return NULL;
    return g_inet_socket_address_new_from_string(g_network_address_get_hostname(address),
                                                 g_network_address_get_port(address));
}

static GSocketService *forward_listen(Forward *forward, const char *where, GError **error)
{
    g_autoptr(GSocketService) service = g_socket_service_new();
    g_autoptr(GSocketAddress) address = parse_address(where), actual = NULL;
    g_autofree char *text = NULL;

    g_socket_listener_set_backlog(G_SOCKET_LISTENER(service), 256);
    if (!g_socket_listener_add_address(G_SOCKET_LISTENER(service), address, G_SOCKET_TYPE_STREAM,
                                       G_SOCKET_PROTOCOL_TCP, NULL, &actual, error))
        return NULL;
    text = g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(actual));
    g_signal_connect(service, "incoming", G_CALLBACK(on_incoming), forward);
    g_print(_("%s leads to %s of %s"), text, forward->label + strlen(STREAM_SERVICE_PREFIX),
            forward->peer);
    g_print("\n");
    return g_steal_pointer(&service);
}

int forward_check(char **arguments)
{
    g_autoptr(GSocketAddress) address = parse_address(arguments[0]);

    if (!address)
        return client_usage(_("\"%s\" is not ADDRESS:PORT, such as 127.0.0.1:2222"), arguments[0]);
    return 0;
}

int forward_run(Client *client, char **arguments)
{
    Forward forward = {.client = client, .peer = arguments[1]};
    g_autoptr(GSocketService) service = NULL;
    g_autoptr(GError) error = NULL;
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, &forward),
        g_unix_signal_add(SIGTERM, on_interrupt, &forward),
    };
    int status = EXIT_SUCCESS;

    forward.loop = g_main_loop_new(NULL, FALSE);
    forward.label = g_strconcat(STREAM_SERVICE_PREFIX, arguments[2], NULL);
    forward.streams = g_hash_table_new_full(NULL, NULL, (GDestroyNotify) stream_free, NULL);
    if (forward_call(&forward, &error))
        service = forward_listen(&forward, arguments[0], &error);
    if (service)
        g_main_loop_run(forward.loop);
    else
        status = client_fail(client, &peer_service, error);

    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
    if (service)
        g_socket_service_stop(service);
    g_hash_table_unref(forward.streams);
    g_clear_pointer(&forward.session, session_close);
    g_free(forward.label);
    g_main_loop_unref(forward.loop);
    return status;
}
