/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/call-capture.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/pcapng.h"
#include "peer/call/call-log.h"
#include "peer/call/call-private.h"
#include "peer/error.h"

/* What a program may be behind, where net.core.wmem_max has so much */
#define SOCKET_BUFFER (4 * 1024 * 1024)

struct CallCapture {
    Call *call; /* which owns this */
    int socket;
    guint end_watch; /* the program has gone */
    guint64 written, lost;
    guint64 lost_now; /* since the last one that was written */
};

static void on_packet(bool sent, const guint8 *bytes, gsize length, gpointer data)
{
    CallCapture *capture = data;
    const PcapngPacket packet = {.time = (gint64) clock_wall(),
                                 .sent = sent,
                                 .lost = capture->lost_now,
                                 .bytes = bytes,
                                 .length = length};
    g_autoptr(GByteArray) block = pcapng_packet(&packet);

    if (send(capture->socket, block->data, block->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        capture->lost_now++;
        capture->lost++;
    } else {
        capture->lost_now = 0;
        capture->written++;
    }
}

void call_capture_follow(CallCapture *capture, Connection *connection)
{
    if (capture)
        connection_set_tap(connection, on_packet, capture);
}

void call_capture_free(CallCapture *capture)
{
    if (!capture)
        return;
    call_log_captured(capture->call, capture->written, capture->lost);
    if (capture->call->connection)
        connection_set_tap(capture->call->connection, NULL, NULL);
    g_clear_handle_id(&capture->end_watch, g_source_remove);
    close(capture->socket);
    g_free(capture);
}

static gboolean on_program_gone(int fd, GIOCondition condition, gpointer data)
{
    CallCapture *capture = data;

    capture->end_watch = 0;
    g_clear_pointer(&capture->call->capture, call_capture_free);
    return G_SOURCE_REMOVE;
}

static void write_head(CallCapture *capture)
{
    g_autofree char *comment =
        g_strdup_printf("rtcbus: the SCTP packets of call %u with %s, decrypted",
                        capture->call->number, call_peer_for_people(capture->call));
    g_autoptr(GByteArray) head = pcapng_head(PCAPNG_SCTP, comment);

    if (send(capture->socket, head->data, head->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        capture->lost++;
}

bool call_capture(Call *call, int *program_fd, GError **error)
{
    const int size = SOCKET_BUFFER;
    CallCapture *capture;
    int sockets[2];

    if (call->state == CALL_CLOSED) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED, _("call %u has ended"),
                    call->number);
        return false;
    }
    if (call->capture) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED,
                    _("the packets of call %u are captured already"), call->number);
        return false;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_FAILED, _("no socket for the packets: %s"),
                    g_strerror(errno));
        return false;
    }
    setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    capture = g_new0(CallCapture, 1);
    capture->call = call;
    capture->socket = sockets[0];
    capture->end_watch = g_unix_fd_add(sockets[0], G_IO_HUP | G_IO_ERR, on_program_gone, capture);
    call->capture = capture;
    write_head(capture);
    if (call->connection)
        call_capture_follow(capture, call->connection);
    call_log_capturing(call);
    *program_fd = sockets[1];
    return true;
}
