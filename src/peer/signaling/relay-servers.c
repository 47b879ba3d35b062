/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * In place of its name a server has its addresses, the first of IPv4 and of IPv6. One with TLS keeps
 * its name, which its certificate has to have: who answers there for another server is not believed.
 */

#include <config.h>

#include "peer/signaling/relay-servers.h"

#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>

#include "common/log.h"
#include "peer/signaling/ice-servers.h"
#include "rtc/ice/ice-server.h"

struct RelayServers {
    void (*changed)(gpointer data);
    gpointer data;
    char **list;
    GPtrArray *fresh; /* what is known of the next list, URIs; NULL: nothing is looked up */
    char **uris;      /* those that are looked up, one after the other */
    guint at;
    bool ours;
    char **waiting; /* for that to be over; or NULL */
    bool waiting_ours;
    GCancellable *lookup;
};

static void relay_servers_go_on(RelayServers *servers);

static void leave_out(const IceServer *server, const char *why)
{
    log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_ICE_SERVERS, .source = server->host),
              _("%s, which the relay recommends, is left out: %s"), server->label, why);
}

/* URI with ADDRESS in place of the name of SERVER, which it is of; NULL if it is not there. */
static char *with_address(const char *uri, const IceServer *server, const char *address)
{
    const char *at = strrchr(uri, '@'), *colon = strchr(uri, ':');
    const char *host = at ? at + 1 : colon ? colon + 1 : uri;
    gsize length = strlen(server->host);

    if (g_ascii_strncasecmp(host, server->host, length) != 0)
        return NULL;
    return g_strdup_printf(strchr(address, ':') ? "%.*s[%s]%s" : "%.*s%s%s", (int) (host - uri),
                           uri, address, host + length);
}

/* The first address of each family */
static void add_addresses(RelayServers *servers, const char *uri, const IceServer *server,
                          GList *addresses)
{
    bool has[2] = {};

    for (GList *link = addresses; link; link = link->next) {
        bool v6 = g_inet_address_get_family(link->data) == G_SOCKET_FAMILY_IPV6;
        g_autofree char *text = g_inet_address_to_string(link->data);
        char *fresh = has[v6] ? NULL : with_address(uri, server, text);

        has[v6] = true;
        if (fresh)
            g_ptr_array_add(servers->fresh, fresh);
    }
}

/* One address that may not be is enough: it is no mistake, or one that somebody should hear of. */
static void take_addresses(RelayServers *servers, const char *uri, const IceServer *server,
                           GList *addresses)
{
    for (GList *link = addresses; link; link = link->next) {
        g_autofree char *text = g_inet_address_to_string(link->data);

        if (!ice_servers_may_be_at(server, text, servers->ours)) {
            leave_out(server, text);
            return;
        }
    }
    if (server->kind == ICE_SERVER_TURNS)
        g_ptr_array_add(servers->fresh, g_strdup(uri));
    else
        add_addresses(servers, uri, server, addresses);
}

static void on_resolved(GObject *resolver, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    GList *addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);
    RelayServers *servers = data;
    g_auto(IceServer) server = {};

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* SERVERS may be gone */
    g_clear_object(&servers->lookup);
    ice_server_parse(servers->uris[servers->at], &server, NULL);
    if (addresses)
        take_addresses(servers, servers->uris[servers->at], &server, addresses);
    else
        leave_out(&server, error->message);
    g_resolver_free_addresses(addresses);
    servers->at++;
    relay_servers_go_on(servers);
}

/* Whether it has to be looked up, and is. */
static bool look_up(RelayServers *servers, const char *uri)
{
    g_autoptr(GResolver) resolver = NULL;
    g_auto(IceServer) server = {};

    if (!ice_server_parse(uri, &server, NULL))
        return false;
    if (g_hostname_is_ip_address(server.host)) {
        g_ptr_array_add(servers->fresh, g_strdup(uri));
        return false;
    }
    resolver = g_resolver_get_default();
    servers->lookup = g_cancellable_new();
    g_resolver_lookup_by_name_async(resolver, server.host, servers->lookup, on_resolved, servers);
    return true;
}

static void set_list(RelayServers *servers, const GPtrArray *uris)
{
    g_strfreev(servers->list);
    servers->list = g_new0(char *, uris->len + 1);
    for (guint i = 0; i < uris->len; i++)
        servers->list[i] = g_strdup(uris->pdata[i]);
}

static void stop(RelayServers *servers)
{
    if (servers->lookup)
        g_cancellable_cancel(servers->lookup);
    g_clear_object(&servers->lookup);
    g_clear_pointer(&servers->fresh, g_ptr_array_unref);
    g_clear_pointer(&servers->uris, g_strfreev);
}

static void begin(RelayServers *servers, char **uris, bool ours)
{
    servers->uris = uris;
    servers->at = 0;
    servers->ours = ours;
    servers->fresh = g_ptr_array_new_with_free_func(g_free);
}

static void relay_servers_go_on(RelayServers *servers)
{
    while (servers->uris[servers->at]) {
        if (look_up(servers, servers->uris[servers->at]))
            return;
        servers->at++;
    }
    set_list(servers, servers->fresh);
    stop(servers);
    if (servers->waiting)
        relay_servers_take(servers, g_steal_pointer(&servers->waiting), servers->waiting_ours);
    servers->changed(servers->data);
}

/* Those that have addresses are known at once. True: all have. */
static bool set_certain(RelayServers *servers, char **uris)
{
    g_autoptr(GPtrArray) certain = g_ptr_array_new();
    bool all = true;

    for (char **uri = uris; *uri; uri++) {
        g_auto(IceServer) server = {};

        if (ice_server_parse(*uri, &server, NULL) && g_hostname_is_ip_address(server.host))
            g_ptr_array_add(certain, *uri);
        else
            all = false;
    }
    if (all || !*servers->list)
        set_list(servers, certain);
    return all;
}

void relay_servers_take(RelayServers *servers, char **uris, bool ours)
{
    if (servers->fresh) {
        g_strfreev(servers->waiting);
        servers->waiting = uris;
        servers->waiting_ours = ours;
    } else if (set_certain(servers, uris)) {
        g_strfreev(uris);
    } else {
        begin(servers, uris, ours);
        relay_servers_go_on(servers);
    }
}

void relay_servers_clear(RelayServers *servers)
{
    stop(servers);
    g_clear_pointer(&servers->waiting, g_strfreev);
    g_strfreev(servers->list);
    servers->list = g_new0(char *, 1);
}

const char *const *relay_servers_list(const RelayServers *servers)
{
    return (const char *const *) servers->list;
}

RelayServers *relay_servers_new(void (*changed)(gpointer data), gpointer data)
{
    RelayServers *servers = g_new0(RelayServers, 1);

    servers->changed = changed;
    servers->data = data;
    servers->list = g_new0(char *, 1);
    return servers;
}

void relay_servers_free(RelayServers *servers)
{
    if (!servers)
        return;
    stop(servers);
    g_strfreev(servers->waiting);
    g_strfreev(servers->list);
    g_free(servers);
}
