/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Where a program listens: ADDRESS:PORT, [ADDRESS]:PORT or unix:/PATH. An address and not a
 * name, so that it is clear who can connect.
 */

#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <sys/socket.h>

/* NULL if TEXT is none of them. Transfer full. */
GSocketAddress *listen_address_parse(const char *text);

/*
 * A socket that listens at ADDRESS. What a program that has died left at a path is replaced,
 * but no socket that is listened on and nothing that is no socket. At a path it is for its
 * owner and its group (mode 0660). Errors are G_IO_ERROR.
 */
GSocket *listen_address_open(GSocketAddress *address, int backlog, GError **error);

/*
 * bind() of a new socket to ADDRESS, also to one that this machine does not have,
 * or not yet, which the journal says of TEXT: it listens there from when the address comes (IP_FREEBIND,
 * ip(7)). -1 with errno.
 */
int listen_address_bind(int fd, const struct sockaddr *address, socklen_t length, const char *text);

/* Takes the path of SOCKET away, if it has one and it is still SOCKET's; before it is closed. */
void listen_address_remove(GSocket *socket);
