/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A packet of 1200 bytes takes nearly twice as much of a socket's buffer,
 * merged ones less, short ones much more. So the first try is half of the
 * room; if that was too much it is halved again.
 */

#include <config.h>

#include "rtc/sctp/receive-window.h"

#define WINDOW_MIN (64 * 1024)
/* What is thrown away in one go is reported in several steps. */
#define AGAIN_USEC (100 * 1000)
#define RELAX_USEC G_USEC_PER_SEC

static bool receive_window_set(ReceiveWindow *window, gsize size, gint64 now)
{
    bool changes = size != window->size;

    window->changed = now;
    window->size = size;
    return changes;
}

bool receive_window_overflow(ReceiveWindow *window, gsize room, gint64 now)
{
    gsize floor = MIN(WINDOW_MIN, window->max);

    if (window->size > room / 2)
        return receive_window_set(window, MAX(room / 2, floor), now);
    if (now - window->changed < AGAIN_USEC)
        return false;
    return receive_window_set(window, MAX(window->size / 2, floor), now);
}

bool receive_window_relax(ReceiveWindow *window, gint64 now)
{
    if (window->size == window->max || now - window->changed < RELAX_USEC)
        return false;
    return receive_window_set(window, MIN(window->size + window->size / 8, window->max), now);
}
