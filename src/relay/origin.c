/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See origin.h. A program that is no browser says no Origin (RFC 6455
 * section 10.2), or one of its own such as docker://172.17.0.2, and could say
 * any; so only http and https origins, and the "null" of pages that have none,
 * are looked at.
 *
 * Two rules together keep the web out. The page's origin must be the relay's own
 * (the Host that the browser asked for), or be listed. And where the two are one,
 * the name must be one that is ours: anybody can give a name of his own our
 * address once his page is loaded ("DNS rebinding"), and then page and Host
 * agree. What is listed is meant, whatever name the relay was reached by.
 */

#include <config.h>

#include "relay/origin.h"

#include <arpa/inet.h>
#include <glib/gi18n.h>
#include <string.h>

#include "common/authority.h"

#define SAME_ORIGIN "same-origin"

static bool same_host(const char *a, const char *b)
{
    struct in6_addr in_a, in_b;

    if (inet_pton(AF_INET6, a, &in_a) == 1 && inet_pton(AF_INET6, b, &in_b) == 1)
        return memcmp(&in_a, &in_b, sizeof in_a) == 0;
    return strcmp(a, b) == 0;
}

static guint64 default_port(const char *origin)
{
    return g_ascii_strncasecmp(origin, "https:", 6) == 0 ? 443 : 80;
}

/* Whether a page of ORIGIN was loaded from HOST. How it was loaded is not known,
 * for a proxy in front may speak TLS: a Host without a port has the one that
 * ORIGIN's scheme has by default. */
static bool is_same_origin(const char *origin, const char *host)
{
    g_auto(Authority) page = {}, ours = {};
    const char *authority = strstr(origin, "://");
    guint64 fallback = default_port(origin);

    if (!authority || !host || !authority_parse(authority + 3, &page) ||
        !authority_parse(host, &ours))
        return false;
    return same_host(page.host, ours.host) &&
           (page.port ? page.port : fallback) == (ours.port ? ours.port : fallback);
}

static bool is_web_origin(const char *origin)
{
    return origin && (g_ascii_strncasecmp(origin, "http:", 5) == 0 ||
                      g_ascii_strncasecmp(origin, "https:", 6) == 0 ||
                      g_ascii_strcasecmp(origin, "null") == 0);
}

static bool has(char **list, const char *word)
{
    for (; *list; list++) {
        if (g_ascii_strcasecmp(*list, word) == 0)
            return true;
    }
    return false;
}

bool origin_admits(const Handshake *request, const RelayConfig *config, const char *machine,
                   const char **reason)
{
    char **allowed = config->allowed_origins;

    if (!is_web_origin(request->origin) || has(allowed, "*") || has(allowed, request->origin))
        return true;
    *reason = N_(
        "pages of this origin may not connect: AllowedOrigins= in the relay's relay.conf lacks it");
    if (!has(allowed, SAME_ORIGIN) || !is_same_origin(request->origin, request->host))
        return false;
    *reason = N_("the relay is not known by this name: ServerNames= in its relay.conf lacks it");
    return authority_is_ours(request->host, config->server_names, machine);
}

bool origin_admits_own(const Handshake *request, const RelayConfig *config, const char *machine,
                       const char **reason)
{
    static const char *const schemes[] = {"http", "https"}; /* by a proxy in front of us */

    if (request->origin || !request->host)
        return true;
    for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
        g_autofree char *origin = g_strdup_printf("%s://%s", schemes[i], request->host);
        Handshake page = *request;

        page.origin = origin;
        if (origin_admits(&page, config, machine, reason))
            return true;
    }
    return false;
}

bool origin_check_entry(const char *text)
{
    const char *scheme_end = strstr(text, "://");

    return strcmp(text, "*") == 0 || strcmp(text, "null") == 0 || strcmp(text, SAME_ORIGIN) == 0 ||
           (scheme_end && scheme_end > text && scheme_end[3] && !strchr(scheme_end + 3, '/'));
}

bool origin_check_server_name(const char *text)
{
    return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789-_.")] == '\0';
}
