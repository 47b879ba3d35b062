/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Contexts that are run from the default one: timers, descriptors, and turns of their sockets. */

#include <config.h>

#include <dlfcn.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <unistd.h>

#include "rtc/ice/keep-alive.h"
#include "rtc/ice/nested-context.h"
#include "wait.h"

static void run_until(const bool *done)
{
    wait_until(*done);
}

static gboolean on_event(gpointer data)
{
    *(bool *) data = true;
    return G_SOURCE_REMOVE;
}

static gboolean on_fd(int fd, GIOCondition condition, gpointer data)
{
    return on_event(data);
}

static void attach(NestedContext *context, GSource *source, GSourceFunc callback, gpointer data)
{
    g_source_set_callback(source, callback, data, NULL);
    g_source_attach(source, nested_context_get(context));
    g_source_unref(source);
}

static void attach_fd(NestedContext *context, int fd, GIOCondition condition, bool *done)
{
    attach(context, g_unix_fd_source_new(fd, condition), G_SOURCE_FUNC(on_fd), done);
}

static void test_timers(void)
{
    NestedContext *contexts[40];
    bool fired[G_N_ELEMENTS(contexts)] = {}, never = false;

    for (guint i = 0; i < G_N_ELEMENTS(contexts); i++) {
        contexts[i] = nested_context_new();
        attach(contexts[i], g_timeout_source_new(60000), on_event, &never);
        attach(contexts[i], g_timeout_source_new(i % 7), on_event, &fired[i]);
    }
    for (guint i = 0; i < G_N_ELEMENTS(contexts); i++)
        run_until(&fired[i]);
    g_assert_false(never);
    for (guint i = 0; i < G_N_ELEMENTS(contexts); i++)
        nested_context_free(contexts[i]);
}

static GSource *named_timer(guint seconds, const char *name)
{
    GSource *source = g_timeout_source_new_seconds(seconds);

    g_source_set_name(source, name);
    return source;
}

static void test_hasten(void)
{
    NestedContext *context = nested_context_new();
    bool wanted = false, other = false;

    nested_context_set_time(context, "wanted", 0); /* there is none */
    attach(context, named_timer(3600, "other"), on_event, &other);
    attach(context, named_timer(3600, "wanted"), on_event, &wanted);
    attach(context, named_timer(3600, "other"), on_event, &other);
    nested_context_set_time(context, "wanted", 0);
    run_until(&wanted);
    g_assert_false(other);
    nested_context_free(context);
}

/* When the timer is due, in seconds from now */
static double due(GSource *timer)
{
    return (g_source_get_ready_time(timer) - g_get_monotonic_time()) / (double) G_USEC_PER_SEC;
}

/* Only the answer to the last check puts the next one off. */
static void test_keep_alive(void)
{
    static const guint8 first[STUN_ID_LENGTH] = {1}, second[STUN_ID_LENGTH] = {2};
    NestedContext *context = nested_context_new();
    KeepAlive keep = {.context = context, .seconds = 5};
    GSource *timer = named_timer(3600, "Connectivity keepalive timeout");
    bool rung = false;

    attach(context, g_source_ref(timer), on_event, &rung);
    keep_alive_sent(&keep, first);
    keep_alive_answered(&keep, first);
    g_assert_cmpfloat(due(timer), >, 3000); /* libnice's own */
    keep.seconds = 25;
    keep_alive_answered(&keep, first);
    g_assert_cmpfloat(due(timer), >, 3000); /* no check has been since */
    keep_alive_sent(&keep, first);
    keep_alive_sent(&keep, second);
    keep_alive_answered(&keep, first);
    g_assert_cmpfloat(due(timer), >, 3000);
    keep_alive_answered(&keep, second);
    g_assert_cmpfloat(due(timer), >, 15);
    g_assert_cmpfloat(due(timer), <=, 25);
    nested_context_set_time(context, "Connectivity keepalive timeout", 0);
    run_until(&rung);
    g_source_unref(timer);
    nested_context_free(context);
}

