/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/service/service-link.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "signaling/frame.h"
#include "common/listen-fds.h"
#include "common/log.h"
#include "common/stream.h"

enum { CONNECT_TIMEOUT = 10 }; /* seconds */
enum { SHOWN_MAX = 64 };       /* bytes of a name that a remote made up */

struct ServiceLinks {
    GHashTable *set; /* of Link */
};

typedef struct {
    ServiceLinks *links;
    char *name, *key; /* of the service, and whose channel it is */
    int packets;
    gsize max_packet;
    GCancellable *cancellable; /* while it connects */
    Stream *stream;            /* once it is connected */
} Link;

static void link_free(Link *link)
{
    stream_free(link->stream);
    if (link->packets >= 0)
        close(link->packets);
    g_object_unref(link->cancellable);
    g_free(link->name);
    g_free(link->key);
    g_free(link);
}

/* One that still connects is freed when GIO has given up. */
static void link_drop(gpointer data)
{
    Link *link = data;

    link->links = NULL;
    if (link->stream)
        link_free(link);
    else
        g_cancellable_cancel(link->cancellable);
}

static void link_remove(Link *link)
{
    if (link->links)
        g_hash_table_steal(link->links->set, link);
    link_free(link);
}

static void on_done(Stream *stream, const GError *error, gpointer data)
{
    Link *link = data;

    log_debug("service %s: %s", link->name, error ? error->message : "done");
    link_remove(link);
}

static void link_refuse(Link *link, const char *why)
{
    log_debug("service %s: %s", link->name, why);
    stream_refuse(g_steal_fd(&link->packets), true);
    link_remove(link);
}

static void link_begin(Link *link, int fd)
{
    link->stream =
        stream_new(g_steal_fd(&link->packets), link->max_packet, fd, fd, on_done, link);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
    Link *link = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error);
    int fd = -1;

    if (connection && link->links)
        fd = fcntl(g_socket_get_fd(g_socket_connection_get_socket(connection)), F_DUPFD_CLOEXEC,
                   0);
    if (fd < 0 && error && link->links)
        log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_SERVICES, .source = link->key),
                  _("service %s cannot be reached: %s"), link->name, error->message);
    if (fd < 0)
        link_refuse(link, error ? error->message : "no descriptor");
    else
        link_begin(link, fd);
}

static void link_connect(Link *link, GSocketConnectable *address)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();

    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_timeout(client, CONNECT_TIMEOUT);
    g_socket_client_connect_async(client, address, link->cancellable, on_connected, link);
}

/* ADDRESS is where FD listens, or NULL if it is connected. False if it is neither, or of a kind
 * that we cannot connect to or that is no stream. */
static bool check_handed(int fd, GSocketConnectable **address)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name, size = sizeof(int);
    int type = 0, listens = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0)
        return false;
    if (!listens)
        return getpeername(fd, (struct sockaddr *) &name, &length) == 0;
    if (getsockname(fd, (struct sockaddr *) &name, &length) < 0 ||
        (name.ss_family != AF_UNIX && name.ss_family != AF_INET && name.ss_family != AF_INET6))
        return false;
    *address = G_SOCKET_CONNECTABLE(g_socket_address_new_from_native(&name, length));
    return *address != NULL;
}

/* A socket that listens belongs to another program, which accepts on it: that is whom we
 * connect to. One that is connected is the service itself, for one channel. */
static void link_connect_handed(Link *link, const char *name)
{
    g_autoptr(GArray) fds = handed_sockets(name);
    g_autoptr(GSocketConnectable) address = NULL;
    int fd;

    if (fds->len == 0) {
        log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_SERVICES, .source = link->key),
                  _("service %s: systemd has handed over no socket called %s, or it is in use"),
                  link->name, name);
        link_refuse(link, "no socket");
        return;
    }
    fd = g_array_index(fds, int, 0);
    if (!check_handed(fd, &address)) {
        log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_SERVICES, .source = link->key),
                  _("service %s: the socket called %s is neither a connected stream nor one that "
                    "listens on a Unix or an IP address"),
                  link->name, name);
        link_refuse(link, "not such a socket");
    } else if (address) {
        link_connect(link, address);
    } else {
        handed_forget(fd);
        link_begin(link, fd);
    }
}

void service_links_add(ServiceLinks *links, int packets, gsize max_packet, const Service *service,
                       const char *fingerprint)
{
    g_autoptr(GSocketConnectable) address = NULL;
    Link *link;

    link = g_new0(Link, 1);
    link->links = links;
    link->name = g_strdup(service->name);
    link->key = g_strdup(fingerprint);
    link->packets = packets;
    link->max_packet = max_packet;
    link->cancellable = g_cancellable_new();
    g_hash_table_add(links->set, link);
    if (service->handed) {
        link_connect_handed(link, service->handed);
        return;
    }
    if (service->path)
        address = G_SOCKET_CONNECTABLE(g_unix_socket_address_new(service->path));
    else
        address = g_network_address_new(service->host, service->port);
    link_connect(link, address);
}

void service_links_refuse(int packets, const char *name, const char *who, const char *fingerprint)
{
    g_autofree char *shown = NULL;

    stream_refuse(packets, false); /* first, so that what follows does not show in its time */
    shown = g_utf8_make_valid(name, strnlen(name, SHOWN_MAX));
    log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_SERVICES, .source = fingerprint),
              _("service %s refused to %s: it is not declared, or not for the key %s"), shown, who,
              fingerprint);
}

ServiceLinks *service_links_new(void)
{
    ServiceLinks *links = g_new0(ServiceLinks, 1);

    links->set = g_hash_table_new_full(NULL, NULL, link_drop, NULL);
    return links;
}

void service_links_free(ServiceLinks *links)
{
    if (!links)
        return;
    g_hash_table_unref(links->set);
    g_free(links);
}
