/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Who was not let in, and why: the last ones, for whoever asks. What is the same
 * again is only counted, and one address has only some places, so that who knocks
 * all the time does not make the others forgotten. No clock.
 */

#pragma once

#include <glib.h>

#define REFUSALS_MAX 100
#define REFUSALS_MAX_PER_ADDRESS 10

typedef struct {
    gint64 time;                   /* of the last one, µs since the epoch */
    guint count;                   /* how often that was so */
    int status;                    /* of HTTP */
    char *address, *room, *reason; /* printable */
} RefusalEntry;

typedef struct Refusals Refusals;

Refusals *refusals_new(void);
void refusals_free(Refusals *refusals);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Refusals, refusals_free)

void refusals_add(Refusals *refusals, gint64 time, const char *address, int status,
                  const char *room, const char *reason);

/* All that there were. */
guint64 refusals_count(const Refusals *refusals);

/* The last one first. FUNC must not add any. */
void refusals_foreach(const Refusals *refusals,
                      void (*func)(const RefusalEntry *entry, gpointer data), gpointer data);
