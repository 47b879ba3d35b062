/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * An ordinary program that uses rtcbus, for the bench: it acquires a channel
 * over D-Bus and calls send() and recv(), a message each, or it makes calls.
 * Commands are lines on standard input, answers lines of JSON; the programs of
 * other stacks (agent-node.js, agent.py) know the same ones.
 *
 *   acquire CHANNEL   by the path of its object
 *   receive           counts what comes, from now on; echo: and sends it back
 *   count             how much that was
 *   send SIZE         messages of SIZE bytes, until hold, which tells how many
 *   ping SIZE COUNT   each when the answer to the last one is here; a third
 *                     word: and so many microseconds later
 *   calls PEER COUNT  one after the other, each until the first number comes
 *   crowd PEER COUNT  makes calls and leaves them open, a few at a time
 *   publish RATE SECONDS COUNT
 *                     RATE readings a second, of four series, COUNT in a message
 */

#include <config.h>

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "org.rtcbus.Peer1"
#define PATH "/org/rtcbus/Peer1"

enum {
    MESSAGE_MAX = 262144,
    CALL_TIMEOUT = 10, /* seconds */
    CALLS_AT_ONCE = 8,
    PUBLISHING_AT_ONCE = 100, /* the bus takes 128 that wait for an answer */
    PUBLISHING_STEP = 1000,   /* microseconds */
};

static GDBusConnection *bus;
static int fd = -1;
static atomic_ulong messages, bytes;
static atomic_bool sending;
static GThread *sender;

typedef struct {
    bool echo;
    size_t size;
} Job;

/* What a call of `calls` waits for */
typedef struct {
    bool number, ended, late;
} Progress;

/* Readings so far */
typedef struct {
    guint begun, done;
} Publishing;

/* In any thread: exit() would wait for the one that reads standard input. */
G_GNUC_NORETURN static void give_up(const char *text)
{
    fprintf(stderr, "%s\n", text);
    _exit(1);
}

static void acquire(const char *channel)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_sync(
        bus, NAME, channel, NAME ".Channel", "Acquire", g_variant_new("(a{sv})", NULL),
        G_VARIANT_TYPE("(hu)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, &fds, NULL, &error);

    if (reply)
        fd = g_unix_fd_list_get(fds, 0, &error);
    if (fd < 0)
        give_up(error->message);
    puts("{\"event\": \"open\"}");
}

/* ---- messages -------------------------------------------------------------- */

static gpointer receive_all(gpointer data)
{
    g_autofree Job *job = data;
    static char buffer[MESSAGE_MAX];
    ssize_t n;

    while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0) {
        if (job->echo && send(fd, buffer, n, MSG_NOSIGNAL) < 0)
            break;
        atomic_fetch_add_explicit(&messages, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&bytes, n, memory_order_relaxed);
    }
    return NULL;
}

static void start_receiving(bool echo)
{
    Job *job = g_new0(Job, 1);

    job->echo = echo;
    g_thread_unref(g_thread_new("receive", receive_all, job));
    puts("{}");
}

static void count(void)
{
    printf("{\"bytes\": %lu, \"messages\": %lu, \"time\": %.6f}\n", atomic_load(&bytes),
           atomic_load(&messages), g_get_monotonic_time() * 1e-6);
}

static gpointer send_all(gpointer data)
{
    g_autofree Job *job = data;
    static char buffer[MESSAGE_MAX];
    unsigned long sent = 0;

    while (atomic_load_explicit(&sending, memory_order_relaxed)) {
        if (send(fd, buffer, job->size, MSG_NOSIGNAL) < 0)
            give_up("send() failed");
        sent++;
    }
    return GSIZE_TO_POINTER(sent);
}

static void start_sending(size_t size)
{
    Job *job = g_new0(Job, 1);

    job->size = MIN(size, MESSAGE_MAX);
    atomic_store(&sending, true);
    sender = g_thread_new("send", send_all, job);
    puts("{}");
}

static void hold(void)
{
    atomic_store(&sending, false);
    printf("{\"sent\": %zu}\n", GPOINTER_TO_SIZE(g_thread_join(g_steal_pointer(&sender))));
}

