/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A channel as a file descriptor: our end of a SOCK_SEQPACKET pair whose other
 * end a program has. One packet is one message, both ways, and a full socket
 * is the backpressure: if the program reads slowly the channel is held, and if
 * the remote reads slowly we stop reading the socket.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/channel/channel.h"

typedef struct ChannelFd ChannelFd;

/*
 * What the program sends goes out on CHANNEL as messages of KIND. PROGRAM_FD
 * is the program's end, the caller's to close; MAX_SIZE the largest packet it
 * may send. Errors: PEER_ERROR_NOT_CONNECTED while the remote's limit is not
 * known, PEER_ERROR_FAILED if the kernel gives no socket that is large enough.
 *
 * When the program closes its end, or shuts it down for writing, everything it
 * has sent goes out and the channel is closed; until the remote has closed it,
 * too, its messages still come to a program that can read them.
 */
ChannelFd *channel_fd_new(Channel *channel, MessageKind kind, int *program_fd, guint *max_size,
                          GError **error);

/* The channel's user passes these on. */
void channel_fd_message(ChannelFd *self, const guint8 *bytes, gsize length);
void channel_fd_writable(ChannelFd *self);

/* Whether the program has sent what the channel has not taken yet */
bool channel_fd_is_busy(const ChannelFd *self);

/* The program can send no more; what it has sent goes out, then the channel closes. */
void channel_fd_close(ChannelFd *self);

/*
 * The channel is gone, and this is freed. What has come before is still given
 * to the program at its own pace; then its end hangs up.
 */
void channel_fd_finish(ChannelFd *self);
