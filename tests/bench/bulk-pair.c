/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * For profiles: one channel between two processes that have nothing but the
 * stack, or four with an ordinary program at each end's acquired descriptor.
 * No relay, no bus: what `perf record` or callgrind sees is the data path.
 *
 *   bulk-pair [--fd] [--plain] [--interface NAME] [MESSAGE_BYTES [SECONDS]]
 *
 * Prints Mbit/s, messages/s and ns of CPU time per byte of each end, and with
 * --fd of all four processes, setting up included; and how late a timer was in
 * each end. The first half second is not measured else.
 */

#include <config.h>

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer/call/channel-fd.h"
#include "rtc/connection.h"

#define SIGNALING_MAX 16384
#define WARM_UP_MS 500
#define TICK_MS 10

/* What the sender and the receiver tell the parent */
typedef struct {
    double cpu; /* seconds, of the measured time */
    double seconds;
    guint64 bytes, messages, all_bytes; /* all: with the warm-up */
    double late;                        /* the worst delay of a timer, seconds */
} Figures;

typedef struct {
    bool sender;
    Connection *connection;
    Channel *channel;
    ChannelFd *channel_fd;
    int signaling; /* SEQPACKET: 'o'ffer, 'a'nswer, 'c'andidate, then the text */
    GByteArray *message;
    Figures total, start;
    gint64 ticked; /* microseconds */
} End;

static gboolean with_fd, plain;
static char *interface = NULL;
static gsize message_size = 16384;
static double seconds = 3;
static GMainLoop *loop;

static double cpu_seconds(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* ---- the programs at the descriptors ---------------------------------------- */

static void program(int fd, bool sender)
{
    g_autofree guint8 *bytes = g_malloc0(512 * 1024);

    if (sender) {
        while (send(fd, bytes, message_size, MSG_NOSIGNAL) >= 0)
            ;
    } else {
        while (recv(fd, bytes, 512 * 1024, 0) > 0)
            ;
    }
    _exit(0);
}

static void acquire(End *end)
{
    g_autoptr(GError) error = NULL;
    int fd;
    guint max_size;

    end->channel_fd = channel_fd_new(end->channel, MESSAGE_BINARY, &fd, &max_size, &error);
    if (!end->channel_fd)
        g_error("%s", error->message);
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        program(fd, end->sender);
    }
    close(fd);
}

/* ---- the channel -------------------------------------------------------------- */

static void fill(End *end)
{
    g_autoptr(GError) error = NULL;

    while (!channel_is_congested(end->channel)) {
        if (!channel_send(end->channel, MESSAGE_BINARY, end->message->data, message_size, &error))
            break;
    }
}

static void on_channel_state(Channel *channel, ChannelState state, const GError *reason,
                             gpointer data)
{
    End *end = data;

    if (state == CHANNEL_CLOSED)
        end->channel = NULL;
    if (state != CHANNEL_OPEN)
        return;
    if (with_fd)
        acquire(end);
    else if (end->sender)
        fill(end);
}

static void on_channel_message(Channel *channel, MessageKind kind, const guint8 *bytes,
                               gsize length, gpointer data)
{
    End *end = data;

    end->total.bytes += length;
    end->total.messages++;
    if (end->channel_fd)
        channel_fd_message(end->channel_fd, bytes, length);
}

static void on_channel_writable(Channel *channel, gpointer data)
{
    End *end = data;

    if (end->channel_fd)
        channel_fd_writable(end->channel_fd);
    else
        fill(end);
}

static const ChannelOps channel_ops = {
    .state = on_channel_state,
    .message = on_channel_message,
    .writable = on_channel_writable,
};

/* ---- signaling ------------------------------------------------------------------ */

static void tell(End *end, char kind, const char *text)
{
    g_autofree char *packet = g_strdup_printf("%c%s", kind, text);

    if (send(end->signaling, packet, strlen(packet), 0) < 0)
        g_error("signaling: %s", g_strerror(errno));
}

static void on_description(Connection *connection, const char *type, const char *sdp, gpointer data)
{
    tell(data, type[0], sdp);
}

static void on_candidate(Connection *connection, const IceCandidateInit *candidate, gpointer data)
{
    if (candidate)
        tell(data, 'c', candidate->candidate);
}

static void on_state(Connection *connection, ConnectionState state, const GError *reason,
                     gpointer data)
{
    if (reason)
        g_error("connection: %s", reason->message);
}

static void on_channel(Connection *connection, Channel *channel, gpointer data)
{
    End *end = data;

    end->channel = channel;
    channel_attach(channel, &channel_ops, end);
    if (with_fd)
        acquire(end);
}

static const ConnectionOps ops = {
    .description = on_description,
    .candidate = on_candidate,
    .state = on_state,
    .channel = on_channel,
};

