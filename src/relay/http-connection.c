/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See visitor.h. The request's head is looked for in what the socket holds
 * before it is taken out, so that frames sent right behind it stay there for
 * libwebsockets. An answer is followed by a lingering close: closing with
 * input unread would reset the connection and take the answer with it
 * (RFC 9112 section 9.6).
 */

#include <config.h>

#include "relay/http-connection.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "relay/listener.h"

static void on_handle_closed(uv_handle_t *handle)
{
    Visitor *visitor = handle->data;

    g_clear_pointer(&visitor->in, g_byte_array_unref);
    g_clear_pointer(&visitor->out, g_byte_array_unref);
    g_clear_pointer(&visitor->body, g_bytes_unref);
    g_free(visitor->address);
    g_free(visitor);
}

static void visitor_end(Visitor *visitor)
{
    if (visitor->state == VISITOR_GONE)
        return;
    visitor->state = VISITOR_GONE;
    visitor->events->gone(visitor, visitor->data);
    uv_close((uv_handle_t *) &visitor->poll, on_handle_closed);
    if (visitor->fd >= 0)
        close(visitor->fd);
    visitor->fd = -1;
}

void visitor_close(Visitor *visitor)
{
    visitor_end(visitor);
}

int visitor_take(Visitor *visitor)
{
    int fd = visitor->fd;

    visitor->fd = -1;
    visitor_end(visitor);
    return fd;
}

static void on_ready(uv_poll_t *poll, int status, int events);

static gsize body_size(const Visitor *visitor)
{
    return visitor->body ? g_bytes_get_size(visitor->body) : 0;
}

/* What is left of the answer's head or body goes out, as far as the socket takes it. */
static gssize visitor_write(Visitor *visitor)
{
    const GByteArray *out = visitor->out;
    gsize sent = visitor->sent;

    if (sent < out->len)
        return send(visitor->fd, out->data + sent, out->len - sent,
                    MSG_NOSIGNAL | (body_size(visitor) > 0 ? MSG_MORE : 0));
    sent -= out->len;
    return send(visitor->fd, (const char *) g_bytes_get_data(visitor->body, NULL) + sent,
                body_size(visitor) - sent, MSG_NOSIGNAL);
}

static void visitor_flush(Visitor *visitor)
{
    gsize size = visitor->out->len + body_size(visitor);
    gssize n;

    while (visitor->sent < size && (n = visitor_write(visitor)) > 0)
        visitor->sent += (gsize) n;

    if (visitor->sent < size) {
        if (errno != EAGAIN && errno != EINTR)
            visitor_end(visitor);
        return;
    }
    shutdown(visitor->fd, SHUT_WR);
    visitor->state = VISITOR_LINGERING;
    uv_poll_start(&visitor->poll, UV_READABLE, on_ready);
}

void visitor_answer(Visitor *visitor, int status, const char *text, guint retry_after)
{
    g_autofree char *answer = handshake_answer(status, text, retry_after, !visitor->head);

    visitor_send(visitor, answer, NULL);
}

void visitor_send(Visitor *visitor, const char *head, GBytes *body)
{
    visitor->out = g_byte_array_new_take((guint8 *) g_strdup(head), strlen(head));
    visitor->body = body ? g_bytes_ref(body) : NULL;
    visitor->state = VISITOR_ANSWERING;
    uv_poll_start(&visitor->poll, UV_WRITABLE, on_ready);
    visitor_flush(visitor);
}

static void visitor_request(Visitor *visitor)
{
    g_auto(Handshake) handshake = {};
    const char *reason;
    int status = handshake_parse((const char *) visitor->in->data, visitor->in->len, &handshake,
                                 &reason);

    visitor->head = handshake.head;
    if (status == 0)
        visitor->events->request(visitor, &handshake, visitor->data);
    else
        visitor_answer(visitor, status, reason, 0);
}

/* The end of a head in IN, of which the first SEEN bytes held none; 0: not yet. */
static guint find_end(const GByteArray *in, guint seen)
{
    guint from = seen > 3 ? seen - 3 : 0;
    const guint8 *end = memmem(in->data + from, in->len - from, "\r\n\r\n", 4);

    return end ? (guint) (end - in->data) + 4 : 0;
}

static void visitor_read(Visitor *visitor)
{
    GByteArray *in = visitor->in;
    guint seen = in->len, end;
    gssize n;

    g_byte_array_set_size(in, HANDSHAKE_MAX);
    n = recv(visitor->fd, in->data + seen, HANDSHAKE_MAX - seen, MSG_PEEK);
    g_byte_array_set_size(in, seen + (guint) MAX(n, 0));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        visitor_end(visitor);
        return;
    }
    end = find_end(in, seen);
    if (end > 0)
        g_byte_array_set_size(in, end);
    if (recv(visitor->fd, in->data + seen, in->len - seen, 0) != (gssize) (in->len - seen))
        visitor_end(visitor); /* cannot be: it was there */
    else if (end > 0)
        visitor_request(visitor);
    else if (in->len == HANDSHAKE_MAX)
        visitor_answer(visitor, 431, "the request is too large", 0);
}

static void visitor_discard(Visitor *visitor)
{
    char buffer[4096];
    gssize n = recv(visitor->fd, buffer, sizeof buffer, 0);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        visitor_end(visitor);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    Visitor *visitor = poll->data;

    if (status < 0) {
        visitor_end(visitor);
        return;
    }
    switch (visitor->state) {
    case VISITOR_READING:
        visitor_read(visitor);
        break;
    case VISITOR_ANSWERING:
        visitor_flush(visitor);
        break;
    case VISITOR_LINGERING:
        visitor_discard(visitor);
        break;
    case VISITOR_GONE:
        break;
    }
}

Visitor *visitor_new(uv_loop_t *loop, int fd, Account *account, const struct sockaddr *address,
                     const VisitorEvents *events, gpointer data)
{
    Visitor *visitor = g_new0(Visitor, 1);

    visitor->account = account;
    visitor->address = address_to_string(address);
    visitor->since = g_get_monotonic_time();
    visitor->link.data = visitor;
    visitor->fd = fd;
    visitor->events = events;
    visitor->data = data;
    visitor->in = g_byte_array_new();
    uv_poll_init(loop, &visitor->poll, fd);
    visitor->poll.data = visitor;
    uv_poll_start(&visitor->poll, UV_READABLE, on_ready);
    return visitor;
}
