/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A byte stream whose other end sends what it likes, while the program on this side
 * reads, writes and closes as it likes. What comes out is what went in, in order; and
 * a stream that is over has no error only if all of it has arrived.
 */

#include <config.h>

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/stream.h"

#define MAX_PACKET 65536
#define MAX_OPERATIONS 200

typedef struct {
    int channel, program; /* the far ends of the stream's sockets */
    guint64 came, read;   /* bytes of data: to the stream, and out of it */
    guint64 written;      /* by the program */
    bool done, failed;
} Ends;

static guint8 buffer[256 * 1024];

static void make_pair(int type, int pair[2])
{
    g_assert_cmpint(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==, 0);
}

static void on_done(Stream *stream, const GError *error, gpointer data)
{
    Ends *ends = data;

    ends->done = true;
    ends->failed = error != NULL;
}

/* The byte at POSITION of the data; the period is no power of two. */
static guint8 pattern(guint64 position)
{
    return (guint8) (position % 251);
}

/* Between 0 and 262,143, mostly small */
static gsize read_size(FuzzInput *input)
{
    guint n = fuzz_u8(input);

    return n < 224 ? n : (gsize) 1 << (n % 19);
}

static void send_data(Ends *ends, gsize length)
{
    length = MIN(length, sizeof buffer - 1);
    buffer[0] = 'D';
    for (gsize i = 0; i < length; i++)
        buffer[1 + i] = pattern(ends->came + i);
    if (send(ends->channel, buffer, 1 + length, MSG_NOSIGNAL) >= 0)
        ends->came += length;
}

static void send_count(Ends *ends, FuzzInput *input, char type)
{
    guint how = fuzz_u8(input);
    guint64 counts[] = {ends->came, ends->written, ends->came + fuzz_u8(input),
                        (guint64) fuzz_u32(input) << 32 | fuzz_u32(input)};
    guint64 order = GUINT64_TO_BE(counts[how % G_N_ELEMENTS(counts)]);

    buffer[0] = (guint8) type;
    memcpy(buffer + 1, &order, sizeof order);
    send(ends->channel, buffer, 1 + sizeof order, MSG_NOSIGNAL);
}

static void send_raw(Ends *ends, FuzzInput *input)
{
    gsize length = fuzz_bytes(input, buffer, fuzz_u8(input));

    if (length > 0 && buffer[0] != 'D')
        send(ends->channel, buffer, length, MSG_NOSIGNAL);
}

static void program_reads(Ends *ends)
{
    ssize_t n = recv(ends->program, buffer, sizeof buffer, 0);

    for (ssize_t i = 0; i < n; i++)
        g_assert_cmpint(buffer[i], ==, pattern(ends->read + (guint64) i));
    if (n > 0)
        ends->read += (guint64) n;
    g_assert_cmpuint(ends->read, <=, ends->came);
}

static void program_writes(Ends *ends, gsize length)
{
    ssize_t n = send(ends->program, buffer, MIN(length, sizeof buffer), MSG_NOSIGNAL);

    if (n > 0)
        ends->written += (guint64) n;
}

static void operate(Ends *ends, FuzzInput *input)
{
    static const char counts[] = "EACB";
    guint operation = fuzz_u8(input) % 16;

    if (operation < 4)
        send_data(ends, read_size(input));
    else if (operation < 8)
        send_count(ends, input, counts[operation - 4]);
    else if (operation == 8)
        send_raw(ends, input);
    else if (operation == 9)
        program_writes(ends, read_size(input));
    else if (operation == 10)
        program_reads(ends);
    else if (operation == 11)
        shutdown(ends->program, SHUT_WR);
    else if (operation == 12)
        shutdown(ends->channel, SHUT_WR);
    else if (operation == 13)
        fuzz_sleep(read_size(input));
    else
        recv(ends->channel, buffer, sizeof buffer, 0);
    fuzz_turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, data + size};
    int channel[2], program[2];
    Ends ends = {};
    Stream *stream;

    fuzz_begin();
    make_pair(SOCK_SEQPACKET, channel);
    make_pair(SOCK_STREAM, program);
    ends.channel = channel[1];
    ends.program = program[1];
    stream = stream_new(channel[0], MAX_PACKET, program[0], program[0], on_done, &ends);
    for (guint i = 0; i < MAX_OPERATIONS && fuzz_more(&input) && !ends.done; i++)
        operate(&ends, &input);
    program_reads(&ends);
    if (ends.done && !ends.failed)
        g_assert_cmpuint(stream_received(stream), ==, ends.came);
    close(ends.channel);
    close(ends.program);
    fuzz_turn();
    stream_free(stream);
    return 0;
}
