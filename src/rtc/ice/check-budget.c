/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/ice/check-budget.h"

#include "common/bucket.h"

enum { MAX_ANSWERED = 16 };

struct CheckBudget {
    guint references;
    Bucket bucket, early;
    struct in6_addr answered[MAX_ANSWERED]; /* a ring */
    guint n_answered;
    bool stranger;
    guint64 next_turn;
};

CheckBudget *check_budget_new(void)
{
    CheckBudget *budget = g_new0(CheckBudget, 1);

    budget->references = 1;
    return budget;
}

CheckBudget *check_budget_ref(CheckBudget *budget)
{
    budget->references++;
    return budget;
}

void check_budget_unref(CheckBudget *budget)
{
    if (--budget->references == 0)
        g_free(budget);
}

bool check_budget_take(CheckBudget *budget, bool again, gint64 now)
{
    return bucket_take(&budget->bucket, now, CHECK_BUDGET_INTERVAL,
                       again ? CHECK_BUDGET_BURST / 2 : CHECK_BUDGET_BURST);
}

bool check_budget_take_early(CheckBudget *budget, guint n, gint64 now)
{
    Bucket left = budget->early;

    for (guint i = 0; i < n; i++) {
        if (!bucket_take(&left, now, CHECK_BUDGET_INTERVAL, CHECK_BUDGET_EARLY))
            return false;
    }
    budget->early = left;
    return true;
}

void check_budget_return_early(CheckBudget *budget, guint n)
{
    budget->early -= (gint64) n * CHECK_BUDGET_INTERVAL;
}

void check_budget_answered(CheckBudget *budget, const struct in6_addr *address, guint n)
{
    budget->bucket -= (gint64) n * CHECK_BUDGET_INTERVAL;
    if (!check_budget_has_answered(budget, address))
        budget->answered[budget->n_answered++ % MAX_ANSWERED] = *address;
}

bool check_budget_has_answered(const CheckBudget *budget, const struct in6_addr *address)
{
    for (guint i = 0; i < MIN(budget->n_answered, (guint) MAX_ANSWERED); i++) {
        if (IN6_ARE_ADDR_EQUAL(&budget->answered[i], address))
            return true;
    }
    return false;
}

void check_budget_set_stranger(CheckBudget *budget, bool stranger)
{
    budget->stranger = stranger;
}

bool check_budget_is_stranger(const CheckBudget *budget)
{
    return budget->stranger;
}

guint64 check_budget_take_turn(CheckBudget *budget, guint64 now)
{
    guint64 turn = MAX(budget->next_turn, now);

    budget->next_turn = turn + 1;
    return turn;
}

bool check_budget_is_idle(const CheckBudget *budget, gint64 now)
{
    return budget->references == 1 && budget->bucket <= now && budget->early <= now;
}
