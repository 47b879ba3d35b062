/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The opening handshake as text, and URLs as people may see them. */

#include <config.h>

#include <glib.h>
#include <string.h>

#include "common/url.h"
#include "peer/signaling/upgrade.h"

/* Of RFC 6455 1.2 and 1.3 */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define SWITCH                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"

static void test_uri(void)
{
    static const char *const bad[] = {"",        "ws://",      "ws:///x",         "http://host/",
                                      "host:80", "ws://[::1/", "ws://host:99999/"};
    g_autoptr(GUri) plain = upgrade_uri("ws://relay.example");
    g_autoptr(GUri) secure = upgrade_uri("wss://relay.example/x");
    g_autoptr(GUri) other = upgrade_uri("ws://[::1]:41337/a b?name=k\xc3\xbc");

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(upgrade_uri(bad[i]));
    g_assert_cmpuint(upgrade_port(plain), ==, 80);
    g_assert_cmpuint(upgrade_port(secure), ==, 443);
    g_assert_cmpuint(upgrade_port(other), ==, 41337);
    g_assert_cmpint(g_uri_get_port(plain), ==, -1);
    g_assert_cmpstr(g_uri_get_host(other), ==, "::1");
}

static void test_request(void)
{
    g_autoptr(GUri) uri = upgrade_uri("ws://[::1]:41337/a b\r\nX: y?name=k\xc3\xbc");
    g_autoptr(GUri) bare = upgrade_uri("ws://b\xc3\xbc"
                                       "cher.example");
    g_autofree char *full = upgrade_request(uri, KEY,
                                            &(UpgradeOffer){.origin = "https://x.example",
                                                            .subprotocol = "rtcbus.1",
                                                            .token = "a.b.c",
                                                            .resume = "0123abcd"});
    g_autofree char *plain =
        upgrade_request(bare, KEY, &(UpgradeOffer){.token = "", .resume = "a\r\nX: y"});

    g_assert_true(g_str_has_prefix(full, "GET /a%20b%0D%0AX:%20y?name=k%C3%BC HTTP/1.1\r\n"
                                         "Host: [::1]:41337\r\n"));
    g_assert_true(g_str_has_suffix(full, "\r\n\r\n"));
    g_assert_nonnull(strstr(full, "\r\nSec-WebSocket-Key: " KEY "\r\n"));
    g_assert_nonnull(strstr(full, "\r\nSec-WebSocket-Protocol: rtcbus.1\r\n"));
    g_assert_nonnull(strstr(full, "\r\nOrigin: https://x.example\r\n"));
    g_assert_true(g_str_has_prefix(plain, "GET / HTTP/1.1\r\nHost: xn--bcher-kva.example\r\n"));
    g_assert_null(strstr(plain, "Protocol"));
    g_assert_null(strstr(plain, "Origin"));
    g_assert_nonnull(strstr(full, "\r\nAuthorization: Bearer a.b.c\r\n"));
    g_assert_null(strstr(plain, "Authorization"));
    g_assert_nonnull(strstr(full, "\r\nRtcbus-Resume: 0123abcd\r\n"));
    g_assert_null(strstr(plain, "Resume"));
}

static void test_tokens(void)
{
    g_autofree char *large = g_strnfill(UPGRADE_MAX_TOKEN + 1, 'a');

    g_assert_true(upgrade_check_token("eyJhbGciOiJIUzI1NiJ9.e30.a-_~+/="));
    g_assert_true(upgrade_check_token(large + 1));
    g_assert_false(upgrade_check_token(large));
    g_assert_false(upgrade_check_token(""));
    g_assert_false(upgrade_check_token("a b"));
    g_assert_false(upgrade_check_token("a\r\nX: y"));
    g_assert_false(upgrade_check_token("\xc3\xa4"));
}

static void test_keys_differ(void)
{
    g_autofree char *one = upgrade_key(), *other = upgrade_key();
    gsize length;
    g_autofree guchar *bytes G_GNUC_UNUSED = g_base64_decode(one, &length);

    g_assert_cmpuint(length, ==, 16);
    g_assert_cmpstr(one, !=, other);
}

static void parse(const char *head, UpgradeAnswer *answer)
{
    g_assert_true(upgrade_parse(head, strlen(head), answer, NULL));
}

