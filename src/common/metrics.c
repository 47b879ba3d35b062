/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* See metrics.h. Numbers are written as in the C locale, whatever that of the daemon is. */

#include <config.h>

#include "common/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FIRST_BOUND_BITS 6 /* 64 µs */

void histogram_observe(Histogram *histogram, gint64 duration)
{
    guint64 above = duration > 1 ? (guint64) duration - 1 : 0; /* a bound is in its bucket */
    guint bits = above == 0 ? 0 : 64 - (guint) __builtin_clzll(above);
    guint bucket = bits > FIRST_BOUND_BITS ? bits - FIRST_BOUND_BITS : 0;

    histogram->buckets[MIN(bucket, HISTOGRAM_BUCKETS)]++;
    histogram->sum += (guint64) MAX(duration, 0);
}

void metrics_begin(GString *page, const char *name, const char *type, const char *help)
{
    g_string_append_printf(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void append_name(GString *page, const char *name, const char *labels)
{
    g_string_append(page, name);
    if (labels)
        g_string_append_printf(page, "{%s}", labels);
    g_string_append_c(page, ' ');
}

void metrics_count(GString *page, const char *name, const char *labels, guint64 value)
{
    append_name(page, name, labels);
    g_string_append_printf(page, "%" PRIu64 "\n", value);
}

void metrics_real(GString *page, const char *name, const char *labels, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    append_name(page, name, labels);
    g_string_append(page, g_ascii_formatd(text, sizeof text, "%.9g", value));
    g_string_append_c(page, '\n');
}

void metrics_counter(GString *page, const char *name, const char *help, guint64 value)
{
    metrics_begin(page, name, "counter", help);
    metrics_count(page, name, NULL, value);
}

void metrics_gauge(GString *page, const char *name, const char *help, guint64 value)
{
    metrics_begin(page, name, "gauge", help);
    metrics_count(page, name, NULL, value);
}

void metrics_histogram(GString *page, const char *name, const char *help,
                       const Histogram *histogram)
{
    g_autofree char *bucket = g_strconcat(name, "_bucket", NULL);
    g_autofree char *sum = g_strconcat(name, "_sum", NULL);
    g_autofree char *count = g_strconcat(name, "_count", NULL);
    guint64 seen = 0;

    metrics_begin(page, name, "histogram", help);
    for (guint i = 0; i < HISTOGRAM_BUCKETS; i++) {
        char bound[G_ASCII_DTOSTR_BUF_SIZE], label[64];

        seen += histogram->buckets[i];
        g_ascii_formatd(bound, sizeof bound, "%.9g",
                        (double) (1ull << (FIRST_BOUND_BITS + i)) / G_USEC_PER_SEC);
        g_snprintf(label, sizeof label, "le=\"%s\"", bound);
        metrics_count(page, bucket, label, seen);
    }
    seen += histogram->buckets[HISTOGRAM_BUCKETS];
    metrics_count(page, bucket, "le=\"+Inf\"", seen);
    metrics_real(page, sum, NULL, (double) histogram->sum / G_USEC_PER_SEC);
    metrics_count(page, count, NULL, seen);
}

/* ---- the process ---------------------------------------------------------------- */

static guint count_descriptors(void)
{
    g_autoptr(GDir) folder = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (folder && g_dir_read_name(folder))
        n++;
    return n > 0 ? n - 1 : 0; /* one is the folder's */
}

static guint64 resident_bytes(void)
{
    g_autofree char *text = NULL;
    unsigned long long size, resident;

    if (!g_file_get_contents("/proc/self/statm", &text, NULL, NULL) ||
        sscanf(text, "%llu %llu", &size, &resident) != 2)
        return 0;
    return resident * (guint64) sysconf(_SC_PAGESIZE);
}

static double cpu_seconds(const struct timeval *time)
{
    return (double) time->tv_sec + (double) time->tv_usec / 1e6;
}

void metrics_process(GString *page)
{
    struct rusage usage = {};

    getrusage(RUSAGE_SELF, &usage);
    metrics_begin(page, "process_cpu_seconds_total", "counter", "CPU time of the daemon.");
    metrics_real(page, "process_cpu_seconds_total", NULL,
                 cpu_seconds(&usage.ru_utime) + cpu_seconds(&usage.ru_stime));
    metrics_gauge(page, "process_resident_memory_bytes", "Memory of the daemon.", resident_bytes());
    metrics_gauge(page, "process_open_fds", "Open descriptors of the daemon.", count_descriptors());
}
