/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Deadlines: never early, late by less than a grain, none forgotten. */

#include <config.h>

#include "relay/wheel.h"

#define GRAIN 1000
#define START (G_GINT64_CONSTANT(123456) * GRAIN + 7)

typedef struct {
    WheelEntry entry;
    gint64 due, taken;
} Deadline;

static void test_order(void)
{
    Wheel wheel;
    Deadline deadlines[500] = {};
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    guint taken = 0;

    wheel_init(&wheel, GRAIN, START);
    g_assert_cmpint(wheel_next(&wheel), ==, G_MAXINT64);
    for (guint i = 0; i < G_N_ELEMENTS(deadlines); i++) {
        deadlines[i].entry.link.data = &deadlines[i];
        deadlines[i].due = START + g_rand_int_range(random, 1, (WHEEL_SLOTS - 2) * GRAIN);
        wheel_add(&wheel, &deadlines[i].entry, deadlines[i].due);
    }
    wheel_remove(&wheel, &deadlines[3].entry);
    for (gint64 next; (next = wheel_next(&wheel)) != G_MAXINT64;) {
        Deadline *deadline;

        g_assert_null(wheel_take(&wheel, next - 1));
        while ((deadline = wheel_take(&wheel, next))) {
            g_assert_cmpint(deadline->taken, ==, 0);
            g_assert_cmpint(deadline->due, <=, next);
            g_assert_cmpint(deadline->due, >, next - GRAIN);
            deadline->taken = next;
            taken++;
        }
    }
    g_assert_cmpuint(taken, ==, G_N_ELEMENTS(deadlines) - 1);
    g_assert_cmpint(deadlines[3].taken, ==, 0);
}

/* Deadlines in the past, beyond the wheel, and that move; sleeping for long. */
static void test_edges(void)
{
    Wheel wheel;
    Deadline a = {}, b = {};

    a.entry.link.data = &a;
    b.entry.link.data = &b;
    wheel_init(&wheel, GRAIN, START);
    wheel_add(&wheel, &a.entry, START - 50 * GRAIN);
    g_assert_cmpint(wheel_next(&wheel), <=, START + GRAIN);
    wheel_add(&wheel, &b.entry, START + 1000 * GRAIN);
    g_assert_true(wheel_take(&wheel, START + GRAIN) == &a);
    g_assert_null(wheel_take(&wheel, START + GRAIN));
    g_assert_cmpint(wheel_next(&wheel), <, START + 100 * GRAIN);
    wheel_add(&wheel, &b.entry, START + 5 * GRAIN);
    g_assert_cmpint(wheel_next(&wheel), <=, START + 6 * GRAIN);
    wheel_add(&wheel, &a.entry, START + 9 * GRAIN);
    g_assert_true(wheel_take(&wheel, START + 100000 * GRAIN) != NULL);
    g_assert_true(wheel_take(&wheel, START + 100000 * GRAIN) != NULL);
    g_assert_null(wheel_take(&wheel, START + 100000 * GRAIN));
    g_assert_cmpint(wheel_next(&wheel), ==, G_MAXINT64);
}

/* Overdue, and added again while others are taken: each is taken once. */
static void test_overdue(void)
{
    Wheel wheel;
    Deadline deadlines[2] = {}, *deadline;
    gint64 now = START + 10 * GRAIN;

    wheel_init(&wheel, GRAIN, START);
    for (guint i = 0; i < G_N_ELEMENTS(deadlines); i++) {
        deadlines[i].entry.link.data = &deadlines[i];
        wheel_add(&wheel, &deadlines[i].entry, START + (i + 1) * GRAIN);
    }
    for (guint round = 1; round <= 3; round++, now += round * WHEEL_SLOTS * GRAIN) {
        guint most = round == 1 ? 1 : 2; /* a second time after a long sleep */

        while ((deadline = wheel_take(&wheel, now))) {
            g_assert_cmpint(++deadline->taken, <=, most);
            wheel_add(&wheel, &deadline->entry, START);
        }
        g_assert_cmpint(wheel_next(&wheel), >, now);
        g_assert_cmpint(wheel_next(&wheel), <=, now + GRAIN);
        for (guint i = 0; i < G_N_ELEMENTS(deadlines); i++) {
            g_assert_cmpint(deadlines[i].taken, >, 0);
            deadlines[i].taken = 0;
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wheel/order", test_order);
    g_test_add_func("/wheel/edges", test_edges);
    g_test_add_func("/wheel/overdue", test_overdue);
    return g_test_run();
}
