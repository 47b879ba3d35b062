/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Both sockets are members of one SO_REUSEPORT group, and a two-way classic
 * BPF program chooses between them: what the remote's address sends and is not
 * STUN, by its first byte, comes here; everything else goes to libnice's
 * socket, the first member. libnice hands data of another valid pair up (RFC
 * 8445 12) and drops a stranger's, which cannot fill the buffer here, either.
 *
 * The kernel sees one datagram where there are many: what is sent together
 * (UDP_SEGMENT), and what it merges on its way in (UDP_GRO: equal lengths but
 * for a shorter last one). The program then sees the first of them alone. A
 * STUN packet in front takes the others along to libnice, whose socket has no
 * UDP_GRO: it gets them one by one and hands ours up. One further back would
 * come here and be lost to libnice, so
 *   - what we send has a TTL one lower than libnice's packets, and the kernel
 *     merges no two packets whose TTLs differ;
 *   - if it comes nevertheless, from another stack, nothing is merged any
 *     more: that one packet is lost as in the network, the next gets through.
 */

#include <config.h>

#include "rtc/ice/udp-path.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "common/turn-tasks.h"
#include "common/fd-source.h"
#include "rtc/error.h"
#include "rtc/ice/path-sizes.h"

#define SOCKET_BUFFER (4 * 1024 * 1024)
/* A dispatch reads until it has so many packets, and what came with the last
 * of them: timers and D-Bus get their turn. */
#define RECEIVE_PACKETS 32
#define RECEIVE_BATCHES 8
#define DRAIN_PACKETS 4096 /* about what a full buffer holds */
#define DATAGRAM_MAX 65536
#define BATCH_SEGMENTS 48
#define BATCH_BYTES (60 * 1024) /* one send is at most one UDP datagram's worth */
/* Then the kernel or the interface has no UDP_SEGMENT. One refusal may come of
 * a packet that is longer than the interface takes. */
#define REFUSALS_MAX 4
#define STUN_BELOW 20 /* RFC 7983 7 */

struct UdpPath {
    int fd;
    guint source;
    TurnTask flusher;
    const UdpPathUser *user;
    gpointer data;
    struct sockaddr_storage remote;
    socklen_t remote_length;

    bool merging;    /* the kernel has UDP_GRO and may use it */
    guint32 dropped; /* packets that the kernel had no room for */
    guint refused;   /* so many UDP_SEGMENT sends, one after the other */
    gsize segment;   /* size of all packets in the batch but the last */
    gsize batched;
    guint8 *batch;
};

static bool fail(GError **error, const char *doing)
{
    g_set_error(error, RTC_ERROR, RTC_ERROR_UNSUPPORTED, "%s: %s", doing, g_strerror(errno));
    return false;
}

/* ---- receiving ---- */

typedef union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(guint32))];
} Control;

static void note_dropped(UdpPath *path, guint32 dropped)
{
    int room = 0;
    socklen_t length = sizeof room;

    if (dropped == path->dropped)
        return;
    path->dropped = dropped;
    if (getsockopt(path->fd, SOL_SOCKET, SO_RCVBUF, &room, &length) == 0)
        path->user->overflow(room, path->data);
}

/* The length of each packet in what came but the last; 0: it is a single one. */
static gsize read_control(UdpPath *path, struct msghdr *message)
{
    int segment = 0;

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        guint32 dropped;

        if (header->cmsg_level == SOL_UDP && header->cmsg_type == UDP_GRO) {
            memcpy(&segment, CMSG_DATA(header), sizeof segment);
        } else if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&dropped, CMSG_DATA(header), sizeof dropped);
            note_dropped(path, dropped);
        }
    }
    return MAX(segment, 0);
}

static void set_merging(UdpPath *path, bool merging)
{
    const int on = merging;

    path->merging = setsockopt(path->fd, SOL_UDP, UDP_GRO, &on, sizeof on) == 0 && merging;
}

static void take_packets(UdpPath *path, guint8 *bytes, gsize length, gsize segment)
{
    for (gsize at = 0; at < length; at += segment) {
        if (bytes[at] >= STUN_BELOW)
            path->user->receive(bytes + at, MIN(segment, length - at), path->data);
        else if (path->merging)
            set_merging(path, false);
    }
}

