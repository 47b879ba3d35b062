/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Two stacks (DTLS, SCTP, channels) over an in-memory pipe that drops, delays
 * and reorders packets from a seed. GnuTLS and usrsctp read the clock
 * themselves, so time is real here and the delays are short.
 */

#include <config.h>

#include <string.h>

#include "common/log.h"
#include "rtc/channel/channel-set.h"
#include "rtc/connection.h"
#include "rtc/channel/dcep.h"
#include "rtc/dtls/dtls.h"
#include "rtc/sctp/association.h"
#include "wait.h"

typedef struct {
    guint32 seed;
    int loss_percent;
    int delay_ms;  /* of every packet */
    int jitter_ms; /* on top, at random: this is what reorders */
    int messages;
    gsize size;
    gsize room; /* 0: enough; else the kernel's buffer has overflowed already */
    bool early; /* packets flow before the layers above exist */
} Weather;

typedef struct End End;

/* One end of the pipe, the lowest Transport */
typedef struct {
    Transport transport;
    End *to;
    const Weather *weather;
    GRand *random;
    guint sent, dropped;
} Pipe;

struct End {
    Pipe pipe;
    Certificate *certificate;
    Dtls *dtls;
    Association *sctp;
    ChannelSet *channels;
    bool client, connected;
    GError *failure;
    GPtrArray *incoming;
    int received, closed;
    guint16 reset; /* the last stream that the remote has ended */
    bool wrong;
};

typedef struct {
    Pipe *to;
    guint8 *bytes;
    gsize length;
} Packet;

static guint in_flight, packets_dropped;
static bool cut; /* all pipes lose everything */

static gboolean on_arrival(gpointer data)
{
    Packet *packet = data;

    in_flight--;
    transport_receive(&packet->to->transport, packet->bytes, packet->length);
    return G_SOURCE_REMOVE;
}

static void packet_free(gpointer data)
{
    Packet *packet = data;

    g_free(packet->bytes);
    g_free(packet);
}

static bool pipe_send(Transport *transport, const guint8 *bytes, gsize length)
{
    Pipe *pipe = (Pipe *) transport;
    const Weather *weather = pipe->weather;
    Packet *packet;
    guint delay = weather->delay_ms;

    pipe->sent++;
    if (cut || g_rand_int_range(pipe->random, 0, 100) < weather->loss_percent) {
        pipe->dropped++;
        return true;
    }
    if (weather->jitter_ms)
        delay += g_rand_int_range(pipe->random, 0, weather->jitter_ms + 1);
    packet = g_new0(Packet, 1);
    *packet = (Packet){&pipe->to->pipe, g_memdup2(bytes, length), length};
    in_flight++;
    g_timeout_add_full(G_PRIORITY_DEFAULT, delay, on_arrival, packet, packet_free);
    return true;
}

/* ---- the layers, put together as connection.c does ---- */

static void on_sctp_state(TransportState state, const GError *reason, gpointer data)
{
    End *end = data;

    end->connected = state == TRANSPORT_CONNECTED;
    if (end->connected && end->pipe.weather->room)
        association_note_overflow(end->sctp, end->pipe.weather->room);
    if (end->connected)
        channel_set_connected(end->channels);
    if (reason && !end->failure)
        end->failure = g_error_copy(reason);
}

static void on_sctp_message(guint16 stream, guint32 ppid, const guint8 *bytes, gsize length,
                            gpointer data)
{
    channel_set_message(((End *) data)->channels, stream, ppid, bytes, length);
}

static void on_stream(guint16 stream, gpointer data)
{
    g_assert_not_reached();
}

static void on_remote_reset(guint16 stream, gpointer data)
{
    End *end = data;

    end->reset = stream;
    channel_set_remote_reset(end->channels, stream);
}

static void on_local_reset(guint16 stream, gpointer data)
{
    channel_set_local_reset(((End *) data)->channels, stream);
}

static void on_writable(gpointer data)
{
    channel_set_writable(((End *) data)->channels);
}

static const AssociationOps sctp_user = {
    .state = on_sctp_state,
    .message = on_sctp_message,
    .oversized = on_stream,
    .remote_reset = on_remote_reset,
    .local_reset = on_local_reset,
    .writable = on_writable,
};

static void on_dtls_state(TransportState state, const GError *reason, gpointer data)
{
    End *end = data;
    AssociationConfig config = {.local_port = 5000,
                                .remote_port = 5000,
                                .streams = 16,
                                .adds_streams = true,
                                .max_message_size = 1 << 18};

    if (reason && !end->failure)
        end->failure = g_error_copy(reason);
    if (state != TRANSPORT_CONNECTED)
        return;
    config.mtu = dtls_mtu(end->dtls);
    end->sctp = association_new(dtls_transport(end->dtls), &config, &sctp_user, end, NULL);
    channel_set_attach(end->channels, end->sctp, end->client, 1 << 18);
}

