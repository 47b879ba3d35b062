/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Which web pages get a WebSocket, by where they are from and whom they asked for. */

#include <config.h>

#include "relay/origin.h"

typedef struct {
    const char *origin, *host;
    bool welcome;
} Case;

static void check(const char *origins, const char *names, const Case *cases, gsize n)
{
    g_auto(GStrv) allowed = g_strsplit(origins, ";", -1), known = g_strsplit(names, ";", -1);
    const RelayConfig config = {.allowed_origins = allowed, .server_names = known};

    for (gsize i = 0; i < n; i++) {
        const Handshake request = {.origin = (char *) cases[i].origin,
                                   .host = (char *) cases[i].host};
        const char *reason = NULL;

        g_test_message("%s for %s", cases[i].origin, cases[i].host);
        g_assert_cmpint(origin_admits(&request, &config, "Kitchen.example.net", &reason), ==,
                        cases[i].welcome);
        g_assert_true(cases[i].welcome || reason);
    }
}

static void test_same_origin(void)
{
    static const Case cases[] = {
        {NULL, "evil.example", true},
        {"docker://172.17.0.2", "evil.example", true},
        {"moz-extension://0123", "relay.example.org", true},
        {"http://127.0.0.1:41337", "127.0.0.1:41337", true},
        {"http://127.0.0.1", "127.0.0.1:80", true},
        {"http://127.0.0.1:80", "127.0.0.1", true},
        {"https://127.0.0.1", "127.0.0.1", true},
        {"https://127.0.0.1", "127.0.0.1:443", true},
        {"https://127.0.0.1", "127.0.0.1:41337", false},
        {"http://127.0.0.1", "127.0.0.1:443", false},
        {"http://[::1]:41337", "[0::1]:41337", true},
        {"http://[fe80::1]", "[fe80::1]", true},
        {"HTTP://LocalHost:41337", "localhost:41337", true},
        {"http://localhost:41337", "localhost.:41337", true},
        {"http://kitchen:41337", "kitchen:41337", true},
        {"http://kitchen.example.net", "Kitchen.example.NET", true},
        {"http://garden.local:41337", "garden.local:41337", true},
        {"https://relay.example.org", "relay.example.org", true},
        {"https://a.relay.example.org", "a.relay.example.org", false},
        {"http://kitchen.evil.example", "kitchen.evil.example", false},
        {"http://kitch", "kitch", false},
        {"http://evil.example", "evil.example", false}, /* rebound */
        {"http://evil.example:41337", "evil.example:41337", false},
        {"http://127.0.0.1.evil.example", "127.0.0.1.evil.example", false},
        {"http://evil.example", "127.0.0.1:41337", false},
        {"http://localhost:41338", "localhost:41337", false},
        {"http://localhost", "evil.example", false},
        {"http://local", "local", false},
        {"null", "localhost", false},
        {"http:localhost", "localhost", false},
        {"http://", "", false},
        {"http://localhost:0", "localhost:0", false},
        {"http://localhost:99999", "localhost:99999", false},
        {"http://localhost", NULL, false},
    };

    check("same-origin", "Relay.example.org", cases, G_N_ELEMENTS(cases));
}

static void test_lists(void)
{
    static const Case listed[] = {
        {NULL, "x", true},
        {"docker://172.17.0.2", "x", true},
        {"HTTPS://A.example", "x", true},
        {"https://b.example:8443", "x", true},
        {"https://b.example", "x", false},
        {"https://a.example.evil.example", "x", false},
        {"http://localhost", "localhost", false},
        {"null", "x", false},
    };
    static const Case both[] = {
        {"https://a.example", "evil.example", true},
        {"null", "x", true},
        {"http://localhost", "localhost", true},
        {"http://evil.example", "evil.example", false},
    };
    static const Case any[] = {
        {"https://a.example", "evil.example", true},
        {"null", "x", true},
    };

    check("https://a.example;https://b.example:8443", "", listed, G_N_ELEMENTS(listed));
    check("https://a.example;null;same-origin", "", both, G_N_ELEMENTS(both));
    check("*", "", any, G_N_ELEMENTS(any));
}

static void test_words(void)
{
    g_assert_true(origin_check_entry("same-origin"));
    g_assert_true(origin_check_entry("*"));
    g_assert_true(origin_check_entry("https://a.example:1"));
    g_assert_false(origin_check_entry("a.example"));
    g_assert_false(origin_check_entry("https://a.example/"));
    g_assert_true(origin_check_server_name("relay.example.org"));
    g_assert_false(origin_check_server_name(""));
    g_assert_false(origin_check_server_name("relay.example.org:443"));
    g_assert_false(origin_check_server_name("https://relay.example.org"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/origin/same-origin", test_same_origin);
    g_test_add_func("/origin/lists", test_lists);
    g_test_add_func("/origin/words", test_words);
    return g_test_run();
}
