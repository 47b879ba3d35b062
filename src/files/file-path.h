/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The names of files that somebody else has chosen. Nothing here looks at a disk. */

#pragma once

#include <glib.h>

#define FILE_PATH_MAX 4096
#define FILE_NAME_MAX 255
#define FILE_DEPTH_MAX 64

#define FILES_ERROR (files_error_quark())
GQuark files_error_quark(void);

/* What can go wrong with files, here and in the rest of this folder */
typedef enum {
    FILES_ERROR_PATH,     /* a name that is not taken */
    FILES_ERROR_EXISTS,   /* and is another file */
    FILES_ERROR_CHECKSUM, /* what has come is not what was sent */
    FILES_ERROR_IO,       /* of this file */
    FILES_ERROR_DISK,     /* of all files: the disk is full */
    FILES_ERROR_REFUSED,  /* by the other side */
    FILES_ERROR_CANCELED, /* by the other side, or by what it sends */
} FilesError;

/*
 * PATH, from the other side: relative, with '/' between its components. What does not show
 * becomes '_'. NULL with FILES_ERROR_PATH if it is absolute, leads upwards, or is too long.
 */
char *file_path_safe(const char *path, GError **error);

/* What has come of the file NAME, without a '/', has this name until all is there. */
char *file_path_part(const char *name);
