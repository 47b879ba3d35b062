/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What relays of a cluster say to one another: a codec. No I/O.
 *
 * A relay says to all that it is there (HELLO, BYE). All else is between two of
 * them. What must neither be lost nor come twice is a stream: each of its
 * messages has the next sequence. What the stream has to say of itself (PING, ACK,
 * RESYNC) has none.
 *
 * All numbers are big-endian. Ids are those of common/random-id.h, as text.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "relay/router.h"

#define CLUSTER_LABEL_MAX 64  /* bytes of a relay's name for people */
#define CLUSTER_FAILED_MAX 64 /* sequences in an ACK */

typedef enum {
    CLUSTER_HELLO = 1, /* to all: session, label, leaving */
    CLUSTER_BYE,       /* to all: this relay ends now */
    CLUSTER_PING,      /* stream, sequence: the last that was sent */
    CLUSTER_ACK,       /* stream, sequence: the last that came, those that reached nobody, and
                        * revision: the sequence of the ACK before it */
    CLUSTER_RESYNC,    /* stream, sequence: the last that came before a gap; begin another stream */
    /* In a stream: */
    CLUSTER_BEGIN, /* who is JOINED from here to END is there, and nobody else of this relay's */
    CLUSTER_END,
    CLUSTER_JOINED,    /* id, room, name, revision of its claim to the name */
    CLUSTER_LEFT,      /* id */
    CLUSTER_FRAME,     /* id of its sender, to (an id, or "" for the room), room, text */
    CLUSTER_PROBE,     /* id: is this client still alive? */
    CLUSTER_CONGESTED, /* id: whoever sends to it is to wait */
    CLUSTER_RELIEVED,  /* id: no longer */
} ClusterMessageType;

typedef struct {
    ClusterMessageType type;
    char origin[ROUTER_ID_LENGTH + 1]; /* the relay that says it */
    guint32 stream;
    guint64 sequence;
    guint32 session; /* grows each time that the relay is connected */
    bool leaving;    /* it sends its clients away */
    char label[CLUSTER_LABEL_MAX + 1];
    char id[ROUTER_ID_LENGTH + 1], to[ROUTER_ID_LENGTH + 1];
    char room[ROUTER_ROOM_MAX + 1], name[ROUTER_NAME_MAX + 1];
    guint64 revision;
    const char *text; /* borrowed, no NUL at its end */
    gsize text_size;
    guint n_failed;
    guint64 failed[CLUSTER_FAILED_MAX];
} ClusterMessage;

bool cluster_message_is_in_stream(ClusterMessageType type);

/* Puts MESSAGE behind what OUT has. */
void cluster_message_encode(const ClusterMessage *message, GByteArray *out);

/* False if DATA is no message, with nothing of OUT to be relied upon. Names, rooms and ids
 * are as router.h wants them; OUT's text points into DATA. */
bool cluster_message_decode(const guint8 *data, gsize size, ClusterMessage *out);
