/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What proxies say of their clients: the PROXY protocol, and X-Forwarded-For. */

#include <config.h>

#include <arpa/inet.h>
#include <string.h>

#include "relay/listener.h"
#include "relay/proxy-header.h"
#include "relay/trusted-proxies.h"

static char *client_of(const struct sockaddr_storage *client)
{
    return client->ss_family == AF_UNSPEC ? g_strdup("")
                                          : address_to_string((const struct sockaddr *) client);
}

/* Every piece of it that is not the whole says that there is more. */
static void good(const void *data, gsize length, const char *client)
{
    g_autofree guint8 *longer = g_malloc(length + 5);
    g_autofree char *seen = NULL;
    ProxyHeader header;

    for (gsize i = 0; i < length; i++) {
        g_autofree guint8 *part = g_memdup2(data, i);

        g_assert_cmpint(proxy_header_parse(part, i, &header), ==, PROXY_HEADER_MORE);
    }
    memcpy(longer, data, length);
    memcpy(longer + length, "GET /", 5);
    g_assert_cmpint(proxy_header_parse(longer, length + 5, &header), ==, PROXY_HEADER_WHOLE);
    g_assert_cmpuint(header.size, ==, length);
    seen = client_of(&header.client);
    g_assert_cmpstr(seen, ==, client);
}

static void is(ProxyHeaderResult result, const void *data, gsize length)
{
    g_autofree guint8 *copy = g_memdup2(data, length);
    ProxyHeader header;

    g_assert_cmpint(proxy_header_parse(copy, length, &header), ==, result);
}

