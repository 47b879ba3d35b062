/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What a service and the service manager (systemd) say to each other by environment. */

#pragma once

#include <glib.h>

/* The first descriptor that is handed over, as systemd has it. */
#define SD_NOTIFY_FIRST_FD 3

/* Lines such as "READY=1" (sd_notify(3)); nothing if no manager listens. */
void sd_notify_send(const char *lines);

/* Within so many microseconds a "WATCHDOG=1" is expected; 0: never. */
guint64 sd_notify_watchdog_usec(void);

/*
 * The names of the sockets that were handed over, from SD_NOTIFY_FIRST_FD on;
 * NULL-terminated, never NULL. They are ours from then on, and none of the
 * programs that we start: to be asked once.
 */
char **sd_notify_take_sockets(void);
