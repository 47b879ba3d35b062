/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/alarm.h"

#include "fake-clock.h"

static GString *heard;

static void on_alarm(gpointer data)
{
    g_string_append_printf(heard, "%s ", (const char *) data);
}

static gint64 in(gint64 usec)
{
    return clock_monotonic() + usec;
}

static void expect(const char *text)
{
    g_assert_cmpstr(heard->str, ==, text);
    g_string_truncate(heard, 0);
}

static void test_order(void)
{
    Alarm a = {}, b = {}, c = {};

    alarm_set(&a, in(3000), on_alarm, (gpointer) "a");
    alarm_set(&b, in(1000), on_alarm, (gpointer) "b");
    alarm_set(&c, in(2000), on_alarm, (gpointer) "c");
    fake_clock_advance(1500);
    expect("b ");
    alarm_set(&c, in(5000), on_alarm, (gpointer) "later");
    fake_clock_advance(3000);
    expect("a ");
    alarm_clear(&c);
    alarm_clear(&c);
    fake_clock_advance(10000);
    expect("");
    g_assert_cmpint(fake_clock_due(), ==, -1);
}

/* All of them by one timer */
static void test_many(void)
{
    Alarm alarms[100] = {};

    for (guint i = 0; i < G_N_ELEMENTS(alarms); i++)
        alarm_set_seconds(&alarms[i], 6, on_alarm, (gpointer) ".");
    fake_clock_advance(5999 * 1000);
    expect("");
    fake_clock_advance(1001 * 1000);
    g_assert_cmpuint(heard->len, ==, 2 * G_N_ELEMENTS(alarms));
    g_string_truncate(heard, 0);
    g_assert_cmpint(fake_clock_due(), ==, -1);
}

static Alarm again;

static void on_again(gpointer data)
{
    on_alarm(data);
    if (heard->len < 6)
        alarm_set(&again, in(1000), on_again, data);
}

static void test_again(void)
{
    alarm_set(&again, in(1000), on_again, (gpointer) "x");
    fake_clock_advance(10000);
    expect("x x x ");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    heard = g_string_new(NULL);
    g_test_add_func("/alarm/order", test_order);
    g_test_add_func("/alarm/many", test_many);
    g_test_add_func("/alarm/again", test_again);
    return g_test_run();
}
