/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A chunk that is sent again keeps the time of its first sending: its round trip
 * is too long, never too short, and the least one is what counts.
 */

#include <config.h>

#include "rtc/sctp/delivery.h"

#include "rtc/sctp/chunks.h"

#define DATA_HEADER 16
#define SACK_BLOCKS 16 /* of Gap Ack Blocks, behind the chunk's beginning */
#define SACK_N_BLOCKS 12
#define BLOCK_SIZE 4
#define SHARE 32 /* of what is in flight, for a mark */

void delivery_init(Delivery *delivery)
{
    *delivery = (Delivery){};
}

static DeliveryMark *mark_at(const Delivery *delivery, guint i)
{
    return (DeliveryMark *) &delivery->marks[(delivery->first + i) % DELIVERY_MARKS];
}

guint64 delivery_in_flight(const Delivery *delivery)
{
    return delivery->sent - MIN(delivery->sent, delivery->delivered);
}

guint64 delivery_outstanding(const Delivery *delivery)
{
    guint64 bytes = delivery->sent - delivery->cumulative_sent;
    guint64 headers = (guint64) (delivery->highest - delivery->cumulative) * DATA_HEADER;

    return bytes - MIN(bytes, headers);
}

gsize delivery_chunk_size(const Delivery *delivery)
{
    guint32 outstanding = delivery->highest - delivery->cumulative;

    if (outstanding > 0)
        return (delivery->sent - delivery->cumulative_sent) / outstanding;
    return delivery->chunks > 0 ? delivery->sent / delivery->chunks : 0;
}

void delivery_forget(Delivery *delivery)
{
    delivery->n = 0;
    delivery->round_end = delivery->delivered;
}

void delivery_note_idle(Delivery *delivery)
{
    delivery->idle_until = delivery->sent;
}

/* ---- what goes out ---- */

static void add_mark(Delivery *delivery, gint64 now)
{
    guint64 outstanding = delivery->sent - delivery->cumulative_sent;
    guint64 last = delivery->n > 0 ? mark_at(delivery, delivery->n - 1)->sent : 0;

    if (delivery->n == DELIVERY_MARKS || delivery->sent - last < outstanding / SHARE)
        return;
    *mark_at(delivery, delivery->n++) = (DeliveryMark){
        .tsn = delivery->highest,
        .idle = delivery->idle_until > delivery->delivered,
        .sent_at = now,
        .sent = delivery->sent,
        .delivered = delivery->delivered,
        .delivered_at = delivery->delivered_at,
        .delivered_sent = delivery->delivered_sent,
    };
}

/* Losses are told in order, and each counts once, however often usrsctp sends the chunk again. */
static void note_loss(Delivery *delivery, guint32 tsn)
{
    if (tsn_is_up_to(tsn, delivery->lost_up_to))
        return;
    delivery->lost_up_to = tsn;
    delivery->lost++;
}

static bool note_chunk(Delivery *delivery, guint32 tsn, gsize size)
{
    if (!delivery->begun) {
        delivery->begun = true;
        delivery->cumulative = delivery->highest = delivery->lost_up_to = tsn - 1;
    }
    if (tsn_is_up_to(tsn, delivery->highest)) {
        note_loss(delivery, tsn);
        return false;
    }
    delivery->highest = tsn;
    delivery->sent += size;
    delivery->chunks++;
    return true;
}

void delivery_output(Delivery *delivery, const guint8 *packet, gsize length, gint64 now)
{
    bool fresh = false;
    gsize size;

    if (delivery->cumulative == delivery->highest)
        delivery->delivered_at = delivery->delivered_sent = now; /* from here on it is busy */
    for (gsize at = COMMON_HEADER; (size = chunk_size(packet, length, at)) > 0; at += size) {
        if (packet[at] == CHUNK_DATA && size >= TSN_END)
            fresh |= note_chunk(delivery, get32(packet + at + CHUNK_HEADER), size);
    }
    if (fresh)
        add_mark(delivery, now);
}

/* ---- what comes in ---- */

