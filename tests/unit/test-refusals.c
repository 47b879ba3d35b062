/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What is remembered of those who were not let in, and how much of it. */

#include <config.h>

#include "relay/refusals.h"

#include <string.h>

static void collect(const RefusalEntry *entry, gpointer data)
{
    g_ptr_array_add(data, (gpointer) entry);
}

static GPtrArray *entries_of(const Refusals *refusals)
{
    GPtrArray *entries = g_ptr_array_new();

    refusals_foreach(refusals, collect, entries);
    return entries;
}

static void test_same_again(void)
{
    g_autoptr(Refusals) refusals = refusals_new();
    g_autoptr(GPtrArray) entries = NULL;
    const RefusalEntry *first, *second;

    refusals_add(refusals, 1, "192.0.2.1", 401, "", "no");
    refusals_add(refusals, 2, "192.0.2.2", 401, "", "no");
    refusals_add(refusals, 3, "192.0.2.1", 401, "", "no");
    refusals_add(refusals, 4, "192.0.2.1", 403, "", "no");
    entries = entries_of(refusals);
    g_assert_cmpuint(entries->len, ==, 3);
    first = entries->pdata[0];
    second = entries->pdata[1];
    g_assert_cmpint(first->status, ==, 403);
    g_assert_cmpuint(second->count, ==, 2);
    g_assert_cmpint(second->time, ==, 3);
    g_assert_cmpuint(refusals_count(refusals), ==, 4);
}

/* One address fills its own places only. */
static void test_shares(void)
{
    g_autoptr(Refusals) refusals = refusals_new();
    g_autoptr(GPtrArray) entries = NULL;

    refusals_add(refusals, 1, "192.0.2.1", 401, "", "mine");
    for (guint i = 0; i < 1000; i++) {
        g_autofree char *reason = g_strdup_printf("reason %u", i);

        refusals_add(refusals, 2 + i, "192.0.2.2", 401, "", reason);
    }
    entries = entries_of(refusals);
    g_assert_cmpuint(entries->len, ==, 1 + REFUSALS_MAX_PER_ADDRESS);
    g_assert_cmpstr(((const RefusalEntry *) entries->pdata[0])->reason, ==, "reason 999");
    g_assert_cmpstr(((const RefusalEntry *) entries->pdata[REFUSALS_MAX_PER_ADDRESS])->reason, ==,
                    "mine");
}

static void test_limits(void)
{
    g_autoptr(Refusals) refusals = refusals_new();
    g_autoptr(GPtrArray) entries = NULL;
    g_autofree char *large = g_strnfill(5000, 'x');
    const RefusalEntry *last;

    for (guint i = 0; i < 1000; i++) {
        g_autofree char *address = g_strdup_printf("2001:db8::%x", i);

        refusals_add(refusals, i, address, 503, "", "full");
    }
    refusals_add(refusals, 1000, "::1", 404, "a\x1b[31m\n", large);
    entries = entries_of(refusals);
    g_assert_cmpuint(entries->len, ==, REFUSALS_MAX);
    last = entries->pdata[0];
    g_assert_cmpuint(strlen(last->reason), <=, 256);
    g_assert_null(strpbrk(last->room, "\x1b\n"));
    g_assert_cmpuint(refusals_count(refusals), ==, 1001);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/refusals/same-again", test_same_again);
    g_test_add_func("/refusals/shares", test_shares);
    g_test_add_func("/refusals/limits", test_limits);
    return g_test_run();
}
