/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* So many in all, and of each sender: the room may be as talkative as it likes, and who talks most
 * forgets its own. */

#include <config.h>

#include "peer/signaling/recent-sessions.h"

#define RECENT_LIFETIME (30 * G_USEC_PER_SEC)
enum { RECENT_SIZE = 256, RECENT_OF_ONE = 32 };

typedef struct {
    char *from, *session;
    gint64 time;   /* 0: free */
    guint64 order; /* of coming; 0: free */
    bool answered;
} RecentSession;

struct RecentSessions {
    RecentSession entries[RECENT_SIZE];
    guint64 last; /* order */
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
    entry->order = 0;
    entry->answered = false;
}

void recent_sessions_free(RecentSessions *recent)
{
    if (!recent)
        return;
    for (guint i = 0; i < RECENT_SIZE; i++)
        recent_session_clear(&recent->entries[i]);
    g_free(recent);
}

/* The place for one more of FROM: its own oldest one, or the oldest of all. A foreign relay does
 * not tell who it is. */
static RecentSession *find_place(RecentSessions *recent, const char *from)
{
    RecentSession *oldest = &recent->entries[0], *own = NULL;
    guint n = 0;

    for (guint i = 0; i < RECENT_SIZE; i++) {
        RecentSession *entry = &recent->entries[i];

        if (entry->order < oldest->order)
            oldest = entry;
        if (!from || g_strcmp0(entry->from, from) != 0)
            continue;
        n++;
        if (!own || entry->order < own->order)
            own = entry;
    }
    return n >= RECENT_OF_ONE ? own : oldest;
}

void recent_sessions_add(RecentSessions *recent, const char *from, const char *session, gint64 now)
{
    RecentSession *entry = find_place(recent, from);

    recent_session_clear(entry);
    *entry = (RecentSession){g_strdup(from), g_strdup(session), now, ++recent->last, false};
}

static bool recent_session_is_fresh(const RecentSession *entry, gint64 now)
{
    return entry->time != 0 && now - entry->time <= RECENT_LIFETIME;
}

bool recent_sessions_has_session(const RecentSessions *recent, const char *session, gint64 now)
{
    for (guint i = 0; session && i < RECENT_SIZE; i++) {
        const RecentSession *entry = &recent->entries[i];

        if (recent_session_is_fresh(entry, now) && g_strcmp0(entry->session, session) == 0)
            return true;
    }
    return false;
}

bool recent_sessions_take_session(RecentSessions *recent, const char *session, gint64 now)
{
    bool found = false;

    for (guint i = 0; session && i < RECENT_SIZE; i++) {
        RecentSession *entry = &recent->entries[i];

        if (!recent_session_is_fresh(entry, now) || g_strcmp0(entry->session, session) != 0)
            continue;
        entry->answered = true;
        found = true;
    }
    return found;
}

bool recent_sessions_take_other(RecentSessions *recent, const char *sender, gint64 now)
{
    RecentSession *oldest = NULL;

    for (guint i = 0; i < RECENT_SIZE; i++) {
        RecentSession *entry = &recent->entries[i];

        if (!recent_session_is_fresh(entry, now) || entry->answered ||
            (sender && g_strcmp0(entry->from, sender) == 0))
            continue;
        if (!oldest || entry->order < oldest->order)
            oldest = entry;
    }
    if (oldest)
        oldest->answered = true;
    return oldest != NULL;
}
