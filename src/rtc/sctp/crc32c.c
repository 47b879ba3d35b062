/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * usrsctp computes the checksum a byte at a time, which is an eighth of a bulk
 * transfer's time. Here the way is chosen once, at the first call: SSE 4.2 on
 * x86-64, the CRC extension on ARMv8, else tables for four bytes at a time.
 *
 * The instruction gives its result after three cycles, but can be begun in
 * each. So three lanes of a packet go through it side by side, and are put
 * together by a table of what LANE more bytes make of a checksum (it is linear:
 * of each of its bytes alone, then added up).
 */

#include <config.h>

#include "rtc/sctp/crc32c.h"

#include <stdbool.h>
#include <string.h>

#define CHECKSUM_OFFSET 8 /* in the common header (RFC 9260 3.1) */

#if defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <nmmintrin.h>
#endif

#define POLYNOMIAL 0x82f63b78u /* reflected */

#define LANE 128

static guint32 tables[4][256];
static guint32 shifts[4][256];

static guint32 slowly_shifted(guint32 crc)
{
    for (int i = 0; i < LANE; i++)
        crc = crc >> 8 ^ tables[0][crc & 0xff];
    return crc;
}

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
    for (guint32 i = 0; i < 256; i++) {
        for (int n = 0; n < 4; n++)
            shifts[n][i] = slowly_shifted(i << 8 * n);
    }
}

static void need_tables(void)
{
    static gsize made;

    if (g_once_init_enter(&made)) {
        make_tables();
        g_once_init_leave(&made, 1);
    }
}

guint32 crc32c_portable(const guint8 *bytes, gsize length)
{
    guint32 crc = ~0u;

    need_tables();
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

#define WITH_INSTRUCTION __attribute__((target("sse4.2")))
#define add_word _mm_crc32_u64
#define add_byte _mm_crc32_u8

static bool have_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

#elif defined(__aarch64__) && G_BYTE_ORDER == G_LITTLE_ENDIAN

#define WITH_INSTRUCTION __attribute__((target("+crc")))
#define add_word __crc32cd
#define add_byte __crc32cb

static bool have_instruction(void)
{
    return getauxval(AT_HWCAP) & (1 << 7); /* HWCAP_CRC32 */
}

#endif

#ifdef WITH_INSTRUCTION

static guint32 shifted(guint32 crc)
{
    return shifts[0][crc & 0xff] ^ shifts[1][crc >> 8 & 0xff] ^ shifts[2][crc >> 16 & 0xff] ^
           shifts[3][crc >> 24];
}

static guint64 word_at(const guint8 *bytes)
{
    guint64 word;

    memcpy(&word, bytes, sizeof word);
    return word;
}

WITH_INSTRUCTION static guint32 three_lanes(guint32 crc, const guint8 *bytes)
{
    guint32 second = 0, third = 0;

    for (int i = 0; i < LANE; i += 8) {
        crc = add_word(crc, word_at(bytes + i));
        second = add_word(second, word_at(bytes + LANE + i));
        third = add_word(third, word_at(bytes + 2 * LANE + i));
    }
    return shifted(shifted(crc) ^ second) ^ third;
}

WITH_INSTRUCTION static guint32 by_instruction(const guint8 *bytes, gsize length)
{
    guint32 crc = ~0u;

    for (; length >= 3 * LANE; bytes += 3 * LANE, length -= 3 * LANE)
        crc = three_lanes(crc, bytes);
    for (; length >= 8; bytes += 8, length -= 8)
        crc = add_word(crc, word_at(bytes));
    for (; length > 0; bytes++, length--)
        crc = add_byte(crc, *bytes);
    return ~crc;
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

    if (chosen < 0) {
        need_tables();
        chosen = have_instruction();
    }
    return chosen ? by_instruction(bytes, length) : crc32c_portable(bytes, length);
}

void crc32c_seal(guint8 *packet, gsize length)
{
    guint32 checksum = 0;

    memcpy(packet + CHECKSUM_OFFSET, &checksum, sizeof checksum);
    checksum = GUINT32_TO_LE(crc32c(packet, length));
    memcpy(packet + CHECKSUM_OFFSET, &checksum, sizeof checksum);
}
