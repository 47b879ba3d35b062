/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Blocks by the letter of the draft; that Wireshark reads them shows test-capture.py. */

#include <config.h>

#include "common/pcapng.h"

#include <string.h>

static guint32 word(const GByteArray *file, gsize at)
{
    guint32 value;

    g_assert_cmpuint(at + 4, <=, file->len);
    memcpy(&value, file->data + at, sizeof value);
    return value;
}

static guint16 half(const GByteArray *file, gsize at)
{
    guint16 value;

    memcpy(&value, file->data + at, sizeof value);
    return value;
}

static void test_head(void)
{
    g_autoptr(GByteArray) head = pcapng_head(PCAPNG_SCTP, "call 1");
    guint32 first = word(head, 4);

    g_assert_cmphex(word(head, 0), ==, 0x0a0d0d0a);
    g_assert_cmphex(word(head, 8), ==, 0x1a2b3c4d);
    g_assert_cmpuint(half(head, 12), ==, 1);
    g_assert_cmpuint(half(head, 24), ==, 1);
    g_assert_cmpuint(half(head, 26), ==, 6);
    g_assert_cmpmem(head->data + 28, 8, "call 1\0\0", 8);
    g_assert_cmpuint(word(head, 36), ==, 0);
    g_assert_cmpuint(first, ==, 44);
    g_assert_cmpuint(word(head, first - 4), ==, first);
    g_assert_cmpuint(word(head, first), ==, 1);
    g_assert_cmpuint(word(head, first + 4), ==, 20);
    g_assert_cmpuint(half(head, first + 8), ==, 248);
    g_assert_cmpuint(word(head, first + 16), ==, 20);
    g_assert_cmpuint(head->len, ==, first + 20);
}

static void test_packet(void)
{
    PcapngPacket packet = {.time = 0x500000007, .bytes = (const guint8 *) "12345", .length = 5};
    g_autoptr(GByteArray) received = pcapng_packet(&packet), sent = NULL;

    g_assert_cmpuint(word(received, 0), ==, 6);
    g_assert_cmpuint(word(received, 4), ==, received->len);
    g_assert_cmpuint(word(received, received->len - 4), ==, received->len);
    g_assert_cmpuint(word(received, 12), ==, 5);
    g_assert_cmpuint(word(received, 16), ==, 7);
    g_assert_cmpuint(word(received, 20), ==, 5);
    g_assert_cmpuint(word(received, 24), ==, 5);
    g_assert_cmpmem(received->data + 28, 8, "12345\0\0\0", 8);
    g_assert_cmpuint(half(received, 36), ==, 2);
    g_assert_cmpuint(word(received, 40), ==, 1);
    g_assert_cmpuint(word(received, 44), ==, 0);
    g_assert_cmpuint(received->len, ==, 52);
    packet.sent = true;
    packet.lost = 9;
    sent = pcapng_packet(&packet);
    g_assert_cmpuint(word(sent, 40), ==, 2);
    g_assert_cmpuint(half(sent, 44), ==, 4);
    g_assert_cmpuint(half(sent, 46), ==, 8);
    g_assert_cmpuint(sent->len, ==, 64);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcapng/head", test_head);
    g_test_add_func("/pcapng/packet", test_packet);
    return g_test_run();
}
