/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A connection before it is a WebSocket: one HTTP request, and either the
 * socket goes on to libwebsockets or it gets a short answer and ends.
 */

#pragma once

#include <glib.h>
#include <sys/socket.h>
#include <uv.h>

#include "relay/handshake.h"
#include "relay/quota.h"

typedef struct Visitor Visitor;

struct Visitor {
    Account *account; /* the visitor's owner releases it in the gone callback */
    char *address;    /* as text, without the port */
    gint64 since;     /* monotonic µs */
    GList link;       /* in its owner's list */
    /* private */
    uv_poll_t poll;
    int fd; /* -1 once it was passed on or closed */
    const struct VisitorEvents *events;
    gpointer data;
    GByteArray *in, *out;
    GBytes *body; /* behind OUT, may be NULL */
    gsize sent;
    bool head; /* the request was HEAD */
    enum { VISITOR_READING, VISITOR_ANSWERING, VISITOR_LINGERING, VISITOR_GONE } state;
};

typedef struct VisitorEvents {
    /* A request came in whole. The callee calls visitor_answer() or
     * visitor_take(). */
    void (*request)(Visitor *visitor, const Handshake *handshake, gpointer data);
    /* The connection is over, VISITOR is about to be freed. */
    void (*gone)(Visitor *visitor, gpointer data);
} VisitorEvents;

/* FD is the visitor's; so is ACCOUNT, until the gone callback. */
Visitor *visitor_new(uv_loop_t *loop, int fd, Account *account, const struct sockaddr *address,
                     const VisitorEvents *events, gpointer data);

/* Says STATUS, TEXT and RETRY_AFTER, as in handshake_answer(), and ends the
 * connection when that is through. */
void visitor_answer(Visitor *visitor, int status, const char *text, guint retry_after);

/* The same with an answer of the caller's: HEAD, and BODY (may be NULL) behind it. */
void visitor_send(Visitor *visitor, const char *head, GBytes *body);

/* Gives the socket away, nothing behind the request's head read from it; the
 * visitor goes. Account and address stay the visitor's: take them before. */
int visitor_take(Visitor *visitor);

/* Ends the connection. */
void visitor_close(Visitor *visitor);
