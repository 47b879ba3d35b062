/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A socket that is linked to an acquired channel by a stream (stream.h). Either
 * end may come first, and the other one after some time, or never.
 */

#pragma once

#include <gio/gio.h>
#include <stdbool.h>

typedef struct StreamLinks StreamLinks;
typedef struct StreamLink StreamLink;

typedef struct {
    /* The stream of a link is over; ERROR is NULL if all has arrived. The link goes then. */
    void (*done)(StreamLink *link, const GError *error);
    /* What stream_link_new() was given; after all else. */
    void (*free)(gpointer data);
} StreamLinkOps;

/* OPS is kept by reference. */
StreamLinks *stream_links_new(const StreamLinkOps *ops);
/* Closes them all. */
void stream_links_free(StreamLinks *links);

guint stream_links_count(const StreamLinks *links);
/* Those whose data is LIKE wanted. */
guint stream_links_count_like(const StreamLinks *links, GEqualFunc like, gconstpointer wanted);

/* One that has neither end. It belongs to LINKS; DATA is what it is for. */
StreamLink *stream_link_new(StreamLinks *links, gpointer data);
gpointer stream_link_data(const StreamLink *link);

/* For whoever waits for one of its ends: what is left of it after its end is this. */
StreamLink *stream_link_ref(StreamLink *link);
void stream_link_unref(StreamLink *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StreamLink, stream_link_unref)

/* Cancelled when it ends. Owned by the link. */
GCancellable *stream_link_cancellable(const StreamLink *link);
bool stream_link_has_ended(const StreamLink *link);

/* The socket of an acquired channel, and the one that it is to be linked with. Both are taken
 * over, also when the link has ended: then they are closed. */
void stream_link_set_packets(StreamLink *link, int packets, gsize max_packet);
void stream_link_set_socket(StreamLink *link, int socket);

void stream_link_end(StreamLink *link);
/* The same where there is no socket: the other side is told that there is none to be reached. */
void stream_link_refuse(StreamLink *link);
