/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/call-servers.h"

#include "common/candidate.h"
#include "common/clock.h"

enum {
    MAX_ASKED = 16,
    QUOTA_REACHED = 486,
    TURN_LIMIT = 3000, /* ms, where ICE is not done: it has its allocation, or gets none */
};

typedef struct {
    CallServers *servers;
    char *url;
    ServerProbe *probe;
} AskedServer;

struct CallServers {
    CallServerFailed failed;
    gpointer data;
    char *gathering;
    GArray *turn; /* of IceServer: those of TURN that are not asked yet */
    TlsTrust *trust;
    guint turn_timer; /* to ask them */
    bool relayed;     /* a TURN server has given a candidate in this gathering */
    GPtrArray *asked; /* of AskedServer */
};

static void asked_free(gpointer data)
{
    AskedServer *asked = data;

    server_probe_free(asked->probe);
    g_free(asked->url);
    g_free(asked);
}

/* With a candidate in our hands, the allocation that fills the quota may be our own. */
static void on_probed(ServerState state, guint code, const char *words, gpointer data)
{
    AskedServer *asked = data;
    CallServers *servers = asked->servers;
    g_autofree char *url = g_strdup(asked->url);

    g_ptr_array_remove_fast(servers->asked, asked);
    if (state != SERVER_REACHABLE && !(code == QUOTA_REACHED && servers->relayed))
        servers->failed(url, code ? code : CALL_SERVER_UNREACHABLE, words, servers->data);
}

static void ask(CallServers *servers, const IceServer *server)
{
    AskedServer *asked = g_new0(AskedServer, 1);

    asked->servers = servers;
    asked->url = ice_server_url(server);
    g_ptr_array_add(servers->asked, asked);
    asked->probe = server_probe_new(server, servers->trust, on_probed, asked);
}

static void forget_turn(CallServers *servers)
{
    g_array_set_size(servers->turn, 0);
    g_clear_pointer(&servers->trust, tls_trust_unref);
    g_clear_handle_id(&servers->turn_timer, g_source_remove);
}

/* One alone has served if there is a relayed candidate. */
static void ask_turn(CallServers *servers)
{
    for (guint i = 0; (!servers->relayed || servers->turn->len > 1) && i < servers->turn->len; i++)
        ask(servers, &g_array_index(servers->turn, IceServer, i));
    forget_turn(servers);
}

static gboolean on_turn_limit(gpointer data)
{
    CallServers *servers = data;

    servers->turn_timer = 0;
    ask_turn(servers);
    return G_SOURCE_REMOVE;
}

static void begin_one(CallServers *servers, const char *uri)
{
    IceServer server = {};

    if (!ice_server_parse(uri, &server, NULL))
        return;
    if (server.kind != ICE_SERVER_STUN) {
        g_array_append_val(servers->turn, server);
        return;
    }
    ask(servers, &server);
    ice_server_clear(&server);
}

void call_servers_begin(CallServers *servers, const char *const *uris, TlsTrust *trust,
                        const char *gathering)
{
    if (g_strcmp0(gathering, servers->gathering) == 0)
        return;
    g_free(servers->gathering);
    servers->gathering = g_strdup(gathering);
    g_ptr_array_set_size(servers->asked, 0);
    forget_turn(servers);
    servers->trust = trust ? tls_trust_ref(trust) : NULL;
    servers->relayed = false;
    servers->turn_timer = clock_timer_add(TURN_LIMIT, on_turn_limit, servers);
    for (guint i = 0; uris[i] && i < MAX_ASKED; i++)
        begin_one(servers, uris[i]);
}

void call_servers_found(CallServers *servers, const char *candidate)
{
    g_autofree char *type = candidate_type(candidate);

    servers->relayed |= g_strcmp0(type, "relay") == 0;
    if (!candidate)
        ask_turn(servers);
}

CallServers *call_servers_new(CallServerFailed failed, gpointer data)
{
    CallServers *servers = g_new0(CallServers, 1);

    servers->failed = failed;
    servers->data = data;
    servers->asked = g_ptr_array_new_with_free_func(asked_free);
    servers->turn = g_array_new(FALSE, FALSE, sizeof(IceServer));
    g_array_set_clear_func(servers->turn, (GDestroyNotify) ice_server_clear);
    return servers;
}

void call_servers_free(CallServers *servers)
{
    if (!servers)
        return;
    g_ptr_array_unref(servers->asked);
    forget_turn(servers);
    g_array_unref(servers->turn);
    g_free(servers->gathering);
    g_free(servers);
}
