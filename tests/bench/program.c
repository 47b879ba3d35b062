/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * An ordinary program at a channel, as anybody would write it: it acquires the
 * channel over D-Bus and then calls send() and recv(), a message each.
 *
 * send     messages for SECONDS, then an empty one, and waits for the end
 * receive  until the empty one; prints messages, bytes and the seconds that
 *          they took, leaving out those of the first WARM-UP seconds
 * echo     sends back what comes, until the end
 * ping     COUNT messages, the next one when the answer is here and PAUSE is
 *          over; prints each round trip in microseconds, a line each
 */

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define NAME "org.rtcbus.Peer1"
#define MESSAGE_MAX (512 * 1024)

static char *address, *channel;
static int size = 64, count = 1000, pause_usec;
static double seconds = 3, warm_up = 0.5;
static guint8 buffer[MESSAGE_MAX];

static double now(void)
{
    return g_get_monotonic_time() * 1e-6;
}

static GDBusConnection *bus_get(GError **error)
{
    if (!address)
        return g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, error);
    return g_dbus_connection_new_for_address_sync(
        address,
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
            G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
        NULL, NULL, error);
}

static int acquire(GDBusConnection *bus, GError **error)
{
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_sync(
        bus, NAME, channel, NAME ".Channel", "Acquire", g_variant_new("(a{sv})", NULL),
        G_VARIANT_TYPE("(hu)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, &fds, NULL, error);

    return reply ? g_unix_fd_list_get(fds, 0, error) : -1;
}

static void do_send(int fd)
{
    double end = now() + seconds;

    while (now() < end) {
        for (int i = 0; i < 16; i++) {
            if (send(fd, buffer, size, MSG_NOSIGNAL) < 0)
                return;
        }
    }
    send(fd, buffer, 0, MSG_NOSIGNAL);
    recv(fd, buffer, sizeof buffer, 0);
}

static void do_receive(int fd)
{
    double first = 0, begin = 0;
    guint64 messages = 0, bytes = 0;
    ssize_t n;

    while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0) {
        messages++;
        bytes += n;
        if (begin > 0 || messages % 16 != 1)
            continue;
        first = first > 0 ? first : now();
        if (now() - first < warm_up)
            continue;
        begin = now();
        messages = bytes = 0;
    }
    g_print("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %.6f\n", messages, bytes, now() - begin);
}

static void do_echo(int fd)
{
    ssize_t n;

    while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0)
        send(fd, buffer, n, MSG_NOSIGNAL);
}

static void do_ping(int fd)
{
    gint64 *taken = g_new(gint64, count);
    int n;

    for (n = 0; n < count; n++) {
        gint64 began = g_get_monotonic_time();

        if (send(fd, buffer, size, MSG_NOSIGNAL) < 0 || recv(fd, buffer, sizeof buffer, 0) <= 0)
            break;
        taken[n] = g_get_monotonic_time() - began;
        if (pause_usec)
            g_usleep(pause_usec);
    }
    for (int i = 0; i < n; i++)
        g_print("%" G_GINT64_FORMAT "\n", taken[i]);
    g_free(taken);
}

static void (*find_role(const char *name))(int fd)
{
    static const struct {
        const char *name;
        void (*run)(int fd);
    } roles[] = {{"send", do_send}, {"receive", do_receive}, {"echo", do_echo}, {"ping", do_ping}};

    for (gsize i = 0; name && i < G_N_ELEMENTS(roles); i++) {
        if (strcmp(roles[i].name, name) == 0)
            return roles[i].run;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const GOptionEntry entries[] = {
        {"bus", 0, 0, G_OPTION_ARG_STRING, &address, "the system bus if there is none", "ADDRESS"},
        {"channel", 0, 0, G_OPTION_ARG_STRING, &channel, "its object", "PATH"},
        {"size", 0, 0, G_OPTION_ARG_INT, &size, "of a message", "BYTES"},
        {"count", 0, 0, G_OPTION_ARG_INT, &count, "of round trips", "N"},
        {"pause", 0, 0, G_OPTION_ARG_INT, &pause_usec, "between them", "MICROSECONDS"},
        {"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "to send for", "SECONDS"},
        {"warm-up", 0, 0, G_OPTION_ARG_DOUBLE, &warm_up, "not to count", "SECONDS"},
        {},
    };
    g_autoptr(GOptionContext) options = g_option_context_new("send|receive|echo|ping");
    g_autoptr(GDBusConnection) bus = NULL;
    g_autoptr(GError) error = NULL;
    void (*run)(int fd);
    int fd = -1;

    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, &error) || argc != 2 || !channel ||
        !(run = find_role(argv[1])) || size < 0 || size > MESSAGE_MAX || count < 0) {
        g_printerr("%s\n", error ? error->message : "see --help");
        return 2;
    }
    bus = bus_get(&error);
    if (bus)
        fd = acquire(bus, &error);
    if (fd < 0) {
        g_printerr("%s\n", error->message);
        return 1;
    }
    g_print("ready\n");
    run(fd);
    return 0;
}
