/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * DTLS before trust: an end of ours, and a remote of ours whose datagrams a stranger
 * drops, repeats, changes and mixes with its own. Our end is connected only to the
 * certificate that it was told of; left alone, the two do connect. Either may begin before there
 * is a path (early-flight.h).
 */

#include <config.h>

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "rtc/dtls/certificate.h"
#include "rtc/dtls/dtls.h"

#define MAX_OPERATIONS 200
#define MAX_WAITING 64 /* datagrams */
#define MAX_DATAGRAM 2048

typedef struct {
    Transport lower;
    Dtls *dtls;
    GQueue sent; /* of GBytes */
    bool connected;
} End;

typedef struct {
    End ours, theirs;
    GBytes *last; /* what came to us before */
    bool touched; /* the stranger has done something */
} Pair;

/* What the stranger does */
enum { PASS_TO_THEM, PASS_TO_US, CHANGE, DROP, REPEAT, RAW, FRAGMENT, WAIT, DEEDS };

static bool on_send(Transport *transport, const guint8 *packet, gsize length)
{
    End *end = (End *) transport;

    if (g_queue_get_length(&end->sent) < MAX_WAITING)
        g_queue_push_tail(&end->sent, g_bytes_new(packet, length));
    return true;
}

static void on_receive(guint8 *packet, gsize length, gpointer data)
{
}

static void on_state(TransportState state, const GError *reason, gpointer data)
{
    End *end = data;

    end->connected |= state == TRANSPORT_CONNECTED;
}

static const TransportUser user = {.receive = on_receive, .state = on_state};

static void end_open(End *end, bool client, bool early, Certificate *own, Certificate *other)
{
    g_autoptr(GPtrArray) fingerprints = g_ptr_array_new();
    DtlsConfig config = {
        .certificate = own, .client = client, .early = early, .fingerprints = fingerprints};

    g_ptr_array_add(fingerprints, (char *) certificate_fingerprint(other));
    transport_init(&end->lower, "fuzz", on_send);
    g_queue_init(&end->sent);
    end->dtls = dtls_new(&end->lower, &config, NULL);
    g_assert_nonnull(end->dtls);
    transport_set_user(dtls_transport(end->dtls), &user, end);
    dtls_start(end->dtls);
    if (!early)
        transport_enter_state(&end->lower, TRANSPORT_CONNECTED, NULL);
}

static void end_close(End *end)
{
    transport_set_user(dtls_transport(end->dtls), NULL, NULL);
    dtls_free(end->dtls);
    transport_clear(&end->lower);
    g_queue_clear_full(&end->sent, (GDestroyNotify) g_bytes_unref);
}

static void deliver(End *to, const guint8 *bytes, gsize length)
{
    g_autofree guint8 *exact = fuzz_copy(bytes, length);

    transport_receive(&to->lower, exact, length);
}

static void pass(End *from, End *to, GBytes **last)
{
    GBytes *datagram = g_queue_pop_head(&from->sent);

    if (!datagram)
        return;
    deliver(to, g_bytes_get_data(datagram, NULL), g_bytes_get_size(datagram));
    if (last) {
        g_clear_pointer(last, g_bytes_unref);
        *last = datagram;
    } else {
        g_bytes_unref(datagram);
    }
}

static void drop(End *from)
{
    GBytes *datagram = g_queue_pop_head(&from->sent);

    if (datagram)
        g_bytes_unref(datagram);
}

/* The next datagram to us, with some bytes changed and perhaps cut short */
static void change(Pair *pair, FuzzInput *input)
{
    GBytes *datagram = g_queue_peek_head(&pair->theirs.sent);
    guint8 bytes[MAX_DATAGRAM];
    gsize length, cut;

    if (!datagram)
        datagram = pair->last;
    if (!datagram)
        return;
    length = MIN(g_bytes_get_size(datagram), sizeof bytes);
    memcpy(bytes, g_bytes_get_data(datagram, NULL), length);
    for (guint n = fuzz_u8(input) % 16; n > 0 && length > 0; n--) {
        guint at = fuzz_u16(input) % length;

        bytes[at] ^= fuzz_u8(input);
    }
    cut = (gsize) fuzz_u8(input) * 16 + 15;
    deliver(&pair->ours, bytes, MIN(length, cut));
}

