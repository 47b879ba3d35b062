/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libsoup frames the open connection; dial.c makes it. What libsoup leaves open is
 * done here: noticing a relay that is gone without a word. It sends pings, but in
 * Debian 12's version nobody waits for the pongs.
 */

#include <config.h>

#include "peer/signaling/websocket.h"

#include <glib/gi18n.h>
#include <libsoup/soup.h>
#include <string.h>

#include "common/clock.h"
#include "signaling/frame.h"
#include "common/log.h"
#include "common/names.h"
#include "peer/signaling/upgrade.h"
#include "common/printable.h"

enum {
    LEAST_PING_INTERVAL = 12, /* seconds */
    SILENCE_SLACK = 8,        /* after two lost pongs */
    PROBE_INTERVAL = 1,
    PROBE_LIMIT = 3000, /* milliseconds */
    /* Bytes that wait for a relay that does not read. libsoup sets no limit, and tells of none. */
    MAX_OWED = 1024 * 1024,
    FULL_LIMIT = 5000,                      /* milliseconds without room for any of them */
    AFTER_LIBSOUP = G_PRIORITY_DEFAULT + 1, /* its own source comes first as long as some wait */
};

#define LATE_USEC (5 * G_USEC_PER_SEC)

struct Websocket {
    const WebsocketOps *ops;
    gpointer data;
    GUri *uri;
    Dial *dial;                          /* until it is open */
    SoupWebsocketConnection *connection; /* from then on */
    guint bad_url_timer, silence_timer, probe_timer;
    gint64 heard; /* monotonic microseconds */
    gint64 checked, probed;
    gsize owed;       /* bytes given to libsoup since it was last seen to have none to write */
    GSource *drained; /* until it has none */
    GSource *room;    /* until there is some, while FULL_TIMER runs */
    guint full_timer;
    guint ping_interval; /* seconds */
    bool finished;
};

static void drop_source(GSource **source)
{
    if (*source)
        g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void drop_sources(Websocket *websocket)
{
    g_clear_handle_id(&websocket->bad_url_timer, g_source_remove);
    g_clear_handle_id(&websocket->silence_timer, g_source_remove);
    g_clear_handle_id(&websocket->probe_timer, g_source_remove);
    g_clear_handle_id(&websocket->full_timer, g_source_remove);
    drop_source(&websocket->drained);
    drop_source(&websocket->room);
}

static void websocket_finish(Websocket *websocket, const WebsocketFailure *failure)
{
    if (websocket->finished)
        return;
    websocket->finished = true;
    drop_sources(websocket);
    websocket->ops->closed(websocket, failure, websocket->data);
}

/* ---- the open connection -------------------------------------------------- */

static void on_message(SoupWebsocketConnection *connection, int type, GBytes *message,
                       gpointer data)
{
    Websocket *websocket = data;
    gsize length;
    const char *text = g_bytes_get_data(message, &length); /* libsoup terminates it */

    websocket->heard = clock_monotonic();
    if (type == SOUP_WEBSOCKET_DATA_TEXT)
        websocket->ops->text(websocket, text ? text : "", length, websocket->data);
    else
        log_debug("a binary message from the relay is ignored");
}

static void on_pong(SoupWebsocketConnection *connection, GBytes *payload, gpointer data)
{
    Websocket *websocket = data;

    websocket->heard = clock_monotonic();
}

static void on_error(SoupWebsocketConnection *connection, GError *error, gpointer data)
{
    log_debug("WebSocket: %s", error->message);
}

static char *describe_close(SoupWebsocketConnection *connection)
{
    guint code = soup_websocket_connection_get_close_code(connection);
    const char *given = soup_websocket_connection_get_close_data(connection);
    g_autofree char *text = given && *given ? printable(given) : NULL;

    if (text)
        return g_strdup_printf(
            _("the relay closed the connection: %s (%u); see its journal if that lasts"), text,
            code);
    if (code == 0 || code == SOUP_WEBSOCKET_CLOSE_ABNORMAL)
        return g_strdup(_("the connection broke off; see the network if that lasts"));
    return g_strdup_printf(_("the relay closed the connection (%u); see its journal if that lasts"),
                           code);
}

static void on_closed(SoupWebsocketConnection *connection, gpointer data)
{
    g_autofree char *text = describe_close(connection);

    websocket_finish(data, &(WebsocketFailure){.message = text});
}

/* ---- whether the relay is still there --------------------------------------- */

static void websocket_fall_silent(Websocket *websocket)
{
    websocket_finish(websocket,
                     &(WebsocketFailure){.message = _("the relay does not answer any more; "
                                                      "see the network if that lasts")});
}

static gboolean on_probe_limit(gpointer data)
{
    Websocket *websocket = data;

    websocket->probe_timer = 0;
    if (websocket->heard < websocket->probed)
        websocket_fall_silent(websocket);
    else
        soup_websocket_connection_set_keepalive_interval(websocket->connection,
                                                         websocket->ping_interval);
    return G_SOURCE_REMOVE;
}

/* A connection from an address that has gone cannot be used, and TCP would try for minutes. */
static bool has_address(const Websocket *websocket)
{
    GIOStream *stream = soup_websocket_connection_get_io_stream(websocket->connection);
    g_autoptr(GSocketAddress) local = NULL;
    g_autoptr(GSocketAddress) anywhere = NULL;
    g_autoptr(GSocket) trial = NULL;
    g_autoptr(GIOStream) base = NULL;
    GInetAddress *address;

    if (G_IS_TLS_CONNECTION(stream))
        g_object_get(stream, "base-io-stream", &base, NULL);
    if (base)
        stream = base;
    if (G_IS_SOCKET_CONNECTION(stream))
        local = g_socket_connection_get_local_address(G_SOCKET_CONNECTION(stream), NULL);
    if (!G_IS_INET_SOCKET_ADDRESS(local))
        return true;
    address = g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(local));
    anywhere = g_inet_socket_address_new(address, 0);
    trial = g_socket_new(g_inet_address_get_family(address), G_SOCKET_TYPE_DATAGRAM,
                         G_SOCKET_PROTOCOL_UDP, NULL);
    return !trial || g_socket_bind(trial, anywhere, FALSE, NULL);
}

