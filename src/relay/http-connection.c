/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See http-connection.h. An answer is followed by a lingering close: closing with
 * input unread would reset the connection and take the answer with it
 * (RFC 9112 section 9.6).
 */

#include <config.h>

#include "relay/http-connection.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "relay/listener.h"
#include "relay/proxy-header.h"
#include "relay/tls-wire.h"

struct HttpConnection {
    Account *account; /* the connection's owner releases it in the gone callback */
    char *address;    /* as text, without the port */
    gint64 since;     /* monotonic µs */
    GList link;       /* in its owner's list */
    uv_poll_t poll;
    Wire wire; /* none once it was passed on or closed */
    FairEntry turn;
    const HttpConnectionOps *ops;
    gpointer data;
    GByteArray *in, *out;
    guint head_size; /* of the request's, in IN; 0: it is not there yet */
    GBytes *body;    /* behind OUT, may be NULL */
    gsize sent;
    bool head; /* the request was HEAD */
    bool proxied;
    TlsCredentials *tls; /* for after the proxy's words, or NULL */
    enum {
        HTTP_CONNECTION_PROXY, /* before anything else, it may say for whom it speaks */
        HTTP_CONNECTION_READING,
        HTTP_CONNECTION_WAITING, /* its request is to come in again */
        HTTP_CONNECTION_ANSWERING,
        HTTP_CONNECTION_LINGERING,
        HTTP_CONNECTION_GONE,
    } state;
};

static void on_handle_closed(uv_handle_t *handle)
{
    HttpConnection *connection = handle->data;

    g_clear_pointer(&connection->in, g_byte_array_unref);
    g_clear_pointer(&connection->out, g_byte_array_unref);
    g_clear_pointer(&connection->body, g_bytes_unref);
    g_clear_pointer(&connection->tls, tls_credentials_unref);
    g_free(connection->address);
    g_free(connection);
}

static void http_connection_end(HttpConnection *connection)
{
    if (connection->state == HTTP_CONNECTION_GONE)
        return;
    connection->state = HTTP_CONNECTION_GONE;
    fair_entry_remove(&connection->turn);
    connection->ops->gone(connection, connection->data);
    uv_close((uv_handle_t *) &connection->poll, on_handle_closed);
    wire_clear(&connection->wire);
}

void http_connection_close(HttpConnection *connection)
{
    http_connection_end(connection);
}

Wire http_connection_take(HttpConnection *connection, Account **account, char **address)
{
    const GByteArray *in = connection->in;
    Wire wire = connection->wire;

    wire_put_back(&wire, (const char *) in->data + connection->head_size,
                  in->len - connection->head_size);
    *account = g_steal_pointer(&connection->account);
    *address = g_steal_pointer(&connection->address);
    connection->wire = (Wire){};
    http_connection_end(connection);
    return wire;
}

Account *http_connection_account(const HttpConnection *connection)
{
    return connection->account;
}

const char *http_connection_address(const HttpConnection *connection)
{
    return connection->address;
}

gint64 http_connection_since(const HttpConnection *connection)
{
    return connection->since;
}

GList *http_connection_link(HttpConnection *connection)
{
    return &connection->link;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    HttpConnection *connection = poll->data;

    if (status < 0)
        http_connection_end(connection);
    else
        connection->ops->ready(connection, &connection->turn, connection->data);
}

static gsize body_size(const HttpConnection *connection)
{
    return connection->body ? g_bytes_get_size(connection->body) : 0;
}

/* What is left of the answer's head or body goes out, as far as the socket takes it. */
static gssize http_connection_write(HttpConnection *connection)
{
    const GByteArray *out = connection->out;
    gsize head = MIN(connection->sent, out->len), body = connection->sent - head;
    struct iovec pieces[2] = {{out->data + head, out->len - head}};

    if (body_size(connection) > 0)
        pieces[1] = (struct iovec){
            (char *) g_bytes_get_data(connection->body, NULL) + body,
            body_size(connection) - body,
        };
    return wire_send(&connection->wire, pieces, body_size(connection) > 0 ? 2 : 1);
}

static void http_connection_flush(HttpConnection *connection)
{
    gsize size = connection->out->len + body_size(connection);
    gssize n = 0;

    while ((connection->sent < size || wire_owes(&connection->wire)) &&
           (n = http_connection_write(connection)) >= 0)
        connection->sent += (gsize) n;

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            http_connection_end(connection);
        return;
    }
    wire_finish(&connection->wire);
    connection->state = HTTP_CONNECTION_LINGERING;
    uv_poll_start(&connection->poll, UV_READABLE, on_poll);
}

void http_connection_answer(HttpConnection *connection, int status, const char *text,
                            guint retry_after)
{
    g_autofree char *answer = handshake_answer(status, text, retry_after, !connection->head);

    http_connection_send(connection, answer, NULL);
}

void http_connection_send(HttpConnection *connection, const char *head, GBytes *body)
{
    connection->out = g_byte_array_new_take((guint8 *) g_strdup(head), strlen(head));
    connection->body = body ? g_bytes_ref(body) : NULL;
    connection->state = HTTP_CONNECTION_ANSWERING;
    uv_poll_start(&connection->poll, UV_WRITABLE, on_poll);
    http_connection_flush(connection);
}

static void http_connection_request(HttpConnection *connection)
{
    g_auto(Handshake) handshake = {};
    const char *reason;
    int status = handshake_parse((const char *) connection->in->data, connection->head_size,
                                 &handshake, &reason);

    connection->head = handshake.head;
    if (status == 0)
        connection->ops->request(connection, &handshake, connection->data);
    else
        http_connection_answer(connection, status, reason, 0);
}

void http_connection_wait(HttpConnection *connection)
{
    connection->state = HTTP_CONNECTION_WAITING;
    fair_entry_remove(&connection->turn);
    uv_poll_stop(&connection->poll);
}

