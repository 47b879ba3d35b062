/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libsoup does the protocol. What it leaves open is done here: a limit on the
 * handshake's time, and noticing a relay that is gone without a word. It sends
 * pings, but in Debian 12's version nobody waits for the pongs.
 */

#include <config.h>

#include "peer/signaling/websocket.h"

#include <glib/gi18n.h>
#include <libsoup/soup.h>
#include <string.h>

#include "signaling/frame.h"
#include "common/log.h"
#include "common/printable.h"

enum {
    HANDSHAKE_LIMIT = 15, /* seconds */
    PING_INTERVAL = 12,
    SILENCE_CHECK = PING_INTERVAL, /* in the same wake-up */
    SILENCE_LIMIT = 32, /* two lost pongs and then some */
};

struct Websocket {
    const WebsocketOps *ops;
    gpointer data;
    SoupSession *session;
    SoupMessage *request;
    SoupWebsocketConnection *connection; /* once it is open */
    GCancellable *cancellable;
    guint handshake_timer, silence_timer;
    gint64 heard; /* monotonic microseconds */
    bool finished;
};

static void websocket_finish(Websocket *websocket, const WebsocketFailure *failure)
{
    if (websocket->finished)
        return;
    websocket->finished = true;
    g_clear_handle_id(&websocket->handshake_timer, g_source_remove);
    g_clear_handle_id(&websocket->silence_timer, g_source_remove);
    websocket->ops->closed(websocket, failure, websocket->data);
}

/* ---- the open connection -------------------------------------------------- */

static void on_message(SoupWebsocketConnection *connection, int type, GBytes *message,
                       gpointer data)
{
    Websocket *websocket = data;
    gsize length;
    const char *text = g_bytes_get_data(message, &length); /* libsoup terminates it */

    websocket->heard = g_get_monotonic_time();
    if (type == SOUP_WEBSOCKET_DATA_TEXT)
        websocket->ops->text(websocket, text ? text : "", length, websocket->data);
    else
        log_debug("a binary message from the relay is ignored");
}

static void on_pong(SoupWebsocketConnection *connection, GBytes *payload, gpointer data)
{
    Websocket *websocket = data;

    websocket->heard = g_get_monotonic_time();
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
        return g_strdup_printf(_("the relay closed the connection: %s (%u)"), text, code);
    if (code == 0 || code == SOUP_WEBSOCKET_CLOSE_ABNORMAL)
        return g_strdup(_("the connection broke off"));
    return g_strdup_printf(_("the relay closed the connection (%u)"), code);
}

static void on_closed(SoupWebsocketConnection *connection, gpointer data)
{
    g_autofree char *text = describe_close(connection);

    websocket_finish(data, &(WebsocketFailure){.message = text, .opened = true});
}

static gboolean on_silence_check(gpointer data)
{
    Websocket *websocket = data;

    if (g_get_monotonic_time() - websocket->heard < SILENCE_LIMIT * G_USEC_PER_SEC)
        return G_SOURCE_CONTINUE;
    websocket->silence_timer = 0;
    websocket_finish(websocket,
                     &(WebsocketFailure){.message = _("the relay does not answer any more"),
                                         .opened = true});
    return G_SOURCE_REMOVE;
}

static void websocket_opened(Websocket *websocket)
{
    SoupWebsocketConnection *connection = websocket->connection;

    soup_websocket_connection_set_max_incoming_payload_size(connection, FRAME_MAX_LENGTH);
    soup_websocket_connection_set_keepalive_interval(connection, PING_INTERVAL);
    g_signal_connect(connection, "message", G_CALLBACK(on_message), websocket);
    g_signal_connect(connection, "pong", G_CALLBACK(on_pong), websocket);
    g_signal_connect(connection, "error", G_CALLBACK(on_error), websocket);
    g_signal_connect(connection, "closed", G_CALLBACK(on_closed), websocket);
    websocket->heard = g_get_monotonic_time();
    websocket->silence_timer = g_timeout_add_seconds(SILENCE_CHECK, on_silence_check, websocket);
    websocket->ops->open(websocket, soup_websocket_connection_get_protocol(connection),
                         websocket->data);
}

/* ---- the handshake -------------------------------------------------------- */

