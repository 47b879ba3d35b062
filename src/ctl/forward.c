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
#include "common/stream-link.h"
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
    const char *where, *peer;
    char *label;
    SharedCall *call;        /* NULL: there is none */
    guint dialer;            /* places it, from the main loop */
    GSocketService *service; /* NULL: it does not listen yet */
    StreamLinks *links;      /* of Forwarded */
    GQueue waiting;          /* of StreamLink, for the call, or for their turn */
    guint opening;           /* links that wait for the daemon to open their channel */
    guint calls;             /* how many were placed */
    bool had_call;           /* the last of them was connected */
    int status;              /* of the program */
} Forward;

/* A connection that is forwarded. */
typedef struct {
    Forward *forward;
    guint call; /* the last one that it asked for a channel */
    bool retried;
} Forwarded;

/* ---- a connection ----------------------------------------------------------------- */

static void on_done(StreamLink *link, const GError *error)
{
    if (error && !g_error_matches(error, STREAM_ERROR, STREAM_ERROR_IO))
        client_complain("%s", error->message);
}

static const StreamLinkOps link_ops = {
    .done = on_done,
    .free = g_free,
};

static void link_wait(StreamLink *link);
static void forward_open(Forward *forward);

/* Answers about a call that has ended still come when the next one is there. */
static bool forward_connected(const Forward *forward)
{
    return forward->call && shared_call_is_connected(forward->call);
}

static void on_opened(int fd, gsize max_packet, const GError *error, gpointer data)
{
    g_autoptr(StreamLink) link = data;
    Forwarded *forwarded = stream_link_data(link);
    Forward *forward = forwarded->forward;

    if (stream_link_has_ended(link)) { /* and FORWARD with it */
        if (fd >= 0)
            close(fd);
        return;
    }
    forward->opening--;
    if (fd >= 0) {
        stream_link_set_packets(link, fd, max_packet);
    } else if (!forwarded->retried &&
               (!forward_connected(forward) || forwarded->call != forward->calls)) {
        forwarded->retried = true; /* the call has ended under it */
        link_wait(link);
    } else {
        client_fail(forward->client, &peer_service, error);
        stream_link_end(link);
    }
    forward_open(forward);
}

/* Opens channels for those who wait, as many as may be. */
static void forward_open(Forward *forward)
{
    while (forward_connected(forward) && forward->opening < OPENING_MAX &&
           !g_queue_is_empty(&forward->waiting)) {
        StreamLink *link = g_queue_pop_head(&forward->waiting);
        Forwarded *forwarded = stream_link_data(link);

        forward->opening++;
        forwarded->call = forward->calls;
        shared_call_open(forward->call, forward->label, on_opened, stream_link_ref(link));
    }
}

/* ---- the call --------------------------------------------------------------------- */

static bool forward_listen(Forward *forward, GError **error);

/* Nobody waits for a call that cannot be had; without one it does not begin. */
static void forward_failed(Forward *forward, const GError *error)
{
    StreamLink *link;

    int status = client_fail(forward->client, &peer_service, error);

    while ((link = g_queue_pop_head(&forward->waiting)))
        stream_link_end(link);
    if (!forward->service) {
        forward->status = status;
        g_main_loop_quit(forward->loop);
    }
}

static void on_call_connected(gpointer data)
{
    Forward *forward = data;
    g_autoptr(GError) error = NULL;

    forward->had_call = true;
    if (!forward->service && !forward_listen(forward, &error))
        forward_failed(forward, error);
    else
        forward_open(forward);
}

static gboolean on_dial(gpointer data);

static void forward_dial(Forward *forward)
{
    if (forward->dialer == 0 && !forward->call)
        forward->dialer = g_idle_add(on_dial, forward);
}

static void on_call_ended(const GError *error, gpointer data)
{
    Forward *forward = data;
    bool had = forward->had_call;

    g_clear_pointer(&forward->call, shared_call_free);
    if (!had)
        forward_failed(forward, error);
    else if (!g_queue_is_empty(&forward->waiting))
        forward_dial(forward);
}

static const SharedCallOps call_ops = {
    .connected = on_call_connected,
    .ended = on_call_ended,
};

static gboolean on_dial(gpointer data)
{
    Forward *forward = data;
    g_autoptr(GError) error = NULL;

    forward->dialer = 0;
    forward->calls++;
    forward->had_call = false;
    forward->call = shared_call_new(forward->client, forward->peer, &call_ops, forward, &error);
    if (!forward->call)
        forward_failed(forward, error);
    return G_SOURCE_REMOVE;
}

static void link_wait(StreamLink *link)
{
    Forward *forward = ((Forwarded *) stream_link_data(link))->forward;

    g_queue_push_tail(&forward->waiting, link);
    if (forward_connected(forward))
        forward_open(forward);
    else
        forward_dial(forward);
}

static gboolean on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
                            gpointer data)
{
    Forward *forward = data;
    int fd;
    Forwarded *forwarded;
    StreamLink *link;

    if (forward->waiting.length + forward->opening >= WAITING_MAX)
        return TRUE;
    fd = fcntl(g_socket_get_fd(g_socket_connection_get_socket(connection)), F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return TRUE;
    forwarded = g_new0(Forwarded, 1);
    forwarded->forward = forward;
    link = stream_link_new(forward->links, forwarded);
    stream_link_set_socket(link, fd);
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
    g_autoptr(GArray) fds = listen_fds_named(name);

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

static bool forward_listen(Forward *forward, GError **error)
{
    g_autoptr(GSocketService) service = g_socket_service_new();
    GSocketListener *listener = G_SOCKET_LISTENER(service);
    bool handed = g_str_has_prefix(forward->where, HANDED_PREFIX);

    g_socket_listener_set_backlog(listener, 256);
    g_signal_connect(service, "incoming", G_CALLBACK(on_incoming), forward);
    if (handed ? !listen_handed(forward, listener, forward->where + strlen(HANDED_PREFIX), error)
               : !listen_address(forward, listener, forward->where, error))
        return false;
    forward->service = g_steal_pointer(&service);
    return true;
}

/* ---- the command ------------------------------------------------------------------- */

static gboolean on_interrupt(gpointer data)
{
    g_main_loop_quit(((Forward *) data)->loop);
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
static void forward_begin(Forward *forward)
{
    g_autoptr(GError) error = NULL;

    if (!g_str_has_prefix(forward->where, HANDED_PREFIX))
        forward_dial(forward);
    else if (!forward_listen(forward, &error))
        forward->status = client_fail(forward->client, &peer_service, error);
}

static void forward_clear(Forward *forward)
{
    if (forward->service)
        g_socket_service_stop(forward->service);
    g_clear_object(&forward->service);
    g_clear_handle_id(&forward->dialer, g_source_remove);
    g_queue_clear(&forward->waiting);
    stream_links_free(forward->links);
    shared_call_free(forward->call);
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
                       .where = arguments[0],
                       .peer = arguments[1],
                       .label = g_strconcat(STREAM_SERVICE_PREFIX, arguments[2], NULL),
                       .loop = g_main_loop_new(NULL, FALSE),
                       .links = stream_links_new(&link_ops)};
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, &forward),
        g_unix_signal_add(SIGTERM, on_interrupt, &forward),
    };

    listen_fds_init();
    raise_descriptor_limit();
    forward_begin(&forward);
    if (forward.status == EXIT_SUCCESS)
        g_main_loop_run(forward.loop);

    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
    forward_clear(&forward);
    return forward.status;
}
