/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A ring: the room may be as talkative as it likes. */

#include <config.h>

#include "peer/signaling/recent-sessions.h"

#define RECENT_LIFETIME (30 * G_USEC_PER_SEC)
enum { RECENT_SIZE = 256 };

typedef struct {
    char *from, *session;
    gint64 time; /* 0: free */
    bool answered;
} RecentSession;

struct RecentSessions {
    RecentSession ring[RECENT_SIZE];
    guint next;
};

RecentSessions *recent_sessions_new(void)
{
    return g_new0(RecentSessions, 1);
}

static void recent_session_clear(RecentSession *entry)
{
    g_clear_pointer(&entry->from, g_free);
    g_clear_pointer(&entry->session, g_free);
    entry->time = 0;
    entry->answered = false;
}

void recent_sessions_free(RecentSessions *recent)
{
    if (!recent)
        return;
    for (guint i = 0; i < RECENT_SIZE; i++)
        recent_session_clear(&recent->ring[i]);
    g_free(recent);
}

void recent_sessions_add(RecentSessions *recent, const char *from, const char *session, gint64 now)
{
    RecentSession *entry = &recent->ring[recent->next++ % RECENT_SIZE];

    recent_session_clear(entry);
    *entry = (RecentSession){g_strdup(from), g_strdup(session), now, false};
}

static bool recent_session_is_fresh(const RecentSession *entry, gint64 now)
{
    return entry->time != 0 && now - entry->time <= RECENT_LIFETIME;
}

bool recent_sessions_has_session(const RecentSessions *recent, const char *session, gint64 now)
{
    for (guint i = 0; session && i < RECENT_SIZE; i++) {
        const RecentSession *entry = &recent->ring[i];

        if (recent_session_is_fresh(entry, now) && g_strcmp0(entry->session, session) == 0)
            return true;
    }
    return false;
}

bool recent_sessions_take_session(RecentSessions *recent, const char *session, gint64 now)
{
    bool found = false;

    for (guint i = 0; session && i < RECENT_SIZE; i++) {
        RecentSession *entry = &recent->ring[i];

        if (!recent_session_is_fresh(entry, now) || g_strcmp0(entry->session, session) != 0)
            continue;
        entry->answered = true;
        found = true;
    }
    return found;
}

bool recent_sessions_take_other(RecentSessions *recent, const char *sender, gint64 now)
{
    for (guint i = 0; i < RECENT_SIZE; i++) {
        RecentSession *entry = &recent->ring[(recent->next + i) % RECENT_SIZE];

        if (!recent_session_is_fresh(entry, now) || entry->answered ||
            (sender && g_strcmp0(entry->from, sender) == 0))
            continue;
        entry->answered = true;
        return true;
    }
    return false;
}
