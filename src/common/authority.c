/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/authority.h"

#include <arpa/inet.h>
#include <string.h>

void authority_clear(Authority *authority)
{
    g_clear_pointer(&authority->host, g_free);
}

bool authority_parse(const char *text, Authority *out)
{
    const char *colon = strrchr(text, ':');
    gsize length;

    if (colon && strchr(colon, ']'))
        colon = NULL;
    if (colon && colon[1] && !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &out->port, NULL))
        return false;
    length = colon ? (gsize) (colon - text) : strlen(text);
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    } else if (length > 1 && text[length - 1] == '.') {
        length--;
    }
    out->host = g_ascii_strdown(text, (gssize) length);
    return length > 0;
}

static bool is_address(const char *host)
{
    struct in6_addr any;

    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

/* Whether NAME is MACHINE, or what is before MACHINE's first dot. */
static bool is_machine(const char *name, const char *machine)
{
    gsize label = strcspn(machine, ".");

    return *machine && (g_ascii_strcasecmp(name, machine) == 0 ||
                        (strlen(name) == label && g_ascii_strncasecmp(name, machine, label) == 0));
}

bool authority_is_ours(const char *text, char **server_names, const char *machine)
{
    g_auto(Authority) ours = {};

    if (!authority_parse(text, &ours))
        return false;
    for (; server_names && *server_names; server_names++) {
        if (g_ascii_strcasecmp(ours.host, *server_names) == 0)
            return true;
    }
    return is_address(ours.host) || strcmp(ours.host, "localhost") == 0 ||
           g_str_has_suffix(ours.host, ".local") || is_machine(ours.host, machine);
}
