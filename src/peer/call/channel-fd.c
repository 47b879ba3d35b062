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

#include <config.h>

#include "peer/call/channel-fd.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/message-queue.h"
#include "common/turn-tasks.h"
#include "common/fd-source.h"
#include "peer/error.h"
#include "rtc/connection.h"

/* SO_SNDBUF; the kernel doubles it. */
#define SOCKET_BUFFER (256 * 1024)
#define PACKET_OVERHEAD 32
/* Read with one system call, and in one dispatch, so that the rest of the daemon gets its turn:
 * many if the last ones were small. The socket does not hold more than half a megabyte. */
enum { READ_PACKETS = 32, READ_SMALL_PACKETS = 128 };
/* Given to the program at the end of the round, with one system call, unless there is so much */
enum { GIVE_PACKETS = 64, GIVE_BYTES = 64 * 1024 };
/* A message of this length is not small, and not worth being copied to wait for others. */
#define LARGE_MESSAGE 4096

typedef enum {
    CHANNEL_FD_OPEN,
    CHANNEL_FD_ENDING,   /* the program has ended what it sends, and some of that waits here */
    CHANNEL_FD_CLOSING,  /* the channel closes with it */
    CHANNEL_FD_DRAINING, /* the channel is gone: the program reads the rest */
    CHANNEL_FD_ENDED,    /* the descriptor is closed; the channel may still be closing */
} ChannelFdState;

struct ChannelFd {
    Channel *channel; /* NULL once it is gone */
    ChannelFdState state;
    MessageKind kind;
    int socket;
    gsize max_size;
    guint read_packets;   /* how many at a time */
    guint reader, writer; /* GLib sources of the socket */
    MessageQueue refused; /* from the program, of one dispatch: the channel was full */
    MessageQueue waiting; /* to the program: for the end of the round, or for room */
    TurnTask giver;
};

typedef union {
    struct cmsghdr header;
    char space[CMSG_SPACE(2 * sizeof(struct timespec))];
} FdControl;

static const char *channel_fd_state_to_string(ChannelFdState state)
{
    static const char *const names[] = {"open", "ending", "closing", "draining", "ended"};

    return names[state];
}

static void channel_fd_enter_state(ChannelFd *self, ChannelFdState state)
{
    if (self->state >= state)
        return;
    log_debug("acquired channel: %s → %s", channel_fd_state_to_string(self->state),
              channel_fd_state_to_string(state));
    self->state = state;
    if (state != CHANNEL_FD_DRAINING)
        g_clear_handle_id(&self->reader, g_source_remove);
    if (state == CHANNEL_FD_ENDED) {
        g_clear_handle_id(&self->writer, g_source_remove);
        turn_task_cancel(&self->giver);
        message_queue_clear(&self->waiting);
        close(self->socket);
    }
}

static void channel_fd_clear(gpointer data)
{
    ChannelFd *self = data;

    channel_fd_enter_state(self, CHANNEL_FD_ENDED);
    message_queue_clear(&self->refused);
}

static void channel_fd_unref(ChannelFd *self)
{
    g_rc_box_release_full(self, channel_fd_clear);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChannelFd, channel_fd_unref)

/* ---- from the program to the channel ---------------------------------------- */

/* The program has closed the other end: nobody will read what still comes. */
static gboolean on_hangup(int fd, GIOCondition condition, gpointer data)
{
    ChannelFd *self = data;

    self->reader = 0;
    channel_fd_enter_state(self, CHANNEL_FD_ENDED);
    channel_hold(self->channel, false);
    return G_SOURCE_REMOVE;
}

/* CHANNEL_CLOSED may come, and with it the last reference go. Or the remote takes its time: it is
 * not to keep the descriptor of a program that is gone. */
static void channel_fd_close_channel(ChannelFd *self)
{
    bool first = self->state < CHANNEL_FD_CLOSING;

    channel_fd_enter_state(self, CHANNEL_FD_CLOSING);
    if (self->channel)
        channel_close(self->channel);
    if (self->channel && first)
        self->reader = fd_source_add(self->socket, 0, on_hangup, self);
}

/*
 * Where packets are read to, one array for all channels: there is one thread.
 * A socket does not hold more than its buffer, so of the slots behind the first
 * ones only the beginnings are ever touched; they would cost their whole size
 * in huge pages.
 */
static struct mmsghdr *slots(void)
{
    enum {
        SIZE = 2 * SOCKET_BUFFER,
        /* Slots that began at the same place in a page would share few cache lines. */
        STRIDE = SIZE + 4096 + 192,
    };
    static struct mmsghdr packets[READ_SMALL_PACKETS];
    static struct iovec vectors[READ_SMALL_PACKETS];
    static FdControl controls[READ_SMALL_PACKETS];
    guint8 *space;

