/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * How much the remote may send that has not been read: as much as a long path
 * needs, until the kernel throws packets away because this process is late.
 * That is not congestion of the path, and SCTP's means against congestion are
 * slow and costly. A window that fits into the socket's buffer ends it at once.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    gsize size, max; /* bytes */
    gint64 changed;  /* monotonic, microseconds */
} ReceiveWindow;

/* The kernel's ROOM (SO_RCVBUF) was not enough. True if the size has changed. */
bool receive_window_overflow(ReceiveWindow *window, gsize room, gint64 now);

/* Time has passed: a narrowed window becomes wider again. True if the size has changed. */
bool receive_window_relax(ReceiveWindow *window, gint64 now);
