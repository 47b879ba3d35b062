/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * GSocketClient resolves, and tries IPv6 and IPv4 beside each other (RFC 8305).
 * The head of the answer is read byte by byte: what comes behind it is
 * the WebSocket's already, and a stream takes nothing back.
 */

#include <config.h>

#include "peer/signaling/dial.h"

#include <glib/gi18n.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"
#include "common/secret-file.h"
#include "peer/signaling/refusal.h"
#include "peer/signaling/upgrade.h"

enum {
    DIAL_LIMIT = 15, /* seconds until there is a connection, or an answer on it */
    /* So much of it for TCP. Its SYNs are a second apart at first, and then further and further:
     * with a new attempt they begin anew, and a network that is back is met soon. Sooner still if
     * there are two connections, whose SYNs are half a second apart (milliseconds). */
    CONNECT_LIMIT = 5,
    SECOND_AFTER = 500,
    BODY_LIMIT = 2, /* and for the rest of a refusal */
    MAX_HEAD = 16384,
    MAX_BODY = 4096,
};

struct Dial {
    const DialOps *ops;
    gpointer data;
    GUri *uri;
    char *key, *subprotocol, *request;
    char *ca; /* a file of authorities, "" if there is none */
    GCancellable *cancellable;
    GCancellable *connecting; /* that, and when there is a connection */
    guint second_timer;
    GSocketConnectable *address;
    GSocketClient *client;
    GTlsCertificate *refused; /* with these: */
    GTlsCertificateFlags flags;
    GIOStream *stream;
    GSource *readable;
    guint limit, limit_timer; /* seconds, and the source */
    DialPhase phase;
    GString *head, *body;
    UpgradeAnswer answer; /* the body is its */
};

static gboolean on_readable(GObject *stream, gpointer data);

/* ---- the end ---------------------------------------------------------------- */

static void stop_connecting(Dial *dial)
{
    g_cancellable_cancel(dial->connecting);
    g_clear_handle_id(&dial->second_timer, g_source_remove);
}

static void dial_stop(Dial *dial)
{
    g_cancellable_cancel(dial->cancellable);
    stop_connecting(dial);
    g_clear_handle_id(&dial->limit_timer, g_source_remove);
    if (dial->readable) {
        g_source_destroy(dial->readable);
        g_clear_pointer(&dial->readable, g_source_unref);
    }
    if (dial->client)
        g_signal_handlers_disconnect_by_data(dial->client, dial);
    if (dial->stream)
        g_signal_handlers_disconnect_by_data(dial->stream, dial);
}

/* Takes MESSAGE. */
static void dial_end(Dial *dial, const char *fault, char *message, bool silent)
{
    g_autofree char *owned = message;

    dial_stop(dial);
    dial->ops->failed(&(DialFailure){.message = owned, .fault = fault, .silent = silent},
                      dial->data);
}

static void dial_fail(Dial *dial, const char *fault, char *message)
{
    dial_end(dial, fault, message, false);
}

static gboolean on_limit(gpointer data);

static void dial_limit(Dial *dial, guint seconds)
{
    g_clear_handle_id(&dial->limit_timer, g_source_remove);
    dial->limit = seconds;
    dial->limit_timer = clock_timer_add_seconds(seconds, on_limit, dial);
}

static void dial_refused(Dial *dial)
{
    const UpgradeAnswer *answer = &dial->answer;
    g_autofree char *words = upgrade_words(answer, dial->body->str);
    g_autofree char *message = refusal_of_answer(dial->uri, answer, words);

    dial_stop(dial);
    dial->ops->failed(&(DialFailure){.message = message,
                                     .fault = refusal_fault_of_status(answer->status),
                                     .status = answer->status,
                                     .words = words,
                                     .retry = answer->retry,
                                     .retry_after = answer->retry_after},
                      dial->data);
}

