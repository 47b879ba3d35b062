/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "forward": a local port that leads to a service of a peer. Each connection
 * has a channel of its own; all share one call, which is placed anew when a
 * connection comes after it has ended. Connections that come meanwhile wait.
 */

#include <config.h>

#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/forward-port.h"
#include "common/listen-address.h"
#include "common/listen-fds.h"
#include "common/names.h"
#include "common/stream.h"
#include "ctl/command.h"
#include "ctl/shared-call.h"
#include "ctl/text.h"

#define HANDED_PREFIX "fd:"
/* Connections without a channel, more are closed at once; and calls of methods that we wait
 * for, of which the bus allows 128 */
static const ForwardPortLimits limits = {.waiting = 1024, .opening = 32, .connections = G_MAXUINT};

enum { BACKLOG = 256 };

typedef struct {
    BusClient *client;
    GMainLoop *loop;
    const char *peer;
    char *where, *label;
    SharedCall *call; /* NULL: there is none */
    guint dialer;     /* places it, from the main loop */
    ForwardPort *port;
    guint calls;   /* how many were placed */
    bool had_call; /* the last of them was connected */
    int status;    /* of the program */
} Forward;

/* ---- connections -------------------------------------------------------------------- */

static void forward_dial(Forward *forward);

static void on_wanted(gpointer data)
{
    forward_dial(data);
}

static void on_opened(int fd, gsize max_packet, const GError *error, gpointer data)
{
    forward_port_opened(data, fd, max_packet, error);
}

static void on_open(StreamLink *link, gpointer data)
{
    Forward *forward = data;

    shared_call_open(forward->call, forward->label, STREAM_PROTOCOL, on_opened, link);
}

static void on_failed(const GError *error, gpointer data)
{
    Forward *forward = data;

    if (error->domain == STREAM_ERROR)
        client_complain("%s", error->message);
    else
        client_fail(forward->client, &peer_service, error);
}

static const ForwardPortOps port_ops = {
    .dial = on_wanted,
    .open = on_open,
    .failed = on_failed,
};

/* ---- the call --------------------------------------------------------------------- */

static bool forward_listen(Forward *forward, GError **error);

/* Nobody waits for a call that cannot be had; without one it does not begin. */
static void forward_failed(Forward *forward, const GError *error)
{
    int status = client_fail(forward->client, &peer_service, error);

    forward_port_give_up(forward->port);
    if (!forward_port_is_listening(forward->port)) {
        forward->status = status;
        g_main_loop_quit(forward->loop);
    }
}

static void on_call_connected(gpointer data)
{
    Forward *forward = data;
    g_autoptr(GError) error = NULL;

    forward->had_call = true;
    if (!forward_port_is_listening(forward->port) && !forward_listen(forward, &error))
        forward_failed(forward, error);
    else
        forward_port_set_call(forward->port, forward->calls);
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

    forward_port_set_call(forward->port, 0);
    g_clear_pointer(&forward->call, shared_call_free);
    if (!had)
        forward_failed(forward, error);
    else if (forward_port_has_waiting(forward->port))
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
    else if (forward->calls == 1 && !shared_call_is_connected(forward->call) &&
             isatty(STDERR_FILENO))
        client_complain(_("calling %s..."), forward->peer);
    return G_SOURCE_REMOVE;
}

/* A port alone, or one of localhost, is this machine's own: for nobody else to connect to. */
static char *complete_address(const char *text)
{
    static const char local[] = "localhost:";

    if (g_str_has_prefix(text, local))
        return g_strconcat("127.0.0.1:", text + strlen(local), NULL);
    return strspn(text, "0123456789") == strlen(text) ? g_strconcat("127.0.0.1:", text, NULL)
                                                      : g_strdup(text);
}

/* ---- where it listens --------------------------------------------------------------- */

static void tell_address(const Forward *forward, GSocketAddress *address)
{
    g_autofree char *text = g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address));

    g_print(_("%s leads to %s of %s"), text, forward->label + strlen(STREAM_SERVICE_PREFIX),
            forward->peer);
    g_print("\n");
}

static bool listen_on(const Forward *forward, GSocket *socket, GError **error)
{
    g_autoptr(GSocketAddress) address = g_socket_get_local_address(socket, error);

    if (!address || !forward_port_listen(forward->port, socket, error))
        return false;
    tell_address(forward, address);
    return true;
}

/* The sockets called NAME that systemd has handed over, or all of them */
static bool listen_handed(const Forward *forward, const char *name, GError **error)
{
    g_autoptr(GArray) fds = listen_fds_named(name);

    for (guint i = 0; i < fds->len; i++) {
        g_autoptr(GSocket) socket = g_socket_new_from_fd(g_array_index(fds, int, i), error);

        if (!socket || !listen_on(forward, socket, error))
            return false;
    }
    if (fds->len > 0)
        return true;
    g_set_error(error, STREAM_ERROR, STREAM_ERROR_IO,
                _("systemd has handed over no socket for %s%s"), HANDED_PREFIX, name);
    return false;
}

static bool forward_listen(Forward *forward, GError **error)
{
    g_autoptr(GSocketAddress) address = NULL;
    g_autoptr(GSocket) socket = NULL;

    if (g_str_has_prefix(forward->where, HANDED_PREFIX))
        return listen_handed(forward, forward->where + strlen(HANDED_PREFIX), error);
    address = listen_address_parse(forward->where);
    socket = listen_address_open(address, BACKLOG, error);
    return socket && listen_on(forward, socket, error);
}

/* ---- the command ------------------------------------------------------------------- */

static gboolean on_interrupt(gpointer data)
{
    g_main_loop_quit(((Forward *) data)->loop);
    return G_SOURCE_CONTINUE;
}

int forward_check(char **arguments)
{
    g_autofree char *where = complete_address(arguments[0]);
    g_autoptr(GSocketAddress) address = NULL;

    if (g_str_has_prefix(where, HANDED_PREFIX))
        return 0;
    address = listen_address_parse(where);
    if (!address)
        return client_usage(_("\"%s\" is not where one can listen: a port such as 2222, "
                              "127.0.0.1:2222, [::1]:2222 or unix:/PATH would be"),
                            arguments[0]);
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
    g_clear_handle_id(&forward->dialer, g_source_remove);
    forward_port_free(forward->port);
    shared_call_free(forward->call);
    g_main_loop_unref(forward->loop);
    g_free(forward->where);
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
                       .where = complete_address(arguments[0]),
                       .peer = arguments[1],
                       .label = g_strconcat(STREAM_SERVICE_PREFIX, arguments[2], NULL),
                       .loop = g_main_loop_new(NULL, FALSE)};
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, &forward),
        g_unix_signal_add(SIGTERM, on_interrupt, &forward),
    };

    forward.port = forward_port_new(&limits, &port_ops, &forward);
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
