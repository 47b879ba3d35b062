/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * usrsctp computes the checksum a byte at a time, which is an eighth of a bulk
 * transfer's time. Here the way is chosen once, at the first call: SSE 4.2 on
 * x86-64, the CRC extension on ARMv8, else tables for four bytes at a time.
 */

#include "config.h"

#include "rtc/crc32c.h"

#include <stdbool.h>
#include <string.h>

#if defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <nmmintrin.h>
#endif

#define POLYNOMIAL 0x82f63b78u /* reflected */

static guint32 tables[4][256];

static void make_tables(void)
{
    for (guint32 i = 0; i < 256; i++) {
        guint32 crc = i;

        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        tables[0][i] = crc;
    }
    for (guint32 i = 0; i < 256; i++) {
        for (int n = 1; n < 4; n++)
            tables[n][i] = tables[n - 1][i] >> 8 ^ tables[0][tables[n - 1][i] & 0xff];
    }
}

guint32 crc32c_portable(const guint8 *bytes, gsize length)
{
    static gsize made;
    guint32 crc = ~0u;

    if (g_once_init_enter(&made)) {
        make_tables();
        g_once_init_leave(&made, 1);
    }
    for (; length >= 4; bytes += 4, length -= 4) {
        crc ^= bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (guint32) bytes[3] << 24;
        crc = tables[3][crc & 0xff] ^ tables[2][crc >> 8 & 0xff] ^ tables[1][crc >> 16 & 0xff] ^
              tables[0][crc >> 24];
    }
    for (; length > 0; bytes++, length--)
        crc = crc >> 8 ^ tables[0][(crc ^ *bytes) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static guint32 by_instruction(const guint8 *bytes, gsize length)
{
    guint64 crc = ~0u, word;

    for (; length >= 8; bytes += 8, length -= 8) {
        memcpy(&word, bytes, 8);
        crc = _mm_crc32_u64(crc, word);
    }
    for (; length > 0; bytes++, length--)
        crc = _mm_crc32_u8(crc, *bytes);
    return ~(guint32) crc;
}

static bool have_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

#elif defined(__aarch64__) && G_BYTE_ORDER == G_LITTLE_ENDIAN

__attribute__((target("+crc"))) static guint32 by_instruction(const guint8 *bytes, gsize length)
{
    guint32 crc = ~0u;
    guint64 word;

    for (; length >= 8; bytes += 8, length -= 8) {
        memcpy(&word, bytes, 8);
        crc = __crc32cd(crc, word);
    }
    for (; length > 0; bytes++, length--)
        crc = __crc32cb(crc, *bytes);
    return ~crc;
}

static bool have_instruction(void)
{
    return getauxval(AT_HWCAP) & (1 << 7); /* HWCAP_CRC32 */
}

#else

static guint32 by_instruction(const guint8 *bytes, gsize length)
{
    return crc32c_portable(bytes, length);
}

static bool have_instruction(void)
{
    return false;
}

#endif

guint32 crc32c(const guint8 *bytes, gsize length)
{
    static int chosen = -1;

    if (chosen < 0)
        chosen = have_instruction();
    return chosen ? by_instruction(bytes, length) : crc32c_portable(bytes, length);
}
