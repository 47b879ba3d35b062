/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A program's socket on a channel that goes on closing, as its remote does not answer. */

#include <config.h>

#include <sys/socket.h>
#include <unistd.h>

#include "fake-connection.h"
#include "peer/call/channel-fd.h"
#include "wait.h"

static const ConnectionOps ops = {};

typedef struct {
    Connection *connection;
    ChannelFd *fd;
    int program;
    guint before; /* descriptors of this process */
} Acquired;

static guint count_descriptors(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir))
        n++;
    return n;
}

static void acquire(Acquired *acquired)
{
    g_autoptr(GError) error = NULL;
    guint max_size;
    Channel *channel;

    while (g_main_context_iteration(NULL, FALSE))
        ;
    acquired->connection = connection_new(&(ConnectionConfig){}, &ops, NULL, NULL);
    channel = connection_open_channel(acquired->connection, "", &CHANNEL_OPTIONS_DEFAULT, &error);
    g_assert_no_error(error);
    acquired->before = count_descriptors();
    acquired->fd = channel_fd_new(channel, MESSAGE_TEXT, &acquired->program, &max_size, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(count_descriptors(), ==, acquired->before + 2);
}

static void release(Acquired *acquired)
{
    channel_fd_finish(acquired->fd);
    g_assert_cmpuint(count_descriptors(), ==, acquired->before);
    connection_free(acquired->connection);
}

static void test_gone(void)
{
    Acquired acquired;

    acquire(&acquired);
    close(acquired.program);
    wait_until(count_descriptors() == acquired.before);
    channel_fd_message(acquired.fd, (const guint8 *) "late", 4);
    g_assert_false(channel_fd_is_busy(acquired.fd));
    channel_fd_writable(acquired.fd);
    channel_fd_close(acquired.fd);
    release(&acquired);
}

/* Who has only ended what it sends still reads. */
static void test_half(void)
{
    Acquired acquired;
    char text[8];

    acquire(&acquired);
    g_assert_cmpint(shutdown(acquired.program, SHUT_WR), ==, 0);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    channel_fd_message(acquired.fd, (const guint8 *) "late", 4);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpint(recv(acquired.program, text, sizeof text, MSG_DONTWAIT), ==, 4);
    close(acquired.program);
    wait_until(count_descriptors() == acquired.before);
    release(&acquired);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/channel-fd/gone", test_gone);
    g_test_add_func("/channel-fd/half", test_half);
    return g_test_run();
}
