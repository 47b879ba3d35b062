/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The server that is measured, or the servers. */

#define _GNU_SOURCE

#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ns of CPU time of all PIDs. A process' CPU clock can be read from outside, see
 * clock_getcpuclockid(3); unlike /proc/PID/stat it does not count in ticks. */
int64_t load_server_cpu(void)
{
    int64_t sum = 0;
    char *rest = load.pids;

    for (char *end; *rest; rest = *end ? end + 1 : end) {
        clockid_t clock;
        struct timespec t;

        if (clock_getcpuclockid((pid_t) strtol(rest, &end, 10), &clock) != 0 ||
            clock_gettime(clock, &t) < 0)
            load_die("the server is gone");
        sum += t.tv_sec * NS + t.tv_nsec;
    }
    return sum;
}

long load_server_rss(void)
{
    long sum = 0;
    char *rest = load.pids;

    for (char *end; *rest; rest = *end ? end + 1 : end) {
        char path[64], line[128];
        long kib;
        FILE *file;

        snprintf(path, sizeof path, "/proc/%ld/status", strtol(rest, &end, 10));
        file = fopen(path, "r");
        if (!file)
            load_die("the server is gone");
        while (fgets(line, sizeof line, file)) {
            if (sscanf(line, "VmRSS: %ld", &kib) == 1)
                sum += kib;
        }
        fclose(file);
    }
    return sum;
}