bool websocket_probe(Websocket *websocket)
{
    if (websocket->finished || !websocket->connection)
        return false;
    if (websocket->probe_timer != 0)
        return true;
    websocket->probed = clock_monotonic();
    websocket->probe_timer =
        clock_timer_add(has_address(websocket) ? PROBE_LIMIT : 0, on_probe_limit, websocket);
    /* libsoup sends no ping on demand, but soon. */
    soup_websocket_connection_set_keepalive_interval(websocket->connection, PROBE_INTERVAL);
    return true;
}

/* Who was stopped for long has not read what has come: it proves nothing that it is long ago. */
static gboolean on_silence_check(gpointer data)
{
    Websocket *websocket = data;
    gint64 now = clock_monotonic();
    guint limit = 2 * websocket->ping_interval + SILENCE_SLACK;
    bool late = now - websocket->checked > websocket->ping_interval * G_USEC_PER_SEC + LATE_USEC;

    websocket->checked = now;
    if (now - websocket->heard < limit * G_USEC_PER_SEC)
        return G_SOURCE_CONTINUE;
    if (late && websocket_probe(websocket))
        return G_SOURCE_CONTINUE;
    websocket->silence_timer = 0;
    websocket_fall_silent(websocket);
    return G_SOURCE_REMOVE;
}

/* The silence so far was allowed by the interval that there was. */
static void begin_pings(Websocket *websocket)
{
    if (websocket->probe_timer == 0) { /* or it begins them */
        soup_websocket_connection_set_keepalive_interval(websocket->connection,
                                                         websocket->ping_interval);
        websocket->heard = clock_monotonic();
    }
    websocket->checked = clock_monotonic();
    /* In the same wake-up as the ping */
    g_clear_handle_id(&websocket->silence_timer, g_source_remove);
    websocket->silence_timer =
        clock_timer_add_seconds(websocket->ping_interval, on_silence_check, websocket);
}

static void websocket_opened(Websocket *websocket)
{
    SoupWebsocketConnection *connection = websocket->connection;

    soup_websocket_connection_set_max_incoming_payload_size(connection, FRAME_MAX_LENGTH);
    g_signal_connect(connection, "message", G_CALLBACK(on_message), websocket);
    g_signal_connect(connection, "pong", G_CALLBACK(on_pong), websocket);
    g_signal_connect(connection, "error", G_CALLBACK(on_error), websocket);
    g_signal_connect(connection, "closed", G_CALLBACK(on_closed), websocket);
    begin_pings(websocket);
    websocket->ops->open(websocket, soup_websocket_connection_get_protocol(connection),
                         websocket->data);
}

/* ---- the handshake -------------------------------------------------------- */

static void on_dial_opened(GIOStream *stream, const char *protocol, gpointer data)
{
    Websocket *websocket = data;

    websocket->connection = soup_websocket_connection_new(
        stream, websocket->uri, SOUP_WEBSOCKET_CONNECTION_CLIENT, NULL, protocol, NULL);
    g_clear_pointer(&websocket->dial, dial_free);
    websocket_opened(websocket);
}

static void on_dial_failed(const DialFailure *failure, gpointer data)
{
    websocket_finish(data, &(WebsocketFailure){.message = failure->message, .dial = failure});
}

static const DialOps dial_ops = {
    .opened = on_dial_opened,
    .failed = on_dial_failed,
};

