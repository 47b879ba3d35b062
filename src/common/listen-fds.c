/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/listen-fds.h"

#include <string.h>

#include "common/sd-notify.h"

typedef struct {
    int fd; /* -1: given away */
    char *name;
} Handed;

static GArray *handed; /* of Handed */

void handed_init(void)
{
    g_auto(GStrv) names = NULL;

    if (handed)
        return;
    handed = g_array_new(FALSE, FALSE, sizeof(Handed));
    names = manager_take_sockets();
    for (int i = 0; names[i]; i++) {
        Handed entry = {MANAGER_FIRST_FD + i, g_strdup(names[i])};

        g_array_append_val(handed, entry);
    }
}

GArray *handed_sockets(const char *name)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(int));

    for (guint i = 0; handed && i < handed->len; i++) {
        const Handed *entry = &g_array_index(handed, Handed, i);

        if (entry->fd >= 0 && (*name == '\0' || strcmp(entry->name, name) == 0))
            g_array_append_val(found, entry->fd);
    }
    return found;
}

void handed_forget(int fd)
{
    for (guint i = 0; handed && i < handed->len; i++) {
        Handed *entry = &g_array_index(handed, Handed, i);

        if (entry->fd == fd)
            entry->fd = -1;
    }
}
