/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The SDP codec: what browsers and other stacks write, what we write, what is
 * malformed, and a corpus of mutations from a seed that must never crash.
 */

#include <config.h>

#include "rtc/sdp.h"

#include <string.h>

#include "rtc/connection.h"

#define HASH                                                                                       \
    "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99"
#define LOWER_HASH                                                                                 \
    "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99"
#define ICE "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n"
#define TRANSPORT ICE "a=fingerprint:sha-256 " HASH "\r\n"
#define HEAD "v=0\r\no=- 4611 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define DATA "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"

static const char chromium[] =
    HEAD "a=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n" DATA
         "a=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlgh\r\na=ice-options:trickle\r\n"
         "a=fingerprint:sha-256 " HASH "\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\n"
         "a=max-message-size:262144\r\n";

/* Firefox puts the fingerprint into the session. */
static const char firefox[] =
    "v=0\r\no=mozilla...THIS_IS_SDPARTA-99.0 1 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
    "a=sendrecv\r\na=fingerprint:sha-256 " HASH "\r\na=group:BUNDLE 0\r\na=ice-options:trickle\r\n"
    "a=msid-semantic:WMS *\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 0.0.0.0\r\na=sendrecv\r\n" ICE "a=mid:0\r\na=setup:actpass\r\na=sctp-port:5000\r\n"
    "a=max-message-size:1073741823\r\n";

/* The draft that older stacks still write */
static const char old_format[] =
    HEAD "m=application 9 DTLS/SCTP 5001\r\nc=IN IP4 0.0.0.0\r\n" TRANSPORT
         "a=setup:active\r\na=mid:data\r\na=sctpmap:5001 webrtc-datachannel 65535\r\n";

/* Audio first, the data line bundle-only with its transport left to the tag */
static const char bundled[] =
    HEAD "a=group:BUNDLE audio data\r\n"
         "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=mid:audio\r\n" TRANSPORT
         "a=setup:passive\r\na=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n"
         "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=bundle-only\r\na=mid:data\r\n"
         "a=sctp-port:5000\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\n";

static Sdp *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    Sdp *sdp = sdp_parse(text, &error);

    g_assert_no_error(error);
    return sdp;
}

static void test_chromium(void)
{
    g_autoptr(Sdp) sdp = parse(chromium);

    g_assert_cmpstr(sdp->ufrag, ==, "4ZcD");
    g_assert_cmpstr(sdp->password, ==, "2/1muCWoOi3uLifh0NuRHlgh");
    g_assert_true(sdp->trickle);
    g_assert_cmpint(sdp->setup, ==, SDP_SETUP_ACTPASS);
    g_assert_cmpstr(sdp->mid, ==, "0");
    g_assert_true(sdp->bundled);
    g_assert_cmpuint(sdp->sctp_port, ==, 5000);
    g_assert_cmpuint(sdp->max_message_size, ==, 262144);
    g_assert_cmpuint(sdp->session_id, ==, 4611);
    g_assert_cmpuint(sdp->fingerprints->len, ==, 1);
    g_assert_cmpstr(sdp->fingerprints->pdata[0], ==, "sha-256 " HASH);
}

static void test_firefox(void)
{
    g_autoptr(Sdp) sdp = parse(firefox);

    g_assert_cmpstr(sdp->fingerprints->pdata[0], ==, "sha-256 " HASH);
    g_assert_cmpuint(sdp->max_message_size, ==, 1073741823);
}

static void test_old_format(void)
{
    g_autoptr(Sdp) sdp = parse(old_format);
    g_autofree char *text = NULL;

    g_assert_true(sdp->old_format);
    g_assert_cmpuint(sdp->sctp_port, ==, 5001);
    g_assert_cmpuint(sdp->max_message_size, ==, 65536);
    g_assert_cmpint(sdp->setup, ==, SDP_SETUP_ACTIVE);
    text = sdp_to_text(sdp);
    g_assert_nonnull(strstr(text, "m=application 9 DTLS/SCTP 5001\r\n"));
    g_assert_nonnull(strstr(text, "a=sctpmap:5001 webrtc-datachannel "));
}