/* Two checks in a row may be lost before consent ends. */
static void test_consent(void)
{
    enum { CONSENT = 30, NEXT = 6, ANSWER = 2 };
    static const guint8 id[STUN_ID_LENGTH] = {1};
    NestedContext *context = nested_context_new();
    KeepAlive keep = {.context = context, .seconds = keep_alive_within(25, true)};
    GSource *timer = named_timer(3600, "Connectivity keepalive timeout");
    bool rung = false;

    attach(context, g_source_ref(timer), on_event, &rung);
    for (guint i = 0; i < 100; i++) {
        keep_alive_sent(&keep, id);
        keep_alive_answered(&keep, id);
        g_assert_cmpfloat(due(timer), <=, CONSENT - 2 * NEXT - ANSWER);
    }
    g_assert_cmpuint(keep_alive_within(5, true), ==, 5);
    g_assert_cmpuint(keep_alive_within(25, false), ==, 25);
    g_source_unref(timer);
    nested_context_free(context);
}

static void test_descriptors(void)
{
    NestedContext *context = nested_context_new();
    bool readable = false, writable = false, idle = false;
    int fds[2];

    g_assert_true(g_unix_open_pipe(fds, FD_CLOEXEC, NULL));
    attach_fd(context, fds[0], G_IO_IN, &readable);
    attach_fd(context, fds[1], G_IO_OUT, &writable);
    run_until(&writable);
    g_assert_false(readable);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    run_until(&readable);
    /* Level-triggered, and a source that comes from elsewhere is noticed. */
    readable = false;
    attach_fd(context, fds[0], G_IO_IN, &readable);
    run_until(&readable);
    attach(context, g_idle_source_new(), on_event, &idle);
    run_until(&idle);
    nested_context_free(context);
    close(fds[0]);
    close(fds[1]);
}

/* A number that is closed and opened again may be watched in another context. */
static void test_same_number(void)
{
    NestedContext *first = nested_context_new(), *second = nested_context_new();
    bool once = false, again = false, ready = false;
    int fds[2], others[2];

    g_assert_true(g_unix_open_pipe(fds, FD_CLOEXEC, NULL));
    attach_fd(first, fds[0], G_IO_IN, &once);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    run_until(&once);
    attach_fd(first, fds[0], G_IO_IN, &once);
    run_until(&once);
    close(fds[0]);
    close(fds[1]);
    g_assert_true(g_unix_open_pipe(others, FD_CLOEXEC, NULL));
    g_assert_cmpint(others[0], ==, fds[0]);
    attach_fd(second, others[0], G_IO_IN, &again);
    attach(second, g_idle_source_new(), on_event, &ready);
    run_until(&ready);
    nested_context_free(first);
    g_assert_false(again);
    g_assert_cmpint(write(others[1], "x", 1), ==, 1);
    run_until(&again);
    nested_context_free(second);
    close(others[0]);
    close(others[1]);
}

typedef struct {
    GSocket *socket;
    guint received; /* in all */
    guint turn;     /* in the last turn */
    bool called;
} Reader;

static guint read_all(GSocket *socket)
{
    char packet[16];
    GInputVector vector = {packet, sizeof packet};
    g_autoptr(GError) error = NULL;
    guint n = 0;

    while (g_socket_receive_message(socket, NULL, &vector, 1, NULL, NULL, NULL, NULL, &error) > 0)
        n++;
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
    return n;
}

/* As libnice does: until there is nothing more. */
static gboolean on_readable(GSocket *socket, GIOCondition condition, gpointer data)
{
    Reader *reader = data;

    reader->turn = read_all(socket);
    reader->received += reader->turn;
    reader->called = true;
    return G_SOURCE_CONTINUE;
}

static GSocket *make_socket(void)
{
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new(loopback, 0), own = NULL;
    GSocket *socket =
        g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);

    g_socket_set_blocking(socket, FALSE);
    g_assert_true(g_socket_bind(socket, any, FALSE, NULL));
    own = g_socket_get_local_address(socket, NULL);
    g_assert_true(g_socket_connect(socket, own, NULL, NULL));
    return socket;
}

