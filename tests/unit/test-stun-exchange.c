/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The questions to ICE servers, with answers made by libnice's functions for servers. */

#include <config.h>

#include "rtc/ice/stun-exchange.h"

#include <gio/gio.h>
#include <stun/stunagent.h>
#include <stun/usages/turn.h>
#include <string.h>

#define REALM "test"

typedef struct {
    StunAgent agent;
    StunMessage request, answer;
    guint8 bytes[STUN_EXCHANGE_MAX], answered[STUN_EXCHANGE_MAX];
    const char *user, *password;
} Server;

static bool find_password(StunAgent *agent, StunMessage *message, uint8_t *user,
                          uint16_t user_length, uint8_t **password, size_t *length, void *data)
{
    Server *server = data;

    if (user_length != strlen(server->user) || memcmp(user, server->user, user_length) != 0)
        return false;
    *password = (uint8_t *) server->password;
    *length = strlen(server->password);
    return true;
}

static StunValidationStatus hear(Server *server, StunExchange *exchange)
{
    gsize length;
    const guint8 *request = stun_exchange_request(exchange, &length);

    memcpy(server->bytes, request, length);
    stun_agent_init(&server->agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_LONG_TERM_CREDENTIALS);
    return stun_agent_validate(&server->agent, &server->request, server->bytes, length,
                               find_password, server);
}

static gsize error_answer(Server *server, StunError code, bool challenge)
{
    g_assert_true(stun_agent_init_error(&server->agent, &server->answer, server->answered,
                                        sizeof server->answered, &server->request, code));
    if (challenge) {
        stun_message_append_string(&server->answer, STUN_ATTRIBUTE_REALM, REALM);
        stun_message_append_string(&server->answer, STUN_ATTRIBUTE_NONCE, "0123456789abcdef");
    }
    return stun_agent_finish_message(&server->agent, &server->answer, NULL, 0);
}

static gsize success_answer(Server *server)
{
    struct sockaddr_storage address = {};
    struct sockaddr_in *in = (struct sockaddr_in *) &address;

    *in = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(50000), .sin_addr.s_addr = htonl(0xc0000201)};
    g_assert_true(stun_agent_init_response(&server->agent, &server->answer, server->answered,
                                           sizeof server->answered, &server->request));
    stun_message_append_xor_addr(&server->answer, STUN_ATTRIBUTE_RELAY_ADDRESS, &address,
                                 sizeof *in);
    stun_message_append_xor_addr(&server->answer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &address,
                                 sizeof *in);
    stun_message_append32(&server->answer, STUN_ATTRIBUTE_LIFETIME, 600);
    return stun_agent_finish_message(&server->agent, &server->answer,
                                     (const uint8_t *) server->password, strlen(server->password));
}

static void test_binding(void)
{
    g_autoptr(StunExchange) exchange = stun_exchange_new(NULL, NULL);
    Server server = {.user = "", .password = ""};
    gsize n, length;
    guint8 answer[STUN_EXCHANGE_MAX];

    stun_exchange_request(exchange, &length);
    g_assert_cmpuint(length, >=, 20);
    hear(&server, exchange);
    stun_agent_init_response(&server.agent, &server.answer, answer, sizeof answer, &server.request);
    n = stun_agent_finish_message(&server.agent, &server.answer, NULL, 0);
    g_assert_cmpint(stun_exchange_take(exchange, answer, n), ==, STUN_EXCHANGE_SERVED);
    /* The same again is no answer to anything. */
    g_assert_cmpint(stun_exchange_take(exchange, answer, n), ==, STUN_EXCHANGE_WAIT);
    stun_exchange_release(exchange, &length);
    g_assert_cmpuint(length, ==, 0);
}

static void test_allocate(void)
{
    g_autoptr(StunExchange) exchange = stun_exchange_new("user", "password");
    Server server = {.user = "user", .password = "password"};
    gsize length;

    hear(&server, exchange);
    g_assert_cmpint(stun_exchange_take(exchange, server.answered,
                                       error_answer(&server, STUN_ERROR_UNAUTHORIZED, true)),
                    ==, STUN_EXCHANGE_AGAIN);
    g_assert_cmpint(hear(&server, exchange), ==, STUN_VALIDATION_SUCCESS);
    /* The nonce is stale (RFC 8489 9.2.5). */
    g_assert_cmpint(stun_exchange_take(exchange, server.answered,
                                       error_answer(&server, STUN_ERROR_STALE_NONCE, true)),
                    ==, STUN_EXCHANGE_AGAIN);
    g_assert_cmpint(hear(&server, exchange), ==, STUN_VALIDATION_SUCCESS);
    g_assert_cmpint(stun_exchange_take(exchange, server.answered, success_answer(&server)), ==,
                    STUN_EXCHANGE_SERVED);
    stun_exchange_release(exchange, &length);
    g_assert_cmpuint(length, >, 20);
}

