/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What becomes of a frame: to whom it goes, here and at other relays, and what its sender is told
 * if it does not.
 *
 * Sending can close those who get it. Whoever calls keeps them in their rooms meanwhile.
 */

#pragma once

#include "relay/client.h"
#include "relay/cluster.h"
#include "relay/traffic.h"

typedef struct {
    Router *router;
    Traffic *traffic;
    Quota *quota;
    Cluster *cluster; /* may be NULL */
    /* CLIENT alone was sent a frame. */
    void (*sent)(Client *client, gpointer data);
    gpointer data;
    guint64 forwarded; /* frames that went to at least one other client */
    guint64 dropped;   /* frames that went to nobody */
} Forwarding;

/* A message of CLIENT's. False if those who are to get it have to read first. */
bool forward_message(Forwarding *forward, Client *client, const char *data, gsize length);

/* A frame of SENDER's, who is at another relay, to our client TO, or to all in the room if that is NULL.
 * False if it reaches nobody. */
bool forward_from_afar(Forwarding *forward, const ClusterMember *sender, const char *to,
                       const char *data, gsize length);

/* As ClusterOps says of failed(). */
void forward_failed(Forwarding *forward, const char *sender, const char *to, bool absent);

/* MESSAGE to everybody in ROOM but EXCEPT, who may be NULL; to those without the subprotocol only if
 * ALL. How many those are. */
guint forward_to_room(const RelayRoom *room, const Member *except, Message *message, bool all);