    if (packets[0].msg_hdr.msg_iov)
        return packets;
    space = mmap(NULL, (gsize) READ_SMALL_PACKETS * STRIDE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED)
        g_error("no address space for packets: %s", g_strerror(errno));
    madvise(space, (gsize) READ_SMALL_PACKETS * STRIDE, MADV_NOHUGEPAGE);
    for (gsize i = 0; i < READ_SMALL_PACKETS; i++) {
        vectors[i] = (struct iovec){space + i * STRIDE, SIZE};
        packets[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i],
                                             .msg_iovlen = 1,
                                             .msg_control = controls[i].space,
                                             .msg_controllen = sizeof controls[i].space};
    }
    return packets;
}

/* Puts the slots right that were read into. */
static void slots_reset(struct mmsghdr *packets, int count)
{
    for (int i = 0; i < count; i++)
        packets[i].msg_hdr.msg_controllen = sizeof(FdControl);
}

/* Returns how many packets, or -1. */
static int read_packets(const ChannelFd *self, struct mmsghdr *packets)
{
    int n;

    /* ECONNRESET comes first if the program left something unread, then what it has sent. */
    do {
        n = recvmmsg(self->socket, packets, self->read_packets, MSG_DONTWAIT, NULL);
    } while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    return n;
}

static bool is_too_long(const ChannelFd *self, const struct mmsghdr *packet)
{
    return packet->msg_len > self->max_size || (packet->msg_hdr.msg_flags & MSG_TRUNC);
}

static bool is_message(const ChannelFd *self, const struct mmsghdr *packet)
{
    return (packet->msg_len > 0 || packet->msg_hdr.msg_controllen > 0) &&
           !is_too_long(self, packet);
}

/* What the channel does not take now is kept. False if it never will. */
static bool channel_fd_pass_on(ChannelFd *self, const guint8 *bytes, gsize length)
{
    g_autoptr(GError) error = NULL;

    if (message_queue_is_empty(&self->refused) &&
        channel_send(self->channel, self->kind, bytes, length, &error))
        return self->channel != NULL;
    if (!error || g_error_matches(error, RTC_ERROR, RTC_ERROR_FULL)) {
        message_queue_push(&self->refused, 0, bytes, length);
        return true;
    }
    log_debug("acquired channel: a packet cannot be sent: %s", error->message);
    channel_fd_close_channel(self);
    return false;
}

/* The program will send no more: the channel closes when it has taken everything. */
static void channel_fd_end(ChannelFd *self)
{
    if (message_queue_is_empty(&self->refused))
        channel_fd_close_channel(self);
    else
        channel_fd_enter_state(self, CHANNEL_FD_ENDING);
}

/*
 * COUNT messages that were read together. Small ones share packets: all but
 * the last one are sent corked.
 */
static void channel_fd_pass_on_many(ChannelFd *self, const struct mmsghdr *packets, guint count)
{
    gsize bytes = 0;
    bool alive = true;

    if (count > 1)
        channel_cork(self->channel, true);
    for (guint i = 0; i < count && alive; i++) {
        bytes += packets[i].msg_len;
        if (i > 0 && i == count - 1)
            channel_cork(self->channel, false);
        alive = channel_fd_pass_on(self, packets[i].msg_hdr.msg_iov->iov_base, packets[i].msg_len);
    }
    if (!alive && self->channel)
        channel_cork(self->channel, false);
    self->read_packets = bytes < count * LARGE_MESSAGE ? READ_SMALL_PACKETS : READ_PACKETS;
}

static void channel_fd_read(ChannelFd *self)
{
    struct mmsghdr *packets = slots();
    int n = read_packets(self, packets), messages = 0;
    bool end;

    if (n < 0 && errno == EAGAIN)
        return;
    while (messages < n && is_message(self, &packets[messages]))
        messages++;
    end = n < 0 || messages < n;
    if (end && n > 0 && is_too_long(self, &packets[messages]))
        log_debug("acquired channel: a packet of more than %" G_GSIZE_FORMAT " bytes",
                  self->max_size);
    slots_reset(packets, n);
    channel_fd_pass_on_many(self, packets, messages);
    if (end)
        channel_fd_end(self);
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer data)
{
    g_autoptr(ChannelFd) self = g_rc_box_acquire(data);

    channel_fd_read(self);
    if (self->state != CHANNEL_FD_OPEN || self->channel == NULL)
        return G_SOURCE_REMOVE;
    if (!channel_is_congested(self->channel))
        return G_SOURCE_CONTINUE;
    self->reader = 0;
    return G_SOURCE_REMOVE;
}

