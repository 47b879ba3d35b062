/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "capture": the packets of a call, decrypted, into a file for Wireshark. The
 * daemon writes them, a block of the file in each packet of a socket.
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <glib/gi18n.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/names.h"
#include "ctl/calls.h"
#include "ctl/command.h"

/* More than a DTLS record can hold, and what stands around it */
#define BLOCK_MAX (64 * 1024)

static int capture_begin(BusClient *client, const char *path, GError **error)
{
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_sync(
        client->bus, PEER_BUS_NAME, path, CALL_INTERFACE, "Capture", g_variant_new("(a{sv})", NULL),
        G_VARIANT_TYPE("(h)"), LOOK, -1, NULL, &fds, NULL, error);
    gint32 handle;

    if (!reply)
        return -1;
    g_variant_get(reply, "(h)", &handle);
    return g_unix_fd_list_get(fds, handle, error);
}

static bool write_block(int file, const guint8 *block, gsize length)
{
    while (length > 0) {
        ssize_t n = write(file, block, length);

        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            block += n;
            length -= n;
        }
    }
    return true;
}

static void on_interrupt(int signal)
{
}

/* recv() is to be interrupted: what has come is whole, and the last line is said. */
static void catch_interrupts(void)
{
    const struct sigaction action = {.sa_handler = on_interrupt};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Until the call ends or somebody interrupts; how many packets, or -1 with errno */
static gint64 copy(int from, int file)
{
    g_autofree guint8 *block = g_malloc(BLOCK_MAX);
    gint64 blocks = 0;
    ssize_t n;

    while ((n = recv(from, block, BLOCK_MAX, 0)) > 0) {
        if (!write_block(file, block, n))
            return -1;
        blocks++;
    }
    return MAX(blocks - 1, 0); /* the first one is the head of the file */
}

static int capture_into(int from, const char *name)
{
    bool to_output = strcmp(name, "-") == 0;
    int file =
        to_output ? STDOUT_FILENO : open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    gint64 packets = -1;

    if (file >= 0) {
        catch_interrupts();
        g_printerr("%s\n", _("Capturing until the call ends, or until Ctrl-C."));
        packets = copy(from, file);
    }
    if (packets < 0) {
        client_complain("%s: %s", name, g_strerror(errno));
        return EXIT_FAILURE;
    }
    if (!to_output)
        close(file);
    g_printerr(ngettext("%" PRId64 " packet", "%" PRId64 " packets", packets), packets);
    g_printerr("\n");
    return EXIT_SUCCESS;
}

int capture_check(char **arguments)
{
    return hangup_check(arguments);
}

int capture_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = call_path_parse(arguments[0]);
    int from = capture_begin(client, path, &error), status;

    if (from < 0)
        return call_fail(client, arguments[0], error);
    status = capture_into(from, arguments[1]);
    close(from);
    return status;
}
