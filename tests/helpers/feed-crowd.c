/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Very many peers in one process, each with a connection to the relay, a key and a feed of its
 * own, and without a store: whoever they talk to is what is looked at.
 *
 *   feed-crowd URL COUNT         emitters, box-PID-1 and so on, that wait to be called; a minute
 *                                after all have been, each publishes a reading, and then each minute
 *   feed-crowd URL COUNT PEER    listeners that call PEER
 *
 * Prints "open COUNT" when the feeds of all are open, also after all have been called again, and
 * on SIGUSR1 "readings TOTAL LEAST MOST" that listeners have got since it was last asked. Ends on
 * SIGTERM. Anything that goes wrong is a line of its own.
 */

#include <config.h>

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "feed-source.h"
#include "peer/readings/feed-receiver.h"
#include "peer/signaling/websocket.h"
#include "rtc/connection.h"
#include "signaling/frame.h"

enum {
    AT_ONCE = 16,       /* connections that are being set up */
    MINUTE = 60 * 1000, /* milliseconds */
    KEEP_ALIVE = 25,
};

typedef struct {
    guint number;
    Websocket *socket;
    Certificate *certificate;
    Connection *connection;
    char *session, *remote;
    Channel *feed;
    FeedSender *sender;
    FeedReceiver *receiver;
    bool open; /* the feed */
    guint readings;
} Member;

static struct {
    const char *url, *peer; /* peer NULL: emitters */
    Member *members;
    guint count, begun, ready, open;
    guint next; /* whose reading of this minute goes out next */
    guint64 published;
} crowd;

static void begin_next(void);

static void send_frame(Member *member, Frame *frame)
{
    g_autofree char *text = NULL;

    frame->to = g_strdup(member->remote ? member->remote : crowd.peer);
    frame->session = g_strdup(member->session);
    text = frame_write(frame);
    websocket_send(member->socket, text);
    frame_free(frame);
}

static void complain(const Member *member, const char *what)
{
    printf("member %u: %s\n", member->number, what);
}

static void on_broken(const char *why, gpointer data)
{
    complain(data, why);
}

/* ---- the feed --------------------------------------------------------------- */

static bool send_message(const guint8 *bytes, gsize length, gpointer data)
{
    Member *member = data;

    return member->feed && channel_send(member->feed, MESSAGE_BINARY, bytes, length, NULL);
}

static bool on_writable(gpointer data)
{
    const Member *member = data;

    return member->feed && !channel_is_congested(member->feed);
}

static gboolean on_sender_turn(gpointer data)
{
    Member *member = data;

    if (member->sender)
        feed_sender_wake(member->sender);
    return G_SOURCE_REMOVE;
}

static void on_later(gpointer data)
{
    g_idle_add(on_sender_turn, data);
}

static const FeedSenderOps sender_ops = {
    .is_writable = on_writable, .send = send_message, .later = on_later, .broken = on_broken};

static bool on_place(char epoch[RANDOM_ID_LENGTH + 1], guint64 *sequence, gpointer data)
{
    return false;
}

static void on_store(const FeedBatch *batch, gpointer data)
{
    Member *member = data;

    member->readings += batch->count;
    feed_receiver_stored(member->receiver, true);
}

static void on_answer(const guint8 *bytes, gsize length, gpointer data)
{
    send_message(bytes, length, data);
}

static void on_wait(guint milliseconds, gpointer data)
{
}

static const FeedReceiverOps receiver_ops = {
    .place = on_place, .store = on_store, .send = on_answer, .wait = on_wait, .broken = on_broken};

static gboolean on_reading_due(gpointer data)
{
    Member *member = &crowd.members[crowd.next++ % crowd.count];

    if (crowd.next % crowd.count == 1 || crowd.count == 1) {
        feed_source_publish(crowd.published++);
        feed_source_commit();
    }
    if (member->sender)
        feed_sender_wake(member->sender);
    return G_SOURCE_CONTINUE;
}

