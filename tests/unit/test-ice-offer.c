/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Which STUN and TURN servers a relay may name, and how it names them. */

#include <config.h>

#include "relay/ice-offer.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

static void test_uris(void)
{
    static const char *const good[] = {
        "stun:stun.example.org",
        "stun:192.0.2.1:3478",
        "stun:[2001:db8::1]:3478",
        "turn:turn.example.org",
        "turn:turn.example.org?transport=udp",
        "turn:turn.example.org:80?transport=tcp",
        "turns:turn.example.org:443",
        "turns:turn.example.org?transport=tcp",
        "turn:user:pass%20word@turn.example.org",
        "turn:1:@[::1]:1",
        "turn:us%22er:p@host",
    };
    static const char *const bad[] = {
        "",
        "stun:",
        "stun:host:0",
        "stun:host:65536",
        "stun:host:",
        "stun:host?transport=udp",
        "stun:user:password@host",
        "http://host",
        "turn://host",
        "turn:host?transport=sctp",
        "turn:host?transport=udp&x=y",
        "turn:user@host",
        "turn::password@host",
        "turn:ho st",
        "turn:host\"",
        "turn:us%0aer:p@host",
        "turns:host?transport=udp",
        "turn:[::1",
        "TURN:host",
        "turn:h\xc3\xb6st",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_test_message("%s", good[i]);
        g_assert_true(ice_offer_check_uri(good[i]));
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("%s", bad[i]);
        g_assert_false(ice_offer_check_uri(bad[i]));
    }
    g_assert_true(ice_offer_needs_secret("turn:host"));
    g_assert_true(ice_offer_needs_secret("turns:host"));
    g_assert_false(ice_offer_needs_secret("turn:user:password@host"));
    g_assert_false(ice_offer_needs_secret("stun:host"));
}

static char *write_secret(const char *text)
{
    char *path = NULL;
    int fd = g_file_open_tmp("test-ice-offer-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(chmod(path, 0600), ==, 0);
    return path;
}

static void test_json(void)
{
    g_autofree char *path = write_secret("north\n"), *nothing = NULL, *all = NULL, *fixed = NULL;
    char *servers[] = {(char *) "stun:a", (char *) "turn:b?transport=udp",
                       (char *) "turn:me:s%2Fecret@c", (char *) "turns:b", NULL};
    RelayConfig config = {
        .ice_servers = servers, .turn_secret = path, .ice_lifetime = 100 * G_USEC_PER_SEC};
    g_autoptr(IceOffer) offer = ice_offer_new();
    guint generation;

    nothing = ice_offer_to_json(offer, "kitchen", 0);
    g_assert_cmpstr(nothing, ==, "[]");
    g_assert_cmpint(ice_offer_renewal(offer), ==, G_MAXINT64);
    g_assert_true(ice_offer_load(offer, &config, NULL));
    g_assert_cmpint(ice_offer_renewal(offer), ==, 50 * G_USEC_PER_SEC);
    all = ice_offer_to_json(offer, "kitchen", G_GINT64_CONSTANT(1699999900) * G_USEC_PER_SEC);
    /* printf 1700000000:kitchen | openssl dgst -sha1 -hmac north -binary | base64 */
    g_assert_cmpstr(
        all, ==,
        "[{\"urls\":\"stun:a\"},{\"urls\":\"turn:c\",\"username\":\"me\",\"credential\":"
        "\"s/ecret\"},{\"urls\":[\"turn:b?transport=udp\",\"turns:b\"],\"username\":"
        "\"1700000000:kitchen\",\"credential\":\"WyAaCGqCYB/IwE01n1Oty/14VMA=\"}]");
    generation = ice_offer_generation(offer);
    g_assert_true(ice_offer_load(offer, &config, NULL));
    g_assert_cmpuint(ice_offer_generation(offer), ==, generation);
    servers[1] = NULL;
    g_assert_true(ice_offer_load(offer, &config, NULL));
    g_assert_cmpuint(ice_offer_generation(offer), !=, generation);
    g_assert_cmpint(ice_offer_renewal(offer), ==, G_MAXINT64);
    fixed = ice_offer_to_json(offer, "kitchen", 0);
    g_assert_cmpstr(fixed, ==, "[{\"urls\":\"stun:a\"}]");
    g_unlink(path);
    g_assert_false(ice_offer_load(offer, &config, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ice-offer/uris", test_uris);
    g_test_add_func("/ice-offer/json", test_json);
    return g_test_run();
}
