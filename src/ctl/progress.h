/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* One line on a terminal that says how far a transfer is; nothing where there is none. */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Progress Progress;

typedef struct {
    char *path; /* of the file that is on its way, or NULL; transfer full */
    guint64 position, total;
} ProgressPlace;

typedef ProgressPlace (*ProgressWhere)(gpointer data);

/* Asks WHERE twice a second, if standard error is a terminal and it is WANTED. */
Progress *progress_new(bool wanted, ProgressWhere where, gpointer data);
void progress_free(Progress *progress);

/* Before something else is written: the line goes, and comes again. */
void progress_clear(const Progress *progress);
/* No data move for now: the time until they do is not counted. */
void progress_pause(Progress *progress, bool paused);

/* So many bytes in so many µs, for people: "1.2 GB, 34 s, 35 MB/s". Transfer full. */
char *progress_sum(guint64 bytes, gint64 elapsed);
