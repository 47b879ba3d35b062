/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/service/service-link.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "signaling/frame.h"
#include "common/listen-fds.h"
#include "common/log.h"
#include "common/stream.h"

enum { CONNECT_TIMEOUT = 10 }; /* seconds */
enum { SHOWN_MAX = 64 };       /* bytes of a name that a remote made up */
enum { LIST_MAX = 32 * 1024 }; /* bytes of a list: fewer than a socket holds */
/* Whoever has no right to anything gets a list, and need not take it: so many at a time, and so
 * many seconds for each. */
enum { LISTS_MAX = 4, LIST_TIME = 10 };

typedef struct {
    char *name, *key; /* of the service, and whose channel it is */
    guint list_end;   /* timer of a list; 0: it is none */
} ServiceLink;

static void service_link_free(gpointer data)
{
    ServiceLink *service = data;

    g_clear_handle_id(&service->list_end, g_source_remove);
    g_free(service->name);
    g_free(service->key);
    g_free(service);
}

static void on_done(StreamLink *link, const GError *error)
{
    const ServiceLink *service = stream_link_data(link);

    log_debug("service %s: %s", service->name, error ? error->message : "done");
}

static const StreamLinkOps link_ops = {
    .done = on_done,
    .free = service_link_free,
};

static void link_refuse(StreamLink *link, const char *why)
{
    const ServiceLink *service = stream_link_data(link);

    log_debug("service %s: %s", service->name, why);
    stream_link_refuse(link);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
    StreamLink *link = data;
    const ServiceLink *service = stream_link_data(link);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error);
    int fd = -1;

    if (connection && !stream_link_has_ended(link))
        fd = fcntl(g_socket_get_fd(g_socket_connection_get_socket(connection)), F_DUPFD_CLOEXEC, 0);
    if (fd < 0 && error && !stream_link_has_ended(link))
        log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_SERVICES, .source = service->key),
                  _("service %s cannot be reached: %s"), service->name, error->message);
    if (fd < 0)
        link_refuse(link, error ? error->message : "no descriptor");
    else
        stream_link_set_socket(link, fd);
    stream_link_unref(link);
}

static void link_connect(StreamLink *link, GSocketConnectable *address)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();

    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_timeout(client, CONNECT_TIMEOUT);
    g_socket_client_connect_async(client, address, stream_link_cancellable(link), on_connected,
                                  stream_link_ref(link));
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
static void link_connect_handed(StreamLink *link, const char *name)
{
    const ServiceLink *service = stream_link_data(link);
    g_autoptr(GArray) fds = listen_fds_named(name);
    g_autoptr(GSocketConnectable) address = NULL;
    int fd;

    if (fds->len == 0) {
        log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_SERVICES, .source = service->key),
                  _("service %s: systemd has handed over no socket called %s, or it is in use"),
                  service->name, name);
        link_refuse(link, "no socket");
        return;
    }
    fd = g_array_index(fds, int, 0);
    if (!check_handed(fd, &address)) {
        log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_SERVICES, .source = service->key),
                  _("service %s: the socket called %s is neither a connected stream nor one that "
                    "listens on a Unix or an IP address"),
                  service->name, name);
        link_refuse(link, "not such a socket");
    } else if (address) {
        link_connect(link, address);
    } else {
        listen_fds_forget(fd);
        stream_link_set_socket(link, fd);
    }
}

/* PACKETS is taken over; SERVICE is not kept. FINGERPRINT is whose channel it is. */
static void service_links_add(StreamLinks *links, int packets, gsize max_packet,
                              const Service *service, const char *fingerprint)
{
    g_autoptr(GSocketConnectable) address = NULL;
    ServiceLink *data = g_new0(ServiceLink, 1);
    StreamLink *link = stream_link_new(links, data);

    data->name = g_strdup(service->name);
    data->key = g_strdup(fingerprint);
    stream_link_set_packets(link, packets, max_packet);
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

static void service_links_refuse(int packets, const char *name, const char *who,
                                 const char *fingerprint)
{
    g_autofree char *shown = NULL;

    stream_refuse(packets,
                  STREAM_NOT_OFFERED); /* first, so that what follows does not show in its time */
    shown = g_utf8_make_valid(name, strnlen(name, SHOWN_MAX));
    log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_SERVICES, .source = fingerprint),
              _("service %s refused to %s: it is not declared, or not for the key %s"), shown, who,
              fingerprint);
}

