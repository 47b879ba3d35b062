/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The second socket, with one of this program's in libnice's place and another
 * as the remote. The linker gives us the calls that a kernel without
 * UDP_SEGMENT or UDP_GRO refuses (--wrap).
 */

#include <config.h>

#include "rtc/ice/udp-path.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "wait.h"

#define TYPE_DATA 23 /* DTLS application data */
#define TYPE_STUN 0

typedef struct {
    int family;
    int nice, remote; /* sockets */
    struct sockaddr_storage local_address, remote_address;
    socklen_t length;
    UdpPath *path;
    GString *came; /* "LENGTH:SECOND-BYTE " of each packet */
    gsize room;    /* that was not enough */
} World;

static bool no_segment, no_gro;
static int gro;         /* what UDP_GRO was set to last */
static guint segmented; /* sends with UDP_SEGMENT that went out */

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t length);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (no_segment && message->msg_controllen > 0) {
        errno = EIO;
        return -1;
    }
    segmented += message->msg_controllen > 0;
    return __real_sendmsg(fd, message, flags);
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
    if (no_gro && level == SOL_UDP && option == UDP_GRO) {
        errno = ENOPROTOOPT;
        return -1;
    }
    if (level == SOL_UDP && option == UDP_GRO)
        memcpy(&gro, value, sizeof gro);
    return __real_setsockopt(fd, level, option, value, length);
}

static void on_packet(guint8 *packet, gsize length, gpointer data)
{
    g_assert_cmpuint(length, >, 1);
    for (gsize i = 2; i < length; i++)
        g_assert_cmpuint(packet[i], ==, packet[1]);
    g_string_append_printf(((World *) data)->came, "%zu:%u ", length, packet[1]);
}

static void on_overflow(gsize room, gpointer data)
{
    ((World *) data)->room = room;
}

static const UdpPathUser user = {
    .receive = on_packet,
    .overflow = on_overflow,
};

static int make_socket(int family, struct sockaddr_storage *address, socklen_t *length)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    *address = (struct sockaddr_storage){.ss_family = family};
    if (family == AF_INET)
        ((struct sockaddr_in *) address)->sin_addr.s_addr = g_htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *) address)->sin6_addr = in6addr_loopback;
    *length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    g_assert_no_errno(bind(fd, (struct sockaddr *) address, *length));
    g_assert_no_errno(getsockname(fd, (struct sockaddr *) address, length));
    return fd;
}

static void set_up(World *world, gconstpointer data)
{
    const struct timeval deadline = {WAIT_SECONDS, 0};
    g_autoptr(GError) error = NULL;

    world->family = GPOINTER_TO_INT(data);
    world->came = g_string_new(NULL);
    world->nice = make_socket(world->family, &world->local_address, &world->length);
    world->remote = make_socket(world->family, &world->remote_address, &world->length);
    setsockopt(world->nice, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    setsockopt(world->remote, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    world->path = udp_path_new(world->nice, (struct sockaddr *) &world->remote_address,
                               world->length, &user, world, &error);
    g_assert_no_error(error);
    segmented = 0;
    g_assert_cmpint(gro, ==, no_gro ? 0 : 1);
}

static void set_up_old(World *world, gconstpointer data)
{
    no_segment = no_gro = true;
    gro = 0;
    set_up(world, data);
}

static void tear_down(World *world, gconstpointer data)
{
    udp_path_free(world->path);
    close(world->nice);
    close(world->remote);
    g_string_free(world->came, TRUE);
    no_segment = no_gro = false;
}

/* COUNT packets of SEGMENT bytes but the last, as one train. */
static void send_train_from(World *world, int fd, const guint8 *types, guint count, guint16 segment,
                            gsize last)
{
    g_autofree guint8 *bytes = g_malloc(count * segment);
    gsize length = (count - 1) * segment + last;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(guint16))];
    } control = {
        .header = {CMSG_LEN(sizeof segment), SOL_UDP, UDP_SEGMENT},
    };
    struct iovec vector = {bytes, length};
    struct msghdr message = {
        .msg_name = &world->local_address,
        .msg_namelen = world->length,
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = control.space,
        .msg_controllen = sizeof control.space,
    };

    for (guint i = 0; i < count; i++) {
        memset(bytes + i * segment, i, segment);
        bytes[i * segment] = types[i];
    }
    memcpy(CMSG_DATA(&control.header), &segment, sizeof segment);
    g_assert_cmpint(__real_sendmsg(fd, &message, 0), ==, length);
}

