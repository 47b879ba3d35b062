/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * common/clock for a program that makes the time itself: linked before
 * libcommon.a, it takes the place of clock.o there. The time stands still until
 * it is moved. Timers are sources of the default main context, as ever, and are
 * due by this time, in the order in which they are due.
 */

#pragma once

#include "common/clock.h"

/* Both clocks, in µs. Timers that were added before keep their distance. */
void fake_clock_set(gint64 monotonic, gint64 wall);

/* USEC pass. Nothing is called: what is due is, in the next turns of the main loop. */
void fake_clock_pass(gint64 usec);

/* Lets USEC pass. Timers that get due are called on the way, each at its time. */
void fake_clock_advance(gint64 usec);

/* The wall clock alone jumps, as when somebody sets it. */
void fake_clock_jump(gint64 usec);

/* When the next timer is due, by clock_monotonic(); -1: there is none. */
gint64 fake_clock_due(void);
