/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Descriptors in the main loop; see fd-source.h for why GLib's own way is not enough. */

#include <config.h>

#include "common/fd-source.h"

guint fd_source_add(int fd, GIOCondition condition, GUnixFDSourceFunc function, gpointer data)
{
    g_autoptr(GSource) source = g_unix_fd_source_new(fd, condition);

    g_source_set_callback(source, (GSourceFunc) (void (*)(void)) function, data, NULL);
    g_source_set_can_recurse(source, TRUE);
    return g_source_attach(source, NULL);
}