/* False if the channel is full again, or gone. */
static bool channel_fd_pass_on_refused(ChannelFd *self)
{
    MessageQueue refused = self->refused;
    const guint8 *bytes;
    guint32 unused;
    gsize length;
    bool more = true;

    self->refused = (MessageQueue){};
    while (more && (bytes = message_queue_peek(&refused, &unused, &length))) {
        more = channel_fd_pass_on(self, bytes, length);
        message_queue_pop(&refused);
    }
    message_queue_clear(&refused);
    return more && message_queue_is_empty(&self->refused);
}

void channel_fd_writable(ChannelFd *self)
{
    g_autoptr(ChannelFd) keep G_GNUC_UNUSED = g_rc_box_acquire(self);

    if (!channel_fd_pass_on_refused(self))
        return;
    if (self->state == CHANNEL_FD_ENDING)
        channel_fd_close_channel(self);
    else if (self->state == CHANNEL_FD_OPEN && self->reader == 0)
        self->reader = fd_source_add(self->socket, G_IO_IN, on_readable, self);
}

/* ---- from the channel to the program ---------------------------------------- */

static bool is_full(int error)
{
    return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}

/* False if the socket is full. A program that is gone takes everything. */
static bool channel_fd_give(ChannelFd *self, const void *bytes, gsize length)
{
    return send(self->socket, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || !is_full(errno);
}

/* The same with all that waits. */
static bool channel_fd_give_waiting(ChannelFd *self)
{
    struct iovec vectors[GIVE_PACKETS];
    struct mmsghdr packets[GIVE_PACKETS] = {};

    while (!message_queue_is_empty(&self->waiting)) {
        guint count = message_queue_peek_many(&self->waiting, vectors, GIVE_PACKETS);
        int n;

        for (guint i = 0; i < count; i++)
            packets[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
        n = sendmmsg(self->socket, packets, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && is_full(errno))
            return false;
        if (n < 0)
            message_queue_clear(&self->waiting);
        for (int i = 0; i < n; i++)
            message_queue_pop(&self->waiting);
    }
    return true;
}

static gboolean on_writable(int fd, GIOCondition condition, gpointer data)
{
    ChannelFd *self = data;

    if (!channel_fd_give_waiting(self))
        return G_SOURCE_CONTINUE;
    self->writer = 0;
    if (self->channel)
        channel_hold(self->channel, false);
    else
        channel_fd_unref(self);
    return G_SOURCE_REMOVE;
}

/* Now, or when the program has made room: until then the channel is held. */
static void give_or_wait(gpointer data)
{
    ChannelFd *self = data;

    if (self->writer || channel_fd_give_waiting(self))
        return;
    if (self->channel)
        channel_hold(self->channel, true);
    self->writer = fd_source_add(self->socket, G_IO_OUT, on_writable, self);
}

void channel_fd_message(ChannelFd *self, const guint8 *bytes, gsize length)
{
    if (self->state == CHANNEL_FD_ENDED)
        return;
    if (length >= LARGE_MESSAGE && message_queue_is_empty(&self->waiting) &&
        channel_fd_give(self, bytes, length))
        return;
    message_queue_push(&self->waiting, 0, bytes, length);
    if (self->waiting.length >= GIVE_PACKETS || self->waiting.bytes >= GIVE_BYTES)
        give_or_wait(self);
    else
        turn_task_add(&self->giver);
}

/* ---- the object -------------------------------------------------------------- */

bool channel_fd_is_busy(const ChannelFd *self)
{
    int bytes = 0;

    if (self->state == CHANNEL_FD_ENDED)
        return false;
    return !message_queue_is_empty(&self->refused) ||
           (ioctl(self->socket, FIONREAD, &bytes) == 0 && bytes > 0);
}

/* What is in the socket can still be read, and then comes its end. */
void channel_fd_close(ChannelFd *self)
{
    if (self->state != CHANNEL_FD_ENDED)
        shutdown(self->socket, SHUT_RD);
}

void channel_fd_finish(ChannelFd *self)
{
    g_clear_handle_id(&self->reader, g_source_remove);
    self->channel = NULL;
    turn_task_cancel(&self->giver);
    if (self->state != CHANNEL_FD_ENDED)
        give_or_wait(self);
    if (message_queue_is_empty(&self->waiting)) {
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
    self->read_packets = READ_PACKETS;
    turn_task_init(&self->giver, give_or_wait, self);
    self->reader = fd_source_add(self->socket, G_IO_IN, on_readable, self);
    *program_fd = sockets[1];
    *max_size = self->max_size;
    return self;
}
