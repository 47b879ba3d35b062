/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Contexts that are run from the default one: timers, descriptors, numbers of descriptors. */

#include <config.h>

#include <glib-unix.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

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

static void attach(NestedContext *context, GSource *source, GSourceFunc callback, bool *done)
{
    g_source_set_callback(source, callback, done, NULL);
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
    bool feeds, empty;
    guint64 read;
} Flood;

/* As libnice does: until there is nothing more. Each packet read is followed by two. */
static gboolean on_flood(int fd, GIOCondition condition, gpointer data)
{
    Flood *flood = data;
    char packet[16];

    while (recv(fd, packet, sizeof packet, MSG_DONTWAIT) > 0) {
        g_assert_cmpuint(++flood->read, <, 1000 * 1000);
        for (int i = 0; flood->feeds && i < 2; i++)
            send(fd, "flood", 5, MSG_DONTWAIT);
    }
    flood->empty = true;
    return G_SOURCE_CONTINUE;
}

/* A turn ends although packets come faster than they are read, and the next gets packets again. */
static void test_flood(void)
{
    NestedContext *context = nested_context_new();
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = g_htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    Flood flood = {.feeds = true};
    bool ready = false;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    GSource *source = g_unix_fd_source_new(fd, G_IO_IN);

    g_assert_no_errno(bind(fd, (struct sockaddr *) &address, length));
    g_assert_no_errno(getsockname(fd, (struct sockaddr *) &address, &length));
    g_assert_no_errno(connect(fd, (struct sockaddr *) &address, length));
    g_source_set_callback(source, G_SOURCE_FUNC(on_flood), &flood, NULL);
    g_source_attach(source, nested_context_get(context));
    attach(context, g_idle_source_new(), on_event, &ready);
    run_until(&ready);
    for (int i = 0; i < 3; i++) {
        flood.empty = false;
        g_assert_cmpint(send(fd, "first", 5, 0), ==, 5);
        run_until(&flood.empty);
        g_assert_cmpuint(flood.read, >, 1000);
    }
    flood = (Flood){};
    g_assert_cmpint(send(fd, "last", 4, 0), ==, 4);
    run_until(&flood.empty);
    g_assert_cmpuint(flood.read, ==, 1);
    g_source_destroy(source);
    g_source_unref(source);
    nested_context_free(context);
    close(fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nested-context/timers", test_timers);
    g_test_add_func("/nested-context/descriptors", test_descriptors);
    g_test_add_func("/nested-context/same-number", test_same_number);
    g_test_add_func("/nested-context/flood", test_flood);
    return g_test_run();
}
