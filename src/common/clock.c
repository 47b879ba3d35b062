/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/clock.h"

gint64 clock_monotonic(void)
{
    return g_get_monotonic_time();
}

gint64 clock_wall(void)
{
    return g_get_real_time();
}

guint clock_timer_add(guint milliseconds, GSourceFunc func, gpointer data)
{
    return g_timeout_add(milliseconds, func, data);
}

guint clock_timer_add_seconds(guint seconds, GSourceFunc func, gpointer data)
{
    return g_timeout_add_seconds(seconds, func, data);
}
