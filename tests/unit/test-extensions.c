/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The extensions of SCTP that data channels need: resets of streams (RFC 6525) and messages that
 * are given up (RFC 3758). Each case holds what one MUST do: doc/rfcs names them.
 */

#include <config.h>

#include <string.h>

#include "association-ends.h"
#include "association-message.h"
#include "common/clock.h"
#include "fake-clock.h"
#include "rtc/sctp/unsent.h"

#define FORWARD_TSN 192
#define I_DATA 64
#define I_FORWARD_TSN 194

/* The last chunk of TYPE that we have sent, of which there must be one, and how long it is */
static const guint8 *last_chunk(guint8 type, gsize *chunk_length)
{
    const guint8 *found = NULL;

    *chunk_length = 0;
    for (GList *link = ours.out.head; link; link = link->next) {
        gsize length, at = HEADER;
        const guint8 *packet = g_bytes_get_data(link->data, &length);

        while (at + 4 <= length) {
            if (packet[at] == type) {
                found = packet + at;
                *chunk_length = packet[at + 2] << 8 | packet[at + 3];
            }
            at += MAX(4u, ((packet[at + 2] << 8 | packet[at + 3]) + 3u) & ~3u);
        }
    }
    g_assert(found);
    return found;
}

/* RFC 8261 6.1: no IPv4 and no IPv6 address, and no types of addresses */
static void assert_no_address(GBytes *packet)
{
    static const guint16 types[] = {5, 6, 12};
    g_autoptr(GByteArray) init = g_bytes_unref_to_array(g_bytes_ref(packet));

    for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
        g_assert_null(find_parameter(init->data, init->len, types[i]));
}

/* RFC 6525 5.1.1, RFC 3758 3.3.1, RFC 8831 6.1; and of RFC 8260 nothing is offered */
static void test_extensions(void)
{
    g_autoptr(GByteArray) init = NULL;

    set_up();
    assert_no_address(remote.init);
    assert_no_address(ours.init);
    init = g_bytes_unref_to_array(g_bytes_ref(ours.init));
    g_assert_true(lists_chunk(init->data, init->len, ANSWER_RE_CONFIG, 0));
    g_assert_true(lists_chunk(init->data, init->len, FORWARD_TSN, 0));
    g_assert_nonnull(find_parameter(init->data, init->len, FORWARD_TSN_SUPPORTED));
    g_assert_false(lists_chunk(init->data, init->len, I_DATA, 0));
    g_assert_false(lists_chunk(init->data, init->len, I_FORWARD_TSN, 0));
    tear_down();
}

/* How much room we have said that there is */
static guint32 told_window(void)
{
    gsize length;
    return get32(last_chunk(3, &length) + 8);
}

static void inject_data(guint32 tsn, guint16 number, const char *text)
{
    GByteArray *packet = packet_new();

    add_data(packet, 3, tsn, 1, number, text, strlen(text));
    inject(packet);
}

/* A piece of message 0 on stream 1 that is not its first one (RFC 8260 2.1) */
static void inject_interleaved(guint32 tsn, guint32 piece)
{
    guint8 value[16 + 1100] = {[5] = 1};
    GByteArray *packet = packet_new();

    put32(value, tsn);
    put32(value + 12, piece);
    add_chunk(packet, I_DATA, 0, value, sizeof value);
    inject(packet);
}

/*
 * RFC 8260 2.2.1: who offers it does not get it, and what it sends nevertheless is not taken. usrsctp
 * would keep each of these pieces, whose message neither begins nor ends, whatever its window is.
 */
