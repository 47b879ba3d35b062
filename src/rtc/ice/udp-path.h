/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The fast way for a selected pair that carries much: a second UDP socket on
 * the address that libnice's socket is bound to. The kernel gives it what comes
 * from the pair's remote and is not STUN (RFC 7983), so libnice goes on with its
 * checks and consent as if nothing had happened.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "rtc/transport.h"

typedef struct UdpPath UdpPath;

typedef struct {
    /* A bounded number of packets each time the main loop comes round. */
    void (*receive)(guint8 *packet, gsize length, gpointer data);
    /* Packets came faster than they were read, and the kernel has thrown some
     * away: it keeps ROOM bytes, its own needs included. */
    void (*overflow)(gsize room, gpointer data);
} UdpPathUser;

/*
 * SOCKET is libnice's, bound; REMOTE is where packets go; USER is kept by
 * reference. NULL with ERROR if the kernel cannot do it: then nothing has
 * changed.
 */
UdpPath *udp_path_new(int socket, const struct sockaddr *remote, socklen_t remote_length,
                      const UdpPathUser *user, gpointer data, GError **error);
void udp_path_free(UdpPath *path);

/* Hands up what has come but was not read: before it is freed, if that still counts. */
void udp_path_drain(UdpPath *path);

/*
 * Adds a packet to the batch. A batch is sent when it is full, or when the
 * main loop comes round: as one system call where the kernel can (UDP_SEGMENT).
 */
void udp_path_send(UdpPath *path, const guint8 *packet, gsize length);

/* As path_sizes(), for its own socket. */
guint udp_path_sizes(UdpPath *path, gsize sizes[TRANSPORT_SIZES_MAX]);
