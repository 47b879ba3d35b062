/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * How often somebody may do a thing. No clock: whoever asks says what time it is.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* A token bucket in one number (the generic cell rate algorithm): the time at
 * which the bucket will be full again, µs. Zero is a full bucket. */
typedef gint64 Bucket;

/* Takes a token from a bucket that holds BURST and regains one every INTERVAL
 * µs. False if it is empty; nothing is taken then. */
bool bucket_take(Bucket *bucket, gint64 now, gint64 interval, guint64 burst);

/* How long until it has a token, µs; 0: it has one. */
gint64 bucket_wait(const Bucket *bucket, gint64 now, gint64 interval, guint64 burst);
