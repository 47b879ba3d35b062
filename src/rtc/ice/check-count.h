/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The connectivity checks between us and one address, as webrtc-stats counts those of a pair. */

#pragma once

#include <glib.h>

typedef struct {
    guint64 requests_sent;         /* each once, however often it goes out */
    guint64 responses_received;    /* to those */
    guint64 requests_received;     /* each time */
    guint64 responses_sent;        /* each time */
    guint64 round_trip_usec;       /* of the last one that was answered; 0: none was */
    guint64 total_round_trip_usec; /* of all that were */
} CheckCount;