static gboolean on_bad_url(gpointer data)
{
    Websocket *websocket = data;
    const DialFailure failure = {.fault = RELAY_FAULT_RESOLUTION,
                                 .message = _("URL= makes no sense: write it as "
                                              "ws://relay.example:41337/")};

    websocket->bad_url_timer = 0;
    on_dial_failed(&failure, websocket);
    return G_SOURCE_REMOVE;
}

Websocket *websocket_new(const char *url, const UpgradeOffer *offer, const WebsocketOps *ops,
                         gpointer data)
{
    Websocket *websocket = g_new0(Websocket, 1);

    websocket->ops = ops;
    websocket->data = data;
    websocket->ping_interval = LEAST_PING_INTERVAL;
    websocket->uri = upgrade_uri(url);
    if (websocket->uri)
        websocket->dial = dial_new(websocket->uri, offer, &dial_ops, websocket);
    else
        websocket->bad_url_timer = g_idle_add(on_bad_url, websocket);
    return websocket;
}

void websocket_set_pings(Websocket *websocket, guint seconds)
{
    guint interval = MAX(seconds, LEAST_PING_INTERVAL);

    if (websocket->ping_interval == interval)
        return;
    websocket->ping_interval = interval;
    if (websocket->connection && !websocket->finished)
        begin_pings(websocket);
}

void websocket_free(Websocket *websocket)
{
    if (!websocket)
        return;
    g_clear_pointer(&websocket->dial, dial_free);
    drop_sources(websocket);
    if (websocket->connection) {
        g_signal_handlers_disconnect_by_data(websocket->connection, websocket);
        g_clear_object(&websocket->connection);
    }
    g_clear_pointer(&websocket->uri, g_uri_unref);
    g_free(websocket);
}

/* ---- sending -------------------------------------------------------------- */

static gboolean on_drained(GObject *stream, gpointer data)
{
    Websocket *websocket = data;

    websocket->owed = 0;
    g_clear_pointer(&websocket->drained, g_source_unref);
    return G_SOURCE_REMOVE;
}

static gboolean on_room(GObject *stream, gpointer data)
{
    Websocket *websocket = data;

    g_clear_handle_id(&websocket->full_timer, g_source_remove);
    g_clear_pointer(&websocket->room, g_source_unref);
    return G_SOURCE_REMOVE;
}

static gboolean on_full(gpointer data)
{
    Websocket *websocket = data;

    websocket->full_timer = 0;
    websocket_finish(websocket,
                     &(WebsocketFailure){.message = _("the relay does not take what is sent to it; "
                                                      "see its journal if that lasts")});
    return G_SOURCE_REMOVE;
}

static GSource *await(Websocket *websocket, GPollableOutputStream *output, int priority,
                      GPollableSourceFunc func)
{
    GSource *source = g_pollable_output_stream_create_source(output, NULL);

    g_source_set_priority(source, priority);
    g_source_set_callback(source, G_SOURCE_FUNC(func), websocket, NULL);
    g_source_attach(source, NULL);
    return source;
}

/* False: there is no room for it. If that lasts the connection ends. */
static bool charge(Websocket *websocket, gsize length)
{
    GIOStream *stream = soup_websocket_connection_get_io_stream(websocket->connection);
    GPollableOutputStream *output = G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(stream));

    /* While the kernel takes some it is we who are slow. */
    if (websocket->owed + length > MAX_OWED && !g_pollable_output_stream_is_writable(output)) {
        if (websocket->full_timer == 0) {
            websocket->full_timer = clock_timer_add(FULL_LIMIT, on_full, websocket);
            websocket->room = await(websocket, output, G_PRIORITY_DEFAULT, on_room);
        }
        return false;
    }
    websocket->owed += length;
    if (!websocket->drained)
        websocket->drained = await(websocket, output, AFTER_LIBSOUP, on_drained);
    return true;
}

bool websocket_send(Websocket *websocket, const char *text)
{
    if (websocket->finished || !websocket->connection ||
        soup_websocket_connection_get_state(websocket->connection) != SOUP_WEBSOCKET_STATE_OPEN ||
        !charge(websocket, strlen(text)))
        return false;
    soup_websocket_connection_send_text(websocket->connection, text);
    return true;
}

void websocket_close(Websocket *websocket)
{
    if (websocket->finished)
        return;
    if (!websocket->connection) {
        websocket_finish(websocket, &(WebsocketFailure){.message = _("closed")});
        return;
    }
    if (soup_websocket_connection_get_state(websocket->connection) == SOUP_WEBSOCKET_STATE_OPEN)
        soup_websocket_connection_close(websocket->connection, SOUP_WEBSOCKET_CLOSE_GOING_AWAY,
                                        NULL);
}
