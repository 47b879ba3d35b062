/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a daemon has counted, as Prometheus reads it: the text format, version 0.0.4.
 * Names are after its conventions: base units, and _total for what only grows.
 */

#pragma once

#include <glib.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* How long something took, in buckets that double from 64 µs to 8.4 s and one for all above. */
#define HISTOGRAM_BUCKETS 18

typedef struct {
    guint64 buckets[HISTOGRAM_BUCKETS + 1];
    guint64 sum; /* µs */
} Histogram;

/* DURATION in µs */
void histogram_observe(Histogram *histogram, gint64 duration);

/* Begins the metric NAME of TYPE ("counter", "gauge", "histogram"); HELP is one line. Its values follow. */
void metrics_begin(GString *page, const char *name, const char *type, const char *help);

/* LABELS as they stand in braces, with values that are ours (code="401"); NULL: none. */
void metrics_count(GString *page, const char *name, const char *labels, guint64 value);
void metrics_real(GString *page, const char *name, const char *labels, double value);

/* A metric of one value, with its beginning */
void metrics_counter(GString *page, const char *name, const char *help, guint64 value);
void metrics_gauge(GString *page, const char *name, const char *help, guint64 value);

/* In seconds, with its beginning */
void metrics_histogram(GString *page, const char *name, const char *help,
                       const Histogram *histogram);

/* What every Prometheus client tells of its process */
void metrics_process(GString *page);
