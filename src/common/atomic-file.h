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

typedef enum {
    ATOMIC_FILE_REPLACE, /* whatever has the name */
    ATOMIC_FILE_CREATE,  /* fails with G_FILE_ERROR_EXIST if something has the name */
} AtomicFileMode;

/* ERROR is a G_FILE_ERROR that names the file. */
bool atomic_file_write(const char *path, const char *data, gsize length, AtomicFileMode mode,
                       GError **error);