static const TransportUser dtls_user = {.state = on_dtls_state};

static void on_channel_state(Channel *channel, ChannelState state, const GError *reason,
                             gpointer data)
{
    if (state == CHANNEL_CLOSED)
        ((End *) data)->closed++;
}

/* A message is its number, then bytes that follow from it. */
static void fill(guint8 *bytes, gsize length, int number)
{
    for (gsize i = 0; i < length; i++)
        bytes[i] = number * 31 + i;
    memcpy(bytes, &number, sizeof number);
}

static void on_channel_message(Channel *channel, MessageKind kind, const guint8 *bytes,
                               gsize length, gpointer data)
{
    End *end = data;
    const Weather *weather = end->pipe.weather;
    g_autofree guint8 *expected = g_malloc(weather->size);

    fill(expected, weather->size, end->received++);
    end->wrong = end->wrong || length != weather->size || memcmp(bytes, expected, length) != 0;
}

static const ChannelOps channel_ops = {.state = on_channel_state, .message = on_channel_message};

static void on_incoming(Channel *channel, gpointer data)
{
    End *end = data;

    g_ptr_array_add(end->incoming, channel);
    channel_attach(channel, &channel_ops, end);
}

static void end_init(End *end, End *other, const Weather *weather, bool client)
{
    ChannelSetConfig config = {
        .send_quota = 64 << 20, .max_channels = 256, .incoming = on_incoming, .data = end};

    *end = (End){.client = client};
    transport_init(&end->pipe.transport, client ? "pipe/client" : "pipe/server", pipe_send);
    end->pipe.to = other;
    end->pipe.weather = weather;
    end->pipe.random = g_rand_new_with_seed(weather->seed + client);
    end->certificate = certificate_generate("pipe", NULL);
    end->channels = channel_set_new(&config);
    end->incoming = g_ptr_array_new();
}

static void end_start(End *end, End *other)
{
    g_autoptr(GPtrArray) fingerprints = g_ptr_array_new();
    DtlsConfig config = {
        .certificate = end->certificate, .client = end->client, .fingerprints = fingerprints};

    g_ptr_array_add(fingerprints, (char *) certificate_fingerprint(other->certificate));
    end->dtls = dtls_new(&end->pipe.transport, &config, NULL);
    g_assert_nonnull(end->dtls);
    transport_set_user(dtls_transport(end->dtls), &dtls_user, end);
    transport_enter_state(&end->pipe.transport, TRANSPORT_CONNECTED, NULL);
}

static void ends_connect(End *client, End *server, const Weather *weather)
{
    end_init(client, server, weather, true);
    end_init(server, client, weather, false);
    end_start(client, server);
    end_start(server, client);
    wait_until(client->connected && server->connected);
}

static void end_clear(End *end)
{
    channel_set_silence(end->channels);
    channel_set_detach(end->channels, NULL);
    g_clear_pointer(&end->sctp, association_free);
    g_clear_pointer(&end->dtls, dtls_free);
    channel_set_free(end->channels);
    transport_clear(&end->pipe.transport);
    certificate_unref(end->certificate);
    g_ptr_array_unref(end->incoming);
    g_clear_error(&end->failure);
}

/* Packets that are on their way still have a pipe to come out of. */
static void ends_clear(End *client, End *server)
{
    end_clear(client);
    end_clear(server);
    wait_until(in_flight == 0);
    g_rand_free(client->pipe.random);
    g_rand_free(server->pipe.random);
    transport_clear(&client->pipe.transport);
    transport_clear(&server->pipe.transport);
}

static void test_weather(gconstpointer data)
{
    const Weather *weather = data;
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    g_autofree guint8 *bytes = g_malloc(weather->size);
    End client, server;
    Channel *channel;

    end_init(&client, &server, weather, true);
    end_init(&server, &client, weather, false);
    channel = channel_set_open(client.channels, "bulk", &options, NULL);
    channel_attach(channel, &channel_ops, &client);
    end_start(&client, &server);
    if (weather->early) { /* the ClientHello waits for a server that is not there */
        wait_until(!g_queue_is_empty(&server.pipe.transport.early));
    }
    end_start(&server, &client);

    for (int i = 0; i < weather->messages; i++) {
        g_autoptr(GError) error = NULL;

        fill(bytes, weather->size, i);
        channel_send(channel, MESSAGE_BINARY, bytes, weather->size, &error);
        g_assert_no_error(error);
    }
    wait_until(server.received == weather->messages || client.failure || server.failure);
    g_assert_no_error(client.failure);
    g_assert_no_error(server.failure);
    g_assert_false(server.wrong);
    g_assert_cmpint(server.received, ==, weather->messages);
    packets_dropped += client.pipe.dropped + server.pipe.dropped;
    if (weather->loss_percent) {
        g_test_message("%u of %u packets lost", client.pipe.dropped + server.pipe.dropped,
                       client.pipe.sent + server.pipe.sent);
    }
    ends_clear(&client, &server);
}

