/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The bytes of one connection, whether they go over its socket as they are or
 * through TLS (tls-wire.h). Its owner polls the socket, which is level-triggered:
 * nothing that has come waits in the wire but what its owner has put back.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/uio.h>

#include "relay/quota.h"

#define WIRE_INPUT 8192        /* bytes of the socket at a time */
#define WIRE_BUFFER (32 << 10) /* what they can become together with what came before */

typedef struct Wire Wire;

typedef struct {
    gssize (*receive)(Wire *wire, char *buffer);
    gssize (*send)(Wire *wire, const struct iovec *pieces, guint n);
    /* What was taken to be sent, or belongs to the beginning, waits for a socket that was full:
     * send() again, even nothing, when it can be written to. */
    bool (*owes)(const Wire *wire);
    /* Bytes that the wire keeps of what has come, and of what goes */
    gsize (*held)(const Wire *wire);
    /* Nothing will be sent any more; the other side is told. */
    void (*finish)(Wire *wire);
    void (*clear)(Wire *wire);
} WireOps;

/* Kept by value and moved by assignment: the former place is not used any more. */
struct Wire {
    const WireOps *ops; /* NULL: there is no connection */
    int fd;
    gpointer session; /* of the ops */
    GBytes *ahead;    /* what its owner has put back, or NULL */
    Quota *quota;     /* to which `charged` is charged, or NULL */
    gsize charged;
};

/* FD, a connected socket that does not block, is the wire's from now on. */
Wire wire_plain(int fd);

/* Into BUFFER, of WIRE_BUFFER bytes: how many. 0: the other side has ended. -1 and errno: EAGAIN
 * (nothing for now), or the connection is dead. */
gssize wire_receive(Wire *wire, char *buffer);

/* DATA is what the next wire_receive() gives; there is nothing put back yet. */
void wire_put_back(Wire *wire, const char *data, gsize length);

/* How much of PIECES was taken; -1 and errno: EAGAIN (none for now), or the connection is dead. */
gssize wire_send(Wire *wire, const struct iovec *pieces, guint n);
bool wire_owes(const Wire *wire);
void wire_finish(Wire *wire);

/* What the wire keeps, beside its socket; it is charged to QUOTA from now on. */
gsize wire_held(const Wire *wire);
void wire_charge_to(Wire *wire, Quota *quota);

/* Whether there are signs of life from within the last so many µs, though nothing that was read. The
 * answer to a ping may be there unread, if it is we who were slow. Or the ping still waits behind what
 * a slow link carries: whose machine goes on acknowledging that is there. One without power does not,
 * and one on which only the program has stopped acknowledges all, the ping as well, and is silent. */
bool wire_is_alive(const Wire *wire, gint64 within);

/* The connection is dead to both sides at once; the next wire_receive() says so. */
void wire_kill(Wire *wire);

/* Closes the socket, once whoever polls it does not any more. */
void wire_clear(Wire *wire);
