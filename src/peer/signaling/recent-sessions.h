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

typedef struct RecentSessions RecentSessions;

RecentSessions *recent_sessions_new(void);
void recent_sessions_free(RecentSessions *recent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RecentSessions, recent_sessions_free)

/* FROM and SESSION may be NULL; NOW is in monotonic microseconds. */
void recent_sessions_add(RecentSessions *recent, const char *from, const char *session, gint64 now);

/* Whether SESSION was added not long ago, by whomever. */
bool recent_sessions_has_session(const RecentSessions *recent, const char *session, gint64 now);

/* The same, and marks it as answered. */
bool recent_sessions_take_session(RecentSessions *recent, const char *session, gint64 now);

/*
 * Whether anybody but SENDER was added not long ago and has not been answered;
 * the oldest such entry counts as answered from now on.
 */
bool recent_sessions_take_other(RecentSessions *recent, const char *sender, gint64 now);
