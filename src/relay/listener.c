/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See listener.h. Quotas count before anything else is allocated for a stranger.
 */

#include <config.h>

#include "relay/listener.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/listen-address.h"
#include "common/log.h"

#define BACKLOG 4096
#define ACCEPTS_PER_WAKEUP 64
#define PAUSE_MS 200 /* when there are no file descriptors left */
/* The kernel's share of what waits for a slow reader, bytes. By itself it would
 * grow to megabytes for each. */
#define SEND_BUFFER (128 << 10)

typedef struct {
    uv_poll_t poll;
    int fd;
    Listener *listener;
} Socket;

struct Listener {
    uv_loop_t *loop;
    GPtrArray *sockets;   /* of Socket */
    GPtrArray *addresses; /* of char *, NULL at the end */
    ListenerFunc func;
    gpointer data;
    guint pause_id;
};

typedef union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_storage storage;
} Address;

G_DEFINE_QUARK(rtcbus - listener - error - quark, listener_error)

static bool parse_address(const char *text, Address *address, socklen_t *length)
{
    const char *colon = strrchr(text, ':');
    g_autofree char *host = NULL;
    struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *found = NULL;
    guint64 port;

    if (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL))
        return false;
    if (text[0] == '[' && colon > text + 1 && colon[-1] == ']')
        host = g_strndup(text + 1, (gsize) (colon - text) - 2);
    else
        host = g_strndup(text, (gsize) (colon - text));
    if ((text[0] != '[') != !strchr(host, ':'))
        return false;
    if (!*host || getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return false;
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

bool listener_check_address(const char *text)
{
    Address address;
    socklen_t length;

    return parse_address(text, &address, &length);
}

char *address_to_string(const struct sockaddr *any)
{
    Address address = {};
    char host[NI_MAXHOST];
    socklen_t length = any->sa_family == AF_INET6 ? sizeof address.in6 : sizeof address.in;

    if (any->sa_family != AF_INET && any->sa_family != AF_INET6)
        return g_strdup("?");
    memcpy(&address, any, length);
    if (any->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address.in6.sin6_addr)) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};

        memcpy(&v4.sin_addr, address.in6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
        address.in = v4;
        length = sizeof address.in;
    }
    if (getnameinfo(&address.any, length, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0)
        return g_strdup("?");
    return g_strdup(host);
}

static char *address_with_port(const Address *address)
{
    g_autofree char *host = address_to_string(&address->any);
    bool in6 = address->any.sa_family == AF_INET6;
    guint port = ntohs(in6 ? address->in6.sin6_port : address->in.sin_port);

    return g_strdup_printf(strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

static gboolean on_pause_over(gpointer data);

/* Without descriptors the socket would stay readable, and the loop would spin. */
static void pause_accepting(Listener *listener)
{
    log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_CONNECTIONS),
              _("cannot accept a connection: %s"), g_strerror(errno));
    for (guint i = 0; i < listener->sockets->len; i++)
        uv_poll_stop(&((Socket *) listener->sockets->pdata[i])->poll);
    if (listener->pause_id == 0)
        listener->pause_id = clock_timer_add(PAUSE_MS, on_pause_over, listener);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    Socket *self = poll->data;
    Listener *listener = self->listener;

    for (int i = 0; i < ACCEPTS_PER_WAKEUP; i++) {
        Address address = {};
        socklen_t length = sizeof address;
        int one = 1, send_buffer = SEND_BUFFER;
        int fd = accept4(self->fd, &address.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(listener);
            return; /* EAGAIN, or the client has given up: poll again */
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, &one, sizeof one); /* calls wait */
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
        listener->func(fd, &address.any, listener->data);
    }
}

static gboolean on_pause_over(gpointer data)
{
    Listener *listener = data;

    listener->pause_id = 0;
    for (guint i = 0; i < listener->sockets->len; i++)
        uv_poll_start(&((Socket *) listener->sockets->pdata[i])->poll, UV_READABLE, on_connection);
    return G_SOURCE_REMOVE;
}

static int open_socket(const Address *address, socklen_t length, bool only_v6, const char *text)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1, v6only = only_v6;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
    if (listen_address_bind(fd, &address->any, length, text) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool is_any_v6(const Address *address)
{
    return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr);
}

/* Whether ADDRESSES says 0.0.0.0 with the port of [::], whose socket must then
 * keep away from IPv4. */
static bool wants_only_v6(const Address *any6, char **addresses)
{
    for (; *addresses; addresses++) {
        Address address;
        socklen_t length;

        if (parse_address(*addresses, &address, &length) && address.any.sa_family == AF_INET &&
            address.in.sin_port == any6->in6.sin6_port)
            return true;
    }
    return false;
}

static bool listen_on(Listener *listener, const char *text, char **all, GError **error)
{
    Address address = {};
    socklen_t length;
    Socket *self;
    int fd;

    if (!parse_address(text, &address, &length)) {
        g_set_error(error, LISTENER_ERROR, 0, _("%s is not an address and a port"), text);
        return false;
    }
    fd = open_socket(&address, length, is_any_v6(&address) && wants_only_v6(&address, all), text);
    if (fd < 0 && errno == EAFNOSUPPORT && is_any_v6(&address)) {
        /* A machine without IPv6: "everywhere" is still everywhere. */
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = address.in6.sin6_port};

        address.in = v4;
        fd = open_socket(&address, length = sizeof address.in, false, text);
    }
    if (fd < 0) {
        g_set_error(error, LISTENER_ERROR, 0, _("cannot listen on %s: %s"), text,
                    g_strerror(errno));
        return false;
    }
    length = sizeof address;
    getsockname(fd, &address.any, &length);
    g_ptr_array_insert(listener->addresses, (int) listener->addresses->len - 1,
                       address_with_port(&address));
    self = g_new0(Socket, 1);
    self->fd = fd;
    self->listener = listener;
    uv_poll_init(listener->loop, &self->poll, fd);
    self->poll.data = self;
    uv_poll_start(&self->poll, UV_READABLE, on_connection);
    g_ptr_array_add(listener->sockets, self);
    return true;
}

Listener *listener_new(uv_loop_t *loop, char **addresses, ListenerFunc func, gpointer data,
                       GError **error)
{
    g_autoptr(Listener) listener = g_new0(Listener, 1);

    listener->loop = loop;
    listener->func = func;
    listener->data = data;
    listener->sockets = g_ptr_array_new();
    listener->addresses = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(listener->addresses, NULL);
    for (char **address = addresses; *address; address++) {
        if (!listen_on(listener, *address, addresses, error))
            return NULL;
    }
    return g_steal_pointer(&listener);
}

const char *const *listener_addresses(const Listener *listener)
{
    return (const char *const *) listener->addresses->pdata;
}

static void on_socket_closed(uv_handle_t *handle)
{
    g_free(handle->data);
}

void listener_free(Listener *listener)
{
    if (!listener)
        return;
    g_clear_handle_id(&listener->pause_id, g_source_remove);
    for (guint i = 0; i < listener->sockets->len; i++) {
        Socket *self = listener->sockets->pdata[i];

        uv_close((uv_handle_t *) &self->poll, on_socket_closed);
        close(self->fd);
    }
    g_ptr_array_unref(listener->sockets);
    g_ptr_array_unref(listener->addresses);
    g_free(listener);
}