static void test_interleaving(void)
{
    const AssociationMessage message = message_of("ours", 4);
    g_autoptr(GByteArray) init = NULL;
    guint32 tsn, before;

    interleaving_remote = true;
    set_up();
    init = g_bytes_unref_to_array(g_bytes_ref(ours.init));
    g_assert_false(lists_chunk(init->data, init->len, I_DATA, 0));
    tsn = remote.initial_tsn;
    inject_data(tsn, 0, "one");
    inject_data(tsn + 1, 1, "two");
    before = told_window();
    for (guint32 i = 0; i < 10000; i++)
        inject_interleaved(tsn + 2 + i, 0x40000000 - i);
    inject_data(tsn + 2, 2, "six");
    inject_data(tsn + 3, 3, "ten");
    g_assert_cmpuint(told_window(), ==, before);
    assert_messages("one|two|six|ten|");
    association_send(ours.sctp, &message);
    g_assert_cmpuint(count_chunks(0), ==, 1);
    g_assert_cmpuint(count_chunks(I_DATA), ==, 0);
    tear_down();
}

/* To the next timer */
static void step(void)
{
    gint64 due = fake_clock_due();

    g_assert_cmpint(due, >=, 0);
    fake_clock_advance(MAX(due - clock_monotonic(), 0));
}

/* Until we have sent a chunk of one of these types */
static void wait_for_any(guint8 type, guint8 other)
{
    while (count_chunks(type) == 0 && count_chunks(other) == 0)
        step();
}

static void carry_until_acknowledged(void)
{
    while (association_is_unacknowledged(ours.sctp)) {
        deliver(&ours, &remote);
        deliver(&remote, &ours);
        step();
    }
}

/* RFC 6525 5.1.1, RFC 3758 3.3.2: what the remote has not said that it knows is not sent */
static void test_old_remote(void)
{
    AssociationMessage message = message_of("limited", 7);

    old_remote = true;
    set_up();
    message.max_retransmits = 0;
    association_send(ours.sctp, &message);
    drop_out(&ours);
    wait_for_any(0, FORWARD_TSN); /* after a time-out */
    g_assert_cmpuint(count_chunks(FORWARD_TSN), ==, 0);
    carry_until_acknowledged();
    g_assert_cmpmem(remote.messages->data, remote.messages->len, "limited|", 8);
    association_reset_stream(ours.sctp, 2);
    g_assert_cmpuint(count_chunks(ANSWER_RE_CONFIG), ==, 0);
    g_assert_cmpuint(ours.local_resets, ==, 1); /* nobody waits for what will not come */
    tear_down();
}

/* RFC 6525 4.1, 5.1.1, 5.1.2: numbers, one request at a time, sent again until it is answered */
static void test_reset_request(void)
{
    const AssociationMessage message = message_of("x", 1);
    g_autofree guint8 *first = NULL;
    const guint8 *chunk;
    gsize length;
    gint64 sent = 0;

    set_up();
    association_send(ours.sctp, &message);
    carry_until_acknowledged();
    association_reset_stream(ours.sctp, 2);
    association_reset_stream(ours.sctp, 4);
    g_assert_cmpuint(count_chunks(ANSWER_RE_CONFIG), ==, 1);
    chunk = last_chunk(ANSWER_RE_CONFIG, &length);
    g_assert_cmpuint(length, ==, 4 + 16 + 2);
    g_assert_cmpuint(get32(chunk + 8), ==, ours.initial_tsn);
    g_assert_cmpuint(get32(chunk + 12), ==, remote.initial_tsn - 1);
    g_assert_cmpuint(get32(chunk + 16), ==, ours.last_tsn);
    g_assert_cmpmem(chunk + 20, 2, "\0\2", 2);
    first = g_memdup2(chunk, length);
    for (guint i = 0; i < 2; i++) {
        sent = clock_monotonic();
        drop_out(&ours);
        wait_for_any(ANSWER_RE_CONFIG, ANSWER_RE_CONFIG);
        chunk = last_chunk(ANSWER_RE_CONFIG, &length);
        g_assert_cmpmem(chunk + 4, 8, first + 4, 8);
    }
    /* Twice the least time-out, but for two ticks of the clock */
    g_assert_cmpint(clock_monotonic() - sent, >, (2 * 200 - 20) * 1000);
    deliver(&ours, &remote);
    deliver(&remote, &ours);
    g_assert_cmpuint(ours.local_resets, ==, 1);
    chunk = last_chunk(ANSWER_RE_CONFIG, &length);
    g_assert_cmpuint(get32(chunk + 8), ==, ours.initial_tsn + 1);
    g_assert_cmpmem(chunk + 20, 2, "\0\4", 2);
    tear_down();
}

