/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "json-reference.h"

#include <string.h>

typedef struct {
    const char *at, *end;
    guint depth, max_depth;
} Reader;

static JsonReason read_value(Reader *r);

/* The next byte; -1 at the end */
static int peek(const Reader *r)
{
    return r->at < r->end ? (guchar) *r->at : -1;
}

/* Why C cannot stand where it stands */
static JsonReason blame(int c, JsonReason otherwise)
{
    switch (c) {
    case '\0':
        return JSON_NUL;
    case '/':
        return JSON_COMMENT;
    case '\'':
        return JSON_QUOTE;
    default:
        return otherwise;
    }
}

static void read_space(Reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\n' || peek(r) == '\r')
        r->at++;
}

/* Four hexadecimal digits; -1 if they are not there. */
static int read_unit(Reader *r)
{
    int value = 0;

    for (guint i = 0; i < 4; i++, r->at++) {
        if (peek(r) < 0 || !g_ascii_isxdigit(peek(r)))
            return -1;
        value = value * 16 + g_ascii_xdigit_value((char) peek(r));
    }
    return value;
}

static JsonReason read_unicode(Reader *r)
{
    int unit = read_unit(r);

    if (unit < 0)
        return JSON_ESCAPE;
    if (unit < 0xd800 || unit > 0xdfff)
        return JSON_FINE;
    if (unit > 0xdbff || r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
        return JSON_SURROGATE;
    r->at += 2;
    unit = read_unit(r);
    return unit >= 0xdc00 && unit <= 0xdfff ? JSON_FINE : JSON_SURROGATE;
}

static JsonReason read_escape(Reader *r)
{
    int c = peek(r);

    if (c <= 0 || !strchr("\"\\/bfnrtu", c))
        return JSON_ESCAPE;
    r->at++;
    return c == 'u' ? read_unicode(r) : JSON_FINE;
}

static JsonReason read_string(Reader *r)
{
    JsonReason reason = JSON_FINE;

    for (r->at++; peek(r) != '"' && reason == JSON_FINE;) {
        int c = peek(r);

        if (c < 0x20)
            return c < 0 ? JSON_SYNTAX : c == 0 ? JSON_NUL : JSON_CONTROL;
        r->at++;
        if (c == '\\')
            reason = read_escape(r);
    }
    if (reason == JSON_FINE)
        r->at++;
    return reason;
}

static gboolean read_digits(Reader *r)
{
    const char *begin = r->at;

    while (peek(r) >= '0' && peek(r) <= '9')
        r->at++;
    return r->at > begin;
}

static JsonReason read_number(Reader *r)
{
    if (peek(r) == '-')
        r->at++;
    if (peek(r) == '0')
        r->at++;
    else if (!read_digits(r))
        return JSON_NUMBER;
    if (peek(r) == '.') {
        r->at++;
        if (!read_digits(r))
            return JSON_NUMBER;
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        if (!read_digits(r))
            return JSON_NUMBER;
    }
    return peek(r) >= 0 && (g_ascii_isalnum(peek(r)) || peek(r) == '.') ? JSON_NUMBER : JSON_FINE;
}

static JsonReason read_word(Reader *r)
{
    static const char *const words[] = {"true", "false", "null"};

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        size_t length = strlen(words[i]);

        if ((size_t) (r->end - r->at) >= length && memcmp(r->at, words[i], length) == 0) {
            r->at += length;
            return peek(r) >= 0 && (g_ascii_isalnum(peek(r)) || peek(r) == '_') ? JSON_WORD
                                                                                : JSON_FINE;
        }
    }
    return blame(peek(r), JSON_WORD);
}

static JsonReason read_member(Reader *r)
{
    JsonReason reason;

    if (peek(r) != '"')
        return blame(peek(r), peek(r) == '}' || peek(r) == ',' ? JSON_SEPARATOR : JSON_SYNTAX);
    reason = read_string(r);
    if (reason != JSON_FINE)
        return reason;
    read_space(r);
    if (peek(r) != ':')
        return blame(peek(r), JSON_SEPARATOR);
    r->at++;
    read_space(r);
    return read_value(r);
}

/* What stands between two brackets, the first of them at R->at. */
static JsonReason read_list(Reader *r, int close, JsonReason (*read_item)(Reader *))
{
    JsonReason reason;

    if (r->depth == r->max_depth)
        return JSON_DEPTH;
    r->depth++;
    r->at++;
    read_space(r);
    for (gboolean first = TRUE; peek(r) != close || !first; first = FALSE) {
        reason = peek(r) == close ? JSON_SEPARATOR : read_item(r);
        if (reason != JSON_FINE)
            return reason;
        read_space(r);
        if (peek(r) == close)
            break;
        if (peek(r) != ',')
            return peek(r) < 0 ? JSON_SYNTAX : blame(peek(r), JSON_SEPARATOR);
        r->at++;
        read_space(r);
    }
    r->at++;
    r->depth--;
    return JSON_FINE;
}

static JsonReason read_value(Reader *r)
{
    int c = peek(r);

    if (c == '{')
        return read_list(r, '}', read_member);
    if (c == '[')
        return read_list(r, ']', read_value);
    if (c == '"')
        return read_string(r);
    if (c == '-' || c == '+' || c == '.' || (c >= '0' && c <= '9'))
        return read_number(r);
    if (c < 0 || c == ',' || c == '}' || c == ']' || c == ':')
        return c == ',' || c == ']' ? JSON_SEPARATOR : JSON_SYNTAX;
    return read_word(r);
}

JsonReason json_reference_read(const char *data, size_t size, guint max_depth)
{
    Reader r = {.at = data, .end = data + size, .max_depth = max_depth};
    JsonReason reason;

    if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
        return JSON_BYTE_ORDER_MARK;
    read_space(&r);
    reason = read_value(&r);
    if (reason != JSON_FINE)
        return reason;
    read_space(&r);
    return r.at == r.end ? JSON_FINE : blame(peek(&r), JSON_TRAILING);
}
