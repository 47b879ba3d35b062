/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The load of the relay tables: many WebSocket clients in one process over
 * epoll, light enough that the server is what is measured. It speaks what the
 * servers do behind the WebSocket: rtcbus frames, NATS and MQTT 3.1.1.
 *
 * relay-load PROTOCOL PORT PID[,PID...] MODE [KEY=NUMBER...]
 *
 *   pairs    everybody sends to a partner; `window` frames each are on their way
 *   fanout   one sends, `members` get it; `window` frames are on their way
 *   latency  `rate` frames a second over all pairs, as time passes
 *   idle     `idle` connections more, what they cost, and pairs among them
 *
 * With across=PORT every second one connects there, to another relay of the same cluster.
 * With tls=1 all of it goes through TLS, whoever the server says it is. RTCBUS_TOKEN in
 * the environment is shown to the server. It prints one JSON object. CPU time is that of
 * the server alone, from the first to the last frame that is counted.
 */

#define _GNU_SOURCE

#include "load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

Load load = {.pairs = 100,
             .size = 500,
             .seconds_ms = 3000,
             .warm_ms = 500,
             .window = 1,
             .members = 500,
             .rate = 5000};

void load_die(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    fprintf(stderr, "relay-load: ");
    vfprintf(stderr, format, ap);
    fprintf(stderr, "\n");
    exit(1);
}

int64_t load_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS + t.tv_nsec;
}

/* ---- measuring --------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return x < y ? -1 : x > y;
}

/* What was sent has to arrive, all of it. */
static void drain(void)
{
    uint64_t expected = load.sent * (load.fanout ? (uint64_t) load.members : 1);
    int64_t end = load_now() + 10 * NS;

    load.sending = false;
    while (load.received < expected && load_now() < end)
        load_turn(NS / 100);
    if (load.received != expected)
        load_die("%llu frames should have arrived, %llu did", (unsigned long long) expected,
                 (unsigned long long) load.received);
}

typedef struct {
    double per_cpu_second, per_second, cpu; /* frames, frames, share of one CPU */
} Rate;

static Rate measure_rate(void)
{
    uint64_t frames;
    int64_t cpu, time;
    Rate rate;

    load.sending = true;
    for (long i = 0; i < load.window; i++) {
        for (int c = 0; c < (load.fanout ? 1 : load.n_connections); c++)
            load_send(&load.connections[c]);
    }
    load_turn_for(load.warm_ms * 1000000);
    frames = load.received;
    cpu = load_server_cpu();
    time = load_now();
    load_turn_for(load.seconds_ms * 1000000);
    frames = load.received - frames;
    cpu = load_server_cpu() - cpu;
    time = load_now() - time;
    drain();
    rate.per_cpu_second = (double) frames / ((double) cpu / NS);
    rate.per_second = (double) frames / ((double) time / NS);
    rate.cpu = (double) cpu / (double) time;
    return rate;
}

static void print_rate(const char *suffix, Rate rate)
{
    printf("\"frames_per_cpu_second%s\": %.0f, \"frames_per_second%s\": %.0f, "
           "\"cpu%s\": %.3f, ",
           suffix, rate.per_cpu_second, suffix, rate.per_second, suffix, rate.cpu);
}

