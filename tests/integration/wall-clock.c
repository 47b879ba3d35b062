/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Preloaded into a program, this moves its wall clock alone, by as many seconds as the file WALL_CLOCK (a
 * definition of the compiler's) has in its first eight bytes: whoever waits until a time on that clock waits on.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SLICE 10000000 /* ns */
#define SECOND 1000000000

static int64_t shift(void)
{
    static const volatile int64_t *shared;

    if (!shared) {
        int fd = open(WALL_CLOCK, O_RDONLY | O_CLOEXEC);

        shared = mmap(NULL, sizeof *shared, PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
    }
    return *shared;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int) syscall(SYS_clock_gettime, clock, now);

    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        now->tv_sec += shift();
    return result;
}

int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec precise;

    clock_gettime(CLOCK_REALTIME, &precise);
    *now = (struct timeval){precise.tv_sec, precise.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

static bool has_passed(const struct timespec *until)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec > until->tv_sec ||
           (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                           const struct timespec *until)
{
    static int (*wait)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);

    if (!wait)
        wait = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
    while (!has_passed(until)) {
        struct timespec end;
        int result;

        clock_gettime(CLOCK_MONOTONIC, &end);
        end.tv_sec += (end.tv_nsec + SLICE) / SECOND;
        end.tv_nsec = (end.tv_nsec + SLICE) % SECOND;
        result = wait(cond, mutex, CLOCK_MONOTONIC, &end);
        if (result != ETIMEDOUT)
            return result;
    }
    return ETIMEDOUT;
}
