/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "send": files and folders to "receive" at a peer (files/file-sender). It calls,
 * opens a channel and offers; when the channel or the call is cut it does so
 * again, for ever, and goes on where it was.
 */

#include <config.h>

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/names.h"
#include "ctl/command.h"
#include "ctl/file-list.h"
#include "ctl/incoming.h"
#include "ctl/progress.h"
#include "ctl/shared-call.h"
#include "ctl/text.h"
#include "files/file-sender.h"

/* Seconds until a cut call is tried again: twice as many each time */
enum { REST = 1, REST_MAX = 15 };
/* So long, in ms, the other side may take to answer before we say what it has to run */
enum { HINT_TIME = 1000 };

typedef enum {
    SEND_CALLING,
    SEND_OPENING,      /* a channel */
    SEND_TRANSFERRING, /* or waiting for somebody to receive */
    SEND_RESTING,      /* before it calls again */
    SEND_SETTLING,     /* the last words are on their way */
    SEND_ENDED,
} SendState;

typedef struct {
    BusClient *client;
    GMainLoop *loop;
    const char *peer;
    SendState state;
    SharedCall *call; /* NULL: there is none */
    FileSource *source;
    FileSender *sender;
    guint left_out, done, failed;
    guint rest; /* seconds, the next time */
    guint timer, hint;
    bool connected_once;
    bool waits; /* and has said so */
    Progress *progress;
    gint64 began;
    int status; /* of the program */
} Send;

static void send_enter_state(Send *send, SendState state)
{
    static const char *const names[] = {"calling", "opening",  "transferring",
                                        "resting", "settling", "ended"};

    g_debug("send: %s -> %s", names[send->state], names[state]);
    send->state = state;
}

/* ---- what is said ---------------------------------------------------------------------- */

static void G_GNUC_PRINTF(2, 3) send_complain(const Send *send, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    if (send->progress)
        progress_clear(send->progress);
    client_complain("%s", text);
}

static void print_file(const Send *send, guint number, const char *why)
{
    g_autofree char *path = file_source_path(send->source, number);
    const FileSourceEntry *entry = file_source_entry(send->source, number);

    if (send->client->json) {
        file_to_json(path, entry->size, NULL, why);
    } else if (why) {
        send_complain(send, "%s: %s", path, why);
    } else if (!entry->folder) {
        progress_clear(send->progress);
        file_print(path, entry->size);
    }
}

static ProgressPlace where(gpointer data)
{
    const Send *send = data;

    return (ProgressPlace){file_sender_path(send->sender), file_sender_position(send->sender),
                           file_source_bytes(send->source)};
}

static gboolean on_hint(gpointer data)
{
    Send *send = data;

    send->hint = 0;
    send->waits = true;
    incoming_hint(send->client, "receive --from", true, NULL);
    return G_SOURCE_REMOVE;
}

/* ---- one step after the other ------------------------------------------------------------ */

static void on_settled(gpointer data)
{
    Send *send = data;

    send_enter_state(send, SEND_ENDED);
    g_main_loop_quit(send->loop);
}

static void send_end(Send *send, int status)
{
    send->status = status;
    g_clear_handle_id(&send->timer, g_source_remove);
    g_clear_handle_id(&send->hint, g_source_remove);
    g_clear_pointer(&send->progress, progress_free);
    send_enter_state(send, SEND_SETTLING);
    if (send->call)
        shared_call_settle(send->call, on_settled, send);
    else
        on_settled(send);
}

static void send_fail(Send *send, const GError *error)
{
    g_autofree char *text = client_explain(send->client, &peer_service, error);

    send_complain(send, "%s", text);
    send_end(send, EXIT_FAILURE);
}

static void send_begin(Send *send);

static gboolean on_rested(gpointer data)
{
    Send *send = data;

    send->timer = 0;
    send_begin(send);
    return G_SOURCE_REMOVE;
}

static void send_rest(Send *send)
{
    if (send->state >= SEND_RESTING)
        return;
    send_enter_state(send, SEND_RESTING);
    send->timer = clock_timer_add(send->rest * 1000, on_rested, send);
    send->rest = MIN(2 * send->rest, REST_MAX);
}

static void on_opened(int fd, gsize max_packet, const GError *error, gpointer data)
{
    Send *send = data;

    if (send->state != SEND_OPENING) { /* interrupted, or cut meanwhile */
        if (fd >= 0)
            close(fd);
    } else if (fd < 0) {
        g_debug("send: %s", error->message);
        send_rest(send);
    } else {
        send_enter_state(send, SEND_TRANSFERRING);
        if (!send->waits && send->hint == 0)
            send->hint = clock_timer_add(HINT_TIME, on_hint, send);
        file_sender_attach(send->sender, fd, max_packet);
    }
}

static void on_call_connected(gpointer data)
{
    Send *send = data;

    send->connected_once = true;
    send_enter_state(send, SEND_OPENING);
    shared_call_open(send->call, FILES_LABEL, FILES_PROTOCOL, on_opened, send);
}

/* The channel ends with it, which the sender finds out by itself. */
static void on_call_ended(const GError *error, gpointer data)
{
    Send *send = data;

    g_clear_pointer(&send->call, shared_call_free);
    if (!send->connected_once)
        send_fail(send, error);
    else if (send->state < SEND_TRANSFERRING)
        send_rest(send);
}

static const SharedCallOps call_ops = {
    .connected = on_call_connected,
    .ended = on_call_ended,
};

