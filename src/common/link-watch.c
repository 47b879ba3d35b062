/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A suspend shows at the two clocks of which one goes on meanwhile. A timer that
 * is cancelled when the clock is set (timerfd_create(2)) wakes us up, for the
 * kernel sets the clock when it resumes.
 */

#include <config.h>

#include "common/link-watch.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

enum {
    SETTLE = 100,     /* milliseconds */
    BUFFER = 16384,   /* of messages */
    READS_A_TURN = 8, /* of that size */
};

#define SUSPENDED_USEC G_USEC_PER_SEC /* less is no suspend */
#define GROUPS                                                                                     \
    (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE)

struct LinkWatch {
    const LinkWatchOps *ops;
    gpointer data;
    int netlink, clock; /* -1: none */
    guint netlink_source, clock_source, event_source, settle_timer;
    LinkTable *table;
    gint64 asleep;     /* µs that the machine has been suspended since it was booted */
    LinkChange change; /* not told yet */
};

/* ---- telling --------------------------------------------------------------- */

static gboolean on_settled(gpointer data)
{
    LinkWatch *watch = data;
    LinkChange change = watch->change;

    watch->settle_timer = 0;
    watch->change = (LinkChange){};
    log_debug("link:%s%s%s", change.gone ? " something is gone" : "",
              change.come ? " something has come" : "", change.resumed ? " resumed" : "");
    watch->ops->changed(&change, watch->data);
    return G_SOURCE_REMOVE;
}

static void link_watch_note(LinkWatch *watch, LinkChange change)
{
    if (!change.gone && !change.come && !change.resumed)
        return;
    watch->change.gone |= change.gone;
    watch->change.come |= change.come;
    watch->change.resumed |= change.resumed;
    if (watch->settle_timer == 0)
        watch->settle_timer = clock_timer_add(SETTLE, on_settled, watch);
}

/* ---- rtnetlink ------------------------------------------------------------- */

static void ask(LinkWatch *watch, guint16 type)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg info; /* longer than what other requests have here */
    } request = {.header = {.nlmsg_len = sizeof request,
                            .nlmsg_type = type,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                            .nlmsg_seq = type},
                 .info = {.ifi_family = AF_UNSPEC}};

    if (watch->netlink_source != 0)
        (void) !send(watch->netlink, &request, sizeof request, 0);
}

static void link_watch_take(LinkWatch *watch, const void *messages, gsize length)
{
    LinkChange change = {};

    /* One question at a time */
    if (link_table_read(watch->table, messages, length, &change) == RTM_GETLINK)
        ask(watch, RTM_GETADDR);
    link_watch_note(watch, change);
}

/* What did not fit into the socket's buffer is lost: it may have been anything. */
static gboolean on_netlink(int fd, GIOCondition condition, gpointer data)
{
    LinkWatch *watch = data;

    for (int i = 0; i < READS_A_TURN; i++) {
        union {
            struct nlmsghdr header;
            char bytes[BUFFER];
        } buffer;
        ssize_t n = recv(fd, &buffer, sizeof buffer, MSG_DONTWAIT);

        if (n > 0) {
            link_watch_take(watch, &buffer, n);
        } else if (n < 0 && errno == ENOBUFS) {
            link_watch_note(watch, (LinkChange){.gone = true, .come = true});
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            watch->netlink_source = 0;
            return G_SOURCE_REMOVE;
        } else {
            break;
        }
    }
    return G_SOURCE_CONTINUE;
}

/* ---- the two clocks ---------------------------------------------------------- */

static gboolean on_clock(int fd, GIOCondition condition, gpointer data)
{
    LinkWatch *watch = data;
    gint64 asleep = clock_suspended();

    clock_jumps_await(fd);
    if (asleep - watch->asleep >= SUSPENDED_USEC)
        link_watch_note(watch, (LinkChange){.resumed = true});
    watch->asleep = asleep;
    return G_SOURCE_CONTINUE;
}

/* ---- SIGCONT ------------------------------------------------------------------ */

static struct {
    int event; /* an eventfd; -1: nobody wants to know */
} continued = {.event = -1};

static void on_sigcont(int number)
{
    const guint64 one = 1;
    int error = errno;

    (void) !write(continued.event, &one, sizeof one);
    errno = error;
}

static gboolean on_continued(int fd, GIOCondition condition, gpointer data)
{
    guint64 count;

    if (read(fd, &count, sizeof count) > 0)
        link_watch_note(data, (LinkChange){.resumed = true});
    return G_SOURCE_CONTINUE;
}

/* A program that was stopped has missed as much as one on a machine that slept. */
static void open_event(LinkWatch *watch)
{
    struct sigaction action = {.sa_handler = on_sigcont, .sa_flags = SA_RESTART};

    if (continued.event < 0)
        continued.event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (continued.event < 0 || sigaction(SIGCONT, &action, NULL) < 0)
        return;
    watch->event_source = g_unix_fd_add(continued.event, G_IO_IN, on_continued, watch);
}

/* ---- the object ---------------------------------------------------------------- */

static void open_netlink(LinkWatch *watch)
{
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = GROUPS};

    watch->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (watch->netlink < 0 ||
        bind(watch->netlink, (const struct sockaddr *) &address, sizeof address) < 0) {
        log_debug("link: no rtnetlink: %s", g_strerror(errno));
        return;
    }
    watch->netlink_source = g_unix_fd_add(watch->netlink, G_IO_IN, on_netlink, watch);
}

static void open_clock(LinkWatch *watch)
{
    watch->asleep = clock_suspended();
    watch->clock = clock_jumps_open();
    if (watch->clock < 0) {
        log_debug("link: no timerfd: %s", g_strerror(errno));
        return;
    }
    watch->clock_source = g_unix_fd_add(watch->clock, G_IO_IN, on_clock, watch);
}

LinkWatch *link_watch_new(const LinkWatchOps *ops, gpointer data)
{
    LinkWatch *watch = g_new0(LinkWatch, 1);

    watch->ops = ops;
    watch->data = data;
    watch->table = link_table_new();
    open_netlink(watch);
    ask(watch, RTM_GETLINK);
    open_clock(watch);
    open_event(watch);
    return watch;
}

void link_watch_free(LinkWatch *watch)
{
    if (!watch)
        return;
    g_clear_handle_id(&watch->netlink_source, g_source_remove);
    g_clear_handle_id(&watch->clock_source, g_source_remove);
    g_clear_handle_id(&watch->event_source, g_source_remove);
    g_clear_handle_id(&watch->settle_timer, g_source_remove);
    if (watch->netlink >= 0)
        close(watch->netlink);
    if (watch->clock >= 0)
        close(watch->clock);
    link_table_free(watch->table);
    g_free(watch);
}
