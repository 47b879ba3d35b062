/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* No parser of URLs: a wrong one has a password in it, too. */

#include <config.h>

#include "common/url.h"

#include <string.h>

#define HIDDEN "***"

/* TEXT up to its query. */
static void append_hierarchy(GString *out, const char *text, gsize length)
{
    const char *at = g_strrstr_len(text, (gssize) length, "@");
    const char *scheme = memchr(text, ':', length);
    const char *user, *colon;

    if (!at || !scheme || scheme > at) {
        g_string_append_len(out, text, (gssize) length);
        return;
    }
    user = scheme + 1 + strspn(scheme + 1, "/");
    colon = user < at ? memchr(user, ':', (gsize) (at - user)) : NULL;
    if (colon)
        g_string_append_len(out, text, colon + 1 - text);
    else
        g_string_append_len(out, text, user - text);
    g_string_append(out, HIDDEN);
    g_string_append_len(out, at, (gssize) length - (at - text));
}

/* LONE: what has no value is one. */
static void append_member(GString *out, const char *member, gboolean lone)
{
    static const char *const harmless[] = {"name", "transport"};
    const char *value = strchr(member, '=');

    for (guint i = 0; value && i < G_N_ELEMENTS(harmless); i++) {
        if (strlen(harmless[i]) == (gsize) (value - member) &&
            strncmp(member, harmless[i], (gsize) (value - member)) == 0) {
            g_string_append(out, member);
            return;
        }
    }
    if (value)
        g_string_append_len(out, member, value + 1 - member);
    g_string_append(out, value || lone ? HIDDEN : member);
}

char *url_for_people(const char *text)
{
    const char *query = strchr(text, '?');
    const char *scheme = strchr(text, ':');
    GString *out = g_string_sized_new(strlen(text));
    g_auto(GStrv) members = query ? g_strsplit(query + 1, "&", -1) : NULL;

    append_hierarchy(out, text, query ? (gsize) (query - text) : strlen(text));
    if (query)
        g_string_append_c(out, '?');
    for (guint i = 0; members && members[i]; i++) {
        if (i > 0)
            g_string_append_c(out, '&');
        append_member(out, members[i], scheme && scheme < query);
    }
    return g_string_free(out, FALSE);
}