/* Another channel of the call, or another call. */
static void send_begin(Send *send)
{
    g_autoptr(GError) error = NULL;

    if (send->call && shared_call_is_connected(send->call)) {
        on_call_connected(send);
        return;
    }
    send_enter_state(send, SEND_CALLING);
    g_clear_pointer(&send->call, shared_call_free);
    send->call = shared_call_new(send->client, send->peer, &call_ops, send, &error);
    if (send->call)
        return;
    g_debug("send: %s", error->message);
    if (send->connected_once)
        send_rest(send);
    else
        send_fail(send, error);
}

/* ---- what the sender tells ------------------------------------------------------------------ */

static void on_asking(gpointer data)
{
    Send *send = data;

    g_clear_handle_id(&send->hint, g_source_remove);
    send->waits = true;
    if (!send->client->json && isatty(STDERR_FILENO))
        g_printerr(_("Somebody is asked over there.\n"));
}

static void on_accepted(gpointer data)
{
    Send *send = data;

    g_clear_handle_id(&send->hint, g_source_remove);
    send->waits = true;
    send->rest = REST;
    if (send->began == 0)
        send->began = clock_monotonic();
    progress_pause(send->progress, false);
}

static void on_done(guint number, gpointer data)
{
    Send *send = data;

    send->done++;
    print_file(send, number, NULL);
}

static void on_failed(guint number, const char *why, bool theirs, gpointer data)
{
    Send *send = data;

    send->failed++;
    print_file(send, number, why);
}

static void on_restarted(guint number, gpointer data)
{
    Send *send = data;
    g_autofree char *path = file_source_path(send->source, number);

    send_complain(send, _("%s: what is there of it is of another one; from the beginning"), path);
}

static void on_cut(gpointer data)
{
    Send *send = data;

    progress_pause(send->progress, true);
    if (send->call && shared_call_is_connected(send->call))
        send->rest = REST; /* nobody has received it until now */
    if (file_sender_was_accepted(send->sender) && send->state == SEND_TRANSFERRING)
        send_complain(send, _("cut off; it goes on when %s is there again"), send->peer);
    send_rest(send);
}

static void print_sum(const Send *send, const GError *error)
{
    guint failed = send->failed + send->left_out;
    guint64 moved = file_sender_moved(send->sender);
    gint64 elapsed = send->began ? clock_monotonic() - send->began : 0;

    if (send->client->json)
        files_sum_to_json(send->done, failed, moved, error ? error->message : NULL);
    else if (!error)
        files_print_sum(send->done, 0, failed, moved, elapsed);
}

static void on_ended(const GError *error, gpointer data)
{
    Send *send = data;
    bool good = !error && send->failed + send->left_out == 0;

    progress_pause(send->progress, true);
    if (error)
        send_complain(send, "%s: %s", send->peer, error->message);
    print_sum(send, error);
    send_end(send, good ? EXIT_SUCCESS : EXIT_FAILURE);
}

static const FileSenderOps sender_ops = {
    .asking = on_asking,
    .accepted = on_accepted,
    .done = on_done,
    .failed = on_failed,
    .restarted = on_restarted,
    .cut = on_cut,
    .ended = on_ended,
};

/* ---- the command ------------------------------------------------------------------------------ */

static gboolean on_interrupt(gpointer data)
{
    Send *send = data;

    if (send->state >= SEND_SETTLING) { /* once more: at once */
        g_main_loop_quit(send->loop);
        return G_SOURCE_CONTINUE;
    }
    file_sender_cancel(send->sender, _("interrupted over there"));
    send_complain(send, _("interrupted; what is there stays there, and \"rtcbusctl send\" of the "
                          "same goes on"));
    send_end(send, EXIT_FAILURE);
    return G_SOURCE_CONTINUE;
}

static void on_left_out(const char *why, gpointer data)
{
    ((Send *) data)->left_out++;
    client_complain("%s", why);
}

/* The peer is the last argument. */
static FileSource *find_files(Send *send, char **arguments, GError **error)
{
    guint n = g_strv_length(arguments) - 1;
    g_autofree char **names = g_memdup2(arguments, (n + 1) * sizeof *arguments);
    FileSource *source;

    names[n] = NULL;
    source = file_source_new(names, on_left_out, send, error);
    if (!source || file_source_count(source) > 0)
        return source;
    file_source_free(source);
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, _("there is nothing to send"));
    return NULL;
}

static void send_run_loop(Send *send)
{
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, send),
        g_unix_signal_add(SIGTERM, on_interrupt, send),
    };

    send_begin(send);
    if (send->state != SEND_ENDED)
        g_main_loop_run(send->loop);
    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
}

int send_run(BusClient *client, char **arguments)
{
    Send send = {.client = client,
                 .peer = arguments[g_strv_length(arguments) - 1],
                 .rest = REST,
                 .status = EXIT_FAILURE};
    g_autoptr(GError) error = NULL;

    send.source = find_files(&send, arguments, &error);
    if (!send.source) {
        client_complain("%s", error->message);
        return EXIT_FAILURE;
    }
    send.loop = g_main_loop_new(NULL, FALSE);
    send.sender = file_sender_new(send.source, send.left_out, &sender_ops, &send);
    send.progress = progress_new(!client->json, where, &send);
    send_run_loop(&send);
    g_clear_pointer(&send.progress, progress_free);
    shared_call_free(send.call);
    file_sender_free(send.sender);
    file_source_free(send.source);
    g_main_loop_unref(send.loop);
    return send.status;
}
