/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The HTTP side of a WebSocket's beginning: a codec for request heads and
 * the answers to them (RFC 9112, RFC 6455 section 4.2). No I/O.
 *
 * Browsers and Node.js hang up if none of the subprotocols they offer is
 * selected (WHATWG WebSockets section 3). The relay forwards whatever clients
 * say to one another, so it selects what they offer.
 *
 * A token may come as "Authorization: Bearer" (RFC 6750), as ?token=, or, as
 * browsers can say neither without showing it, as the subprotocol
 * HANDSHAKE_TOKEN_PREFIX before the token, which is never selected.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#define HANDSHAKE_MAX 8192 /* bytes in a request head */
#define HANDSHAKE_TOKEN_PREFIX "rtcbus.token."

typedef struct {
    char *room;          /* path without its first slash, decoded */
    char *name;          /* ?name=, decoded; "" if there is none */
    char *host;          /* whom the client believes it talks to: HOST or HOST:PORT, a
                   * form of RFC 3986 section 3.2; NULL if HTTP/1.0 says nothing */
    char *origin;        /* printable ASCII; NULL if there is none */
    char *key;           /* Sec-WebSocket-Key; NULL unless this is an upgrade */
    char *if_none_match; /* NULL if there is none */
    char *forwarded_for; /* X-Forwarded-For: what proxies have said, NULL if nothing */
    char *token;         /* what is to let it in, as it came; NULL if there is none */
    char *resume;        /* Rtcbus-Resume: what its last connection's `welcome` had; or NULL */
    bool upgrade;        /* a WebSocket is asked for, and correctly */
    bool head;           /* HEAD: answer without a body */
    char *protocol;      /* the subprotocol to select: rtcbus.1 if it is offered, or
                     * else the first that is; NULL if there is none */
    bool rtcbus;         /* it is rtcbus.1 */
} Handshake;

/*
 * Parses HEAD, LENGTH bytes up to and with the empty line. Returns 0, or the
 * HTTP status to refuse it with and a REASON (a literal). OUT must be zero and
 * is to be cleared in both cases.
 */
int handshake_parse(const char *head, gsize length, Handshake *out, const char **reason);
void handshake_clear(Handshake *handshake);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Handshake, handshake_clear)

/* The answer that makes the connection a WebSocket, with ACCEPT as its
 * Sec-WebSocket-Accept. Transfer full. */
char *handshake_accept(const Handshake *handshake, const char *accept);

/* A whole answer that ends the connection, with TEXT (a line) as its body
 * unless BODY is false. RETRY_AFTER: how many seconds later another attempt may
 * succeed; 0: nothing is said of that. Transfer full. */
char *handshake_answer(int status, const char *text, guint retry_after, bool body);
