/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libnats's socket in a libuv loop. libnats comes with an adapter for that, which may be called from any
 * thread and needs eight system calls and two turns of the loop for what is sent. This one is for a loop
 * whose thread makes all calls of libnats, and needs one system call.
 */

#pragma once

#include <nats/nats.h>
#include <uv.h>

typedef struct ClusterSocket ClusterSocket;

/* LOOP's data is the ClusterSocket, as long as there is one. */
void cluster_socket_use(natsOptions *options, uv_loop_t *loop);

/* Writes what was published, and what the socket does not take as soon as it does. To be called
 * before LOOP waits. SOCKET may be NULL. */
void cluster_socket_write(ClusterSocket *socket);

/* As shutdown(2). SOCKET may be NULL. */
void cluster_socket_shut(const ClusterSocket *socket, int how);
