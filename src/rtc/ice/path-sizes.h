/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What the kernel knows of the way to an address: the sizes of UDP payload
 * that are worth a probe (path-mtu.h).
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "rtc/transport.h"

/*
 * Makes the bound SOCKET send to REMOTE without ever fragmenting a packet, and
 * puts the sizes into SIZES, the largest first. 0 if the link takes hardly more
 * than a packet of the base size: then nothing has changed.
 */
guint path_sizes(int socket, const struct sockaddr *remote, socklen_t remote_length,
                 gsize sizes[TRANSPORT_SIZES_MAX]);

/*
 * Whether the way to REMOTE never leaves this host: then the largest UDP packet
 * that there is passes, without a probe and for good.
 */
bool path_is_local(const struct sockaddr *remote, socklen_t remote_length);
