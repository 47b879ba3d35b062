/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What usrsctp would do without the gate takes for ever: a clock ends the test. */

#include <config.h>

#include "association-ends.h"

#include <string.h>
#include <unistd.h>

#include "rtc/sctp/opening-chunk.h"

#define CLOCK_SECONDS 60

End remote, ours;
GBytes *cookie_echo;
static guint32 our_tag;

/* ---- the two ends ---- */

static bool end_send(Transport *transport, const guint8 *packet, gsize length)
{
    End *end = (End *) transport;

    g_queue_push_tail(&end->out, g_bytes_new(packet, length));
    end->largest = MAX(end->largest, length);
    if (packet[HEADER] == 1)
        end->initial_tsn = get32(packet + HEADER + 16);
    if (packet[HEADER] == 1 || packet[HEADER] == 2) {
        g_clear_pointer(&end->init, g_bytes_unref);
        end->init = g_bytes_new(packet, length);
    }
    if (packet[HEADER] == 0)
        end->last_tsn = get32(packet + HEADER + 4);
    if (end == &remote && packet[HEADER] != 1)
        our_tag = get32(packet + 4);
    if (end == &remote && packet[HEADER] == 10 && !cookie_echo)
        cookie_echo = g_bytes_new(packet, length);
    return true;
}

static void on_state(TransportState state, const GError *reason, gpointer data)
{
    ((End *) data)->state = state;
}

static void on_doubt(bool doubted, gpointer data)
{
}

static void on_message(guint16 stream, guint32 ppid, const guint8 *bytes, gsize length,
                       gpointer data)
{
    End *end = data;

    g_byte_array_append(end->messages, bytes, MIN(length, 16));
    g_byte_array_append(end->messages, (const guint8 *) "|", 1);
    end->received += length;
}

static void on_oversized(guint16 stream, gpointer data)
{
}

static void on_reset(guint16 stream, gpointer data)
{
    ((End *) data)->resets++;
}

static void on_local_reset(guint16 stream, gpointer data)
{
    ((End *) data)->local_resets++;
}

static void on_writable(gpointer data)
{
    ((End *) data)->writable++;
}

static const AssociationOps ops = {
    .state = on_state,
    .doubt = on_doubt,
    .message = on_message,
    .oversized = on_oversized,
    .remote_reset = on_reset,
    .local_reset = on_local_reset,
    .writable = on_writable,
};

bool jumbo_ends, ends_take_parts;

static void end_init(End *end, const EndDescription *description)
{
    AssociationConfig config = {.local_port = PORT,
                                .remote_port = PORT,
                                .streams = OPENING_STREAMS,
                                .adds_streams = true,
                                .mtu = 1200,
                                .max_packet = jumbo_ends ? 16384 : 1200,
                                .takes_parts = ends_take_parts,
                                .max_message_size = 1 << 18,
                                .own_opening = description->own,
                                .remote_opening = description->remote,
                                .opens = description->opens};

    *end = (End){.state = TRANSPORT_CONNECTING, .messages = g_byte_array_new()};
    transport_init(&end->transport, "test", end_send);
    end->transport.state = TRANSPORT_CONNECTED;
    g_queue_init(&end->out);
    end->sctp = association_new(&end->transport, &config, &ops, end, NULL);
    g_assert_nonnull(end->sctp);
}

/* The parameter TYPE of an INIT or INIT-ACK; NULL: it has none */
guint8 *find_parameter(guint8 *packet, gsize length, guint16 type)
{
    for (gsize at = HEADER + 20; at + 4 <= length;
         at += MAX(4u, ((packet[at + 2] << 8 | packet[at + 3]) + 3u) & ~3u)) {
        if ((packet[at] << 8 | packet[at + 1]) == type)
            return packet + at;
    }
    return NULL;
}

/* Whether the list of its extensions has CHUNK; REPLACE: not any more */
bool lists_chunk(guint8 *packet, gsize length, guint8 chunk, guint8 replace)
{
    guint8 *list = find_parameter(packet, length, SUPPORTED_EXTENSIONS);
    bool found = false;

    for (guint i = 4; list && i < (guint) (list[2] << 8 | list[3]); i++) {
        if (list[i] == chunk) {
            found = true;
            if (replace)
                list[i] = replace;
        }
    }
    return found;
}

bool old_remote, interleaving_remote;

