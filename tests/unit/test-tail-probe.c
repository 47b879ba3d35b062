/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Copies of what is lost at the end, in virtual time. */

#include <config.h>

#include "rtc/sctp/tail-probe.h"

#include "fake-clock.h"
#include "rtc/sctp/chunks.h"
#include "rtc/sctp/crc32c.h"

#define ROUND_TRIP_USEC (100 * 1000)
#define SOON_USEC (ROUND_TRIP_USEC * 5 / 4 + 30 * 1000)
#define LONG_USEC (400 * 1000)
#define SIZE 1200
#define DATA_SIZE 20

static Transport lower;
static TailProbe *probe;
static guint64 measured;
static guint copies;
static GString *copied; /* the TSNs of the last copy */

/* Also whether it would be taken for a packet */
static bool on_send(Transport *transport, const guint8 *packet, gsize length)
{
    g_autofree guint8 *plain = g_memdup2(packet, length);
    gsize size;

    put32(plain + 8, 0);
    g_assert_cmpuint(GUINT32_FROM_LE(*(guint32 *) (packet + 8)), ==, crc32c(plain, length));
    g_assert_cmpuint(get16(packet), ==, 5000);
    copies++;
    g_string_truncate(copied, 0);
    for (gsize at = COMMON_HEADER; (size = chunk_size(packet, length, at)) > 0; at += size) {
        g_assert_cmpuint(packet[at], ==, CHUNK_DATA);
        g_string_append_printf(copied, "%u ", get32(packet + at + CHUNK_HEADER));
    }
    return true;
}

static guint64 on_measured(gpointer data)
{
    return measured;
}

static void set_up(void)
{
    transport_init(&lower, "test", on_send);
    copied = g_string_new(NULL);
    copies = 0;
    measured = ROUND_TRIP_USEC;
    probe = tail_probe_new(&lower, SIZE, ROUND_TRIP_USEC, on_measured, NULL);
}

static void tear_down(void)
{
    tail_probe_free(probe);
    g_string_free(copied, TRUE);
    transport_clear(&lower);
}

/* A packet with a SACK first, as usrsctp bundles them, and a message of LENGTH */
static void send(guint32 tsn, gsize length)
{
    guint8 packet[SIZE + 100] = {};
    guint8 *data = packet + COMMON_HEADER + 16;

    put16(packet, 5000);
    packet[COMMON_HEADER] = CHUNK_SACK;
    put16(packet + COMMON_HEADER + 2, 16);
    put16(data + 2, length);
    put32(data + CHUNK_HEADER, tsn);
    tail_probe_output(probe, packet, COMMON_HEADER + 16 + length);
}

static void acknowledge(guint32 tsn, guint gaps)
{
    guint8 packet[COMMON_HEADER + 20] = {};

    packet[COMMON_HEADER] = CHUNK_SACK;
    put16(packet + COMMON_HEADER + 2, 16 + 4 * gaps);
    put32(packet + COMMON_HEADER + CHUNK_HEADER, tsn);
    put16(packet + COMMON_HEADER + 12, gaps);
    tail_probe_input(probe, packet, COMMON_HEADER + 16 + 4 * gaps);
}

/* All that is not acknowledged comes in one packet, twice at most, the second time later. */
static void test_lost(void)
{
    set_up();
    send(7, DATA_SIZE);
    send(8, DATA_SIZE);
    fake_clock_advance(SOON_USEC - 2000);
    g_assert_cmpuint(copies, ==, 0);
    fake_clock_advance(3000);
    g_assert_cmpuint(copies, ==, 1);
    g_assert_cmpstr(copied->str, ==, "7 8 ");
    fake_clock_advance(SOON_USEC);
    g_assert_cmpuint(copies, ==, 1);
    fake_clock_advance(SOON_USEC);
    g_assert_cmpuint(copies, ==, 2);
    fake_clock_advance(20 * SOON_USEC);
    g_assert_cmpuint(copies, ==, 2);
    tear_down();
}

static void test_acknowledged(void)
{
    set_up();
    send(7, DATA_SIZE);
    send(8, DATA_SIZE);
    fake_clock_advance(ROUND_TRIP_USEC);
    acknowledge(7, 0);
    fake_clock_advance(SOON_USEC + 2000);
    g_assert_cmpstr(copied->str, ==, "8 ");
    acknowledge(8, 0);
    fake_clock_advance(20 * SOON_USEC);
    g_assert_cmpuint(copies, ==, 1);
    tear_down();
}

/* Who has the second one will not get the first one by waiting. */
static void test_gap(void)
{
    set_up();
    send(7, DATA_SIZE);
    send(8, DATA_SIZE);
    fake_clock_advance(ROUND_TRIP_USEC);
    acknowledge(6, 1);
    fake_clock_advance(ROUND_TRIP_USEC / 4 + 2000);
    g_assert_cmpuint(copies, ==, 1);
    tear_down();
}

/* What is more than a packet is usrsctp's, and so is what it sends again itself. */
static void test_left(void)
{
    set_up();
    send(7, 700);
    send(8, 700);
    fake_clock_advance(20 * SOON_USEC);
    g_assert_cmpuint(copies, ==, 0);
    send(9, DATA_SIZE);
    acknowledge(8, 0);
    fake_clock_advance(20 * SOON_USEC);
    g_assert_cmpuint(copies, ==, 0);
    acknowledge(9, 0);
    send(10, DATA_SIZE);
    fake_clock_advance(SOON_USEC + 2000);
    g_assert_cmpuint(copies, ==, 1);
    send(10, DATA_SIZE);
    fake_clock_advance(20 * SOON_USEC);
    g_assert_cmpuint(copies, ==, 1);
    tear_down();
}

/* A queue that has grown on the way is no loss. */
static void test_longer(void)
{
    set_up();
    measured = LONG_USEC;
    send(7, DATA_SIZE);
    fake_clock_advance(LONG_USEC);
    g_assert_cmpuint(copies, ==, 0);
    acknowledge(7, 0);
    fake_clock_advance(20 * SOON_USEC);
    g_assert_cmpuint(copies, ==, 0);
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tail-probe/lost", test_lost);
    g_test_add_func("/tail-probe/acknowledged", test_acknowledged);
    g_test_add_func("/tail-probe/gap", test_gap);
    g_test_add_func("/tail-probe/left", test_left);
    g_test_add_func("/tail-probe/longer", test_longer);
    return g_test_run();
}
