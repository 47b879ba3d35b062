/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "files/file-hash.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

enum { SHA256_BYTES = 32 };

struct FileHash {
    gnutls_hash_hd_t handle;
};

FileHash *file_hash_new(void)
{
    FileHash *hash = g_new0(FileHash, 1);
    int result = gnutls_hash_init(&hash->handle, GNUTLS_DIG_SHA256);

    if (result < 0)
        g_error("no SHA-256: %s", gnutls_strerror(result));
    return hash;
}

void file_hash_free(FileHash *hash)
{
    if (!hash)
        return;
    gnutls_hash_deinit(hash->handle, NULL);
    g_free(hash);
}

void file_hash_update(FileHash *hash, const void *bytes, gsize length)
{
    gnutls_hash(hash->handle, bytes, length);
}

char *file_hash_digits(const FileHash *hash)
{
    guint8 digest[SHA256_BYTES];
    GString *digits = g_string_new(NULL);
    gnutls_hash_hd_t copy = gnutls_hash_copy(hash->handle);

    if (!copy)
        g_error("a checksum cannot be copied");
    gnutls_hash_deinit(copy, digest);
    for (guint i = 0; i < sizeof digest; i++)
        g_string_append_printf(digits, "%02x", digest[i]);
    return g_string_free(digits, FALSE);
}
