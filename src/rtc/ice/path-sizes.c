/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A connected socket knows the MTU of its route; ours are not connected, so a
 * socket that sends nothing asks. What is further away may carry less than the
 * first link: behind that come the sizes that links usually have.
 */

#include <config.h>

#include "rtc/ice/path-sizes.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <unistd.h>

#define IPV4_UDP_HEADERS 28
#define IPV6_UDP_HEADERS 48
/* What every IPv6 link takes; an IPv4 link that takes less is left to fragment. */
#define LINK_MIN 1280

/* Jumbo frames, Ethernet, PPPoE, WireGuard, the least of IPv6 */
static const int usual[] = {9000, 1500, 1492, 1420, LINK_MIN};

static void clear_port(struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *) address)->sin6_port = 0;
    else
        ((struct sockaddr_in *) address)->sin_port = 0;
}

/* Bytes of the first link's IP packets; 0: not known. SOCKET_FD may be -1: any address. */
static int link_mtu(int socket_fd, const struct sockaddr *remote, socklen_t remote_length)
{
    struct sockaddr_storage local = {.ss_family = remote->sa_family};
    socklen_t length = sizeof local, mtu_length = sizeof(int);
    bool ipv6 = remote->sa_family == AF_INET6;
    int mtu = 0, fd = socket(remote->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);

    if (fd < 0)
        return 0;
    if (socket_fd >= 0 && getsockname(socket_fd, (struct sockaddr *) &local, &length) == 0)
        clear_port(&local);
    if (bind(fd, (struct sockaddr *) &local, length) < 0 ||
        connect(fd, remote, remote_length) < 0 ||
        getsockopt(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_MTU : IP_MTU, &mtu,
                   &mtu_length) < 0)
        mtu = 0;
    close(fd);
    return mtu;
}

/*
 * PROBE rather than DO: a smaller path MTU that an ICMP message has told the
 * kernel of, be it true or not, does not count; our own probes do.
 */
static bool never_fragment(int fd, bool ipv6)
{
    const int how = ipv6 ? IPV6_PMTUDISC_PROBE : IP_PMTUDISC_PROBE;

    return setsockopt(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
                      ipv6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &how, sizeof how) == 0;
}

guint path_sizes(int fd, const struct sockaddr *remote, socklen_t remote_length,
                 gsize sizes[TRANSPORT_SIZES_MAX])
{
    bool ipv6 = remote->sa_family == AF_INET6;
    int headers = ipv6 ? IPV6_UDP_HEADERS : IPV4_UDP_HEADERS;
    int mtu = MIN(link_mtu(fd, remote, remote_length), G_MAXUINT16);
    guint n = 0;

    if (mtu < LINK_MIN || !never_fragment(fd, ipv6))
        return 0;
    sizes[n++] = mtu - headers;
    for (guint i = 0; i < G_N_ELEMENTS(usual); i++) {
        if (usual[i] < mtu)
            sizes[n++] = usual[i] - headers;
    }
    return n;
}

/* No link but the loopback interface has as much. */
bool path_is_local(const struct sockaddr *remote, socklen_t remote_length)
{
    return link_mtu(-1, remote, remote_length) >= G_MAXUINT16;
}
