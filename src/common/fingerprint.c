/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/fingerprint.h"

#include <stdbool.h>
#include <string.h>

static const FingerprintHash hashes[] = {
    {FINGERPRINT_OURS, 32, G_CHECKSUM_SHA256},
    {"sha-384", 48, G_CHECKSUM_SHA384},
    {"sha-512", 64, G_CHECKSUM_SHA512},
};

const FingerprintHash *fingerprint_hash(const char *fingerprint)
{
    gsize length = strcspn(fingerprint, " ");

    for (guint i = 0; i < G_N_ELEMENTS(hashes); i++) {
        if (strlen(hashes[i].name) == length && strncmp(fingerprint, hashes[i].name, length) == 0)
            return &hashes[i];
    }
    return NULL;
}

static char *write_bytes(const char *hash, const guint8 *bytes, gsize length)
{
    GString *out = g_string_new(hash);

    for (gsize i = 0; i < length; i++)
        g_string_append_printf(out, "%c%02X", i == 0 ? ' ' : ':', bytes[i]);
    return g_string_free(out, FALSE);
}

char *fingerprint_make(const FingerprintHash *hash, const void *der, gsize size)
{
    g_autoptr(GChecksum) sum = g_checksum_new(hash->type);
    guint8 digest[64];
    gsize length = sizeof digest;

    g_checksum_update(sum, der, (gssize) size);
    g_checksum_get_digest(sum, digest, &length);
    return write_bytes(hash->name, digest, length);
}

/* How ours are read */
enum { BYTES = 32, GROUPS = 6, GROUP_BYTES = 5 };

/* Two hexadecimal digits a byte; colons between all bytes or none. */
static bool read_bytes(const char *text, guint8 bytes[BYTES])
{
    bool colons = strlen(text) == BYTES * 3 - 1;

    if (!colons && strlen(text) != BYTES * 2)
        return false;
    for (guint i = 0; i < BYTES; i++) {
        int high = g_ascii_xdigit_value(text[0]), low = g_ascii_xdigit_value(text[1]);

        if (high < 0 || low < 0 || (colons && i + 1 < BYTES && text[2] != ':'))
            return false;
        bytes[i] = (guint8) (high << 4 | low);
        text += colons ? 3 : 2;
    }
    return true;
}

static bool read_text(const char *text, guint8 bytes[BYTES])
{
    if (g_ascii_strncasecmp(text, FINGERPRINT_OURS, strlen(FINGERPRINT_OURS)) == 0) {
        text += strlen(FINGERPRINT_OURS);
        if (*text != ':' && *text != ' ')
            return false;
        text++;
    }
    return read_bytes(text, bytes);
}

char *fingerprint_parse(const char *text)
{
    guint8 bytes[BYTES];

    return read_text(text, bytes) ? write_bytes(FINGERPRINT_OURS, bytes, BYTES) : NULL;
}

char *fingerprint_word(const char *fingerprint)
{
    char *word = g_strdup(fingerprint);
    char *space = strchr(word, ' ');

    if (space)
        *space = ':';
    return word;
}

char *fingerprint_code(const char *fingerprint)
{
    guint8 bytes[BYTES];
    GString *out;

    if (!read_text(fingerprint, bytes))
        return NULL;
    out = g_string_new(NULL);
    for (guint group = 0; group < GROUPS; group++) {
        guint64 value = 0;

        for (guint i = 0; i < GROUP_BYTES; i++)
            value = value << 8 | bytes[group * GROUP_BYTES + i];
        g_string_append_printf(out, "%s%05u", group == 0 ? "" : " ", (guint) (value % 100000));
    }
    return g_string_free(out, FALSE);
}