static void note_open(Member *member)
{
    static guint timer;

    if (member->open)
        return;
    member->open = true;
    if (++crowd.open < crowd.count)
        return;
    printf("open %u\n", crowd.open);
    if (!crowd.peer && timer == 0)
        timer = g_timeout_add(MAX(1, MINUTE / crowd.count), on_reading_due, NULL);
}

static void on_feed_state(Channel *channel, ChannelState state, const GError *reason, gpointer data)
{
    Member *member = data;

    if (state == CHANNEL_CLOSED)
        member->feed = NULL;
    if (state != CHANNEL_OPEN)
        return;
    if (member->sender)
        feed_sender_offer(member->sender, 0);
    note_open(member);
}

static void on_feed_message(Channel *channel, MessageKind kind, const guint8 *bytes, gsize length,
                            gpointer data)
{
    Member *member = data;

    if (member->receiver)
        feed_receiver_receive(member->receiver, bytes, length);
    if (member->sender)
        feed_sender_receive(member->sender, bytes, length, clock_monotonic());
}

static void on_feed_writable(Channel *channel, gpointer data)
{
    on_sender_turn(data);
}

static const ChannelOps feed_ops = {
    .state = on_feed_state, .message = on_feed_message, .writable = on_feed_writable};

static void feed_begin(Member *member, Channel *channel)
{
    member->feed = channel;
    if (crowd.peer) {
        member->receiver = feed_receiver_new(&receiver_ops, member);
        feed_receiver_expect(member->receiver);
    } else {
        member->sender = feed_sender_new(&feed_source_ops, NULL, &sender_ops, member);
    }
    channel_attach(channel, &feed_ops, member);
    if (channel_state(channel) == CHANNEL_OPEN)
        on_feed_state(channel, CHANNEL_OPEN, NULL, member);
}

/* ---- the call --------------------------------------------------------------- */

static void on_description(Connection *connection, const char *type, const char *sdp, gpointer data)
{
    Frame *frame = frame_new(strcmp(type, "offer") == 0 ? FRAME_OFFER : FRAME_ANSWER);

    frame->sdp = g_strdup(sdp);
    send_frame(data, frame);
}

static void on_candidate(Connection *connection, const IceCandidateInit *candidate, gpointer data)
{
    Frame *frame = frame_new(FRAME_CANDIDATE);

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
    Member *member = data;
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *channel;

    if (state == CONNECTION_FAILED)
        complain(member, reason->message);
    if (state != CONNECTION_CONNECTED || member->feed || crowd.peer ||
        !connection_remote_speaks(connection, FEED_PROTOCOL))
        return;
    options.protocol = FEED_PROTOCOL;
    channel = connection_open_channel(connection, FEED_LABEL, &options, NULL);
    if (channel)
        feed_begin(member, channel);
}

static void on_channel(Connection *connection, Channel *channel, gpointer data)
{
    Member *member = data;

    if (strcmp(channel_protocol(channel), FEED_PROTOCOL) == 0 && !member->feed)
        feed_begin(member, channel);
}

static const ConnectionOps connection_ops = {.description = on_description,
                                             .candidate = on_candidate,
                                             .state = on_state,
                                             .channel = on_channel};

static void hang_up(Member *member)
{
    crowd.open -= member->open;
    member->open = false;
    member->feed = NULL;
    g_clear_pointer(&member->connection, connection_free);
    g_clear_pointer(&member->sender, feed_sender_free);
    g_clear_pointer(&member->receiver, feed_receiver_free);
}

/* SDP: the remote's offer, or NULL if ours is wanted. */
static void pick_up(Member *member, const Frame *frame, const char *sdp)
{
    ConnectionConfig config = {
        .certificate = member->certificate, .protocol = FEED_PROTOCOL, .keep_alive = KEEP_ALIVE};
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    g_autoptr(GError) error = NULL;

    hang_up(member);
    g_free(member->remote);
    member->remote = g_strdup(frame->from);
    member->connection = connection_new(&config, &connection_ops, member, NULL);
    if (sdp) {
        connection_set_remote(member->connection, "offer", sdp, &error);
    } else {
        connection_open_channel(member->connection, "msg_channel", &options, NULL);
        connection_offer(member->connection, &error);
    }
    if (error)
        complain(member, error->message);
}

