/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libnice has no way to be given a socket, and takes a server only by its
 * address, so other users of the machine could connect, too: they would spend
 * the connection, and nothing else, as the user name and the password are not
 * told here. Still each that comes is compared with the sockets of this
 * process, and only our own is taken.
 */

#include <config.h>

#include "rtc/ice/turn-tunnel.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <stun/stunmessage.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "rtc/error.h"
#include "rtc/ice/server-stream.h"
#include "rtc/ice/stun-exchange.h"

enum {
    BACKLOG = 8,
    ACCEPT_LIMIT = 5, /* seconds until libnice must have connected */
    ROUNDS = 4,       /* buffers one way in a turn of the loop */
};

typedef struct {
    guint8 bytes[SERVER_STREAM_MAX];
    gsize start, end;
} TunnelBuffer;

struct TurnTunnel {
    char *host; /* for messages */
    const char *address;
    guint port;
    int listener; /* -1: closed */
    int local;    /* libnice's connection; -1: not there yet, or ended */
    guint watch;  /* of the one or the other */
    GIOCondition watched;
    guint limit;
    ServerStream *stream; /* NULL: ended */
    GByteArray *answers;  /* what has been read of an answer; NULL: there is an allocation */
    TunnelBuffer up, down;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void tunnel_end(TurnTunnel *tunnel, const char *why)
{
    if (tunnel->stream || tunnel->listener >= 0)
        log_debug("ICE: the way to %s by TLS has ended: %s", tunnel->host, why);
    g_clear_handle_id(&tunnel->limit, g_source_remove);
    g_clear_handle_id(&tunnel->watch, g_source_remove);
    g_clear_pointer(&tunnel->stream, server_stream_free);
    close_fd(&tunnel->listener);
    close_fd(&tunnel->local);
}

/* Where the last of its servers hangs up, libnice never says that it is done. One that is silent it
 * gives up after eight seconds. */
static void tunnel_fail(TurnTunnel *tunnel, const char *why)
{
    if (!tunnel->answers) {
        tunnel_end(tunnel, why);
        return;
    }
    log_debug("ICE: there is no way to %s by TLS: %s", tunnel->host, why);
    g_clear_pointer(&tunnel->stream, server_stream_free);
    if (tunnel->local >= 0)
        g_clear_handle_id(&tunnel->watch, g_source_remove);
}

/* ---- bytes both ways ------------------------------------------------------ */

static gssize local_result(gssize n, GError **error)
{
    if (n > 0)
        return n;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    g_set_error_literal(error, RTC_ERROR, RTC_ERROR_CLOSED,
                        n < 0 ? g_strerror(errno) : "ICE closed it");
    return -1;
}

typedef struct {
    gssize (*read)(TurnTunnel *tunnel, TunnelBuffer *buffer, GError **error);
    gssize (*write)(TurnTunnel *tunnel, TunnelBuffer *buffer, GError **error);
} TunnelWay;

static gssize read_local(TurnTunnel *tunnel, TunnelBuffer *buffer, GError **error)
{
    return local_result(recv(tunnel->local, buffer->bytes, sizeof buffer->bytes, MSG_DONTWAIT),
                        error);
}

static gssize write_local(TurnTunnel *tunnel, TunnelBuffer *buffer, GError **error)
{
    return local_result(send(tunnel->local, buffer->bytes + buffer->start,
                             buffer->end - buffer->start, MSG_DONTWAIT | MSG_NOSIGNAL),
                        error);
}

/*
 * libnice follows a server that sends it to another one (RFC 8656 7.4), and would
 * speak to that by TCP alone. False: ANSWER, a whole one, does so.
 */
static bool take_answer(TurnTunnel *tunnel, const guint8 *answer, gsize length, GError **error)
{
    StunMessage message = {.buffer = (uint8_t *) answer, .buffer_len = length};
    int code = 0;

    if (stun_message_get_method(&message) != STUN_ALLOCATE)
        return true;
    if (stun_message_get_class(&message) == STUN_RESPONSE)
        g_clear_pointer(&tunnel->answers, g_byte_array_unref);
    else if (stun_message_get_class(&message) == STUN_ERROR &&
             stun_message_find_error(&message, &code) == STUN_MESSAGE_RETURN_SUCCESS &&
             code == STUN_ERROR_TRY_ALTERNATE) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_SECURITY, "it sends us to another server");
        return false;
    }
    return true;
}

