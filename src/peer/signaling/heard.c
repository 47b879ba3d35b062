/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A ring: the room may be as talkative as it likes. */

#include <config.h>

#include "peer/signaling/heard.h"

#define HEARD_LIFETIME (30 * G_USEC_PER_SEC)
enum { HEARD_SIZE = 256 };

typedef struct {
    char *from, *session;
    gint64 time; /* 0: free */
    bool answered;
} HeardEntry;

struct Heard {
    HeardEntry ring[HEARD_SIZE];
    guint next;
};

Heard *heard_new(void)
{
    return g_new0(Heard, 1);
}

static void heard_entry_clear(HeardEntry *entry)
{
    g_clear_pointer(&entry->from, g_free);
    g_clear_pointer(&entry->session, g_free);
    entry->time = 0;
    entry->answered = false;
}

void heard_free(Heard *heard)
{
    if (!heard)
        return;
    for (guint i = 0; i < HEARD_SIZE; i++)
        heard_entry_clear(&heard->ring[i]);
    g_free(heard);
}

void heard_add(Heard *heard, const char *from, const char *session, gint64 now)
{
    HeardEntry *entry = &heard->ring[heard->next++ % HEARD_SIZE];

    heard_entry_clear(entry);
    *entry = (HeardEntry){g_strdup(from), g_strdup(session), now, false};
}

static bool heard_is_fresh(const HeardEntry *entry, gint64 now)
{
    return entry->time != 0 && now - entry->time <= HEARD_LIFETIME;
}

bool heard_has_session(const Heard *heard, const char *session, gint64 now)
{
    for (guint i = 0; session && i < HEARD_SIZE; i++) {
        const HeardEntry *entry = &heard->ring[i];

        if (heard_is_fresh(entry, now) && g_strcmp0(entry->session, session) == 0)
            return true;
    }
    return false;
}

bool heard_take_session(Heard *heard, const char *session, gint64 now)
{
    bool found = false;

    for (guint i = 0; session && i < HEARD_SIZE; i++) {
        HeardEntry *entry = &heard->ring[i];

        if (!heard_is_fresh(entry, now) || g_strcmp0(entry->session, session) != 0)
            continue;
        entry->answered = true;
        found = true;
    }
    return found;
}

bool heard_take_other(Heard *heard, const char *sender, gint64 now)
{
    for (guint i = 0; i < HEARD_SIZE; i++) {
        HeardEntry *entry = &heard->ring[(heard->next + i) % HEARD_SIZE];

        if (!heard_is_fresh(entry, now) || entry->answered ||
            (sender && g_strcmp0(entry->from, sender) == 0))
            continue;
        entry->answered = true;
        return true;
    }
    return false;
}
