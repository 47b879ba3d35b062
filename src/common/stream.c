/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Input and output may be shared with other programs (a terminal, a pipe that
 * a shell has open), so they are not made non-blocking: each is asked first
 * whether it is ready, and gets no more than it then takes for certain.
 */

#include <config.h>

#include "common/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"

G_DEFINE_QUARK(rtcbus - stream - error - quark, stream_error)

enum { HEADER = 1, COUNT = 8 };
#define CHUNK (64 * 1024)
/* The longest message that comes (a=max-message-size) */
#define RECEIVE_SIZE (256 * 1024)
/* Packets taken in one dispatch */
enum { TURN = 16 };
/* A window doubles when its sender is blocked though all of it is written, for
 * then the way is longer than the window; all streams of a process share what
 * they have beyond STREAM_CREDIT. */
#define WINDOW_MAX (4 * 1024 * 1024)
#define WINDOWS_EXTRA_MAX (32 * 1024 * 1024)

/* A socket whose other end does not read is kept no longer than this, in seconds, after the
 * channel was cut: remotes could pile up such ones. A pager may take its time. So long, too, is
 * what came before a reset kept for a remote that does not read. */
enum { CUT_TIME = 5 };

typedef enum {
    HALF_OPEN,
    HALF_ENDED,        /* E is sent; or has come, and some of the data is still to be written */
    HALF_ACKNOWLEDGED, /* A has come; or is sent */
    HALF_BROKEN,       /* the channel takes no more; what it has for us may say why */
} HalfState;

struct Stream {
    int packets, input, output;
    gsize max_chunk;
    HalfState sending, receiving;
    enum {
        OUTPUT_SOCKET,
        OUTPUT_NONBLOCKING,
        OUTPUT_FILE, /* never blocks for long */
        OUTPUT_SHARED,
    } output_kind;
    guint input_source, output_source, hang_up_source, packets_in, packets_out, finisher;
    guint cut_timer, reset_timer;
    GQueue outbox;    /* of GBytes: packets that the channel did not take yet */
    GQueue unwritten; /* of GByteArray, for the output; small packets share one */
    gsize unwritten_bytes, unwritten_start; /* the latter within the first one */
    guint64 sent, received;                 /* `received` is what has been written */
    guint64 credit, granted;                /* what we may send, and what the other side may */
    gsize window;                           /* what may be on its way to us or unwritten */
    bool blocked_told;                      /* B is sent, and no C has come since */
    bool cut;     /* the channel has ended; what it brought is still written */
    bool heard;   /* the other side has sent something */
    bool hung_up; /* seen, and it would be reported again and again */
    StreamDone done;
    gpointer data;
    GError *error;
};

static gsize windows_extra; /* of all streams */

static void stream_update(Stream *stream);

guint64 stream_sent(const Stream *stream)
{
    return stream->sent;
}

guint64 stream_received(const Stream *stream)
{
    return stream->received;
}

/* ---- the end ------------------------------------------------------------------ */

static gboolean on_finished(gpointer data)
{
    Stream *stream = data;

    stream->finisher = 0;
    stream->done(stream, stream->error, stream->data);
    return G_SOURCE_REMOVE;
}

/* `done` comes from the main loop, for it may free the stream. */
static void stream_finish(Stream *stream)
{
    if (stream->finisher == 0)
        stream->finisher = g_idle_add_full(G_PRIORITY_DEFAULT, on_finished, stream, NULL);
    g_clear_handle_id(&stream->input_source, g_source_remove);
    g_clear_handle_id(&stream->output_source, g_source_remove);
    g_clear_handle_id(&stream->hang_up_source, g_source_remove);
    g_clear_handle_id(&stream->packets_in, g_source_remove);
    g_clear_handle_id(&stream->packets_out, g_source_remove);
    g_clear_handle_id(&stream->cut_timer, g_source_remove);
    g_clear_handle_id(&stream->reset_timer, g_source_remove);
}

static void stream_fail(Stream *stream, StreamError code, const char *message)
{
    if (stream->finisher)
        return;
    stream->error = g_error_new_literal(STREAM_ERROR, code, message);
    stream_finish(stream);
}

