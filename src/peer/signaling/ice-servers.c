/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A relay that recommends many servers would make each call ask them all. */

#include <config.h>

#include "peer/signaling/ice-servers.h"

#include <gio/gio.h>
#include <string.h>

#include "signaling/frame.h"
#include "common/log.h"
#include "rtc/ice/ice-server.h"

enum { MAX_RECOMMENDED = 8 };

static bool is_suffix(const char *text, const char *end)
{
    gsize length = strlen(text), size = strlen(end);

    return length >= size && g_ascii_strcasecmp(text + length - size, end) == 0;
}

/* IPv4 in IPv6 is another way to write what is allowed or not: nobody needs it here. */
static bool is_mapped(GInetAddress *address)
{
    static const guint8 prefix[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    return g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6 &&
           memcmp(g_inet_address_to_bytes(address), prefix, sizeof prefix) == 0;
}

static bool is_broadcast(GInetAddress *address)
{
    static const guint8 all[] = {255, 255, 255, 255};

    return g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV4 &&
           memcmp(g_inet_address_to_bytes(address), all, sizeof all) == 0;
}

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

bool ice_servers_is_this_machine(const char *host)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);

    return g_ascii_strcasecmp(host, "localhost") == 0 || is_suffix(host, ".localhost") ||
           (address && (g_inet_address_get_is_loopback(address) ||
                        g_inet_address_get_is_any(address) || is_mapped(address)));
}

/* An address of somebody: of more than this link (cloud machines have their keys at such a one),
 * and not of many. */
static bool is_somebody(const char *host)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);

    return !address || !(g_inet_address_get_is_link_local(address) ||
                         g_inet_address_get_is_multicast(address) || is_broadcast(address));
}

/* Below 1024 TURN is at those that firewalls let through, and nothing else answers STUN. */
static bool is_port_for_ice(guint port)
{
    return port >= 1024 || port == 80 || port == 443 || port == 53;
}

bool ice_servers_may_be_at(const IceServer *server, const char *host, bool ours)
{
    return is_somebody(host) &&
           (ours || (is_port_for_ice(server->port) && !ice_servers_is_this_machine(host)));
}

static void add_server(GStrvBuilder *builder, const FrameIceServer *server, bool ours, guint *n)
{
    for (char **url = server->urls; *url && *n < MAX_RECOMMENDED; url++) {
        g_autofree char *uri = with_credentials(*url, server);
        g_auto(IceServer) parsed = {};

        if (!ice_server_parse(uri, &parsed, NULL) ||
            !ice_servers_may_be_at(&parsed, parsed.host, ours)) {
            log_debug("an ICE server of the relay's is of no use");
            continue;
        }
        g_strv_builder_add(builder, uri);
        (*n)++;
    }
}

char **ice_servers_from_frame(const GPtrArray *servers, bool ours)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    guint n = 0;

    for (guint i = 0; servers && i < servers->len; i++)
        add_server(builder, servers->pdata[i], ours, &n);
    return g_strv_builder_end(builder);
}

char **ice_servers_join(const char *const *first, const char *const *second)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    g_strv_builder_addv(builder, (const char **) first);
    g_strv_builder_addv(builder, (const char **) second);
    return g_strv_builder_end(builder);
}
