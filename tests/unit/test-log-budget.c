/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* How many lines remotes may cause, by a clock of our own */

#include <config.h>

#include "common/log-budget.h"

static const LogShare share = {.burst = 10, .interval = 100};

static guint drain(LogBudget *budget, const char *remote, gint64 now)
{
    guint n = 0;

    while (n < 1000 && log_budget_take(budget, &share, remote, now))
        n++;
    return n;
}

static void test_burst(void)
{
    LogBudget budget = {};

    g_assert_cmpuint(drain(&budget, "mallory", 1), ==, 10);
    g_assert_cmpuint(drain(&budget, "mallory", 100), ==, 0);
    g_assert_cmpuint(drain(&budget, "mallory", 101), ==, 1);
    g_assert_cmpuint(drain(&budget, "mallory", 351), ==, 2);
    g_assert_cmpuint(drain(&budget, "mallory", 100000), ==, 10); /* never more than full */
}

static void test_left_out(void)
{
    LogBudget budget = {};

    drain(&budget, "mallory", 1);
    for (guint i = 0; i < 29; i++)
        g_assert_false(log_budget_take(&budget, &share, "mallory", 2));
    g_assert_cmpuint(log_budget_settle(&budget), ==, 30); /* drain() asked for one, too */
    g_assert_cmpuint(log_budget_settle(&budget), ==, 0);
}

/* Who floods us hides nobody else's lines. */
static void test_shares(void)
{
    LogBudget budget = {};

    drain(&budget, "mallory", 1);
    g_assert_cmpuint(drain(&budget, "alice", 1), ==, 10);
    g_assert_cmpuint(drain(&budget, NULL, 1), ==, 10);
    g_assert_cmpuint(drain(&budget, "mallory", 2), ==, 0);
}

/* The lines are bounded, whatever the remotes call themselves. */
static void test_many(void)
{
    LogBudget budget = {};
    guint written = 0;

    for (guint i = 0; i < 10000; i++) {
        g_autofree char *name = g_strdup_printf("mallory%u", i);

        written += drain(&budget, name, 1 + i % 50);
    }
    g_assert_cmpuint(written, ==, (LOG_BUDGET_SHARES + 1) * 10);
    /* one line of theirs comes back to each every 100: a newcomer finds none that is full */
    g_assert_cmpuint(drain(&budget, "alice", 500), <=, 5);
    /* but does when they have been silent */
    g_assert_cmpuint(drain(&budget, "alice", 2000), ==, 10);
}

/* A remote that writes a little all the time keeps no share from others for ever. */
static void test_given_back(void)
{
    LogBudget budget = {};
    gint64 now = 1;

    for (guint i = 0; i < LOG_BUDGET_SHARES; i++) {
        g_autofree char *name = g_strdup_printf("quiet%u", i);

        g_assert_true(log_budget_take(&budget, &share, name, now));
    }
    now += 101;
    for (guint i = 0; i < LOG_BUDGET_SHARES; i++) {
        g_autofree char *name = g_strdup_printf("other%u", i);

        g_assert_cmpuint(drain(&budget, name, now), ==, 10);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log-budget/burst", test_burst);
    g_test_add_func("/log-budget/left-out", test_left_out);
    g_test_add_func("/log-budget/shares", test_shares);
    g_test_add_func("/log-budget/many", test_many);
    g_test_add_func("/log-budget/given-back", test_given_back);
    return g_test_run();
}
