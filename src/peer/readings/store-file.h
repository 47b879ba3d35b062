/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What the store does with files as such, and the machine's run that they are of. */

#pragma once

#include <glib.h>

/* Gives the damaged file PATH, and SQLite's other files of it, another name, which is returned.
 * The oldest of several are deleted. Transfer full; NULL with ERROR if it cannot. */
char *store_file_put_aside(const char *path, const char *vfs, GError **error);

/* For people: which damaged file of PATH is there. NULL: none. Transfer full. */
char *store_file_notice(const char *path);

/* An id of this run of the machine, another one after each start of the kernel. Transfer full. */
char *store_file_boot(void);
