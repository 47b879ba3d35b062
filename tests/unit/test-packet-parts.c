/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/sctp/packet-parts.h"

#include <string.h>

#include "rtc/sctp/chunks.h"
#include "rtc/sctp/crc32c.h"

#define SIZE 1200
#define CHUNK 400
#define CHECKSUM_OFFSET 8

typedef struct {
    Transport transport;
    GPtrArray *packets; /* of GByteArray */
} Lower;

static Lower lower;
static PacketParts *parts;

static bool on_send(Transport *transport, const guint8 *packet, gsize length)
{
    GByteArray *copy = g_byte_array_new();

    g_byte_array_append(copy, packet, length);
    g_ptr_array_add(lower.packets, copy);
    return true;
}

static void set_up(bool agreed)
{
    lower.packets = g_ptr_array_new_with_free_func((GDestroyNotify) g_byte_array_unref);
    transport_init(&lower.transport, "test", on_send);
    parts = packet_parts_new(&lower.transport, agreed);
}

static void tear_down(void)
{
    packet_parts_free(parts);
    g_ptr_array_unref(lower.packets);
    transport_clear(&lower.transport);
}

static void end_turn(void)
{
    g_main_context_iteration(NULL, FALSE);
}

static GByteArray *packet_new(void)
{
    GByteArray *packet = g_byte_array_new();

    g_byte_array_append(packet, (const guint8 *) "portstag\0\0\0\0", COMMON_HEADER);
    return packet;
}

/* A chunk of LENGTH bytes, each of which is MARK */
static void add_chunk(GByteArray *packet, guint8 type, gsize length, guint8 mark)
{
    gsize at = packet->len;

    g_byte_array_set_size(packet, at + length);
    memset(packet->data + at, mark, length);
    packet->data[at] = type;
    put16(packet->data + at + 2, length);
}

static void send_packet(GByteArray *packet)
{
    packet_parts_send(parts, packet->data, packet->len, SIZE);
    g_byte_array_unref(packet);
}

/* Packet I of those that were sent */
static GByteArray *sent(guint i)
{
    g_assert_cmpuint(i, <, lower.packets->len);
    return lower.packets->pdata[i];
}

static void assert_sealed(const GByteArray *packet)
{
    g_autofree guint8 *copy = g_memdup2(packet->data, packet->len);

    crc32c_seal(copy, packet->len);
    g_assert_cmpmem(copy, packet->len, packet->data, packet->len);
    g_assert_cmpuint(packet->len, <=, SIZE);
}

/* The chunks of packet I by their marks */
static void assert_chunks(guint i, const char *marks)
{
    const GByteArray *packet = sent(i);
    GString *found = g_string_new(NULL);
    gsize size;

    for (gsize at = COMMON_HEADER; (size = chunk_size(packet->data, packet->len, at)) > 0;
         at += size)
        g_string_append_c(found, (char) packet->data[at + CHUNK_HEADER]);
    g_assert_cmpstr(found->str, ==, marks);
    g_string_free(found, TRUE);
    assert_sealed(packet);
}

static GByteArray *packet_of(const char *marks)
{
    GByteArray *packet = packet_new();

    for (; *marks; marks++)
        add_chunk(packet, CHUNK_DATA, CHUNK, (guint8) *marks);
    return packet;
}

static void test_whole_chunks(void)
{
    set_up(true);
    send_packet(packet_of("ab"));
    g_assert_cmpuint(lower.packets->len, ==, 1); /* as it is */
    g_assert_cmpmem(sent(0)->data, COMMON_HEADER, "portstag\0\0\0\0", COMMON_HEADER);
    send_packet(packet_of("cde"));
    send_packet(packet_of("fghi")); /* the rest of one is in the packet of the next */
    g_assert_cmpuint(lower.packets->len, ==, 4);
    assert_chunks(1, "cd");
    assert_chunks(2, "ef");
    assert_chunks(3, "gh");
    end_turn();
    assert_chunks(4, "i");
    send_packet(packet_of("jkl"));
    send_packet(packet_of("m")); /* nothing overtakes */
    assert_chunks(6, "l");
    g_assert_cmpuint(lower.packets->len, ==, 8);
    end_turn();
    g_assert_cmpuint(lower.packets->len, ==, 8);
    tear_down();
}

/* The rest of a packet is DATA; the next one begins with a SACK. */
static void test_control(void)
{
    GByteArray *packet = packet_new();

    set_up(true);
    send_packet(packet_of("abc"));
    add_chunk(packet, CHUNK_SACK, 16, 's');
    for (const char *mark = "def"; *mark; mark++)
        add_chunk(packet, CHUNK_DATA, CHUNK, (guint8) *mark);
    send_packet(packet);
    assert_chunks(0, "ab");
    assert_chunks(1, "c");
    assert_chunks(2, "sde");
    end_turn();
    assert_chunks(3, "f");
    tear_down();
}

