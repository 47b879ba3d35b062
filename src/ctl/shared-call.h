/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A call that carries channels for rtcbusctl: one that is there, or a new one. */

#pragma once

#include "ctl/client.h"

typedef struct SharedCall SharedCall;

/* Both come from the main loop, and may call shared_call_free(). */
typedef struct {
    void (*connected)(gpointer data);
    /* It has ended, connected or not: STREAM_ERROR_ENDED. Nothing comes afterwards. */
    void (*ended)(const GError *error, gpointer data);
} SharedCallOps;

/* A call with PEER; one is placed if there is none that is connected. OPS is kept by reference. */
SharedCall *shared_call_new(BusClient *client, const char *peer, const SharedCallOps *ops,
                            gpointer data, GError **error);

/* Hangs up what shared_call_new() placed, unless somebody else uses it by now. */
void shared_call_free(SharedCall *call);

bool shared_call_is_connected(const SharedCall *call);

/*
 * Opens a channel and acquires it. FD is -1 with ERROR, else the receiver's. The
 * call may be freed before it comes.
 */
typedef void (*SharedCallOpened)(int fd, gsize max_packet, const GError *error, gpointer data);
void shared_call_open(SharedCall *call, const char *label, const char *protocol,
                      SharedCallOpened opened, gpointer data);

/*
 * DONE comes when the channels of shared_call_open() have gone, and with them all that
 * was sent on them; at once if the call is not ours, or is over. `ended` does not come any more.
 */
void shared_call_settle(SharedCall *call, void (*done)(gpointer data), gpointer data);

/* Acquires the channel at PATH: the socket, or -1. */
int channel_acquire(BusClient *client, const char *path, gsize *max_packet, GError **error);
