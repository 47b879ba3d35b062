/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * sensor VALUE publishes a reading to every listener; sensor --follow prints
 * the readings of others as they come, a line each, until it is interrupted.
 *
 * cc sensor.c -o sensor $(pkg-config --cflags --libs gio-2.0)
 * With DBUS_STARTER_BUS_TYPE=session it talks to a daemon on the session bus.
 */

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "org.rtcbus.Peer1"
#define PATH "/org/rtcbus/Peer1"

static void on_number(GDBusConnection *bus, const char *sender, const char *path,
                      const char *interface, const char *signal, GVariant *parameters,
                      gpointer data)
{
    const char *peer;
    double value;

    (void) bus, (void) sender, (void) path, (void) interface, (void) signal, (void) data;
    g_variant_get(parameters, "(tt&sd)", NULL, NULL, &peer, &value);
    g_print("%s %.15g\n", peer, value);
}

static int follow(GDBusConnection *bus)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

    g_dbus_connection_signal_subscribe(bus, NAME, NAME, "NumberReceived", PATH, NULL,
                                       G_DBUS_SIGNAL_FLAGS_NONE, on_number, NULL, NULL);
    g_main_loop_run(loop);
    return 0;
}

static int publish(GDBusConnection *bus, double value)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        bus, NAME, PATH, NAME, "Publish", g_variant_new("(d)", value), G_VARIANT_TYPE("(t)"),
        G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);

    if (!reply)
        g_printerr("%s\n", error->message);
    return reply ? 0 : 1;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    gboolean session = g_strcmp0(g_getenv("DBUS_STARTER_BUS_TYPE"), "session") == 0;
    g_autoptr(GDBusConnection) bus =
        g_bus_get_sync(session ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM, NULL, &error);
    char *end = NULL;
    double value = argc == 2 ? g_ascii_strtod(argv[1], &end) : 0;
    gboolean follows = argc == 2 && strcmp(argv[1], "--follow") == 0;

    if (argc != 2 || (!follows && (end == argv[1] || *end))) {
        g_printerr("usage: %s VALUE|--follow\n", argv[0]);
        return 2;
    }
    if (!bus) {
        g_printerr("%s\n", error->message);
        return 1;
    }
    return follows ? follow(bus) : publish(bus, value);
}
