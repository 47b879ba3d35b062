/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "forward": a local port that leads to a service of a peer. Each connection
 * has a channel of its own; all share one call, which is placed anew when a
 * connection comes after it has ended. Connections that come meanwhile wait.
 */

#include <config.h>

#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/listen-fds.h"
#include "common/names.h"
#include "common/stream.h"
#include "ctl/command.h"
#include "ctl/shared-call.h"
#include "ctl/text.h"

#define HANDED_PREFIX "fd:"
/* Connections without a channel, more are closed at once; and calls of methods that we wait
 * for, of which the bus allows 128 */
enum { WAITING_MAX = 1024, OPENING_MAX = 32 };

typedef struct {
    BusClient *client;
    GMainLoop *loop;
    const char *peer;
    char *label;
    SharedCall *shared;
    guint dialer;      /* places the call, from the main loop */
    bool dialing;
    GCancellable *interrupted;
    GHashTable *links; /* of ForwardLink */
    GQueue waiting;    /* of ForwardLink, for the call, or for their turn */
    guint opening;     /* links that wait for the daemon to open their channel */
    guint calls;       /* how many were placed */
} Forward;

typedef struct {
    Forward *forward; /* NULL: it has ended */
    int fd;           /* -1 once the stream has it */
    guint call;       /* the last one that it asked for a channel */
    bool retried;
    Stream *stream;
} ForwardLink;

/* ---- a connection ----------------------------------------------------------------- */

static void link_free(ForwardLink *link)
{
    if (link->fd >= 0)
        close(link->fd);
    stream_free(link->stream);
    g_free(link);
}

static void link_remove(ForwardLink *link)
{
    g_hash_table_remove(link->forward->links, link);
    link_free(link);
}

static void on_done(Stream *stream, const GError *error, gpointer data)
{
    if (error && !g_error_matches(error, STREAM_ERROR, STREAM_ERROR_IO))
        client_complain("%s", error->message);
    link_remove(data);
}

static void link_wait(ForwardLink *link);
static void forward_open(Forward *forward);

/* There is no call while it is placed anew; answers about the old one still come then. */
static bool forward_connected(const Forward *forward)
{
    return forward->shared && !forward->dialing && shared_call_is_connected(forward->shared);
}

static void on_opened(int fd, gsize max_packet, const GError *error, gpointer data)
{
    ForwardLink *link = data;
    Forward *forward = link->forward;

    if (!forward) {
        if (fd >= 0)
            close(fd);
        link_free(link);
        return;
    }
    forward->opening--;
    if (fd >= 0) {
        int connection = g_steal_fd(&link->fd);

        link->stream = stream_new(fd, max_packet, connection, connection, on_done, link);
    } else if (!link->retried && (!forward_connected(forward) || link->call != forward->calls)) {
        link->retried = true; /* the call has ended under it */
        link_wait(link);
    } else {
        client_fail(forward->client, &peer_service, error);
        link_remove(link);
    }
    forward_open(forward);
}

/* Opens channels for those who wait, as many as may be. */
static void forward_open(Forward *forward)
{
    while (forward_connected(forward) && forward->opening < OPENING_MAX &&
           !g_queue_is_empty(&forward->waiting)) {
        ForwardLink *link = g_queue_pop_head(&forward->waiting);

        forward->opening++;
        link->call = forward->calls;
        shared_call_open_stream_async(forward->shared, forward->label, on_opened, link);
    }
}

/* ---- the call --------------------------------------------------------------------- */

static bool forward_call(Forward *forward, GError **error)
{
    g_clear_pointer(&forward->shared, shared_call_close);
    forward->dialing = true;
    forward->calls++;
    forward->shared = shared_call_open(forward->client, forward->peer, forward->interrupted, error);
    forward->dialing = false;
    return forward->shared != NULL;
}

static gboolean on_dial(gpointer data)
{
    Forward *forward = data;
    g_autoptr(GError) error = NULL;
    ForwardLink *link;

    forward->dialer = 0;
    if (!forward_call(forward, &error)) {
        if (!g_cancellable_is_cancelled(forward->interrupted))
            client_fail(forward->client, &peer_service, error);
        while ((link = g_queue_pop_head(&forward->waiting)))
            link_remove(link);
        return G_SOURCE_REMOVE;
    }
    forward_open(forward);
    return G_SOURCE_REMOVE;
}

static void link_wait(ForwardLink *link)
{
    Forward *forward = link->forward;

    g_queue_push_tail(&forward->waiting, link);
    if (forward_connected(forward))
        forward_open(forward);
    else if (forward->dialer == 0 && !forward->dialing)
        forward->dialer = g_idle_add(on_dial, forward);
}

static gboolean on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
                            gpointer data)
{
    Forward *forward = data;
    int socket = g_socket_get_fd(g_socket_connection_get_socket(connection));
    ForwardLink *link;

    if (forward->waiting.length + forward->opening >= WAITING_MAX)
        return TRUE;
    link = g_new0(ForwardLink, 1);
    link->forward = forward;
    link->fd = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    g_hash_table_add(forward->links, link);
    if (link->fd < 0)
        link_remove(link);
    else
        link_wait(link);
    return TRUE;
}

/* ---- where it listens --------------------------------------------------------------- */

/* ADDRESS:PORT, [ADDRESS]:PORT; an address, so that it is clear who can connect */
static GSocketAddress *parse_address(const char *text)
{
    g_autoptr(GSocketConnectable) parsed = g_network_address_parse(text, 0, NULL);
    GNetworkAddress *address = G_NETWORK_ADDRESS(parsed);
    const char *colon = strrchr(text, ':');

    if (!parsed || !colon || (strchr(text, ':') != colon && (*text != '[' || colon[-1] != ']')))
        return NULL; /* without a port, or it cannot be told from the address */
    return g_inet_socket_address_new_from_string(g_network_address_get_hostname(address),
                                                 g_network_address_get_port(address));
}

