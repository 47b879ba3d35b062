/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The names that programs and people have asked us to keep: a file in the state
 * directory, with a name a line as known_peers has it. A file that is damaged is put
 * aside under another name, and nobody in it is kept; everything else goes on.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct KeptList KeptList;

/* How many may be remembered */
#define KEPT_LIST_MAX 4096

/* Reads nothing yet. */
KeptList *kept_list_new(const char *path);
void kept_list_free(KeptList *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeptList, kept_list_free)

/* Reads the file; one that is not there holds no names. What is wrong is logged. */
void kept_list_load(KeptList *list);

/* What kept_list_load() has found wrong, for people; NULL: nothing. */
const char *kept_list_problem(const KeptList *list);

/* In the order in which they came; ends with NULL. The list's, until it is another. */
const char *const *kept_list_names(const KeptList *list);
bool kept_list_has(const KeptList *list, const char *name);

/* Both write the file. One that has it already, or has it no more, is no error. Errors are
 * PEER_ERROR: FAILED (it cannot be written: nothing has changed), LIMIT_EXCEEDED. */
bool kept_list_add(KeptList *list, const char *name, GError **error);
bool kept_list_remove(KeptList *list, const char *name, GError **error);
