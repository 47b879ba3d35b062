/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * To be loaded into a daemon with LD_PRELOAD: takes away what RTCBUS_LACKING
 * names, as a kernel does that has never heard of it.
 *
 *   segment    UDP_SEGMENT, the option and the control message
 *   gro        UDP_GRO
 *   steering   SO_ATTACH_REUSEPORT_CBPF
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool lacks(const char *what)
{
    const char *lacking = getenv("RTCBUS_LACKING");

    return lacking && strstr(lacking, what);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
    static int (*next)(int, int, int, const void *, socklen_t);

    if (!next)
        next = (int (*)(int, int, int, const void *, socklen_t)) dlsym(RTLD_NEXT, "setsockopt");
    if ((level == IPPROTO_UDP && option == UDP_SEGMENT && lacks("segment")) ||
        (level == IPPROTO_UDP && option == UDP_GRO && lacks("gro")) ||
        (level == SOL_SOCKET && option == SO_ATTACH_REUSEPORT_CBPF && lacks("steering"))) {
        errno = ENOPROTOOPT;
        return -1;
    }
    return next(fd, level, option, value, length);
}

static bool is_refused(const struct msghdr *message)
{
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control;
         control = CMSG_NXTHDR((struct msghdr *) message, control)) {
        if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_SEGMENT &&
            lacks("segment")) {
            errno = EINVAL; /* __sock_cmsg_send()'s answer to what it does not know */
            return true;
        }
    }
    return false;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    static ssize_t (*next)(int, const struct msghdr *, int);

    if (!next)
        next = (ssize_t(*)(int, const struct msghdr *, int)) dlsym(RTLD_NEXT, "sendmsg");
    return is_refused(message) ? -1 : next(fd, message, flags);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
    static int (*next)(int, struct mmsghdr *, unsigned int, int);

    if (!next)
        next = (int (*)(int, struct mmsghdr *, unsigned int, int)) dlsym(RTLD_NEXT, "sendmmsg");
    return count > 0 && is_refused(&messages[0].msg_hdr) ? -1 : next(fd, messages, count, flags);
}
