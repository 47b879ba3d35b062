/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/server-watch.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"

enum {                  /* seconds */
       BETWEEN = 10,    /* two questions at least, whatever has failed */
       AGAIN_SOON = 15, /* doubled each time, until it is: */
       AGAIN_LATE = 600,
       AGAIN_IF_WELL = 3600,
};

typedef struct {
    ServerWatch *watch;
    char *uri;
    IceServer server;
    ServerState state;
    char *words;
    ServerState told; /* what the journal says of it; UNTESTED: nothing bad */
    bool tell;        /* again, though it is the same */
    ServerProbe *probe;
    gint64 asked; /* monotonic time */
    guint timer, wait;
} WatchedServer;

struct ServerWatch {
    const ServerWatchOps *ops;
    gpointer data;
    GPtrArray *servers; /* of WatchedServer */
    TlsTrust *trust;
};

static void server_free(gpointer data)
{
    WatchedServer *server = data;

    g_clear_handle_id(&server->timer, g_source_remove);
    server_probe_free(server->probe);
    ice_server_clear(&server->server);
    g_free(server->uri);
    g_free(server->words);
    g_free(server);
}

static void server_ask(WatchedServer *server);

static gboolean on_timer(gpointer data)
{
    WatchedServer *server = data;

    server->timer = 0;
    server_ask(server);
    return G_SOURCE_REMOVE;
}

static bool is_bad(ServerState state)
{
    return state > SERVER_REACHABLE;
}

static void server_tell(WatchedServer *server)
{
    const char *label = server->server.label;

    if (server->state == server->told && !(server->tell && is_bad(server->state)))
        return;
    if (is_bad(server->state))
        log_event(G_LOG_LEVEL_WARNING,
                  (.message_id = MESSAGE_ICE_SERVER, .topic = LOG_TOPIC_ICE_SERVERS),
                  _("the ICE server %s does not serve us: %s"), label, server->words);
    else if (is_bad(server->told))
        log_event(G_LOG_LEVEL_INFO,
                  (.message_id = MESSAGE_ICE_SERVER, .topic = LOG_TOPIC_ICE_SERVERS),
                  _("the ICE server %s serves us again"), label);
    server->told = server->state;
    server->tell = false;
}

/* The one place where a server's state changes. */
static void server_enter_state(WatchedServer *server, ServerState state, const char *words)
{
    ServerState old = server->state;
    bool same = old == state && strcmp(server->words, words) == 0;

    if (old != state)
        log_debug("ICE server %s: %s → %s", server->server.label, server_state_to_string(old),
                  server_state_to_string(state));
    server->state = state;
    if (!same) {
        g_free(server->words);
        server->words = g_strdup(words);
    }
    server_tell(server);
    if (!same)
        server->watch->ops->changed(server->watch->data);
}

static void on_probed(ServerState state, guint code, const char *words, gpointer data)
{
    WatchedServer *server = data;

    g_clear_pointer(&server->probe, server_probe_free);
    server->wait = !is_bad(state)          ? AGAIN_IF_WELL
                   : is_bad(server->state) ? MIN(server->wait * 2, AGAIN_LATE)
                                           : AGAIN_SOON;
    server->timer = clock_timer_add_seconds(server->wait, on_timer, server);
    server_enter_state(server, state, words);
}

static void server_ask(WatchedServer *server)
{
    g_clear_handle_id(&server->timer, g_source_remove);
    if (server->probe)
        return;
    server->asked = clock_monotonic();
    server->probe = server_probe_new(&server->server, server->watch->trust, on_probed, server);
}

/* The user may be another one each time, where credentials are only good for a time. */
static bool is_same_place(const IceServer *one, const IceServer *other)
{
    return one->kind == other->kind && one->tcp == other->tcp && one->port == other->port &&
           strcmp(one->host, other->host) == 0;
}

/* What is known of it is kept, but not whether its answer was right: the password may be new. */
static WatchedServer *server_new(ServerWatch *watch, const char *uri, const GPtrArray *old)
{
    WatchedServer *server = g_new0(WatchedServer, 1);

    server->watch = watch;
    server->uri = g_strdup(uri);
    server->words = g_strdup("");
    server->wait = AGAIN_SOON;
    if (!ice_server_parse(uri, &server->server, NULL)) {
        server_free(server);
        return NULL;
    }
    for (guint i = 0; i < old->len; i++) {
        const WatchedServer *known = old->pdata[i];

        if (is_same_place(&known->server, &server->server)) {
            server->state = known->state;
            server->told = known->told;
            g_free(server->words);
            server->words = g_strdup(known->words);
        }
    }
    return server;
}

static WatchedServer *take_same(GPtrArray *servers, const char *uri)
{
    for (guint i = 0; i < servers->len; i++) {
        WatchedServer *server = servers->pdata[i];

        if (strcmp(server->uri, uri) == 0)
            return g_ptr_array_steal_index(servers, i);
    }
    return NULL;
}

static bool is_there(const ServerWatch *watch, const char *uri)
{
    for (guint i = 0; i < watch->servers->len; i++) {
        if (strcmp(((WatchedServer *) watch->servers->pdata[i])->uri, uri) == 0)
            return true;
    }
    return false;
}

static void add_server(ServerWatch *watch, const char *uri, GPtrArray *old, bool afresh)
{
    WatchedServer *server;

    if (is_there(watch, uri))
        return;
    server = take_same(old, uri);
    if (server && afresh) {
        g_clear_pointer(&server->probe, server_probe_free);
        server->tell = true;
    }
    if (!server)
        server = server_new(watch, uri, old);
    else if (!afresh) {
        g_ptr_array_add(watch->servers, server);
        return;
    }
    if (server) {
        g_ptr_array_add(watch->servers, server);
        server_ask(server);
    }
}

void server_watch_set(ServerWatch *watch, const char *const *uris, TlsTrust *trust, bool afresh)
{
    g_autoptr(GPtrArray) old = g_steal_pointer(&watch->servers);

    tls_trust_ref(trust);
    tls_trust_unref(watch->trust);
    watch->trust = trust;
    watch->servers = g_ptr_array_new_with_free_func(server_free);
    for (; *uris; uris++)
        add_server(watch, *uris, old, afresh);
    watch->ops->changed(watch->data);
}

void server_watch_check(ServerWatch *watch)
{
    gint64 now = clock_monotonic();

    for (guint i = 0; i < watch->servers->len; i++) {
        WatchedServer *server = watch->servers->pdata[i];
        gint64 rest = server->asked + BETWEEN * G_USEC_PER_SEC - now;

        if (server->probe)
            continue;
        g_clear_handle_id(&server->timer, g_source_remove);
        server->timer = clock_timer_add(MAX(rest / 1000, 0), on_timer, server);
    }
}

ServerWatch *server_watch_new(const ServerWatchOps *ops, gpointer data)
{
    ServerWatch *watch = g_new0(ServerWatch, 1);

    watch->ops = ops;
    watch->data = data;
    watch->servers = g_ptr_array_new_with_free_func(server_free);
    return watch;
}

void server_watch_free(ServerWatch *watch)
{
    if (!watch)
        return;
    g_ptr_array_unref(watch->servers);
    tls_trust_unref(watch->trust);
    g_free(watch);
}

guint server_watch_count(const ServerWatch *watch)
{
    return watch->servers->len;
}

ServerReport server_watch_report(const ServerWatch *watch, guint n)
{
    const WatchedServer *server = watch->servers->pdata[n];

    return (ServerReport){server->server.label, server->state, server->words};
}
