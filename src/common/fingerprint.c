/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/fingerprint.h"

#include <stdbool.h>
#include <string.h>

#define HASH "sha-256"
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
    if (g_ascii_strncasecmp(text, HASH, strlen(HASH)) == 0) {
        text += strlen(HASH);
        if (*text != ':' && *text != ' ')
            return false;
        text++;
    }
    return read_bytes(text, bytes);
}

char *fingerprint_parse(const char *text)
{
    guint8 bytes[BYTES];
    GString *out;

    if (!read_text(text, bytes))
        return NULL;
    out = g_string_new(HASH);
    for (guint i = 0; i < BYTES; i++)
        g_string_append_printf(out, "%c%02X", i == 0 ? ' ' : ':', bytes[i]);
    return g_string_free(out, FALSE);
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
