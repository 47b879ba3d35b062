/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* STUN and TURN URIs, good and bad. */

#include <config.h>

#include "rtc/ice/ice-server.h"

#include "rtc/connection.h"

static void test_good(void)
{
    static const struct {
        const char *uri;
        IceServerKind kind;
        const char *host;
        guint port;
        const char *user, *password;
        bool tcp;
    } good[] = {
        {"stun:stun.example.org", ICE_SERVER_STUN, "stun.example.org", 3478, "", "", false},
        {"stun:192.0.2.1:5000", ICE_SERVER_STUN, "192.0.2.1", 5000, "", "", false},
        {"stun:[2001:db8::1]:9", ICE_SERVER_STUN, "2001:db8::1", 9, "", "", false},
        {"turn:u:p@turn.example", ICE_SERVER_TURN, "turn.example", 3478, "u", "p", false},
        {"turn:u:p@turn.example?transport=tcp", ICE_SERVER_TURN, "turn.example", 3478, "u", "p",
         true},
        {"turn:a%40b:p%3aq@[::1]?transport=udp", ICE_SERVER_TURN, "::1", 3478, "a@b", "p:q", false},
        {"turns:u:@h:443?transport=tcp", ICE_SERVER_TURNS, "h", 443, "u", "", true},
        {"turns:u:p@h", ICE_SERVER_TURNS, "h", 5349, "u", "p", true},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_auto(IceServer) server = {};
        g_autoptr(GError) error = NULL;

        ice_server_parse(good[i].uri, &server, &error);
        g_assert_no_error(error);
        g_assert_cmpint(server.kind, ==, good[i].kind);
        g_assert_cmpstr(server.host, ==, good[i].host);
        g_assert_cmpuint(server.port, ==, good[i].port);
        g_assert_cmpstr(server.user, ==, good[i].user);
        g_assert_cmpstr(server.password, ==, good[i].password);
        g_assert_cmpint(server.tcp, ==, good[i].tcp);
    }
}

static void test_bad(void)
{
    static const char *const bad[] = {
        "",
        "stun",
        "stun:",
        "http://x",
        "stun:h:0",
        "stun:h:65536",
        "stun:h:x",
        "stun:h?transport=tcp",
        "stun:[::1",
        "stun:[::1]x",
        "stun:[name]:5",
        "stun://h",
        "turn:h",
        "turn:u@h",
        "turn::p@h",
        "turn:u:p@",
        "turn:u:p@h?transport=sctp",
        "turn:u:p@h?x",
        "turn:%zz:p@h",
        "stun:a b",
        "turns:h",
        "turns:u:p@h?transport=udp",
        "stuns:h",
        "stun:a\x1b[1m",
        "stun:\xff",
        "stun:a\u202e",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_auto(IceServer) server = {};
        g_autoptr(GError) error = NULL;

        if (ice_server_parse(bad[i], &server, &error))
            g_error("%s was taken", bad[i]);
        g_assert_error(error, RTC_ERROR, RTC_ERROR_INVALID);
        g_assert_null(server.host);
    }
}

static void test_label(void)
{
    static const char *const labels[][2] = {
        {"stun:h:5", "stun:h:5"},
        {"turn:u:secret@h?transport=tcp", "turn:u@h?transport=tcp"},
        {"turns:a%40b:secret@[::1]:5", "turns:a%40b@[::1]:5"},
        {"turn:u:sec:ret@h", "turn:u@h"},
        {"turn:u:sec@ret@h", "turn:u@h"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(labels); i++) {
        g_auto(IceServer) server = {};

        g_assert_true(ice_server_parse(labels[i][0], &server, NULL));
        g_assert_cmpstr(server.label, ==, labels[i][1]);
    }
}

static void test_url(void)
{
    static const char *const urls[][2] = {
        {"stun:h", "stun:h:3478"},
        {"turn:u:p@h:5", "turn:h:5"},
        {"turn:u:p@h?transport=tcp", "turn:h:3478?transport=tcp"},
        {"turns:u:p@[::1]", "turns:[::1]:5349?transport=tcp"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_auto(IceServer) server = {};
        g_autofree char *url = NULL;

        g_assert_true(ice_server_parse(urls[i][0], &server, NULL));
        url = ice_server_url(&server);
        g_assert_cmpstr(url, ==, urls[i][1]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ice-server/good", test_good);
    g_test_add_func("/ice-server/bad", test_bad);
    g_test_add_func("/ice-server/label", test_label);
    g_test_add_func("/ice-server/url", test_url);
    return g_test_run();
}