static void send_train(World *world, const guint8 *types, guint count, guint16 segment, gsize last)
{
    send_train_from(world, world->remote, types, count, segment, last);
}

static void wait_for(World *world, const char *expected)
{
    wait_until(world->came->len >= strlen(expected));
    g_assert_cmpstr(world->came->str, ==, expected);
    g_string_truncate(world->came, 0);
}

static void test_receive(World *world, gconstpointer data)
{
    static const guint8 types[] = {TYPE_DATA, TYPE_DATA, TYPE_DATA, TYPE_DATA};

    send_train(world, types, 4, 1200, 700);
    wait_for(world, "1200:0 1200:1 1200:2 700:3 ");
    send_train(world, types, 3, 15000, 15000);
    wait_for(world, "15000:0 15000:1 15000:2 ");
    send_train(world, types, 1, 40000, 40000);
    wait_for(world, "40000:0 ");
}

/* Behind one of ours it costs that packet, and the merging that brought it. */
static void test_stray_stun(World *world, gconstpointer data)
{
    static const guint8 stray[] = {TYPE_DATA, TYPE_STUN, TYPE_DATA};
    static const guint8 types[] = {TYPE_DATA, TYPE_DATA, TYPE_DATA};

    send_train(world, stray, 3, 100, 60);
    wait_for(world, "100:0 60:2 ");
    g_assert_cmpint(gro, ==, 0);
    send_train(world, types, 3, 100, 60);
    wait_for(world, "100:0 100:1 60:2 ");
}

/* In front of ours it takes them along, each for itself. */
static void test_stun_first(World *world, gconstpointer data)
{
    static const guint8 types[] = {TYPE_STUN, TYPE_DATA};
    guint8 packet[2048];

    send_train(world, types, 2, 100, 60);
    g_assert_cmpint(recv(world->nice, packet, sizeof packet, 0), ==, 100);
    g_assert_cmpint(packet[0], ==, TYPE_STUN);
    g_assert_cmpint(recv(world->nice, packet, sizeof packet, 0), ==, 60);
    g_assert_cmpint(packet[0], ==, TYPE_DATA);
}

/* What does not fit into the socket's buffer is reported with what comes after it. */
static void test_overflow(World *world, gconstpointer data)
{
    static const guint8 types[] = {TYPE_DATA, TYPE_DATA};

    for (guint i = 0; i < 1000; i++)
        send_train(world, types, 2, 15000, 15000);
    g_assert_cmpuint(world->room, ==, 0);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    send_train(world, types, 2, 15000, 15000);
    wait_until(world->room > 0);
    g_assert_cmpuint(world->room, >=, 128 * 1024);
    g_assert_cmpuint(world->came->len, <, 1000 * strlen("15000:0 15000:1 "));
}

/*
 * What does not come from the remote is libnice's, however much, and takes no room from the
 * rest.
 */
static void test_stranger(World *world, gconstpointer data)
{
    static const guint8 types[] = {TYPE_DATA, TYPE_DATA};
    struct sockaddr_storage address;
    socklen_t length;
    int stranger = make_socket(world->family, &address, &length);
    guint8 packet[65536];

    for (guint i = 0; i < 1000; i++)
        send_train_from(world, stranger, types, 2, 15000, 15000);
    send_train(world, types, 2, 1200, 700);
    wait_for(world, "1200:0 700:1 ");
    g_assert_cmpuint(world->room, ==, 0);
    g_assert_cmpint(recv(world->nice, packet, sizeof packet, 0), ==, 15000);
    close(stranger);
}

