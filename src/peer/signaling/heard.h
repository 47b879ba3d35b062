/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What we overheard or are done with: sessions and senders, for a while. It
 * tells an offer that nobody asked for (which is answered) from one that
 * somebody else asked for, or that comes too late.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Heard Heard;

Heard *heard_new(void);
void heard_free(Heard *heard);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Heard, heard_free)

/* FROM and SESSION may be NULL; NOW is in monotonic microseconds. */
void heard_add(Heard *heard, const char *from, const char *session, gint64 now);

/* Whether SESSION was added not long ago, by whomever. */
bool heard_has_session(const Heard *heard, const char *session, gint64 now);

/* The same, and marks it as answered. */
bool heard_take_session(Heard *heard, const char *session, gint64 now);

/*
 * Whether anybody but SENDER was added not long ago and has not been answered;
 * the oldest such entry counts as answered from now on.
 */
bool heard_take_other(Heard *heard, const char *sender, gint64 now);
