/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/bucket.h"

bool bucket_take(Bucket *bucket, gint64 now, gint64 interval, guint64 burst)
{
    gint64 full = MAX(*bucket, now);

    if (full - now > interval * ((gint64) burst - 1))
        return false;
    *bucket = full + interval;
    return true;
}
