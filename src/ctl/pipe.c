/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "pipe": standard input and output over a channel. One side names the peer,
 * the other one listens; a channel that comes before its listener is kept by
 * the daemon for some time, so it does not matter which is started first.
 */

#include <config.h>

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/names.h"
#include "common/stream.h"
#include "ctl/command.h"
#include "ctl/shared-call.h"

#define DEFAULT_LABEL "default"
enum { PROGRESS_INTERVAL = 500 };

typedef struct {
    BusClient *client;
    GMainLoop *loop;
    char *label;
    Stream *stream;
    gint64 began;
    bool from_terminal, to_terminal;
    GError *error;
    GCancellable *interrupted;
} Pipe;

static gboolean option_listen, option_service;

const GOptionEntry pipe_options[] = {
    {"listen", 'l', 0, G_OPTION_ARG_NONE, &option_listen,
     N_("Wait for a pipe with this label from any peer"), NULL},
    {"service", 's', 0, G_OPTION_ARG_NONE, &option_service,
     N_("LABEL is a service that the peer has declared"), NULL},
    {},
};

static gboolean on_interrupt(gpointer data)
{
    Pipe *pipe = data;

    g_cancellable_cancel(pipe->interrupted);
    g_main_loop_quit(pipe->loop);
    return G_SOURCE_CONTINUE;
}

static void show_progress(const Pipe *pipe)
{
    gint64 elapsed = MAX(g_get_monotonic_time() - pipe->began, 1);
    guint64 sent = stream_sent(pipe->stream), received = stream_received(pipe->stream);
    g_autofree char *out = g_format_size(sent);
    g_autofree char *in = g_format_size(received);
    g_autofree char *rate = g_format_size((guint64) ((double) (sent + received) *
                                                     G_USEC_PER_SEC / (double) elapsed));

    g_printerr("\r\033[K");
    g_printerr(_("sent %s, received %s, %s/s"), out, in, rate);
}

/* What is typed or comes on the same terminal would be written over. */
static bool progress_fits(const Pipe *pipe)
{
    return !pipe->to_terminal || (!pipe->from_terminal && stream_sent(pipe->stream) > 0 &&
                                  stream_received(pipe->stream) == 0);
}

static gboolean on_progress(gpointer data)
{
    Pipe *pipe = data;

    if (progress_fits(pipe))
        show_progress(pipe);
    return G_SOURCE_CONTINUE;
}

static void on_done(Stream *stream, const GError *error, gpointer data)
{
    Pipe *pipe = data;

    if (error)
        pipe->error = g_error_copy(error);
    g_main_loop_quit(pipe->loop);
}

static void pipe_start(Pipe *pipe, int fd, gsize max_packet)
{
    pipe->began = g_get_monotonic_time();
    pipe->stream = stream_new(fd, max_packet, STDIN_FILENO, STDOUT_FILENO, on_done, pipe);
}

/* ---- listening ------------------------------------------------------------------ */

/* Another listener may have been first; one that could take none must not look like waiting. */
static void pipe_pass(const Pipe *pipe, const GError *error)
{
    g_autofree char *why = client_explain(pipe->client, &peer_service, error);

    client_complain(_("a pipe has come, but cannot be had: %s; waiting for another one"), why);
}

static void pipe_offer(Pipe *pipe, const char *path, GVariant *interfaces)
{
    g_autoptr(GVariant) dict =
        g_variant_lookup_value(interfaces, CHANNEL_INTERFACE, G_VARIANT_TYPE_VARDICT);
    g_autoptr(GError) error = NULL;
    gsize max_packet;
    int fd;

    if (pipe->stream || !dict || strcmp(dict_string(dict, "Label"), pipe->label) != 0 ||
        strcmp(dict_string(dict, "Direction"), "incoming") != 0 ||
        strcmp(dict_string(dict, "Protocol"), STREAM_PROTOCOL) != 0)
        return;
    fd = channel_acquire(pipe->client, path, &max_packet, &error);
    if (fd >= 0)
        pipe_start(pipe, fd, max_packet);
    else
        pipe_pass(pipe, error);
}

static void on_interfaces_added(GDBusConnection *bus, const char *sender, const char *object,
                                const char *interface, const char *signal, GVariant *parameters,
                                gpointer data)
{
    g_autoptr(GVariant) interfaces = NULL;
    const char *path;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oa{sa{sv}})")))
        return;
    g_variant_get(parameters, "(&o@a{sa{sv}})", &path, &interfaces);
    pipe_offer(data, path, interfaces);
}

