/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A relay that recommends many servers would make each call ask them all. */

#include <config.h>

#include "peer/signaling/ice-servers.h"

#include <string.h>

#include "signaling/frame.h"
#include "common/log.h"
#include "rtc/ice/ice-server.h"

enum { MAX_RECOMMENDED = 8 };

/* "turn:host?transport=udp" with USER and PASSWORD in front of the host. */
static char *with_credentials(const char *url, const FrameIceServer *server)
{
    const char *colon = strchr(url, ':');
    g_autofree char *user = NULL, *password = NULL;

    if (!colon || !g_str_has_prefix(url, "turn") || !server->username)
        return g_strdup(url);
    user = g_uri_escape_string(server->username, NULL, FALSE);
    password = g_uri_escape_string(server->credential ? server->credential : "", NULL, FALSE);
    return g_strdup_printf("%.*s:%s:%s@%s", (int) (colon - url), url, user, password, colon + 1);
}

static void add_server(GStrvBuilder *builder, const FrameIceServer *server, guint *n)
{
    for (char **url = server->urls; *url && *n < MAX_RECOMMENDED; url++) {
        g_autofree char *uri = with_credentials(*url, server);
        g_auto(IceServer) parsed = {};

        if (!ice_server_parse(uri, &parsed, NULL)) {
            log_debug("an ICE server of the relay's is of no use");
            continue;
        }
        g_strv_builder_add(builder, uri);
        (*n)++;
    }
}

char **ice_servers_from_frame(const GPtrArray *servers)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    guint n = 0;

    for (guint i = 0; servers && i < servers->len; i++)
        add_server(builder, servers->pdata[i], &n);
    return g_strv_builder_end(builder);
}

char **ice_servers_join(const char *const *first, const char *const *second)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    g_strv_builder_addv(builder, (const char **) first);
    g_strv_builder_addv(builder, (const char **) second);
    return g_strv_builder_end(builder);
}
