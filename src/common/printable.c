/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/printable.h"

#include <string.h>

#define REPLACEMENT 0xfffd

/* GLib takes a separator for something to print, and these for letters. */
static bool is_hidden(gunichar c)
{
    static const gunichar fillers[] = {0x34f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x3164, 0xffa0};
    GUnicodeType type = g_unichar_type(c);

    if (type == G_UNICODE_LINE_SEPARATOR || type == G_UNICODE_PARAGRAPH_SEPARATOR)
        return true;
    for (guint i = 0; i < G_N_ELEMENTS(fillers); i++) {
        if (c == fillers[i])
            return true;
    }
    return false;
}

static bool is_printable_char(gunichar c)
{
    if (c < 0x7f)
        return c >= 0x20;
    return g_unichar_isprint(c) && !is_hidden(c);
}

bool is_printable(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL))
        return false;
    for (; *text; text = g_utf8_next_char(text)) {
        if (!is_printable_char(g_utf8_get_char(text)))
            return false;
    }
    return true;
}

char *printable_with(const char *text, gunichar replacement)
{
    g_autofree char *valid = NULL;
    GString *out;

    if (is_printable(text))
        return g_strdup(text);
    valid = g_utf8_make_valid(text, -1);
    out = g_string_sized_new(strlen(valid));
    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        g_string_append_unichar(out, is_printable_char(c) ? c : replacement);
    }
    return g_string_free(out, FALSE);
}

char *printable(const char *text)
{
    return printable_with(text, REPLACEMENT);
}

static void append_escaped(GString *out, gunichar c)
{
    if (c < 0x10000)
        g_string_append_printf(out, "\\u%04x", c);
    else
        g_string_append_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

char *printable_json(const char *text)
{
    GString *out = g_string_sized_new(strlen(text));

    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (is_printable_char(c))
            g_string_append_unichar(out, c);
        else
            append_escaped(out, c);
    }
    return g_string_free(out, FALSE);
}
