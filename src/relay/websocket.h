/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The framing of RFC 6455, section 5, as a server reads it: bytes in, pieces of
 * messages and control frames out. No I/O. It is written out here because
 * libwebsockets takes frames that are not masked, and says so to nobody.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#define WEBSOCKET_CONTROL_MAX 125 /* bytes in a control frame: section 5.5 */

enum {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10,
};

typedef struct {
    /* private */
    guchar head[14];
    guint8 head_size; /* bytes of it that are there */
    bool begun;       /* the head is whole, and its frame is being read */
    guint8 message;   /* opcode of the message that is not at its end, or 0 */
    guint8 opcode;    /* of the frame */
    bool final;
    guint8 control_size;
    guint64 left;   /* of the frame's payload */
    guint8 mask[4]; /* beginning with the next byte's */
    guchar control[WEBSOCKET_CONTROL_MAX];
} WebsocketReader;

typedef enum {
    WEBSOCKET_MORE,    /* all is read */
    WEBSOCKET_PIECE,   /* of a message */
    WEBSOCKET_CONTROL, /* a control frame, whole */
    WEBSOCKET_ERROR,   /* the connection must fail */
} WebsocketEvent;

typedef struct {
    guint8 opcode; /* of the message, or of the control frame */
    char *data;    /* unmasked; valid until the next call */
    gsize length;
    guint64 left;       /* PIECE: what its frame still has */
    bool last;          /* PIECE: the message ends here */
    guint16 code;       /* CLOSE: the code to close with; ERROR too */
    const char *reason; /* ERROR: a literal */
} WebsocketPart;

/* Reads from *DATA, LENGTH bytes that are unmasked in place, and takes what it
 * has read off the front. After an error there is nothing more to read. */
WebsocketEvent websocket_read(WebsocketReader *reader, char **data, gsize *length,
                              WebsocketPart *out);

/* Sec-WebSocket-Accept for KEY: section 4.2.2. Transfer full. */
char *websocket_accept(const char *key);
