/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "files/file-wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd-source.h"

/* The longest message that comes (a=max-message-size) */
#define RECEIVE_SIZE (256 * 1024)
/* Packets taken in one dispatch */
enum { TURN = 32 };
/* So long, in seconds, the last packets may wait for the channel. */
enum { FLUSH_TIME = 2 };
/* Answers that the other side does not take: until it does, we read nothing more of it. */
enum { OUTBOX_MAX = 256 };

struct FileWire {
    int packets;
    gsize max_packet;
    const FileWireOps *ops;
    gpointer data;
    GQueue outbox; /* of GBytes: packets that the channel did not take yet */
    bool wanted;
    bool deaf; /* nothing comes any more */
    guint in, out;
};

static void wire_update(FileWire *wire);

gsize file_wire_max_data(const FileWire *wire)
{
    return wire->max_packet >= FILE_FRAME_MAX ? MIN(wire->max_packet - 1, FILE_DATA_MAX) : 0;
}

bool file_wire_is_full(const FileWire *wire)
{
    return wire->outbox.length > 0;
}

/* ---- out -------------------------------------------------------------------------- */

/* False if the channel takes no more now. That it is gone is found by reading. */
static bool try_send(const FileWire *wire, const void *packet, gsize length)
{
    return send(wire->packets, packet, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
           (errno != EAGAIN && errno != EINTR && errno != ENOBUFS && errno != ENOMEM);
}

static void wire_send(FileWire *wire, const void *packet, gsize length)
{
    if (file_wire_is_full(wire) || !try_send(wire, packet, length))
        g_queue_push_tail(&wire->outbox, g_bytes_new(packet, length));
    wire_update(wire);
}

void file_wire_send(FileWire *wire, const FileFrame *frame)
{
    gsize length;
    g_autofree char *packet = file_frame_write(frame, &length);

    wire_send(wire, packet, length);
}

void file_wire_send_data(FileWire *wire, guint8 *bytes, gsize length)
{
    bytes[-1] = 0;
    wire_send(wire, bytes - 1, length + 1);
}

static void wire_flush(FileWire *wire)
{
    while (file_wire_is_full(wire)) {
        gsize length;
        const void *packet = g_bytes_get_data(g_queue_peek_head(&wire->outbox), &length);

        if (!try_send(wire, packet, length))
            break;
        g_bytes_unref(g_queue_pop_head(&wire->outbox));
    }
}

static gboolean on_out(int fd, GIOCondition condition, gpointer data)
{
    FileWire *wire = data;

    wire_flush(wire);
    wire_update(wire); /* which may take this source away */
    if (wire->wanted && !wire->deaf && !file_wire_is_full(wire))
        wire->ops->writable(wire->data); /* and so may this, and WIRE with it */
    return G_SOURCE_CONTINUE;
}

/* ---- in --------------------------------------------------------------------------- */

/* WIRE may be gone afterwards, as `alive` says. */
static void wire_take(FileWire *wire, const guint8 *packet, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FileFrame) frame = NULL;

    if (packet[0] == 0 && wire->ops->data && length > 1)
        wire->ops->data(packet + 1, length - 1, wire->data);
    if (packet[0] != '{')
        return;
    frame = file_frame_parse((const char *) packet, length, &error);
    if (frame) {
        wire->ops->frame(frame, wire->data);
    } else {
        wire->deaf = true;
        wire_update(wire);
        wire->ops->broken(error, wire->data);
    }
}

static gboolean on_in(int fd, GIOCondition condition, gpointer data)
{
    static guint8 packet[RECEIVE_SIZE]; /* one for all: there is one thread */
    GSource *source = g_main_current_source();

    for (int turn = 0; turn < TURN; turn++) {
        FileWire *wire = data;
        ssize_t n = recv(fd, packet, sizeof packet, MSG_DONTWAIT);

        if (n < 0 && errno == ECONNRESET) /* told once, before what is there to read */
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            wire->deaf = true;
            wire->in = 0;
            wire_update(wire);
            wire->ops->cut(wire->data);
            return G_SOURCE_REMOVE;
        }
        wire_take(wire, packet, (gsize) n);
        if (g_source_is_destroyed(source)) /* WIRE is gone, or hears nothing now */
            return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

/* ---- the object -------------------------------------------------------------------- */

static void wire_update(FileWire *wire)
{
    bool in = !wire->deaf && wire->outbox.length < OUTBOX_MAX;
    bool out = file_wire_is_full(wire) || (wire->wanted && !wire->deaf);

    if (in && wire->in == 0)
        wire->in = fd_source_add(wire->packets, G_IO_IN, on_in, wire);
    else if (!in)
        g_clear_handle_id(&wire->in, g_source_remove);
    if (out && wire->out == 0)
        wire->out = fd_source_add(wire->packets, G_IO_OUT, on_out, wire);
    else if (!out)
        g_clear_handle_id(&wire->out, g_source_remove);
}

void file_wire_want(FileWire *wire, bool wanted)
{
    wire->wanted = wanted;
    wire_update(wire);
}

FileWire *file_wire_new(int packets, gsize max_packet, const FileWireOps *ops, gpointer data)
{
    FileWire *wire = g_new0(FileWire, 1);

    wire->packets = packets;
    wire->max_packet = max_packet;
    wire->ops = ops;
    wire->data = data;
    g_queue_init(&wire->outbox);
    wire_update(wire);
    return wire;
}

/* The last frame says why it ends: it is worth some waiting. */
static void wire_flush_all(FileWire *wire)
{
    gint64 end = clock_monotonic() + FLUSH_TIME * G_USEC_PER_SEC;
    struct pollfd room = {.fd = wire->packets, .events = POLLOUT};

    wire_flush(wire);
    while (!wire->deaf && file_wire_is_full(wire) && clock_monotonic() < end) {
        poll(&room, 1, FLUSH_TIME * 1000 / 10);
        wire_flush(wire);
    }
}

void file_wire_free(FileWire *wire)
{
    if (!wire)
        return;
    wire_flush_all(wire);
    g_clear_handle_id(&wire->in, g_source_remove);
    g_clear_handle_id(&wire->out, g_source_remove);
    g_queue_clear_full(&wire->outbox, (GDestroyNotify) g_bytes_unref);
    close(wire->packets);
    g_free(wire);
}
