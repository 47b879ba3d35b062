/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A file that is there whole or not at all, whatever happens: written beside
 * its name, on the disk before it gets the name, and the name on the disk
 * before we go on. For nobody but us to read.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

typedef enum {
    ATOMIC_FILE_REPLACE, /* whatever has the name */
    ATOMIC_FILE_CREATE,  /* fails with G_FILE_ERROR_EXIST if something has the name */
} AtomicFileMode;

/* ERROR is a G_FILE_ERROR that names the file. */
bool atomic_file_write(const char *path, const char *data, gsize length, AtomicFileMode mode,
                       GError **error);

/*
 * Adds LINE and a line break to a text file of which blanks at the beginning of a line and lines that
 * begin with '#' say nothing: it is written as such a line first, and counts only then. SEEN is what
 * stat() has said of the file; nothing is done to another one. SEEN is what it is afterwards.
 */
bool atomic_file_append_line(const char *path, const char *line, struct stat *seen);

/* Whether both are of one file, which was not changed between them. */
bool atomic_file_is_same(const struct stat *a, const struct stat *b);
