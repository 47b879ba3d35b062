/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The largest packet that AF_UNIX takes is the sender's SO_SNDBUF less 32
 * bytes, and SO_SNDBUF is at most twice net.core.wmem_max: 425,952 bytes by
 * default, enough for our a=max-message-size. Where it is not enough nothing
 * is acquired, for there would be messages that we can neither pass on nor
 * refuse.
 *
 * An empty packet is an empty message, yet reading one looks like the end of
 * the file. So both ends have SO_TIMESTAMP: recvmsg() gives a control message
 * with each packet and none at the end.
 */

#include "config.h"

#include "peer/channel-fd.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "peer/peer-error.h"
#include "rtc/connection.h"

/* SO_SNDBUF; the kernel doubles it. */
#define SOCKET_BUFFER (256 * 1024)
#define PACKET_OVERHEAD 32
/* What one dispatch reads at most, so that the rest of the daemon gets its turn */
enum { READ_PACKETS = 64, READ_BYTES = 512 * 1024 };

typedef enum {
    CHANNEL_FD_OPEN,
    CHANNEL_FD_CLOSING,  /* the program has ended what it sends: the channel closes */
    CHANNEL_FD_DRAINING, /* the channel is gone: the program reads the rest */
    CHANNEL_FD_ENDED,
} ChannelFdState;

struct ChannelFd {
    Channel *channel; /* NULL once it is gone */
    ChannelFdState state;
    MessageKind kind;
    int socket;
    gsize max_size;
    guint reader, writer; /* GLib sources of the socket */
    GBytes *refused;      /* from the program: the channel was full */
    GQueue waiting;       /* of GBytes, to the program: the socket was full */
};

typedef enum {
    READ_MESSAGE,
    READ_NOTHING, /* for now */
    READ_END,
    READ_WRONG, /* a packet that is longer than a message may be */
} ReadResult;

static const char *channel_fd_state_to_string(ChannelFdState state)
{
    static const char *const names[] = {"open", "closing", "draining", "ended"};

    return names[state];
}

static void channel_fd_enter_state(ChannelFd *self, ChannelFdState state)
{
    if (self->state >= state)
        return;
    log_debug("acquired channel: %s → %s", channel_fd_state_to_string(self->state),
              channel_fd_state_to_string(state));
    self->state = state;
    if (state == CHANNEL_FD_CLOSING || state == CHANNEL_FD_ENDED)
        g_clear_handle_id(&self->reader, g_source_remove);
    if (state == CHANNEL_FD_ENDED) {
        g_clear_handle_id(&self->writer, g_source_remove);
        g_queue_clear_full(&self->waiting, (GDestroyNotify) g_bytes_unref);
        close(self->socket);
    }
}

static void channel_fd_clear(gpointer data)
{
    ChannelFd *self = data;

    channel_fd_enter_state(self, CHANNEL_FD_ENDED);
    g_clear_pointer(&self->refused, g_bytes_unref);
}

static void channel_fd_unref(ChannelFd *self)
{
    g_rc_box_release_full(self, channel_fd_clear);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChannelFd, channel_fd_unref)

/* ---- from the program to the channel ---------------------------------------- */

/* CHANNEL_CLOSED may come, and with it the last reference go. */
static void channel_fd_close_channel(ChannelFd *self)
{
    channel_fd_enter_state(self, CHANNEL_FD_CLOSING);
    if (self->channel)
        channel_close(self->channel);
}

static ReadResult read_packet(const ChannelFd *self, guint8 *buffer, gsize *length)
{
    char control[CMSG_SPACE(2 * sizeof(struct timespec))];
    struct iovec vector = {buffer, self->max_size};
    struct msghdr header = {.msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control};
    ssize_t n;

    /* ECONNRESET comes first if the program left something unread, then what it has sent. */
    do {
        n = recvmsg(self->socket, &header, MSG_DONTWAIT);
    } while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    if (n < 0)
        return errno == EAGAIN ? READ_NOTHING : READ_END;
    if (n == 0 && header.msg_controllen == 0)
        return READ_END;
    if (header.msg_flags & MSG_TRUNC)
        return READ_WRONG;
    *length = n;
    return READ_MESSAGE;
}

/* False if the channel takes no more now, or never will. */
static bool channel_fd_pass_on(ChannelFd *self, const guint8 *bytes, gsize length)
{
    g_autoptr(GError) error = NULL;

    if (channel_send(self->channel, self->kind, bytes, length, &error))
        return self->channel && !channel_is_congested(self->channel);
    if (g_error_matches(error, RTC_ERROR, RTC_ERROR_FULL)) {
        self->refused = g_bytes_new(bytes, length);
    } else {
        log_debug("acquired channel: a packet cannot be sent: %s", error->message);
        channel_fd_close_channel(self);
    }
    return false;
}