/* A request of TYPE, number N of the remote's, with what follows; our answer to it */
static guint32 ask(guint16 type, guint32 n, const void *rest, gsize length)
{
    guint8 request[32] = {type >> 8, type & 0xff, 0, 8 + length};
    GByteArray *packet = packet_new();
    const guint8 *chunk;
    gsize chunk_length;

    put32(request + 4, remote.initial_tsn + n);
    memcpy(request + 8, rest, length);
    add_chunk(packet, 130, 0, request, 8 + length);
    drop_out(&ours);
    inject(packet);
    chunk = last_chunk(ANSWER_RE_CONFIG, &chunk_length);
    /* RFC 6525 5.1.7: with TSNs if it is about TSNs, else without */
    g_assert_cmpmem(chunk + 4, 4, type == 15 ? "\0\x10\0\x14" : "\0\x10\0\x0c", 4);
    g_assert_cmpuint(get32(chunk + 8), ==, remote.initial_tsn + n);
    return get32(chunk + 12);
}

enum { PERFORMED = 1, DENIED = 2, IN_PROGRESS = 6 };

static guint32 ask_for_reset(guint32 n, guint32 last_tsn)
{
    guint8 rest[10] = {[9] = 1};

    put32(rest, ours.initial_tsn - 1);
    put32(rest + 4, last_tsn);
    return ask(13, n, rest, sizeof rest);
}

/* RFC 6525 5.2.1, 5.2.2: not before all has come, once, answered again, and numbers begin anew */
static void test_reset_answer(void)
{
    guint32 tsn;

    set_up();
    tsn = remote.initial_tsn;
    inject_data(tsn, 0, "one");
    g_assert_cmpuint(ask_for_reset(0, tsn + 1), ==, IN_PROGRESS);
    g_assert_cmpuint(ours.resets, ==, 0);
    inject_data(tsn + 1, 1, "two");
    g_assert_cmpuint(ask_for_reset(0, tsn + 1), ==, PERFORMED);
    g_assert_cmpuint(ours.resets, ==, 1);
    g_assert_cmpuint(ask_for_reset(0, tsn + 1), ==, PERFORMED);
    g_assert_cmpuint(ours.resets, ==, 1);
    inject_data(tsn + 2, 0, "anew");
    assert_messages("one|two|anew|");
    tear_down();
}

/* RFC 6525 5.2.1: what is not done is denied, and the next request is answered as ever */
static void test_reset_denied(void)
{
    set_up();
    g_assert_cmpuint(ask(14, 0, "\0\1", 2), ==, DENIED); /* a reset of streams of ours */
    g_assert_cmpuint(ask(15, 1, "", 0), ==, DENIED);     /* of all TSNs */
    g_assert_cmpuint(ask(18, 2, "\0\x10\0\0", 4), ==, DENIED);
    g_assert_cmpuint(ask_for_reset(3, remote.initial_tsn - 1), ==, PERFORMED);
    g_assert_cmpuint(ours.resets, ==, 1);
    tear_down();
}

static void inject_on(guint16 stream, guint32 tsn, guint16 number, const char *text)
{
    GByteArray *packet = packet_new();

    add_data(packet, 3, tsn, stream, number, text, strlen(text));
    inject(packet);
}

/* The remote's request N that all its streams end after LAST, or the STREAMS that are named */
static guint32 ask_for_resets(guint32 n, guint32 last, const char *streams, gsize length)
{
    guint8 rest[16];

    put32(rest, ours.initial_tsn - 1);
    put32(rest + 4, last);
    memcpy(rest + 8, streams, length);
    return ask(13, n, rest, 8 + length);
}

