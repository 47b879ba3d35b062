/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The HTTP request in front of a WebSocket, with everything wrong that can be. */

#include <config.h>

#include <string.h>

#include "relay/handshake.h"

#define KEY_FIELD "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION_FIELD "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Host: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define ASK(target) "GET " target " HTTP/1.1\r\n" UPGRADE KEY_FIELD VERSION_FIELD "\r\n"

static int parse(const char *head, Handshake *out)
{
    g_autofree char *exact = g_memdup2(head, strlen(head));
    const char *reason = NULL;
    int status = handshake_parse(exact ? exact : "", strlen(head), out, &reason);

    g_assert_true(status == 0 || reason);
    return status;
}

static void test_targets(void)
{
    static const struct {
        const char *head, *room, *name;
    } cases[] = {
        {ASK("/"), "", ""},
        {ASK("/greenhouse"), "greenhouse", ""},
        {ASK("/a/b/"), "a/b/", ""},
        {ASK("/gr%C3%BCn%20haus"), "gr\xc3\xbcn haus", ""},
        {ASK("/?name=kitchen"), "", "kitchen"},
        {ASK("/r?x=1&name=k%26l+m&name=other"), "r", "k&l m"},
        {ASK("/?name="), "", ""},
        {ASK("/?rename=a"), "", ""},
        {ASK("/#fragment"), "", ""},
        {ASK("http://example.org/r?name=n"), "r", "n"},
        {ASK("http://example.org?name=n"), "", "n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Handshake) handshake = {};

        g_test_message("%s", cases[i].head);
        g_assert_cmpint(parse(cases[i].head, &handshake), ==, 0);
        g_assert_true(handshake.upgrade);
        g_assert_cmpstr(handshake.room, ==, cases[i].room);
        g_assert_cmpstr(handshake.name, ==, cases[i].name);
        g_assert_cmpstr(handshake.key, ==, "dGhlIHNhbXBsZSBub25jZQ==");
    }
}

static void test_refused(void)
{
    static const struct {
        const char *head;
        int status;
    } cases[] = {
        {"", 400},
        {"\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: r\r\nOrigin: h\xc3\xb6\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: r\r\nOrigin: http://a http://b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n", 400},
        {"GET / HTTP/1.1\n\n", 400},
        {"GET / HTTP/2.0\r\n\r\n", 505},
        {"POST / HTTP/1.1\r\n\r\n", 405},
        {"GET relay HTTP/1.1\r\nHost: r\r\n\r\n", 400},
        {"GET * HTTP/1.1\r\nHost: r\r\n\r\n", 400},
        {"GET /%zz HTTP/1.1\r\nHost: r\r\n\r\n", 400},
        {"GET /%00 HTTP/1.1\r\nHost: r\r\n\r\n", 400},
        {"GET /?name=%f HTTP/1.1\r\nHost: r\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: r\r\nno field\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: r\r\n: x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: r\r\nA : x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: r\r\nA: x\r\n folded: y\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: r\r\nA: x\ny\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: r\r\nContent-Length: 3\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" UPGRADE KEY_FIELD "\r\n", 426},
        {"GET / HTTP/1.1\r\n" UPGRADE KEY_FIELD "Sec-WebSocket-Version: 8\r\n\r\n", 426},
        {"GET / HTTP/1.1\r\n" UPGRADE VERSION_FIELD "\r\n", 400},
        {"GET / HTTP/1.1\r\n" UPGRADE VERSION_FIELD "Sec-WebSocket-Key: short\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" UPGRADE VERSION_FIELD KEY_FIELD KEY_FIELD "\r\n", 400},
        {"GET / HTTP/1.1\r\n" UPGRADE VERSION_FIELD KEY_FIELD "Origin: a\r\nOrigin: b\r\n\r\n",
         400},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Handshake) handshake = {};

        g_test_message("%s", cases[i].head);
        g_assert_cmpint(parse(cases[i].head, &handshake), ==, cases[i].status);
    }
}