static void test_answers(void)
{
    UpgradeAnswer answer;

    parse("HTTP/1.1 503 Full\x1b up\r\nRetry-After: 7\r\nContent-Length: 12\r\n\r\n", &answer);
    g_assert_cmpuint(answer.status, ==, 503);
    g_assert_cmpstr(answer.reason, ==, "Full\xef\xbf\xbd up");
    g_assert_true(answer.retry);
    g_assert_cmpuint(answer.retry_after, ==, 7);
    g_assert_cmpint(answer.length, ==, 12);
    upgrade_answer_clear(&answer);
    parse("HTTP/1.0 302 Found\r\nLocation: http://x/\r\nContent-Type: text/html; charset=x\r\n"
          "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n",
          &answer);
    g_assert_cmpstr(answer.location, ==, "http://x/");
    g_assert_true(answer.html && answer.retry);
    g_assert_cmpuint(answer.retry_after, ==, 0);
    g_assert_cmpint(answer.length, ==, -1);
    upgrade_answer_clear(&answer);
    parse("HTTP/1.1 429 x\r\nRetry-After: 99999999999999\r\nContent-Length: -5\r\n\r\n", &answer);
    g_assert_cmpuint(answer.retry_after, ==, G_MAXUINT);
    upgrade_answer_clear(&answer);
}

static void test_no_http(void)
{
    static const char *const bad[] = {"", "\r\n\r\n", "220 mail ESMTP\r\n\r\n", "HTTP/1.1\r\n\r\n",
                                      "HTTP/1.1 abc\r\n\r\n"};
    UpgradeAnswer answer;

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(upgrade_parse(bad[i], strlen(bad[i]), &answer, &error));
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
        upgrade_answer_clear(&answer);
    }
}

static bool verify(const char *head, const char *subprotocol)
{
    return upgrade_verify(head, strlen(head), KEY, subprotocol, NULL);
}

static void test_verify(void)
{
    g_assert_true(verify(SWITCH ACCEPT "\r\n", "rtcbus.1"));
    g_assert_true(verify(SWITCH ACCEPT "Sec-WebSocket-Protocol: rtcbus.1\r\n\r\n", "rtcbus.1"));
    g_assert_false(verify(SWITCH ACCEPT "Sec-WebSocket-Protocol: rtcbus.1\r\n\r\n", NULL));
    g_assert_false(verify(SWITCH ACCEPT "Sec-WebSocket-Protocol: chat\r\n\r\n", "rtcbus.1"));
    g_assert_false(verify(SWITCH ACCEPT "Sec-WebSocket-Extensions: x\r\n\r\n", "rtcbus.1"));
    g_assert_false(verify(SWITCH "\r\n", "rtcbus.1"));
    g_assert_false(
        verify(SWITCH "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO=\r\n\r\n", NULL));
    g_assert_false(verify("HTTP/1.1 101 x\r\nConnection: Upgrade\r\n" ACCEPT "\r\n", NULL));
    g_assert_false(verify("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n" ACCEPT "\r\n", NULL));
}

static void check_words(const char *body, const char *wanted)
{
    g_autofree char *words = upgrade_words(&(UpgradeAnswer){}, body);

    g_assert_cmpstr(words, ==, wanted);
}

static void test_words(void)
{
    g_autofree char *long_body = g_strnfill(5000, 'x');
    g_autofree char *long_words = g_strnfill(200, 'x');

    check_words("", NULL);
    check_words(" \r\n\t", NULL);
    check_words("<html>", NULL);
    check_words("\n no \r\nmore", "no");
    check_words("a\x1b"
                "b\xff"
                "c",
                "a\xef\xbf\xbd"
                "b\xef\xbf\xbd"
                "c");
    check_words(long_body, long_words);
    g_assert_null(upgrade_words(&(UpgradeAnswer){.html = true}, "text"));
}

static void test_secrets(void)
{
    static const struct {
        const char *url, *shown;
    } cases[] = {
        {"ws://relay.example:41337/room", "ws://relay.example:41337/room"},
        {"ws://u:secret@relay/", "ws://u:***@relay/"},
        {"ws://secret@relay/", "ws://***@relay/"},
        {"wss://u:p@q:secret@relay/x@y", "wss://u:***@y"},
        {"turn:user:secret@host:3478?transport=udp", "turn:user:***@host:3478?transport=udp"},
        {"ws://relay/?token=secret", "ws://relay/?token=***"},
        {"ws://relay/?name=box&Token=secret&x&name=y", "ws://relay/?name=box&Token=***&***&name=y"},
        {"/else?token=secret", "/else?token=***"},
        {"what?", "what?"},
        {"", ""},
        {"a@b", "a@b"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *shown = url_for_people(cases[i].url);

        g_assert_cmpstr(shown, ==, cases[i].shown);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/upgrade/tokens", test_tokens);
    g_test_add_func("/upgrade/uri", test_uri);
    g_test_add_func("/upgrade/request", test_request);
    g_test_add_func("/upgrade/keys-differ", test_keys_differ);
    g_test_add_func("/upgrade/answers", test_answers);
    g_test_add_func("/upgrade/no-http", test_no_http);
    g_test_add_func("/upgrade/verify", test_verify);
    g_test_add_func("/upgrade/words", test_words);
    g_test_add_func("/url/secrets", test_secrets);
    return g_test_run();
}
