/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * ask CALL LABEL TEXT: opens a channel on a call, which is an object path as
 * "rtcbusctl call --no-wait" prints it, sends TEXT and prints the answer.
 * What it sends waits for the program that acquires the channel over there,
 * if that comes within two seconds.
 *
 * cc ask.c -o ask $(pkg-config --cflags --libs gio-2.0 gio-unix-2.0)
 * With DBUS_STARTER_BUS_TYPE=session it asks a daemon on the session bus.
 */

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define NAME "org.rtcbus.Peer1"

static char *open_channel(GDBusConnection *bus, const char *call, const char *label, GError **error)
{
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        bus, NAME, call, NAME ".Call", "OpenChannel", g_variant_new("(sa{sv})", label, NULL),
        G_VARIANT_TYPE("(o)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, error);
    char *path = NULL;

    if (reply)
        g_variant_get(reply, "(o)", &path);
    return path;
}

static int acquire(GDBusConnection *bus, const char *channel, GError **error)
{
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_sync(
        bus, NAME, channel, NAME ".Channel", "Acquire", g_variant_new("(a{sv})", NULL),
        G_VARIANT_TYPE("(hu)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, &fds, NULL, error);

    return reply ? g_unix_fd_list_get(fds, 0, error) : -1;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    gboolean session = g_strcmp0(g_getenv("DBUS_STARTER_BUS_TYPE"), "session") == 0;
    g_autoptr(GDBusConnection) bus =
        g_bus_get_sync(session ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM, NULL, &error);
    g_autofree char *channel = NULL;
    static char answer[262144];
    struct timeval patience = {.tv_sec = 10};
    ssize_t n;
    int fd = -1;

    if (argc != 4 || !g_variant_is_object_path(argv[1])) {
        g_printerr("usage: %s CALL LABEL TEXT\n", argv[0]);
        return 2;
    }
    if (bus)
        channel = open_channel(bus, argv[1], argv[2], &error);
    if (channel)
        fd = acquire(bus, channel, &error);
    if (fd < 0) {
        g_printerr("%s\n", error->message);
        return 1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    send(fd, argv[3], strlen(argv[3]), MSG_NOSIGNAL);
    n = recv(fd, answer, sizeof answer, 0);
    g_print("%.*s\n", (int) MAX(n, 0), answer);
    return n > 0 ? 0 : 1;
}
