/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * SCTP's handshake in a description: a chunk that anybody may have written, or one of ours, which
 * goes to usrsctp as the remote's INIT-ACK, and then one packet of the remote's. The association is
 * up or it is not; it begins with the tag that our description says, and its user can send and
 * close.
 */

#include <config.h>

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "rtc/sctp/association.h"
#include "rtc/sctp/opening-chunk.h"

#define PORT 5000
#define COMMON_HEADER 12
#define MAX_PACKET 1200
/* Of a chunk, ours or not */
#define CHUNK_MIN 20
#define CHUNK_MAX 256

/* usrsctp's own, which would be different each time */
void read_random(void *buffer, guint32 size);

void read_random(void *buffer, guint32 size)
{
    memset(buffer, 7, size);
}

static struct {
    TransportState state;
    guint sent;
} end;

static bool on_send(Transport *transport, const guint8 *packet, gsize length)
{
    g_assert_cmpuint(length, >, COMMON_HEADER);
    end.sent++;
    return true;
}

static void on_state(TransportState state, const GError *reason, gpointer data)
{
    end.state = state;
}

static void on_message(guint16 stream, guint32 ppid, const guint8 *bytes, gsize length,
                       gpointer data)
{
    g_assert_cmpint(end.state, ==, TRANSPORT_CONNECTED);
}

static void on_doubt(bool doubted, gpointer data)
{
}

static void on_stream(guint16 stream, gpointer data)
{
}

static void on_writable(gpointer data)
{
}

static const AssociationOps ops = {
    .state = on_state,
    .doubt = on_doubt,
    .message = on_message,
    .oversized = on_stream,
    .remote_reset = on_stream,
    .local_reset = on_stream,
    .writable = on_writable,
};

static void receive(Transport *lower, GBytes *own, FuzzInput *input)
{
    guint8 packet[MAX_PACKET] = {PORT >> 8, PORT & 0xff, PORT >> 8, PORT & 0xff};
    guint32 tag = GUINT32_TO_BE(opening_chunk_tag(own));
    gsize length = fuzz_bytes(input, packet + COMMON_HEADER, sizeof packet - COMMON_HEADER);

    memcpy(packet + 4, &tag, sizeof tag);
    if (length > 0)
        transport_receive(lower, packet, COMMON_HEADER + length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, data + size};
    guint8 bytes[CHUNK_MAX];
    guint8 flags = fuzz_u8(&input);
    gsize length = CHUNK_MIN + fuzz_u8(&input) % (CHUNK_MAX - CHUNK_MIN);
    Transport lower = {};
    g_autoptr(GBytes) own = NULL, remote = NULL;
    g_autoptr(Association) sctp = NULL;
    AssociationConfig config = {.local_port = PORT,
                                .remote_port = PORT,
                                .streams = OPENING_STREAMS,
                                .mtu = MAX_PACKET,
                                .max_packet = MAX_PACKET,
                                .max_message_size = 1 << 16,
                                .opens = flags & 1};

    if (fuzz_bytes(&input, bytes, length) < length)
        return 0;
    fuzz_begin();
    end.state = TRANSPORT_CONNECTING;
    transport_init(&lower, "fuzz", on_send);
    lower.state = TRANSPORT_CONNECTED;
    config.own_opening = own = opening_chunk_describe();
    config.remote_opening = remote =
        flags & 2 ? opening_chunk_describe() : g_bytes_new(bytes, length);
    sctp = association_new(&lower, &config, &ops, NULL, NULL);
    g_assert_nonnull(sctp);
    association_start(sctp);
    receive(&lower, own, &input);
    association_reset_stream(sctp, 1);
    fuzz_sleep(3 * G_USEC_PER_SEC);
    g_clear_pointer(&sctp, association_free);
    transport_clear(&lower);
    return 0;
}