/* RFC 6525 5.2.2 E4: those that are named and no other, or all of them if none is */
static void test_reset_some(void)
{
    guint32 tsn;

    set_up();
    tsn = remote.initial_tsn;
    inject_on(1, tsn, 0, "a");
    inject_on(3, tsn + 1, 0, "b");
    inject_on(5, tsn + 2, 0, "c");
    g_assert_cmpuint(ask_for_resets(0, tsn + 2, "\0\1\0\5", 4), ==, PERFORMED);
    g_assert_cmpuint(ours.resets, ==, 2);
    inject_on(1, tsn + 3, 0, "d");
    inject_on(3, tsn + 4, 1, "e");
    inject_on(5, tsn + 5, 0, "f");
    assert_messages("a|b|c|d|e|f|");
    g_assert_cmpuint(ask_for_resets(1, tsn + 5, "", 0), ==, PERFORMED);
    inject_on(1, tsn + 6, 0, "g");
    inject_on(3, tsn + 7, 0, "h");
    inject_on(5, tsn + 8, 0, "i");
    assert_messages("a|b|c|d|e|f|g|h|i|");
    tear_down();
}

/*
 * RFC 6525 5.2.2 E2, E5: what is behind the reset waits for what is before it, other streams do not,
 * and nothing more has to come than what was missing.
 */
static void test_reset_deferred(void)
{
    const guint8 *chunk;
    guint32 tsn;
    gsize length;

    set_up();
    tsn = remote.initial_tsn;
    inject_data(tsn, 0, "one");
    inject_data(tsn + 2, 2, "three");
    g_assert_cmpuint(ask_for_reset(0, tsn + 2), ==, IN_PROGRESS);
    inject_data(tsn + 3, 0, "anew");
    inject_on(3, tsn + 4, 0, "other");
    assert_messages("one|other|");
    g_assert_cmpuint(ask_for_reset(0, tsn + 2), ==, IN_PROGRESS);
    drop_out(&ours);
    inject_data(tsn + 1, 1, "two");
    assert_messages("one|other|two|three|");
    for (guint i = 0; ours.resets == 0 && i < 10; i++)
        step();
    g_assert_cmpuint(ours.resets, ==, 1);
    chunk = last_chunk(ANSWER_RE_CONFIG, &length);
    g_assert_cmpuint(get32(chunk + 12), ==, PERFORMED);
    inject_data(tsn + 3, 0, "anew"); /* it was as good as lost */
    assert_messages("one|other|two|three|anew|");
    g_assert_cmpuint(ask_for_reset(0, tsn + 2), ==, PERFORMED);
    g_assert_cmpuint(ours.resets, ==, 1);
    tear_down();
}

/*
 * RFC 6525 5.2.1, 5.1.1: two requests of one chunk have their answers in one, which is not repeated.
 * What is not done takes what is beside it along.
 */
static void test_answers_in_one(void)
{
    guint8 requests[16 + 2 + 2 + 8 + 2] = {[1] = 13, [3] = 18, [17] = 1, [21] = 14, [23] = 10};
    GByteArray *packet;
    const guint8 *chunk;
    gsize length;

    set_up();
    packet = packet_new();
    put32(requests + 4, remote.initial_tsn);
    put32(requests + 8, ours.initial_tsn - 1);
    put32(requests + 12, remote.initial_tsn - 1);
    put32(requests + 24, remote.initial_tsn + 1);
    add_chunk(packet, ANSWER_RE_CONFIG, 0, requests, sizeof requests);
    drop_out(&ours);
    inject(packet);
    g_assert_cmpuint(count_chunks(ANSWER_RE_CONFIG), ==, 1);
    chunk = last_chunk(ANSWER_RE_CONFIG, &length);
    g_assert_cmpuint(length, ==, 4 + 2 * 12);
    g_assert_cmpuint(get32(chunk + 8), ==, remote.initial_tsn);
    g_assert_cmpuint(get32(chunk + 12), ==, DENIED);
    g_assert_cmpuint(get32(chunk + 20), ==, remote.initial_tsn + 1);
    g_assert_cmpuint(get32(chunk + 24), ==, DENIED);
    drop_out(&ours);
    for (gint64 end = clock_monotonic() + 20 * G_USEC_PER_SEC; clock_monotonic() < end;)
        step();
    g_assert_cmpuint(count_chunks(ANSWER_RE_CONFIG), ==, 0);
    tear_down();
}