static void ping(size_t size, int rounds, int pause_usec)
{
    static char buffer[MESSAGE_MAX];

    printf("{\"times\": [");
    for (int i = 0; i < rounds; i++) {
        gint64 began = g_get_monotonic_time();

        if (send(fd, buffer, MIN(size, MESSAGE_MAX), MSG_NOSIGNAL) < 0 ||
            recv(fd, buffer, sizeof buffer, 0) <= 0)
            give_up("no answer");
        printf("%s%" G_GINT64_FORMAT, i ? ", " : "", g_get_monotonic_time() - began);
        if (pause_usec)
            g_usleep(pause_usec);
    }
    puts("]}");
}

/* ---- calls ----------------------------------------------------------------- */

static void on_signal(GDBusConnection *connection, const char *sender_name, const char *path,
                      const char *interface, const char *name, GVariant *arguments, gpointer data)
{
    Progress *progress = data;

    if (strcmp(name, "NumberReceived") == 0)
        progress->number = true;
    else if (strcmp(name, "CallEnded") == 0)
        progress->ended = true;
}

static gboolean on_late(gpointer data)
{
    ((Progress *) data)->late = true;
    return G_SOURCE_REMOVE;
}

static void wait_for(const bool *condition, Progress *progress, const char *what)
{
    guint timer = g_timeout_add_seconds(CALL_TIMEOUT, on_late, progress);

    while (!*condition && !progress->late)
        g_main_context_iteration(NULL, TRUE);
    if (progress->late)
        give_up(what);
    g_source_remove(timer);
}

static GVariant *invoke(const char *path, const char *interface, const char *method,
                        GVariant *arguments)
{
    g_autoptr(GError) error = NULL;
    GVariant *reply = g_dbus_connection_call_sync(bus, NAME, path, interface, method, arguments,
                                                  NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);

    if (!reply)
        give_up(error->message);
    return reply;
}

/* The microseconds from Call to the signal of the first number. */
static gint64 call(const char *peer, Progress *progress)
{
    gint64 began = g_get_monotonic_time(), taken;
    g_autoptr(GVariant) reply = NULL, nothing = NULL;
    const char *path;

    *progress = (Progress){};
    reply = invoke(PATH, NAME, "Call", g_variant_new("(sa{sv})", peer, NULL));
    wait_for(&progress->number, progress, "no number came");
    taken = g_get_monotonic_time() - began;
    g_variant_get(reply, "(&o)", &path);
    nothing = invoke(path, NAME ".Call", "Hangup", NULL);
    wait_for(&progress->ended, progress, "the call did not end");
    return taken;
}

static void calls(const char *peer, int rounds)
{
    Progress progress = {};
    guint id = g_dbus_connection_signal_subscribe(
        bus, NAME, NAME, NULL, PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal, &progress, NULL);

    printf("{\"times\": [");
    for (int i = 0; i < rounds; i++)
        printf("%s%" G_GINT64_FORMAT, i ? ", " : "", call(peer, &progress));
    puts("]}");
    g_dbus_connection_signal_unsubscribe(bus, id);
}

static void on_state(GDBusConnection *connection, const char *sender_name, const char *path,
                     const char *interface, const char *name, GVariant *arguments, gpointer data)
{
    g_autoptr(GVariant) properties = g_variant_get_child_value(arguments, 1);
    const char *state, *reason;

    if (g_variant_lookup(properties, "State", "&s", &state) && strcmp(state, "connected") == 0)
        (*(int *) data)++;
    if (g_variant_lookup(properties, "Reason", "&s", &reason) && *reason)
        give_up(reason);
}

static void crowd(const char *peer, int rounds)
{
    int connected = 0, started = 0;
    guint id = g_dbus_connection_signal_subscribe(
        bus, NAME, "org.freedesktop.DBus.Properties", "PropertiesChanged", NULL, NAME ".Call",
        G_DBUS_SIGNAL_FLAGS_NONE, on_state, &connected, NULL);

    while (connected < rounds) {
        if (started < rounds && started - connected < CALLS_AT_ONCE) {
            g_variant_unref(invoke(PATH, NAME, "Call",
                                   g_variant_new_parsed("(%s, {'another': <true>})", peer)));
            started++;
        } else {
            g_main_context_iteration(NULL, TRUE);
        }
    }
    g_dbus_connection_signal_unsubscribe(bus, id);
    puts("{}");
}