/* How much had been sent up to TSN: between two marks, as if all chunks were alike. */
static guint64 sent_up_to(const Delivery *delivery, guint32 tsn)
{
    guint32 end_tsn = delivery->highest;
    guint64 end = delivery->sent;

    for (guint i = 0; i < delivery->n; i++) {
        const DeliveryMark *mark = mark_at(delivery, i);

        if (tsn_is_up_to(tsn, mark->tsn)) {
            end_tsn = mark->tsn;
            end = mark->sent;
            break;
        }
    }
    if (end_tsn == delivery->cumulative)
        return delivery->cumulative_sent;
    return delivery->cumulative_sent + (end - delivery->cumulative_sent) *
                                           (tsn - delivery->cumulative) /
                                           (end_tsn - delivery->cumulative);
}

/* Gap Ack Blocks, of which both marks and blocks are in order: calls what is in one acknowledged. */
static guint32 walk_blocks(Delivery *delivery, const guint8 *blocks, guint n_blocks,
                           const DeliveryMark **newest)
{
    guint32 n_chunks = 0;
    guint i = 0;

    for (guint block = 0; block < n_blocks; block++) {
        guint16 begin = get16(blocks + (gsize) block * BLOCK_SIZE);
        guint16 end = get16(blocks + (gsize) block * BLOCK_SIZE + 2);

        if (begin > end)
            continue;
        n_chunks += end - begin + 1;
        for (; i < delivery->n; i++) {
            DeliveryMark *mark = mark_at(delivery, i);
            guint32 offset = mark->tsn - delivery->cumulative;

            if (offset > end)
                break;
            if (offset >= begin && !mark->acknowledged) {
                mark->acknowledged = true;
                *newest = mark;
            }
        }
    }
    return n_chunks;
}

static const DeliveryMark *pop_marks(Delivery *delivery, guint32 tsn)
{
    const DeliveryMark *newest = NULL;

    while (delivery->n > 0 && tsn_is_up_to(mark_at(delivery, 0)->tsn, tsn)) {
        DeliveryMark *mark = mark_at(delivery, 0);

        if (!mark->acknowledged)
            newest = mark;
        delivery->first = (delivery->first + 1) % DELIVERY_MARKS;
        delivery->n--;
    }
    return newest;
}

static void take_sample(Delivery *delivery, const DeliveryMark *mark, gint64 now,
                        DeliverySample *sample)
{
    gint64 taken = MAX(now - mark->delivered_at, mark->sent_at - mark->delivered_sent);

    *sample = (DeliverySample){.round_trip = MAX(now - mark->sent_at, 1),
                               .idle = mark->idle,
                               .in_flight = delivery_in_flight(delivery)};
    if (taken > 0)
        sample->rate = (double) (delivery->delivered - mark->delivered) * G_USEC_PER_SEC / taken;
    if (mark->delivered >= delivery->round_end) {
        sample->round = true;
        delivery->round_end = delivery->delivered;
    }
    delivery->delivered_sent = mark->sent_at;
}

static bool input_sack(Delivery *delivery, const guint8 *sack, gsize size, gint64 now,
                       DeliverySample *sample)
{
    guint32 tsn = get32(sack + CHUNK_HEADER);
    guint n_blocks = MIN(get16(sack + SACK_N_BLOCKS), (size - SACK_BLOCKS) / BLOCK_SIZE);
    const DeliveryMark *newest;
    guint64 delivered;

    if (!tsn_is_up_to(delivery->cumulative, tsn) || !tsn_is_up_to(tsn, delivery->highest))
        return false;
    delivered = sent_up_to(delivery, tsn);
    newest = pop_marks(delivery, tsn);
    delivery->cumulative = tsn;
    delivery->cumulative_sent = delivered;
    delivered += walk_blocks(delivery, sack + SACK_BLOCKS, n_blocks, &newest) *
                 (guint64) delivery_chunk_size(delivery);
    delivered = MIN(delivered, delivery->sent);
    if (delivered > delivery->delivered) {
        delivery->delivered = delivered;
        delivery->delivered_at = now;
    }
    if (!newest)
        return false;
    take_sample(delivery, newest, now, sample);
    return true;
}

bool delivery_input(Delivery *delivery, const guint8 *packet, gsize length, gint64 now,
                    DeliverySample *sample)
{
    gsize at = delivery->begun ? chunk_find(packet, length, CHUNK_SACK, SACK_BLOCKS) : 0;

    return at > 0 && input_sack(delivery, packet + at, chunk_size(packet, length, at), now, sample);
}
