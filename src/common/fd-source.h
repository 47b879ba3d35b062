/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * g_unix_fd_add() for what is ready often. GLib takes a source's descriptors
 * out of its poll set while it dispatches it, unless the source may recurse,
 * and both the taking out and the putting back wake the loop by its eventfd:
 * three system calls and a poll() in vain each time. This one may recurse; its
 * function must not run the main loop.
 */

#pragma once

#include <glib-unix.h>

/* Until FUNCTION returns G_SOURCE_REMOVE or g_source_remove() is called with the id. */
guint fd_source_add(int fd, GIOCondition condition, GUnixFDSourceFunc function, gpointer data);
