/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A call that carries channels for rtcbusctl: one that is there, or a new one. */

#pragma once

#include "ctl/client.h"

typedef struct Session Session;

/* A connected call with PEER; one is placed if there is none, and waited for:
 * the main context runs meanwhile. */
Session *session_open(Client *client, const char *peer, GCancellable *cancellable, GError **error);

/* Hangs up what session_open() placed, unless somebody else uses it by now. */
void session_close(Session *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_close)

/* False once the call is over. */
bool session_is_connected(const Session *session);
const char *session_call(const Session *session); /* the object path */

/* Opens a channel for a stream (common/stream.h) and acquires it: the socket, or -1. */
int session_open_stream(Session *session, const char *label, gsize *max_packet, GError **error);

/* The same while the main loop goes on. FD is -1 with ERROR, else the receiver's. The session
 * may be closed before it comes. */
typedef void (*SessionOpened)(int fd, gsize max_packet, const GError *error, gpointer data);
void session_open_stream_async(Session *session, const char *label, SessionOpened opened,
                               gpointer data);

/* Acquires the channel at PATH: the socket, or -1. */
int channel_acquire(Client *client, const char *path, gsize *max_packet, GError **error);
