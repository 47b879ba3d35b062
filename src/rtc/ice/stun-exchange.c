/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libnice's own STUN functions make and read the messages, with the options
 * that its agent uses, so that what they say here is what a call will meet.
 */

#include <config.h>

#include "rtc/ice/stun-exchange.h"

#include <glib/gi18n.h>
#include <stun/usages/bind.h>
#include <stun/usages/turn.h>
#include <string.h>

enum {
    STUN_HEADER = 20,
    MAX_REQUESTS = 4, /* one without credentials, one with, and two stale nonces */
    MAX_REASON = 127, /* characters, RFC 8489 14.8 */
};

struct StunExchange {
    StunAgent agent;
    char *user, *password; /* NULL: STUN */
    StunMessage request;
    guint8 buffer[STUN_EXCHANGE_MAX];
    gsize length; /* of the request; 0: it is to be made */
    guint requests;
    bool challenged; /* the answer below asks for credentials */
    StunMessage challenge;
    guint8 challenge_bytes[STUN_EXCHANGE_MAX];
    guint code; /* of the error that it was refused with, or 0 */
    char *problem;
};

StunExchange *stun_exchange_new(const char *user, const char *password)
{
    StunExchange *exchange = g_new0(StunExchange, 1);

    exchange->user = g_strdup(user);
    exchange->password = g_strdup(password);
    stun_agent_init(&exchange->agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
                    user ? STUN_AGENT_USAGE_LONG_TERM_CREDENTIALS : 0);
    return exchange;
}

void stun_exchange_free(StunExchange *exchange)
{
    if (!exchange)
        return;
    g_free(exchange->user);
    g_free(exchange->password);
    g_free(exchange->problem);
    g_free(exchange);
}

static gsize create_allocate(StunExchange *exchange)
{
    return stun_usage_turn_create(
        &exchange->agent, &exchange->request, exchange->buffer, sizeof exchange->buffer,
        exchange->challenged ? &exchange->challenge : NULL, STUN_USAGE_TURN_REQUEST_PORT_NORMAL, -1,
        -1, (uint8_t *) exchange->user, strlen(exchange->user), (uint8_t *) exchange->password,
        strlen(exchange->password), STUN_USAGE_TURN_COMPATIBILITY_RFC5766);
}

const guint8 *stun_exchange_request(StunExchange *exchange, gsize *length)
{
    if (exchange->length == 0) {
        exchange->length = exchange->user
                               ? create_allocate(exchange)
                               : stun_usage_bind_create(&exchange->agent, &exchange->request,
                                                        exchange->buffer, sizeof exchange->buffer);
        exchange->requests++;
    }
    *length = exchange->length;
    return exchange->buffer;
}

const guint8 *stun_exchange_release(StunExchange *exchange, gsize *length)
{
    *length =
        !exchange->user || !exchange->challenged
            ? 0
            : stun_usage_turn_create_refresh(
                  &exchange->agent, &exchange->request, exchange->buffer, sizeof exchange->buffer,
                  &exchange->challenge, 0, (uint8_t *) exchange->user, strlen(exchange->user),
                  (uint8_t *) exchange->password, strlen(exchange->password),
                  STUN_USAGE_TURN_COMPATIBILITY_RFC5766);
    return exchange->buffer;
}

static StunExchangeVerdict refuse(StunExchange *exchange, char *problem)
{
    g_free(exchange->problem);
    exchange->problem = problem;
    return STUN_EXCHANGE_REFUSED;
}

/* ERROR-CODE's reason phrase, which is the server's text. */
static char *error_reason(const StunMessage *message)
{
    uint16_t length = 0;
    const char *value = stun_message_find(message, STUN_ATTRIBUTE_ERROR_CODE, &length);
    g_autofree char *text = NULL;
    g_autoptr(GString) shown = g_string_new(NULL);

    if (value && length > 4)
        text = g_utf8_make_valid(value + 4, length - 4);
    for (const char *p = text; p && *p && shown->len < MAX_REASON; p = g_utf8_next_char(p)) {
        if (g_unichar_isprint(g_utf8_get_char(p)))
            g_string_append_unichar(shown, g_utf8_get_char(p));
    }
    return g_strdup(shown->str);
}

