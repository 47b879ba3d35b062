/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A connection before it is a WebSocket: one HTTP request, and either the
 * wire goes on to a client or it gets a short answer and ends. It reads and
 * writes when it has a turn.
 */

#pragma once

#include <glib.h>
#include <sys/socket.h>
#include <uv.h>

#include "relay/fair-queue.h"
#include "relay/handshake.h"
#include "relay/quota.h"
#include "relay/tls-credentials.h"
#include "relay/wire.h"

typedef struct HttpConnection HttpConnection;

/* What a connection begins as */
typedef struct {
    int fd;              /* a connected socket that does not block; the connection's from then on */
    TlsCredentials *tls; /* to speak TLS with, NULL: none is spoken */
    /* Who has connected is a proxy of ours, whose word counts: it may say first, by
     * proxy-header.h, whom it speaks for. */
    bool proxied;
} HttpConnectionStart;

typedef struct HttpConnectionOps {
    /* ENTRY is to have a turn: http_connection_take_turn(). */
    void (*ready)(HttpConnection *connection, FairEntry *entry, gpointer data);
    /* The proxy speaks for CLIENT: the callee calls http_connection_set_client(). False if
     * that one cannot be served; the connection ends. */
    bool (*forwarded)(HttpConnection *connection, const struct sockaddr *client, gpointer data);
    /* A request came in whole. The callee calls http_connection_answer(),
     * http_connection_take() or http_connection_wait(). */
    void (*request)(HttpConnection *connection, const Handshake *handshake, gpointer data);
    /* The connection is over and about to be freed. */
    void (*gone)(HttpConnection *connection, gpointer data);
} HttpConnectionOps;

/* ACCOUNT is the connection's until the gone callback. */
HttpConnection *http_connection_new(uv_loop_t *loop, const HttpConnectionStart *start,
                                    Account *account, const struct sockaddr *address,
                                    const HttpConnectionOps *ops, gpointer data);

/* Who it is from, as the proxy says, in place of who it was; PROXIED: that is one of ours, too. */
void http_connection_set_client(HttpConnection *connection, Account *account,
                                const struct sockaddr *address, bool proxied);
bool http_connection_is_proxied(const HttpConnection *connection);

/* Says STATUS, TEXT and RETRY_AFTER, as in handshake_answer(), and ends the
 * connection when that is through. */
void http_connection_answer(HttpConnection *connection, int status, const char *text,
                            guint retry_after);

/* The same with an answer of the caller's: HEAD, and BODY (may be NULL) behind it. */
void http_connection_send(HttpConnection *connection, const char *head, GBytes *body);

/* Whether it may come in is not known yet: it waits, and nothing of it is read. Once
 * http_connection_again() is called, its request comes in again at its next turn. */
void http_connection_wait(HttpConnection *connection);
void http_connection_again(HttpConnection *connection);

/* Its turn has come. The connection may be gone afterwards. */
void http_connection_take_turn(FairEntry *entry);

/* Gives the wire away, what came behind the request's head put back, with the
 * connection's ACCOUNT and ADDRESS; the connection goes. */
Wire http_connection_take(HttpConnection *connection, Account **account, char **address);

/* NULL once they are taken */
Account *http_connection_account(const HttpConnection *connection);
const char *http_connection_address(const HttpConnection *connection); /* without the port */
gint64 http_connection_since(const HttpConnection *connection);        /* monotonic µs */
GList *http_connection_link(HttpConnection *connection);               /* in its owner's list */

/* Ends the connection. */
void http_connection_close(HttpConnection *connection);