/* Until the server has given an allocation, it is heard message by message. */
static gssize read_answer(TurnTunnel *tunnel, TunnelBuffer *buffer, GError **error)
{
    GByteArray *answers = tunnel->answers;
    guint8 bytes[SERVER_STREAM_MAX];
    gssize n = server_stream_read(tunnel->stream, bytes, error), whole = 0;
    gsize taken = 0;

    if (n <= 0)
        return n;
    g_byte_array_append(answers, bytes, n);
    g_byte_array_ref(answers);
    while (tunnel->answers &&
           (whole = stun_exchange_frame(answers->data + taken, answers->len - taken)) > 0 &&
           taken + whole <= answers->len &&
           take_answer(tunnel, answers->data + taken, whole, error))
        taken += whole;
    if (!tunnel->answers)
        taken = answers->len;
    if (*error || whole < 0 || answers->len > SERVER_STREAM_MAX) {
        if (!*error)
            g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FAILED, "what it answers is not STUN");
        taken = 0;
        n = -1;
    } else {
        memcpy(buffer->bytes, answers->data, taken);
        g_byte_array_remove_range(answers, 0, taken);
        n = taken;
    }
    g_byte_array_unref(answers);
    return n;
}

static gssize read_stream(TurnTunnel *tunnel, TunnelBuffer *buffer, GError **error)
{
    return tunnel->answers ? read_answer(tunnel, buffer, error)
                           : server_stream_read(tunnel->stream, buffer->bytes, error);
}

static gssize write_stream(TurnTunnel *tunnel, TunnelBuffer *buffer, GError **error)
{
    return server_stream_write(tunnel->stream, buffer->bytes + buffer->start,
                               buffer->end - buffer->start, error);
}

static const TunnelWay way_up = {read_local, write_stream};
static const TunnelWay way_down = {read_stream, write_local};

/* What does not go out stays in BUFFER, and nothing more is read until it has. False: the end. */
static bool carry(TurnTunnel *tunnel, const TunnelWay *way, TunnelBuffer *buffer, GError **error)
{
    for (guint i = 0; i < ROUNDS; i++) {
        gssize n;

        if (buffer->start == buffer->end) {
            n = way->read(tunnel, buffer, error);
            if (n <= 0)
                return n == 0;
            buffer->start = 0;
            buffer->end = n;
        }
        n = way->write(tunnel, buffer, error);
        if (n <= 0)
            return n == 0;
        buffer->start += n;
    }
    return true;
}

static void tunnel_pump(TurnTunnel *tunnel);

static gboolean on_local(int fd, GIOCondition condition, gpointer data)
{
    tunnel_pump(data);
    return G_SOURCE_CONTINUE;
}

static void watch_local(TurnTunnel *tunnel, GIOCondition condition)
{
    if (tunnel->watch && tunnel->watched == condition)
        return;
    g_clear_handle_id(&tunnel->watch, g_source_remove);
    tunnel->watched = condition;
    tunnel->watch = condition ? g_unix_fd_add(tunnel->local, condition, on_local, tunnel) : 0;
}

static void tunnel_pump(TurnTunnel *tunnel)
{
    g_autoptr(GError) error = NULL;
    bool up, down;

    if (tunnel->local < 0 || !tunnel->stream || !server_stream_is_open(tunnel->stream))
        return;
    if (!carry(tunnel, &way_up, &tunnel->up, &error) ||
        !carry(tunnel, &way_down, &tunnel->down, &error)) {
        tunnel_fail(tunnel, error->message);
        return;
    }
    up = tunnel->up.start < tunnel->up.end;
    down = tunnel->down.start < tunnel->down.end;
    watch_local(tunnel, (up ? 0 : G_IO_IN) | (down ? G_IO_OUT : 0));
    server_stream_wait(tunnel->stream, !down, up);
}

static void on_stream_ready(gpointer data)
{
    tunnel_pump(data);
}

static void on_stream_failed(const GError *error, gpointer data)
{
    tunnel_fail(data, error->message);
}

static const ServerStreamOps stream_ops = {
    .ready = on_stream_ready,
    .failed = on_stream_failed,
};