static StunExchangeVerdict other_error(StunExchange *exchange, const StunMessage *answer, int code)
{
    g_autofree char *reason = error_reason(answer);

    exchange->code = code;
    switch (code) {
    case STUN_ERROR_UNAUTHORIZED:
    case STUN_ERROR_WRONG_CREDENTIALS:
        return refuse(exchange, g_strdup(N_("the user name or the password is wrong")));
    case STUN_ERROR_TRY_ALTERNATE:
        return refuse(exchange, g_strdup(N_("it sends us to another server")));
    case STUN_ERROR_ALLOCATION_QUOTA_REACHED:
        return refuse(exchange, g_strdup(N_("this user has too many allocations there")));
    case STUN_ERROR_INSUFFICIENT_CAPACITY:
        return refuse(exchange, g_strdup(N_("it has no more room")));
    default:
        return refuse(exchange, g_strdup_printf(N_("it answered with error %d%s%s"), code,
                                                *reason ? ": " : "", reason));
    }
}

/* RFC 8489 9.2.5: once for the challenge, and again when its nonce has become stale. The same
 * challenge as an answer to our credentials says that they are wrong. */
static StunExchangeVerdict take_error(StunExchange *exchange, const StunMessage *answer)
{
    int code = 0;
    gsize length = stun_message_length(answer);

    if (stun_message_find_error(answer, &code) != STUN_MESSAGE_RETURN_SUCCESS)
        return STUN_EXCHANGE_WAIT;
    if ((code == STUN_ERROR_STALE_NONCE ||
         (code == STUN_ERROR_UNAUTHORIZED && !exchange->challenged)) &&
        exchange->user && exchange->requests < MAX_REQUESTS &&
        length <= sizeof exchange->challenge_bytes &&
        stun_message_has_attribute(answer, STUN_ATTRIBUTE_REALM) &&
        stun_message_has_attribute(answer, STUN_ATTRIBUTE_NONCE)) {
        memcpy(exchange->challenge_bytes, answer->buffer, length);
        exchange->challenge = *answer;
        exchange->challenge.buffer = exchange->challenge_bytes;
        exchange->challenge.buffer_len = length;
        exchange->challenge.agent = &exchange->agent;
        exchange->challenge.key = NULL;
        exchange->challenged = true;
        exchange->length = 0;
        return STUN_EXCHANGE_AGAIN;
    }
    return other_error(exchange, answer, code);
}

static StunExchangeVerdict take_success(StunExchange *exchange, StunMessage *answer)
{
    struct sockaddr_storage relayed, mapped, alternate;
    socklen_t relayed_length = sizeof relayed, mapped_length = sizeof mapped;
    socklen_t alternate_length = sizeof alternate;
    uint32_t bandwidth, lifetime;
    StunUsageTurnReturn result;

    if (!exchange->user)
        return STUN_EXCHANGE_SERVED;
    result = stun_usage_turn_process(answer, &relayed, &relayed_length, &mapped, &mapped_length,
                                     &alternate, &alternate_length, &bandwidth, &lifetime,
                                     STUN_USAGE_TURN_COMPATIBILITY_RFC5766);
    if (result == STUN_USAGE_TURN_RETURN_RELAY_SUCCESS ||
        result == STUN_USAGE_TURN_RETURN_MAPPED_SUCCESS)
        return STUN_EXCHANGE_SERVED;
    return refuse(exchange, g_strdup(N_("its answer makes no sense")));
}

StunExchangeVerdict stun_exchange_take(StunExchange *exchange, const guint8 *answer, gsize length)
{
    StunMessage message;

    if (stun_agent_validate(&exchange->agent, &message, answer, length, NULL, NULL) !=
        STUN_VALIDATION_SUCCESS)
        return STUN_EXCHANGE_WAIT;
    switch (stun_message_get_class(&message)) {
    case STUN_RESPONSE:
        return take_success(exchange, &message);
    case STUN_ERROR:
        return take_error(exchange, &message);
    default:
        return STUN_EXCHANGE_WAIT;
    }
}

guint stun_exchange_code(const StunExchange *exchange)
{
    return exchange->code;
}

const char *stun_exchange_problem(const StunExchange *exchange)
{
    return exchange->problem ? exchange->problem : "";
}

gssize stun_exchange_frame(const guint8 *bytes, gsize length)
{
    gsize whole;

    /* RFC 8489 5: two zero bits, the length without the header, a multiple of four */
    if (length > 0 && bytes[0] & 0xc0)
        return -1;
    if (length < 4)
        return 0;
    whole = STUN_HEADER + (bytes[2] << 8 | bytes[3]);
    return whole % 4 != 0 || whole > STUN_EXCHANGE_MAX ? -1 : (gssize) whole;
}
