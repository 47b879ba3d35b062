/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What stands before usrsctp. A second walk over each packet that may pass sees that
 * it is made of whole chunks of types that we negotiate, none of which begins an
 * association anew; what has been edited may pass as it is then.
 */

#include <config.h>

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "rtc/sctp/gate.h"

#define PORT 5000
#define TAG 0x12345678
#define MAX_PACKET 1200
#define MAX_PACKETS 32
#define COMMON_HEADER 12
#define INIT 1
#define INIT_ACK 2
#define COOKIE_ECHO 10

typedef struct {
    Gate gate;
    GBytes *cookie; /* the COOKIE-ECHO that began the association */
} Door;

static guint get16(const guint8 *at)
{
    return (guint) at[0] << 8 | at[1];
}

static bool is_negotiated(guint8 type)
{
    static const guint8 types[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 130, 132, 192};

    return memchr(types, type, sizeof types) != NULL;
}

static bool is_first_cookie(const Door *door, const guint8 *chunk, gsize length)
{
    return door->cookie && g_bytes_get_size(door->cookie) == length &&
           memcmp(g_bytes_get_data(door->cookie, NULL), chunk, length) == 0;
}

static void check_chunk(const Door *door, const guint8 *chunk, gsize length)
{
    g_assert_true(is_negotiated(chunk[0]));
    if (!door->gate.connected)
        return;
    g_assert_true(chunk[0] != INIT && chunk[0] != INIT_ACK);
    if (chunk[0] == COOKIE_ECHO)
        g_assert_true(is_first_cookie(door, chunk, length));
}

/* PACKET, that usrsctp would see */
static void check_passed(Door *door, const guint8 *packet, gsize length)
{
    const guint8 *first = packet + COMMON_HEADER;
    gsize at = COMMON_HEADER;

    g_assert_cmpuint(get16(packet), ==, PORT);
    g_assert_cmpuint(get16(packet + 2), ==, PORT);
    while (at < length) {
        gsize size = length - at < 4 ? 0 : get16(packet + at + 2);

        g_assert_cmpuint(size, >=, 4);
        g_assert_cmpuint(size, <=, length - at);
        check_chunk(door, packet + at, size);
        at += (size + 3) & ~(gsize) 3;
    }
    if (!door->gate.connected && first[0] == COOKIE_ECHO) {
        g_clear_pointer(&door->cookie, g_bytes_unref);
        door->cookie = g_bytes_new(first, get16(first + 2));
    }
    gate_passed(&door->gate, packet, length);
}

static void check_edited(Door *door, guint8 *packet, gsize length, guint32 outstanding)
{
    gsize left = gate_edit(&door->gate, outstanding, packet, length);
    g_autofree guint8 *edited = NULL;
    GateReport report;

    g_assert_cmpuint(left, <=, length);
    if (left == 0)
        return;
    edited = g_memdup2(packet, left);
    g_assert_cmpint(gate_check(&door->gate, edited, left, &report), ==, GATE_PASS);
    g_assert_cmpuint(report.gap_end, <=, outstanding);
    check_passed(door, edited, left);
}

static void come(Door *door, const guint8 *packet, gsize length, guint32 outstanding)
{
    g_autofree guint8 *copy = fuzz_copy(packet, length);
    GateReport report;
    GateVerdict verdict = gate_check(&door->gate, copy, length, &report);

    g_assert_cmpmem(copy, length, packet, length);
    g_assert_cmpint(verdict == GATE_PASS, ==, report.reason == NULL);
    if (verdict == GATE_PASS)
        check_passed(door, copy, length);
    else if (verdict == GATE_EDIT)
        check_edited(door, copy, length, outstanding);
    else
        g_assert_cmpuint(gate_edit(&door->gate, outstanding, copy, length), ==, 0);
}

static gsize read_packet(FuzzInput *input, guint8 *packet, guint8 how)
{
    static const guint8 header[COMMON_HEADER] = {PORT >> 8, PORT & 0xff, PORT >> 8, PORT & 0xff,
                                                 0x12,      0x34,        0x56,      0x78};
    gsize length = fuzz_u16(input) % (MAX_PACKET - COMMON_HEADER);

    if (how & 0x80) /* not even the header is as it should be */
        return fuzz_bytes(input, packet, length);
    memcpy(packet, header, sizeof header);
    if (how & 0x40)
        memset(packet + 4, 0, 4);
    return COMMON_HEADER + fuzz_bytes(input, packet + COMMON_HEADER, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, data + size};
    Door door = {.gate = {.local_port = PORT, .remote_port = PORT, .tag = TAG}};
    guint8 packet[MAX_PACKET];

    fuzz_begin();
    for (guint i = 0; i < MAX_PACKETS && fuzz_more(&input); i++) {
        guint8 how = fuzz_u8(&input);
        gsize length = read_packet(&input, packet, how);

        if (how & 1)
            door.gate.connected = true;
        if (how & 2 && length >= COMMON_HEADER)
            gate_sent(&door.gate, packet, length);
        else
            come(&door, packet, length, how & 0x20 ? G_MAXUINT32 : how >> 2 & 7);
        g_assert_cmpuint(door.gate.n_resets, <=, GATE_RESETS_MAX);
    }
    gate_clear(&door.gate);
    g_clear_pointer(&door.cookie, g_bytes_unref);
    return 0;
}
