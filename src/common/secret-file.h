/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Files that a secret depends on: read whole, and only if nobody else could have
 * read or written what is in them.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#define SECRET_FILE_ERROR (secret_file_error_quark())
GQuark secret_file_error_quark(void);

typedef enum {
    SECRET_FILE_HIDDEN, /* others than its owner and its group may not even read it */
    SECRET_FILE_SHOWN,  /* everybody may read it, as with a public key */
} SecretFileKind;

/*
 * What is in the file PATH, less the white space around it; at least MIN and at
 * most MAX bytes of it, and no NUL. NULL with ERROR, a sentence with what to do,
 * if it cannot be read, or if it is no regular file, or others may write it. It
 * never waits. Transfer full; secret_free().
 */
char *secret_file_read(const char *path, SecretFileKind kind, gsize min, gsize max, GError **error);

/* Overwrites SECRET (NULL is none) before it is freed. */
void secret_free(char *secret);