/* RFC 6525 5.2.5: streams that the remote adds are answered, and begin with 0 */
static void test_added_by_remote(void)
{
    guint16 first;
    guint8 count[4];
    guint8 *init;
    g_autoptr(GByteArray) packet = NULL;

    set_up();
    packet = g_bytes_unref_to_array(g_bytes_ref(remote.init));
    init = packet->data + HEADER;
    first = init[12] << 8 | init[13];
    put32(count, 4 << 16);
    g_assert_cmpuint(ask(17, 0, count, 4), ==, PERFORMED);
    inject_on(first + 3, remote.initial_tsn, 0, "added");
    assert_messages("added|");
    put32(count, 0xffffu << 16);
    g_assert_cmpuint(ask(17, 1, count, 4), !=, PERFORMED);
    tear_down();
}

/* RFC 6525 5.1.1: who never answers is gone, as if it had never acknowledged DATA */
static void test_never_answered(void)
{
    guint requests = 0;

    set_up();
    association_reset_stream(ours.sctp, 2);
    while (ours.state == TRANSPORT_CONNECTED) {
        requests += count_chunks(ANSWER_RE_CONFIG);
        drop_out(&ours);
        step();
    }
    g_assert_cmpint(ours.state, ==, TRANSPORT_FAILED);
    g_assert_cmpuint(requests, >, 3);
    tear_down();
}

static void answer(guint32 n, guint32 result)
{
    guint8 response[12] = {[1] = 16, [3] = 12};
    GByteArray *packet = packet_new();

    put32(response + 4, ours.initial_tsn + n);
    put32(response + 8, result);
    add_chunk(packet, ANSWER_RE_CONFIG, 0, response, sizeof response);
    inject(packet);
}

/* RFC 6525 5.2.7: who says that it is not done yet is asked again, as long as it takes */
static void test_in_progress(void)
{
    set_up();
    association_reset_stream(ours.sctp, 2);
    for (guint i = 0; i < 30; i++) {
        wait_for_any(ANSWER_RE_CONFIG, ANSWER_RE_CONFIG);
        drop_out(&ours);
        answer(0, IN_PROGRESS);
        g_assert_cmpuint(ours.local_resets, ==, 0);
        g_assert_cmpint(ours.state, ==, TRANSPORT_CONNECTED);
    }
    answer(0, PERFORMED);
    g_assert_cmpuint(ours.local_resets, ==, 1);
    tear_down();
}

/* RFC 6525 5.2.7 C4: when the answer has come, the numbers of the stream begin anew */
static void test_numbers_anew(void)
{
    const AssociationMessage message = message_of("x", 1);
    const guint8 *chunk;
    gsize length;

    set_up();
    for (guint16 i = 0; i < 2; i++) {
        association_send(ours.sctp, &message);
        chunk = last_chunk(0, &length);
        g_assert_cmpuint(get32(chunk + 8), ==, 1u << 16 | i);
        carry_until_acknowledged();
    }
    association_reset_stream(ours.sctp, 1);
    deliver(&ours, &remote);
    deliver(&remote, &ours);
    g_assert_cmpuint(ours.local_resets, ==, 1);
    association_send(ours.sctp, &message);
    chunk = last_chunk(0, &length);
    g_assert_cmpuint(get32(chunk + 8), ==, 1u << 16);
    tear_down();
}

static void inject_forward(guint32 tsn, guint16 stream, guint16 number)
{
    guint8 forward[8];
    GByteArray *packet = packet_new();

    put32(forward, tsn);
    put32(forward + 4, (guint32) stream << 16 | number);
    add_chunk(packet, FORWARD_TSN, 0, forward, sizeof forward);
    drop_out(&ours);
    inject(packet);
}