static bool pipe_listen(Pipe *pipe, GError **error)
{
    g_autoptr(GVariant) reply = client_call(
        pipe->client, &peer_service, PEER_OBJECT_PATH, "org.freedesktop.DBus.ObjectManager",
        "GetManagedObjects", NULL, "(a{oa{sa{sv}}})", ACT, error);
    g_autoptr(GVariantIter) objects = NULL;
    GVariant *interfaces;
    const char *path;

    if (!reply || !client_may_act(pipe->client, error))
        return false;
    g_variant_get(reply, "(a{oa{sa{sv}}})", &objects);
    while (g_variant_iter_next(objects, "{&o@a{sa{sv}}}", &path, &interfaces)) {
        pipe_offer(pipe, path, interfaces);
        g_variant_unref(interfaces);
    }
    return true;
}

/* ---- the command ------------------------------------------------------------------ */

static int pipe_report(const Pipe *pipe)
{
    if (g_cancellable_is_cancelled(pipe->interrupted))
        client_complain(_("interrupted; not everything has arrived"));
    else if (pipe->error)
        client_complain("%s", pipe->error->message);
    else
        return EXIT_SUCCESS;
    return EXIT_FAILURE;
}

static int pipe_transfer(Pipe *pipe)
{
    guint progress = 0;

    if (isatty(STDERR_FILENO) && pipe->stream)
        progress = g_timeout_add(PROGRESS_INTERVAL, on_progress, pipe);
    if (!g_cancellable_is_cancelled(pipe->interrupted))
        g_main_loop_run(pipe->loop);
    if (progress) {
        g_source_remove(progress);
        if (progress_fits(pipe)) {
            show_progress(pipe);
            g_printerr("\n");
        }
    }
    return pipe_report(pipe);
}

static int run_listening(Pipe *pipe)
{
    g_autoptr(GError) error = NULL;
    int status;
    guint watch = g_dbus_connection_signal_subscribe(
        pipe->client->bus, PEER_BUS_NAME, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded",
        PEER_OBJECT_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_interfaces_added, pipe, NULL);

    if (pipe_listen(pipe, &error)) {
        while (!pipe->stream && !g_cancellable_is_cancelled(pipe->interrupted))
            g_main_context_iteration(NULL, TRUE);
        status = pipe->stream ? pipe_transfer(pipe) : pipe_report(pipe);
    } else {
        status = client_fail(pipe->client, &peer_service, error);
    }
    g_dbus_connection_signal_unsubscribe(pipe->client->bus, watch);
    return status;
}

static int run_calling(Pipe *pipe, const char *peer)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SharedCall) shared = shared_call_open(pipe->client, peer, pipe->interrupted, &error);
    gsize max_packet;
    int fd, status;

    if (g_cancellable_is_cancelled(pipe->interrupted))
        return pipe_report(pipe);
    if (!shared)
        return client_fail(pipe->client, &peer_service, error);
    fd = shared_call_open_stream(shared, pipe->label, &max_packet, &error);
    if (fd < 0)
        return client_fail(pipe->client, &peer_service, error);
    pipe_start(pipe, fd, max_packet);
    status = pipe_transfer(pipe);
    g_clear_pointer(&pipe->stream, stream_free);
    return status;
}

int pipe_check(char **arguments)
{
    guint n = g_strv_length(arguments);

    if (option_listen && option_service)
        return client_usage(_("--listen and --service exclude each other"));
    if (option_listen && n > 1)
        return client_usage(_("with --listen there is only a LABEL: the peer calls"));
    if (!option_listen && n == 0)
        return client_usage(_("pipe: a peer is missing, or --listen"));
    if (option_service && n != 2)
        return client_usage(_("--service wants a peer and the name of a service"));
    return 0;
}

int pipe_run(BusClient *client, char **arguments)
{
    Pipe pipe = {.client = client,
                 .loop = g_main_loop_new(NULL, FALSE),
                 .interrupted = g_cancellable_new(),
                 .from_terminal = isatty(STDIN_FILENO),
                 .to_terminal = isatty(STDOUT_FILENO)};
    const char *label = option_listen ? arguments[0] : arguments[1];
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, &pipe),
        g_unix_signal_add(SIGTERM, on_interrupt, &pipe),
    };
    int status;

    signal(SIGPIPE, SIG_IGN); /* an output that is gone is an error like any other */
    pipe.label = g_strconcat(option_service ? STREAM_SERVICE_PREFIX : STREAM_PIPE_PREFIX,
                             label ? label : DEFAULT_LABEL, NULL);
    status = option_listen ? run_listening(&pipe) : run_calling(&pipe, arguments[0]);
    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
    g_clear_pointer(&pipe.stream, stream_free);
    g_main_loop_unref(pipe.loop);
    g_object_unref(pipe.interrupted);
    g_clear_error(&pipe.error);
    g_free(pipe.label);
    return status;
}
