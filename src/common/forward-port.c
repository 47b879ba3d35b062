/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/forward-port.h"

#include <fcntl.h>
#include <glib/gi18n.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/listen-address.h"
#include "common/stream.h"

enum { BACKLOG = 256 };

struct ForwardPort {
    const ForwardPortOps *ops;
    gpointer data;
    ForwardPortLimits limits;
    GSocketService *service; /* NULL: it does not listen yet */
    GPtrArray *sockets;      /* of GSocket */
    StreamLinks *links;      /* of ForwardLink */
    GQueue waiting;          /* of StreamLink, for the call, or for their turn */
    guint opening;           /* links whose channel is being opened */
    guint call;
    guint sweep_id;
};

/* A connection that is forwarded. */
typedef struct {
    ForwardPort *port;
    gint64 since;
    guint call; /* the last one that it asked for a channel */
    bool retried;
} ForwardLink;

/* ---- connections -------------------------------------------------------------- */

static void on_done(StreamLink *link, const GError *error)
{
    const ForwardLink *forwarded = stream_link_data(link);

    if (error && !g_error_matches(error, STREAM_ERROR, STREAM_ERROR_IO))
        forwarded->port->ops->failed(error, forwarded->port->data);
}

static const StreamLinkOps link_ops = {
    .done = on_done,
    .free = g_free,
};

/* Opens channels for those who wait, as many as may be. */
static void port_open(ForwardPort *port)
{
    while (port->call != 0 && port->opening < port->limits.opening &&
           !g_queue_is_empty(&port->waiting)) {
        StreamLink *link = g_queue_pop_head(&port->waiting);
        ForwardLink *forwarded = stream_link_data(link);

        port->opening++;
        forwarded->call = port->call;
        port->ops->open(stream_link_ref(link), port->data);
    }
}

static gboolean on_sweep(gpointer data);

static void port_plan_sweep(ForwardPort *port)
{
    if (port->limits.hold > 0 && port->sweep_id == 0 && !g_queue_is_empty(&port->waiting))
        port->sweep_id = clock_timer_add(250, on_sweep, port);
}

/* Closes those who have waited for too long. */
static gboolean on_sweep(gpointer data)
{
    ForwardPort *port = data;
    gint64 oldest = clock_monotonic() - (gint64) port->limits.hold * G_USEC_PER_SEC;
    guint expired = 0;

    for (GList *item = port->waiting.head; item;) {
        GList *next = item->next;

        if (((ForwardLink *) stream_link_data(item->data))->since <= oldest) {
            stream_link_end(item->data);
            g_queue_delete_link(&port->waiting, item);
            expired++;
        }
        item = next;
    }
    port->sweep_id = 0;
    port_plan_sweep(port);
    if (expired > 0) {
        g_autoptr(GError) error = g_error_new(STREAM_ERROR, STREAM_ERROR_ENDED,
                                              ngettext("%u connection waited in vain for a call",
                                                       "%u connections waited in vain "
                                                       "for a call",
                                                       expired),
                                              expired);

        port->ops->failed(error, port->data);
    }
    return G_SOURCE_REMOVE;
}

static void link_wait(ForwardPort *port, StreamLink *link)
{
    g_queue_push_tail(&port->waiting, link);
    if (port->call != 0) {
        port_open(port);
        return;
    }
    port_plan_sweep(port);
    port->ops->dial(port->data);
}

void forward_port_opened(StreamLink *taken, int packets, gsize max_packet, const GError *error)
{
    g_autoptr(StreamLink) link = taken;
    ForwardLink *forwarded = stream_link_data(link);
    ForwardPort *port = forwarded->port;

    if (stream_link_has_ended(link)) { /* and PORT with it */
        if (packets >= 0)
            close(packets);
        return;
    }
    port->opening--;
    if (packets >= 0) {
        stream_link_set_packets(link, packets, max_packet);
    } else if (!forwarded->retried && forwarded->call != port->call) {
        forwarded->retried = true; /* the call has ended under it */
        link_wait(port, link);
    } else {
        port->ops->failed(error, port->data);
        stream_link_end(link);
    }
    port_open(port);
}

static bool port_is_full(const ForwardPort *port)
{
    return port->waiting.length + port->opening >= port->limits.waiting ||
           stream_links_count(port->links) >= port->limits.connections;
}

static gboolean on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
                            gpointer data)
{
    ForwardPort *port = data;
    ForwardLink *forwarded;
    StreamLink *link;
    int fd;

    if (port_is_full(port))
        return TRUE;
    fd = fcntl(g_socket_get_fd(g_socket_connection_get_socket(connection)), F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return TRUE;
    forwarded = g_new0(ForwardLink, 1);
    forwarded->port = port;
    forwarded->since = clock_monotonic();
    link = stream_link_new(port->links, forwarded);
    stream_link_set_socket(link, fd);
    link_wait(port, link);
    return TRUE;
}

/* ---- the call ------------------------------------------------------------------- */

void forward_port_set_call(ForwardPort *port, guint call)
{
    if (call == port->call)
        return;
    port->call = call;
    port_plan_sweep(port);
    if (call != 0)
        port_open(port);
}

void forward_port_give_up(ForwardPort *port)
{
    StreamLink *link;

    while ((link = g_queue_pop_head(&port->waiting)))
        stream_link_end(link);
}

bool forward_port_has_waiting(const ForwardPort *port)
{
    return port->waiting.length > 0;
}

/* ---- the object ------------------------------------------------------------------- */

bool forward_port_listen(ForwardPort *port, GSocket *socket, GError **error)
{
    g_autoptr(GSocketService) service = g_socket_service_new();

    g_socket_listener_set_backlog(G_SOCKET_LISTENER(service), BACKLOG);
    if (!g_socket_listener_add_socket(G_SOCKET_LISTENER(port->service ? port->service : service),
                                      socket, NULL, error))
        return false;
    if (!port->service) {
        port->service = g_steal_pointer(&service);
        g_signal_connect(port->service, "incoming", G_CALLBACK(on_incoming), port);
    }
    g_ptr_array_add(port->sockets, g_object_ref(socket));
    return true;
}

bool forward_port_is_listening(const ForwardPort *port)
{
    return port->service != NULL;
}

ForwardPort *forward_port_new(const ForwardPortLimits *limits, const ForwardPortOps *ops,
                              gpointer data)
{
    ForwardPort *port = g_new0(ForwardPort, 1);

    port->ops = ops;
    port->data = data;
    port->limits = *limits;
    port->sockets = g_ptr_array_new_with_free_func(g_object_unref);
    port->links = stream_links_new(&link_ops);
    return port;
}

void forward_port_free(ForwardPort *port)
{
    if (!port)
        return;
    for (guint i = 0; i < port->sockets->len; i++)
        listen_address_remove(port->sockets->pdata[i]);
    if (port->service) {
        g_signal_handlers_disconnect_by_data(port->service, port);
        g_socket_service_stop(port->service);
        g_socket_listener_close(G_SOCKET_LISTENER(port->service));
        g_clear_object(&port->service);
    }
    g_clear_handle_id(&port->sweep_id, g_source_remove);
    g_queue_clear(&port->waiting);
    stream_links_free(port->links);
    g_ptr_array_unref(port->sockets);
    g_free(port);
}
