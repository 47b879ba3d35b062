/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * GnuTLS on a socket that GIO has connected. GTlsConnection would make its
 * handshakes in threads, and could not take a file of authorities together
 * with those of the system.
 */

#include <config.h>

#include "rtc/ice/server-stream.h"

#include <glib/gi18n.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "common/clock.h"
#include "rtc/error.h"

enum { OPEN_LIMIT = 10 }; /* seconds, for all of resolving, connecting, the handshake */

typedef enum {
    SERVER_STREAM_CONNECTING,
    SERVER_STREAM_HANDSHAKE,
    SERVER_STREAM_OPEN,
} ServerStreamState;

struct ServerStream {
    const ServerStreamOps *ops;
    gpointer data;
    ServerStreamState state;
    char *host;
    TlsTrust *trust; /* NULL: no TLS */
    GCancellable *connecting;
    GSocketConnection *connection;
    gnutls_session_t session;
    bool flushing; /* GnuTLS holds a record that the socket did not take */
    guint watch;
    GIOCondition watched;
    guint limit;
};

static gboolean on_socket(int fd, GIOCondition condition, gpointer data);

static GSocket *stream_socket(const ServerStream *stream)
{
    return g_socket_connection_get_socket(stream->connection);
}

static void stream_watch(ServerStream *stream, GIOCondition condition)
{
    if (stream->watched == condition)
        return;
    g_clear_handle_id(&stream->watch, g_source_remove);
    stream->watched = condition;
    if (condition)
        stream->watch =
            g_unix_fd_add(g_socket_get_fd(stream_socket(stream)), condition, on_socket, stream);
}

/* STREAM may be gone afterwards. */
static void stream_fail(ServerStream *stream, const GError *error)
{
    g_clear_handle_id(&stream->limit, g_source_remove);
    if (stream->connection)
        stream_watch(stream, 0);
    stream->ops->failed(error, stream->data);
}

static void stream_opened(ServerStream *stream)
{
    stream->state = SERVER_STREAM_OPEN;
    g_clear_handle_id(&stream->limit, g_source_remove);
    stream_watch(stream, 0);
    stream->ops->ready(stream->data);
}

/* ---- TLS ------------------------------------------------------------------ */

static void handshake_failed(ServerStream *stream, int result)
{
    g_autoptr(GError) error = NULL;

    gnutls_alert_send_appropriate(stream->session, result);
    if (result == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR) {
        g_autofree char *words =
            tls_trust_explain(gnutls_session_get_verify_cert_status(stream->session), stream->host);

        g_set_error_literal(&error, RTC_ERROR, RTC_ERROR_SECURITY, words);
    } else if (result == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        g_set_error(&error, RTC_ERROR, RTC_ERROR_FAILED, N_("it refused the TLS handshake: %s"),
                    gnutls_alert_get_name(gnutls_alert_get(stream->session)));
    } else {
        g_set_error(&error, RTC_ERROR, RTC_ERROR_FAILED, N_("the TLS handshake failed: %s"),
                    gnutls_strerror(result));
    }
    stream_fail(stream, error);
}

static void stream_handshake(ServerStream *stream)
{
    int result;

    do
        result = gnutls_handshake(stream->session);
    while (result < 0 && result != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(result));
    if (result == GNUTLS_E_SUCCESS)
        stream_opened(stream);
    else if (result == GNUTLS_E_AGAIN)
        stream_watch(stream, gnutls_record_get_direction(stream->session) ? G_IO_OUT : G_IO_IN);
    else
        handshake_failed(stream, result);
}

static bool start_tls(ServerStream *stream, GError **error)
{
    gnutls_certificate_credentials_t credentials = tls_trust_credentials(stream->trust, error);

    if (!credentials)
        return false;
    if (gnutls_init(&stream->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0 ||
        gnutls_set_default_priority(stream->session) < 0 ||
        gnutls_credentials_set(stream->session, GNUTLS_CRD_CERTIFICATE, credentials) < 0 ||
        /* RFC 6066 3: no addresses */
        (!g_hostname_is_ip_address(stream->host) &&
         gnutls_server_name_set(stream->session, GNUTLS_NAME_DNS, stream->host,
                                strlen(stream->host)) < 0)) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FAILED, "Cannot make a TLS session");
        return false;
    }
    gnutls_session_set_verify_cert(stream->session, stream->host, 0);
    gnutls_transport_set_int(stream->session, g_socket_get_fd(stream_socket(stream)));
    stream->state = SERVER_STREAM_HANDSHAKE;
    return true;
}

static void stream_flush(ServerStream *stream)
{
    /* An error will come again when something is written or read. */
    if (gnutls_record_send(stream->session, NULL, 0) != GNUTLS_E_AGAIN)
        stream->flushing = false;
}

/* ---- connecting ----------------------------------------------------------- */