/*
 * A stream id is used again as soon as the one who opened the channel has seen
 * it close; the other one may still wait for the answer to its own reset, if
 * that was lost or is late, when the next channel comes.
 */
static void test_ids_again(gconstpointer data)
{
    const Weather *weather = data;
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    g_autofree guint8 *bytes = g_malloc(weather->size);
    End client, server;

    end_init(&client, &server, weather, true);
    end_init(&server, &client, weather, false);
    end_start(&client, &server);
    end_start(&server, &client);
    for (int i = 0; i < weather->messages; i++) {
        Channel *channel = channel_set_open(client.channels, "again", &options, NULL);

        channel_attach(channel, &channel_ops, &client);
        fill(bytes, weather->size, i);
        g_assert_true(channel_send(channel, MESSAGE_BINARY, bytes, weather->size, NULL));
        wait_until(server.received == i + 1);
        g_assert_cmpint(channel_id(channel), <, 4);
        channel_close(channel);
        wait_until(client.closed == i + 1);
    }
    g_assert_false(server.wrong);
    ends_clear(&client, &server);
}

/* The request for a reset is lost so often that usrsctp would give the path up for ever. */
static void test_reset_in_outage(void)
{
    static const Weather fair = {.seed = 1, .size = 16};
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *channel;
    End client, server;

    ends_connect(&client, &server, &fair);
    channel = channel_set_open(client.channels, "x", &options, NULL);
    channel_attach(channel, &channel_ops, &client);
    wait_until(server.incoming->len == 1 && !association_is_unacknowledged(client.sctp) &&
               !association_is_unacknowledged(server.sctp));
    cut = true;
    channel_close(channel);
    wait_until(client.pipe.dropped >= 7);
    cut = false;
    wait_until(client.closed == 1 && server.closed == 1);
    channel_set_open(client.channels, "y", &options, NULL);
    wait_until(server.incoming->len == 2);
    ends_clear(&client, &server);
}

/* Both sides need far more streams than there are, at the same time, and ask each other. */
static void test_streams_for_both(gconstpointer data)
{
    const Weather *weather = data;
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    guint8 bytes[16] = {};
    End ends[2];

    ends_connect(&ends[1], &ends[0], weather);
    for (int n = 0; n < 2 * weather->messages; n++) {
        Channel *channel = channel_set_open(ends[n % 2].channels, "many", &options, NULL);

        channel_attach(channel, &channel_ops, &ends[n % 2]);
        g_assert_true(channel_send(channel, MESSAGE_BINARY, bytes, sizeof bytes, NULL));
    }
    for (int i = 0; i < 2; i++) {
        wait_until(ends[i].received == weather->messages || ends[i].failure);
        g_assert_no_error(ends[i].failure);
    }
    ends_clear(&ends[1], &ends[0]);
}

/*
 * A remote that has more streams than we have says nonsense on one of them: it is told that this
 * has ended, and others close.
 */
static void test_absent_stream(void)
{
    static const Weather fair = {.seed = 1, .size = 16};
    static const AssociationMessage nonsense = {.stream = 300,
                                                .ppid = PPID_DCEP,
                                                .ordered = true,
                                                .max_retransmits = -1,
                                                .max_packet_lifetime = -1,
                                                .bytes = "\003",
                                                .length = 1};
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *channel;
    End client, server;

    ends_connect(&client, &server, &fair);
    wait_until(association_send(client.sctp, &nonsense) == ASSOCIATION_SENT);
    wait_until(client.reset == nonsense.stream);
    channel = channel_set_open(client.channels, "x", &options, NULL);
    channel_attach(channel, &channel_ops, &client);
    wait_until(server.incoming->len == 1);
    channel_close(channel);
    wait_until(client.closed == 1 && server.closed == 1);
    ends_clear(&client, &server);
}