/* What drafts had between the old form and RFC 8841; the answer's m-line is as the offer's. */
static void test_mixed_formats(void)
{
    static const struct {
        const char *line, *attributes;
        guint port;
    } cases[] = {
        {"m=application 9 DTLS/SCTP webrtc-datachannel\r\n", "a=sctp-port:5001\r\n", 5001},
        {"m=application 9 UDP/DTLS/SCTP 5001\r\n", "a=sctpmap:5001 webrtc-datachannel 1024\r\n",
         5001},
        {"m=application 9 UDP/DTLS/SCTP 5001\r\n", "", 5001},
        {"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
         "a=sctpmap:5001 webrtc-datachannel 1024\r\n", 5001},
        {"m=application 9 UDP/DTLS/SCTP 5002\r\n",
         "a=sctp-port:5001\r\na=sctpmap:5002 webrtc-datachannel 256\r\n", 5001},
        {"m=application 9 TCP/DTLS/SCTP webrtc-datachannel\r\n", "", 5000},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *offer =
            g_strconcat(HEAD, cases[i].line, TRANSPORT "a=mid:0\r\n", cases[i].attributes, NULL);
        g_autoptr(Sdp) sdp = parse(offer);
        g_autofree char *text = sdp_to_text(sdp);
        g_autoptr(Sdp) again = parse(text);

        g_assert_cmpuint(sdp->sctp_port, ==, cases[i].port);
        g_assert_cmpuint(again->sctp_port, ==, cases[i].port);
        g_assert_cmpstr(again->transport, ==, sdp->transport);
        g_assert_true(again->old_format == sdp->old_format);
        g_assert_true(sdp->old_format || strstr(text, cases[i].line));
    }
}