static void take_frame(Member *member, const Frame *frame)
{
    IceCandidateInit candidate = {frame->candidate, frame->mid, frame->mline_index, frame->ufrag};
    g_autoptr(GError) error = NULL;

    if (frame->type == FRAME_OFFER && !member->connection)
        pick_up(member, frame, frame->sdp);
    else if (frame->type == FRAME_ANSWER && member->connection)
        connection_set_remote(member->connection, "answer", frame->sdp, &error);
    else if (frame->type == FRAME_CANDIDATE && member->connection)
        connection_add_candidate(member->connection, frame->candidate ? &candidate : NULL, &error);
    else if (frame->type == FRAME_BYE)
        hang_up(member);
    if (error)
        complain(member, error->message);
}

/* ---- the relay -------------------------------------------------------------- */

static void on_open(Websocket *socket, const char *protocol, gpointer data)
{
    if (crowd.peer)
        send_frame(data, frame_new(FRAME_CALL));
    crowd.ready++;
    begin_next();
}

static void on_text(Websocket *socket, const char *text, gsize length, gpointer data)
{
    Member *member = data;
    g_autoptr(Frame) frame = frame_parse(text, length, NULL);

    if (frame && frame->type == FRAME_CALL && !crowd.peer && frame->session) {
        g_free(member->session);
        member->session = g_strdup(frame->session);
        pick_up(member, frame, NULL);
    } else if (frame && g_strcmp0(frame->session, member->session) == 0) {
        take_frame(member, frame);
    }
}

static void on_closed(Websocket *socket, const WebsocketFailure *failure, gpointer data)
{
    complain(data, failure->message);
}

static const WebsocketOps websocket_ops = {.open = on_open, .text = on_text, .closed = on_closed};

static void begin_next(void)
{
    while (crowd.begun < crowd.count && crowd.begun < crowd.ready + AT_ONCE) {
        Member *member = &crowd.members[crowd.begun++];
        g_autofree char *url = g_strdup_printf(
            "%s?name=%s-%d-%u", crowd.url, crowd.peer ? "ear" : "box", (int) getpid(), crowd.begun);

        member->number = crowd.begun;
        member->certificate = certificate_generate("feed-crowd", NULL);
        member->session = crowd.peer ? g_strdup_printf("ear-%u", crowd.begun) : NULL;
        member->socket = websocket_new(url, &(UpgradeOffer){}, &websocket_ops, member);
    }
}

/* ---- being asked ------------------------------------------------------------- */

static gboolean on_ask(gpointer data)
{
    guint total = 0, least = G_MAXUINT, most = 0;

    for (guint i = 0; i < crowd.count; i++) {
        Member *member = &crowd.members[i];

        total += member->readings;
        least = MIN(least, member->readings);
        most = MAX(most, member->readings);
        member->readings = 0;
    }
    printf("readings %u %u %u\n", total, least, most);
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

    if (argc < 3 || argc > 4 || (crowd.count = (guint) atoi(argv[2])) == 0)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    crowd.url = argv[1];
    crowd.peer = argv[3];
    crowd.members = g_new0(Member, crowd.count);
    feed_source_open(NULL);
    begin_next();
    g_unix_signal_add(SIGUSR1, on_ask, NULL);
    g_unix_signal_add(SIGTERM, on_stop, loop);
    g_main_loop_run(loop);
    for (guint i = 0; i < crowd.begun; i++) {
        hang_up(&crowd.members[i]);
        websocket_free(crowd.members[i].socket);
    }
    connection_drain(2000);
    feed_source_close();
    return 0;
}
