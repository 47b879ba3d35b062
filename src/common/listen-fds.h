/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The sockets that systemd has handed to this process (sd_listen_fds(3)). */

#pragma once

#include <glib.h>

/* Takes over the descriptors, so that no child inherits them. Once, early. */
void listen_fds_init(void);

/* The descriptors called NAME, or all if it is "": of int, they stay ours. */
GArray *listen_fds_named(const char *name);

/* Gives the descriptor FD away: it is not handed out any more. */
void listen_fds_forget(int fd);