/* RFC 3758 3.6: what waited behind what was given up is delivered; an old one changes nothing */
static void test_forward_tsn(void)
{
    guint32 tsn;
    gsize length;

    set_up();
    tsn = remote.initial_tsn;
    inject_data(tsn, 0, "one");
    inject_data(tsn + 2, 2, "three");
    assert_messages("one|");
    inject_forward(tsn + 1, 1, 1);
    assert_messages("one|three|");
    inject_forward(tsn, 1, 0);
    g_assert_cmpuint(count_chunks(3), ==, 1);
    g_assert_cmpuint(get32(last_chunk(3, &length) + 4), ==, tsn + 2);
    inject_data(tsn + 3, 3, "four");
    assert_messages("one|three|four|");
    inject_data(tsn + 1, 1, "two"); /* too late */
    assert_messages("one|three|four|");
    tear_down();
}

/* RFC 3758 3.2, 3.5: all of a message that is given up, and of an unordered one no stream */
static void test_giving_up(gconstpointer data)
{
    static const guint8 bytes[3000];
    const char *kind = data;
    const bool ordered = strcmp(kind, "unordered") != 0;
    AssociationMessage message = message_of(bytes, sizeof bytes);
    const guint8 *chunk;
    guint32 last;
    gsize length;

    set_up();
    message.ordered = ordered;
    if (strcmp(kind, "lifetime") == 0)
        message.max_packet_lifetime = 1;
    else
        message.max_retransmits = 0;
    association_send(ours.sctp, &message);
    g_assert_cmpuint(count_chunks(0), >, 1);
    last = ours.last_tsn;
    for (guint i = 0; i < 2; i++) { /* it may be lost, too */
        drop_out(&ours);
        wait_for_any(FORWARD_TSN, FORWARD_TSN);
        g_assert_cmpuint(count_chunks(0), ==, 0);
    }
    chunk = last_chunk(FORWARD_TSN, &length);
    g_assert_cmpuint(get32(chunk + 4), ==, last);
    g_assert_cmpint(length > 8, ==, ordered);
    for (gsize at = 8; at < length; at += 4)
        g_assert_cmpmem(chunk + at, 4, "\0\1\0\0", 4);
    message = message_of("the next", 8);
    association_send(ours.sctp, &message);
    carry_until_acknowledged();
    g_assert_cmpmem(remote.messages->data, remote.messages->len, "the next|", 9);
    tear_down();
}

/* RFC 3758 3.2, 3.6: what was given up is no gap any more, what is missing behind it is one */
static void test_forward_gaps(void)
{
    const guint8 *sack;
    guint32 tsn;
    gsize length;

    set_up();
    tsn = remote.initial_tsn;
    inject_data(tsn, 0, "one");
    inject_data(tsn + 2, 2, "three");
    inject_data(tsn + 5, 5, "six");
    inject_forward(tsn + 1, 1, 1);
    sack = last_chunk(3, &length);
    g_assert_cmpuint(length, ==, 16 + 4);
    g_assert_cmpuint(get32(sack + 4), ==, tsn + 2);
    g_assert_cmpmem(sack + 12, 8, "\0\1\0\0\0\3\0\3", 8);
    assert_messages("one|three|");
    tear_down();
}

/* RFC 3758 3.5 C3, F3: the SACK that shows the loss is answered by FORWARD TSN in half a second */
static void test_told_soon(void)
{
    AssociationMessage message = message_of("lost", 4);
    gint64 shown;

    set_up();
    message.max_retransmits = 0;
    association_send(ours.sctp, &message);
    drop_out(&ours);
    message.max_retransmits = -1;
    for (guint i = 0; i < 3; i++) { /* so many SACKs with the gap are a loss (RFC 9260 7.2.4) */
        association_send(ours.sctp, &message);
        deliver(&ours, &remote);
        deliver(&remote, &ours);
    }
    shown = clock_monotonic();
    wait_for_any(FORWARD_TSN, FORWARD_TSN);
    g_assert_cmpint(clock_monotonic() - shown, <=, 500 * 1000);
    tear_down();
}

