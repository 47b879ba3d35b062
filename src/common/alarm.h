/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Timers of which there are thousands, one for each call. The main loop looks at each of its own
 * timers at each of its turns; it has a single one for all alarms.
 */

#pragma once

#include <glib.h>

/* Embedded in its owner; all 0: not set. */
typedef struct {
    gint64 due; /* monotonic µs; 0: not set */
    void (*func)(gpointer data);
    gpointer data;
} Alarm;

/* FUNC is called once, at DUE or a little later. Whatever was set before is not called any more. */
void alarm_set(Alarm *alarm, gint64 due, void (*func)(gpointer data), gpointer data);

/* The same in SECONDS, late by up to a second, together with others. */
void alarm_set_seconds(Alarm *alarm, guint seconds, void (*func)(gpointer data), gpointer data);

void alarm_clear(Alarm *alarm);