static gboolean on_limit(gpointer data)
{
    Dial *dial = data;

    dial->limit_timer = 0;
    if (dial->answer.status)
        dial_refused(dial); /* with what there is of its body */
    else
        dial_end(dial, refusal_fault_of_phase(dial->phase),
                 refusal_of_silence(dial->uri, dial->phase, dial->limit),
                 dial->phase <= DIAL_CONNECTING);
    return G_SOURCE_REMOVE;
}

/* ---- the answer ------------------------------------------------------------- */

/* The head is whole. False: nothing more is to be read. */
static bool dial_head(Dial *dial)
{
    g_autoptr(GError) error = NULL;
    const char *head = dial->head->str;
    gsize length = dial->head->len;

    upgrade_answer_clear(&dial->answer);
    if (!upgrade_parse(head, length, &dial->answer, &error)) {
        dial->answer.status = 0;
        dial_fail(dial, RELAY_FAULT_HTTP, refusal_of_bytes(dial->uri, head, length));
        return false;
    }
    if (dial->answer.status != 101 && dial->answer.status < 200) { /* 100, 103: more follows */
        dial->answer.status = 0;
        g_string_truncate(dial->head, 0);
        return true;
    }
    if (dial->answer.status != 101) {
        dial_limit(dial, BODY_LIMIT);
        return true;
    }
    dial_stop(dial);
    if (!upgrade_verify(head, length, dial->key, dial->subprotocol, &error)) {
        dial_fail(dial, RELAY_FAULT_WEBSOCKET, refusal_of_upgrade(dial->uri, error->message));
        return false;
    }
    dial->ops->opened(dial->stream, dial->answer.protocol, dial->data);
    return false;
}

static bool dial_body_is_whole(const Dial *dial)
{
    return dial->body->len >= MAX_BODY ||
           (dial->answer.length >= 0 && dial->body->len >= (guint64) dial->answer.length);
}

/* One more byte. False: nothing more is to be read. */
static bool dial_byte(Dial *dial, char byte)
{
    GString *head = dial->head;

    if (dial->answer.status) {
        g_string_append_c(dial->body, byte);
    } else {
        g_string_append_c(head, byte);
        /* What is no HTTP need not end its lines. */
        if (head->len >= MAX_HEAD || (head->len == 5 && !g_str_has_prefix(head->str, "HTTP/"))) {
            dial_fail(dial, RELAY_FAULT_HTTP, refusal_of_bytes(dial->uri, head->str, head->len));
            return false;
        }
        if (!g_str_has_suffix(head->str, "\n\r\n") && !g_str_has_suffix(head->str, "\n\n"))
            return true;
        if (!dial_head(dial))
            return false;
    }
    if (!dial->answer.status || !dial_body_is_whole(dial))
        return true;
    dial_refused(dial);
    return false;
}

/* The connection has ended before the answer did. */
static void dial_ended(Dial *dial, const GError *error)
{
    if (dial->answer.status)
        dial_refused(dial);
    else if (dial->head->len > 0)
        dial_fail(dial, RELAY_FAULT_HTTP,
                  refusal_of_bytes(dial->uri, dial->head->str, dial->head->len));
    else
        dial_fail(dial, RELAY_FAULT_HTTP, refusal_of_error(dial->uri, DIAL_ASKING, error));
}

static gboolean on_readable(GObject *stream, gpointer data)
{
    Dial *dial = data;
    GPollableInputStream *input = G_POLLABLE_INPUT_STREAM(stream);

    for (;;) {
        g_autoptr(GError) error = NULL;
        char byte;
        gssize n = g_pollable_input_stream_read_nonblocking(input, &byte, 1, NULL, &error);

        if (n > 0) {
            if (!dial_byte(dial, byte))
                return G_SOURCE_REMOVE;
        } else if (n < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
            return G_SOURCE_CONTINUE;
        } else {
            if (n == 0)
                error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CLOSED, "");
            dial_ended(dial, error);
            return G_SOURCE_REMOVE;
        }
    }
}

