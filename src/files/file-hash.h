/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* SHA-256 of what goes by, by GnuTLS: several times as fast as GLib's. */

#pragma once

#include <glib.h>

typedef struct FileHash FileHash;

FileHash *file_hash_new(void);
void file_hash_free(FileHash *hash);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FileHash, file_hash_free)

void file_hash_update(FileHash *hash, const void *bytes, gsize length);
/* Of all so far, in hexadecimal digits; it may go on. Transfer full. */
char *file_hash_digits(const FileHash *hash);