/* A size is never refused for being large. */
static void test_message_sizes(void)
{
    static const struct {
        const char *size;
        gsize expected;
    } cases[] = {
        {"0", 0}, /* any */
        {"1", 1},
        {"262144", 262144},
        {"9223372036854775808", G_MAXSSIZE},
        {"18446744073709551615", G_MAXSSIZE},
        {"100000000000000000000", G_MAXSSIZE},
        {"99999999999999999999999999999999999999999999999999", G_MAXSSIZE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *offer =
            g_strconcat(HEAD DATA TRANSPORT "a=max-message-size:", cases[i].size, "\r\n", NULL);
        g_autoptr(Sdp) sdp = parse(offer);

        g_assert_cmpuint(sdp->max_message_size, ==, cases[i].expected);
    }
}

static void test_bundled(void)
{
    g_autoptr(Sdp) sdp = parse(bundled);
    g_autofree char *text = NULL;
    const char *audio, *data, *video;

    g_assert_cmpuint(sdp->mline_index, ==, 1);
    g_assert_cmpstr(sdp->ufrag, ==, "abcd");
    g_assert_cmpint(sdp->setup, ==, SDP_SETUP_PASSIVE);
    g_assert_cmpuint(sdp->candidates->len, ==, 1);
    g_assert_cmpuint(sdp->media->len, ==, 3);

    text = sdp_to_text(sdp);
    audio = strstr(text, "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n");
    data = strstr(text, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n");
    video = strstr(text, "m=video 0 UDP/TLS/RTP/SAVPF 0\r\n");
    g_assert_true(audio && data && video && audio < data && data < video);
    g_assert_nonnull(strstr(text, "a=group:BUNDLE data\r\n"));
    g_assert_nonnull(strstr(text, "a=mid:audio\r\n"));
    /* webrtcbin wants one in rejected m-lines as well */
    g_assert_true(strstr(audio, "a=fingerprint:") < data);
    g_assert_nonnull(strstr(video, "a=fingerprint:"));
}

static void test_own(void)
{
    g_autoptr(Sdp) sdp = sdp_new(), again = NULL;
    g_autofree char *text = NULL;

    sdp->session_id = 99;
    sdp->ufrag = g_strdup("wxyz");
    sdp->password = g_strdup("0123456789abcdefghijkl");
    sdp->mid = g_strdup("0");
    sdp->bundled = true;
    sdp->setup = SDP_SETUP_ACTIVE;
    sdp->max_message_size = 12345;
    sdp->max_packet_size = 9000;
    g_ptr_array_add(sdp->fingerprints, g_strdup("sha-256 " HASH));
    g_ptr_array_add(sdp->candidates, g_strdup("candidate:1 1 udp 1 192.0.2.1 9 typ host"));
    text = sdp_to_text(sdp);
    g_assert_true(g_str_has_prefix(text, "v=0\r\no=- 99 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"));
    g_assert_nonnull(strstr(text, "\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    g_assert_nonnull(strstr(text, "\r\na=sctp-port:5000\r\n"));
    g_assert_nonnull(strstr(text, "\r\na=setup:active\r\n"));
    g_assert_nonnull(strstr(text, "\r\na=fingerprint:sha-256 " HASH "\r\n"));
    again = parse(text);
    g_assert_cmpstr(again->ufrag, ==, "wxyz");
    g_assert_cmpint(again->setup, ==, SDP_SETUP_ACTIVE);
    g_assert_cmpuint(again->max_message_size, ==, 12345);
    g_assert_cmpuint(again->max_packet_size, ==, 9000);
    g_assert_cmpuint(again->candidates->len, ==, 1);
    g_assert_cmpstr(again->candidates->pdata[0], ==, sdp->candidates->pdata[0]);
    g_assert_true(again->bundled);
}

/* Who has copied it from our offer has not asked for anything. */
static void test_max_packet(void)
{
    static const struct {
        const char *value;
        gsize size;
    } cases[] = {
        {"", 0},
        {"a=x-rtcbus-max-packet-size:9000 abcd\r\n", 9000},
        {"a=x-rtcbus-max-packet-size:16384 abcd\r\n", 16384},
        {"a=x-rtcbus-max-packet-size:16385 abcd\r\n", 0},
        {"a=x-rtcbus-max-packet-size:9000 wxyz\r\n", 0},
        {"a=x-rtcbus-max-packet-size:9000\r\n", 0},
        {"a=x-rtcbus-max-packet-size: abcd\r\n", 0},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strconcat(HEAD DATA TRANSPORT, cases[i].value, NULL);
        g_autoptr(Sdp) sdp = parse(text);

        g_assert_cmpuint(sdp->max_packet_size, ==, cases[i].size);
    }
}

/* A stack that copies the offer's lines into its answer does not speak it. */
static void test_protocol(void)
{
    g_autoptr(Sdp) sdp = parse(HEAD DATA TRANSPORT "a=x-rtcbus-protocol:readings abcd\r\n");
    g_autoptr(Sdp) copied = parse(HEAD DATA TRANSPORT "a=x-rtcbus-protocol:readings wxyz\r\n");
    g_autofree char *text = sdp_to_text(sdp);
    g_autoptr(Sdp) again = parse(text);

    g_assert_cmpstr(sdp->protocol, ==, "readings");
    g_assert_cmpstr(again->protocol, ==, "readings");
    g_assert_null(copied->protocol);
}

static void test_early_hello(void)
{
    g_autoptr(Sdp) sdp = parse(HEAD DATA TRANSPORT "a=x-rtcbus-early-hello:1 abcd\r\n");
    g_autoptr(Sdp) copied = parse(HEAD DATA TRANSPORT "a=x-rtcbus-early-hello:1 wxyz\r\n");
    g_autoptr(Sdp) other = parse(HEAD DATA TRANSPORT "a=x-rtcbus-early-hello:2 abcd\r\n");
    g_autoptr(Sdp) silent = parse(HEAD DATA TRANSPORT);
    g_autofree char *text = sdp_to_text(sdp);
    g_autoptr(Sdp) again = parse(text);

    g_assert_true(sdp->early_hello && again->early_hello);
    g_assert_false(copied->early_hello || other->early_hello || silent->early_hello);
}

static void test_packet_parts(void)
{
    g_autoptr(Sdp) sdp = parse(HEAD DATA TRANSPORT "a=x-rtcbus-packet-parts:1 abcd\r\n");
    g_autoptr(Sdp) copied = parse(HEAD DATA TRANSPORT "a=x-rtcbus-packet-parts:1 wxyz\r\n");
    g_autofree char *text = sdp_to_text(sdp);
    g_autoptr(Sdp) again = parse(text);

    g_assert_true(sdp->packet_parts && again->packet_parts);
    g_assert_false(copied->packet_parts);
}

static void test_tolerance(void)
{
    g_autoptr(Sdp) bare_lf = parse("v=0\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\n"
                                   "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdefghijkl\n"
                                   "a=fingerprint:md5 aa:bb\na=fingerprint:SHA-256 " LOWER_HASH
                                   "\na=unknown:thing\nz=odd");
    g_autoptr(Sdp) no_limit = parse(HEAD DATA TRANSPORT "a=max-message-size:0\r\n");

    g_assert_cmpstr(bare_lf->fingerprints->pdata[0], ==, "sha-256 " HASH);
    g_assert_cmpuint(bare_lf->fingerprints->len, ==, 1);
    g_assert_null(bare_lf->mid);
    g_assert_cmpuint(bare_lf->max_message_size, ==, 65536);
    g_assert_cmpuint(no_limit->max_message_size, ==, 0);
}

/* RFC 8122 5.1: all of the m-line's, for it may have several certificates; not those of weak hashes */
static void test_fingerprints(void)
{
    g_autoptr(Sdp) sdp = parse(HEAD "a=fingerprint:sha-256 " HASH "\r\n" DATA ICE
                                    "a=fingerprint:sha-256 " LOWER_HASH "\r\n"
                                    "a=fingerprint:sha-1 AA:BB\r\n"
                                    "a=fingerprint:SHA-512 " HASH ":" HASH "\r\n"
                                    "a=fingerprint:md5 AA:BB\r\n");
    g_autofree char *text = sdp_to_text(sdp);
    g_autoptr(Sdp) again = parse(text);

    g_assert_cmpuint(sdp->fingerprints->len, ==, 2);
    g_assert_cmpstr(sdp->fingerprints->pdata[0], ==, "sha-256 " HASH);
    g_assert_cmpstr(sdp->fingerprints->pdata[1], ==, "sha-512 " HASH ":" HASH);
    g_assert_cmpuint(again->fingerprints->len, ==, 2);
}

static void test_malformed(void)
{
    static const struct {
        const char *text;
        RtcError code;
    } bad[] = {
        {"", RTC_ERROR_INVALID},
        {"hello", RTC_ERROR_INVALID},
        {"v=1\r\n", RTC_ERROR_INVALID},
        {HEAD, RTC_ERROR_UNSUPPORTED},
        {HEAD "no equals sign\r\n" DATA TRANSPORT, RTC_ERROR_INVALID},
        {HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" TRANSPORT, RTC_ERROR_UNSUPPORTED},
        {HEAD "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" TRANSPORT,
         RTC_ERROR_UNSUPPORTED},
        {HEAD "m=application\r\n" TRANSPORT, RTC_ERROR_UNSUPPORTED},
        {HEAD DATA ICE, RTC_ERROR_INVALID},
        {HEAD DATA "a=fingerprint:sha-256 " HASH "\r\n", RTC_ERROR_INVALID},
        {HEAD DATA ICE "a=fingerprint:sha-256\r\n", RTC_ERROR_INVALID},
        {HEAD DATA ICE "a=fingerprint:sha-256 AA:B\r\n", RTC_ERROR_INVALID},
        {HEAD DATA ICE "a=fingerprint:sha-256 AA:BB:\r\n", RTC_ERROR_INVALID},
        {HEAD DATA ICE "a=fingerprint:sha-256 XX:YY\r\n", RTC_ERROR_INVALID},
        {HEAD DATA ICE "a=fingerprint:sha-256 AA:BB:CC\r\n", RTC_ERROR_UNSUPPORTED},
        {HEAD DATA ICE "a=fingerprint:sha-1 " HASH "\r\n", RTC_ERROR_UNSUPPORTED},
        {HEAD DATA ICE "a=fingerprint:md5 " HASH "\r\n", RTC_ERROR_UNSUPPORTED},
        {HEAD DATA TRANSPORT "a=setup:holdconn\r\n", RTC_ERROR_INVALID},
        {HEAD DATA TRANSPORT "a=sctp-port:0\r\n", RTC_ERROR_INVALID},
        {HEAD DATA TRANSPORT "a=sctp-port:65536\r\n", RTC_ERROR_INVALID},
        {HEAD DATA TRANSPORT "a=max-message-size:-1\r\n", RTC_ERROR_INVALID},
        {HEAD DATA TRANSPORT "a=max-message-size:\r\n", RTC_ERROR_INVALID},
        {HEAD DATA TRANSPORT "a=max-message-size:1e9\r\n", RTC_ERROR_INVALID},
        {HEAD DATA "a=ice-ufrag:ab\r\na=ice-pwd:0123456789abcdefghijkl\r\n", RTC_ERROR_INVALID},
        {HEAD DATA "a=ice-ufrag:ab\"d\r\na=ice-pwd:0123456789abcdefghijkl\r\n", RTC_ERROR_INVALID},
    };
    g_autofree char *filler = g_strnfill(200000, 'x');
    g_autofree char *huge = g_strconcat(HEAD DATA TRANSPORT "a=", filler, NULL);
    GString *lines = g_string_new(HEAD);
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) local = NULL;

        g_assert_null(sdp_parse(bad[i].text, &local));
        if (!g_error_matches(local, RTC_ERROR, bad[i].code))
            g_error("case %zu: %s", i, local ? local->message : "no error");
    }
    g_assert_null(sdp_parse(huge, &error));
    g_clear_error(&error);
    for (int i = 0; i < 100; i++)
        g_string_append(lines, DATA);
    g_assert_null(sdp_parse(lines->str, &error));
    g_string_free(lines, TRUE);
}

/* Whatever is parsed can be written and parsed again. */
static void test_mutations(void)
{
    static const char *const seeds[] = {chromium, firefox, old_format, bundled};
    static const char letters[] = "=: \r\nmav0aA/-\xff";
    GRand *random = g_rand_new_with_seed(8829);
    guint parsed = 0;

    for (int i = 0; i < 20000; i++) {
        g_autofree char *text = g_strdup(seeds[i % 4]);
        int edits = g_rand_int_range(random, 1, 6);
        gsize length = strlen(text);
        g_autoptr(Sdp) sdp = NULL;

        while (edits--)
            text[g_rand_int_range(random, 0, length)] =
                letters[g_rand_int_range(random, 0, sizeof letters - 1)];
        if (g_rand_boolean(random))
            text[g_rand_int_range(random, 0, length)] = '\0';
        sdp = sdp_parse(text, NULL);
        if (sdp) {
            g_autofree char *written = sdp_to_text(sdp);
            g_autoptr(GError) error = NULL;
            g_autoptr(Sdp) again = sdp_parse(written, &error);

            g_assert_no_error(error);
            g_assert_cmpstr(again->ufrag, ==, sdp->ufrag);
            g_assert_cmpuint(again->mline_index, ==, sdp->mline_index);
            parsed++;
        }
    }
    g_assert_cmpuint(parsed, >, 1000);
    g_rand_free(random);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sdp/chromium", test_chromium);
    g_test_add_func("/sdp/firefox", test_firefox);
    g_test_add_func("/sdp/old-format", test_old_format);
    g_test_add_func("/sdp/mixed-formats", test_mixed_formats);
    g_test_add_func("/sdp/message-sizes", test_message_sizes);
    g_test_add_func("/sdp/bundled", test_bundled);
    g_test_add_func("/sdp/own", test_own);
    g_test_add_func("/sdp/max-packet", test_max_packet);
    g_test_add_func("/sdp/protocol", test_protocol);
    g_test_add_func("/sdp/early-hello", test_early_hello);
    g_test_add_func("/sdp/packet-parts", test_packet_parts);
    g_test_add_func("/sdp/tolerance", test_tolerance);
    g_test_add_func("/sdp/fingerprints", test_fingerprints);
    g_test_add_func("/sdp/malformed", test_malformed);
    g_test_add_func("/sdp/mutations", test_mutations);
    return g_test_run();
}
