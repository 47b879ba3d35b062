/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* See wire.h; here is the plain one. */

#include <config.h>

#include "relay/wire.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static gssize plain_receive(Wire *wire, char *buffer)
{
    return recv(wire->fd, buffer, WIRE_INPUT, MSG_DONTWAIT);
}

static gssize plain_send(Wire *wire, const struct iovec *pieces, guint n)
{
    struct msghdr message = {.msg_iov = (struct iovec *) pieces, .msg_iovlen = n};

    return sendmsg(wire->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool plain_owes(const Wire *wire)
{
    return false;
}

static void plain_finish(Wire *wire)
{
    shutdown(wire->fd, SHUT_WR);
}

static void plain_clear(Wire *wire)
{
}

Wire wire_plain(int fd)
{
    static const WireOps ops = {plain_receive, plain_send, plain_owes, plain_finish, plain_clear};

    return (Wire){.ops = &ops, .fd = fd};
}

gssize wire_receive(Wire *wire, char *buffer)
{
    GBytes *ahead = g_steal_pointer(&wire->ahead);
    gsize size;

    if (!ahead)
        return wire->ops->receive(wire, buffer);
    size = g_bytes_get_size(ahead);
    memcpy(buffer, g_bytes_get_data(ahead, NULL), size);
    g_bytes_unref(ahead);
    return (gssize) size;
}

void wire_put_back(Wire *wire, const char *data, gsize length)
{
    g_return_if_fail(!wire->ahead && length <= WIRE_BUFFER);
    if (length > 0)
        wire->ahead = g_bytes_new(data, length);
}

gssize wire_send(Wire *wire, const struct iovec *pieces, guint n)
{
    return wire->ops->send(wire, pieces, n);
}

bool wire_owes(const Wire *wire)
{
    return wire->ops->owes(wire);
}

void wire_finish(Wire *wire)
{
    wire->ops->finish(wire);
}

void wire_kill(Wire *wire)
{
    if (wire->ops)
        shutdown(wire->fd, SHUT_RDWR);
}

void wire_clear(Wire *wire)
{
    if (!wire->ops)
        return;
    wire->ops->clear(wire);
    g_clear_pointer(&wire->ahead, g_bytes_unref);
    close(wire->fd);
    *wire = (Wire){};
}
