/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The parser behind handshake.h. It is strict where leniency is dangerous
 * (line ends, folded or malformed field lines, control characters, whose host
 * is meant) and takes a repeated field as the list that RFC 9110 section 5.3
 * says it is.
 */

#include <config.h>

#include "relay/handshake.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/names.h"

#define PROTOCOL_MAX 128 /* bytes in the name of a subprotocol */
#define FIELDS_MAX 100

typedef struct {
    bool upgrade_websocket;  /* Upgrade: websocket */
    bool connection_upgrade; /* Connection: Upgrade */
    const char *host, *key, *version, *origin;
    bool twice; /* one of those four came twice */
    char *protocol;
    char *token;               /* the first */
    bool tokens;               /* and there is another one */
    const char *if_none_match; /* the first */
    const char *resume;        /* the last */
    GString *forwarded_for;    /* all of them; NULL if there is none */
    bool body;                 /* the request has one */
} Fields;

static bool is_token_char(char c)
{
    return g_ascii_isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* Whether the comma-separated LIST holds WORD, in whatever case. */
static bool list_has(const char *list, const char *word)
{
    size_t length = strlen(word);

    while (*list) {
        size_t n;

        list += strspn(list, " \t,");
        n = strcspn(list, " \t,");
        if (n == length && g_ascii_strncasecmp(list, word, n) == 0)
            return true;
        list += n;
    }
    return false;
}

static void set_token(const char *value, Fields *fields)
{
    if (!fields->token)
        fields->token = g_strdup(value);
    else if (strcmp(fields->token, value) != 0)
        fields->tokens = true;
}

/* RFC 6750 section 2.1. Other schemes are for whoever stands before us. */
static void take_authorization(const char *value, Fields *fields)
{
    if (g_ascii_strncasecmp(value, "Bearer", 6) == 0 && (value[6] == ' ' || value[6] == '\0'))
        set_token(value + 6 + strspn(value + 6, " "), fields);
}

/* Takes rtcbus.1 from LIST, or else what comes first and can be sent back. */
static void choose_protocol(const char *list, Fields *fields)
{
    char **chosen = &fields->protocol;
    g_auto(GStrv) offers = g_strsplit(list, ",", -1);

    for (char **offer = offers; *offer; offer++) {
        size_t n = 0;

        g_strstrip(*offer);
        if (g_str_has_prefix(*offer, HANDSHAKE_TOKEN_PREFIX)) {
            set_token(*offer + strlen(HANDSHAKE_TOKEN_PREFIX), fields);
            continue;
        }
        while (is_token_char((*offer)[n]))
            n++;
        if (n == 0 || (*offer)[n] != '\0' || n > PROTOCOL_MAX)
            continue;
        if (!*chosen || strcmp(*offer, SUBPROTOCOL) == 0) {
            g_free(*chosen);
            *chosen = g_strdup(*offer);
        }
    }
}

static void set_once(const char **place, const char *value, Fields *fields)
{
    if (*place)
        fields->twice = true;
    *place = value;
}

static void append_to_list(GString **list, const char *value)
{
    if (!*list)
        *list = g_string_new(value);
    else
        g_string_append_printf(*list, ",%s", value);
}

static void take_field(const char *name, const char *value, Fields *fields)
{
    if (g_ascii_strcasecmp(name, "Upgrade") == 0)
        fields->upgrade_websocket |= list_has(value, "websocket");
    else if (g_ascii_strcasecmp(name, "Connection") == 0)
        fields->connection_upgrade |= list_has(value, "upgrade");
    else if (g_ascii_strcasecmp(name, "Sec-WebSocket-Key") == 0)
        set_once(&fields->key, value, fields);
    else if (g_ascii_strcasecmp(name, "Sec-WebSocket-Version") == 0)
        set_once(&fields->version, value, fields);
    else if (g_ascii_strcasecmp(name, "Host") == 0)
        set_once(&fields->host, value, fields);
    else if (g_ascii_strcasecmp(name, "Origin") == 0)
        set_once(&fields->origin, value, fields);
    else if (g_ascii_strcasecmp(name, "If-None-Match") == 0)
        fields->if_none_match = fields->if_none_match ? fields->if_none_match : value;
    else if (g_ascii_strcasecmp(name, "Sec-WebSocket-Protocol") == 0)
        choose_protocol(value, fields);
    else if (g_ascii_strcasecmp(name, "Authorization") == 0)
        take_authorization(value, fields);
    else if (g_ascii_strcasecmp(name, "Rtcbus-Resume") == 0)
        fields->resume = value;
    else if (g_ascii_strcasecmp(name, "X-Forwarded-For") == 0)
        append_to_list(&fields->forwarded_for, value);
    else if (g_ascii_strcasecmp(name, "Transfer-Encoding") == 0)
        fields->body = true;
    else if (g_ascii_strcasecmp(name, "Content-Length") == 0)
        fields->body |= strcmp(value, "0") != 0;
}

/* Splits LINE, "Name: value", in place. */
static bool parse_field(char *line, Fields *fields)
{
    char *colon = line;

    while (is_token_char(*colon))
        colon++;
    if (colon == line || *colon != ':')
        return false;
    *colon = '\0';
    take_field(line, g_strstrip(colon + 1), fields);
    return true;
}

static bool is_clean(const char *text)
{
    for (; *text; text++) {
        if ((guchar) *text < 0x20 ? *text != '\t' : *text == 0x7f)
            return false;
    }
    return true;
}

static bool is_printable_ascii(const char *text)
{
    while (g_ascii_isgraph(*text))
        text++;
    return *text == '\0';
}

/* A host and perhaps a port, RFC 3986 sections 3.2.2 and 3.2.3. No user. */
static bool is_authority(const char *text)
{
    if (*text == '[') {
        text += 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
        if (*text++ != ']')
            return false;
    } else {
        while (g_ascii_isalnum(*text) || (*text && strchr("-._~%!$&'()*+,;=", *text)))
            text++;
    }
    if (*text == ':')
        text += 1 + strspn(text + 1, "0123456789");
    return *text == '\0';
}

/* The path and query of a request target (RFC 9112 section 3.2), in place. One
 * that names its host says more than the Host field, which is ignored then. */
static char *target_path(char *target, char **host)
{
    char *authority;

    if (*target == '/')
        return target;
    if (g_ascii_strncasecmp(target, "http://", 7) != 0 &&
        g_ascii_strncasecmp(target, "https://", 8) != 0)
        return NULL;
    authority = strstr(target, "://") + 3;
    target = authority + strcspn(authority, "/?");
    if (!*target || target == authority)
        return NULL;
    *host = g_strndup(authority, (gsize) (target - authority));
    return target;
}

/* The first MEMBER ("name=") of a query's PARTS, with + for a space as URLSearchParams
 * writes it. False if it is not well-formed; OUT is NULL if there is none. */
static bool query_member(char **parts, const char *member, char **out)
{
    for (; *parts; parts++) {
        if (!g_str_has_prefix(*parts, member))
            continue;
        *out = g_uri_unescape_string(g_strdelimit(*parts + strlen(member), "+", ' '), NULL);
        return *out != NULL;
    }
    *out = NULL;
    return true;
}

static bool parse_query(const char *query, Handshake *out)
{
    g_auto(GStrv) parts = g_strsplit(query ? query : "", "&", -1);

    if (!query_member(parts, "name=", &out->name) || !query_member(parts, "token=", &out->token))
        return false;
    if (!out->name)
        out->name = g_strdup("");
    return true;
}

static bool parse_target(char *target, Handshake *out)
{
    char *path = target_path(target, &out->host), *query;

    if (!path)
        return false;
    path[strcspn(path, "#")] = '\0';
    query = strchr(path, '?');
    if (query)
        *query++ = '\0';
    if (*path == '/')
        path++;
    out->room = g_uri_unescape_string(path, NULL);
    return out->room && parse_query(query, out);
}

/* OLD: this is HTTP/1.0. */
static int parse_request_line(char *line, Handshake *out, bool *old, const char **reason)
{
    char *target = strchr(line, ' '), *version;

    *reason = N_("this is not HTTP");
    if (!target)
        return 400;
    *target++ = '\0';
    version = strchr(target, ' ');
    if (!version)
        return 400;
    *version++ = '\0';
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        return g_str_has_prefix(version, "HTTP/") ? 505 : 400;
    *old = strcmp(version, "HTTP/1.0") == 0;
    out->head = strcmp(line, "HEAD") == 0;
    *reason = N_("only GET and HEAD are understood here");
    if (strcmp(line, "GET") != 0 && !out->head)
        return 405;
    *reason = N_("the URL is not well-formed");
    return parse_target(target, out) ? 0 : 400;
}

/* RFC 6455 section 4.2.1 */
static int check_upgrade(const Fields *fields, Handshake *out, const char **reason)
{
    gsize length = 0;
    g_autofree guchar *nonce = NULL;

    if (!fields->upgrade_websocket || !fields->connection_upgrade || out->head)
        return 0;
    *reason = N_("this server speaks WebSocket version 13");
    if (!fields->version || strcmp(fields->version, "13") != 0)
        return 426;
    *reason = N_("the WebSocket handshake is not well-formed");
    if (!fields->key || strlen(fields->key) != 24)
        return 400;
    nonce = g_base64_decode(fields->key, &length);
    if (length != 16)
        return 400;
    out->key = g_strdup(fields->key);
    out->upgrade = true;
    return 0;
}

/* Fills FIELDS, which point into LINES. */
static int parse_fields(char **lines, Fields *fields, const char **reason)
{
    *reason = N_("there are too many header fields");
    if (g_strv_length(lines) > FIELDS_MAX)
        return 431;
    *reason = N_("a header field is not well-formed");
    for (char **line = lines; *line; line++) {
        if (!parse_field(*line, fields))
            return 400;
    }
    if (fields->twice || (fields->origin && !is_printable_ascii(fields->origin)))
        return 400;
    *reason = N_("a request with a body is not understood here");
    return fields->body ? 400 : 0;
}

/* RFC 9112 section 3.2: HTTP/1.1 has one Host, and exactly one. */
static int check_host(const Fields *fields, Handshake *out, bool old, const char **reason)
{
    *reason = N_("the request does not say whose host it is for");
    if (!fields->host && !old)
        return 400;
    if (!out->host)
        out->host = g_strdup(fields->host);
    return (!out->host || is_authority(out->host)) && (!fields->host || is_authority(fields->host))
               ? 0
               : 400;
}

/* RFC 6750 section 2: one token, in one way. The same twice does no harm. */
static int check_token(Fields *fields, Handshake *out, const char **reason)
{
    if (out->token)
        set_token(out->token, fields);
    *reason = N_("there is more than one token");
    g_free(out->token);
    out->token = g_steal_pointer(&fields->token);
    return fields->tokens ? 400 : 0;
}

static int parse_lines(char **lines, Handshake *out, Fields *fields, const char **reason)
{
    bool old = false;
    int status;

    for (char **line = lines; *line; line++) {
        if (!is_clean(*line))
            return 400;
    }
    status = lines[0] ? parse_request_line(lines[0], out, &old, reason) : 400;
    if (status == 0)
        status = parse_fields(lines + 1, fields, reason);
    if (status == 0)
        status = check_host(fields, out, old, reason);
    if (status == 0)
        status = check_token(fields, out, reason);
    if (status != 0)
        return status;
    if (old) /* an old client knows no upgrades: RFC 9110 section 7.8 */
        fields->upgrade_websocket = false;
    return check_upgrade(fields, out, reason);
}

int handshake_parse(const char *head, gsize length, Handshake *out, const char **reason)
{
    g_autofree char *copy = g_strndup(head, length);
    g_auto(GStrv) lines = NULL;
    Fields fields = {};
    int status;

    *reason = N_("this is not HTTP");
    if (strlen(copy) != length || !g_str_has_suffix(copy, "\r\n\r\n"))
        return 400;
    copy[length - 4] = '\0';
    lines = g_strsplit(copy, "\r\n", -1);
    status = parse_lines(lines, out, &fields, reason);
    out->protocol = fields.protocol;
    g_free(fields.token); /* of a request that is refused */
    out->rtcbus = g_strcmp0(out->protocol, SUBPROTOCOL) == 0;
    out->origin = g_strdup(fields.origin);
    out->if_none_match = g_strdup(fields.if_none_match);
    out->resume = g_strdup(fields.resume);
    if (fields.forwarded_for)
        out->forwarded_for = g_string_free(fields.forwarded_for, FALSE);
    return status;
}

void handshake_clear(Handshake *handshake)
{
    g_clear_pointer(&handshake->room, g_free);
    g_clear_pointer(&handshake->name, g_free);
    g_clear_pointer(&handshake->host, g_free);
    g_clear_pointer(&handshake->origin, g_free);
    g_clear_pointer(&handshake->key, g_free);
    g_clear_pointer(&handshake->protocol, g_free);
    g_clear_pointer(&handshake->if_none_match, g_free);
    g_clear_pointer(&handshake->forwarded_for, g_free);
    g_clear_pointer(&handshake->token, g_free);
    g_clear_pointer(&handshake->resume, g_free);
}

char *handshake_accept(const Handshake *handshake, const char *accept)
{
    const char *protocol = handshake->protocol;

    return g_strdup_printf("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                           "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
                           accept, protocol ? "Sec-WebSocket-Protocol: " : "",
                           protocol ? protocol : "", protocol ? "\r\n" : "");
}

static const char *status_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {421, "Misdirected Request"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(phrases); i++) {
        if (phrases[i].status == status)
            return phrases[i].phrase;
    }
    g_return_val_if_reached("Error");
}

static const char *extra_fields(int status)
{
    switch (status) {
    case 401: /* RFC 6750 section 3 */
        return "WWW-Authenticate: Bearer realm=\"rtcbus\"\r\n";
    case 405:
        return "Allow: GET, HEAD\r\n";
    case 426:
        return "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n";
    default:
        return "";
    }
}

char *handshake_answer(int status, const char *text, guint retry_after, bool body)
{
    g_autofree char *retry =
        retry_after > 0 ? g_strdup_printf("Retry-After: %u\r\n", retry_after) : NULL;

    return g_strdup_printf("HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                           "Content-Length: %zu\r\nCache-Control: no-store\r\n"
                           "X-Content-Type-Options: nosniff\r\nConnection: close\r\n%s%s\r\n%s%s",
                           status, status_phrase(status), strlen(text) + 1, extra_fields(status),
                           retry ? retry : "", body ? text : "", body ? "\n" : "");
}
