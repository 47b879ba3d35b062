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

#include "common/clock.h"
#include "common/fingerprint.h"
#include "common/stream.h"
#include "ctl/command.h"
#include "ctl/incoming.h"
#include "ctl/shared-call.h"
#include "ctl/text.h"

#define DEFAULT_LABEL "default"
enum { PROGRESS_INTERVAL = 500 };

typedef enum {
    PIPE_WAITING, /* for the call, or for a channel of the peer's */
    PIPE_OPENING, /* our channel */
    PIPE_TRANSFERRING,
    PIPE_SETTLING, /* the last bytes are on their way */
    PIPE_ENDED,
} PipeState;

typedef struct {
    BusClient *client;
    GMainLoop *loop;
    PipeState state;
    char *label;
    SharedCall *call; /* NULL: the peer calls */
    Stream *stream;
    gint64 began;
    guint progress, hint; /* timers */
    bool from_terminal, to_terminal;
    int status; /* of the program */
} Pipe;

/* So long, in ms, the other side may take to answer before we say what it has to run */
enum { HINT_TIME = 1000 };

static gboolean option_listen, option_service, option_anyone;
static char *option_from;

const GOptionEntry pipe_options[] = {
    {"listen", 'l', 0, G_OPTION_ARG_NONE, &option_listen,
     N_("Wait for a pipe with this label from a peer that is known"), NULL},
    {"from", 'f', 0, G_OPTION_ARG_STRING, &option_from, N_("With --listen: from this peer alone"),
     N_("PEER")},
    {"anyone", 0, 0, G_OPTION_ARG_NONE, &option_anyone,
     N_("With --listen: also from peers that are not known"), NULL},
    {"service", 's', 0, G_OPTION_ARG_NONE, &option_service,
     N_("LABEL is a service that the peer has declared"), NULL},
    {},
};