static void websocket_refused(Websocket *websocket, const GError *error)
{
    guint status = soup_message_get_status(websocket->request);
    const char *phrase = soup_message_get_reason_phrase(websocket->request);
    SoupMessageHeaders *headers = soup_message_get_response_headers(websocket->request);
    g_autofree char *text = NULL;

    if (status == SOUP_STATUS_SWITCHING_PROTOCOLS || status == SOUP_STATUS_NONE) {
        text = g_strdup(error->message);
    } else {
        g_autofree char *words = printable(phrase ? phrase : "");

        text = g_strdup_printf(_("the relay refused: %u %s"), status, words);
    }
    websocket_finish(websocket, &(WebsocketFailure){
                                    .message = text,
                                    .http_status = status,
                                    .retry = soup_message_headers_get_one(headers, "Retry-After"),
                                });
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SoupWebsocketConnection) connection =
        soup_session_websocket_connect_finish(SOUP_SESSION(source), result, &error);
    Websocket *websocket = data;

    /* Freed meanwhile; DATA is gone then. */
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    g_clear_handle_id(&websocket->handshake_timer, g_source_remove);
    if (websocket->finished)
        return;
    websocket->connection = g_steal_pointer(&connection);
    if (websocket->connection)
        websocket_opened(websocket);
    else
        websocket_refused(websocket, error);
}

static gboolean on_handshake_limit(gpointer data)
{
    Websocket *websocket = data;

    websocket->handshake_timer = 0;
    websocket_finish(websocket,
                     &(WebsocketFailure){.message = _("the relay does not answer")});
    return G_SOURCE_REMOVE;
}

static gboolean on_bad_url(gpointer data)
{
    Websocket *websocket = data;

    websocket->handshake_timer = 0;
    websocket_finish(websocket, &(WebsocketFailure){.message = _("the URL makes no sense")});
    return G_SOURCE_REMOVE;
}

Websocket *websocket_new(const char *url, const char *origin, const char *subprotocol,
                         const WebsocketOps *ops, gpointer data)
{
    char *protocols[] = {(char *) subprotocol, NULL};
    Websocket *websocket = g_new0(Websocket, 1);

    websocket->ops = ops;
    websocket->data = data;
    websocket->cancellable = g_cancellable_new();
    /* A proxy would be found through GSettings and helpers on the session bus,
     * which a system service has no business with. */
    websocket->session = soup_session_new_with_options(
        "user-agent", PACKAGE "-peer/" PACKAGE_VERSION, "proxy-resolver", NULL, NULL);
    /* No permessage-deflate: frames are small, and it costs 300 KB a connection. */
    soup_session_remove_feature_by_type(websocket->session,
                                        SOUP_TYPE_WEBSOCKET_EXTENSION_MANAGER);
    websocket->request = soup_message_new(SOUP_METHOD_GET, url);
    if (!websocket->request) {
        websocket->handshake_timer = g_idle_add(on_bad_url, websocket);
        return websocket;
    }
    websocket->handshake_timer =
        g_timeout_add_seconds(HANDSHAKE_LIMIT, on_handshake_limit, websocket);
    soup_session_websocket_connect_async(websocket->session, websocket->request,
                                         origin && *origin ? origin : NULL, protocols,
                                         G_PRIORITY_DEFAULT, websocket->cancellable, on_connected,
                                         websocket);
    return websocket;
}

void websocket_free(Websocket *websocket)
{
    if (!websocket)
        return;
    g_cancellable_cancel(websocket->cancellable);
    g_clear_handle_id(&websocket->handshake_timer, g_source_remove);
    g_clear_handle_id(&websocket->silence_timer, g_source_remove);
    if (websocket->connection) {
        g_signal_handlers_disconnect_by_data(websocket->connection, websocket);
        g_clear_object(&websocket->connection);
    }
    g_clear_object(&websocket->request);
    g_clear_object(&websocket->session);
    g_clear_object(&websocket->cancellable);
    g_free(websocket);
}

bool websocket_send(Websocket *websocket, const char *text)
{
    if (websocket->finished || !websocket->connection ||
        soup_websocket_connection_get_state(websocket->connection) != SOUP_WEBSOCKET_STATE_OPEN)
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