/* ---- libnice's connection ------------------------------------------------- */

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const void *) a, *b4 = (const void *) b;
    const struct sockaddr_in6 *a6 = (const void *) a, *b6 = (const void *) b;

    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
           IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr);
}

/* Whether FD is one end and our SOCKET the other end of one connection. */
static bool is_other_end(int fd, int socket)
{
    struct sockaddr_storage here = {}, there = {}, its_here = {}, its_there = {};
    socklen_t n[4] = {sizeof here, sizeof there, sizeof its_here, sizeof its_there};

    return getsockname(fd, (struct sockaddr *) &here, &n[0]) == 0 &&
           getpeername(fd, (struct sockaddr *) &there, &n[1]) == 0 &&
           getsockname(socket, (struct sockaddr *) &its_here, &n[2]) == 0 &&
           getpeername(socket, (struct sockaddr *) &its_there, &n[3]) == 0 &&
           same_address(&here, &its_there) && same_address(&there, &its_here);
}

static bool is_our_own(int fd)
{
    g_autoptr(GDir) fds = g_dir_open("/proc/self/fd", 0, NULL);
    const char *name;

    while (fds && (name = g_dir_read_name(fds))) {
        if (is_other_end(fd, atoi(name)))
            return true;
    }
    return false;
}

static gboolean on_connection(int fd, GIOCondition condition, gpointer data)
{
    TurnTunnel *tunnel = data;
    int one = 1, accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (accepted < 0)
        return G_SOURCE_CONTINUE;
    if (!is_our_own(accepted)) {
        log_debug("ICE: somebody else connected to the way to %s", tunnel->host);
        close(accepted);
        return G_SOURCE_CONTINUE;
    }
    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    tunnel->local = accepted;
    g_clear_handle_id(&tunnel->limit, g_source_remove);
    close_fd(&tunnel->listener);
    tunnel->watch = 0;
    tunnel_pump(tunnel);
    return G_SOURCE_REMOVE;
}

static gboolean on_accept_limit(gpointer data)
{
    TurnTunnel *tunnel = data;

    tunnel->limit = 0;
    tunnel_end(tunnel, "ICE does not use it");
    return G_SOURCE_REMOVE;
}

/* ---- the object ----------------------------------------------------------- */

static bool tunnel_listen(TurnTunnel *tunnel, bool ipv6, GError **error)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr *address = ipv6 ? (struct sockaddr *) &v6 : (struct sockaddr *) &v4;
    socklen_t length = ipv6 ? sizeof v6 : sizeof v4;

    tunnel->listener = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (tunnel->listener < 0 || bind(tunnel->listener, address, length) < 0 ||
        listen(tunnel->listener, BACKLOG) < 0 ||
        getsockname(tunnel->listener, address, &length) < 0) {
        g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED,
                    "no port of the loopback interface for TURN over TLS: %s", g_strerror(errno));
        return false;
    }
    tunnel->address = ipv6 ? "::1" : "127.0.0.1";
    tunnel->port = ntohs(ipv6 ? v6.sin6_port : v4.sin_port);
    return true;
}

TurnTunnel *turn_tunnel_new(const IceServer *server, TlsTrust *trust, bool ipv6, GError **error)
{
    TurnTunnel *tunnel = g_new0(TurnTunnel, 1);

    tunnel->host = g_strdup(server->host);
    tunnel->listener = tunnel->local = -1;
    tunnel->answers = g_byte_array_new();
    if (!tunnel_listen(tunnel, ipv6, error)) {
        turn_tunnel_free(tunnel);
        return NULL;
    }
    tunnel->watch = g_unix_fd_add(tunnel->listener, G_IO_IN, on_connection, tunnel);
    tunnel->limit = clock_timer_add_seconds(ACCEPT_LIMIT, on_accept_limit, tunnel);
    tunnel->stream = server_stream_new(server->host, server->port, trust, &stream_ops, tunnel);
    return tunnel;
}

void turn_tunnel_free(TurnTunnel *tunnel)
{
    if (!tunnel)
        return;
    tunnel_end(tunnel, "the call is over");
    g_clear_pointer(&tunnel->answers, g_byte_array_unref);
    g_free(tunnel->host);
    g_free(tunnel);
}

const char *turn_tunnel_address(const TurnTunnel *tunnel)
{
    return tunnel->address;
}

guint turn_tunnel_port(const TurnTunnel *tunnel)
{
    return tunnel->port;
}
