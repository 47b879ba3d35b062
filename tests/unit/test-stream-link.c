/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Links whose ends come in either order, too late, or never. Two of them make a way. */

#include <config.h>

#include "common/stream-link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/stream.h"
#include "wait.h"

enum { MAX_PACKET = 16384 };

typedef struct {
    guint done, freed;
} Seen;

static void on_done(StreamLink *link, const GError *error)
{
    g_assert_no_error(error);
    g_assert_false(stream_link_has_ended(link));
    ((Seen *) stream_link_data(link))->done++;
}

static void on_free(gpointer data)
{
    ((Seen *) data)->freed++;
}

static const StreamLinkOps ops = {.done = on_done, .free = on_free};

static void pair(int type, int fds[2])
{
    g_assert_cmpint(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
}

static bool is_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* What is written into one socket comes out of the other, and then both links are over. */
static void test_either_order(void)
{
    Seen seen = {};
    StreamLinks *links = stream_links_new(&ops);
    StreamLink *one = stream_link_new(links, &seen), *two = stream_link_new(links, &seen);
    int channel[2], left[2], right[2];
    char text[8] = "";

    pair(SOCK_SEQPACKET, channel);
    pair(SOCK_STREAM, left);
    pair(SOCK_STREAM, right);
    stream_link_set_packets(one, channel[0], MAX_PACKET);
    stream_link_set_socket(one, left[0]);
    stream_link_set_socket(two, right[0]);
    stream_link_set_packets(two, channel[1], MAX_PACKET);
    g_assert_cmpint(send(left[1], "hello", 5, 0), ==, 5);
    wait_until(recv(right[1], text, sizeof text, MSG_DONTWAIT) == 5);
    g_assert_cmpstr(text, ==, "hello");
    shutdown(left[1], SHUT_WR);
    shutdown(right[1], SHUT_WR);
    wait_until(seen.done == 2);
    g_assert_cmpuint(seen.freed, ==, 2);
    stream_links_free(links);
    close(left[1]);
    close(right[1]);
}

/* Whoever waits for an end finds that the link has ended, and what it brings is closed. */
static void test_too_late(void)
{
    Seen seen = {};
    StreamLinks *links = stream_links_new(&ops);
    StreamLink *link = stream_link_ref(stream_link_new(links, &seen));
    int channel[2], socket[2];

    pair(SOCK_SEQPACKET, channel);
    pair(SOCK_STREAM, socket);
    stream_link_set_packets(link, channel[0], MAX_PACKET);
    g_assert_false(g_cancellable_is_cancelled(stream_link_cancellable(link)));
    stream_links_free(links);
    g_assert_true(stream_link_has_ended(link));
    g_assert_true(g_cancellable_is_cancelled(stream_link_cancellable(link)));
    g_assert_true(is_closed(channel[1]));
    g_assert_false(is_closed(socket[1]));
    stream_link_set_socket(link, socket[0]);
    g_assert_true(is_closed(socket[1]));
    stream_link_end(link);
    g_assert_cmpuint(seen.freed, ==, 0);
    stream_link_unref(link);
    g_assert_cmpuint(seen.freed, ==, 1);
    g_assert_cmpuint(seen.done, ==, 0);
    close(channel[1]);
    close(socket[1]);
}

/* The other side is told that there is nothing to be reached. */
static void test_refused(void)
{
    Seen seen = {};
    StreamLinks *links = stream_links_new(&ops);
    StreamLink *link = stream_link_new(links, &seen);
    int channel[2];
    char packet[8] = "";

    pair(SOCK_SEQPACKET, channel);
    stream_link_set_packets(link, channel[0], MAX_PACKET);
    stream_link_refuse(link);
    g_assert_cmpuint(seen.freed, ==, 1);
    wait_until(recv(channel[1], packet, sizeof packet, MSG_DONTWAIT) == 2);
    g_assert_cmpstr(packet, ==, "Rf");
    close(channel[1]);
    stream_links_free(links);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stream-link/either-order", test_either_order);
    g_test_add_func("/stream-link/too-late", test_too_late);
    g_test_add_func("/stream-link/refused", test_refused);
    return g_test_run();
}