/* ---- the way there ---------------------------------------------------------- */

static void on_written(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    bool done = g_output_stream_write_all_finish(G_OUTPUT_STREAM(source), result, NULL, &error);

    /* Else freed, or reading tells. */
    if (!done)
        log_debug("the request to the relay: %s", error->message);
}

static void dial_ask(Dial *dial)
{
    GInputStream *input = g_io_stream_get_input_stream(dial->stream);
    GOutputStream *output = g_io_stream_get_output_stream(dial->stream);

    dial->phase = DIAL_ASKING;
    dial->readable = g_pollable_input_stream_create_source(G_POLLABLE_INPUT_STREAM(input), NULL);
    g_source_set_callback(dial->readable, G_SOURCE_FUNC(on_readable), dial, NULL);
    g_source_attach(dial->readable, g_main_context_get_thread_default());
    g_output_stream_write_all_async(output, dial->request, strlen(dial->request),
                                    G_PRIORITY_DEFAULT, dial->cancellable, on_written, NULL);
}

/* Our own authorities are asked if the system's do not know it: what they find wrong. */
static GTlsCertificateFlags verify_by_file(Dial *dial, GTlsCertificate *certificate,
                                           GTlsCertificateFlags flags)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GTlsDatabase) authorities = g_tls_file_database_new(dial->ca, &error);

    if (authorities)
        flags = g_tls_database_verify_chain(
            authorities, certificate, G_TLS_DATABASE_PURPOSE_AUTHENTICATE_SERVER, dial->address,
            NULL, G_TLS_DATABASE_VERIFY_NONE, NULL, &error);
    if (error)
        log_warning(_("the authorities in %s are not asked: %s"), dial->ca, error->message);
    return flags;
}

static gboolean on_certificate(GTlsConnection *tls, GTlsCertificate *certificate,
                               GTlsCertificateFlags flags, gpointer data)
{
    Dial *dial = data;

    if (*dial->ca)
        flags = verify_by_file(dial, certificate, flags);
    g_set_object(&dial->refused, certificate);
    dial->flags = flags;
    return flags == 0;
}

static void on_secured(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    bool done = g_tls_connection_handshake_finish(G_TLS_CONNECTION(source), result, &error);
    Dial *dial = data;

    /* Freed or at its end meanwhile; DATA may be gone then. */
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (done)
        dial_ask(dial);
    else if (dial->refused && g_error_matches(error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
        dial_fail(dial, RELAY_FAULT_TLS,
                  refusal_of_certificate(dial->uri, dial->refused, dial->flags));
    else
        dial_fail(dial, RELAY_FAULT_TLS, refusal_of_error(dial->uri, dial->phase, error));
}

/* GSocketClient would do the same, but for the first line: where the other side has hung up by now,
 * the TLS of GIO takes the address it does not find for an object. A socket keeps what it was asked
 * for once. */
static void dial_secure(Dial *dial, GSocketConnection *connection)
{
    static const char *const protocols[] = {"http/1.1", NULL}; /* HTTP/2 has no such handshake */
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketAddress) remote = g_socket_connection_get_remote_address(connection, &error);
    GIOStream *tls = NULL;

    dial->phase = DIAL_SECURING;
    if (remote)
        tls = g_tls_client_connection_new(G_IO_STREAM(connection), dial->address, &error);
    if (!tls) {
        dial_fail(dial, RELAY_FAULT_TLS, refusal_of_error(dial->uri, dial->phase, error));
        return;
    }
    dial->stream = tls;
    g_tls_connection_set_advertised_protocols(G_TLS_CONNECTION(tls), protocols);
    g_signal_connect(tls, "accept-certificate", G_CALLBACK(on_certificate), dial);
    g_tls_connection_handshake_async(G_TLS_CONNECTION(tls), G_PRIORITY_DEFAULT, dial->cancellable,
                                     on_secured, dial);
}

static bool is_silence(const GError *error)
{
    return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
           g_error_matches(error, G_IO_ERROR, G_IO_ERROR_HOST_UNREACHABLE) ||
           g_error_matches(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_TEMPORARY_FAILURE);
}

/* Frames are short and few: a candidate is not to wait for the acknowledgement of an answer, nor
 * what was lost twice for twice as long. */
static void hasten(GSocket *socket)
{
    g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1, NULL);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error);
    Dial *dial = data;

    /* As in on_secured() */
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (connection)
        hasten(g_socket_connection_get_socket(connection));
    if (!connection) {
        dial_end(dial, error->domain == G_RESOLVER_ERROR ? RELAY_FAULT_RESOLUTION : RELAY_FAULT_TCP,
                 refusal_of_error(dial->uri, dial->phase, error), is_silence(error));
        return;
    }
    stop_connecting(dial);
    dial_limit(dial, DIAL_LIMIT);
    if (strcmp(g_uri_get_scheme(dial->uri), "wss") == 0) {
        dial_secure(dial, connection);
    } else {
        dial->stream = G_IO_STREAM(g_steal_pointer(&connection));
        dial_ask(dial);
    }
}

