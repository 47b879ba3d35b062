/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A share belongs to its remote until it is full again. Who asks for one while
 * none is full gets no new one, or a remote that changes its name would never
 * run out of them.
 */

#include <config.h>

#include "common/log-budget.h"

static Bucket *find_bucket(LogBudget *budget, guint remote, gint64 now)
{
    guint free_share = LOG_BUDGET_SHARES;

    for (guint i = 0; i < LOG_BUDGET_SHARES; i++) {
        if (budget->shares[i].bucket <= now)
            free_share = i;
        else if (budget->shares[i].remote == remote)
            return &budget->shares[i].bucket;
    }
    if (free_share == LOG_BUDGET_SHARES)
        return &budget->others;
    budget->shares[free_share].remote = remote;
    return &budget->shares[free_share].bucket;
}

bool log_budget_take(LogBudget *budget, const LogShare *share, const char *remote, gint64 now)
{
    Bucket *bucket = find_bucket(budget, g_str_hash(remote ? remote : ""), now);

    if (bucket_take(bucket, now, share->interval, share->burst))
        return true;
    budget->left_out++;
    return false;
}

guint64 log_budget_settle(LogBudget *budget)
{
    guint64 left_out = budget->left_out;

    budget->left_out = 0;
    return left_out;
}