/* False if there is nothing more to read now. */
static bool channel_fd_read(ChannelFd *self, gsize *bytes_read)
{
    static guint8 buffer[2 * SOCKET_BUFFER]; /* one for all: there is one thread */
    gsize length = 0;

    switch (read_packet(self, buffer, &length)) {
    case READ_MESSAGE:
        *bytes_read += length;
        return channel_fd_pass_on(self, buffer, length);
    case READ_NOTHING:
        return false;
    case READ_WRONG:
        log_debug("acquired channel: a packet of more than %" G_GSIZE_FORMAT " bytes",
                  self->max_size);
        break;
    case READ_END:
        break;
    }
    channel_fd_close_channel(self);
    return false;
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer data)
{
    g_autoptr(ChannelFd) self = g_rc_box_acquire(data);
    gsize bytes = 0;

    for (guint n = 0; n < READ_PACKETS && bytes < READ_BYTES; n++) {
        if (!channel_fd_read(self, &bytes))
            break;
    }
    if (self->reader == 0 || self->channel == NULL)
        return G_SOURCE_REMOVE;
    if (!channel_is_congested(self->channel))
        return G_SOURCE_CONTINUE;
    self->reader = 0;
    return G_SOURCE_REMOVE;
}

void channel_fd_writable(ChannelFd *self)
{
    g_autoptr(ChannelFd) keep = g_rc_box_acquire(self);
    g_autoptr(GBytes) refused = g_steal_pointer(&self->refused);

    if (refused) {
        gsize length;
        const guint8 *bytes = g_bytes_get_data(refused, &length);

        if (!channel_fd_pass_on(self, bytes, length))
            return;
    }
    if (self->state == CHANNEL_FD_OPEN && self->reader == 0)
        self->reader = g_unix_fd_add(self->socket, G_IO_IN, on_readable, self);
}

/* ---- from the channel to the program ---------------------------------------- */

/* False if the socket is full. A program that is gone takes everything. */
static bool channel_fd_give(ChannelFd *self, const void *bytes, gsize length)
{
    return send(self->socket, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
           (errno != EAGAIN && errno != EINTR && errno != ENOBUFS && errno != ENOMEM);
}

static gboolean on_writable(int fd, GIOCondition condition, gpointer data)
{
    ChannelFd *self = data;

    while (!g_queue_is_empty(&self->waiting)) {
        gsize length;
        const void *bytes = g_bytes_get_data(g_queue_peek_head(&self->waiting), &length);

        if (!channel_fd_give(self, bytes, length))
            return G_SOURCE_CONTINUE;
        g_bytes_unref(g_queue_pop_head(&self->waiting));
    }
    self->writer = 0;
    if (self->channel)
        channel_hold(self->channel, false);
    else
        channel_fd_unref(self);
    return G_SOURCE_REMOVE;
}

void channel_fd_message(ChannelFd *self, const guint8 *bytes, gsize length)
{
    if (g_queue_is_empty(&self->waiting) && channel_fd_give(self, bytes, length))
        return;
    g_queue_push_tail(&self->waiting, g_bytes_new(bytes, length));
    channel_hold(self->channel, true);
    if (self->writer == 0)
        self->writer = g_unix_fd_add(self->socket, G_IO_OUT, on_writable, self);
}

/* ---- the object -------------------------------------------------------------- */

void channel_fd_finish(ChannelFd *self)
{
    g_clear_handle_id(&self->reader, g_source_remove);
    self->channel = NULL;
    if (g_queue_is_empty(&self->waiting)) {
        channel_fd_enter_state(self, CHANNEL_FD_ENDED);
        channel_fd_unref(self);
    } else {
        channel_fd_enter_state(self, CHANNEL_FD_DRAINING);
    }
}

/* The largest packet that SOCKET can send, or -1. */
static gssize prepare_socket(int socket)
{
    int size = SOCKET_BUFFER, on = 1;
    socklen_t length = sizeof size;

    if (setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) < 0 ||
        setsockopt(socket, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on) < 0 ||
        getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, &length) < 0)
        return -1;
    return size - PACKET_OVERHEAD;
}

static bool make_sockets(int sockets[2], gsize *max_size, GError **error)
{
    gssize ours, programs;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_FAILED, _("no socket for the channel: %s"),
                    g_strerror(errno));
        return false;
    }
    ours = prepare_socket(sockets[0]);
    programs = prepare_socket(sockets[1]);
    if (programs > 0 && ours >= CONNECTION_MAX_MESSAGE_SIZE) {
        *max_size = MIN((gsize) programs, 2 * SOCKET_BUFFER);
        return true;
    }
    g_set_error(error, PEER_ERROR, PEER_ERROR_FAILED,
                _("a message of %d bytes does not fit into a socket here: "
                  "net.core.wmem_max must be at least %d"),
                CONNECTION_MAX_MESSAGE_SIZE,
                (CONNECTION_MAX_MESSAGE_SIZE + PACKET_OVERHEAD + 1) / 2);
    close(sockets[0]);
    close(sockets[1]);
    return false;
}

ChannelFd *channel_fd_new(Channel *channel, MessageKind kind, int *program_fd, guint *max_size,
                          GError **error)
{
    gsize remote_max = channel_max_message_size(channel), fits = 0;
    ChannelFd *self;
    int sockets[2];

    if (remote_max == 0) {
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED,
                            _("the call is not connected yet"));
        return NULL;
    }
    if (!make_sockets(sockets, &fits, error))
        return NULL;
    self = g_rc_box_new0(ChannelFd);
    self->channel = channel;
    self->kind = kind;
    self->socket = sockets[0];
    self->max_size = MIN(remote_max, fits);
    g_queue_init(&self->waiting);
    self->reader = g_unix_fd_add(self->socket, G_IO_IN, on_readable, self);
    *program_fd = sockets[1];
    *max_size = self->max_size;
    return self;
}