static gboolean on_signaling(int fd, GIOCondition condition, gpointer data)
{
    End *end = data;
    char packet[SIGNALING_MAX];
    ssize_t n = recv(fd, packet, sizeof packet - 1, MSG_DONTWAIT);
    g_autoptr(GError) error = NULL;
    bool done;

    if (n <= 0)
        return G_SOURCE_REMOVE;
    packet[n] = '\0';
    if (packet[0] == 'c') {
        IceCandidateInit candidate = {.candidate = packet + 1, .mline_index = 0};
        done = connection_add_candidate(end->connection, &candidate, &error);
    } else {
        done = connection_set_remote(end->connection, packet[0] == 'o' ? "offer" : "answer",
                                     packet + 1, &error);
    }
    if (!done)
        g_error("signaling: %s", error->message);
    return G_SOURCE_CONTINUE;
}

/* ---- measuring ------------------------------------------------------------------- */

static gboolean on_tick(gpointer data)
{
    End *end = data;
    gint64 now = g_get_monotonic_time();

    end->total.late = MAX(end->total.late, (now - end->ticked) / 1e6 - TICK_MS / 1e3);
    end->ticked = now;
    return G_SOURCE_CONTINUE;
}

static gboolean on_warm(gpointer data)
{
    End *end = data;

    end->ticked = g_get_monotonic_time();
    end->total.late = 0;
    g_timeout_add(TICK_MS, on_tick, end);

    end->start = end->total;
    end->start.seconds = g_get_monotonic_time() / 1e6;
    end->start.cpu = cpu_seconds(RUSAGE_SELF);
    return G_SOURCE_REMOVE;
}

static gboolean on_end(gpointer data)
{
    End *end = data;

    end->total.seconds = g_get_monotonic_time() / 1e6 - end->start.seconds;
    end->total.cpu = cpu_seconds(RUSAGE_SELF) - end->start.cpu;
    end->total.all_bytes = end->total.bytes;
    end->total.bytes -= end->start.bytes;
    end->total.messages -= end->start.messages;
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static void run_end(bool sender, int signaling, int report)
{
    const char *const interfaces[] = {interface ? interface : "lo", NULL};
    g_autoptr(Certificate) certificate = certificate_generate("bench", NULL);
    ConnectionConfig config = {
        .certificate = certificate, .interfaces = interfaces, .libnice_only = plain};
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    End end = {.sender = sender, .signaling = signaling, .message = g_byte_array_new()};

    g_byte_array_set_size(end.message, message_size);
    memset(end.message->data, 'x', message_size);
    loop = g_main_loop_new(NULL, FALSE);
    end.connection = connection_new(&config, &ops, &end, NULL);
    g_unix_fd_add(signaling, G_IO_IN, on_signaling, &end);
    if (sender) {
        end.channel = connection_open_channel(end.connection, "bulk", &options, NULL);
        channel_attach(end.channel, &channel_ops, &end);
        connection_offer(end.connection, NULL);
    }
    g_timeout_add(WARM_UP_MS, on_warm, &end);
    g_timeout_add(WARM_UP_MS + seconds * 1000, on_end, &end);
    g_main_loop_run(loop);
    if (write(report, &end.total, sizeof end.total) < 0)
        perror("report");
    _exit(0);
}

static pid_t spawn(bool sender, int signaling, int report[2])
{
    pid_t pid;

    if (pipe(report) < 0)
        g_error("pipe: %s", g_strerror(errno));
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, sender ? "sender" : "receiver");
        run_end(sender, signaling, report[1]);
    }
    return pid;
}

int main(int argc, char **argv)
{
    const GOptionEntry options[] = {
        {"fd", 0, 0, G_OPTION_ARG_NONE, &with_fd, "programs at acquired descriptors", NULL},
        {"plain", 0, 0, G_OPTION_ARG_NONE, &plain, "never the fast path", NULL},
        {"interface", 0, 0, G_OPTION_ARG_STRING, &interface, "instead of lo", "NAME"},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("[MESSAGE_BYTES [SECONDS]]");
    Figures sent, received;
    int signaling[2], reports[2][2];
    double all;

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL))
        return 1;
    if (argc > 1)
        message_size = g_ascii_strtoull(argv[1], NULL, 10);
    if (argc > 2)
        seconds = g_ascii_strtod(argv[2], NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* the programs' CPU time comes to us */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, signaling) < 0)
        return 1;
    spawn(true, signaling[0], reports[0]);
    spawn(false, signaling[1], reports[1]);
    if (read(reports[0][0], &sent, sizeof sent) != sizeof sent ||
        read(reports[1][0], &received, sizeof received) != sizeof received)
        return 1;
    printf("%zu B%s: %.0f Mbit/s, %.0f messages/s, ns/byte: sender %.2f receiver %.2f",
           message_size, plain ? " plain" : "", received.bytes * 8 / received.seconds / 1e6,
           received.messages / received.seconds, sent.cpu * 1e9 / received.bytes,
           received.cpu * 1e9 / received.bytes);
    while (wait(NULL) > 0)
        ;
    all = cpu_seconds(RUSAGE_CHILDREN);
    printf(", both %.2f", (sent.cpu + received.cpu) * 1e9 / received.bytes);
    if (with_fd)
        printf(", all four %.2f", all * 1e9 / received.all_bytes);
    printf("; a timer was late by %.1f and %.1f ms at most\n", sent.late * 1e3,
           received.late * 1e3);
    return 0;
}
