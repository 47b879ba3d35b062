/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See http-connection.h. The request's head is looked for in what the socket holds
 * before it is taken out, so that frames sent right behind it stay there for
 * the client. An answer is followed by a lingering close: closing with
 * input unread would reset the connection and take the answer with it
 * (RFC 9112 section 9.6).
 */

#include <config.h>

#include "relay/http-connection.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "relay/listener.h"

struct HttpConnection {
    Account *account; /* the connection's owner releases it in the gone callback */
    char *address;    /* as text, without the port */
    gint64 since;     /* monotonic µs */
    GList link;       /* in its owner's list */
    uv_poll_t poll;
    int fd; /* -1 once it was passed on or closed */
    const HttpConnectionOps *ops;
    gpointer data;
    GByteArray *in, *out;
    GBytes *body; /* behind OUT, may be NULL */
    gsize sent;
    bool head; /* the request was HEAD */
    enum {
        HTTP_CONNECTION_READING,
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
    g_free(connection->address);
    g_free(connection);
}

static void http_connection_end(HttpConnection *connection)
{
    if (connection->state == HTTP_CONNECTION_GONE)
        return;
    connection->state = HTTP_CONNECTION_GONE;
    connection->ops->gone(connection, connection->data);
    uv_close((uv_handle_t *) &connection->poll, on_handle_closed);
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
}

void http_connection_close(HttpConnection *connection)
{
    http_connection_end(connection);
}

int http_connection_take(HttpConnection *connection, Account **account, char **address)
{
    int fd = connection->fd;

    *account = g_steal_pointer(&connection->account);
    *address = g_steal_pointer(&connection->address);
    connection->fd = -1;
    http_connection_end(connection);
    return fd;
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

static void on_ready(uv_poll_t *poll, int status, int events);

static gsize body_size(const HttpConnection *connection)
{
    return connection->body ? g_bytes_get_size(connection->body) : 0;
}

/* What is left of the answer's head or body goes out, as far as the socket takes it. */
static gssize http_connection_write(HttpConnection *connection)
{
    const GByteArray *out = connection->out;
    gsize sent = connection->sent;

    if (sent < out->len)
        return send(connection->fd, out->data + sent, out->len - sent,
                    MSG_NOSIGNAL | (body_size(connection) > 0 ? MSG_MORE : 0));
    sent -= out->len;
    return send(connection->fd, (const char *) g_bytes_get_data(connection->body, NULL) + sent,
                body_size(connection) - sent, MSG_NOSIGNAL);
}

static void http_connection_flush(HttpConnection *connection)
{
    gsize size = connection->out->len + body_size(connection);
    gssize n;

    while (connection->sent < size && (n = http_connection_write(connection)) > 0)
        connection->sent += (gsize) n;

    if (connection->sent < size) {
        if (errno != EAGAIN && errno != EINTR)
            http_connection_end(connection);
        return;
    }
    shutdown(connection->fd, SHUT_WR);
    connection->state = HTTP_CONNECTION_LINGERING;
    uv_poll_start(&connection->poll, UV_READABLE, on_ready);
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
    uv_poll_start(&connection->poll, UV_WRITABLE, on_ready);
    http_connection_flush(connection);
}

static void http_connection_request(HttpConnection *connection)
{
    g_auto(Handshake) handshake = {};
    const char *reason;
    int status = handshake_parse((const char *) connection->in->data, connection->in->len,
                                 &handshake, &reason);

    connection->head = handshake.head;
    if (status == 0)
        connection->ops->request(connection, &handshake, connection->data);
    else
        http_connection_answer(connection, status, reason, 0);
}

/* The end of a head in IN, of which the first SEEN bytes held none; 0: not yet. */
static guint find_end(const GByteArray *in, guint seen)
{
    guint from = seen > 3 ? seen - 3 : 0;
    const guint8 *end = memmem(in->data + from, in->len - from, "\r\n\r\n", 4);

    return end ? (guint) (end - in->data) + 4 : 0;
}

static void http_connection_read(HttpConnection *connection)
{
    GByteArray *in = connection->in;
    guint seen = in->len, end;
    gssize n;

    g_byte_array_set_size(in, HANDSHAKE_MAX);
    n = recv(connection->fd, in->data + seen, HANDSHAKE_MAX - seen, MSG_PEEK);
    g_byte_array_set_size(in, seen + (guint) MAX(n, 0));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        http_connection_end(connection);
        return;
    }
    end = find_end(in, seen);
    if (end > 0)
        g_byte_array_set_size(in, end);
    if (recv(connection->fd, in->data + seen, in->len - seen, 0) != (gssize) (in->len - seen))
        http_connection_end(connection); /* cannot be: it was there */
    else if (end > 0)
        http_connection_request(connection);
    else if (in->len == HANDSHAKE_MAX)
        http_connection_answer(connection, 431, "the request is too large", 0);
}

static void http_connection_discard(HttpConnection *connection)
{
    char buffer[4096];
    gssize n = recv(connection->fd, buffer, sizeof buffer, 0);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        http_connection_end(connection);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    HttpConnection *connection = poll->data;

    if (status < 0) {
        http_connection_end(connection);
        return;
    }
    switch (connection->state) {
    case HTTP_CONNECTION_READING:
        http_connection_read(connection);
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

HttpConnection *http_connection_new(uv_loop_t *loop, int fd, Account *account,
                                    const struct sockaddr *address, const HttpConnectionOps *ops,
                                    gpointer data)
{
    HttpConnection *connection = g_new0(HttpConnection, 1);

    connection->account = account;
    connection->address = address_to_string(address);
    connection->since = clock_monotonic();
    connection->link.data = connection;
    connection->fd = fd;
    connection->ops = ops;
    connection->data = data;
    connection->in = g_byte_array_new();
    uv_poll_init(loop, &connection->poll, fd);
    connection->poll.data = connection;
    uv_poll_start(&connection->poll, UV_READABLE, on_ready);
    return connection;
}
