/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What libnice may do with its sockets in one turn of the main loop: read a
 * bounded number of packets, and send what its watch allows. See socket-turn.c
 * for how its calls come here.
 */

#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>

/* Packets that one socket gives in one turn; the others stay where they are, for the next. */
#define SOCKET_TURN_READS 32

/* Called within libnice, under its lock: nothing of libnice may be called. */
typedef struct {
    /* False: the packet is not sent, and libnice believes that it was. TO is NULL where SOCKET
     * is connected. */
    bool (*may_send)(GSocket *socket, GSocketAddress *to, const guint8 *packet, gsize length,
                     gpointer data);
    /* False: libnice does not get to know of it. */
    bool (*may_receive)(GSocketAddress *from, const guint8 *packet, gsize length, gpointer data);
    /* The turn is over, and libnice is done. May be NULL. */
    void (*over)(gpointer data);
} SocketWatchOps;

/*
 * From here to the end, for this thread alone. OPS is kept by reference, and may be NULL: then
 * only the reads are counted. Turns do not nest.
 */
void socket_turn_begin(const SocketWatchOps *ops, gpointer data);
void socket_turn_end(void);

/* Another watch for the rest of the turn. */
void socket_turn_set_watch(const SocketWatchOps *ops, gpointer data);
