/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * RFC 7675 5.1 wants each interval between 0.8 and 1.2 of one and the same, and none below four
 * seconds. Here they are from four fifths of the longest to all of it.
 */

#include <config.h>

#include "rtc/ice/keep-alive.h"

#include <string.h>

#include "common/clock.h"
#include "common/random.h"

/* libnice's name of the timer; by another one the checks are as frequent as libnice has them. */
#define TIMER "Connectivity keepalive timeout"

guint keep_alive_within(guint seconds, bool consent)
{
    return consent ? MIN(seconds, KEEP_ALIVE_CONSENT) : seconds;
}

void keep_alive_sent(KeepAlive *keep, const guint8 *id)
{
    keep->waits = keep->seconds > KEEP_ALIVE_LEAST;
    memcpy(keep->id, id, STUN_ID_LENGTH);
}

static gint64 interval_usec(guint seconds)
{
    gint64 longest = seconds * G_USEC_PER_SEC;

    return longest - random_below((guint32) (longest / 5));
}

void keep_alive_answered(KeepAlive *keep, const guint8 *id)
{
    if (!keep->waits || memcmp(keep->id, id, STUN_ID_LENGTH) != 0)
        return;
    keep->waits = false;
    nested_context_set_time(keep->context, TIMER, clock_monotonic() + interval_usec(keep->seconds));
}