/* Counts PACKETS up; false if there are no more now. */
static bool receive_some(UdpPath *path, guint *packets)
{
    static guint8 buffers[RECEIVE_BATCHES][DATAGRAM_MAX]; /* only what is used has memory */
    Control controls[RECEIVE_BATCHES];
    struct iovec vectors[RECEIVE_BATCHES];
    struct mmsghdr messages[RECEIVE_BATCHES] = {};
    int n;

    for (int i = 0; i < RECEIVE_BATCHES; i++) {
        vectors[i] = (struct iovec){buffers[i], DATAGRAM_MAX};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i],
                                              .msg_iovlen = 1,
                                              .msg_control = controls[i].space,
                                              .msg_controllen = sizeof controls[i].space};
    }
    n = recvmmsg(path->fd, messages, RECEIVE_BATCHES, MSG_DONTWAIT, NULL);
    /* An error of an earlier send (ICMP) is reported here and means nothing to
     * us: consent tells whether the remote is there. */
    for (int i = 0; i < n; i++) {
        gsize length = messages[i].msg_len, segment = read_control(path, &messages[i].msg_hdr);

        if (segment == 0)
            segment = MAX(length, 1);
        take_packets(path, buffers[i], length, segment);
        *packets += MAX((length + segment - 1) / segment, 1); /* also if it is empty */
    }
    return n == RECEIVE_BATCHES;
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer data)
{
    guint packets = 0;

    while (packets < RECEIVE_PACKETS && receive_some(data, &packets))
        ;
    return G_SOURCE_CONTINUE;
}

void udp_path_drain(UdpPath *path)
{
    guint packets = 0;

    while (packets < DRAIN_PACKETS && receive_some(path, &packets))
        ;
}

/* ---- sending ---- */

/* False if it has to be tried one by one. */
static bool send_segmented(UdpPath *path)
{
    Control control = {};
    struct iovec vector = {path->batch, path->batched};
    struct msghdr message = {
        .msg_name = &path->remote,
        .msg_namelen = path->remote_length,
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = control.space,
        .msg_controllen = CMSG_SPACE(sizeof(guint16)),
    };
    guint16 segment = path->segment;

    if (path->refused >= REFUSALS_MAX || path->batched <= path->segment)
        return false;
    control.header.cmsg_level = SOL_UDP;
    control.header.cmsg_type = UDP_SEGMENT;
    control.header.cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(&control.header), &segment, sizeof segment);
    if (sendmsg(path->fd, &message, MSG_DONTWAIT) < 0) {
        /* Other errors lose packets, as networks do. */
        if (errno != EIO && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOPROTOOPT &&
            errno != EMSGSIZE)
            return true;
        path->refused++;
        return false;
    }
    path->refused = 0;
    return true;
}

static void send_one_by_one(UdpPath *path)
{
    for (gsize at = 0; at < path->batched; at += path->segment)
        sendto(path->fd, path->batch + at, MIN(path->segment, path->batched - at), MSG_DONTWAIT,
               (struct sockaddr *) &path->remote, path->remote_length);
}

static void udp_path_flush(gpointer data)
{
    UdpPath *path = data;

    if (path->batched == 0)
        return;
    if (!send_segmented(path))
        send_one_by_one(path);
    path->batched = 0;
}

/* Packets of a batch are equally long but for the last one. */
void udp_path_send(UdpPath *path, const guint8 *packet, gsize length)
{
    if (path->batched > 0 && (length > path->segment || path->batched + length > BATCH_BYTES ||
                              path->batched / path->segment >= BATCH_SEGMENTS))
        udp_path_flush(path);
    if (length > BATCH_BYTES)
        return;
    if (path->batched == 0) {
        path->segment = length;
        turn_task_add(&path->flusher);
    }
    memcpy(path->batch + path->batched, packet, length);
    path->batched += length;
    if (length < path->segment)
        udp_path_flush(path);
}

/* ---- setting up ---- */