/* What comes on a stream ahead of its channel is kept up to a limit, however short the messages. */
static void test_early_messages(void)
{
    static const Weather fair = {.seed = 1, .size = 4};
    DcepOpen open = {.ordered = true,
                     .max_retransmits = -1,
                     .max_packet_lifetime = -1,
                     .label = (char *) "late",
                     .protocol = (char *) ""};
    g_autoptr(GBytes) opening = dcep_write_open(&open);
    AssociationMessage message = {.stream = 2,
                                  .ppid = PPID_BINARY,
                                  .ordered = true,
                                  .max_retransmits = -1,
                                  .max_packet_lifetime = -1,
                                  .bytes = "even",
                                  .length = 4};
    End client, server;

    ends_connect(&client, &server, &fair);
    for (int i = 0; i < 20000; i++)
        wait_until(association_send(client.sctp, &message) == ASSOCIATION_SENT);
    message.ppid = PPID_DCEP;
    message.bytes = g_bytes_get_data(opening, &message.length);
    wait_until(association_send(client.sctp, &message) == ASSOCIATION_SENT);
    wait_until(server.incoming->len == 1);
    g_assert_cmpint(server.received, >, 1000);
    g_assert_cmpint(server.received, <, 5000);
    ends_clear(&client, &server);
}

/* Every flight of the handshake is lost at some seed. */
static void test_lossy_handshakes(void)
{
    packets_dropped = 0;
    for (guint32 seed = 0; seed < 6; seed++) {
        Weather weather = {
            .seed = seed * 1000, .loss_percent = 20, .delay_ms = 1, .messages = 1, .size = 16};

        test_weather(&weather);
    }
    g_assert_cmpuint(packets_dropped, >, 6);
}

/* werift, and libdatachannel once it has media, give up on a client that does not offer SRTP. */
static void test_offers_srtp(void)
{
    static const guint8 use_srtp[] = {0, 14, 0, 5, 0, 2, 0, 1, 0}; /* RFC 5764 4.1.1 */
    static const Weather fair = {.seed = 1};
    gconstpointer hello;
    End client, server;
    gsize length;

    end_init(&client, &server, &fair, true);
    end_init(&server, &client, &fair, false);
    end_start(&client, &server);
    wait_until(!g_queue_is_empty(&server.pipe.transport.early));
    hello = g_bytes_get_data(g_queue_peek_head(&server.pipe.transport.early), &length);
    g_assert_nonnull(memmem(hello, length, use_srtp, sizeof use_srtp));
    ends_clear(&client, &server);
}

int main(int argc, char **argv)
{
    static const Weather fair = {.seed = 1, .messages = 200, .size = 20000};
    static const Weather early = {.seed = 1, .messages = 10, .size = 1000, .early = true};
    static const Weather far = {.seed = 2, .delay_ms = 50, .messages = 200, .size = 20000};
    static const Weather lossy = {
        .seed = 3, .loss_percent = 2, .delay_ms = 2, .messages = 150, .size = 20000};
    static const Weather reordering = {
        .seed = 4, .delay_ms = 1, .jitter_ms = 8, .messages = 60, .size = 20000};
    static const Weather storm = {
        .seed = 5, .loss_percent = 10, .delay_ms = 2, .jitter_ms = 8, .messages = 40, .size = 3000};
    static const Weather large = {
        .seed = 6, .loss_percent = 1, .delay_ms = 1, .messages = 10, .size = 262144};
    static const Weather leaky = {.seed = 11, .loss_percent = 15, .messages = 12, .size = 16};
    static const Weather asking = {
        .seed = 12, .loss_percent = 5, .delay_ms = 2, .jitter_ms = 8, .messages = 100, .size = 16};
    static const Weather narrow = {
        .seed = 7, .room = 128 * 1024, .delay_ms = 1, .messages = 10, .size = 262144};

    g_test_init(&argc, &argv, NULL);
    log_open("test-pipe", g_getenv("RTCBUS_TEST_VERBOSE") != NULL);
    g_test_add_data_func("/pipe/fair", &fair, test_weather);
    g_test_add_data_func("/pipe/early-packets", &early, test_weather);
    g_test_add_data_func("/pipe/delay", &far, test_weather);
    g_test_add_data_func("/pipe/loss", &lossy, test_weather);
    g_test_add_data_func("/pipe/reordering", &reordering, test_weather);
    g_test_add_data_func("/pipe/storm", &storm, test_weather);
    g_test_add_data_func("/pipe/large-messages", &large, test_weather);
    g_test_add_data_func("/pipe/narrow-window", &narrow, test_weather);
    g_test_add_data_func("/pipe/ids-again", &leaky, test_ids_again);
    g_test_add_func("/pipe/reset-in-outage", test_reset_in_outage);
    g_test_add_data_func("/pipe/streams-for-both", &asking, test_streams_for_both);
    g_test_add_func("/pipe/absent-stream", test_absent_stream);
    g_test_add_func("/pipe/early-messages", test_early_messages);
    g_test_add_func("/pipe/lossy-handshakes", test_lossy_handshakes);
    g_test_add_func("/pipe/offers-srtp", test_offers_srtp);
    return g_test_run();
}