/* How many packets of DATA go out at once, with LIMIT retransmissions each */
static guint count_burst(int limit)
{
    static const guint8 bytes[1000];
    AssociationMessage message = message_of(bytes, sizeof bytes);

    message.max_retransmits = limit;
    drop_out(&ours);
    for (guint i = 0; i < 20; i++)
        association_send(ours.sctp, &message);
    return count_chunks(0);
}

/* RFC 3758 3.5 A2, F5, RFC 7496 3.1: what is given up is a loss, and no credit */
static void test_loss_given_up(void)
{
    guint first;

    set_up();
    first = count_burst(0);
    g_assert_cmpuint(first, >, 1);
    drop_out(&ours);
    wait_for_any(FORWARD_TSN, FORWARD_TSN);
    deliver(&ours, &remote);
    deliver(&remote, &ours);
    g_assert_cmpuint(count_burst(-1), <, first);
    tear_down();
}

/* RFC 3758 4.1 TR3: usrsctp, which would send what is too old, is given little of what may get old. */
static void test_old_before_sent(void)
{
    static const guint8 bytes[1000];
    AssociationMessage message = message_of(bytes, sizeof bytes);
    guint taken = 0;

    set_up();
    for (guint i = 0; i < 20; i++)
        association_send(ours.sctp, &message);
    message.stream = 2;
    message.max_packet_lifetime = 60 * 1000;
    while (association_send(ours.sctp, &message) == ASSOCIATION_SENT)
        taken++;
    g_assert_cmpuint(taken, ==, UNSENT_MAX / sizeof bytes + 1);
    message.max_packet_lifetime = -1;
    g_assert_cmpint(association_send(ours.sctp, &message), ==, ASSOCIATION_NO_STREAM);
    message.stream = 3;
    g_assert_cmpint(association_send(ours.sctp, &message), ==, ASSOCIATION_SENT);
    message.stream = 2;
    message.max_packet_lifetime = 60 * 1000;
    while (taken < 100) {
        g_assert_cmpint(ours.state, ==, TRANSPORT_CONNECTED);
        deliver(&ours, &remote);
        deliver(&remote, &ours);
        step();
        while (association_send(ours.sctp, &message) == ASSOCIATION_SENT)
            taken++;
    }
    g_assert_cmpuint(ours.writable, >, 0);
    carry_until_acknowledged();
    g_assert_cmpuint(remote.messages->len, ==, (20 + 1 + taken) * 17);
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/extensions/offered", test_extensions);
    g_test_add_func("/extensions/interleaving", test_interleaving);
    g_test_add_func("/extensions/old-remote", test_old_remote);
    g_test_add_func("/extensions/reset-request", test_reset_request);
    g_test_add_func("/extensions/reset-answer", test_reset_answer);
    g_test_add_func("/extensions/reset-denied", test_reset_denied);
    g_test_add_func("/extensions/reset-some", test_reset_some);
    g_test_add_func("/extensions/reset-deferred", test_reset_deferred);
    g_test_add_func("/extensions/answers-in-one", test_answers_in_one);
    g_test_add_func("/extensions/added-by-remote", test_added_by_remote);
    g_test_add_func("/extensions/never-answered", test_never_answered);
    g_test_add_func("/extensions/in-progress", test_in_progress);
    g_test_add_func("/extensions/numbers-anew", test_numbers_anew);
    g_test_add_func("/extensions/forward-tsn", test_forward_tsn);
    g_test_add_data_func("/extensions/giving-up", "ordered", test_giving_up);
    g_test_add_data_func("/extensions/giving-up-unordered", "unordered", test_giving_up);
    g_test_add_data_func("/extensions/giving-up-lifetime", "lifetime", test_giving_up);
    g_test_add_func("/extensions/forward-gaps", test_forward_gaps);
    g_test_add_func("/extensions/told-soon", test_told_soon);
    g_test_add_func("/extensions/loss-given-up", test_loss_given_up);
    g_test_add_func("/extensions/old-before-sent", test_old_before_sent);
    return g_test_run();
}