static void make_old(guint8 *packet, gsize length)
{
    guint8 *parameter;

    if (packet[HEADER] != 1 && packet[HEADER] != 2)
        return;
    lists_chunk(packet, length, 130, 0xfe);
    lists_chunk(packet, length, 192, 0xfe);
    parameter = find_parameter(packet, length, FORWARD_TSN_SUPPORTED);
    if (parameter)
        memcpy(parameter, "\x80\x05", 2); /* padding */
}

/* I-DATA and I-FORWARD-TSN are in the list, where there was padding. */
static void make_interleaving(guint8 *packet, gsize length)
{
    guint8 *list = find_parameter(packet, length, SUPPORTED_EXTENSIONS);

    if (!list || (packet[HEADER] != 1 && packet[HEADER] != 2))
        return;
    g_assert_cmpuint(list[3] % 4, ==, 2);
    memcpy(list + list[3], "\x40\xc2", 2);
    list[3] += 2;
}

void deliver(End *from, End *to)
{
    for (guint n = g_queue_get_length(&from->out); n > 0; n--) {
        g_autoptr(GByteArray) packet = g_bytes_unref_to_array(g_queue_pop_head(&from->out));

        if (old_remote && from == &remote)
            make_old(packet->data, packet->len);
        if (interleaving_remote && from == &remote)
            make_interleaving(packet->data, packet->len);
        transport_receive(&to->transport, packet->data, packet->len);
    }
}

void drop_out(End *end)
{
    g_queue_clear_full(&end->out, (GDestroyNotify) g_bytes_unref);
}

void begin_by(const EndDescription *remote_knows, const EndDescription *we_know)
{
    alarm(CLOCK_SECONDS);
    end_init(&remote, remote_knows);
    end_init(&ours, we_know);
}

void set_up(void)
{
    const EndDescription nothing = {};

    begin_by(&nothing, &nothing);
    while (remote.state != TRANSPORT_CONNECTED || ours.state != TRANSPORT_CONNECTED ||
           !g_queue_is_empty(&remote.out) || !g_queue_is_empty(&ours.out)) {
        deliver(&remote, &ours);
        deliver(&ours, &remote);
    }
}

static void end_clear(End *end)
{
    association_free(end->sctp);
    drop_out(end);
    transport_clear(&end->transport);
    g_byte_array_unref(end->messages);
    g_clear_pointer(&end->init, g_bytes_unref);
}

void tear_down(void)
{
    end_clear(&remote);
    end_clear(&ours);
    g_clear_pointer(&cookie_echo, g_bytes_unref);
    old_remote = interleaving_remote = jumbo_ends = ends_take_parts = false;
    alarm(0);
}

/* ---- packets by hand ---- */

GByteArray *packet_new(void)
{
    GByteArray *packet = g_byte_array_new();
    guint8 header[HEADER] = {PORT >> 8, PORT & 0xff, PORT >> 8, PORT & 0xff};

    put32(header + 4, our_tag);
    g_byte_array_append(packet, header, sizeof header);
    return packet;
}

void add_chunk(GByteArray *packet, guint8 type, guint8 flags, const void *value, gsize length)
{
    const guint8 header[4] = {type, flags, (length + 4) >> 8, (length + 4) & 0xff};

    g_byte_array_append(packet, header, sizeof header);
    g_byte_array_append(packet, value, length);
    g_byte_array_append(packet, (const guint8 *) "\0\0", (4 - length % 4) % 4);
}

/* Hands PACKET to us as the remote's, and frees it. */
void inject(GByteArray *packet)
{
    transport_receive(&ours.transport, packet->data, packet->len);
    g_byte_array_unref(packet);
}

void add_data(GByteArray *packet, guint8 flags, guint32 tsn, guint16 stream, guint16 number,
              const void *bytes, gsize length)
{
    g_autofree guint8 *value = g_malloc0(12 + length);

    put32(value, tsn);
    put32(value + 4, (guint32) stream << 16 | number);
    put32(value + 8, 53);
    memcpy(value + 12, bytes, length);
    add_chunk(packet, 0, flags, value, 12 + length);
}

/* How many chunks of TYPE we have answered with */
guint count_chunks(guint8 type)
{
    guint n = 0;

    for (GList *link = ours.out.head; link; link = link->next) {
        gsize length;
        const guint8 *packet = g_bytes_get_data(link->data, &length);

        for (gsize at = HEADER; at + 4 <= length;
             at += MAX(4u, ((packet[at + 2] << 8 | packet[at + 3]) + 3u) & ~3u))
            n += packet[at] == type;
    }
    return n;
}

void assert_messages(const char *expected)
{
    g_assert_cmpmem(ours.messages->data, ours.messages->len, expected, strlen(expected));
}
