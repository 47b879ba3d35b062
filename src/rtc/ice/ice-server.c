/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The URI parser. GUri does not fit: these URIs have no "//" and GUri sees
 * their host as a path.
 */

#include <config.h>

#include "rtc/ice/ice-server.h"

#include <string.h>

#include "rtc/error.h"

#define DEFAULT_PORT 3478
#define DEFAULT_TLS_PORT 5349

void ice_server_clear(IceServer *server)
{
    g_clear_pointer(&server->host, g_free);
    g_clear_pointer(&server->user, g_free);
    g_clear_pointer(&server->password, g_free);
    g_clear_pointer(&server->label, g_free);
}

static const char *const schemes[] = {
    [ICE_SERVER_STUN] = "stun:",
    [ICE_SERVER_TURN] = "turn:",
    [ICE_SERVER_TURNS] = "turns:",
};

char *ice_server_url(const IceServer *server)
{
    bool ipv6 = strchr(server->host, ':') != NULL;

    return g_strdup_printf("%s%s%s%s:%u%s", schemes[server->kind], ipv6 ? "[" : "", server->host,
                           ipv6 ? "]" : "", server->port, server->tcp ? "?transport=tcp" : "");
}

static bool parse_scheme(const char **rest, IceServerKind *kind)
{
    for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
        if (g_str_has_prefix(*rest, schemes[i])) {
            *rest += strlen(schemes[i]);
            *kind = i;
            return true;
        }
    }
    return false;
}

/* "user:password@" may hold any character percent-encoded. */
static bool parse_user(char **rest, IceServer *server)
{
    char *at = strrchr(*rest, '@'), *colon;

    if (!at) {
        server->user = g_strdup("");
        server->password = g_strdup("");
        return true;
    }
    *at = '\0';
    colon = strchr(*rest, ':');
    if (!colon)
        return false;
    *colon = '\0';
    server->user = g_uri_unescape_string(*rest, NULL);
    server->password = g_uri_unescape_string(colon + 1, NULL);
    *rest = at + 1;
    return server->user && *server->user && server->password;
}

/* TURN over DTLS is left out: it is rare, and there is no need of it where UDP passes. */
static bool parse_transport(char *query, IceServer *server)
{
    server->tcp = server->kind == ICE_SERVER_TURNS;
    if (!query)
        return true;
    *query = '\0';
    if (strcmp(query + 1, "transport=tcp") == 0)
        server->tcp = true;
    else if (server->tcp || strcmp(query + 1, "transport=udp") != 0)
        return false;
    return server->kind != ICE_SERVER_STUN;
}

static bool parse_host(char *rest, IceServer *server)
{
    char *end = rest, *port = NULL;
    guint64 number = server->kind == ICE_SERVER_TURNS ? DEFAULT_TLS_PORT : DEFAULT_PORT;

    if (*rest == '[') {
        rest++;
        end = strchr(rest, ']');
        if (!end || (end[1] && end[1] != ':'))
            return false;
        port = end[1] ? end + 2 : NULL;
        *end = '\0';
        if (!g_hostname_is_ip_address(rest))
            return false;
    } else if ((end = strchr(rest, ':'))) {
        port = end + 1;
        *end = '\0';
    }
    if (port && (!g_ascii_string_to_unsigned(port, 10, 1, 65535, &number, NULL)))
        return false;
    if (!*rest || strpbrk(rest, " /?@;"))
        return false;
    server->host = g_strdup(rest);
    server->port = number;
    return true;
}

/* "turn:user:password@host" as "turn:user@host" */
static char *without_password(const char *uri)
{
    const char *at = strrchr(uri, '@'), *user = strchr(uri, ':');
    const char *colon = at ? strchr(user + 1, ':') : NULL;

    return colon && colon < at ? g_strdup_printf("%.*s%s", (int) (colon - uri), uri, at)
                               : g_strdup(uri);
}

/* It is shown to people, and may come from a relay. */
static bool is_printable(const char *uri)
{
    if (!g_utf8_validate(uri, -1, NULL))
        return false;
    for (; *uri; uri = g_utf8_next_char(uri)) {
        if (!g_unichar_isprint(g_utf8_get_char(uri)))
            return false;
    }
    return true;
}

static bool parse_uri(const char *uri, IceServer *server)
{
    g_autofree char *copy = NULL;
    const char *text = uri;
    char *rest;

    if (!is_printable(uri) || !parse_scheme(&text, &server->kind))
        return false;
    copy = rest = g_strdup(text);
    server->label = without_password(uri);
    return parse_transport(strchr(rest, '?'), server) && parse_user(&rest, server) &&
           parse_host(rest, server) && (server->kind == ICE_SERVER_STUN || *server->user);
}

bool ice_server_parse(const char *uri, IceServer *server, GError **error)
{
    g_auto(IceServer) parsed = {};

    if (parse_uri(uri, &parsed)) {
        *server = parsed;
        parsed = (IceServer){};
        return true;
    }
    g_set_error_literal(error, RTC_ERROR, RTC_ERROR_INVALID,
                        "stun:HOST[:PORT], turn:USER:PASSWORD@HOST[:PORT][?transport=udp|tcp] "
                        "or turns:USER:PASSWORD@HOST[:PORT][?transport=tcp]");
    return false;
}