/* Gives packet I to the same end; the packet that is whole then */
static GByteArray *take(guint i)
{
    GByteArray *whole;

    g_assert_true(packet_parts_take(parts, sent(i)->data, sent(i)->len, &whole));
    return whole;
}

static void send_large(gsize length, guint8 mark)
{
    GByteArray *packet = packet_new();

    add_chunk(packet, CHUNK_DATA, length, mark);
    send_packet(packet);
}

static void test_parts(void)
{
    GByteArray *packet = packet_new(), *whole;

    set_up(true);
    add_chunk(packet, CHUNK_SACK, 16, 's');
    add_chunk(packet, CHUNK_DATA, 3000, 'a');
    send_packet(packet);
    g_assert_cmpuint(lower.packets->len, ==, 4);
    assert_chunks(0, "s");
    g_assert_false(packet_parts_take(parts, sent(0)->data, sent(0)->len, &whole));
    for (guint i = 1; i < 4; i++)
        assert_sealed(sent(i));
    g_assert_null(take(1));
    g_assert_null(take(2));
    whole = take(3);
    g_assert_cmpuint(whole->len, ==, COMMON_HEADER + 3000);
    g_assert_cmpuint(whole->data[COMMON_HEADER], ==, CHUNK_DATA);
    for (guint i = COMMON_HEADER + CHUNK_HEADER; i < whole->len; i++)
        g_assert_cmpuint(whole->data[i], ==, 'a');
    g_assert_cmpmem(whole->data, CHECKSUM_OFFSET, "portstag", CHECKSUM_OFFSET);
    g_byte_array_unref(whole);
    g_assert_null(take(3)); /* it is no part of anything any more */
    tear_down();
}

/* Only what comes in order is put together, and the next one is as good as if nothing had been. */
static void test_lost_parts(void)
{
    g_autoptr(GByteArray) whole = NULL;

    set_up(true);
    send_large(3000, 'a'); /* 0, 1, 2 */
    send_large(3000, 'b'); /* 3, 4, 5 */
    g_assert_null(take(0));
    g_assert_null(take(2));
    g_assert_null(take(1));
    g_assert_null(take(0));
    g_assert_null(take(1));
    g_assert_null(take(5)); /* that of another chunk */
    g_assert_null(take(2));
    g_assert_null(take(0));
    g_assert_null(take(3));
    g_assert_null(take(4));
    whole = take(5);
    g_assert_cmpuint(whole->data[COMMON_HEADER + CHUNK_HEADER], ==, 'b');
    tear_down();
}

static void test_malformed(void)
{
    GByteArray *part;

    set_up(true);
    send_large(3000, 'a');
    part = sent(0);
    put16(part->data + COMMON_HEADER + 8, 500); /* less than the part has */
    g_assert_null(take(0));
    put16(part->data + COMMON_HEADER + 8, PACKET_PARTS_MAX + 4);
    g_assert_null(take(0));
    g_assert_null(take(1));
    put16(part->data + COMMON_HEADER + 8, 3000);
    put16(part->data + COMMON_HEADER + 2, 100); /* another chunk behind it */
    g_assert_null(take(0));
    g_assert_null(take(1));
    g_byte_array_set_size(part, COMMON_HEADER + 12); /* nothing of it */
    put16(part->data + COMMON_HEADER + 2, 12);
    g_assert_null(take(0));
    g_assert_null(take(1));
    tear_down();
}

static void test_not_agreed(void)
{
    static const guint8 part[COMMON_HEADER + 16] = {
        [COMMON_HEADER] = PACKET_PARTS_CHUNK, [COMMON_HEADER + 3] = 16, [COMMON_HEADER + 9] = 4};
    GByteArray *whole;

    set_up(false);
    send_large(3000, 'a');
    end_turn();
    g_assert_cmpuint(lower.packets->len, ==, 1);
    g_assert_cmpuint(sent(0)->len, ==, COMMON_HEADER + 3000);
    g_assert_false(packet_parts_take(parts, part, sizeof part, &whole));
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/packet-parts/whole-chunks", test_whole_chunks);
    g_test_add_func("/packet-parts/control", test_control);
    g_test_add_func("/packet-parts/parts", test_parts);
    g_test_add_func("/packet-parts/lost-parts", test_lost_parts);
    g_test_add_func("/packet-parts/malformed", test_malformed);
    g_test_add_func("/packet-parts/not-agreed", test_not_agreed);
    return g_test_run();
}
