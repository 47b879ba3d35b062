/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * When to look after whom: thousands of deadlines, of which none costs more
 * than another, and near ones fall together so that they wake the relay once.
 * No clock: whoever asks says what time it is. Times are monotonic µs.
 */

#pragma once

#include <glib.h>

#define WHEEL_SLOTS 64

/* Of whoever has a deadline; it must not move while it is on the wheel. */
typedef struct {
    GList link;  /* data: whose it is */
    gint64 slot; /* private; 0: not on the wheel */
} WheelEntry;

typedef struct {
    gint64 grain; /* µs: the length of a slot */
    gint64 done;  /* private: the last slot that is in the past */
    gint64 now;   /* private: of the last wheel_take(), in grains */
    GQueue slots[WHEEL_SLOTS];
} Wheel;

/* GRAIN is how late a deadline may be. WHEEL must be empty. */
void wheel_init(Wheel *wheel, gint64 grain, gint64 now);

/* ENTRY is due at DUE, or earlier if that is further away than the wheel is
 * large: then add it again. If it is on the wheel already, it moves. One that
 * is overdue is taken a grain later, so whoever takes all that is due comes to
 * an end though each is added again. */
void wheel_add(Wheel *wheel, WheelEntry *entry, gint64 due);
void wheel_remove(Wheel *wheel, WheelEntry *entry);

/* Takes one that is due at NOW off the wheel; NULL if there is none. */
gpointer wheel_take(Wheel *wheel, gint64 now);

/* When the next one is due, G_MAXINT64 if there is none. */
gint64 wheel_next(const Wheel *wheel);
