/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * An association with a remote that has got through DTLS and now sends what it
 * likes. Two ends without the layers below make one; then packets are written
 * by hand, in the remote's name. What usrsctp would do without the gate takes
 * for ever, or frees what is still in use: a clock ends the test.
 */

#include <config.h>

#include "rtc/sctp/association.h"

#include <string.h>
#include <unistd.h>

#include "fake-clock.h"

#define PORT 5000
#define HEADER 12
#define CLOCK_SECONDS 60

typedef struct {
    Transport transport;
    Association *sctp;
    GQueue out; /* of GBytes */
    TransportState state;
    guint32 initial_tsn;  /* of this end's DATA and requests, as its INIT says */
    guint32 last_tsn;     /* that it has sent */
    GByteArray *messages; /* what has come, each with a '|' behind it */
    guint resets;
} End;

static End remote, ours;
static guint32 our_tag;
static GBytes *cookie_echo; /* the packet with which the association began */

static guint32 get32(const guint8 *at)
{
    return (guint32) at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static void put32(guint8 *at, guint32 value)
{
    value = GUINT32_TO_BE(value);
    memcpy(at, &value, sizeof value);
}

/* ---- the two ends ---- */

static bool end_send(Transport *transport, const guint8 *packet, gsize length)
{
    End *end = (End *) transport;

    g_queue_push_tail(&end->out, g_bytes_new(packet, length));
    if (packet[HEADER] == 1)
        end->initial_tsn = get32(packet + HEADER + 16);
    if (packet[HEADER] == 0)
        end->last_tsn = get32(packet + HEADER + 4);
    if (end == &remote && packet[HEADER] != 1)
        our_tag = get32(packet + 4);
    if (end == &remote && packet[HEADER] == 10 && !cookie_echo)
        cookie_echo = g_bytes_new(packet, length);
    return true;
}

static void on_state(TransportState state, const GError *reason, gpointer data)
{
    ((End *) data)->state = state;
}

static void on_doubt(bool doubted, gpointer data)
{
}

static void on_message(guint16 stream, guint32 ppid, const guint8 *bytes, gsize length,
                       gpointer data)
{
    End *end = data;

    g_byte_array_append(end->messages, bytes, MIN(length, 16));
    g_byte_array_append(end->messages, (const guint8 *) "|", 1);
}

static void on_oversized(guint16 stream, gpointer data)
{
}

static void on_reset(guint16 stream, gpointer data)
{
    ((End *) data)->resets++;
}

static void on_local_reset(guint16 stream, gpointer data)
{
}

static void on_writable(gpointer data)
{
}

static const AssociationOps ops = {
    .state = on_state,
    .doubt = on_doubt,
    .message = on_message,
    .oversized = on_oversized,
    .remote_reset = on_reset,
    .local_reset = on_local_reset,
    .writable = on_writable,
};

static void end_init(End *end)
{
    AssociationConfig config = {.local_port = PORT,
                                .remote_port = PORT,
                                .streams = 16,
                                .adds_streams = true,
                                .mtu = 1200,
                                .max_packet = 1200,
                                .max_message_size = 1 << 18};

    *end = (End){.state = TRANSPORT_CONNECTING, .messages = g_byte_array_new()};
    transport_init(&end->transport, "test", end_send);
    end->transport.state = TRANSPORT_CONNECTED;
    g_queue_init(&end->out);
    end->sctp = association_new(&end->transport, &config, &ops, end, NULL);
    g_assert_nonnull(end->sctp);
}

static void deliver(End *from, End *to)
{
    for (guint n = g_queue_get_length(&from->out); n > 0; n--) {
        g_autoptr(GBytes) packet = g_queue_pop_head(&from->out);
        gsize length;
        const guint8 *bytes = g_bytes_get_data(packet, &length);

        transport_receive(&to->transport, bytes, length);
    }
}

static void drop_out(End *end)
{
    g_queue_clear_full(&end->out, (GDestroyNotify) g_bytes_unref);
}

static void set_up(void)
{
    alarm(CLOCK_SECONDS);
    end_init(&remote);
    end_init(&ours);
    while (remote.state != TRANSPORT_CONNECTED || ours.state != TRANSPORT_CONNECTED ||
           !g_queue_is_empty(&remote.out) || !g_queue_is_empty(&ours.out)) {
        deliver(&remote, &ours);
        deliver(&ours, &remote);
    }
}

static void end_clear(End *end)
{
    association_free(end->sctp);
    drop_out(end);
    transport_clear(&end->transport);
    g_byte_array_unref(end->messages);
}

static void tear_down(void)
{
    end_clear(&remote);
    end_clear(&ours);
    g_clear_pointer(&cookie_echo, g_bytes_unref);
    alarm(0);
}

/* ---- packets by hand ---- */

static GByteArray *packet_new(void)
{
    GByteArray *packet = g_byte_array_new();
    guint8 header[HEADER] = {PORT >> 8, PORT & 0xff, PORT >> 8, PORT & 0xff};

    put32(header + 4, our_tag);
    g_byte_array_append(packet, header, sizeof header);
    return packet;
}

static void add_chunk(GByteArray *packet, guint8 type, guint8 flags, const void *value,
                      gsize length)
{
    const guint8 header[4] = {type, flags, (length + 4) >> 8, (length + 4) & 0xff};

    g_byte_array_append(packet, header, sizeof header);
    g_byte_array_append(packet, value, length);
    g_byte_array_append(packet, (const guint8 *) "\0\0", (4 - length % 4) % 4);
}

/* Hands PACKET to us as the remote's, and frees it. */
static void inject(GByteArray *packet)
{
    transport_receive(&ours.transport, packet->data, packet->len);
    g_byte_array_unref(packet);
}

static void add_data(GByteArray *packet, guint8 flags, guint32 tsn, guint16 stream, guint16 number,
                     const void *bytes, gsize length)
{
    g_autofree guint8 *value = g_malloc0(12 + length);

    put32(value, tsn);
    put32(value + 4, (guint32) stream << 16 | number);
    put32(value + 8, 53);
    memcpy(value + 12, bytes, length);
    add_chunk(packet, 0, flags, value, 12 + length);
}

/* How many chunks of TYPE we have answered with */
static guint count_chunks(guint8 type)
{
    guint n = 0;

    for (GList *link = ours.out.head; link; link = link->next) {
        gsize length;
        const guint8 *packet = g_bytes_get_data(link->data, &length);

        for (gsize at = HEADER; at + 4 <= length;
             at += MAX(4u, ((packet[at + 2] << 8 | packet[at + 3]) + 3u) & ~3u))
            n += packet[at] == type;
    }
    return n;
}

static void assert_messages(const char *expected)
{
    g_assert_cmpmem(ours.messages->data, ours.messages->len, expected, strlen(expected));
}

#define ANSWER_INIT 2
#define ANSWER_COOKIE 11
#define ANSWER_RE_CONFIG 130

/* A parameter of length 0, for which usrsctp's search for new addresses never ends. */
static void test_endless_init(void)
{
    static const guint8 init[] = {0xde, 0xad, 0xbe, 0xef, 0, 2, 0,    0,    0, 16,
                                  0,    16,   0,    0,    0, 1, 0xc0, 0xff, 0, 0};
    GByteArray *packet;

    set_up();
    packet = packet_new();
    memset(packet->data + 4, 0, 4);
    add_chunk(packet, 1, 0, init, sizeof init);
    inject(packet);
    g_assert_cmpint(ours.state, ==, TRANSPORT_CONNECTED);
    g_assert_cmpuint(count_chunks(ANSWER_INIT), ==, 0);
    tear_down();
}

/* With a reset of ours outstanding, usrsctp frees its request and keeps the pointer. */
static void test_restart(void)
{
    static const guint8 init[] = {0x11, 0x11, 0, 1, 0, 2, 0, 0, 0, 16, 4, 0, 0, 0, 0, 9};
    GByteArray *packet;

    set_up();
    association_reset_stream(ours.sctp, 2);
    g_assert_cmpuint(count_chunks(ANSWER_RE_CONFIG), ==, 1);
    drop_out(&ours);
    packet = packet_new();
    memset(packet->data + 4, 0, 4);
    add_chunk(packet, 1, 0, init, sizeof init);
    inject(packet);
    /* No INIT-ACK, so no cookie */
    g_assert_cmpuint(g_queue_get_length(&ours.out), ==, 0);
    g_assert_cmpint(ours.state, ==, TRANSPORT_CONNECTED);
    tear_down();
}

/* The COOKIE-ACK may have been lost; a cookie that differs in one byte is another one. */
static void test_cookie_again(void)
{
    GByteArray *packet;
    gsize length;

    set_up();
    g_assert_nonnull(cookie_echo);
    packet = g_bytes_unref_to_array(g_bytes_ref(cookie_echo));
    inject(packet);
    g_assert_cmpuint(count_chunks(ANSWER_COOKIE), ==, 1);
    g_assert_cmpint(ours.state, ==, TRANSPORT_CONNECTED);
    drop_out(&ours);
    packet = g_bytes_unref_to_array(g_bytes_ref(cookie_echo));
    length = packet->data[HEADER + 2] << 8 | packet->data[HEADER + 3];
    packet->data[HEADER + length / 2] ^= 1;
    add_data(packet, 3, remote.initial_tsn, 1, 0, "with it", 7);
    inject(packet);
    g_assert_cmpuint(count_chunks(ANSWER_COOKIE), ==, 0);
    assert_messages("with it|");
    tear_down();
}

/* Each TSN of each block is looked for in all that we have sent. */
static void test_false_sack(void)
{
    static const guint8 nothing[1000];
    const AssociationMessage message = {.stream = 1,
                                        .ppid = 53,
                                        .ordered = true,
                                        .max_retransmits = -1,
                                        .max_packet_lifetime = -1,
                                        .bytes = nothing,
                                        .length = sizeof nothing};
    g_autofree guint8 *sack = g_malloc0(12 + 4 * 4000);
    GByteArray *packet;

    set_up();
    for (guint i = 0; i < 3000; i++)
        g_assert_cmpint(association_send(ours.sctp, &message), ==, ASSOCIATION_SENT);
    while (association_is_unacknowledged(ours.sctp)) { /* the window opens */
        deliver(&ours, &remote);
        deliver(&remote, &ours);
        fake_clock_advance(10 * 1000);
    }
    put32(sack, ours.last_tsn);
    for (guint i = 0; i < 3000; i++)
        g_assert_cmpint(association_send(ours.sctp, &message), ==, ASSOCIATION_SENT);
    g_assert_cmpuint(ours.last_tsn - get32(sack), >, 500);
    put32(sack + 4, 1 << 20);
    sack[8] = 4000 >> 8;
    sack[9] = 4000 & 0xff;
    for (guint i = 0; i < 4000; i++)
        put32(sack + 12 + 4 * (gsize) i, 0x00020000 | (0xffff - i));
    packet = packet_new();
    add_chunk(packet, 3, 0, sack, 12 + 4 * 4000);
    inject(packet);
    /* One that is in order, of what was never sent */
    sack[8] = 0;
    sack[9] = 1;
    packet = packet_new();
    add_chunk(packet, 3, 0, sack, 16);
    add_data(packet, 3, remote.initial_tsn, 1, 0, "beside it", 9);
    inject(packet);
    g_assert_cmpint(ours.state, ==, TRANSPORT_CONNECTED);
    assert_messages("beside it|");
    tear_down();
}

/* A reset behind a TSN that never comes is kept; a few of them are, and answered as in progress. */
static void test_kept_resets(void)
{
    guint8 reset[18] = {0, 13, 0, 18};

    set_up();
    for (guint i = 0; i < 1000; i++) {
        GByteArray *packet = packet_new();

        put32(reset + 4, remote.initial_tsn + i);
        put32(reset + 12, remote.initial_tsn + 5000);
        reset[17] = i % 16;
        add_chunk(packet, 130, 0, reset, sizeof reset);
        inject(packet);
    }
    g_assert_cmpuint(count_chunks(ANSWER_RE_CONFIG), >, 0);
    g_assert_cmpuint(count_chunks(ANSWER_RE_CONFIG), <, 10);
    g_assert_cmpuint(ours.resets, ==, 0);
    tear_down();
}

/* What is not known is passed over, and what is beside it arrives. */
static void test_unknown_chunk(void)
{
    GByteArray *packet;

    set_up();
    packet = packet_new();
    add_chunk(packet, 0xc5, 0, "what?", 5);
    add_data(packet, 3, remote.initial_tsn, 1, 0, "one", 3);
    inject(packet);
    packet = packet_new();
    add_chunk(packet, 0xc1, 0, "ASCONF", 6);
    add_data(packet, 3, remote.initial_tsn + 1, 1, 1, "two", 3);
    inject(packet);
    assert_messages("one|two|");
    g_assert_cmpuint(count_chunks(9), ==, 0);
    tear_down();
}

/*
 * The beginning of a long message is read before its end is here. When the
 * remote gives it up, the next one on the stream is not put behind it.
 */
static void test_message_given_up(void)
{
    g_autofree guint8 *piece = g_malloc(1100);
    guint32 tsn;
    guint8 forward[8];
    GByteArray *packet;

    set_up();
    tsn = remote.initial_tsn;
    memset(piece, 'x', 1100);
    for (guint i = 0; i < 150; i++) {
        packet = packet_new();
        add_data(packet, i == 0 ? 2 : 0, tsn++, 1, 0, piece, 1100);
        inject(packet);
    }
    packet = packet_new();
    put32(forward, tsn + 3); /* and four more pieces, which were lost */
    put32(forward + 4, 1 << 16 | 0);
    add_chunk(packet, 192, 0, forward, sizeof forward);
    inject(packet);
    packet = packet_new();
    add_data(packet, 3, tsn + 4, 1, 1, "the next", 8);
    inject(packet);
    assert_messages("the next|");
    tear_down();
}

/* ---- the clock ---- */

static void exchange(void)
{
    while (!g_queue_is_empty(&remote.out) || !g_queue_is_empty(&ours.out)) {
        deliver(&remote, &ours);
        deliver(&ours, &remote);
    }
}

/* Goes from timer to timer for half a second; how many of them there were */
static guint count_timers(void)
{
    gint64 end = clock_monotonic() + G_USEC_PER_SEC / 2;
    guint count = 0;

    for (gint64 due; (due = fake_clock_due()) >= 0 && due < end; count++) {
        fake_clock_advance(MAX(due - clock_monotonic(), 0));
        exchange();
    }
    fake_clock_advance(end - clock_monotonic());
    return count;
}

static void test_lone_message(void)
{
    const AssociationMessage message = {.stream = 1,
                                        .ppid = 53,
                                        .ordered = true,
                                        .max_retransmits = -1,
                                        .max_packet_lifetime = -1,
                                        .bytes = "alone",
                                        .length = 5};
    guint count;

    set_up();
    for (guint i = 0; i < 8; i++) /* what follows the set-up */
        count_timers();
    count = count_timers();
    g_assert_cmpuint(count, <=, 1); /* only that of who asks for a sign */
    g_assert_cmpint(association_send(remote.sctp, &message), ==, ASSOCIATION_SENT);
    exchange();
    assert_messages("alone|");
    count = count_timers() - count;
    g_assert_cmpuint(count, >=, 2);
    g_assert_cmpuint(count, <=, 4);
    g_assert_false(association_is_unacknowledged(remote.sctp));
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/association/endless-init", test_endless_init);
    g_test_add_func("/association/restart", test_restart);
    g_test_add_func("/association/cookie-again", test_cookie_again);
    g_test_add_func("/association/false-sack", test_false_sack);
    g_test_add_func("/association/kept-resets", test_kept_resets);
    g_test_add_func("/association/unknown-chunk", test_unknown_chunk);
    g_test_add_func("/association/message-given-up", test_message_given_up);
    g_test_add_func("/association/lone-message", test_lone_message);
    return g_test_run();
}
