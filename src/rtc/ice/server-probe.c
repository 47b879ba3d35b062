/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/ice/server-probe.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <string.h>

#include "common/clock.h"
#include "rtc/error.h"
#include "rtc/ice/server-stream.h"
#include "rtc/ice/stun-exchange.h"

enum {
    RTO_MS = 500,     /* RFC 8489 6.2.1 */
    SENDINGS = 4,     /* to an address, by UDP: 0.5 + 1 + 2 + 4 s */
    ADDRESSES = 3,    /* of a name that are tried, by UDP */
    ANSWER_LIMIT = 5, /* seconds, in a stream */
};

struct ServerProbe {
    ServerProbeDone done;
    gpointer data;
    char *host;
    guint port;
    StunExchange *exchange;
    /* by UDP */
    GCancellable *resolving;
    GList *addresses; /* of GInetAddress, still to be tried */
    guint tried;
    GSocket *socket;
    guint watch, timer;
    guint sendings;
    /* by TCP or TLS */
    ServerStream *stream;
    guint8 bytes[SERVER_STREAM_MAX]; /* of the answer, so far */
    gsize length;
};

static void probe_send(ServerProbe *probe);

const char *server_state_to_string(ServerState state)
{
    static const char *const names[] = {
        [SERVER_UNTESTED] = "untested",     [SERVER_REACHABLE] = "reachable",
        [SERVER_REFUSED] = "refused",       [SERVER_UNREACHABLE] = "unreachable",
        [SERVER_UNRESOLVED] = "unresolved",
    };

    return names[state];
}

/* PROBE may be gone afterwards. */
static void probe_finish(ServerProbe *probe, ServerState state, const char *words)
{
    g_autofree char *copy = g_strdup(words);

    g_clear_handle_id(&probe->watch, g_source_remove);
    g_clear_handle_id(&probe->timer, g_source_remove);
    g_clear_pointer(&probe->stream, server_stream_free);
    probe->done(state, stun_exchange_code(probe->exchange), copy, probe->data);
}

static void probe_failed(ServerProbe *probe, const GError *error)
{
    ServerState state = SERVER_UNREACHABLE;

    if (error->domain == G_RESOLVER_ERROR)
        state = SERVER_UNRESOLVED;
    else if (g_error_matches(error, RTC_ERROR, RTC_ERROR_SECURITY))
        state = SERVER_REFUSED;
    probe_finish(probe, state, error->message);
}

/* Whether the probe goes on. */
static bool probe_take(ServerProbe *probe, const guint8 *answer, gsize length)
{
    switch (stun_exchange_take(probe->exchange, answer, length)) {
    case STUN_EXCHANGE_WAIT:
        return true;
    case STUN_EXCHANGE_AGAIN:
        probe->sendings = 0;
        probe_send(probe);
        return false; /* it does, but not with what was read */
    case STUN_EXCHANGE_SERVED:
        if (probe->socket) {
            gsize n;
            const guint8 *release = stun_exchange_release(probe->exchange, &n);

            if (n > 0)
                g_socket_send(probe->socket, (const char *) release, n, NULL, NULL);
        }
        probe_finish(probe, SERVER_REACHABLE, "");
        return false;
    case STUN_EXCHANGE_REFUSED:
        probe_finish(probe, SERVER_REFUSED, stun_exchange_problem(probe->exchange));
        return false;
    }
    return false;
}

/* ---- by UDP --------------------------------------------------------------- */

static gboolean on_datagram(int fd, GIOCondition condition, gpointer data)
{
    ServerProbe *probe = data;
    gssize n =
        g_socket_receive(probe->socket, (char *) probe->bytes, sizeof probe->bytes, NULL, NULL);

    /* That nobody listens there (ICMP) may be a lie: the timer tells. */
    if (n > 0)
        probe_take(probe, probe->bytes, n);
    return G_SOURCE_CONTINUE;
}

/* Asks the next address; none is left: gives up. */
static void probe_next_address(ServerProbe *probe)
{
    g_autoptr(GInetAddress) address = NULL;
    g_autoptr(GSocketAddress) where = NULL;

    g_clear_handle_id(&probe->watch, g_source_remove);
    g_clear_object(&probe->socket);
    probe->sendings = 0;
    while (!probe->socket && probe->addresses && probe->tried++ < ADDRESSES) {
        g_clear_object(&address);
        g_clear_object(&where);
        address = probe->addresses->data;
        probe->addresses = g_list_delete_link(probe->addresses, probe->addresses);
        where = g_inet_socket_address_new(address, probe->port);
        probe->socket = g_socket_new(g_inet_address_get_family(address), G_SOCKET_TYPE_DATAGRAM,
                                     G_SOCKET_PROTOCOL_UDP, NULL);
        if (probe->socket && !g_socket_connect(probe->socket, where, NULL, NULL))
            g_clear_object(&probe->socket);
    }
    if (!probe->socket) {
        probe_finish(probe, SERVER_UNREACHABLE, N_("no answer"));
        return;
    }
    g_socket_set_blocking(probe->socket, FALSE);
    probe->watch = g_unix_fd_add(g_socket_get_fd(probe->socket), G_IO_IN, on_datagram, probe);
    probe_send(probe);
}

