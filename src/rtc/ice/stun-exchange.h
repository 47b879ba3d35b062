/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The questions that tell whether an ICE server serves us, as bytes: a Binding
 * request (RFC 8489 2) for STUN; an Allocate request (RFC 8656 7) for TURN,
 * which is repeated with the credentials that the server asks for (RFC 8489
 * 9.2). No I/O.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct StunExchange StunExchange;

typedef enum {
    STUN_EXCHANGE_WAIT,  /* that was not the answer */
    STUN_EXCHANGE_AGAIN, /* there is another request to be sent */
    STUN_EXCHANGE_SERVED,
    STUN_EXCHANGE_REFUSED, /* see stun_exchange_problem() */
} StunExchangeVerdict;

#define STUN_EXCHANGE_MAX 1280 /* bytes of a request */

/* USER NULL: STUN. */
StunExchange *stun_exchange_new(const char *user, const char *password);
void stun_exchange_free(StunExchange *exchange);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StunExchange, stun_exchange_free)

/* The request that is to be sent next. Owned by EXCHANGE, until the next call. */
const guint8 *stun_exchange_request(StunExchange *exchange, gsize *length);

/* ANSWER is one message, or anything else that has come. */
StunExchangeVerdict stun_exchange_take(StunExchange *exchange, const guint8 *answer, gsize length);

/* The error it was refused with (RFC 8489 14.8); 0: none. */
guint stun_exchange_code(const StunExchange *exchange);

/* Why it was refused, for people. */
const char *stun_exchange_problem(const StunExchange *exchange);

/*
 * After SERVED by TURN: the request that gives the allocation back (RFC 8656 7.1). 0 bytes:
 * none.
 */
const guint8 *stun_exchange_release(StunExchange *exchange, gsize *length);

/* In a stream: how long the message is that begins with these LENGTH bytes; 0: not known yet;
 * -1: it is no STUN message, or a longer one than an answer would be. */
gssize stun_exchange_frame(const guint8 *bytes, gsize length);