static void test_fields(void)
{
    static const char head[] =
        "GET / HTTP/1.1\r\nhOsT: relay\r\nUPGRADE:  h2c , WebSocket \r\n"
        "Connection: keep-alive\r\nconnection:\tuPgRaDe\r\n" KEY_FIELD VERSION_FIELD
        "Sec-WebSocket-Protocol: chat, x\r\nSec-WebSocket-Protocol: rtcbus.1\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\nOrigin: https://example.org\r\n\r\n";
    g_auto(Handshake) all = {}, plain = {}, other = {};

    g_assert_cmpint(parse(head, &all), ==, 0);
    g_assert_true(all.upgrade);
    g_assert_true(all.rtcbus);
    g_assert_cmpstr(all.protocol, ==, "rtcbus.1");
    g_assert_cmpstr(all.origin, ==, "https://example.org");

    g_assert_cmpint(parse("GET / HTTP/1.0\r\n\r\n", &plain), ==, 0);
    g_assert_false(plain.upgrade);
    g_assert_null(plain.origin);
    g_assert_null(plain.protocol);

    g_assert_cmpint(parse("GET / HTTP/1.1\r\n" UPGRADE KEY_FIELD VERSION_FIELD
                          "Sec-WebSocket-Protocol: b@d, rtcbus.10, Rtcbus.1, echo-protocol\r\n\r\n",
                          &other),
                    ==, 0);
    g_assert_true(other.upgrade);
    g_assert_false(other.rtcbus);
    g_assert_cmpstr(other.protocol, ==, "rtcbus.10");
}

/* Whose host it is decides what a browser may do here: nobody is to guess. */
static void test_hosts(void)
{
    static const struct {
        const char *head, *host;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a.example:80\r\n\r\n", "a.example:80"},
        {"GET / HTTP/1.1\r\nhost: [::1]:41337\r\n\r\n", "[::1]:41337"},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", ""},
        {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", "a"},
        {"GET http://b:1/x HTTP/1.1\r\nHost: a\r\n\r\n", "b:1"},
        {"GET HTTPS://b?name=x HTTP/1.1\r\nHost: a\r\n\r\n", "b"},
    };
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nhOST: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\"><script>\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n",
        "GET http://user@b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Handshake) handshake = {};

        g_test_message("%s", cases[i].head);
        g_assert_cmpint(parse(cases[i].head, &handshake), ==, 0);
        g_assert_cmpstr(handshake.host, ==, cases[i].host);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_auto(Handshake) handshake = {};

        g_test_message("%s", bad[i]);
        g_assert_cmpint(parse(bad[i], &handshake), ==, 400);
    }
}

/* However a token comes, it is one, and it is not what is selected. */
static void test_tokens(void)
{
#define WITH(target, fields)                                                                       \
    "GET " target " HTTP/1.1\r\n" UPGRADE KEY_FIELD VERSION_FIELD fields "\r\n"
    static const struct {
        const char *head, *token, *protocol;
        int status;
    } cases[] = {
        {WITH("/", ""), NULL, NULL, 0},
        {WITH("/?token=a.b.c", ""), "a.b.c", NULL, 0},
        {WITH("/?name=n&token=a%2Eb", ""), "a.b", NULL, 0},
        {WITH("/", "Authorization: Bearer a.b.c\r\n"), "a.b.c", NULL, 0},
        {WITH("/", "authorization: BEARER  a.b.c\r\n"), "a.b.c", NULL, 0},
        {WITH("/", "Authorization: Basic a.b.c\r\n"), NULL, NULL, 0},
        {WITH("/", "Authorization: Bearer\r\n"), "", NULL, 0},
        {WITH("/", "Authorization: Bearers a\r\n"), NULL, NULL, 0},
        {WITH("/", "Sec-WebSocket-Protocol: rtcbus.1, rtcbus.token.a.b.c\r\n"), "a.b.c", "rtcbus.1",
         0},
        {WITH("/", "Sec-WebSocket-Protocol: rtcbus.token.a.b.c\r\n"), "a.b.c", NULL, 0},
        {WITH("/", "Sec-WebSocket-Protocol: rtcbus.token.a, x\r\n"), "a", "x", 0},
        {WITH("/?token=a", "Authorization: Bearer a\r\n"), "a", NULL, 0},
        {WITH("/?token=a", "Authorization: Bearer b\r\n"), NULL, NULL, 400},
        {WITH("/", "Sec-WebSocket-Protocol: rtcbus.token.a, rtcbus.token.b\r\n"), NULL, NULL, 400},
        {WITH("/", "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), NULL, NULL, 400},
        {WITH("/?token=%zz", ""), NULL, NULL, 400},
    };
#undef WITH

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Handshake) handshake = {};

        g_test_message("%s", cases[i].head);
        g_assert_cmpint(parse(cases[i].head, &handshake), ==, cases[i].status);
        if (cases[i].status != 0)
            continue;
        g_assert_cmpstr(handshake.token, ==, cases[i].token);
        g_assert_cmpstr(handshake.protocol, ==, cases[i].protocol);
    }
}