/* Frames go out when their time has come, whatever has become of those before. */
static void measure_latency(void)
{
    int64_t interval = NS / load.rate, begin = load_now(), next = begin;
    int64_t warm = begin + load.warm_ms * 1000000;
    int64_t end = warm + load.seconds_ms * 1000000;
    bool warmed = false;
    int64_t cpu = 0;
    uint64_t frames = 0;

    load.max_latencies = (size_t) (load.rate * load.seconds_ms / 1000 * 2 + 1000);
    load.latencies = calloc(load.max_latencies, sizeof *load.latencies);
    load.measuring_latency = true;
    for (int from = 0; next < end; from = (from + 1) % load.n_connections) {
        for (int64_t now; (now = load_now()) < next;)
            load_turn(next - now); /* others need this processor */
        if (!warmed && next >= warm) {
            warmed = true;
            load.n_latencies = 0;
            frames = load.received;
            cpu = load_server_cpu();
        }
        load_send(&load.connections[from]);
        next += interval;
    }
    cpu = load_server_cpu() - cpu;
    frames = load.received - frames;
    drain();
    qsort(load.latencies, load.n_latencies, sizeof *load.latencies, compare);
    printf("\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, "
           "\"frames_per_cpu_second\": %.0f, ",
           load.latencies[load.n_latencies / 2], load.latencies[load.n_latencies * 99 / 100],
           load.latencies[load.n_latencies - 1], (double) frames / ((double) cpu / NS));
}

static void measure_idle(void)
{
    static LoadConnection *idle; /* epoll knows them until the end */
    long before, after;

    print_rate("_before", measure_rate());
    idle = calloc((size_t) load.idle, sizeof *idle);
    before = load_server_rss();
    load_connect(idle, (int) load.idle, true);
    load_turn_for(2 * NS);
    after = load_server_rss();
    print_rate("", measure_rate());
    printf("\"rss_per_idle\": %.0f, \"idle\": %ld, ",
           (double) (after - before) * 1024 / (double) load.idle, load.idle);
}

static void parse_option(const char *text)
{
    static const struct {
        const char *key;
        long *value;
    } keys[] = {
        {"pairs", &load.pairs},   {"size", &load.size},     {"ms", &load.seconds_ms},
        {"warm", &load.warm_ms},  {"window", &load.window}, {"members", &load.members},
        {"rate", &load.rate},     {"idle", &load.idle},     {"tls", &load.tls},
        {"across", &load.across},
    };
    const char *equals = strchr(text, '=');

    for (size_t i = 0; equals && i < sizeof keys / sizeof *keys; i++) {
        if (strlen(keys[i].key) == (size_t) (equals - text) &&
            strncmp(keys[i].key, text, strlen(keys[i].key)) == 0) {
            *keys[i].value = atol(equals + 1);
            return;
        }
    }
    load_die("%s: no such option", text);
}

static void allow_descriptors(long count)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= (rlim_t) count)
        return;
    limit.rlim_cur = (rlim_t) count;
    limit.rlim_max = limit.rlim_max < limit.rlim_cur ? limit.rlim_cur : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        load_die("%ld open files: %s", count, strerror(errno));
}

int main(int argc, char **argv)
{
    const char *mode;
    char name[16];

    if (argc < 5)
        load_die(
            "usage: relay-load rtcbus|nats|mqtt PORT PIDS pairs|fanout|latency|idle [KEY=NUMBER]");
    load.protocol = strcmp(argv[1], "nats") == 0   ? NATS
                    : strcmp(argv[1], "mqtt") == 0 ? MQTT
                                                   : RTCBUS;
    load.port = atoi(argv[2]);
    load.pids = argv[3];
    mode = argv[4];
    for (int i = 5; i < argc; i++)
        parse_option(argv[i]);
    load.fanout = strcmp(mode, "fanout") == 0;
    load.n_connections = (int) (load.fanout ? load.members + 1 : 2 * load.pairs);
    allow_descriptors(load.n_connections + load.idle + 100);
    load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    load.connections = calloc((size_t) load.n_connections, sizeof *load.connections);
    load_connect(load.connections, load.n_connections, false);
    for (int i = 0; i < load.n_connections; i++) {
        sprintf(name, "r%d", i ^ 1);
        load_make_frame(&load.connections[i], load.fanout ? NULL : name);
    }
    printf("{");
    if (strcmp(mode, "latency") == 0)
        measure_latency();
    else if (strcmp(mode, "idle") == 0)
        measure_idle();
    else
        print_rate("", measure_rate());
    printf("\"frames\": %llu}\n", (unsigned long long) load.received);
    return 0;
}