void http_connection_again(HttpConnection *connection)
{
    if (connection->state == HTTP_CONNECTION_WAITING)
        connection->ops->ready(connection, &connection->turn, connection->data);
}

/* The end of a head in IN, of which the first SEEN bytes held none; 0: not yet. */
static guint find_end(const GByteArray *in, guint seen)
{
    guint from = seen > 3 ? seen - 3 : 0;
    const guint8 *end = memmem(in->data + from, in->len - from, "\r\n\r\n", 4);

    return end ? (guint) (end - in->data) + 4 : 0;
}

/* As long as a TLS handshake has something to say that a full socket did not take */
static void poll_for_request(HttpConnection *connection)
{
    int events = UV_READABLE | (wire_owes(&connection->wire) ? UV_WRITABLE : 0);

    uv_poll_start(&connection->poll, events, on_poll);
}

static void http_connection_read(HttpConnection *connection)
{
    static char buffer[WIRE_BUFFER];
    GByteArray *in = connection->in;
    guint seen = in->len;
    gssize n = wire_receive(&connection->wire, buffer);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        http_connection_end(connection);
        return;
    }
    poll_for_request(connection);
    if (n < 0)
        return;
    g_byte_array_append(in, (const guint8 *) buffer, (guint) n);
    connection->head_size = find_end(in, seen);
    if (connection->head_size > HANDSHAKE_MAX ||
        (connection->head_size == 0 && in->len >= HANDSHAKE_MAX))
        http_connection_answer(connection, 431, "the request is too large", 0);
    else if (connection->head_size > 0)
        http_connection_request(connection);
}

/* What is behind the proxy's words, the first HEADER bytes of what has come, is the client's. */
static void begin_client(HttpConnection *connection, gsize header)
{
    GByteArray *in = connection->in;
    const char *early = (const char *) in->data + header;

    connection->state = HTTP_CONNECTION_READING;
    if (connection->tls)
        connection->wire = wire_tls(connection->wire.fd, connection->tls, early, in->len - header);
    else
        wire_put_back(&connection->wire, early, in->len - header);
    g_clear_pointer(&connection->tls, tls_credentials_unref);
    g_byte_array_set_size(in, 0);
    http_connection_read(connection);
}

static void http_connection_read_proxy(HttpConnection *connection)
{
    GByteArray *in = connection->in;
    guint seen = in->len;
    ProxyHeader header;
    gssize n;

    g_byte_array_set_size(in, seen + PROXY_HEADER_MAX);
    n = recv(connection->wire.fd, in->data + seen, PROXY_HEADER_MAX, MSG_DONTWAIT);
    g_byte_array_set_size(in, seen + (guint) MAX(n, 0));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    switch (n > 0 ? proxy_header_parse(in->data, in->len, &header) : PROXY_HEADER_BAD) {
    case PROXY_HEADER_MORE:
        break;
    case PROXY_HEADER_NONE:
        begin_client(connection, 0);
        break;
    case PROXY_HEADER_WHOLE:
        if (header.client.ss_family == AF_UNSPEC ||
            connection->ops->forwarded(connection, (const struct sockaddr *) &header.client,
                                       connection->data))
            begin_client(connection, header.size);
        else
            http_connection_end(connection);
        break;
    case PROXY_HEADER_BAD:
        http_connection_end(connection);
        break;
    }
}

static void http_connection_discard(HttpConnection *connection)
{
    static char buffer[WIRE_BUFFER];
    gssize n = wire_receive(&connection->wire, buffer);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        http_connection_end(connection);
}

void http_connection_take_turn(FairEntry *entry)
{
    HttpConnection *connection = entry->link.data;

    switch (connection->state) {
    case HTTP_CONNECTION_PROXY:
        http_connection_read_proxy(connection);
        break;
    case HTTP_CONNECTION_READING:
        http_connection_read(connection);
        break;
    case HTTP_CONNECTION_WAITING:
        connection->state = HTTP_CONNECTION_READING;
        http_connection_request(connection);
        break;
    case HTTP_CONNECTION_ANSWERING:
        http_connection_flush(connection);
        break;
    case HTTP_CONNECTION_LINGERING:
        http_connection_discard(connection);
        break;
    case HTTP_CONNECTION_GONE:
        break;
    }
}

void http_connection_set_client(HttpConnection *connection, Account *account,
                                const struct sockaddr *address, bool proxied)
{
    connection->account = account;
    g_free(connection->address);
    connection->address = address_to_string(address);
    connection->proxied = proxied;
}

bool http_connection_is_proxied(const HttpConnection *connection)
{
    return connection->proxied;
}

HttpConnection *http_connection_new(uv_loop_t *loop, const HttpConnectionStart *start,
                                    Account *account, const struct sockaddr *address,
                                    const HttpConnectionOps *ops, gpointer data)
{
    HttpConnection *connection = g_new0(HttpConnection, 1);

    http_connection_set_client(connection, account, address, start->proxied);
    connection->since = clock_monotonic();
    connection->link.data = connection->turn.link.data = connection;
    connection->state = start->proxied ? HTTP_CONNECTION_PROXY : HTTP_CONNECTION_READING;
    if (start->tls && start->proxied)
        connection->tls = tls_credentials_ref(start->tls);
    connection->wire = start->tls && !start->proxied ? wire_tls(start->fd, start->tls, NULL, 0)
                                                     : wire_plain(start->fd);
    connection->ops = ops;
    connection->data = data;
    connection->in = g_byte_array_new();
    uv_poll_init(loop, &connection->poll, start->fd);
    connection->poll.data = connection;
    uv_poll_start(&connection->poll, UV_READABLE, on_poll);
    return connection;
}