/* What does not pass the TEST of what it has at AT goes to index 0, libnice's socket. */
static void require(struct sock_fprog *program, guint16 size, guint32 at, guint16 test,
                    guint32 value)
{
    const struct sock_filter code[] = {
        BPF_STMT(BPF_LD | size | BPF_ABS, at),
        BPF_JUMP(BPF_JMP | test | BPF_K, value, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };

    memcpy(program->filter + program->len, code, sizeof code);
    program->len += G_N_ELEMENTS(code);
}

/* Options and extension headers move the port: such packets go to libnice. */
static bool steer(UdpPath *path, GError **error)
{
    const struct sockaddr_in *in = (const void *) &path->remote;
    const struct sockaddr_in6 *in6 = (const void *) &path->remote;
    bool is_ip6 = path->remote.ss_family == AF_INET6;
    guint32 address[4], length = is_ip6 ? 16 : 4;
    guint32 source = SKF_NET_OFF + (is_ip6 ? 8 : 12), port = SKF_NET_OFF + (is_ip6 ? 40 : 20);
    struct sock_filter code[3 * (2 + G_N_ELEMENTS(address)) + 1];
    struct sock_fprog program = {.filter = code};

    memcpy(address, is_ip6 ? (const void *) &in6->sin6_addr : &in->sin_addr, length);
    require(&program, BPF_B, 0, BPF_JGE, STUN_BELOW);
    require(&program, BPF_H, port, BPF_JEQ, g_ntohs(is_ip6 ? in6->sin6_port : in->sin_port));
    for (guint32 at = 0; at < length; at += 4)
        require(&program, BPF_W, source + at, BPF_JEQ, g_ntohl(address[at / 4]));
    code[program.len++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, 1);
    if (setsockopt(path->fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) < 0)
        return fail(error, "SO_ATTACH_REUSEPORT_CBPF");
    return true;
}

/* One lower than that of libnice's packets, which never change theirs. */
static void lower_ttl(UdpPath *path, int family)
{
    int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    int option = family == AF_INET6 ? IPV6_UNICAST_HOPS : IP_TTL;
    int ttl = 0;
    socklen_t length = sizeof ttl;

    if (getsockopt(path->fd, level, option, &ttl, &length) < 0 || ttl < 2)
        return;
    ttl--;
    setsockopt(path->fd, level, option, &ttl, sizeof ttl);
}

/* libnice sends from the interface that has the address, wherever the routes point to. */
static void copy_interface(UdpPath *path, int socket_fd, int family)
{
    int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    int option = family == AF_INET6 ? IPV6_UNICAST_IF : IP_UNICAST_IF;
    guint32 interface = 0; /* in network byte order when it is set, and when it is read */
    socklen_t length = sizeof interface;

    if (getsockopt(socket_fd, level, option, &interface, &length) == 0 && interface != 0)
        setsockopt(path->fd, level, option, &interface, sizeof interface);
}

static bool join(UdpPath *path, int socket_fd, GError **error)
{
    struct sockaddr_storage local;
    socklen_t length = sizeof local;
    const int on = 1, size = SOCKET_BUFFER;

    if (getsockname(socket_fd, (struct sockaddr *) &local, &length) < 0)
        return fail(error, "getsockname");
    path->fd = socket(local.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
    if (path->fd < 0)
        return fail(error, "socket");
    setsockopt(path->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(path->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (local.ss_family == AF_INET6)
        setsockopt(path->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    setsockopt(path->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    lower_ttl(path, local.ss_family);
    copy_interface(path, socket_fd, local.ss_family);
    set_merging(path, true);
    if (setsockopt(socket_fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
        setsockopt(path->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)
        return fail(error, "SO_REUSEPORT");
    if (bind(path->fd, (struct sockaddr *) &local, length) < 0)
        return fail(error, "bind");
    return steer(path, error);
}

UdpPath *udp_path_new(int socket, const struct sockaddr *remote, socklen_t remote_length,
                      const UdpPathUser *user, gpointer data, GError **error)
{
    UdpPath *path = g_new0(UdpPath, 1);

    path->fd = -1;
    turn_task_init(&path->flusher, udp_path_flush, path);
    path->user = user;
    path->data = data;
    memcpy(&path->remote, remote, remote_length);
    path->remote_length = remote_length;
    if (!join(path, socket, error)) {
        udp_path_free(path);
        return NULL;
    }
    path->batch = g_malloc(BATCH_BYTES);
    path->source = fd_source_add(path->fd, G_IO_IN, on_readable, path);
    return path;
}

guint udp_path_sizes(UdpPath *path, gsize sizes[TRANSPORT_SIZES_MAX])
{
    return path_sizes(path->fd, (struct sockaddr *) &path->remote, path->remote_length, sizes);
}

void udp_path_free(UdpPath *path)
{
    if (path->batch)
        udp_path_flush(path);
    g_clear_handle_id(&path->source, g_source_remove);
    turn_task_cancel(&path->flusher);
    if (path->fd >= 0)
        close(path->fd);
    g_free(path->batch);
    g_free(path);
}
