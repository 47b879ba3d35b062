/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The protocol of sd_notify(3) and sd_listen_fds(3), which systemd documents
 * for programs to implement. libsystemd itself comes with seven libraries
 * (compression, libgcrypt), a megabyte of each daemon's resident memory.
 */

#include <config.h>

#include "common/sd-notify.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void sd_notify_send(const char *lines)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    gsize length = path ? strlen(path) : 0;
    int fd;

    if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* the abstract namespace: its length counts */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void) !sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (struct sockaddr *) &address,
                   offsetof(struct sockaddr_un, sun_path) + length);
    close(fd);
}

/* A variable that says who is meant may be there for a parent of ours. */
static bool is_for_us(const char *variable, bool required)
{
    const char *text = g_getenv(variable);
    guint64 pid;

    if (!text)
        return !required;
    return g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT32, &pid, NULL) &&
           pid == (guint64) getpid();
}

guint64 sd_notify_watchdog_usec(void)
{
    const char *text = g_getenv("WATCHDOG_USEC");
    guint64 usec;

    if (text && is_for_us("WATCHDOG_PID", false) &&
        g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT64 - 1, &usec, NULL))
        return usec;
    return 0;
}

char **sd_notify_take_sockets(void)
{
    const char *text = g_getenv("LISTEN_FDS"), *names = g_getenv("LISTEN_FDNAMES");
    g_auto(GStrv) given = g_strsplit(names ? names : "", ":", -1);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    guint given_count = g_strv_length(given);
    guint64 count = 0;

    if (text && is_for_us("LISTEN_PID", true) &&
        !g_ascii_string_to_unsigned(text, 10, 0, 4096, &count, NULL))
        count = 0;
    for (guint i = 0; i < count; i++) {
        fcntl(SD_NOTIFY_FIRST_FD + i, F_SETFD, FD_CLOEXEC);
        g_strv_builder_add(builder, i < given_count ? given[i] : "unknown");
    }
    g_unsetenv("LISTEN_PID");
    g_unsetenv("LISTEN_FDS");
    g_unsetenv("LISTEN_FDNAMES");
    return g_strv_builder_end(builder);
}
