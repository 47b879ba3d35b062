/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The DCEP codec, byte by byte against RFC 8832 5.1, and what is malformed.
 */

#include <config.h>

#include "rtc/channel/dcep.h"

#include <string.h>

#include "rtc/connection.h"

static void test_bytes(void)
{
    static const guint8 expected[] = {0x03, 0x81, 0x02, 0x00, 0,   0,   0,   5,  0,
                                      2,    0,    3,    'h',  'i', 'p', 'r', 'o'};
    DcepOpen open = {.ordered = false,
                     .max_retransmits = 5,
                     .max_packet_lifetime = -1,
                     .priority = 512,
                     .label = (char *) "hi",
                     .protocol = (char *) "pro"};
    g_autoptr(GBytes) bytes = dcep_write_open(&open);
    g_autoptr(GBytes) ack = dcep_write_ack();

    g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), expected,
                    sizeof expected);
    g_assert_cmpmem(g_bytes_get_data(ack, NULL), g_bytes_get_size(ack), "\x02", 1);
}

static void test_round_trip(void)
{
    static const struct {
        bool ordered;
        int retransmits, lifetime;
    } cases[] = {
        {true, -1, -1}, {false, -1, -1}, {true, 0, -1},
        {false, 7, -1}, {true, -1, 0},   {false, -1, 300},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        DcepOpen open = {.ordered = cases[i].ordered,
                         .max_retransmits = cases[i].retransmits,
                         .max_packet_lifetime = cases[i].lifetime,
                         .priority = 256,
                         .label = (char *) "Grüße",
                         .protocol = (char *) ""};
        g_autoptr(GBytes) bytes = dcep_write_open(&open);
        gsize length;
        const guint8 *data = g_bytes_get_data(bytes, &length);
        g_auto(DcepOpen) parsed = {};
        DcepType type;

        g_assert_true(dcep_type(data, length, &type, NULL));
        g_assert_cmpint(type, ==, DCEP_OPEN);
        g_assert_true(dcep_parse_open(data, length, &parsed, NULL));
        g_assert_cmpint(parsed.ordered, ==, open.ordered);
        g_assert_cmpint(parsed.max_retransmits, ==, open.max_retransmits);
        g_assert_cmpint(parsed.max_packet_lifetime, ==, open.max_packet_lifetime);
        g_assert_cmpint(parsed.priority, ==, 256);
        g_assert_cmpstr(parsed.label, ==, "Grüße");
        g_assert_cmpstr(parsed.protocol, ==, "");
        for (gsize cut = 0; cut < length; cut++)
            g_assert_false(dcep_parse_open(data, cut, &(DcepOpen){}, NULL));
    }
}

/* RFC 8832 5.1: of a reliable channel it is 0, and nobody looks */
static void test_reliability_parameter(void)
{
    static const guint8 sent[] = {3, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    guint8 received[] = {3, 0, 1, 0, 0xff, 0, 0, 9, 0, 0, 0, 0};
    g_auto(DcepOpen) parsed = {};
    DcepOpen open = {.max_retransmits = -1,
                     .max_packet_lifetime = -1,
                     .priority = 256,
                     .label = (char *) "",
                     .protocol = (char *) ""};
    g_autoptr(GBytes) bytes = dcep_write_open(&open);

    g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), sent, sizeof sent);
    g_assert_true(dcep_parse_open(received, sizeof received, &parsed, NULL));
    g_assert_cmpint(parsed.max_retransmits, ==, -1);
    g_assert_cmpint(parsed.max_packet_lifetime, ==, -1);
    dcep_open_clear(&parsed);
    received[1] = 0x81;
    g_assert_true(dcep_parse_open(received, sizeof received, &parsed, NULL));
    g_assert_cmpint(parsed.max_retransmits, ==, G_MAXINT);
}

static void test_malformed(void)
{
    static const struct {
        guint8 bytes[16];
        gsize length;
    } bad[] = {
        {{0x03}, 1},
        {{0x03, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 'x'}, 13},    /* label too long */
        {{0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'x'}, 13},    /* a byte too many */
        {{0x03, 0x03, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'x'}, 13}, /* channel type */
        {{0x03, 0x7f, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'x'}, 13},
        {{0x03, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xff}, 13},   /* not UTF-8 */
        {{0x03, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 'x', 0}, 14}, /* a NUL */
        {{0x03, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 12},
    };
    DcepType type;
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        DcepOpen untouched = {.priority = 77};
        g_autoptr(GError) local = NULL;

        g_assert_false(dcep_parse_open(bad[i].bytes, bad[i].length, &untouched, &local));
        g_assert_error(local, RTC_ERROR, RTC_ERROR_INVALID);
        g_assert_cmpint(untouched.priority, ==, 77);
        g_assert_null(untouched.label);
    }
    g_assert_false(dcep_type(NULL, 0, &type, &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_INVALID);
    g_assert_false(dcep_type((const guint8 *) "\x04", 1, &type, NULL));
}

static void test_noise(void)
{
    GRand *random = g_rand_new_with_seed(8832);
    guint good = 0;

    for (int i = 0; i < 50000; i++) {
        guint8 bytes[32] = {0x03};
        gsize length = g_rand_int_range(random, 1, sizeof bytes);
        g_auto(DcepOpen) open = {};

        for (gsize j = 1; j < length; j++)
            bytes[j] = g_rand_int_range(random, 0, 4) ? 0 : g_rand_int_range(random, 0, 256);
        if (length >= 12)
            bytes[9] = length - 12;
        good += dcep_parse_open(bytes, length, &open, NULL);
    }
    g_assert_cmpuint(good, >, 0);
    g_rand_free(random);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dcep/bytes", test_bytes);
    g_test_add_func("/dcep/round-trip", test_round_trip);
    g_test_add_func("/dcep/reliability-parameter", test_reliability_parameter);
    g_test_add_func("/dcep/malformed", test_malformed);
    g_test_add_func("/dcep/noise", test_noise);
    return g_test_run();
}
