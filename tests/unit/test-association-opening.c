/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Two associations whose handshake the descriptions have had, or should have had. */

#include <config.h>

#include <string.h>

#include "association-ends.h"
#include "association-message.h"
#include "fake-clock.h"
#include "rtc/sctp/opening-chunk.h"

#define INIT_STREAMS 12
#define INIT_TSN 16
#define INIT_PARAMETERS 20

static const guint8 *chunk_of(GBytes *described)
{
    return g_bytes_get_data(described, NULL);
}

/* What we say before usrsctp has begun is what it says then. */
static void test_described(void)
{
    g_autoptr(GBytes) described = opening_chunk_describe();
    gsize length, said_length;
    const guint8 *said = g_bytes_get_data(described, &said_length), *packet;

    begin_by(&(EndDescription){}, &(EndDescription){});
    g_assert_cmpuint(g_queue_get_length(&remote.out), ==, 1);
    packet = g_bytes_get_data(remote.out.head->data, &length);
    g_assert_cmpmem(packet + HEADER, 4, said, 4);
    g_assert_cmpmem(packet + HEADER + 8, 8, said + 8, 8);
    g_assert_cmpmem(packet + HEADER + INIT_PARAMETERS, length - HEADER - INIT_PARAMETERS,
                    said + INIT_PARAMETERS, said_length - INIT_PARAMETERS);
    tear_down();
}

static AssociationResult try_text(End *end, const char *text)
{
    const AssociationMessage message = message_of(text, strlen(text));

    return association_send(end->sctp, &message);
}

static void send_text(End *end, const char *text)
{
    g_assert_cmpint(try_text(end, text), ==, ASSOCIATION_SENT);
}

/* The remote opens. FIRST and SECOND are what it and we take for the chunks of both. */
static void set_up_by(const EndDescription *first, const EndDescription *second)
{
    begin_by(first, second);
    send_text(&remote, "first");
    association_start(remote.sctp);
    association_start(ours.sctp);
}

static gboolean both_are_up(void)
{
    deliver(&remote, &ours);
    deliver(&ours, &remote);
    return remote.state == TRANSPORT_CONNECTED && ours.state == TRANSPORT_CONNECTED;
}

/* By the clock of the ordinary handshake */
static void wait_for_both(void)
{
    while (!both_are_up())
        fake_clock_advance(10 * 1000);
}

/* The first packet has the first message in it, with the TSN of the description. */
static void test_opening(void)
{
    g_autoptr(GBytes) theirs = opening_chunk_describe();
    g_autoptr(GBytes) own = opening_chunk_describe();

    set_up_by(&(EndDescription){theirs, own, true}, &(EndDescription){own, theirs, false});
    g_assert_cmpint(remote.state, ==, TRANSPORT_CONNECTED);
    g_assert_cmpuint(remote.last_tsn, ==, get32(chunk_of(theirs) + INIT_TSN));
    g_assert_cmpint(ours.state, ==, TRANSPORT_CONNECTING);
    g_assert_true(g_queue_is_empty(&ours.out));
    deliver(&remote, &ours);
    g_assert_cmpint(ours.state, ==, TRANSPORT_CONNECTED);
    assert_messages("first|");
    send_text(&ours, "second");
    g_assert_cmpuint(ours.last_tsn, ==, get32(chunk_of(own) + INIT_TSN));
    deliver(&ours, &remote);
    g_assert_cmpmem(remote.messages->data, remote.messages->len, "second|", 7);
    association_reset_stream(remote.sctp, 1); /* its requests count from there, too */
    while (ours.resets == 0)
        both_are_up();
    tear_down();
}

/* What we have to say before we know that we are up waits for that: usrsctp would put it behind the
 * COOKIE-ECHO that crosses no path. */
static void test_opening_blocked(void)
{
    g_autoptr(GBytes) theirs = opening_chunk_describe();
    g_autoptr(GBytes) own = opening_chunk_describe();

    set_up_by(&(EndDescription){theirs, own, true}, &(EndDescription){own, theirs, false});
    g_assert_cmpint(try_text(&ours, "early"), ==, ASSOCIATION_BLOCKED);
    g_assert_cmpuint(ours.writable, ==, 0);
    deliver(&remote, &ours);
    g_assert_cmpuint(ours.writable, ==, 1);
    send_text(&ours, "early");
    deliver(&ours, &remote);
    g_assert_cmpmem(remote.messages->data, remote.messages->len, "early|", 6);
    tear_down();
}

/* Whoever carried our description has left it out: the remote knows nothing of it. */
static void test_opening_left_out(void)
{
    g_autoptr(GBytes) theirs = opening_chunk_describe();
    g_autoptr(GBytes) own = opening_chunk_describe();

    set_up_by(&(EndDescription){}, &(EndDescription){own, theirs, false});
    g_assert_cmpint(try_text(&ours, "early"), ==, ASSOCIATION_BLOCKED);
    wait_for_both();
    both_are_up();
    assert_messages("first|");
    g_assert_cmpuint(ours.writable, ==, 1);
    tear_down();
}

/* Whose TSN is another one would lose messages that are acknowledged: the handshake is the ordinary
 * one, as for what cannot be an INIT. */
static void test_opening_altered(void)
{
    static const guint at[] = {INIT_STREAMS, INIT_TSN, INIT_PARAMETERS + 3};

    for (guint i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autoptr(GBytes) theirs = opening_chunk_describe();
        g_autoptr(GBytes) own = opening_chunk_describe();
        GByteArray *bytes = g_bytes_unref_to_array(g_bytes_ref(own));
        g_autoptr(GBytes) altered = NULL;

        bytes->data[at[i]] ^= 4;
        altered = g_byte_array_free_to_bytes(bytes);
        set_up_by(&(EndDescription){theirs, altered, true}, &(EndDescription){own, theirs, false});
        g_assert_cmpint(remote.state, ==, TRANSPORT_CONNECTING);
        wait_for_both();
        tear_down();
    }
}

/* With other numbers in it each is alone, and the remote's packets are nothing to us. */
static void test_opening_forged(void)
{
    g_autoptr(GBytes) theirs = opening_chunk_describe();
    g_autoptr(GBytes) own = opening_chunk_describe();
    g_autoptr(GBytes) forged = opening_chunk_describe();

    set_up_by(&(EndDescription){theirs, forged, true}, &(EndDescription){own, theirs, false});
    g_assert_cmpint(remote.state, ==, TRANSPORT_CONNECTED);
    deliver(&remote, &ours);
    both_are_up();
    g_assert_cmpint(ours.state, ==, TRANSPORT_CONNECTING);
    assert_messages("");
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/association/described", test_described);
    g_test_add_func("/association/opening", test_opening);
    g_test_add_func("/association/opening-blocked", test_opening_blocked);
    g_test_add_func("/association/opening-left-out", test_opening_left_out);
    g_test_add_func("/association/opening-altered", test_opening_altered);
    g_test_add_func("/association/opening-forged", test_opening_forged);
    return g_test_run();
}
