/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What has come is known from usrsctp's own SACKs, and from DATA in order since
 * the last one: it is told of a gap at once. Where the guess is wrong, usrsctp
 * keeps the request as it always did.
 */

#include <config.h>

#include "rtc/sctp/early-reset.h"

#include <stdbool.h>
#include <string.h>

#include "common/clock.h"
#include "rtc/sctp/chunks.h"
#include "rtc/sctp/crc32c.h"

#define PORTS_AND_TAG 8
/* The only parameter of a RE-CONFIG chunk, and its offsets in the chunk (RFC 6525 4.1) */
#define OUTGOING 13
#define NUMBER_OFFSET 8
#define LAST_OFFSET 16
#define STREAMS_OFFSET 20
/* The answer (RFC 6525 4.4) */
#define RESPONSE 16
#define RESPONSE_LENGTH 12
#define IN_PROGRESS 6

#define STREAM_OFFSET 8 /* in DATA */

struct EarlyReset {
    Transport *lower;
    guint8 header[PORTS_AND_TAG]; /* of what we send */
    bool known;                   /* a SACK has been sent */
    guint32 arrived;              /* all up to this TSN */
    GByteArray *kept;             /* the packet with the request alone; NULL: none */
    guint timer;
};

EarlyReset *early_reset_new(Transport *lower)
{
    EarlyReset *reset = g_new0(EarlyReset, 1);

    reset->lower = lower;
    return reset;
}

static void drop(EarlyReset *reset)
{
    g_clear_pointer(&reset->kept, g_byte_array_unref);
    g_clear_handle_id(&reset->timer, g_source_remove);
}

void early_reset_free(EarlyReset *reset)
{
    if (!reset)
        return;
    drop(reset);
    g_free(reset);
}

static const guint8 *kept_chunk(const EarlyReset *reset)
{
    return reset->kept->data + COMMON_HEADER;
}

/* Not under usrsctp's own code */
static gboolean on_time(gpointer data)
{
    EarlyReset *reset = data;
    g_autoptr(GByteArray) packet = g_steal_pointer(&reset->kept);

    reset->timer = 0;
    transport_receive(reset->lower, packet->data, packet->len);
    return G_SOURCE_REMOVE;
}

static void note_arrived(EarlyReset *reset, guint32 arrived)
{
    if (reset->known && tsn_is_up_to(arrived, reset->arrived))
        return;
    reset->known = true;
    reset->arrived = arrived;
    if (reset->kept && reset->timer == 0 &&
        tsn_is_up_to(get32(kept_chunk(reset) + LAST_OFFSET), arrived))
        reset->timer = clock_timer_add(0, on_time, reset);
}

void early_reset_output(EarlyReset *reset, const guint8 *packet, gsize length)
{
    gsize sack = chunk_find(packet, length, CHUNK_SACK, CHUNK_HEADER + sizeof(guint32));

    memcpy(reset->header, packet, sizeof reset->header);
    if (sack > 0)
        note_arrived(reset, get32(packet + sack + CHUNK_HEADER));
}

/* ---- what comes --------------------------------------------------------------- */

static void answer(const EarlyReset *reset, guint32 number)
{
    guint8 packet[COMMON_HEADER + CHUNK_HEADER + RESPONSE_LENGTH] = {};
    guint8 *chunk = packet + COMMON_HEADER, *response = chunk + CHUNK_HEADER;

    memcpy(packet, reset->header, sizeof reset->header);
    chunk[0] = CHUNK_RE_CONFIG;
    put16(chunk + 2, CHUNK_HEADER + RESPONSE_LENGTH);
    put16(response, RESPONSE);
    put16(response + 2, RESPONSE_LENGTH);
    put32(response + 4, number);
    put32(response + 8, IN_PROGRESS);
    crc32c_seal(packet, sizeof packet);
    transport_send(reset->lower, packet, sizeof packet);
}

/* Those with something beside them are usrsctp's. */
static bool is_request(const guint8 *chunk)
{
    gsize length = get16(chunk + 2);

    return length >= STREAMS_OFFSET && get16(chunk + CHUNK_HEADER) == OUTGOING &&
           get16(chunk + CHUNK_HEADER + 2) == length - CHUNK_HEADER;
}

static bool is_early(const EarlyReset *reset, const guint8 *chunk)
{
    return is_request(chunk) && reset->known &&
           !tsn_is_up_to(get32(chunk + LAST_OFFSET), reset->arrived);
}

static void keep(EarlyReset *reset, const guint8 *packet, const guint8 *chunk, gsize size)
{
    drop(reset);
    reset->kept = g_byte_array_sized_new(COMMON_HEADER + size);
    g_byte_array_append(reset->kept, packet, COMMON_HEADER);
    g_byte_array_append(reset->kept, chunk, size);
    crc32c_seal(reset->kept->data, reset->kept->len);
    answer(reset, get32(chunk + NUMBER_OFFSET));
}

/* Whether it is behind the request, and on one of its streams */
static bool has_to_wait(const EarlyReset *reset, const guint8 *data)
{
    const guint8 *request = kept_chunk(reset);
    gsize end = get16(request + 2);

    if (tsn_is_up_to(get32(data + CHUNK_HEADER), get32(request + LAST_OFFSET)))
        return false;
    for (gsize at = STREAMS_OFFSET; at + 2 <= end; at += 2) {
        if (get16(request + at) == get16(data + STREAM_OFFSET))
            return true;
    }
    return end < STREAMS_OFFSET + 2; /* all streams are */
}

/* Whether usrsctp is not to read the chunk AT */
static bool withhold(EarlyReset *reset, const guint8 *packet, gsize at, gsize size)
{
    const guint8 *chunk = packet + at;

    if (chunk[0] == CHUNK_RE_CONFIG) {
        bool early = is_early(reset, chunk);

        if (early)
            keep(reset, packet, chunk, size);
        else if (is_request(chunk))
            drop(reset); /* the same once more, and in time, or the remote has given it up */
        return early;
    }
    if (chunk[0] != CHUNK_DATA || size < STREAM_OFFSET + 2)
        return false;
    if (reset->kept && has_to_wait(reset, chunk))
        return true;
    if (reset->known && get32(chunk + CHUNK_HEADER) == reset->arrived + 1)
        note_arrived(reset, reset->arrived + 1);
    return false;
}

void early_reset_input(EarlyReset *reset, guint8 *packet, gsize length)
{
    gsize size;

    for (gsize at = COMMON_HEADER; (size = chunk_size(packet, length, at)) > 0; at += size) {
        if (withhold(reset, packet, at, size))
            packet[at] = CHUNK_PAD;
    }
}
