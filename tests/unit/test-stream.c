/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A stream between a socket and a remote that keeps to the letter of stream.h
 * and no more: what it costs us, and how small its messages may be. */

#include <config.h>

#include <malloc.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/stream.h"
#include "wait.h"

typedef struct {
    int remote;  /* packets */
    int program; /* the other end of input and output */
    Stream *stream;
    GError *error;
    bool done;
} Fixture;

static void on_done(Stream *stream, const GError *error, gpointer data)
{
    Fixture *f = data;

    f->done = true;
    f->error = error ? g_error_copy(error) : NULL;
}

static void begin(Fixture *f, gsize max_packet)
{
    int packets[2], bytes[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets), ==, 0);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, bytes), ==, 0);
    f->remote = packets[0];
    f->program = bytes[0];
    f->stream = stream_new(packets[1], max_packet, bytes[1], bytes[1], on_done, f);
}

static void end(Fixture *f)
{
    stream_free(f->stream);
    g_clear_error(&f->error);
    close(f->remote);
    if (f->program >= 0)
        close(f->program);
}

/* Each direction's end and acknowledgement are nine bytes. */
static void test_short_messages(void)
{
    Fixture f = {};
    char packet[64];

    begin(&f, 8);
    wait_until(f.done);
    g_assert_error(f.error, STREAM_ERROR, STREAM_ERROR_WRONG);
    g_assert_cmpint(recv(f.remote, packet, sizeof packet, MSG_DONTWAIT), <, 0);
    end(&f);

    f = (Fixture){};
    begin(&f, 9);
    g_assert_cmpint(send(f.program, "0123456789", 10, 0), ==, 10);
    g_assert_cmpint(shutdown(f.program, SHUT_WR), ==, 0);
    wait_until(stream_sent(f.stream) == 10);
    g_assert_cmpint(recv(f.remote, packet, sizeof packet, 0), ==, 9);
    g_assert_cmpmem(packet, 9, "D01234567", 9);
    g_assert_cmpint(recv(f.remote, packet, sizeof packet, 0), ==, 3);
    g_assert_cmpmem(packet, 3, "D89", 3);
    end(&f);
}

static gsize allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* A credit in packets of one byte, while nobody reads: no more memory than in large ones. */
static void test_small_packets(void)
{
    Fixture f = {};
    gsize before, sent = 0, got = 0;
    guint8 packet[2] = {'D'}, bytes[65536];

    begin(&f, 65536);
    before = allocated();
    while (sent < STREAM_CREDIT) {
        packet[1] = sent % 251;
        if (send(f.remote, packet, sizeof packet, MSG_DONTWAIT) == sizeof packet)
            sent++;
        else
            g_main_context_iteration(NULL, TRUE);
    }
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(stream_received(f.stream), <, STREAM_CREDIT / 2);
    g_test_message("%zu KiB are held for %d KiB", (allocated() - before) / 1024,
                   STREAM_CREDIT / 1024);
    g_assert_cmpuint(allocated() - before, <, 3 * STREAM_CREDIT);
    while (got < sent) {
        ssize_t n = recv(f.program, bytes, sizeof bytes, MSG_DONTWAIT);

        for (ssize_t i = 0; i < n; i++)
            g_assert_cmpuint(bytes[i], ==, got++ % 251);
        if (n < 0)
            g_main_context_iteration(NULL, TRUE);
    }
    g_assert_cmpuint(stream_received(f.stream), ==, sent);
    end(&f);
}

/* PROGRAM sends all that there is credit for and then MORE; the remote takes what comes. */
static void spend_credit(Fixture *f, const char *more)
{
    static guint8 bytes[65536], packet[65536 + 1];
    gsize taken = 0, sent = 0;

    while (taken < STREAM_CREDIT) {
        ssize_t n = recv(f->remote, packet, sizeof packet, MSG_DONTWAIT);

        if (n > 0)
            taken += n - 1;
        if (sent < STREAM_CREDIT &&
            (n = send(f->program, bytes, MIN(sizeof bytes, STREAM_CREDIT - sent), MSG_DONTWAIT)) >
                0)
            sent += n;
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_cmpuint(taken, ==, STREAM_CREDIT);
    g_assert_cmpint(send(f->program, more, strlen(more), 0), ==, strlen(more));
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpint(recv(f->remote, packet, sizeof packet, MSG_DONTWAIT), ==, 9);
    g_assert_cmpint(packet[0], ==, 'B');
}

/* A program that goes while there is no credit: closed with something unread, it was reset. */
static void test_reset_without_credit(void)
{
    Fixture f = {};

    begin(&f, 65537);
    spend_credit(&f, "more");
    g_assert_cmpint(send(f.remote, "Dunread", 7, 0), ==, 7);
    wait_until(stream_received(f.stream) == 6);
    g_assert_cmpint(close(f.program), ==, 0);
    f.program = -1;
    wait_until(f.done);
    g_assert_error(f.error, STREAM_ERROR, STREAM_ERROR_IO);
    end(&f);
}

/* One that has closed is none: what it has said waits, and the loop sleeps. */
static void test_end_without_credit(void)
{
    static const guint8 credit[9] = {'C', 0, 0, 0, 0, 0, 0x10, 0, 0};
    Fixture f = {};
    char packet[64];

    begin(&f, 65537);
    spend_credit(&f, "more");
    g_assert_cmpint(close(f.program), ==, 0);
    f.program = -1;
    for (int turn = 0; turn < 100 && g_main_context_iteration(NULL, FALSE); turn++)
        g_assert_cmpint(turn, <, 10);
    g_assert_false(f.done);
    g_assert_cmpint(send(f.remote, credit, sizeof credit, 0), ==, sizeof credit);
    wait_until(recv(f.remote, packet, sizeof packet, MSG_DONTWAIT | MSG_PEEK) > 0);
    g_assert_cmpint(recv(f.remote, packet, sizeof packet, 0), ==, 5);
    g_assert_cmpmem(packet, 5, "Dmore", 5);
    wait_until(recv(f.remote, packet, sizeof packet, MSG_DONTWAIT | MSG_PEEK) > 0);
    g_assert_cmpint(recv(f.remote, packet, sizeof packet, 0), ==, 9);
    g_assert_cmpint(packet[0], ==, 'E');
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stream/short-messages", test_short_messages);
    g_test_add_func("/stream/small-packets", test_small_packets);
    g_test_add_func("/stream/reset-without-credit", test_reset_without_credit);
    g_test_add_func("/stream/end-without-credit", test_end_without_credit);
    return g_test_run();
}
