/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* When a call restarts ICE, in a time that the test makes. */

#include <config.h>

#include "common/log.h"
#include "peer/call/call-repair.h"

#define SECOND G_USEC_PER_SEC

/* What is taken next, and how long after NOW, which becomes that time. */
static gint64 next_wait(CallRepair *repair, gint64 *now)
{
    gint64 wait = call_repair_due(repair) - *now;

    g_assert_cmpint(call_repair_due(repair), <, REPAIR_NEVER);
    if (wait > 0)
        g_assert_cmpint(call_repair_take(repair, *now + wait - 1), ==, REPAIR_WAIT);
    *now += wait;
    return wait;
}

static void assert_wait(CallRepair *repair, gint64 *now, guint milliseconds)
{
    gint64 wait = next_wait(repair, now);

    g_assert_cmpint(wait, >=, milliseconds * 750);
    g_assert_cmpint(wait, <=, milliseconds * 1250);
    g_assert_cmpint(call_repair_take(repair, *now), ==, REPAIR_RESTART);
}

static void test_needed(void)
{
    CallRepair repair = {};
    gint64 now = 5 * SECOND;

    g_assert_cmpint(call_repair_due(&repair), ==, REPAIR_NEVER);
    g_assert_cmpint(call_repair_take(&repair, now), ==, REPAIR_WAIT);
    call_repair_need(&repair, now);
    assert_wait(&repair, &now, 0); /* the first one at once */
    assert_wait(&repair, &now, 1000);
    assert_wait(&repair, &now, 2000);
    call_repair_need(&repair, now); /* it is known */
    assert_wait(&repair, &now, 4000);
    assert_wait(&repair, &now, 8000);
    for (guint i = 0; i < 20; i++)
        assert_wait(&repair, &now, 10000);
    call_repair_mend(&repair);
    g_assert_cmpint(call_repair_due(&repair), ==, REPAIR_NEVER);
    call_repair_need(&repair, now);
    assert_wait(&repair, &now, 0);
    assert_wait(&repair, &now, 1000);
}

/* It waits for something to happen, and then hurries. */
static void test_barred(void)
{
    CallRepair repair = {};
    gint64 now = 5 * SECOND;

    call_repair_hurry(&repair, now);
    g_assert_cmpint(call_repair_due(&repair), ==, REPAIR_NEVER);
    call_repair_need(&repair, now);
    g_assert_cmpint(call_repair_take(&repair, now), ==, REPAIR_RESTART);
    call_repair_bar(&repair, REPAIR_RESTART);
    g_assert_cmpint(call_repair_due(&repair), ==, REPAIR_NEVER);
    g_assert_cmpint(call_repair_take(&repair, now + 1000 * SECOND), ==, REPAIR_WAIT);
    now += 1000 * SECOND;
    call_repair_hurry(&repair, now);
    g_assert_cmpint(next_wait(&repair, &now), <=, SECOND / 10);
    g_assert_cmpint(call_repair_take(&repair, now), ==, REPAIR_RESTART);
    assert_wait(&repair, &now, 1000);
}

/* Another path is nice to have, so the search ends. */
static void test_wanted(void)
{
    CallRepair repair = {};
    gint64 now = 5 * SECOND, first = now;
    guint restarts = 0;

    call_repair_want(&repair, true, now);
    g_assert_cmpint(next_wait(&repair, &now), <=, SECOND / 10);
    g_assert_cmpint(call_repair_take(&repair, now), ==, REPAIR_RESTART_ANEW);
    for (restarts = 1; call_repair_due(&repair) != REPAIR_NEVER; restarts++) {
        next_wait(&repair, &now);
        if (call_repair_take(&repair, now) == REPAIR_WAIT)
            break;
    }
    g_assert_cmpuint(restarts, ==, 4);
    g_assert_cmpint(now - first, <, 30 * SECOND);
    g_assert_cmpint(call_repair_due(&repair), ==, REPAIR_NEVER);
}

/* The path gets silent, and then our addresses change: what is under way is for nothing. */
static void test_wanted_and_needed(void)
{
    CallRepair repair = {};
    gint64 now = 5 * SECOND;

    call_repair_want(&repair, false, now);
    call_repair_need(&repair, now);
    g_assert_cmpint(call_repair_take(&repair, now), ==, REPAIR_RESTART);
    call_repair_want(&repair, true, now);
    g_assert_cmpint(call_repair_due(&repair), ==, now);
    g_assert_cmpint(call_repair_take(&repair, now), ==, REPAIR_RESTART_ANEW);
    for (guint i = 0; i < 20; i++) { /* it does not end */
        next_wait(&repair, &now);
        g_assert_cmpint(call_repair_take(&repair, now), ==, REPAIR_RESTART);
    }
}

/* A restart of before our addresses changed ends well: it has none of the new ones. */
static void test_mended_without_the_new(void)
{
    CallRepair repair = {};
    gint64 now = 5 * SECOND;

    call_repair_want(&repair, true, now);
    call_repair_mend(&repair);
    g_assert_cmpint(next_wait(&repair, &now), <=, SECOND / 10);
    g_assert_cmpint(call_repair_take(&repair, now), ==, REPAIR_RESTART_ANEW);
    call_repair_put_off(&repair, REPAIR_RESTART_ANEW); /* nobody was told of them yet */
    now += 2 * SECOND;
    g_assert_cmpint(call_repair_take(&repair, now), ==, REPAIR_RESTART_ANEW);
    call_repair_bar(&repair, REPAIR_RESTART_ANEW);
    call_repair_mend(&repair);
    g_assert_cmpint(call_repair_due(&repair), ==, REPAIR_NEVER);
    call_repair_hurry(&repair, now);
    g_assert_cmpint(next_wait(&repair, &now), <=, SECOND / 10);
    g_assert_cmpint(call_repair_take(&repair, now), ==, REPAIR_RESTART_ANEW);
    call_repair_mend(&repair);
    g_assert_cmpint(repair.state, ==, REPAIR_NONE);
    g_assert_cmpint(call_repair_due(&repair), ==, REPAIR_NEVER);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_open("test-call-repair", false);
    g_test_add_func("/call-repair/needed", test_needed);
    g_test_add_func("/call-repair/barred", test_barred);
    g_test_add_func("/call-repair/wanted", test_wanted);
    g_test_add_func("/call-repair/wanted-and-needed", test_wanted_and_needed);
    g_test_add_func("/call-repair/mended-without-the-new", test_mended_without_the_new);
    return g_test_run();
}
