/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/clock.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

gint64 clock_monotonic(void)
{
    return g_get_monotonic_time();
}

gint64 clock_wall(void)
{
    return g_get_real_time();
}

static gint64 usec_of(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

gint64 clock_suspended(void)
{
    return usec_of(CLOCK_BOOTTIME) - usec_of(CLOCK_MONOTONIC);
}

/* A timer that never expires, but is cancelled */
void clock_jumps_await(int fd)
{
    const struct itimerspec never = {.it_value.tv_sec = G_MAXINT32};
    guint64 expirations;

    (void) !read(fd, &expirations, sizeof expirations);
    timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

int clock_jumps_open(void)
{
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

    if (fd >= 0)
        clock_jumps_await(fd);
    return fd;
}

guint clock_timer_add(guint milliseconds, GSourceFunc func, gpointer data)
{
    return g_timeout_add(milliseconds, func, data);
}

guint clock_timer_add_seconds(guint seconds, GSourceFunc func, gpointer data)
{
    return g_timeout_add_seconds(seconds, func, data);
}
