/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Candidates that come before their offer: how many of whom. */

#include <config.h>

#include "peer/signaling/early-candidates.h"
#include "peer/signaling/recent-sessions.h"

static void keep(EarlyCandidates *early, const char *from, guint count)
{
    g_autoptr(Frame) frame = frame_new(FRAME_CANDIDATE);

    frame->from = g_strdup(from);
    for (guint i = 0; i < count; i++)
        early_candidates_keep(early, frame, 1);
}

static guint take(EarlyCandidates *early, const char *from)
{
    g_autoptr(GPtrArray) frames = early_candidates_take(early, from, NULL, 1);

    return frames->len;
}

static void test_of_one(void)
{
    EarlyCandidates *early = early_candidates_new(4);

    keep(early, "a", 100);
    keep(early, "b", 3);
    keep(early, NULL, 2);
    g_assert_cmpuint(early_candidates_count(early), ==, 9);
    g_assert_cmpuint(take(early, "a"), ==, 4);
    g_assert_cmpuint(take(early, "b"), ==, 3);
    g_assert_cmpuint(take(early, NULL), ==, 2);
    early_candidates_free(early);
}

/* One that comes under many ids takes nothing of whoever has less. */
static void test_of_many(void)
{
    EarlyCandidates *early = early_candidates_new(4);

    keep(early, "honest", 2);
    for (guint i = 0; i < 20; i++) {
        g_autofree char *id = g_strdup_printf("evil-%u", i);

        keep(early, id, 4);
    }
    g_assert_cmpuint(early_candidates_count(early), ==, 64);
    g_assert_cmpuint(take(early, "honest"), ==, 2);
    g_assert_cmpuint(take(early, "evil-19"), ==, 4);
    early_candidates_free(early);
}

/* The same with sessions that are over, or that others have asked for. */
static void test_sessions(void)
{
    g_autoptr(RecentSessions) recent = recent_sessions_new();

    recent_sessions_add(recent, "desk", "of desk", 1);
    for (guint i = 0; i < 1000; i++) {
        g_autofree char *session = g_strdup_printf("%u", i);

        recent_sessions_add(recent, "evil", session, 2);
    }
    g_assert_true(recent_sessions_has_session(recent, "of desk", 3));
    g_assert_true(recent_sessions_has_session(recent, "999", 3));
    g_assert_false(recent_sessions_has_session(recent, "0", 3));
    for (guint i = 0; i < 1000; i++)
        recent_sessions_add(recent, NULL, "anybody's", 3);
    g_assert_false(recent_sessions_has_session(recent, "of desk", 3));
}

/* The oldest is answered first, wherever it stands. */
static void test_oldest_session(void)
{
    g_autoptr(RecentSessions) recent = recent_sessions_new();

    for (guint i = 0; i < 40; i++)
        recent_sessions_add(recent, "evil", "e", 1);
    recent_sessions_add(recent, "desk", "d", 1);
    recent_sessions_add(recent, "evil", "last", 1);
    for (guint i = 0; i < 31; i++)
        g_assert_true(recent_sessions_take_other(recent, "desk", 1));
    g_assert_true(recent_sessions_take_other(recent, "", 1));
    g_assert_true(recent_sessions_take_other(recent, "", 1));
    g_assert_false(recent_sessions_take_other(recent, "", 1));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/early-candidates/of-one", test_of_one);
    g_test_add_func("/early-candidates/of-many", test_of_many);
    g_test_add_func("/recent-sessions/of-one", test_sessions);
    g_test_add_func("/recent-sessions/oldest", test_oldest_session);
    return g_test_run();
}
