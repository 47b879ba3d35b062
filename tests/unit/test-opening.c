/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* How long the handshake of the descriptions may go unproven, without usrsctp and in virtual time. */

#include <config.h>

#include "rtc/sctp/opening.h"

#include "fake-clock.h"
#include "rtc/sctp/opening-chunk.h"

#define PORT 5000
#define HEARTBEAT_ACK 5

static struct {
    guint inputs, asked, proven, failed;
} told;

static void on_input(guint8 *packet, gsize length, gpointer data)
{
    told.inputs++;
}

static bool on_is_up(gpointer data)
{
    return told.inputs == 2;
}

static void on_ask(gpointer data)
{
    told.asked++;
}

static void on_proven(gpointer data)
{
    told.proven++;
}

static void on_failed(gpointer data)
{
    told.failed++;
}

static const OpeningUser user = {
    .input = on_input,
    .is_up = on_is_up,
    .ask = on_ask,
    .proven = on_proven,
    .failed = on_failed,
};

typedef struct {
    Gate gate;
    SctpOpening *opening;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer round_trip)
{
    g_autoptr(GBytes) own = opening_chunk_describe();
    g_autoptr(GBytes) remote = opening_chunk_describe();

    told.inputs = told.asked = told.proven = told.failed = 0;
    fixture->gate = (Gate){.local_port = PORT, .remote_port = PORT, .tag = opening_chunk_tag(own)};
    fixture->opening =
        opening_new(own, remote, GPOINTER_TO_UINT(round_trip), &fixture->gate, &user, NULL);
    g_assert_true(opening_is_silent(fixture->opening));
    opening_begin(fixture->opening, true);
    g_assert_false(opening_is_silent(fixture->opening));
    g_assert_true(fixture->gate.connected);
    g_assert_cmpuint(told.inputs, ==, 2);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    opening_free(fixture->opening);
}

/* A HEARTBEAT-ACK with TAG */
static void answer(Fixture *fixture, guint32 tag)
{
    const guint8 packet[] = {
        PORT >> 8, PORT & 0xff, PORT >> 8, PORT & 0xff, tag >> 24,     tag >> 16, tag >> 8, tag,
        0,         0,           0,         0,           HEARTBEAT_ACK, 0,         0,        4};

    opening_input(fixture->opening, packet, sizeof packet);
}

static void test_proven(Fixture *fixture, gconstpointer data)
{
    fake_clock_advance(G_USEC_PER_SEC);
    g_assert_cmpuint(told.asked, >, 0);
    answer(fixture, fixture->gate.tag + 1);
    g_assert_cmpuint(told.proven, ==, 0);
    answer(fixture, fixture->gate.tag);
    g_assert_cmpuint(told.proven, ==, 1);
    fake_clock_advance(60 * G_USEC_PER_SEC);
    g_assert_cmpuint(told.failed, ==, 0);
}

static void test_unproven(Fixture *fixture, gconstpointer data)
{
    fake_clock_advance(15 * G_USEC_PER_SEC);
    g_assert_cmpuint(told.failed, ==, 0);
    fake_clock_advance(15 * G_USEC_PER_SEC);
    g_assert_cmpuint(told.failed, ==, 1);
}

/* usrsctp has measured nothing, but that no time went by. */
static void test_round_trip(Fixture *fixture, gconstpointer data)
{
    g_assert_cmpuint(opening_rto_min(fixture->opening), >=, 600);
    g_assert_cmpuint(opening_round_trip_usec(fixture->opening), ==, 300 * 1000);
    fake_clock_advance(5 * G_USEC_PER_SEC);
    g_assert_cmpuint(opening_round_trip_usec(fixture->opening), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fake_clock_set(G_USEC_PER_SEC, G_USEC_PER_SEC);
    g_test_add("/opening/proven", Fixture, NULL, set_up, test_proven, tear_down);
    g_test_add("/opening/unproven", Fixture, NULL, set_up, test_unproven, tear_down);
    g_test_add("/opening/round-trip", Fixture, GUINT_TO_POINTER(300 * 1000), set_up,
               test_round_trip, tear_down);
    return g_test_run();
}
