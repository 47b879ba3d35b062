/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libnice reads a socket until it is empty. Under load, or in a flood of what
 * it hands to nobody (STUN, a stranger's packets), that is never, and meanwhile
 * no timer fires and no D-Bus call is answered. It has no option against it,
 * but it reads with g_socket_receive_message() and sends with
 * g_socket_send_message(), and finds both as the dynamic linker does: the
 * program comes before its libraries (ELF's rule of the first definition). The
 * two are defined here, and hand on to GIO's.
 *
 * After 32 packets of one socket in one turn the answer is "would block". The
 * packets stay in the kernel's buffer, and poll(), which tells levels, wakes the
 * context again in the next round of the main loop, after everybody else. So
 * nothing is lost but what that buffer cannot hold.
 *
 * Only a thread that is within a turn is counted. GIO itself binds to its own
 * functions, and its worker threads have no turn.
 */

#include <config.h>

#include "rtc/ice/socket-turn.h"

#include <dlfcn.h>
#include <string.h>

#define LOOK_AT 512 /* bytes of a packet in pieces: no STUN of interest is longer */

static _Thread_local struct {
    bool running;
    const GSocket *socket; /* the last one that was read */
    guint reads;           /* of it, one after the other */
    const SocketWatchOps *ops;
    gpointer data;
} turn;

void socket_turn_set_watch(const SocketWatchOps *ops, gpointer data)
{
    turn.ops = ops;
    turn.data = data;
}

void socket_turn_begin(const SocketWatchOps *ops, gpointer data)
{
    turn.running = true;
    turn.socket = NULL;
    turn.reads = 0;
    socket_turn_set_watch(ops, data);
}

void socket_turn_end(void)
{
    turn.running = false;
    if (turn.ops && turn.ops->over)
        turn.ops->over(turn.data);
}

/* GIO's own, which ours hides. */
static gpointer next_definition(const char *name)
{
    gpointer function = dlsym(RTLD_NEXT, name);

    if (!function)
        g_error("GIO has no %s()", name);
    return function;
}

/* ---- what comes in -------------------------------------------------------- */

/* libnice reads each socket of a context in one go, one after the other. */
static bool may_read(const GSocket *socket)
{
    if (socket != turn.socket) {
        turn.socket = socket;
        turn.reads = 0;
    }
    return turn.reads++ < SOCKET_TURN_READS;
}

static gssize would_block(GError **error)
{
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "enough for one turn");
    return -1;
}

typedef gssize (*Receive)(GSocket *, GSocketAddress **, GInputVector *, gint,
                          GSocketControlMessage ***, gint *, gint *, GCancellable *, GError **);

gssize g_socket_receive_message(GSocket *socket, GSocketAddress **address, GInputVector *vectors,
                                gint num_vectors, GSocketControlMessage ***messages,
                                gint *num_messages, gint *flags, GCancellable *cancellable,
                                GError **error)
{
    static Receive receive;
    gssize length;

    if (!receive)
        receive = (Receive) next_definition("g_socket_receive_message");
    for (;;) {
        if (turn.running && !may_read(socket))
            return would_block(error);
        length = receive(socket, address, vectors, num_vectors, messages, num_messages, flags,
                         cancellable, error);
        if (length <= 0 || !turn.running || !turn.ops || !vectors ||
            turn.ops->may_receive(address ? *address : NULL, vectors->buffer,
                                  MIN((gsize) length, vectors->size), turn.data))
            return length;
        if (address)
            g_clear_object(address);
    }
}

/* ---- what goes out -------------------------------------------------------- */

static gsize total(const GOutputVector *vectors, gint n)
{
    gsize length = 0;

    for (gint i = 0; i < n; i++)
        length += vectors[i].size;
    return length;
}

/* A packet in one piece, or the beginning of one in several. */
static bool watch_allows(GSocket *socket, GSocketAddress *to, const GOutputVector *vectors, gint n)
{
    guint8 bytes[LOOK_AT];
    gsize length = 0;

    if (n == 1)
        return turn.ops->may_send(socket, to, vectors->buffer, vectors->size, turn.data);
    for (gint i = 0; i < n; i++) {
        gsize piece = MIN(vectors[i].size, sizeof bytes - length);

        memcpy(bytes + length, vectors[i].buffer, piece);
        length += piece;
    }
    return turn.ops->may_send(socket, to, bytes, length, turn.data);
}

typedef gssize (*Send)(GSocket *, GSocketAddress *, GOutputVector *, gint, GSocketControlMessage **,
                       gint, gint, GCancellable *, GError **);

gssize g_socket_send_message(GSocket *socket, GSocketAddress *address, GOutputVector *vectors,
                             gint num_vectors, GSocketControlMessage **messages, gint num_messages,
                             gint flags, GCancellable *cancellable, GError **error)
{
    static Send send;

    if (!send)
        send = (Send) next_definition("g_socket_send_message");
    if (turn.running && turn.ops && num_vectors > 0 &&
        !watch_allows(socket, address, vectors, num_vectors))
        return (gssize) total(vectors, num_vectors);
    return send(socket, address, vectors, num_vectors, messages, num_messages, flags, cancellable,
                error);
}
