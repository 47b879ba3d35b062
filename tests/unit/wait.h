/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Waiting for a condition while the main context runs; never for a time. */

#pragma once

#include <glib.h>

#define WAIT_SECONDS 60

static inline gboolean on_wait_deadline(gpointer data)
{
    g_error("not within %d seconds: %s", WAIT_SECONDS, (const char *) data);
    return G_SOURCE_REMOVE;
}

#define wait_until(condition)                                                                      \
    do {                                                                                           \
        guint deadline_ =                                                                          \
            g_timeout_add_seconds(WAIT_SECONDS, on_wait_deadline, (gpointer) #condition);          \
        while (!(condition))                                                                       \
            g_main_context_iteration(NULL, TRUE);                                                  \
        g_source_remove(deadline_);                                                                \
    } while (0)
