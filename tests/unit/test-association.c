/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * An association with a remote that has got through DTLS and now sends what it
 * likes. Two ends without the layers below make one; then packets are written
 * by hand, in the remote's name. What usrsctp would do without the gate takes
 * for ever, or frees what is still in use: a clock ends the test.
 */
#include <config.h>

#include <string.h>

#include "association-ends.h"
#include "association-message.h"
#include "common/clock.h"
#include "fake-clock.h"

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
    const AssociationMessage message = message_of(nothing, sizeof nothing);
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

/* The first N pieces of a message on stream 1; WHOLE: there are no more. */
static void inject_pieces(guint8 flags, guint32 *tsn, guint16 number, guint n, bool whole)
{
    static const guint8 piece[1100] = "a piece";

    for (guint i = 0; i < n; i++) {
        const guint8 first = i == 0 ? 2 : 0, last = whole && i == n - 1 ? 1 : 0;
        GByteArray *packet = packet_new();

        add_data(packet, flags | first | last, (*tsn)++, 1, number, piece, sizeof piece);
        inject(packet);
    }
}

static void inject_forward(guint32 tsn, bool ordered)
{
    guint8 forward[8];
    GByteArray *packet = packet_new();

    put32(forward, tsn);
    put32(forward + 4, 1 << 16 | 0);
    add_chunk(packet, 192, 0, forward, ordered ? 8 : 4);
    inject(packet);
}

/*
 * The beginning of a message that is long for the window is read before its end is here. When
 * the remote gives it up, the next one on the stream is not put behind it.
 */
static void test_message_given_up(void)
{
    GByteArray *packet;
    guint32 tsn;

    set_up();
    association_note_overflow(ours.sctp, 64 * 1024);
    tsn = remote.initial_tsn;
    inject_pieces(0, &tsn, 0, 150, false);
    tsn += 4; /* and four more pieces, which were lost */
    inject_forward(tsn - 1, true);
    packet = packet_new();
    add_data(packet, 3, tsn, 1, 1, "the next", 8);
    inject(packet);
    assert_messages("the next|");
    tear_down();
}

/*
 * usrsctp waits for ever for the rest of a message of which it has handed up a part: on the stream,
 * or with an unordered one on all of them. So of none that may be so long it hands up a part.
 */
static void test_long_message_given_up(gconstpointer data)
{
    const bool ordered = strcmp(data, "ordered") == 0;
    const guint8 flags = ordered ? 0 : 4;
    GByteArray *packet;
    guint32 tsn;

    set_up();
    tsn = remote.initial_tsn;
    inject_pieces(flags, &tsn, 0, 230, false);
    tsn += 4;
    inject_forward(tsn - 1, ordered);
    packet = packet_new();
    add_data(packet, 3, tsn++, 2, 0, "elsewhere", 9);
    inject(packet);
    inject_pieces(flags, &tsn, 1, 3, true);
    packet = packet_new();
    add_data(packet, flags | 3, tsn++, 1, 2, "the next", 8);
    inject(packet);
    g_assert_cmpmem(ours.messages->data, 10, "elsewhere|", 10);
    g_assert_cmpmem(ours.messages->data + 10, 7, "a piece", 7);
    g_assert_cmpmem(ours.messages->data + 27, 9, "the next|", 9);
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
    const AssociationMessage message = message_of("alone", 5);
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
    g_test_add_data_func("/association/long-message-given-up", "ordered",
                         test_long_message_given_up);
    g_test_add_data_func("/association/long-message-given-up-unordered", "unordered",
                         test_long_message_given_up);
    g_test_add_func("/association/lone-message", test_lone_message);
    return g_test_run();
}
