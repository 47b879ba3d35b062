/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What a relay may make us send STUN and TURN to. */

#include <config.h>

#include "peer/signaling/ice-servers.h"

#include <string.h>

#include "name-resolver.h"
#include "peer/signaling/relay-servers.h"
#include "signaling/frame.h"
#include "wait.h"

static char **taken(const char *json, bool ours)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf("{\"type\":\"iceServers\",\"iceServers\":[%s]}", json);
    g_autoptr(Frame) frame = frame_parse(text, strlen(text), &error);

    g_assert_no_error(error);
    g_assert_cmpint(frame->type, ==, FRAME_ICE_SERVERS);
    return ice_servers_from_frame(frame->ice_servers, ours);
}

static void check_url(const char *url, bool good, bool good_if_ours)
{
    g_autofree char *json =
        g_strdup_printf("{\"urls\":\"%s\",\"username\":\"1:a\",\"credential\":\"p/w=\"}", url);
    g_auto(GStrv) far = taken(json, false);
    g_auto(GStrv) near = taken(json, true);

    g_test_message("%s", url);
    g_assert_cmpuint(g_strv_length(far), ==, good);
    g_assert_cmpuint(g_strv_length(near), ==, good_if_ours);
}

static void test_targets(void)
{
    static const char *const good[] = {
        "stun:stun.example.org",
        "stun:192.0.2.1:3478",
        "turn:10.1.2.3?transport=udp",
        "turn:t.example.org:443?transport=tcp",
        "turns:t.example.org",
        "stun:[2001:db8::1]:80",
        "stun:[fd00::1]",
    };
    static const char *const never[] = {
        "http://example.org",    "stun:169.254.169.254", "stun:224.0.0.1",
        "stun:255.255.255.255",  "stun:[fe80::1]",       "stun:[ff02::1]",
        "turn:h?transport=sctp", "file:/etc/passwd",     "stun:",
    };
    static const char *const own[] = {
        "stun:127.0.0.1",      "stun:192.0.2.1:25",   "turn:h:22?transport=tcp",
        "turns:h:22",          "stun:127.9.9.9:4000", "turn:[::1]?transport=tcp",
        "stun:localhost",      "stun:0.0.0.0",        "stun:[::]",
        "stun:LOCALHOST:3478", "stun:a.localhost",    "stun:[::ffff:127.0.0.1]",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
        check_url(good[i], true, true);
    for (gsize i = 0; i < G_N_ELEMENTS(never); i++)
        check_url(never[i], false, false);
    for (gsize i = 0; i < G_N_ELEMENTS(own); i++)
        check_url(own[i], false, true);
}

static void test_number(void)
{
    g_autoptr(GString) json = g_string_new("{\"urls\":[\"stun:s0\"");
    g_auto(GStrv) servers = NULL;

    for (guint i = 1; i < 100; i++)
        g_string_append_printf(json, ",\"stun:s%u\"", i);
    g_string_append(json, "]}");
    servers = taken(json->str, false);
    g_assert_cmpuint(g_strv_length(servers), ==, 8);
}

static void test_credentials(void)
{
    g_auto(GStrv) servers =
        taken("{\"urls\":\"turn:h\",\"username\":\"17:k@b\",\"credential\":\"p/w=\"}", false);

    g_assert_cmpstr(servers[0], ==, "turn:17%3Ak%40b:p%2Fw%3D@h");
}

/* ---- what names lead to -------------------------------------------------------- */

static void use_names(void)
{
    g_autoptr(GResolver) resolver = name_resolver_new();

    g_resolver_set_default(resolver);
}

static void on_changed(gpointer data)
{
    ++*(guint *) data;
}

static char **uris(const char *first, const char *second)
{
    const char *const both[] = {first, second, NULL};

    return g_strdupv((char **) both);
}

static void expect(const RelayServers *servers, const char *wanted)
{
    g_autofree char *list = g_strjoinv(" ", (char **) relay_servers_list(servers));

    g_assert_cmpstr(list, ==, wanted);
}

static void check_name(const char *uri, bool ours, const char *wanted)
{
    guint changes = 0;
    g_autoptr(RelayServers) servers = relay_servers_new(on_changed, &changes);

    g_test_message("%s", uri);
    relay_servers_take(servers, uris(uri, NULL), ours);
    expect(servers, "");
    wait_until(changes == 1);
    expect(servers, wanted);
}

static void test_names(void)
{
    check_name("stun:good.example", false, "stun:192.0.2.7 stun:[2001:db8::7]");
    check_name(
        "turn:u:p%40@good.example:443?transport=tcp", false,
        "turn:u:p%40@192.0.2.7:443?transport=tcp turn:u:p%40@[2001:db8::7]:443?transport=tcp");
    check_name("turns:u:p@good.example", false, "turns:u:p@good.example");
    check_name("stun:loopback.example", false, "");
    check_name("stun:loopback.example", true, "stun:127.0.0.1");
    check_name("turns:u:p@loopback.example", false, "");
    check_name("stun:link.example", true, "");
    check_name("stun:group.example", false, "");
    check_name("stun:unheard-of.example", false, "");
}

/* While names are looked up, what there was goes on; what comes meanwhile is not looked up at once. */
static void test_renewal(void)
{
    guint changes = 0;
    g_autoptr(RelayServers) servers = relay_servers_new(on_changed, &changes);

    relay_servers_take(servers, uris("stun:192.0.2.1", "stun:good.example"), false);
    expect(servers, "stun:192.0.2.1");
    wait_until(changes == 1);
    expect(servers, "stun:192.0.2.1 stun:192.0.2.7 stun:[2001:db8::7]");
    use_names();
    for (guint i = 0; i < 100; i++)
        relay_servers_take(servers, uris("turn:a:b@good.example", NULL), false);
    expect(servers, "stun:192.0.2.1 stun:192.0.2.7 stun:[2001:db8::7]");
    wait_until(changes == 3);
    expect(servers, "turn:a:b@192.0.2.7 turn:a:b@[2001:db8::7]");
    g_assert_cmpuint(name_resolver_lookups(), ==, 2);
    relay_servers_take(servers, uris("stun:192.0.2.3", NULL), false);
    expect(servers, "stun:192.0.2.3");
    relay_servers_take(servers, uris("stun:good.example", NULL), false);
    relay_servers_clear(servers);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    expect(servers, "");
    g_assert_cmpuint(changes, ==, 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK |
                           G_LOG_LEVEL_CRITICAL); /* what is left out is warned of */
    use_names();
    g_test_add_func("/ice-servers/targets", test_targets);
    g_test_add_func("/ice-servers/number", test_number);
    g_test_add_func("/ice-servers/credentials", test_credentials);
    g_test_add_func("/ice-servers/names", test_names);
    g_test_add_func("/ice-servers/renewal", test_renewal);
    return g_test_run();
}
