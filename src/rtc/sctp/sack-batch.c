/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/sctp/sack-batch.h"

#include <string.h>

#include "common/turn-tasks.h"
#include "rtc/sctp/chunks.h"
#include "rtc/sctp/send-limit.h"

/* A SACK without Gap Ack Blocks and Duplicate TSNs (RFC 9260 3.3.4) */
#define PLAIN_SACK 16
#define PLAIN_PACKET (COMMON_HEADER + PLAIN_SACK)

struct SackBatch {
    Transport *lower;
    bool near;
    guint kept; /* so many of this turn, of which the packet is the last */
    guint8 packet[PLAIN_PACKET];
    TurnTask sender;
};

static void sack_batch_drop(SackBatch *batch)
{
    batch->kept = 0;
    turn_task_cancel(&batch->sender);
}

static void on_turn_end(gpointer data)
{
    SackBatch *batch = data;

    batch->kept = 0;
    transport_send(batch->lower, batch->packet, sizeof batch->packet);
}

SackBatch *sack_batch_new(Transport *lower, guint64 round_trip_usec)
{
    SackBatch *batch = g_new0(SackBatch, 1);

    batch->lower = lower;
    turn_task_init(&batch->sender, on_turn_end, batch);
    sack_batch_measured(batch, round_trip_usec);
    return batch;
}

void sack_batch_free(SackBatch *batch)
{
    if (!batch)
        return;
    sack_batch_drop(batch);
    g_free(batch);
}

void sack_batch_new_path(SackBatch *batch)
{
    if (batch)
        batch->near = false;
}

void sack_batch_measured(SackBatch *batch, guint64 round_trip_usec)
{
    if (batch && round_trip_usec > 0 && round_trip_usec <= SEND_LIMIT_NEAR_USEC)
        batch->near = true;
}

bool sack_batch_keep(SackBatch *batch, const guint8 *packet, gsize length)
{
    if (!batch || !batch->near || chunk_find(packet, length, CHUNK_SACK, PLAIN_SACK) == 0)
        return false;
    if (length != PLAIN_PACKET || batch->kept + 1 >= SACK_BATCH_MAX) {
        sack_batch_drop(batch); /* this one says as much, and more */
        return false;
    }
    batch->kept++;
    memcpy(batch->packet, packet, length);
    turn_task_add(&batch->sender);
    return true;
}
