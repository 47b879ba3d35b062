/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/listen-fds.h"

#include <string.h>

#include "common/sd-notify.h"

typedef struct {
    int fd; /* -1: given away */
    char *name;
} ListenFd;

static GArray *listen_fds; /* of ListenFd */

void listen_fds_init(void)
{
    g_auto(GStrv) names = NULL;

    if (listen_fds)
        return;
    listen_fds = g_array_new(FALSE, FALSE, sizeof(ListenFd));
    names = sd_notify_take_sockets();
    for (int i = 0; names[i]; i++) {
        ListenFd entry = {SD_NOTIFY_FIRST_FD + i, g_strdup(names[i])};

        g_array_append_val(listen_fds, entry);
    }
}

GArray *listen_fds_named(const char *name)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(int));

    for (guint i = 0; listen_fds && i < listen_fds->len; i++) {
        const ListenFd *entry = &g_array_index(listen_fds, ListenFd, i);

        if (entry->fd >= 0 && (*name == '\0' || strcmp(entry->name, name) == 0))
            g_array_append_val(found, entry->fd);
    }
    return found;
}

void listen_fds_forget(int fd)
{
    for (guint i = 0; listen_fds && i < listen_fds->len; i++) {
        ListenFd *entry = &g_array_index(listen_fds, ListenFd, i);

        if (entry->fd == fd)
            entry->fd = -1;
    }
}