static void test_many_fields(void)
{
    g_autoptr(GString) head = g_string_new("GET / HTTP/1.1\r\nHost: a\r\n");
    g_auto(Handshake) handshake = {};

    for (int i = 0; i < 200; i++)
        g_string_append(head, "A: b\r\n");
    g_string_append(head, "\r\n");
    g_assert_cmpint(parse(head->str, &handshake), ==, 431);
}

/* An upgrade in HTTP/1.0 is to be ignored: RFC 9110 section 7.8. */
static void test_old_upgrade(void)
{
    g_auto(Handshake) handshake = {};

    g_assert_cmpint(parse("GET / HTTP/1.0\r\n" UPGRADE KEY_FIELD VERSION_FIELD "\r\n", &handshake),
                    ==, 0);
    g_assert_false(handshake.upgrade);
}

static void test_answers(void)
{
    g_autofree char *answer = handshake_answer(426, "no", 0, true);
    g_autofree char *empty = handshake_answer(200, "no", 7, false);
    g_auto(Handshake) handshake = {};
    g_autofree char *accepted = NULL;

    g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 426 Upgrade Required\r\n"));
    g_assert_nonnull(strstr(answer, "\r\nSec-WebSocket-Version: 13\r\n"));
    g_assert_nonnull(strstr(answer, "\r\nContent-Length: 3\r\n"));
    g_assert_true(g_str_has_suffix(answer, "\r\n\r\nno\n"));
    g_assert_null(strstr(answer, "\r\nRetry-After"));
    g_assert_true(g_str_has_suffix(empty, "\r\n\r\n"));
    g_assert_nonnull(strstr(empty, "\r\nRetry-After: 7\r\n"));

    g_assert_cmpint(parse(ASK("/r"), &handshake), ==, 0);
    accepted = handshake_accept(&handshake, "x=");
    g_assert_true(g_str_has_prefix(accepted, "HTTP/1.1 101 Switching Protocols\r\n"));
    g_assert_nonnull(strstr(accepted, "\r\nSec-WebSocket-Accept: x=\r\n"));
    g_assert_null(strstr(accepted, "Protocol:"));
    g_assert_true(g_str_has_suffix(accepted, "\r\n\r\n"));
}

/* No byte anywhere in a request may do harm. */
static void test_mutants(void)
{
    static const char head[] = ASK("/r%41?name=n+m&x=%20");
    g_autoptr(GRand) random = g_rand_new_with_seed(13);

    for (int i = 0; i < 20000; i++) {
        g_auto(Handshake) handshake = {};
        char copy[sizeof head];
        const char *reason = NULL;
        int changes = g_rand_int_range(random, 1, 4), status;

        memcpy(copy, head, sizeof head);
        while (changes-- > 0)
            copy[g_rand_int_range(random, 0, sizeof head - 1)] =
                (char) g_rand_int_range(random, 0, 256);
        status = handshake_parse(copy, strlen(head), &handshake, &reason);
        g_assert_true(status == 0 || (status >= 400 && status < 600 && reason));
        g_assert_true(status != 0 || (handshake.room && handshake.name));
        g_assert_true(!handshake.upgrade || strlen(handshake.key) == 24);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/handshake/targets", test_targets);
    g_test_add_func("/handshake/refused", test_refused);
    g_test_add_func("/handshake/fields", test_fields);
    g_test_add_func("/handshake/hosts", test_hosts);
    g_test_add_func("/handshake/tokens", test_tokens);
    g_test_add_func("/handshake/many-fields", test_many_fields);
    g_test_add_func("/handshake/old-upgrade", test_old_upgrade);
    g_test_add_func("/handshake/answers", test_answers);
    g_test_add_func("/handshake/mutants", test_mutants);
    return g_test_run();
}
