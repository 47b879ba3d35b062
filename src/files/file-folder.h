/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Paths below a folder. Each component is opened by itself and no symbolic link
 * is followed, so that nothing is reached that is not below it, whatever other
 * programs do there meanwhile.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * The folder below ROOT that the last component of PATH is in, or would be: a descriptor, or -1
 * with FILES_ERROR. NAME becomes that component, a part of PATH. With CREATE folders are made.
 */
int file_folder_open_parent(int root, const char *path, bool create, const char **name,
                            GError **error);

/* The folder NAME in FOLDER, likewise. */
int file_folder_open(int folder, const char *name, bool create, GError **error);

/* Sets ERROR for errno, which says why WHAT failed: FILES_ERROR_DISK if it is the disk. */
void file_set_error(GError **error, const char *what);
