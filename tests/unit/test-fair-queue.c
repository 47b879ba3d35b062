/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Turns: equal shares for groups however many entries they have, and little to
 * wait for whoever was at rest. */

#include <config.h>

#include "relay/fair-queue.h"

#define CROWD 500

static void test_shares(void)
{
    FairQueue queue = {.quantum = 100};
    FairGroup crowd = {}, pair = {};
    FairEntry many[CROWD] = {}, two[2] = {};
    gint64 spent_crowd = 0, spent_pair = 0;

    for (guint i = 0; i < CROWD; i++)
        fair_queue_add(&queue, &crowd, &many[i]);
    for (guint i = 0; i < 2; i++)
        fair_queue_add(&queue, &pair, &two[i]);
    for (guint i = 0; i < 10000; i++) {
        FairEntry *entry = fair_queue_take(&queue);
        bool is_pair = entry == &two[0] || entry == &two[1];
        gint64 cost = is_pair ? 5 : 40;

        fair_queue_charge(&queue, cost);
        *(is_pair ? &spent_pair : &spent_crowd) += cost;
        fair_queue_add(&queue, is_pair ? &pair : &crowd, entry);
    }
    g_assert_cmpint(ABS(spent_pair - spent_crowd), <, 500);
    for (guint i = 0; i < CROWD; i++)
        fair_entry_remove(&many[i]);
    for (guint i = 0; i < 2; i++)
        fair_entry_remove(&two[i]);
    g_assert_true(fair_queue_is_empty(&queue));
    g_assert_null(fair_queue_take(&queue));
    fair_queue_charge(&queue, 1); /* nobody's */
}

/* Two hundred groups that always have something to do; one comes now and then. */
static void test_at_rest(void)
{
    FairQueue queue = {.quantum = 100};
    FairGroup busy[200] = {}, calm = {};
    FairEntry entries[200] = {}, entry = {};
    guint worst = 0;

    for (guint i = 0; i < 200; i++)
        fair_queue_add(&queue, &busy[i], &entries[i]);
    for (guint round = 0; round < 1000; round++) {
        guint waited = 0;
        FairEntry *taken;

        for (guint i = 0; i < (round == 0 ? 3000 : 300); i++) { /* nobody is new then */
            taken = fair_queue_take(&queue);
            fair_queue_charge(&queue, 60);
            fair_queue_add(&queue, &busy[taken - entries], taken);
        }
        fair_queue_add(&queue, &calm, &entry);
        fair_queue_add(&queue, &calm, &entry); /* twice is once */
        while ((taken = fair_queue_take(&queue)) != &entry) {
            fair_queue_charge(&queue, 60);
            fair_queue_add(&queue, &busy[taken - entries], taken);
            waited++;
        }
        fair_queue_charge(&queue, 10);
        worst = MAX(worst, waited);
    }
    g_assert_cmpuint(worst, ==, 0);
}

/* Who comes back all the time is no newcomer. */
static void test_no_trick(void)
{
    FairQueue queue = {.quantum = 100};
    FairGroup honest = {}, sly = {};
    FairEntry a = {}, b = {};
    guint of_honest = 0;

    fair_queue_add(&queue, &honest, &a);
    fair_queue_add(&queue, &sly, &b);
    for (guint i = 0; i < 1000; i++) {
        FairEntry *taken = fair_queue_take(&queue);

        of_honest += taken == &a;
        fair_queue_charge(&queue, 90);
        fair_queue_add(&queue, taken == &a ? &honest : &sly, taken);
    }
    g_assert_cmpuint(of_honest, >, 400);
}

static void test_forget(void)
{
    FairQueue queue = {.quantum = 100};
    FairGroup group = {}, other = {};
    FairEntry a = {}, b = {};

    fair_queue_add(&queue, &group, &a);
    fair_queue_add(&queue, &other, &b);
    g_assert_true(fair_queue_take(&queue) == &a);
    fair_queue_forget(&queue, &group);
    fair_queue_charge(&queue, 1000); /* nobody's */
    g_assert_true(fair_queue_take(&queue) == &b);
    g_assert_true(fair_queue_is_empty(&queue));
    g_assert_null(fair_queue_take(&queue));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fair-queue/shares", test_shares);
    g_test_add_func("/fair-queue/at-rest", test_at_rest);
    g_test_add_func("/fair-queue/no-trick", test_no_trick);
    g_test_add_func("/fair-queue/forget", test_forget);
    return g_test_run();
}