/* Names of services, a line each, as many as fit into LIST_MAX bytes. */
static GString *list_to_text(const GPtrArray *list)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < list->len; i++) {
        const char *name = ((const Service *) list->pdata[i])->name;

        if (text->len + strlen(name) < LIST_MAX && !strchr(name, '\n'))
            g_string_append_printf(text, "%s\n", name);
    }
    return text;
}

static gboolean is_list_for(gconstpointer data, gconstpointer fingerprint)
{
    const ServiceLink *service = data;

    return service->list_end != 0 && strcmp(service->key, fingerprint) == 0;
}

static gboolean on_list_end(gpointer data)
{
    StreamLink *link = data;
    ServiceLink *service = stream_link_data(link);

    log_debug("the list of services has not been taken in time");
    service->list_end = 0;
    stream_link_end(link);
    return G_SOURCE_REMOVE;
}

/* What the peer with FINGERPRINT may use; nothing of it looks as if there were nothing. PACKETS
 * is taken over. */
static void service_links_list(StreamLinks *links, int packets, gsize max_packet,
                               const GPtrArray *list, const char *fingerprint)
{
    g_autoptr(GString) text = list_to_text(list);
    bool many = stream_links_count_like(links, is_list_for, fingerprint) >= LISTS_MAX;
    ServiceLink *data = g_new0(ServiceLink, 1);
    StreamLink *link = stream_link_new(links, data);
    int ends[2];

    data->name = g_strdup(STREAM_SERVICES_LABEL);
    data->key = g_strdup(fingerprint);
    stream_link_set_packets(link, packets, max_packet);
    if (many) {
        link_refuse(link, "too many lists at a time");
        return;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) {
        link_refuse(link, g_strerror(errno));
        return;
    }
    if (send(ends[0], text->str, text->len, MSG_NOSIGNAL) < (gssize) text->len)
        log_debug("the list of services is cut: %s", g_strerror(errno));
    close(ends[0]);
    data->list_end = clock_timer_add_seconds(LIST_TIME, on_list_end, link);
    stream_link_set_socket(link, ends[1]);
}

/* Nothing but declared services is reached from outside; see services.h. */
void service_links_connect(StreamLinks *links, CallChannel *channel, const Services *services,
                           ServicesKnows knows, gpointer data)
{
    const Call *call = call_channel_call(channel);
    const char *label = channel_label(call_channel_rtc(channel));
    const char *fingerprint = call_fingerprint(call);
    const char *name = label + strlen(STREAM_SERVICE_PREFIX);
    bool listing = strcmp(label, STREAM_SERVICES_LABEL) == 0;
    const Service *service;
    g_autoptr(GError) error = NULL;
    guint max_packet;
    int packets;

    if (!call_channel_is_incoming(channel) ||
        (!listing && !g_str_has_prefix(label, STREAM_SERVICE_PREFIX)))
        return;
    if (!call_channel_acquire(channel, MESSAGE_BINARY, &packets, &max_packet, &error)) {
        log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_SERVICES, .source = call_remote(call)),
                  "%s: %s", label, error->message);
        call_channel_close(channel);
        return;
    }
    fingerprint = fingerprint ? fingerprint : "";
    if (listing) {
        g_autoptr(GPtrArray) list = services_list_for(services, fingerprint, knows, data);

        service_links_list(links, packets, max_packet, list, fingerprint);
        return;
    }
    service = services_find(services, name, fingerprint, knows, data);
    if (service)
        service_links_add(links, packets, max_packet, service, fingerprint);
    else
        service_links_refuse(packets, name, call_peer_for_people(call), fingerprint);
}

StreamLinks *service_links_new(void)
{
    return stream_links_new(&link_ops);
}
