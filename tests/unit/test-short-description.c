/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Descriptions as people paste them. */

#include <config.h>

#include "ctl/short-description.h"

#include <glib.h>
#include <string.h>

#define FINGERPRINT                                                                                \
    "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:"   \
    "67:89"

static const char offer[] = "v=0\r\n"
                            "o=- 4711 2 IN IP4 127.0.0.1\r\n"
                            "s=-\r\n"
                            "t=0 0\r\n"
                            "a=group:BUNDLE 0\r\n"
                            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                            "c=IN IP4 0.0.0.0\r\n"
                            "a=mid:0\r\n"
                            "a=ice-ufrag:aB+/\r\n"
                            "a=ice-pwd:0123456789abcdefghijkl\r\n"
                            "a=fingerprint:sha-256 " FINGERPRINT "\r\n"
                            "a=setup:actpass\r\n"
                            "a=sctp-port:5001\r\n"
                            "a=max-message-size:262144\r\n"
                            "a=candidate:1 1 UDP 2122260223 192.0.2.7 54321 typ host\r\n"
                            "a=candidate:2 1 udp 2122260222 2001:db8::7 54322 typ host\r\n"
                            "a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active\r\n"
                            "a=candidate:4 1 udp 2122260221 0f0f.local 54323 typ host\r\n"
                            "a=candidate:5 1 udp 1686052607 198.51.100.1 40000 typ srflx raddr "
                            "192.0.2.7 rport 54321\r\n"
                            "a=end-of-candidates\r\n";

static void test_there_and_back(void)
{
    static const char *const wanted[] = {
        "a=ice-ufrag:aB+/\r\n",
        "a=ice-pwd:0123456789abcdefghijkl\r\n",
        "a=fingerprint:sha-256 " FINGERPRINT "\r\n",
        "a=setup:actpass\r\n",
        "a=sctp-port:5001\r\n",
        "a=max-message-size:262144\r\n",
        "a=candidate:1 1 udp 2122260223 192.0.2.7 54321 typ host\r\n",
        "a=candidate:2 1 udp 2122260222 2001:db8::7 54322 typ host\r\n",
        "a=candidate:3 1 udp 1686052607 198.51.100.1 40000 typ srflx raddr 0.0.0.0 rport 9\r\n",
        "a=end-of-candidates\r\n",
    };
    g_autofree char *word = short_description_make("offer", offer);
    const char *type = NULL;
    g_autofree char *sdp = short_description_read(word, &type);

    g_assert_cmpstr(type, ==, "offer");
    g_assert_cmpuint(strlen(word), <, 200);
    for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++)
        g_assert_nonnull(strstr(sdp, wanted[i]));
    g_assert_null(strstr(sdp, "local"));
    g_assert_null(strstr(sdp, "tcp"));
}

static void test_type(void)
{
    g_autofree char *word = short_description_make("answer", offer);
    const char *type = NULL;
    g_autofree char *sdp = short_description_read(word, &type);

    g_assert_nonnull(sdp);
    g_assert_cmpstr(type, ==, "answer");
    g_assert_null(short_description_make("pranswer", offer));
}

/* Each line that it must have */
static void test_incomplete(void)
{
    static const char *const needed[] = {"ice-ufrag", "ice-pwd", "fingerprint", "setup"};

    for (gsize i = 0; i < G_N_ELEMENTS(needed); i++) {
        g_autofree char *sdp = g_strdup(offer);
        g_autofree char *word = NULL;

        strstr(sdp, needed[i])[0] = 'x';
        word = short_description_make("offer", sdp);
        g_assert_null(word);
    }
}

/* Every letter that is missing, or another, is seen. */
static void test_mistakes(void)
{
    g_autofree char *word = short_description_make("offer", offer);
    const char *type = "unset";

    for (gsize i = 0; i < strlen(word); i++) {
        g_autofree char *cut = g_strndup(word, i);
        g_autofree char *other = g_strdup(word);

        other[i] = other[i] == 'Q' ? 'w' : 'Q';
        g_assert_null(short_description_read(cut, &type));
        g_assert_null(short_description_read(other, &type));
    }
    g_assert_null(short_description_read("a b", &type));
    g_assert_cmpstr(type, ==, "unset");
}

/* As a chat or a mail breaks it */
static void test_broken(void)
{
    g_autofree char *word = short_description_make("offer", offer);
    g_autofree char *first = g_strndup(word, 60);
    g_autofree char *sdp = NULL, *broken = NULL, *more = NULL, *cut = NULL;
    const char *type;

    broken = g_strdup_printf(" > %s\r\n> %.10s \n>%s\n", first, word + 60, word + 70);
    sdp = short_description_read(broken, &type);
    g_assert_nonnull(sdp);
    more = g_strconcat(broken, "--", NULL);
    cut = g_strconcat(first, ", ", word + 60, NULL);
    g_assert_null(short_description_read(more, &type));
    g_assert_null(short_description_read(cut, &type));
    g_assert_true(short_description_is_begun(first));
    g_assert_false(short_description_is_begun("hello"));
    g_assert_false(short_description_is_begun(""));
    g_assert_false(short_description_is_begun(cut));
}

/* The thirty-first candidate has no place. */
static void test_many(void)
{
    g_autoptr(GString) many = g_string_new(offer);
    g_autofree char *word = NULL, *sdp = NULL;
    const char *type;

    for (guint i = 0; i < 40; i++)
        g_string_append_printf(many, "a=candidate:9 1 udp 9 203.0.113.%u 9 typ host\r\n", i);
    word = short_description_make("offer", many->str);
    sdp = short_description_read(word, &type);
    g_assert_nonnull(strstr(sdp, "203.0.113.26 "));
    g_assert_null(strstr(sdp, "203.0.113.27 "));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/there-and-back", test_there_and_back);
    g_test_add_func("/type", test_type);
    g_test_add_func("/incomplete", test_incomplete);
    g_test_add_func("/mistakes", test_mistakes);
    g_test_add_func("/broken", test_broken);
    g_test_add_func("/many", test_many);
    return g_test_run();
}
