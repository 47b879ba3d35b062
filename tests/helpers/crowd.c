/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * crowd URL PEER COUNT: COUNT listeners in one process, each with a connection
 * to the relay and one to PEER, who is called by all of them. They are what
 * the first clients of rtcbus were: no ids, no rooms, no names.
 *
 * Prints "connected N MILLISECONDS" when the last of N has its channel, and on
 * SIGUSR1 "received TOTAL LEAST MOST GAP" of the numbers since it was last
 * asked, GAP being the longest pause in milliseconds that a listener has seen.
 * Ends on SIGTERM. Anything that goes wrong is a line of its own.
 */

#include <config.h>

#include <glib-unix.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "signaling/frame.h"
#include "peer/signaling/websocket.h"
#include "rtc/dtls/certificate.h"
#include "rtc/connection.h"

enum { AT_ONCE = 8 }; /* calls that are being set up */

typedef struct {
    Websocket *socket;
    Connection *connection;
    char *session, *emitter;
    bool open;
    guint received;
    gint64 heard, gap; /* microseconds */
} Listener;

static const char *url, *peer;
static Certificate *certificate;
static Listener *listeners;
static guint count, begun, open_count;
static gint64 start;

static void begin_next(void);

static void send_frame(Listener *listener, Frame *frame)
{
    g_autofree char *text = NULL;

    frame->to = g_strdup(listener->emitter ? listener->emitter : peer);
    frame->session = g_strdup(listener->session);
    text = frame_write(frame);
    websocket_send(listener->socket, text);
}

/* ---- the call --------------------------------------------------------------- */

static void on_description(Connection *connection, const char *type, const char *sdp, gpointer data)
{
    g_autoptr(Frame) frame = frame_new(FRAME_ANSWER);

    frame->sdp = g_strdup(sdp);
    send_frame(data, frame);
}

static void on_candidate(Connection *connection, const IceCandidateInit *candidate, gpointer data)
{
    g_autoptr(Frame) frame = frame_new(FRAME_CANDIDATE);

    if (candidate) {
        frame->candidate = g_strdup(candidate->candidate);
        frame->mid = g_strdup(candidate->mid);
        frame->mline_index = candidate->mline_index;
        frame->ufrag = g_strdup(candidate->ufrag);
    }
    send_frame(data, frame);
}

static void on_state(Connection *connection, ConnectionState state, const GError *reason,
                     gpointer data)
{
    if (state >= CONNECTION_FAILED)
        printf("listener %s %s: %s\n", ((Listener *) data)->session,
               connection_state_to_string(state), reason ? reason->message : "");
}

static void on_number(Channel *channel, MessageKind kind, const guint8 *bytes, gsize length,
                      gpointer data)
{
    Listener *listener = data;
    gint64 now = g_get_monotonic_time();

    if (listener->heard && now - listener->heard > listener->gap)
        listener->gap = now - listener->heard;
    listener->heard = now;
    listener->received++;
}

static void on_channel_state(Channel *channel, ChannelState state, const GError *reason,
                             gpointer data)
{
    Listener *listener = data;

    if (state != CHANNEL_OPEN || listener->open)
        return;
    listener->open = true;
    if (++open_count == count)
        printf("connected %u %" PRId64 "\n", count, (g_get_monotonic_time() - start) / 1000);
    begin_next();
}

static const ChannelOps channel_ops = {.state = on_channel_state, .message = on_number};

static void on_channel(Connection *connection, Channel *channel, gpointer data)
{
    channel_attach(channel, &channel_ops, data);
    if (channel_state(channel) == CHANNEL_OPEN)
        on_channel_state(channel, CHANNEL_OPEN, NULL, data);
}

static const ConnectionOps connection_ops = {
    .description = on_description,
    .candidate = on_candidate,
    .state = on_state,
    .channel = on_channel,
};

static void take_frame(Listener *listener, const Frame *frame)
{
    IceCandidateInit candidate = {frame->candidate, frame->mid, frame->mline_index, frame->ufrag};
    ConnectionConfig config = {.certificate = certificate};
    g_autoptr(GError) error = NULL;

    if (frame->type == FRAME_OFFER && !listener->connection) {
        listener->emitter = g_strdup(frame->from);
        listener->connection = connection_new(&config, &connection_ops, listener, NULL);
        connection_set_remote(listener->connection, "offer", frame->sdp, &error);
    } else if (frame->type == FRAME_CANDIDATE && listener->connection) {
        connection_add_candidate(listener->connection, frame->candidate ? &candidate : NULL,
                                 &error);
    }
    if (error)
        printf("listener %s: %s\n", listener->session, error->message);
}

/* ---- the relay -------------------------------------------------------------- */

static void on_open(Websocket *socket, const char *protocol, gpointer data)
{
    g_autoptr(Frame) frame = frame_new(FRAME_CALL);

    frame->channel_id = g_strdup("crowd");
    send_frame(data, frame);
}

static void on_text(Websocket *socket, const char *text, gsize length, gpointer data)
{
    Listener *listener = data;
    g_autoptr(Frame) frame = frame_parse(text, length, NULL);

    if (frame && g_strcmp0(frame->session, listener->session) == 0)
        take_frame(listener, frame);
}

static void on_closed(Websocket *socket, const WebsocketFailure *failure, gpointer data)
{
    printf("listener %s: %s\n", ((Listener *) data)->session, failure->message);
}

static const WebsocketOps websocket_ops = {.open = on_open, .text = on_text, .closed = on_closed};

static void begin_next(void)
{
    while (begun < count && begun < open_count + AT_ONCE) {
        Listener *listener = &listeners[begun++];

        listener->session = g_strdup_printf("crowd-%d-%u", (int) getpid(), begun);
        listener->socket = websocket_new(url, &(UpgradeOffer){}, &websocket_ops, listener);
    }
}

/* ---- being asked ------------------------------------------------------------- */

static gboolean on_ask(gpointer data)
{
    guint total = 0, least = G_MAXUINT, most = 0;
    gint64 gap = 0;

    for (guint i = 0; i < count; i++) {
        Listener *listener = &listeners[i];

        total += listener->received;
        least = MIN(least, listener->received);
        most = MAX(most, listener->received);
        gap = MAX(gap, listener->gap);
        listener->received = 0;
        listener->gap = 0;
    }
    printf("received %u %u %u %" PRId64 "\n", total, least, most, gap / 1000);
    return G_SOURCE_CONTINUE;
}

static gboolean on_stop(gpointer data)
{
    g_main_loop_quit(data);
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

    if (argc != 4 || (count = atoi(argv[3])) == 0)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    url = argv[1];
    peer = argv[2];
    listeners = g_new0(Listener, count);
    certificate = certificate_generate("crowd", NULL);
    start = g_get_monotonic_time();
    begin_next();
    g_unix_signal_add(SIGUSR1, on_ask, NULL);
    g_unix_signal_add(SIGTERM, on_stop, loop);
    g_main_loop_run(loop);
    for (guint i = 0; i < begun; i++) {
        websocket_free(listeners[i].socket);
        connection_free(listeners[i].connection);
    }
    connection_drain(2000);
    certificate_unref(certificate);
    return 0;
}
