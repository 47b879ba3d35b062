/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The checksum against the vectors of RFC 3720 B.4, and its two ways against each other. */

#include <config.h>

#include "rtc/sctp/crc32c.h"

#include <string.h>

static void test_vectors(void)
{
    guint8 bytes[32];

    memset(bytes, 0, sizeof bytes);
    g_assert_cmphex(crc32c(bytes, 32), ==, 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    g_assert_cmphex(crc32c(bytes, 32), ==, 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        bytes[i] = i;
    g_assert_cmphex(crc32c(bytes, 32), ==, 0x46dd794e);
    g_assert_cmphex(crc32c_portable(bytes, 32), ==, 0x46dd794e);
    g_assert_cmphex(crc32c((const guint8 *) "123456789", 9), ==, 0xe3069283);
    g_assert_cmphex(crc32c(bytes, 0), ==, 0);
}

static void test_both_ways(void)
{
    GRand *random = g_rand_new_with_seed(9260);
    guint8 bytes[1500];

    for (gsize i = 0; i < sizeof bytes; i++)
        bytes[i] = g_rand_int(random);
    for (gsize start = 0; start < 16; start++) {
        for (gsize length = 0; length + start < sizeof bytes; length += 7)
            g_assert_cmphex(crc32c(bytes + start, length), ==,
                            crc32c_portable(bytes + start, length));
    }
    g_rand_free(random);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/crc32c/vectors", test_vectors);
    g_test_add_func("/crc32c/both-ways", test_both_ways);
    return g_test_run();
}
