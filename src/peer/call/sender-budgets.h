/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The budget of connectivity checks that each sender has: all calls of one
 * sender share it, also the ones that have ended, until it is full again.
 */

#pragma once

#include "rtc/ice/check-budget.h"

#define SENDER_BUDGETS_MAX 1024 /* senders */

typedef struct SenderBudgets SenderBudgets;

SenderBudgets *sender_budgets_new(void);
void sender_budgets_free(SenderBudgets *budgets);

/*
 * FROM is the id of whoever calls us; NULL for those who have none. If as many as there may be
 * have used theirs lately, those who come next share one. Owned by BUDGETS until the next call:
 * keep a reference.
 */
CheckBudget *sender_budgets_find(SenderBudgets *budgets, const char *from, gint64 now);
