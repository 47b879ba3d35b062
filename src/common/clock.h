/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The time, and what is done later. Nothing else in src/ asks the system for
 * either: a program that is linked with another clock (tests/unit/fake-clock)
 * lives in the time of that one.
 */

#pragma once

#include <glib.h>

/* µs, that never go back. They stand still while the machine is suspended. */
gint64 clock_monotonic(void);

/* µs since the epoch. Whoever sets the machine's clock makes them jump. */
gint64 clock_wall(void);

/* µs for which the machine has been suspended since it was booted. */
gint64 clock_suspended(void);

/* A descriptor that becomes readable when the machine's clock is set, as it is after a suspend;
 * -1: none. Once it is readable, clock_jumps_await() makes it wait for the next time. */
int clock_jumps_open(void);
void clock_jumps_await(int fd);

/* A clock on the wall that shows less was never set: 2025-01-01. */
#define CLOCK_EARLIEST (G_GINT64_CONSTANT(1735689600) * G_USEC_PER_SEC)

/*
 * A source of the default main context, that g_source_remove() takes away. FUNC
 * is called first after MILLISECONDS or SECONDS, and again until it says
 * G_SOURCE_REMOVE. Those of seconds are late by up to a second, to wake up with others.
 */
guint clock_timer_add(guint milliseconds, GSourceFunc func, gpointer data);
guint clock_timer_add_seconds(guint seconds, GSourceFunc func, gpointer data);
