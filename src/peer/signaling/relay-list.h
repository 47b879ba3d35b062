/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The relays of URL=, of which we are at one. When it fails the next one is tried,
 * and from another than the first there is a way back: after a time the first is
 * asked whether it can be reached, and it is tried again if so. Each time that it
 * does not hold then, the next one is twice as far away.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct RelayList RelayList;

/* FUNC: the first can be reached, while we are at another one. From the main loop. */
RelayList *relay_list_new(void (*func)(gpointer data), gpointer data);
void relay_list_free(RelayList *list);

/* URLS has at least one. WAIT: µs until the first is tried again; 0: never. We are at the
 * first one. */
void relay_list_set(RelayList *list, const char *const *urls, guint64 wait);
bool relay_list_has(const RelayList *list, const char *const *urls, guint64 wait);

/* The one that we are at; NULL before there are any. The second as people may see it. */
const char *relay_list_url(const RelayList *list);
const char *relay_list_shown(const RelayList *list);

/* Whether one is left that has not been tried since the last pause. */
bool relay_list_has_more(const RelayList *list);
/* The one that we are at has failed: we are at the next. */
void relay_list_next(RelayList *list);

/* We are connected to it; it has held for a while; we go back to the first. */
void relay_list_connected(RelayList *list);
void relay_list_stable(RelayList *list);
void relay_list_home(RelayList *list);