static gboolean on_retransmission(gpointer data)
{
    ServerProbe *probe = data;

    probe->timer = 0;
    if (probe->sendings < SENDINGS)
        probe_send(probe);
    else
        probe_next_address(probe);
    return G_SOURCE_REMOVE;
}

static void on_resolved(GObject *resolver, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    GList *addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);
    ServerProbe *probe = data;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* PROBE is gone */
    probe->addresses = addresses;
    if (addresses)
        probe_next_address(probe);
    else
        probe_failed(probe, error);
}

static gboolean on_start(gpointer data)
{
    ServerProbe *probe = data;

    probe->timer = 0;
    probe_next_address(probe);
    return G_SOURCE_REMOVE;
}

static void start_udp(ServerProbe *probe)
{
    if (g_hostname_is_ip_address(probe->host)) {
        probe->addresses = g_list_append(NULL, g_inet_address_new_from_string(probe->host));
        probe->timer = clock_timer_add(0, on_start, probe);
    } else {
        g_autoptr(GResolver) resolver = g_resolver_get_default();

        g_resolver_lookup_by_name_async(resolver, probe->host, probe->resolving, on_resolved,
                                        probe);
    }
}

/* ---- by TCP and TLS ------------------------------------------------------- */

static gboolean on_answer_limit(gpointer data)
{
    ServerProbe *probe = data;

    probe->timer = 0;
    probe_finish(probe, SERVER_UNREACHABLE, N_("no answer"));
    return G_SOURCE_REMOVE;
}

/* Whether there is more to take from what has been read. */
static bool take_message(ServerProbe *probe)
{
    gssize whole = stun_exchange_frame(probe->bytes, probe->length);
    guint8 answer[STUN_EXCHANGE_MAX];

    if (whole < 0) {
        probe_finish(probe, SERVER_REFUSED, N_("what it answers is not STUN"));
        return false;
    }
    if (whole == 0 || probe->length < (gsize) whole)
        return false;
    memcpy(answer, probe->bytes, whole);
    probe->length -= whole;
    memmove(probe->bytes, probe->bytes + whole, probe->length);
    return probe_take(probe, answer, whole);
}

static void on_stream_ready(gpointer data)
{
    ServerProbe *probe = data;
    guint8 bytes[SERVER_STREAM_MAX];
    g_autoptr(GError) error = NULL;
    gssize n;

    if (!probe->timer) { /* it has just been opened */
        probe->timer = clock_timer_add_seconds(ANSWER_LIMIT, on_answer_limit, probe);
        probe_send(probe);
        return;
    }
    n = server_stream_read(probe->stream, bytes, &error);
    if (n < 0) {
        probe_failed(probe, error);
        return;
    }
    n = MIN((gsize) n, sizeof probe->bytes - probe->length);
    memcpy(probe->bytes + probe->length, bytes, n);
    probe->length += n;
    while (take_message(probe))
        ;
}

static void on_stream_failed(const GError *error, gpointer data)
{
    probe_failed(data, error);
}

static const ServerStreamOps stream_ops = {
    .ready = on_stream_ready,
    .failed = on_stream_failed,
};

/* ---- both ----------------------------------------------------------------- */

static void probe_send(ServerProbe *probe)
{
    gsize length;
    const guint8 *request = stun_exchange_request(probe->exchange, &length);

    if (probe->stream) {
        /* It is the first in an empty buffer; if it is cut, there is no answer. */
        server_stream_write(probe->stream, request, length, NULL);
        server_stream_wait(probe->stream, true, false);
        return;
    }
    g_socket_send(probe->socket, (const char *) request, length, NULL, NULL);
    g_clear_handle_id(&probe->timer, g_source_remove);
    probe->timer = clock_timer_add(RTO_MS << probe->sendings, on_retransmission, probe);
    probe->sendings++;
}

ServerProbe *server_probe_new(const IceServer *server, TlsTrust *trust, ServerProbeDone done,
                              gpointer data)
{
    ServerProbe *probe = g_new0(ServerProbe, 1);
    bool turn = server->kind != ICE_SERVER_STUN;

    probe->done = done;
    probe->data = data;
    probe->host = g_strdup(server->host);
    probe->port = server->port;
    probe->exchange = stun_exchange_new(turn ? server->user : NULL, server->password);
    probe->resolving = g_cancellable_new();
    if (server->tcp)
        probe->stream =
            server_stream_new(server->host, server->port,
                              server->kind == ICE_SERVER_TURNS ? trust : NULL, &stream_ops, probe);
    else
        start_udp(probe);
    return probe;
}

void server_probe_free(ServerProbe *probe)
{
    if (!probe)
        return;
    g_clear_handle_id(&probe->watch, g_source_remove);
    g_clear_handle_id(&probe->timer, g_source_remove);
    g_cancellable_cancel(probe->resolving);
    g_object_unref(probe->resolving);
    g_list_free_full(probe->addresses, g_object_unref);
    g_clear_object(&probe->socket);
    server_stream_free(probe->stream);
    stun_exchange_free(probe->exchange);
    g_free(probe->host);
    g_free(probe);
}
