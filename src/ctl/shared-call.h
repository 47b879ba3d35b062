/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A call that carries channels for rtcbusctl: one that is there, or a new one. */

#pragma once

#include "ctl/client.h"

typedef struct SharedCall SharedCall;

/* A connected call with PEER; one is placed if there is none, and waited for:
 * the main context runs meanwhile. */
SharedCall *shared_call_open(BusClient *client, const char *peer, GCancellable *cancellable, GError **error);

/* Hangs up what shared_call_open() placed, unless somebody else uses it by now. */
void shared_call_close(SharedCall *shared);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SharedCall, shared_call_close)

/* False once the call is over. */
bool shared_call_is_connected(const SharedCall *shared);
const char *shared_call_path(const SharedCall *shared); /* the object path */

/* Opens a channel for a stream (common/stream.h) and acquires it: the socket, or -1. */
int shared_call_open_stream(SharedCall *shared, const char *label, gsize *max_packet, GError **error);

/* The same while the main loop goes on. FD is -1 with ERROR, else the receiver's. SHARED
 * may be closed before it comes. */
typedef void (*SharedCallOpened)(int fd, gsize max_packet, const GError *error, gpointer data);
void shared_call_open_stream_async(SharedCall *shared, const char *label, SharedCallOpened opened,
                               gpointer data);

/* Acquires the channel at PATH: the socket, or -1. */
int channel_acquire(BusClient *client, const char *path, gsize *max_packet, GError **error);
