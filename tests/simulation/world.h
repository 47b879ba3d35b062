/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The world of a simulation: its time, its chance, and what happens next. Everything in it
 * follows from the seed.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef void (*WorldEvent)(gpointer data, guint64 argument);

/* A new one. TRACE: it tells what happens. */
void world_begin(guint64 seed, bool trace);
void world_end(void);

/* µs since the world began */
gint64 world_now(void);

/* What happens DELAY µs from now, after all that happens at the same time and was said before. */
void world_after(gint64 delay, WorldEvent event, gpointer data, guint64 argument);

/* EVENT happens no more. */
void world_stop(WorldEvent event);

/* Lets everything happen that is due until UNTIL. */
void world_run(gint64 until);

/* MIN…MAX, each as likely. */
gint64 world_between(gint64 min, gint64 max);
/* Once in N. */
bool world_once_in(guint n);

void world_trace(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* An invariant does not hold. Said once; the world goes on. */
void world_fail(const char *format, ...) G_GNUC_PRINTF(1, 2);
bool world_failed(void);