static void on_connected(GObject *client, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    GSocketConnection *connection =
        g_socket_client_connect_finish(G_SOCKET_CLIENT(client), result, &error);
    ServerStream *stream = data;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* STREAM is gone */
    stream->connection = connection;
    if (connection) {
        g_socket_set_blocking(stream_socket(stream), FALSE);
        g_socket_set_option(stream_socket(stream), IPPROTO_TCP, TCP_NODELAY, 1, NULL);
    }
    if (!connection || (stream->trust && !start_tls(stream, &error)))
        stream_fail(stream, error);
    else if (stream->trust)
        stream_handshake(stream);
    else
        stream_opened(stream);
}

static gboolean on_limit(gpointer data)
{
    ServerStream *stream = data;
    g_autoptr(GError) error = g_error_new_literal(RTC_ERROR, RTC_ERROR_TIMEOUT, "no answer");

    stream->limit = 0;
    stream_fail(stream, error);
    return G_SOURCE_REMOVE;
}

ServerStream *server_stream_new(const char *host, guint port, TlsTrust *trust,
                                const ServerStreamOps *ops, gpointer data)
{
    ServerStream *stream = g_new0(ServerStream, 1);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnectable) address = g_network_address_new(host, port);

    stream->ops = ops;
    stream->data = data;
    stream->host = g_strdup(host);
    stream->trust = tls_trust_ref(trust);
    stream->connecting = g_cancellable_new();
    stream->limit = clock_timer_add_seconds(OPEN_LIMIT, on_limit, stream);
    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_connect_async(client, address, stream->connecting, on_connected, stream);
    return stream;
}

void server_stream_free(ServerStream *stream)
{
    if (!stream)
        return;
    g_clear_handle_id(&stream->limit, g_source_remove);
    if (stream->connection)
        stream_watch(stream, 0);
    if (stream->session && stream->state == SERVER_STREAM_OPEN)
        gnutls_bye(stream->session, GNUTLS_SHUT_WR);
    if (stream->session)
        gnutls_deinit(stream->session);
    g_cancellable_cancel(stream->connecting);
    g_object_unref(stream->connecting);
    g_clear_object(&stream->connection);
    tls_trust_unref(stream->trust);
    g_free(stream->host);
    g_free(stream);
}

bool server_stream_is_open(const ServerStream *stream)
{
    return stream->state == SERVER_STREAM_OPEN;
}

/* ---- bytes ---------------------------------------------------------------- */

static gboolean on_socket(int fd, GIOCondition condition, gpointer data)
{
    ServerStream *stream = data;

    if (stream->state == SERVER_STREAM_HANDSHAKE) {
        stream_handshake(stream);
        return G_SOURCE_CONTINUE;
    }
    if (stream->flushing)
        stream_flush(stream);
    stream->ops->ready(stream->data);
    return G_SOURCE_CONTINUE;
}

/* GnuTLS's answer as ours. */
static gssize tls_result(ServerStream *stream, gssize result, GError **error)
{
    if (result > 0)
        return result;
    if (result == GNUTLS_E_REHANDSHAKE) {
        gnutls_alert_send(stream->session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
        return 0;
    }
    if (result < 0 && !gnutls_error_is_fatal(result))
        return 0;
    if (result == 0)
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_CLOSED, N_("it closed the connection"));
    else
        g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, N_("TLS failed: %s"),
                    gnutls_strerror(result));
    return -1;
}

static gssize plain_result(gssize result, GError *local, GError **error)
{
    if (result > 0)
        return result;
    if (result < 0 && g_error_matches(local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
        g_error_free(local);
        return 0;
    }
    if (local)
        g_propagate_error(error, local);
    else
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_CLOSED, N_("it closed the connection"));
    return -1;
}

gssize server_stream_read(ServerStream *stream, guint8 *bytes, GError **error)
{
    GError *local = NULL;

    if (stream->session)
        return tls_result(stream, gnutls_record_recv(stream->session, bytes, SERVER_STREAM_MAX),
                          error);
    return plain_result(
        g_socket_receive(stream_socket(stream), (char *) bytes, SERVER_STREAM_MAX, NULL, &local),
        local, error);
}

gssize server_stream_write(ServerStream *stream, const guint8 *bytes, gsize length, GError **error)
{
    GError *local = NULL;
    gssize result;

    if (stream->flushing)
        return 0;
    if (!stream->session)
        return plain_result(
            g_socket_send(stream_socket(stream), (const char *) bytes, length, NULL, &local), local,
            error);
    result = gnutls_record_send(stream->session, bytes, MIN(length, SERVER_STREAM_MAX));
    if (result != GNUTLS_E_AGAIN && result != GNUTLS_E_INTERRUPTED)
        return tls_result(stream, result, error);
    /* GnuTLS has taken it and is asked only to go on. */
    stream->flushing = true;
    return MIN(length, SERVER_STREAM_MAX);
}

void server_stream_wait(ServerStream *stream, bool readable, bool writable)
{
    if (stream->state == SERVER_STREAM_OPEN)
        stream_watch(stream,
                     (readable ? G_IO_IN : 0) | (writable || stream->flushing ? G_IO_OUT : 0));
}