static void tell_address(const Forward *forward, GSocketAddress *address)
{
    g_autofree char *text = g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address));

    g_print(_("%s leads to %s of %s"), text, forward->label + strlen(STREAM_SERVICE_PREFIX),
            forward->peer);
    g_print("\n");
}

/* The sockets called NAME that systemd has handed over, or all of them */
static bool listen_handed(const Forward *forward, GSocketListener *listener, const char *name,
                          GError **error)
{
    g_autoptr(GArray) fds = handed_sockets(name);

    for (guint i = 0; i < fds->len; i++) {
        g_autoptr(GSocket) socket = g_socket_new_from_fd(g_array_index(fds, int, i), error);
        g_autoptr(GSocketAddress) address =
            socket ? g_socket_get_local_address(socket, error) : NULL;

        if (!address || !g_socket_listener_add_socket(listener, socket, NULL, error))
            return false;
        tell_address(forward, address);
    }
    if (fds->len > 0)
        return true;
    g_set_error(error, STREAM_ERROR, STREAM_ERROR_IO,
                _("systemd has handed over no socket for %s%s"), HANDED_PREFIX, name);
    return false;
}

static bool listen_address(const Forward *forward, GSocketListener *listener, const char *where,
                           GError **error)
{
    g_autoptr(GSocketAddress) address = parse_address(where), actual = NULL;

    if (!g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM,
                                       G_SOCKET_PROTOCOL_TCP, NULL, &actual, error))
        return false;
    tell_address(forward, actual);
    return true;
}

static GSocketService *forward_listen(Forward *forward, const char *where, GError **error)
{
    g_autoptr(GSocketService) service = g_socket_service_new();
    GSocketListener *listener = G_SOCKET_LISTENER(service);
    bool handed = g_str_has_prefix(where, HANDED_PREFIX);

    g_socket_listener_set_backlog(listener, 256);
    g_signal_connect(service, "incoming", G_CALLBACK(on_incoming), forward);
    if (handed ? listen_handed(forward, listener, where + strlen(HANDED_PREFIX), error)
               : listen_address(forward, listener, where, error))
        return g_steal_pointer(&service);
    return NULL;
}

/* ---- the command ------------------------------------------------------------------- */

static gboolean on_interrupt(gpointer data)
{
    Forward *forward = data;

    g_cancellable_cancel(forward->interrupted);
    g_main_loop_quit(forward->loop);
    return G_SOURCE_CONTINUE;
}

int forward_check(char **arguments)
{
    g_autoptr(GSocketAddress) address = NULL;

    if (g_str_has_prefix(arguments[0], HANDED_PREFIX))
        return 0;
    address = parse_address(arguments[0]);
    if (!address)
        return client_usage(_("\"%s\" is not ADDRESS:PORT, such as 127.0.0.1:2222"), arguments[0]);
    return 0;
}

/* Somebody who listens by hand wants to know whether the peer is there; systemd's socket
 * has been listening before us, and who waits there is answered when it is tried. */
static bool forward_begin(Forward *forward, const char *where, GSocketService **service,
                          GError **error)
{
    if (!g_str_has_prefix(where, HANDED_PREFIX) && !forward_call(forward, error))
        return false;
    *service = forward_listen(forward, where, error);
    return *service != NULL;
}

static void forward_clear(Forward *forward)
{
    GHashTableIter iter;
    gpointer link;

    g_clear_handle_id(&forward->dialer, g_source_remove);
    g_hash_table_iter_init(&iter, forward->links);
    while (g_hash_table_iter_next(&iter, &link, NULL)) {
        ForwardLink *each = link;
        bool opening = !each->stream && !g_queue_find(&forward->waiting, each);

        each->forward = NULL;
        if (!opening) /* else on_opened() does it */
            link_free(each);
    }
    g_queue_clear(&forward->waiting);
    g_hash_table_unref(forward->links);
    g_clear_pointer(&forward->shared, shared_call_close);
    g_object_unref(forward->interrupted);
    g_main_loop_unref(forward->loop);
    g_free(forward->label);
}

/* Each connection has two descriptors, and without one left nothing can be accepted or refused.
 * The soft limit is for programs that use select(). */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int forward_run(BusClient *client, char **arguments)
{
    Forward forward = {.client = client,
                       .peer = arguments[1],
                       .label = g_strconcat(STREAM_SERVICE_PREFIX, arguments[2], NULL),
                       .loop = g_main_loop_new(NULL, FALSE),
                       .interrupted = g_cancellable_new(),
                       .links = g_hash_table_new(NULL, NULL)};
    g_autoptr(GSocketService) service = NULL;
    g_autoptr(GError) error = NULL;
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, &forward),
        g_unix_signal_add(SIGTERM, on_interrupt, &forward),
    };
    int status = EXIT_SUCCESS;

    handed_init();
    raise_descriptor_limit();
    if (!forward_begin(&forward, arguments[0], &service, &error) &&
        !g_cancellable_is_cancelled(forward.interrupted))
        status = client_fail(client, &peer_service, error);
    else if (!g_cancellable_is_cancelled(forward.interrupted))
        g_main_loop_run(forward.loop);

    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
    if (service)
        g_socket_service_stop(service);
    forward_clear(&forward);
    return status;
}
