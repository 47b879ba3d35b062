/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The gate before usrsctp, with packets before and after the association is up. What it leaves of
 * a packet passes as it is, and holds nothing that usrsctp is to be kept from.
 */

#include <config.h>

#include "fuzz.h"

#include <string.h>

#include "rtc/sctp/gate.h"

#define COMMON_HEADER 12
#define OUTSTANDING 100
#define MAX_PACKET 2048

enum {
    CHUNK_INIT = 1,
    CHUNK_INIT_ACK = 2,
    CHUNK_COOKIE_ECHO = 10,
};

static guint get16(const guint8 *at)
{
    return (guint) at[0] << 8 | at[1];
}

/* What no walk of usrsctp's can survive, or would begin the association anew */
static void check_chunks(const Gate *gate, const guint8 *packet, gsize length)
{
    for (gsize at = COMMON_HEADER; at < length;) {
        const guint8 *chunk = packet + at;
        gsize size;

        g_assert_cmpuint(length - at, >=, 4);
        size = get16(chunk + 2);
        g_assert_cmpuint(size, >=, 4);
        g_assert_cmpuint(size, <=, length - at);
        if (gate->connected) {
            g_assert_cmpuint(chunk[0], !=, CHUNK_INIT);
            g_assert_cmpuint(chunk[0], !=, CHUNK_INIT_ACK);
            if (chunk[0] == CHUNK_COOKIE_ECHO)
                g_assert_cmpmem(chunk, size, gate->cookie->data, gate->cookie->len);
        }
        at += (size + 3) & ~(gsize) 3;
    }
}

static void one_packet(Gate *gate, guint8 *packet, gsize length)
{
    g_autofree guint8 *copy = g_memdup2(packet, length);
    g_autofree guint8 *rest = NULL;
    GateReport report, again;
    GateVerdict verdict = gate_check(gate, packet, length, &report);
    gsize left;

    g_assert_true(length == 0 || memcmp(packet, copy, length) == 0);
    if (verdict == GATE_PASS) {
        check_chunks(gate, packet, length);
        gate_passed(gate, packet, length);
        gate_sent(gate, packet, length);
    }
    left = gate_edit(gate, OUTSTANDING, packet, length);
    g_assert_cmpuint(left, <=, length);
    g_assert_true(verdict != GATE_DROP || left == 0);
    rest = g_memdup2(packet, left);
    if (left == 0)
        return;
    check_chunks(gate, rest, left);
    g_assert_cmpint(gate_check(gate, rest, left, &again), ==, GATE_PASS);
    g_assert_cmpuint(again.gap_end, <=, OUTSTANDING);
}

/* The state, and packets with their length and whether ports and tag are put right */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, data + size};
    Gate gate = {.local_port = 5000, .remote_port = 5000};

    fuzz_begin();
    gate.tag = fuzz_u8(&input) & 1 ? 0x01020304 : 0;
    while (fuzz_more(&input)) {
        guint8 mode = fuzz_u8(&input);
        gsize length = MIN(fuzz_u16(&input), MAX_PACKET);
        g_autofree guint8 *packet = g_malloc0(length);

        fuzz_bytes(&input, packet, length);
        if (mode & 1 && length >= COMMON_HEADER)
            memcpy(packet, "\x13\x88\x13\x88\x01\x02\x03\x04", 8);
        if (mode & 2 && length >= COMMON_HEADER)
            memset(packet + 4, 0, 4);
        gate.connected = gate.connected || mode & 4;
        one_packet(&gate, packet, length);
    }
    gate_clear(&gate);
    return 0;
}
