/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* See wire.h; here is the plain one. */

#include <config.h>

#include "relay/wire.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
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

static gsize plain_held(const Wire *wire)
{
    return 0;
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
    static const WireOps ops = {plain_receive, plain_send,   plain_owes,
                                plain_held,    plain_finish, plain_clear};

    return (Wire){.ops = &ops, .fd = fd};
}

gsize wire_held(const Wire *wire)
{
    return !wire->ops ? 0
                      : wire->ops->held(wire) + (wire->ahead ? g_bytes_get_size(wire->ahead) : 0);
}

static void charge(Wire *wire)
{
    gsize held = wire_held(wire);

    if (!wire->quota || held == wire->charged)
        return;
    quota_release(wire->quota, wire->charged);
    quota_charge(wire->quota, held);
    wire->charged = held;
}

void wire_charge_to(Wire *wire, Quota *quota)
{
    wire->quota = quota;
    charge(wire);
}

gssize wire_receive(Wire *wire, char *buffer)
{
    g_autoptr(GBytes) ahead = g_steal_pointer(&wire->ahead);
    gssize size;

    if (ahead) {
        size = (gssize) g_bytes_get_size(ahead);
        memcpy(buffer, g_bytes_get_data(ahead, NULL), (gsize) size);
    } else {
        size = wire->ops->receive(wire, buffer);
    }
    charge(wire);
    return size;
}

void wire_put_back(Wire *wire, const char *data, gsize length)
{
    g_return_if_fail(!wire->ahead && length <= WIRE_BUFFER);
    if (length > 0)
        wire->ahead = g_bytes_new(data, length);
}

gssize wire_send(Wire *wire, const struct iovec *pieces, guint n)
{
    gssize sent = wire->ops->send(wire, pieces, n);

    charge(wire);
    return sent;
}

bool wire_owes(const Wire *wire)
{
    return wire->ops->owes(wire);
}

void wire_finish(Wire *wire)
{
    wire->ops->finish(wire);
}

bool wire_is_alive(const Wire *wire, gint64 within)
{
    int unread = 0, waiting = 0;
    struct tcp_info info;
    socklen_t size = sizeof info;

    if (ioctl(wire->fd, FIONREAD, &unread) == 0 && unread > 0)
        return true;
    return ioctl(wire->fd, SIOCOUTQ, &waiting) == 0 && waiting > 0 &&
           getsockopt(wire->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           info.tcpi_last_ack_recv < within / 1000;
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
    if (wire->quota)
        quota_release(wire->quota, wire->charged);
    wire->ops->clear(wire);
    g_clear_pointer(&wire->ahead, g_bytes_unref);
    close(wire->fd);
    *wire = (Wire){};
}
