/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * SCTP after DTLS: a remote that has been let in, and sends what it likes. Two ends of
 * ours make an association; then the input writes packets to one of them (the victim),
 * in the other's name: the verification tag is right, and numbers may be made of those
 * that the association is at, so that not everything is thrown away at once. In between
 * the victim's own program opens, uses and closes channels.
 */

#include <config.h>

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "rtc/channel/channel-set.h"
#include "rtc/channel/dcep.h"
#include "rtc/sctp/association.h"

#define MAX_OPERATIONS 300
#define MAX_WAITING 256 /* packets */
#define MAX_PACKET 4096
#define MAX_CHANNELS 16
#define MAX_COOKIE 2048
#define PORT 5000
#define COMMON_HEADER 12

/* Chunk types, and the first types of parameters (RFC 9260, 3758, 6525, 4895, 5061, 8260) */
enum {
    CHUNK_DATA = 0,
    CHUNK_INIT = 1,
    CHUNK_INIT_ACK = 2,
    CHUNK_COOKIE_ECHO = 10,
    CHUNK_RECONFIG = 130,
};

typedef struct {
    Transport lower;
    Association *sctp;
    ChannelSet *set;
    GPtrArray *channels;
    GQueue sent; /* of GBytes */
    bool connected;
} End;

static struct {
    End victim, remote;
    guint32 tag;     /* the victim's, in host order */
    guint32 new_tag; /* of its last INIT-ACK, and the cookie that was in it */
    guint8 cookie[MAX_COOKIE];
    gsize cookie_length;
    guint32 tsn, victim_tsn;         /* the next one of the remote; the last one of the victim */
    guint32 request, victim_request; /* RFC 6525 */
    guint8 packet[MAX_PACKET];
    gsize length; /* of what is gathered there; 0: nothing */
} fuzz;

static void put16(guint8 *at, guint value)
{
    at[0] = (guint8) (value >> 8);
    at[1] = (guint8) value;
}

