/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/stream-link.h"

#include <unistd.h>

#include "common/stream.h"

struct StreamLinks {
    const StreamLinkOps *ops;
    GHashTable *set; /* of StreamLink, which it references */
};

struct StreamLink {
    int refs;
    StreamLinks *links; /* NULL: it has ended */
    const StreamLinkOps *ops;
    gpointer data;
    GCancellable *cancellable;
    int packets, socket; /* -1: not there yet, or the stream has it */
    gsize max_packet;
    Stream *stream;
};

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

StreamLink *stream_link_ref(StreamLink *link)
{
    link->refs++;
    return link;
}

void stream_link_unref(StreamLink *link)
{
    if (--link->refs > 0)
        return;
    link->ops->free(link->data);
    g_object_unref(link->cancellable);
    g_free(link);
}

/* Called when the set gives up its reference. */
static void on_removed(gpointer data)
{
    StreamLink *link = data;

    link->links = NULL;
    g_clear_pointer(&link->stream, stream_free);
    close_fd(g_steal_fd(&link->packets));
    close_fd(g_steal_fd(&link->socket));
    g_cancellable_cancel(link->cancellable);
    stream_link_unref(link);
}

void stream_link_end(StreamLink *link)
{
    if (link->links)
        g_hash_table_remove(link->links->set, link);
}

void stream_link_refuse(StreamLink *link)
{
    if (link->packets >= 0)
        stream_refuse(g_steal_fd(&link->packets), STREAM_NOT_REACHED);
    stream_link_end(link);
}

static void on_done(Stream *stream, const GError *error, gpointer data)
{
    StreamLink *link = data;

    link->ops->done(link, error);
    stream_link_end(link);
}

static void link_begin(StreamLink *link)
{
    int socket;

    if (link->packets < 0 || link->socket < 0)
        return;
    socket = g_steal_fd(&link->socket);
    link->stream =
        stream_new(g_steal_fd(&link->packets), link->max_packet, socket, socket, on_done, link);
}

void stream_link_set_packets(StreamLink *link, int packets, gsize max_packet)
{
    if (!link->links) {
        close_fd(packets);
        return;
    }
    link->packets = packets;
    link->max_packet = max_packet;
    link_begin(link);
}

void stream_link_set_socket(StreamLink *link, int socket)
{
    if (!link->links) {
        close_fd(socket);
        return;
    }
    link->socket = socket;
    link_begin(link);
}

StreamLink *stream_link_new(StreamLinks *links, gpointer data)
{
    StreamLink *link = g_new0(StreamLink, 1);

    link->refs = 1;
    link->links = links;
    link->ops = links->ops;
    link->data = data;
    link->cancellable = g_cancellable_new();
    link->packets = link->socket = -1;
    g_hash_table_add(links->set, link);
    return link;
}

gpointer stream_link_data(const StreamLink *link)
{
    return link->data;
}

GCancellable *stream_link_cancellable(const StreamLink *link)
{
    return link->cancellable;
}

bool stream_link_has_ended(const StreamLink *link)
{
    return link->links == NULL;
}

StreamLinks *stream_links_new(const StreamLinkOps *ops)
{
    StreamLinks *links = g_new0(StreamLinks, 1);

    links->ops = ops;
    links->set = g_hash_table_new_full(NULL, NULL, on_removed, NULL);
    return links;
}

guint stream_links_count(const StreamLinks *links)
{
    return g_hash_table_size(links->set);
}

guint stream_links_count_like(const StreamLinks *links, GEqualFunc like, gconstpointer wanted)
{
    GHashTableIter iter;
    gpointer link;
    guint count = 0;

    g_hash_table_iter_init(&iter, links->set);
    while (g_hash_table_iter_next(&iter, &link, NULL))
        count += like(stream_link_data(link), wanted) ? 1 : 0;
    return count;
}

void stream_links_free(StreamLinks *links)
{
    if (!links)
        return;
    g_hash_table_unref(links->set);
    g_free(links);
}
