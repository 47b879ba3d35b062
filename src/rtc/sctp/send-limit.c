/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * At the limit, bytes in flight = rate × round trip. A limit of rate × QUEUE
 * stays what it is when the round trip is QUEUE, grows while the sender gets
 * its answers sooner and shrinks when it has to wait longer.
 */

#include <config.h>

#include "rtc/sctp/send-limit.h"

#define PERIOD (20 * 1000)
#define QUEUE (4 * 1000)
#define LEAST (128 * 1024)
/* What a queue of ours cannot be the cause of, if it lasts: the path is another one. */
#define FAR (100 * 1000)
#define FAR_LASTS (2 * G_USEC_PER_SEC)

void send_limit_init(SendLimit *limit, gsize max)
{
    *limit = (SendLimit){.max = max, .limit = max};
}

void send_limit_clear(SendLimit *limit)
{
    g_clear_pointer(&limit->unsent, unsent_free);
}

bool send_limit_takes(const SendLimit *limit, guint16 stream)
{
    return !limit->unsent || unsent_has_room(limit->unsent, stream);
}

void send_limit_give(SendLimit *limit, guint16 stream, gsize length)
{
    if (!limit->unsent)
        limit->unsent = unsent_new();
    unsent_given(limit->unsent, stream, length);
}

void send_limit_take_back(SendLimit *limit, guint16 stream)
{
    unsent_take_back(limit->unsent, stream);
}

void send_limit_output(SendLimit *limit, const guint8 *packet, gsize length)
{
    if (limit->unsent)
        unsent_output(limit->unsent, packet, length);
}

bool send_limit_is_due(const SendLimit *limit, gint64 now)
{
    return now - limit->began >= PERIOD;
}

/* A path is near once a short round trip was seen, until there are only long ones. */
static void send_limit_judge(SendLimit *limit, gint64 now, guint64 round_trip)
{
    if (round_trip == 0)
        return;
    if (round_trip < FAR)
        limit->far_since = 0;
    else if (limit->far_since == 0)
        limit->far_since = now;
    if (round_trip <= SEND_LIMIT_NEAR_USEC)
        limit->near = true;
    else if (limit->far_since && now - limit->far_since >= FAR_LASTS)
        limit->near = false;
}

bool send_limit_update(SendLimit *limit, gint64 now, guint64 round_trip)
{
    gint64 elapsed = now - limit->began;
    gsize before = limit->limit;

    send_limit_judge(limit, now, round_trip);
    if (!limit->near) {
        limit->limit = limit->max;
    } else if (limit->reached && elapsed < 10 * PERIOD) {
        gsize wanted = limit->sent * QUEUE / elapsed;

        wanted = CLAMP(wanted, limit->limit / 2, limit->limit * 2);
        limit->limit = CLAMP(wanted, LEAST, limit->max);
    }
    limit->began = now;
    limit->sent = 0;
    limit->reached = false;
    return limit->limit != before;
}
