/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/bucket.h"

gint64 bucket_wait(const Bucket *bucket, gint64 now, gint64 interval, guint64 burst)
{
    return MAX(*bucket - now - interval * ((gint64) burst - 1), 0);
}

bool bucket_take(Bucket *bucket, gint64 now, gint64 interval, guint64 burst)
{
    if (bucket_wait(bucket, now, interval, burst) > 0)
        return false;
    *bucket = MAX(*bucket, now) + interval;
    return true;
}