static void stream_fail_errno(Stream *stream, const char *what)
{
    g_autofree char *message = g_strdup_printf("%s: %s", what, g_strerror(errno));

    stream_fail(stream, STREAM_ERROR_IO, message);
}

/* ---- to the channel ----------------------------------------------------------- */

/* False if the channel takes no more now. */
static bool stream_try_send(Stream *stream, const void *packet, gsize length)
{
    if (send(stream->packets, packet, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return true;
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)
        return false;
    stream->sending = HALF_BROKEN;
    return true;
}

static void stream_send(Stream *stream, const void *packet, gsize length)
{
    if (!g_queue_is_empty(&stream->outbox) || !stream_try_send(stream, packet, length))
        g_queue_push_tail(&stream->outbox, g_bytes_new(packet, length));
}

static void stream_send_count(Stream *stream, char type, guint64 count)
{
    guint8 packet[HEADER + COUNT] = {type};
    guint64 order = GUINT64_TO_BE(count);

    memcpy(packet + HEADER, &order, sizeof order);
    stream_send(stream, packet, sizeof packet);
}

static gboolean on_packets_out(int fd, GIOCondition condition, gpointer data)
{
    Stream *stream = data;

    while (!g_queue_is_empty(&stream->outbox) && stream->finisher == 0) {
        gsize length;
        const void *packet = g_bytes_get_data(g_queue_peek_head(&stream->outbox), &length);

        if (!stream_try_send(stream, packet, length))
            return G_SOURCE_CONTINUE;
        g_bytes_unref(g_queue_pop_head(&stream->outbox));
    }
    stream->packets_out = 0;
    stream_update(stream);
    return G_SOURCE_REMOVE;
}

static gboolean on_input(int fd, GIOCondition condition, gpointer data)
{
    static guint8 packet[HEADER + CHUNK] = {'D'}; /* one for all: there is one thread */
    Stream *stream = data;
    gsize room = MIN(stream->max_chunk, stream->credit - stream->sent);
    ssize_t n = read(stream->input, packet + HEADER, room);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (n < 0) {
        stream_fail_errno(stream, _("cannot read"));
    } else if (n == 0) {
        stream->sending = HALF_ENDED;
        stream_send_count(stream, 'E', stream->sent);
    } else {
        stream->sent += n;
        stream_send(stream, packet, HEADER + n);
        if (g_queue_is_empty(&stream->outbox) && stream->sending == HALF_OPEN &&
            stream->sent < stream->credit)
            return G_SOURCE_CONTINUE;
    }
    if (stream->input_source == 0)
        return G_SOURCE_REMOVE;
    stream->input_source = 0;
    stream_update(stream);
    return G_SOURCE_REMOVE;
}

/* ---- from the channel ---------------------------------------------------------- */

/* How much was written; -1 with EAGAIN if nothing can be now. */
static ssize_t write_once(const Stream *stream, const guint8 *bytes, gsize length)
{
    struct pollfd ready = {.fd = stream->output, .events = POLLOUT};

    if (stream->output_kind == OUTPUT_SOCKET)
        return send(stream->output, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (stream->output_kind != OUTPUT_SHARED)
        return write(stream->output, bytes, length);
    if (poll(&ready, 1, 0) == 1)
        return write(stream->output, bytes, MIN(length, PIPE_BUF));
    errno = EAGAIN;
    return -1;
}

/* How many of the bytes were written; fewer if no more can be now. */
static gsize stream_write(Stream *stream, const guint8 *bytes, gsize length)
{
    gsize done = 0;

    while (done < length) {
        ssize_t n = write_once(stream, bytes + done, length - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                stream_fail_errno(stream, _("cannot write"));
            break;
        }
        done += n;
    }
    stream->received += done;
    return done;
}

static void stream_keep(Stream *stream, const guint8 *bytes, gsize length)
{
    GByteArray *last = g_queue_peek_tail(&stream->unwritten);

    if (length == 0)
        return;
    if (!last || last->len + length > CHUNK) {
        last = g_byte_array_new();
        g_queue_push_tail(&stream->unwritten, last);
    }
    g_byte_array_append(last, bytes, length);
    stream->unwritten_bytes += length;
}

/* Lets the other side go on, in steps that are few and yet keep it going. */
static void stream_grant(Stream *stream)
{
    guint64 limit = stream->received + stream->window;

    if (stream->receiving != HALF_OPEN || limit - stream->granted < stream->window / 4)
        return;
    stream->granted = limit;
    stream_send_count(stream, 'C', limit);
}

static void stream_widen(Stream *stream)
{
    gsize more = stream->window;

    if (stream->unwritten_bytes > 0 || 2 * stream->window > WINDOW_MAX ||
        windows_extra + more > WINDOWS_EXTRA_MAX)
        return;
    windows_extra += more;
    stream->window += more;
    stream_grant(stream);
}

static void stream_close_output(Stream *stream)
{
    if (stream->output_kind == OUTPUT_SOCKET) {
        shutdown(stream->output, SHUT_WR);
        return;
    }
    if (close(stream->output) < 0)
        stream_fail_errno(stream, _("cannot write"));
    stream->output = -1;
}

/* All that has come is written. */
static void stream_written(Stream *stream)
{
    if (stream->receiving != HALF_ENDED)
        return;
    stream_close_output(stream);
    if (stream->finisher)
        return;
    stream->receiving = HALF_ACKNOWLEDGED;
    stream_send_count(stream, 'A', stream->received);
}

static gboolean on_output(int fd, GIOCondition condition, gpointer data)
{
    Stream *stream = data;

    while (!g_queue_is_empty(&stream->unwritten) && stream->finisher == 0) {
        GByteArray *first = g_queue_peek_head(&stream->unwritten);
        gsize n = stream_write(stream, first->data + stream->unwritten_start,
                               first->len - stream->unwritten_start);

        stream->unwritten_bytes -= n;
        stream->unwritten_start += n;
        if (stream->unwritten_start < first->len)
            break;
        g_byte_array_unref(g_queue_pop_head(&stream->unwritten));
        stream->unwritten_start = 0;
    }
    if (stream->finisher)
        return G_SOURCE_REMOVE;
    stream_grant(stream);
    if (!g_queue_is_empty(&stream->unwritten))
        return G_SOURCE_CONTINUE;
    stream->output_source = 0;
    stream_update(stream);
    return G_SOURCE_REMOVE;
}

static void on_refused(Stream *stream, char reason)
{
    const char *why = reason == STREAM_NOT_REACHED ? _("the other side cannot reach the service")
                      : reason == STREAM_NOT_KNOWN
                          ? _("you are not known over there; \"rtcbusctl pair\" on both machines "
                              "makes you known to each other")
                          : _("the other side offers no such service, or not to us");

    stream_fail(stream, STREAM_ERROR_REFUSED, why);
}

static void on_credit(Stream *stream, guint64 count)
{
    stream->credit = MAX(stream->credit, count);
    stream->blocked_told = false;
}

static void on_count(Stream *stream, char type, guint64 count)
{
    guint64 arrived = stream->received + stream->unwritten_bytes;

    if (type == 'E' && stream->receiving == HALF_OPEN && count == arrived)
        stream->receiving = HALF_ENDED;
    else if (type == 'A' && stream->sending == HALF_ENDED && count == stream->sent)
        stream->sending = HALF_ACKNOWLEDGED;
    else if (type == 'C')
        on_credit(stream, count);
    else if (type == 'B' && stream->receiving == HALF_OPEN && count == arrived)
        stream_widen(stream);
    else if (type != 'A' || stream->sending != HALF_BROKEN)
        stream_fail(stream, STREAM_ERROR_WRONG, _("the other side has lost count"));
}

static void on_data(Stream *stream, const guint8 *bytes, gsize length)
{
    gsize n = 0;

    if (stream->received + stream->unwritten_bytes + length > stream->granted) {
        stream_fail(stream, STREAM_ERROR_WRONG, _("the other side sends more than it may"));
        return;
    }
    if (g_queue_is_empty(&stream->unwritten))
        n = stream_write(stream, bytes, length);
    if (stream->finisher)
        return;
    stream_keep(stream, bytes + n, length - n);
    stream_grant(stream);
}

static void on_packet(Stream *stream, const guint8 *packet, gsize length)
{
    if (packet[0] == 'D' && stream->receiving == HALF_OPEN) {
        on_data(stream, packet + HEADER, length - HEADER);
    } else if (packet[0] != 0 && strchr("EACB", packet[0]) && length == HEADER + COUNT) {
        guint64 count;

        memcpy(&count, packet + HEADER, sizeof count);
        on_count(stream, packet[0], GUINT64_FROM_BE(count));
    } else if (packet[0] == 'R' && length == HEADER + 1) {
        on_refused(stream, packet[1]);
    } else {
        g_autofree char *message =
            g_strdup_printf(_("the other side does not speak %s"), STREAM_PROTOCOL);

        stream_fail(stream, STREAM_ERROR_WRONG, message);
    }
}

/* Both ends know that all has arrived. */
static bool stream_complete(Stream *stream)
{
    return g_queue_is_empty(&stream->outbox) && stream->sending == HALF_ACKNOWLEDGED &&
           stream->receiving == HALF_ACKNOWLEDGED;
}

static gboolean on_packets_in(int fd, GIOCondition condition, gpointer data)
{
    static guint8 packet[RECEIVE_SIZE]; /* one for all: there is one thread */
    Stream *stream = data;

    /* What comes behind the last acknowledgement is only the end of the channel. */
    for (int turn = 0; turn < TURN && stream->finisher == 0 && !stream_complete(stream); turn++) {
        ssize_t n = recv(stream->packets, packet, sizeof packet, MSG_DONTWAIT);

        if (n < 0 && errno == ECONNRESET) /* told once, before what is there to read */
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            stream->cut = true;
            break;
        }
        stream->heard = true;
        on_packet(stream, packet, n);
        if (stream->unwritten_bytes == 0)
            stream_written(stream);
    }
    stream_update(stream);
    return stream->packets_in ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* ---- who waits for what --------------------------------------------------------- */

static void watch(Stream *stream, guint *source, bool wanted, int fd, GIOCondition condition,
                  GUnixFDSourceFunc func)
{
    if (wanted && *source == 0)
        *source = g_unix_fd_add(fd, condition, func, stream);
    else if (!wanted)
        g_clear_handle_id(source, g_source_remove);
}

static gboolean on_reset_timer(gpointer data)
{
    Stream *stream = data;

    stream->reset_timer = 0;
    errno = ECONNRESET;
    stream_fail_errno(stream, _("cannot read"));
    return G_SOURCE_REMOVE;
}

/* Nothing else is waited for on the one socket, so that it was reset would not be seen. What came
 * before is still there to be read, but credit for it may never come. A hang-up without an error
 * is the end of both directions, which is found in its turn. */
static gboolean on_hang_up(int fd, GIOCondition condition, gpointer data)
{
    Stream *stream = data;

    stream->hung_up = true;
    stream->hang_up_source = 0;
    if (condition & G_IO_ERR)
        stream->reset_timer = clock_timer_add_seconds(CUT_TIME, on_reset_timer, stream);
    return G_SOURCE_REMOVE;
}

static void stream_tell_blocked(Stream *stream)
{
    if (stream->blocked_told)
        return;
    stream->blocked_told = true;
    stream_send_count(stream, 'B', stream->sent);
}

static void stream_fail_cut(Stream *stream)
{
    stream_fail(stream, STREAM_ERROR_ENDED,
                stream->heard
                    ? _("the channel ended before everything had arrived")
                    : _("the channel ended before anybody on the other side had answered"));
}

static gboolean on_cut_timer(gpointer data)
{
    Stream *stream = data;

    stream->cut_timer = 0;
    stream_fail_cut(stream);
    return G_SOURCE_REMOVE;
}

static void stream_update(Stream *stream)
{
    bool blocked, sending, unheard;

    if (stream->finisher)
        return;
    if (stream->unwritten_bytes == 0 && stream->output_source == 0)
        stream_written(stream);
    if (stream->finisher == 0 && stream_complete(stream))
        stream_finish(stream);
    else if (stream->cut && stream->unwritten_bytes == 0)
        stream_fail_cut(stream);
    if (stream->finisher)
        return;
    if (stream->cut && stream->output_kind == OUTPUT_SOCKET && stream->cut_timer == 0)
        stream->cut_timer = clock_timer_add_seconds(CUT_TIME, on_cut_timer, stream);
    sending = stream->sending == HALF_OPEN && stream->sent < stream->credit;
    if (stream->sending == HALF_OPEN && !sending)
        stream_tell_blocked(stream);
    blocked = !g_queue_is_empty(&stream->outbox);
    watch(stream, &stream->input_source, sending && !blocked, stream->input, G_IO_IN, on_input);
    watch(stream, &stream->packets_out, blocked, stream->packets, G_IO_OUT, on_packets_out);
    watch(stream, &stream->output_source, stream->unwritten_bytes > 0, stream->output, G_IO_OUT,
          on_output);
    unheard = stream->input == stream->output && !stream->hung_up && stream->input_source == 0 &&
              stream->output_source == 0;
    watch(stream, &stream->hang_up_source, unheard, stream->output, G_IO_ERR, on_hang_up);
    watch(stream, &stream->packets_in, !stream->cut, stream->packets, G_IO_IN, on_packets_in);
}

/* ---- the object ----------------------------------------------------------------- */

/* A pipe is opened once more, so that it does not block us and nobody else. */
static void stream_prepare_output(Stream *stream)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", stream->output);
    struct stat info = {};
    int again = -1;

    fstat(stream->output, &info);
    stream->output_kind = S_ISSOCK(info.st_mode)  ? OUTPUT_SOCKET
                          : S_ISREG(info.st_mode) ? OUTPUT_FILE
                                                  : OUTPUT_SHARED;
    if (S_ISFIFO(info.st_mode))
        again = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (again < 0)
        return;
    if (dup3(again, stream->output, O_CLOEXEC) >= 0)
        stream->output_kind = OUTPUT_NONBLOCKING;
    close(again);
}

Stream *stream_new(int packets, gsize max_packet, int input, int output, StreamDone done,
                   gpointer data)
{
    Stream *stream = g_new0(Stream, 1);

    stream->packets = packets;
    stream->input = input;
    stream->output = output;
    stream_prepare_output(stream);
    stream->max_chunk = MIN(max_packet - HEADER, CHUNK);
    stream->credit = stream->granted = stream->window = STREAM_CREDIT;
    g_queue_init(&stream->outbox);
    g_queue_init(&stream->unwritten);
    stream->done = done;
    stream->data = data;
    if (max_packet < HEADER + COUNT) {
        g_autofree char *message =
            g_strdup_printf(_("the other side takes messages of %u bytes at most, too few for %s"),
                            (guint) max_packet, STREAM_PROTOCOL);

        stream_fail(stream, STREAM_ERROR_WRONG, message);
    }
    stream_update(stream);
    return stream;
}

void stream_greet(Stream *stream)
{
    stream_send_count(stream, 'C', stream->granted);
    stream_update(stream);
}

bool stream_is_answered(const Stream *stream)
{
    return stream->heard;
}

void stream_free(Stream *stream)
{
    if (!stream)
        return;
    stream_finish(stream);
    g_clear_handle_id(&stream->finisher, g_source_remove);
    g_queue_clear_full(&stream->outbox, (GDestroyNotify) g_bytes_unref);
    g_queue_clear_full(&stream->unwritten, (GDestroyNotify) g_byte_array_unref);
    windows_extra -= stream->window - STREAM_CREDIT;
    if (stream->output >= 0 && stream->output != stream->input)
        close(stream->output);
    close(stream->input);
    close(stream->packets);
    g_clear_error(&stream->error);
    g_free(stream);
}

void stream_refuse(int packets, StreamRefusal why)
{
    const char packet[] = {'R', (char) why};

    if (send(packets, packet, sizeof packet, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        g_debug("a refusal was not sent: %s", g_strerror(errno));
    close(packets);
}