static void put32(guint8 *at, guint32 value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static guint32 get32(const guint8 *at)
{
    return (guint32) at[0] << 24 | (guint32) at[1] << 16 | (guint32) at[2] << 8 | at[3];
}

/* usrsctp's own, which would be different each time */
void read_random(void *buffer, guint32 size);

void read_random(void *buffer, guint32 size)
{
    static guint32 state;
    guint8 *out = buffer;

    for (guint32 i = 0; i < size; i++)
        out[i] = (guint8) ((state = state * 1664525 + 1013904223) >> 24);
}

/* ---- what the two ends say tells where the association is ---- */

static void note_remote(guint8 type, const guint8 *chunk, gsize length)
{
    if ((type == CHUNK_INIT || type == CHUNK_INIT_ACK) && length >= 20)
        fuzz.tsn = fuzz.request = get32(chunk + 16);
    else if (type == CHUNK_DATA && length >= 8)
        fuzz.tsn = get32(chunk + 4) + 1;
}

/* The State Cookie among the parameters of an INIT-ACK (RFC 9260 3.3.3) */
static void note_init_ack(const guint8 *chunk, gsize length)
{
    fuzz.new_tag = get32(chunk + 4);
    for (gsize at = 20; at + 4 <= length;) {
        gsize size = (gsize) chunk[at + 2] << 8 | chunk[at + 3];

        if (size < 4 || size > length - at)
            break;
        if (chunk[at] == 0 && chunk[at + 1] == 7) {
            fuzz.cookie_length = MIN(size - 4, sizeof fuzz.cookie);
            memcpy(fuzz.cookie, chunk + at + 4, fuzz.cookie_length);
        }
        at += (size + 3) & ~(gsize) 3;
    }
}

static void note_victim(guint8 type, const guint8 *chunk, gsize length)
{
    if (type == CHUNK_INIT_ACK && length >= 20)
        note_init_ack(chunk, length);
    if (type == CHUNK_INIT && length >= 20) {
        fuzz.tag = get32(chunk + 4);
        fuzz.victim_request = get32(chunk + 16);
        fuzz.victim_tsn = fuzz.victim_request - 1;
    } else if (type == CHUNK_DATA && length >= 8) {
        fuzz.victim_tsn = get32(chunk + 4);
    } else if (type == CHUNK_RECONFIG && length >= 12) {
        fuzz.victim_request = get32(chunk + 8);
    }
}

static void note(const End *end, const guint8 *packet, gsize length)
{
    for (gsize at = COMMON_HEADER; at + 4 <= length;) {
        gsize size = (gsize) packet[at + 2] << 8 | packet[at + 3];

        if (size < 4 || size > length - at)
            break;
        if (end == &fuzz.victim)
            note_victim(packet[at], packet + at, size);
        else
            note_remote(packet[at], packet + at, size);
        at += (size + 3) & ~(gsize) 3;
    }
}

/* ---- the two ends, put together as connection.c does ---- */

static bool on_send(Transport *transport, const guint8 *packet, gsize length)
{
    End *end = (End *) transport;

    note(end, packet, length);
    if (g_queue_get_length(&end->sent) < MAX_WAITING)
        g_queue_push_tail(&end->sent, g_bytes_new(packet, length));
    return true;
}

static void on_state(TransportState state, const GError *reason, gpointer data)
{
    End *end = data;

    end->connected = state == TRANSPORT_CONNECTED;
    if (end->connected)
        channel_set_connected(end->set);
    else if (state >= TRANSPORT_FAILED)
        channel_set_detach(end->set, reason);
}

static void on_doubt(bool doubted, gpointer data)
{
}

static void on_message(guint16 stream, guint32 ppid, const guint8 *bytes, gsize length,
                       gpointer data)
{
    channel_set_message(((End *) data)->set, stream, ppid, bytes, length);
}

static void on_oversized(guint16 stream, gpointer data)
{
    channel_set_oversized(((End *) data)->set, stream);
}

static void on_remote_reset(guint16 stream, gpointer data)
{
    channel_set_remote_reset(((End *) data)->set, stream);
}

static void on_local_reset(guint16 stream, gpointer data)
{
    channel_set_local_reset(((End *) data)->set, stream);
}

static void on_writable(gpointer data)
{
    channel_set_writable(((End *) data)->set);
}

static const AssociationOps sctp_user = {
    .state = on_state,
    .doubt = on_doubt,
    .message = on_message,
    .oversized = on_oversized,
    .remote_reset = on_remote_reset,
    .local_reset = on_local_reset,
    .writable = on_writable,
};

static void on_channel_state(Channel *channel, ChannelState state, const GError *reason,
                             gpointer data)
{
    if (state == CHANNEL_CLOSED)
        g_ptr_array_remove(((End *) data)->channels, channel);
}

/* A program that closes or answers when it is told to. */
static void on_channel_message(Channel *channel, MessageKind kind, const guint8 *bytes,
                               gsize length, gpointer data)
{
    if (length > 0 && bytes[0] == 'c')
        channel_close(channel);
    else if (length > 0 && bytes[length - 1] == 'e')
        channel_send(channel, kind, bytes, length, NULL);
}

static const ChannelOps channel_ops = {.state = on_channel_state, .message = on_channel_message};

static void on_incoming(Channel *channel, gpointer data)
{
    End *end = data;

    g_ptr_array_add(end->channels, channel);
    g_assert_cmpuint(end->channels->len, <=, MAX_CHANNELS);
    channel_attach(channel, &channel_ops, end);
}

static void end_open(End *end, bool even)
{
    const ChannelSetConfig channels = {.send_quota = 1024 * 1024,
                                       .max_channels = MAX_CHANNELS,
                                       .incoming = on_incoming,
                                       .data = end};
    const AssociationConfig config = {.local_port = PORT,
                                      .remote_port = PORT,
                                      .streams = 16,
                                      .adds_streams = true,
                                      .mtu = 1152,
                                      .max_packet = 1152,
                                      .max_message_size = 64 * 1024};

    transport_init(&end->lower, "fuzz", on_send);
    transport_enter_state(&end->lower, TRANSPORT_CONNECTED, NULL);
    g_queue_init(&end->sent);
    end->channels = g_ptr_array_new();
    end->set = channel_set_new(&channels);
    end->sctp = association_new(&end->lower, &config, &sctp_user, end, NULL);
    g_assert_nonnull(end->sctp);
    channel_set_attach(end->set, end->sctp, even, 64 * 1024);
}

static void end_close(End *end)
{
    channel_set_silence(end->set);
    channel_set_detach(end->set, NULL);
    association_free(end->sctp);
    channel_set_free(end->set);
    transport_clear(&end->lower);
    g_queue_clear_full(&end->sent, (GDestroyNotify) g_bytes_unref);
    g_ptr_array_unref(end->channels);
}

static void deliver(End *to, const guint8 *packet, gsize length)
{
    g_autofree guint8 *exact = fuzz_copy(packet, length);

    transport_receive(&to->lower, exact, length);
}

static void pass(End *from, End *to, guint n)
{
    for (GBytes *packet; n > 0 && (packet = g_queue_pop_head(&from->sent)); n--) {
        deliver(to, g_bytes_get_data(packet, NULL), g_bytes_get_size(packet));
        g_bytes_unref(packet);
    }
}

/* ---- the packets of the input ---- */

static void packet_begin(void)
{
    if (fuzz.length > 0)
        return;
    memset(fuzz.packet, 0, COMMON_HEADER);
    put16(fuzz.packet, PORT);
    put16(fuzz.packet + 2, PORT);
    put32(fuzz.packet + 4, fuzz.tag);
    fuzz.length = COMMON_HEADER;
}

static void packet_end(void)
{
    if (fuzz.length > 0)
        deliver(&fuzz.victim, fuzz.packet, fuzz.length);
    fuzz.length = 0;
}

/* A chunk with BODY; its length field is off by WRONG. Most are sent at once, but bit 7 of HOW
 * lets the next one share the packet. */
static void add_chunk(guint8 type, guint8 flags, const guint8 *body, gsize length, int wrong,
                      guint8 how)
{
    guint8 *at;

    packet_begin();
    if (fuzz.length + 4 + length + 3 > sizeof fuzz.packet)
        packet_end(), packet_begin();
    at = fuzz.packet + fuzz.length;
    at[0] = type;
    at[1] = flags;
    put16(at + 2, (guint) (4 + (int) length + wrong));
    memcpy(at + 4, body, length);
    memset(at + 4 + length, 0, 3);
    fuzz.length += (4 + length + 3) & ~(gsize) 3;
    if (!(how & 0x80))
        packet_end();
}

/* A message or a part of one, with the next TSN, or one near it */
static void add_data(FuzzInput *input, guint8 how)
{
    static const guint32 ppids[] = {PPID_DCEP,         PPID_STRING, PPID_BINARY, PPID_STRING_EMPTY,
                                    PPID_BINARY_EMPTY, 52,          54,          0};
    guint8 body[12 + 255];
    guint8 flags = fuzz_u8(input), length = fuzz_u8(input);
    guint stream = fuzz_u8(input), ssn = fuzz_u8(input);

    put32(body, fuzz.tsn++);
    if (flags & 0x80)
        put32(body, fuzz.tsn - 1 + fuzz_u8(input) - 128);
    put16(body + 4, flags & 0x40 ? stream << 8 | fuzz_u8(input) : stream);
    put16(body + 6, ssn);
    put32(body + 8, ppids[flags >> 3 & 7]);
    fuzz_bytes(input, body + 12, length);
    add_chunk(CHUNK_DATA, flags & 7, body, 12u + length, 0, how);
}

/* DATA_CHANNEL_OPEN as it should be, on some stream */
static void add_open(FuzzInput *input, guint8 how)
{
    guint8 body[12 + 12 + 8] = {[12] = DCEP_OPEN, [21] = 4, [23] = 4};

    put32(body, fuzz.tsn++);
    put16(body + 4, fuzz_u8(input));
    put32(body + 8, PPID_DCEP);
    body[13] = fuzz_u8(input) & 0x83;
    if (body[13] == 0x83) /* there is no such type; as it should be, but for the length */
        body[13] = 0, body[21] = fuzz_u8(input);
    memcpy(body + 24, "labeprot", 8);
    add_chunk(CHUNK_DATA, 3, body, sizeof body, 0, how);
}

/* A number that the association may expect */
static guint32 read_number(FuzzInput *input)
{
    guint8 what = fuzz_u8(input);
    const guint32 known[] = {fuzz.tsn, fuzz.victim_tsn, fuzz.request, fuzz.tag, fuzz.victim_request,
                             0,        0x00100000u,     0xffffffffu};

    return what & 0x80 ? fuzz_u32(input) : known[what & 7] + (what >> 3 & 15) - (what & 4 ? 8 : 0);
}

/* Any chunk: words that may be numbers of the association's, then bytes */
static void add_any(FuzzInput *input, guint8 how)
{
    guint8 body[15 * 4 + 255];
    guint8 type = fuzz_u8(input), flags = fuzz_u8(input), shape = fuzz_u8(input);
    gsize words = shape & 15, length = fuzz_u8(input);
    int wrong = shape & 0x80 ? fuzz_u8(input) - 128 : 0;

    for (gsize i = 0; i < words; i++)
        put32(body + 4 * i, read_number(input));
    fuzz_bytes(input, body + 4 * words, length);
    add_chunk(type, flags, body, 4 * words + length, wrong, how);
}

/* RE-CONFIG (RFC 6525): a parameter of any type, with the next numbers where they belong */
static void add_reconfig(FuzzInput *input, guint8 how)
{
    guint8 body[64 + 16] = {};
    guint8 type = fuzz_u8(input), streams = fuzz_u8(input) % 16;
    gsize length = type & 8 ? 16 : 16 + 2u * streams;

    put16(body, 13 + type % 6);
    put16(body + 2, (guint) length);
    put32(body + 4, type & 0x80 ? fuzz.victim_request : fuzz.request++);
    put32(body + 8, type & 0x40 ? read_number(input) : fuzz.victim_request - 1);
    put32(body + 12, fuzz.tsn - 1);
    for (guint i = 0; i < streams; i++)
        put16(body + 16 + 2 * i, fuzz_u8(input));
    add_chunk(CHUNK_RECONFIG, 0, body, length, 0, how);
}

/* An INIT as if the remote had begun anew, with whatever parameters; or the cookie that was the
 * answer to it, after which the association is another one. */
static void add_restart(FuzzInput *input, guint8 how)
{
    static const guint8 init[16] = {0, 0, 1, 1, 0, 1, 0, 0, 0, 16, 0, 16, 0, 0, 1, 0};
    guint8 body[sizeof init + 255], length = fuzz_u8(input);

    packet_end();
    packet_begin();
    if (how & 0x40) {
        put32(fuzz.packet + 4, fuzz.new_tag);
        add_chunk(CHUNK_COOKIE_ECHO, 0, fuzz.cookie, fuzz.cookie_length, 0, how);
        return;
    }
    memcpy(body, init, sizeof init);
    body[9] = 1 + (how >> 4 & 1) * 15;
    fuzz_bytes(input, body + sizeof init, length);
    put32(fuzz.packet + 4, 0);
    add_chunk(CHUNK_INIT, 0, body, sizeof init + length, 0, 0);
}

/* A packet that begins nothing like one of the association */
static void add_raw(FuzzInput *input)
{
    guint8 bytes[255];
    gsize length = fuzz_bytes(input, bytes, fuzz_u8(input));

    packet_end();
    if (length >= 8 && bytes[0] & 1)
        put32(bytes + 4, bytes[0] & 2 ? 0 : fuzz.tag);
    deliver(&fuzz.victim, bytes, length);
}

/* ---- the victim's program ---- */

static void use_channel(FuzzInput *input)
{
    static const guint8 text[2048];
    guint8 what = fuzz_u8(input);
    GPtrArray *channels = fuzz.victim.channels;
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *channel = channels->len > 0 ? channels->pdata[what % channels->len] : NULL;

    switch (what >> 5) {
    case 0:
        options.ordered = what & 1;
        options.max_retransmits = what & 2 ? 0 : -1;
        channel = fuzz.victim.connected ? channel_set_open(fuzz.victim.set, "ours", &options, NULL)
                                        : NULL;
        if (channel)
            on_incoming(channel, &fuzz.victim);
        break;
    case 1:
        if (channel)
            channel_close(channel);
        break;
    case 2:
        if (channel)
            channel_hold(channel, what & 1);
        break;
    default:
        if (channel)
            channel_send(channel, MESSAGE_BINARY, text, 1 + (what & 31u) * 64, NULL);
    }
}

static void operate(FuzzInput *input)
{
    guint8 how = fuzz_u8(input);

    switch (how & 15) {
    case 0:
    case 1:
    case 2:
    case 3:
        add_data(input, how);
        break;
    case 4:
        add_open(input, how);
        break;
    case 5:
    case 6:
        add_any(input, how);
        break;
    case 7:
        add_restart(input, how);
        break;
    case 8:
    case 9:
        add_reconfig(input, how);
        break;
    case 10:
        add_raw(input);
        break;
    case 11:
        pass(&fuzz.victim, &fuzz.remote, 1 + (how >> 4));
        break;
    case 12:
        pass(&fuzz.remote, &fuzz.victim, 1 + (how >> 4));
        break;
    case 13:
    case 14:
        use_channel(input);
        break;
    default:
        fuzz_sleep((guint) fuzz_u8(input) << (how >> 5));
    }
    fuzz_turn();
}

static void connect_ends(void)
{
    for (guint i = 0; i < 20 && !(fuzz.victim.connected && fuzz.remote.connected); i++) {
        pass(&fuzz.remote, &fuzz.victim, MAX_WAITING);
        pass(&fuzz.victim, &fuzz.remote, MAX_WAITING);
    }
    g_assert_true(fuzz.victim.connected && fuzz.remote.connected);
    pass(&fuzz.remote, &fuzz.victim, MAX_WAITING);
    pass(&fuzz.victim, &fuzz.remote, MAX_WAITING);
}

/* usrsctp frees some of what it had for a socket by its timers only. */
static void settle(void)
{
    for (guint i = 0; i < 40; i++) {
        fuzz_sleep(100);
        fuzz_turn();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, data + size};

    fuzz_begin();
    memset(&fuzz, 0, sizeof fuzz);
    end_open(&fuzz.remote, true);
    end_open(&fuzz.victim, false);
    connect_ends();
    for (guint i = 0; i < MAX_OPERATIONS && fuzz_more(&input); i++)
        operate(&input);
    packet_end();
    fuzz_turn();
    end_close(&fuzz.remote);
    end_close(&fuzz.victim);
    settle();
    return 0;
}