static void send_raw(Pair *pair, FuzzInput *input)
{
    guint8 bytes[255];
    gsize length = fuzz_bytes(input, bytes, fuzz_u8(input));

    deliver(&pair->ours, bytes, length);
}

/* A record with a part of a handshake message (RFC 6347 4.2.2), its lengths as the input has
 * them, so that the parts need not fit together. */
static void send_fragment(Pair *pair, FuzzInput *input)
{
    guint length = fuzz_u8(input);
    guint8 bytes[25 + 255] = {22, 254, 253, 0, 0};

    fuzz_bytes(input, bytes + 9, 2); /* of the record: the rest of its number */
    bytes[11] = (guint8) ((12 + length) >> 8);
    bytes[12] = (guint8) (12 + length);
    fuzz_bytes(input, bytes + 13, 12);
    if (fuzz_u8(input) & 1) { /* of the message: an honest length of the part */
        bytes[22] = bytes[23] = 0;
        bytes[24] = (guint8) length;
    }
    fuzz_bytes(input, bytes + 25, length);
    deliver(&pair->ours, bytes, 25 + length);
}

static void operate(Pair *pair, FuzzInput *input)
{
    guint deed = fuzz_u8(input) % DEEDS;

    pair->touched |= deed > PASS_TO_US && deed != WAIT;
    switch (deed) {
    case PASS_TO_THEM:
        pass(&pair->ours, &pair->theirs, NULL);
        break;
    case PASS_TO_US:
        pass(&pair->theirs, &pair->ours, &pair->last);
        break;
    case CHANGE:
        change(pair, input);
        break;
    case DROP:
        drop(&pair->theirs);
        break;
    case REPEAT:
        if (pair->last)
            deliver(&pair->ours, g_bytes_get_data(pair->last, NULL), g_bytes_get_size(pair->last));
        break;
    case RAW:
        send_raw(pair, input);
        break;
    case FRAGMENT:
        send_fragment(pair, input);
        break;
    default:
        fuzz_sleep(fuzz_u8(input) * 10);
        transport_enter_state(&pair->ours.lower, TRANSPORT_CONNECTED, NULL);
    }
    fuzz_turn();
}

/* What nobody has touched connects. */
static void check_honest(Pair *pair)
{
    transport_enter_state(&pair->ours.lower, TRANSPORT_CONNECTED, NULL);
    transport_enter_state(&pair->theirs.lower, TRANSPORT_CONNECTED, NULL);
    for (guint i = 0; i < 20; i++) {
        pass(&pair->ours, &pair->theirs, NULL);
        pass(&pair->theirs, &pair->ours, &pair->last);
    }
    g_assert_true(pair->ours.connected && pair->theirs.connected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Certificate *own, *other, *wrong;
    FuzzInput input = {data, data + size};
    guint8 how = fuzz_u8(&input);
    Pair pair = {};

    fuzz_begin();
    if (!own) {
        own = certificate_generate("own", NULL);
        other = certificate_generate("other", NULL);
        wrong = certificate_generate("wrong", NULL);
    }
    end_open(&pair.ours, how & 1, how & 4, own, other);
    end_open(&pair.theirs, !(how & 1), how & 8, how & 2 ? wrong : other, own);
    for (guint i = 0; i < MAX_OPERATIONS && fuzz_more(&input); i++)
        operate(&pair, &input);
    if (how & 2)
        g_assert_false(pair.ours.connected);
    else if (!pair.touched)
        check_honest(&pair);
    g_assert_cmpint(pair.ours.connected, <=, dtls_remote_fingerprint(pair.ours.dtls) != NULL);
    end_close(&pair.ours);
    end_close(&pair.theirs);
    g_clear_pointer(&pair.last, g_bytes_unref);
    fuzz_turn();
    return 0;
}