static void make_reader(Reader *reader, NestedContext *context)
{
    g_autoptr(GSource) source = NULL;

    *reader = (Reader){.socket = make_socket()};
    source = g_socket_create_source(reader->socket, G_IO_IN, NULL);
    g_source_set_callback(source, G_SOURCE_FUNC(on_readable), reader, NULL);
    g_source_attach(source, nested_context_get(context));
}

static void flood(GSocket *socket, guint packets)
{
    for (guint i = 0; i < packets; i++)
        g_assert_cmpint(g_socket_send(socket, "flood", 5, NULL, NULL), ==, 5);
}

static gboolean on_turn(gpointer data)
{
    (*(guint *) data)++;
    return G_SOURCE_CONTINUE;
}

/* Turns are short, others come between them, and each packet is read in the end. */
static void test_flood(void)
{
    enum { PACKETS = 200 };
    NestedContext *context = nested_context_new();
    Reader flooded, other;
    guint others = 0, id = g_idle_add_full(G_PRIORITY_DEFAULT, on_turn, &others, NULL);

    make_reader(&flooded, context);
    make_reader(&other, context);
    flood(flooded.socket, PACKETS);
    flood(other.socket, 1);
    while (flooded.received < PACKETS) {
        flooded.called = false;
        run_until(&flooded.called);
        g_assert_cmpuint(flooded.turn, <=, SOCKET_TURN_READS);
        g_assert_cmpuint(other.received, ==, 1); /* it has its own share of the turn */
    }
    g_assert_cmpuint(flooded.received, ==, PACKETS);
    g_assert_cmpuint(others, >=, PACKETS / (2 * SOCKET_TURN_READS));
    g_source_remove(id);
    nested_context_free(context);
    g_object_unref(flooded.socket);
    g_object_unref(other.socket);
}

static gpointer on_thread(gpointer data)
{
    return GUINT_TO_POINTER(read_all(data));
}

static gboolean on_read_elsewhere(gpointer data)
{
    Reader *reader = data;

    reader->received =
        GPOINTER_TO_UINT(g_thread_join(g_thread_new("reader", on_thread, reader->socket)));
    reader->called = true;
    return G_SOURCE_REMOVE;
}

/* A thread of GIO's reads what there is, turn or no turn. */
static void test_other_thread(void)
{
    NestedContext *context = nested_context_new();
    Reader reader = {.socket = make_socket()};

    flood(reader.socket, 100);
    attach(context, g_idle_source_new(), on_read_elsewhere, &reader);
    run_until(&reader.called);
    g_assert_cmpuint(reader.received, ==, 100);
    flood(reader.socket, 100);
    g_assert_cmpuint(read_all(reader.socket), ==, 100); /* nor is there a turn after it */
    nested_context_free(context);
    g_object_unref(reader.socket);
}

/* libraries find ours, because the program comes before them */
static void test_first_definition(void)
{
    g_assert_true(dlsym(RTLD_DEFAULT, "g_socket_receive_message") ==
                  (gpointer) g_socket_receive_message);
    g_assert_true(dlsym(RTLD_DEFAULT, "g_socket_send_message") == (gpointer) g_socket_send_message);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nested-context/timers", test_timers);
    g_test_add_func("/nested-context/hasten", test_hasten);
    g_test_add_func("/nested-context/keep-alive", test_keep_alive);
    g_test_add_func("/nested-context/consent", test_consent);
    g_test_add_func("/nested-context/descriptors", test_descriptors);
    g_test_add_func("/nested-context/same-number", test_same_number);
    g_test_add_func("/nested-context/flood", test_flood);
    g_test_add_func("/nested-context/other-thread", test_other_thread);
    g_test_add_func("/nested-context/first-definition", test_first_definition);
    return g_test_run();
}
