/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/alarm.h"

#include "common/clock.h"

static struct {
    GTree *set; /* of Alarm, as key and value, in the order in which they are due */
    guint timer;
    gint64 timer_due;
} alarms;

static int compare(gconstpointer first, gconstpointer second, gpointer data)
{
    const Alarm *a = first, *b = second;

    if (a->due != b->due)
        return a->due < b->due ? -1 : 1;
    return a < b ? -1 : a > b;
}

static Alarm *first_alarm(void)
{
    GTreeNode *node = g_tree_node_first(alarms.set);

    return node ? g_tree_node_value(node) : NULL;
}

static gboolean on_timer(gpointer data);

/* A timer that goes off too early costs less than one that is set anew each time. */
static void set_timer(void)
{
    const Alarm *first = first_alarm();
    gint64 wait;

    if (alarms.timer != 0 && first && alarms.timer_due <= first->due)
        return;
    g_clear_handle_id(&alarms.timer, g_source_remove);
    if (!first)
        return;
    wait = MAX(first->due - clock_monotonic(), 0);
    alarms.timer_due = first->due;
    alarms.timer = clock_timer_add((guint) ((wait + 999) / 1000), on_timer, NULL);
}

/* An alarm that is set for now by another is the next turn's business. */
static gboolean on_timer(gpointer data)
{
    gint64 now = clock_monotonic();
    Alarm *alarm;

    alarms.timer = 0;
    while ((alarm = first_alarm()) && alarm->due <= now) {
        alarm_clear(alarm);
        alarm->func(alarm->data);
    }
    set_timer();
    return G_SOURCE_REMOVE;
}

void alarm_set(Alarm *alarm, gint64 due, void (*func)(gpointer data), gpointer data)
{
    if (!alarms.set)
        alarms.set = g_tree_new_full(compare, NULL, NULL, NULL);
    if (alarm->due != 0)
        g_tree_remove(alarms.set, alarm);
    *alarm = (Alarm){.due = MAX(due, 1), .func = func, .data = data};
    g_tree_insert(alarms.set, alarm, alarm);
    set_timer();
}

void alarm_set_seconds(Alarm *alarm, guint seconds, void (*func)(gpointer data), gpointer data)
{
    gint64 due = clock_monotonic() + seconds * G_USEC_PER_SEC + G_USEC_PER_SEC - 1;

    alarm_set(alarm, due - due % G_USEC_PER_SEC, func, data);
}

void alarm_clear(Alarm *alarm)
{
    if (alarm->due == 0)
        return;
    g_tree_remove(alarms.set, alarm);
    alarm->due = 0;
    if (g_tree_nnodes(alarms.set) == 0)
        g_clear_handle_id(&alarms.timer, g_source_remove);
}
