/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * How many connectivity checks a remote can make us send to addresses that have
 * not answered: a number at once, then so many a second. What goes behind checks
 * (early-flight.h) has an allowance of its own, so that it leaves none without
 * their repeats. One budget is shared by all connections that its owner gives it to.
 */

#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>

enum {
    CHECK_BUDGET_BURST = 50,
    CHECK_BUDGET_EARLY = 16,        /* of those that go behind checks */
    CHECK_BUDGET_INTERVAL = 500000, /* µs until there is one more of either */
};

typedef struct CheckBudget CheckBudget;

CheckBudget *check_budget_new(void);
CheckBudget *check_budget_ref(CheckBudget *budget);
void check_budget_unref(CheckBudget *budget);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CheckBudget, check_budget_unref)

/* Takes one at the time NOW, monotonic µs. AGAIN: to an address that had one before; half of
 * the budget is for others. False: it is used up. */
bool check_budget_take(CheckBudget *budget, bool again, gint64 now);

/* Takes N of what goes behind checks, or none. False: there are not so many. */
bool check_budget_take_early(CheckBudget *budget, guint n, gint64 now);

/* N of those have gone to somebody who is there. */
void check_budget_return_early(CheckBudget *budget, guint n);

/* N that were taken have been answered from ADDRESS (IPv4 as IPv4-mapped). */
void check_budget_answered(CheckBudget *budget, const struct in6_addr *address, guint n);

/*
 * Whether ADDRESS has answered, be it another connection: it is no stranger to whoever aims us
 * at it, and costs nothing. The last few are remembered.
 */
bool check_budget_has_answered(const CheckBudget *budget, const struct in6_addr *address);

/* Whether its owner is a stranger; a new one's is none. */
void check_budget_set_stranger(CheckBudget *budget, bool stranger);
bool check_budget_is_stranger(const CheckBudget *budget);

/* The turn of the next thing that its owner waits for, where the last that has had one had NOW: the
 * more it has taken of late, the later. */
guint64 check_budget_take_turn(CheckBudget *budget, guint64 now);

/* Whether one who makes a new one would not know the difference: it is full, and nobody else
 * has a reference. */
bool check_budget_is_idle(const CheckBudget *budget, gint64 now);