static void test_drain(World *world, gconstpointer data)
{
    static const guint8 types[] = {TYPE_DATA, TYPE_DATA};

    for (guint i = 0; i < 100; i++)
        send_train(world, types, 2, 100, 60);
    udp_path_drain(world->path);
    g_assert_cmpuint(world->came->len, ==, 100 * strlen("100:0 60:1 "));
}

static void send_packet(World *world, guint8 number, gsize length)
{
    g_autofree guint8 *packet = g_malloc(length);

    memset(packet, number, length);
    packet[0] = TYPE_DATA;
    udp_path_send(world->path, packet, length);
}

static void expect(World *world, guint8 number, gsize length)
{
    guint8 packet[65536];

    g_assert_cmpint(recv(world->remote, packet, sizeof packet, 0), ==, length);
    g_assert_cmpint(packet[1], ==, number);
    g_assert_cmpint(packet[length - 1], ==, number);
}

static void test_send(World *world, gconstpointer data)
{
    /* a shorter one ends a batch, a longer one begins the next */
    static const gsize lengths[] = {1200, 1200, 1200, 500, 500, 1200, 60, 9000, 9000, 20000};

    for (guint round = 0; round < 3; round++) {
        for (guint i = 0; i < G_N_ELEMENTS(lengths); i++)
            send_packet(world, i, lengths[i]);
        while (g_main_context_iteration(NULL, FALSE))
            ;
        for (guint i = 0; i < G_N_ELEMENTS(lengths); i++)
            expect(world, i, lengths[i]);
    }
    g_assert_cmpuint(segmented, ==, no_segment ? 0 : 3 * 3);
}

/* So that no kernel on the way merges the two. */
static void test_ttl(World *world, gconstpointer data)
{
    int level = world->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    int option = world->family == AF_INET ? IP_RECVTTL : IPV6_RECVHOPLIMIT;
    const int on = 1;
    int ttls[2] = {};

    g_assert_no_errno(setsockopt(world->remote, level, option, &on, sizeof on));
    sendto(world->nice, "x", 1, 0, (struct sockaddr *) &world->remote_address, world->length);
    send_packet(world, 1, 100);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    for (guint i = 0; i < 2; i++) {
        guint8 packet[2048], control[64];
        struct iovec vector = {packet, sizeof packet};
        struct msghdr message = {.msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        const struct cmsghdr *ttl;

        g_assert_cmpint(recvmsg(world->remote, &message, 0), >, 0);
        ttl = CMSG_FIRSTHDR(&message);
        g_assert(ttl);
        memcpy(&ttls[i], CMSG_DATA(ttl), sizeof(int));
    }
    g_assert_cmpint(ttls[1], ==, ttls[0] - 1);
}

static void add(const char *name, void (*test)(World *world, gconstpointer data))
{
    static const struct {
        const char *name;
        int family;
        void (*set_up)(World *world, gconstpointer data);
    } worlds[] = {
        {"ipv4", AF_INET, set_up},
        {"ipv6", AF_INET6, set_up},
        {"no-offload", AF_INET, set_up_old},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(worlds); i++) {
        g_autofree char *path = g_strdup_printf("/udp-path/%s/%s", name, worlds[i].name);

        g_test_add(path, World, GINT_TO_POINTER(worlds[i].family), worlds[i].set_up, test,
                   tear_down);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("receive", test_receive);
    add("stray-stun", test_stray_stun);
    add("stun-first", test_stun_first);
    add("overflow", test_overflow);
    add("stranger", test_stranger);
    add("drain", test_drain);
    add("send", test_send);
    add("ttl", test_ttl);
    return g_test_run();
}
