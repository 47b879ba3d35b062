/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/call-servers.h"

enum { MAX_ASKED = 16 };

typedef struct {
    CallServers *servers;
    char *url;
    ServerProbe *probe;
} AskedServer;

struct CallServers {
    CallServerFailed failed;
    gpointer data;
    char *gathering;
    GPtrArray *asked; /* of AskedServer */
};

static void asked_free(gpointer data)
{
    AskedServer *asked = data;

    server_probe_free(asked->probe);
    g_free(asked->url);
    g_free(asked);
}

static void on_probed(ServerState state, guint code, const char *words, gpointer data)
{
    AskedServer *asked = data;
    CallServers *servers = asked->servers;
    g_autofree char *url = g_strdup(asked->url);

    g_ptr_array_remove_fast(servers->asked, asked);
    if (state != SERVER_REACHABLE)
        servers->failed(url, code ? code : CALL_SERVER_UNREACHABLE, words, servers->data);
}

static void ask(CallServers *servers, const char *uri, TlsTrust *trust)
{
    g_auto(IceServer) server = {};
    AskedServer *asked;

    if (!ice_server_parse(uri, &server, NULL))
        return;
    asked = g_new0(AskedServer, 1);
    asked->servers = servers;
    asked->url = ice_server_url(&server);
    g_ptr_array_add(servers->asked, asked);
    asked->probe = server_probe_new(&server, trust, on_probed, asked);
}

void call_servers_ask(CallServers *servers, const char *const *uris, TlsTrust *trust,
                      const char *gathering)
{
    if (g_strcmp0(gathering, servers->gathering) == 0)
        return;
    g_free(servers->gathering);
    servers->gathering = g_strdup(gathering);
    g_ptr_array_set_size(servers->asked, 0);
    for (guint i = 0; uris && uris[i] && i < MAX_ASKED; i++)
        ask(servers, uris[i], trust);
}

CallServers *call_servers_new(CallServerFailed failed, gpointer data)
{
    CallServers *servers = g_new0(CallServers, 1);

    servers->failed = failed;
    servers->data = data;
    servers->asked = g_ptr_array_new_with_free_func(asked_free);
    return servers;
}

void call_servers_free(CallServers *servers)
{
    if (!servers)
        return;
    g_ptr_array_unref(servers->asked);
    g_free(servers->gathering);
    g_free(servers);
}
