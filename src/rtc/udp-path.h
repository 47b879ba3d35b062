/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The fast way for a selected pair that carries much: a second UDP socket on
 * the address that libnice's socket is bound to. The kernel gives it what is
 * not STUN (RFC 7983), so libnice goes on with its checks and consent as if
 * nothing had happened.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

typedef struct UdpPath UdpPath;

/*
 * SOCKET is libnice's, bound; REMOTE is where packets go. RECEIVE gets a
 * bounded number of packets each time the main loop comes round. NULL with
 * ERROR if the kernel cannot do it: then nothing has changed.
 */
UdpPath *udp_path_new(int socket, const struct sockaddr *remote, socklen_t remote_length,
                      void (*receive)(const guint8 *packet, gsize length, gpointer data),
                      gpointer data, GError **error);
void udp_path_free(UdpPath *path);

/*
 * Adds a packet to the batch. A batch is sent when it is full, or when the
 * main loop comes round: as one system call where the kernel can (UDP_SEGMENT).
 */
void udp_path_send(UdpPath *path, const guint8 *packet, gsize length);