/* Whoever does not know the password cannot answer for the server. */
static void test_forged(void)
{
    g_autoptr(StunExchange) exchange = stun_exchange_new("user", "password");
    Server server = {.user = "user", .password = "password"};

    hear(&server, exchange);
    stun_exchange_take(exchange, server.answered,
                       error_answer(&server, STUN_ERROR_UNAUTHORIZED, true));
    g_assert_cmpint(hear(&server, exchange), ==, STUN_VALIDATION_SUCCESS);
    server.request.key = NULL;
    server.request.long_term_valid = FALSE;
    server.password = "other";
    g_assert_cmpint(stun_exchange_take(exchange, server.answered, success_answer(&server)), ==,
                    STUN_EXCHANGE_WAIT);
    g_assert_cmpint(stun_exchange_take(exchange, (const guint8 *) "GET / HTTP/1.1", 14), ==,
                    STUN_EXCHANGE_WAIT);
}

static void test_refused(void)
{
    static const struct {
        StunError code;
        const char *words;
    } errors[] = {
        {STUN_ERROR_UNAUTHORIZED, "the user name or the password is wrong"},
        {STUN_ERROR_TRY_ALTERNATE, "another server"},
        {STUN_ERROR_BAD_REQUEST, "error 400: "},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(errors); i++) {
        g_autoptr(StunExchange) exchange = stun_exchange_new("user", "wrong");
        Server server = {.user = "user", .password = "password"};

        hear(&server, exchange);
        stun_exchange_take(exchange, server.answered,
                           error_answer(&server, STUN_ERROR_UNAUTHORIZED, true));
        g_assert_cmpint(hear(&server, exchange), ==, STUN_VALIDATION_UNAUTHORIZED);
        g_assert_cmpint(stun_exchange_take(exchange, server.answered,
                                           error_answer(&server, errors[i].code, true)),
                        ==, STUN_EXCHANGE_REFUSED);
        g_assert_nonnull(strstr(stun_exchange_problem(exchange), errors[i].words));
        g_assert_cmpuint(stun_exchange_code(exchange), ==, errors[i].code);
    }
}

/* A server that finds each nonce stale is not asked for ever. */
static void test_stale_for_ever(void)
{
    g_autoptr(StunExchange) exchange = stun_exchange_new("user", "password");
    Server server = {.user = "user", .password = "password"};
    StunExchangeVerdict verdict = STUN_EXCHANGE_AGAIN;
    guint n = 0;

    while (verdict == STUN_EXCHANGE_AGAIN && ++n < 100) {
        hear(&server, exchange);
        verdict = stun_exchange_take(
            exchange, server.answered,
            error_answer(&server, n == 1 ? STUN_ERROR_UNAUTHORIZED : STUN_ERROR_STALE_NONCE, true));
    }
    g_assert_cmpint(verdict, ==, STUN_EXCHANGE_REFUSED);
    g_assert_cmpuint(n, <, 10);
}

static void test_frame(void)
{
    static const guint8 header[] = {0x01, 0x13, 0x00, 0x10}, odd[] = {0x01, 0x13, 0x00, 0x11};
    static const guint8 huge[] = {0x01, 0x13, 0xff, 0xf0};

    g_assert_cmpint(stun_exchange_frame(header, 0), ==, 0);
    g_assert_cmpint(stun_exchange_frame(header, 3), ==, 0);
    g_assert_cmpint(stun_exchange_frame(header, 4), ==, 36);
    g_assert_cmpint(stun_exchange_frame(odd, 4), ==, -1);
    g_assert_cmpint(stun_exchange_frame(huge, 4), ==, -1);
    g_assert_cmpint(stun_exchange_frame((const guint8 *) "HTTP", 4), ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stun-exchange/binding", test_binding);
    g_test_add_func("/stun-exchange/allocate", test_allocate);
    g_test_add_func("/stun-exchange/forged", test_forged);
    g_test_add_func("/stun-exchange/refused", test_refused);
    g_test_add_func("/stun-exchange/stale-for-ever", test_stale_for_ever);
    g_test_add_func("/stun-exchange/frame", test_frame);
    return g_test_run();
}
