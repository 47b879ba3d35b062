/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Candidates that come before their offer: how many of whom. */

#include <config.h>

#include "peer/signaling/early-candidates.h"

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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/early-candidates/of-one", test_of_one);
    g_test_add_func("/early-candidates/of-many", test_of_many);
    return g_test_run();
}