#define GOOD(text, client) good(text, sizeof text - 1, client)
#define BAD(text) is(PROXY_HEADER_BAD, text, sizeof text - 1)
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static void test_line(void)
{
    g_autofree char *endless = g_strnfill(107, 'x');

    GOOD("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1");
    GOOD("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "2001:db8::1");
    GOOD("PROXY TCP6 ::ffff:192.0.2.9 ::1 1 2\r\n", "192.0.2.9");
    GOOD("PROXY UNKNOWN\r\n", "");
    GOOD("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "");
    BAD("PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n");
    BAD("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 1\r\n");
    BAD("PROXY TCP4 192.0.2.256 198.51.100.2 56324 443\r\n");
    BAD("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n");
    BAD("PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n");
    BAD("PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n");
    BAD("PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n");
    BAD("PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n");
    BAD("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n");
    BAD("PROXY TCP4 192.0.2.1\0 198.51.100.2 1 2\r\n");
    BAD("PROXY \r\n");
    BAD("PROXY \n");
    memcpy(endless, "PROXY ", 6);
    is(PROXY_HEADER_BAD, endless, 107);
    is(PROXY_HEADER_MORE, endless, 106);
}

static void test_binary(void)
{
    guint8 large[PROXY_HEADER_MAX + 1] = SIGNATURE "\x21\x11";

    GOOD(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb", "192.0.2.1");
    GOOD(SIGNATURE "\x21\x11\0\x0f\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb\4\0\0", "192.0.2.1");
    GOOD(SIGNATURE "\x21\x21\0\x24\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                   "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2\1\1\1\1",
         "2001:db8::1");
    GOOD(SIGNATURE "\x20\0\0\0", ""); /* LOCAL */
    GOOD(SIGNATURE "\x20\x11\0\x0c"
                   "abcdefghijkl",
         ""); /* whatever it says */
    GOOD(SIGNATURE "\x21\0\0\0", "");
    GOOD(SIGNATURE "\x21\x31\0\1x", ""); /* a Unix socket */
    BAD(SIGNATURE "\x11\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb");
    BAD(SIGNATURE "\x22\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb");
    BAD(SIGNATURE "\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1");
    BAD(SIGNATURE "\x21\x21\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb");
    BAD(SIGNATURE "\x21\x11\xff\xff");
    large[14] = (PROXY_HEADER_MAX - 16) >> 8;
    large[15] = (PROXY_HEADER_MAX - 16) & 255;
    is(PROXY_HEADER_MORE, large, PROXY_HEADER_MAX - 1);
    is(PROXY_HEADER_WHOLE, large, PROXY_HEADER_MAX);
    large[15]++;
    is(PROXY_HEADER_BAD, large, 16);
}

static void test_none(void)
{
    is(PROXY_HEADER_MORE, "", 0);
    is(PROXY_HEADER_MORE, "P", 1);
    is(PROXY_HEADER_NONE, "PO", 2);
    is(PROXY_HEADER_NONE, "GET / HTTP/1.1\r\n", 16);
    is(PROXY_HEADER_NONE, "\x16\x03\x01", 3);
    is(PROXY_HEADER_NONE, "\r\n\r\n\r", 5);
}

static void client_is(const TrustedProxies *proxies, const char *forwarded_for, const char *wanted)
{
    struct sockaddr_storage client = {};
    bool found = trusted_proxies_client(proxies, forwarded_for, &client);
    g_autofree char *seen = client_of(&client);

    g_test_message("%s", forwarded_for);
    g_assert_cmpint(found, ==, *wanted != '\0');
    g_assert_cmpstr(seen, ==, wanted);
}

static bool have(const TrustedProxies *proxies, const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return trusted_proxies_have(proxies, (const struct sockaddr *) &in);
    g_assert_cmpint(inet_pton(AF_INET6, text, &in6.sin6_addr), ==, 1);
    return trusted_proxies_have(proxies, (const struct sockaddr *) &in6);
}

static void test_forwarded_for(void)
{
    char *list[] = {(char *) "127.0.0.1", (char *) "10.0.0.0/8", (char *) "2001:db8::/32", NULL};
    char *none[] = {NULL};
    g_autoptr(TrustedProxies) proxies = trusted_proxies_new(list),
                              nobody = trusted_proxies_new(none);

    g_assert_true(have(proxies, "127.0.0.1"));
    g_assert_true(have(proxies, "::ffff:10.1.2.3"));
    g_assert_true(have(proxies, "2001:db8:1::7"));
    g_assert_false(have(proxies, "127.0.0.2"));
    g_assert_false(have(proxies, "11.0.0.1"));
    g_assert_false(have(proxies, "2001:db9::1"));
    g_assert_false(have(nobody, "127.0.0.1"));
    client_is(proxies, "192.0.2.1", "192.0.2.1");
    client_is(proxies, "203.0.113.5, 192.0.2.1", "192.0.2.1"); /* the client has lied */
    client_is(proxies, "192.0.2.1,10.1.1.1 , 2001:db8::5", "192.0.2.1");
    client_is(proxies, "10.1.1.1, 10.2.2.2", "10.1.1.1");
    client_is(proxies, "192.0.2.1:4711", "192.0.2.1");
    client_is(proxies, "[2001:db9::1]:4711", "2001:db9::1");
    client_is(proxies, "2001:db9::1", "2001:db9::1");
    client_is(proxies, "192.0.2.1, unknown", "");
    client_is(proxies, "192.0.2.1, unknown, 10.1.1.1", "10.1.1.1");
    client_is(proxies, "", "");
    client_is(proxies, ",,", "");
    client_is(proxies, "[", "");
    client_is(proxies, "1.2.3.4 5.6.7.8", "");
}

static void test_check(void)
{
    g_assert_true(trusted_proxies_check("::1"));
    g_assert_true(trusted_proxies_check("192.0.2.0/24"));
    g_assert_false(trusted_proxies_check("192.0.2.1/24")); /* bits beyond the network */
    g_assert_false(trusted_proxies_check("proxy.example"));
    g_assert_false(trusted_proxies_check(""));
    g_assert_false(trusted_proxies_check("10.0.0.0/33"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proxy-header/line", test_line);
    g_test_add_func("/proxy-header/binary", test_binary);
    g_test_add_func("/proxy-header/none", test_none);
    g_test_add_func("/trusted-proxies/forwarded-for", test_forwarded_for);
    g_test_add_func("/trusted-proxies/check", test_check);
    return g_test_run();
}
