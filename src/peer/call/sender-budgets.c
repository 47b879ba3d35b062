/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/sender-budgets.h"

enum { SWEEP_AT = 64 }; /* senders */

struct SenderBudgets {
    GHashTable *table; /* id → CheckBudget */
    CheckBudget *shared;
};

SenderBudgets *sender_budgets_new(void)
{
    SenderBudgets *budgets = g_new0(SenderBudgets, 1);

    budgets->table =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) check_budget_unref);
    budgets->shared = check_budget_new();
    return budgets;
}

void sender_budgets_free(SenderBudgets *budgets)
{
    if (!budgets)
        return;
    g_hash_table_unref(budgets->table);
    check_budget_unref(budgets->shared);
    g_free(budgets);
}

static void sweep(SenderBudgets *budgets, gint64 now)
{
    GHashTableIter iter;
    gpointer budget;

    g_hash_table_iter_init(&iter, budgets->table);
    while (g_hash_table_iter_next(&iter, NULL, &budget)) {
        if (check_budget_is_idle(budget, now))
            g_hash_table_iter_remove(&iter);
    }
}

CheckBudget *sender_budgets_find(SenderBudgets *budgets, const char *from, gint64 now)
{
    const char *id = from ? from : "";
    CheckBudget *budget = g_hash_table_lookup(budgets->table, id);

    if (budget)
        return budget;
    if (g_hash_table_size(budgets->table) >= SWEEP_AT)
        sweep(budgets, now);
    if (g_hash_table_size(budgets->table) >= SENDER_BUDGETS_MAX)
        return budgets->shared;
    budget = check_budget_new();
    g_hash_table_insert(budgets->table, g_strdup(id), budget);
    return budget;
}