/* ---- readings -------------------------------------------------------------- */

/* A message's readings */
typedef struct {
    Publishing *publishing;
    guint count;
} Load;

static void on_published(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autofree Load *load = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_finish(bus, result, &error);

    if (!reply)
        give_up(error->message);
    load->publishing->done += load->count;
}

static void send_load(Load *load, const char *method, GVariant *arguments)
{
    g_dbus_connection_call(bus, NAME, PATH, NAME, method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE,
                           -1, NULL, on_published, load);
}

static void publish_some(Publishing *publishing, guint count)
{
    static const char *const series[] = {"temperature", "humidity", "pressure", "wind"};
    Load *load = g_new(Load, 1);
    GVariantBuilder rows;

    *load = (Load){publishing, count};
    g_variant_builder_init(&rows, G_VARIANT_TYPE("a(sva{sv})"));
    for (guint i = 0; i < count; i++) {
        guint number = publishing->begun++;
        GVariant *reading = g_variant_new("(sva{sv})", series[number % 4],
                                          g_variant_new_double(number * 7919 % 4000 / 100.0), NULL);

        if (count == 1)
            send_load(load, "PublishReading", reading);
        else
            g_variant_builder_add_value(&rows, reading);
    }
    if (count > 1)
        send_load(load, "PublishReadings", g_variant_new("(a(sva{sv}))", &rows));
    g_variant_builder_clear(&rows);
}

/* Nobody waits for an answer before the next one is published, as far as PUBLISHING_AT_ONCE. */
static void publish(double rate, double seconds, guint count)
{
    Publishing publishing = {};
    gint64 began = g_get_monotonic_time();
    guint most = PUBLISHING_AT_ONCE * count;
    double passed = 0;

    while (passed < seconds || publishing.done < publishing.begun) {
        passed = (g_get_monotonic_time() - began) / 1e6;
        while (publishing.begun + count - 1 < MIN(passed, seconds) * rate &&
               publishing.begun - publishing.done < most)
            publish_some(&publishing, count);
        while (g_main_context_iteration(NULL, publishing.begun - publishing.done >= most))
            ;
        g_usleep(PUBLISHING_STEP);
    }
    printf("{\"published\": %u, \"seconds\": %.6f}\n", publishing.done,
           (g_get_monotonic_time() - began) / 1e6);
}

/* ---- commands -------------------------------------------------------------- */

static void obey(char *line)
{
    g_auto(GStrv) words = g_strsplit(g_strstrip(line), " ", 4);
    const char *name = words[0] ? words[0] : "";
    int n = words[0] ? g_strv_length(words) : 0;

    if (strcmp(name, "acquire") == 0 && n == 2)
        acquire(words[1]);
    else if (strcmp(name, "receive") == 0 || strcmp(name, "echo") == 0)
        start_receiving(*name == 'e');
    else if (strcmp(name, "count") == 0)
        count();
    else if (strcmp(name, "send") == 0 && n == 2)
        start_sending(atoi(words[1]));
    else if (strcmp(name, "hold") == 0 && sender)
        hold();
    else if (strcmp(name, "ping") == 0 && n >= 3)
        ping(atoi(words[1]), atoi(words[2]), n == 4 ? atoi(words[3]) : 0);
    else if (strcmp(name, "calls") == 0 && n == 3)
        calls(words[1], atoi(words[2]));
    else if (strcmp(name, "crowd") == 0 && n == 3)
        crowd(words[1], atoi(words[2]));
    else if (strcmp(name, "publish") == 0 && n == 4)
        publish(g_ascii_strtod(words[1], NULL), g_ascii_strtod(words[2], NULL), atoi(words[3]));
    else
        give_up("no such command");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    char line[256];

    if (argc != 2)
        give_up("usage: agent BUS-ADDRESS");
    bus = g_dbus_connection_new_for_address_sync(argv[1],
                                                 G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                     G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                 NULL, NULL, &error);
    if (!bus)
        give_up(error->message);
    while (fgets(line, sizeof line, stdin))
        obey(line);
    return 0;
}