static void dial_connect(Dial *dial)
{
    g_socket_client_connect_async(dial->client, dial->address, dial->connecting, on_connected,
                                  dial);
}

static gboolean on_second(gpointer data)
{
    Dial *dial = data;

    dial->second_timer = 0;
    dial_connect(dial);
    return G_SOURCE_REMOVE;
}

static void on_event(GSocketClient *client, GSocketClientEvent event,
                     GSocketConnectable *connectable, GIOStream *stream, gpointer data)
{
    Dial *dial = data;

    if (event != G_SOCKET_CLIENT_CONNECTING || dial->phase == DIAL_CONNECTING)
        return;
    dial->phase = DIAL_CONNECTING;
    dial_limit(dial, CONNECT_LIMIT);
    dial->second_timer = clock_timer_add(SECOND_AFTER, on_second, dial);
}

Dial *dial_new(GUri *uri, const UpgradeOffer *offer, const DialOps *ops, gpointer data)
{
    Dial *dial = g_new0(Dial, 1);

    dial->ops = ops;
    dial->data = data;
    dial->uri = g_uri_ref(uri);
    dial->key = upgrade_key();
    dial->subprotocol = g_strdup(offer->subprotocol);
    dial->request = upgrade_request(uri, dial->key, offer);
    dial->ca = g_strdup(offer->ca ? offer->ca : "");
    dial->head = g_string_new(NULL);
    dial->body = g_string_new(NULL);
    dial->cancellable = g_cancellable_new();
    dial->connecting = g_cancellable_new();
    dial->client = g_socket_client_new();
    /* A proxy would be found through GSettings and helpers on the session bus, which a system
     * service has no business with. */
    g_socket_client_set_enable_proxy(dial->client, FALSE);
    g_signal_connect(dial->client, "event", G_CALLBACK(on_event), dial);
    dial_limit(dial, DIAL_LIMIT);
    dial->address = g_network_address_new(g_uri_get_host(uri), (guint16) upgrade_port(uri));
    dial_connect(dial);
    return dial;
}

void dial_free(Dial *dial)
{
    if (!dial)
        return;
    dial_stop(dial);
    g_clear_object(&dial->client);
    g_clear_object(&dial->address);
    g_clear_object(&dial->refused);
    g_clear_object(&dial->stream);
    g_clear_object(&dial->cancellable);
    g_clear_object(&dial->connecting);
    upgrade_answer_clear(&dial->answer);
    g_string_free(dial->head, TRUE);
    g_string_free(dial->body, TRUE);
    g_free(dial->key);
    g_free(dial->subprotocol);
    g_free(dial->ca);
    secret_free(dial->request); /* a token may be in it */
    g_uri_unref(dial->uri);
    g_free(dial);
}