static void show_progress(const Pipe *pipe)
{
    gint64 elapsed = MAX(clock_monotonic() - pipe->began, 1);
    guint64 sent = stream_sent(pipe->stream), received = stream_received(pipe->stream);
    g_autofree char *out = g_format_size(sent);
    g_autofree char *in = g_format_size(received);
    g_autofree char *rate =
        g_format_size((guint64) ((double) (sent + received) * G_USEC_PER_SEC / (double) elapsed));

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

/* ---- one step after the other ---------------------------------------------------- */

static void pipe_enter_state(Pipe *pipe, PipeState state)
{
    static const char *const names[] = {"waiting", "opening", "transferring", "settling", "ended"};

    g_debug("pipe: %s -> %s", names[pipe->state], names[state]);
    pipe->state = state;
}

static void on_settled(gpointer data)
{
    Pipe *pipe = data;

    pipe_enter_state(pipe, PIPE_ENDED);
    g_main_loop_quit(pipe->loop);
}

static void end_progress(Pipe *pipe)
{
    if (pipe->progress == 0)
        return;
    g_clear_handle_id(&pipe->progress, g_source_remove);
    if (progress_fits(pipe)) {
        show_progress(pipe);
        g_printerr("\n");
    }
}

static void pipe_end(Pipe *pipe, int status)
{
    pipe->status = status;
    g_clear_handle_id(&pipe->hint, g_source_remove);
    g_clear_pointer(&pipe->stream, stream_free);
    pipe_enter_state(pipe, PIPE_SETTLING);
    if (pipe->call)
        shared_call_settle(pipe->call, on_settled, pipe);
    else
        on_settled(pipe);
}

static void on_done(Stream *stream, const GError *error, gpointer data)
{
    end_progress(data);
    if (error)
        client_complain("%s", error->message);
    pipe_end(data, error ? EXIT_FAILURE : EXIT_SUCCESS);
}

static gboolean on_interrupt(gpointer data)
{
    Pipe *pipe = data;

    if (pipe->state >= PIPE_SETTLING)
        return G_SOURCE_CONTINUE;
    end_progress(pipe);
    client_complain(_("interrupted; not everything has arrived"));
    pipe_end(pipe, EXIT_FAILURE);
    return G_SOURCE_CONTINUE;
}

static void pipe_start(Pipe *pipe, int fd, gsize max_packet)
{
    pipe_enter_state(pipe, PIPE_TRANSFERRING);
    pipe->began = clock_monotonic();
    pipe->stream = stream_new(fd, max_packet, STDIN_FILENO, STDOUT_FILENO, on_done, pipe);
    if (isatty(STDERR_FILENO))
        pipe->progress = clock_timer_add(PROGRESS_INTERVAL, on_progress, pipe);
}

/* The label as it was given; NULL for the one that need not be */
static const char *given_label(const Pipe *pipe)
{
    const char *label = pipe->label + strlen(STREAM_PIPE_PREFIX);

    return strcmp(label, DEFAULT_LABEL) == 0 ? NULL : label;
}

/* ---- listening ------------------------------------------------------------------ */

/* Another listener may have been first; one that could take none must not look like waiting. */
static void pipe_pass(const Pipe *pipe, const GError *error)
{
    g_autofree char *why = client_explain(pipe->client, &peer_service, error);

    client_complain(_("a pipe has come, but cannot be had: %s; waiting for another one"), why);
}

/* Whose bytes they are, for what is done with them is done in our name. */
static void pipe_announce(const IncomingChannel *channel)
{
    g_autofree char *name = text_safe(channel->name);
    g_autofree char *word = fingerprint_word(channel->fingerprint);

    client_complain(channel->known ? _("connected with %s, whose key is %s")
                                   : _("connected with somebody who is not known and calls itself "
                                       "%s, with the key %s"),
                    name, word);
}

static void pipe_refuse(int fd, const IncomingChannel *channel)
{
    g_autofree char *text = incoming_explain_unknown(channel);

    client_complain("%s", text);
    stream_refuse(fd, STREAM_NOT_KNOWN);
}

static void on_found(const IncomingChannel *channel, gpointer data)
{
    Pipe *pipe = data;
    IncomingVerdict verdict = incoming_judge(channel, option_from, option_anyone);
    g_autoptr(GError) error = NULL;
    gsize max_packet;
    int fd;

    if (pipe->state != PIPE_WAITING || verdict == INCOMING_OTHER)
        return;
    fd = channel_acquire(pipe->client, channel->path, &max_packet, &error);
    if (fd < 0) {
        pipe_pass(pipe, error);
    } else if (verdict == INCOMING_UNKNOWN) {
        pipe_refuse(fd, channel);
    } else {
        pipe_announce(channel);
        pipe_start(pipe, fd, max_packet);
        stream_greet(pipe->stream);
    }
}

static int run_listening(Pipe *pipe)
{
    g_autoptr(GError) error = NULL;
    IncomingWatch *watch =
        incoming_watch_new(pipe->client, STREAM_PROTOCOL, pipe->label, on_found, pipe);

    if (incoming_watch_begin(watch, &error)) {
        if (pipe->state == PIPE_WAITING)
            incoming_hint(pipe->client, "pipe", true, given_label(pipe));
        g_main_loop_run(pipe->loop);
    } else {
        pipe->status = client_fail(pipe->client, &peer_service, error);
    }
    incoming_watch_free(watch);
    return pipe->status;
}

/* ---- calling ---------------------------------------------------------------------- */

static gboolean on_hint(gpointer data)
{
    Pipe *pipe = data;

    pipe->hint = 0;
    if (!stream_is_answered(pipe->stream))
        incoming_hint(pipe->client, "pipe --listen --from", true, given_label(pipe));
    return G_SOURCE_REMOVE;
}

static void on_opened(int fd, gsize max_packet, const GError *error, gpointer data)
{
    Pipe *pipe = data;

    if (pipe->state != PIPE_OPENING) { /* interrupted */
        if (fd >= 0)
            close(fd);
        return;
    }
    if (fd < 0) {
        pipe_end(pipe, client_fail(pipe->client, &peer_service, error));
        return;
    }
    pipe_start(pipe, fd, max_packet);
    if (!option_service)
        pipe->hint = clock_timer_add(HINT_TIME, on_hint, pipe);
}

static void on_call_connected(gpointer data)
{
    Pipe *pipe = data;

    pipe_enter_state(pipe, PIPE_OPENING);
    shared_call_open(pipe->call, pipe->label, STREAM_PROTOCOL, on_opened, pipe);
}

/* Later, whoever waits for the channel or for the stream hears of it, too. */
static void on_call_ended(const GError *error, gpointer data)
{
    Pipe *pipe = data;

    if (pipe->state == PIPE_WAITING)
        pipe_end(pipe, client_fail(pipe->client, &peer_service, error));
}

static const SharedCallOps call_ops = {
    .connected = on_call_connected,
    .ended = on_call_ended,
};

static int run_calling(Pipe *pipe, const char *peer)
{
    g_autoptr(GError) error = NULL;

    pipe->call = shared_call_new(pipe->client, peer, &call_ops, pipe, &error);
    if (!pipe->call)
        return client_fail(pipe->client, &peer_service, error);
    g_main_loop_run(pipe->loop);
    shared_call_free(pipe->call);
    return pipe->status;
}

/* ---- the command ------------------------------------------------------------------ */

int pipe_check(char **arguments)
{
    guint n = g_strv_length(arguments);

    if (option_listen && option_service)
        return client_usage(_("--listen and --service exclude each other"));
    if (!option_listen && (option_from || option_anyone))
        return client_usage(_("--from and --anyone belong to --listen"));
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
    g_main_loop_unref(pipe.loop);
    g_free(pipe.label);
    return status;
}
