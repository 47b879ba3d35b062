/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Which later description counts, which is older than the last one, and what an answer has. */

#include <config.h>

#include <string.h>

#include "rtc/error.h"
#include "rtc/negotiation.h"
#include "rtc/sctp/opening-chunk.h"

#define HASH                                                                                       \
    "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99"

/* With more ATTRIBUTES: whole lines */
static char *describe_with(guint64 version, const char *ufrag, const char *attributes)
{
    return g_strdup_printf("v=0\r\no=- 4611 %" G_GUINT64_FORMAT " IN IP4 127.0.0.1\r\n"
                           "s=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
                           "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                           "c=IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\n"
                           "a=ice-pwd:0123456789abcdefghijkl\r\na=fingerprint:sha-256 " HASH
                           "\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\n%s",
                           version, ufrag, attributes);
}

static char *describe(guint64 version, const char *ufrag)
{
    return describe_with(version, ufrag, "");
}

/* Takes an offer and answers it; false if it is refused for its age. */
static bool offer(Negotiation *negotiation, guint64 version, const char *ufrag)
{
    const NegotiationIce ice = {"ours", "0123456789abcdefghijkl"};
    g_autofree char *text = describe(version, ufrag);
    g_autoptr(GError) error = NULL;
    NegotiationStep step;
    Sdp *remote;

    if (!negotiation_judge(negotiation, "offer", text, &step, &remote, &error)) {
        g_assert_error(error, RTC_ERROR, RTC_ERROR_STATE);
        return false;
    }
    if (remote)
        negotiation_answer(negotiation, remote, text, &ice,
                           negotiation->local ? NULL : sdp_parse(text, NULL));
    return true;
}

static void begin(Negotiation *negotiation)
{
    negotiation_init(negotiation);
    g_assert_true(offer(negotiation, 7, "one1"));
    negotiation_prove(negotiation, "one1");
}

static void test_older(void)
{
    Negotiation negotiation;

    begin(&negotiation);
    g_assert_true(offer(&negotiation, 8, "two2"));
    negotiation_prove(&negotiation, "two2");
    g_assert_false(offer(&negotiation, 7, "one1"));
    g_assert_true(offer(&negotiation, 8, "two2"));
    g_assert_true(offer(&negotiation, 11, "tri3")); /* the ones between are lost */
    negotiation_prove(&negotiation, "tri3");
    g_assert_false(offer(&negotiation, 8, "two2"));
    negotiation_clear(&negotiation);
}

/* It has taken our id for its own, and its versions begin again with each of its offers. */
static void test_our_id(void)
{
    Negotiation negotiation;

    negotiation_init(&negotiation);
    negotiation.session_id = 4611;
    g_assert_true(offer(&negotiation, 7, "one1"));
    negotiation_prove(&negotiation, "one1");
    g_assert_true(offer(&negotiation, 0, "two2"));
    negotiation_clear(&negotiation);
}

/* Somebody who has not the key gives a number; the remote goes on with its own. */
static void test_made_up(void)
{
    Negotiation negotiation;

    begin(&negotiation);
    g_assert_true(offer(&negotiation, 9, "evil"));
    negotiation_prove(&negotiation, "one1");
    g_assert_true(offer(&negotiation, 8, "two2"));
    g_assert_true(offer(&negotiation, G_MAXINT64, "evil"));
    negotiation_prove(&negotiation, "one1");
    g_assert_true(offer(&negotiation, 9, "tri3"));
    negotiation_clear(&negotiation);
}

/* It passes on what both ends say: its path is proven, but the number is no step from the last. */
static void test_made_up_and_proven(void)
{
    Negotiation negotiation;

    begin(&negotiation);
    g_assert_true(offer(&negotiation, G_MAXINT64, "evil"));
    negotiation_prove(&negotiation, "evil");
    g_assert_true(offer(&negotiation, 8, "two2"));
    negotiation_clear(&negotiation);
}

/* The credentials that are proven, with a number that others have given them */
static void test_repeated(void)
{
    Negotiation negotiation;

    begin(&negotiation);
    g_assert_true(offer(&negotiation, 9, "one1"));
    negotiation_prove(&negotiation, "one1");
    g_assert_true(offer(&negotiation, 8, "two2"));
    negotiation_clear(&negotiation);
}

#define PACKET_SIZE "a=x-rtcbus-max-packet-size:16384 one1\r\n"

/* Whether the answer to an offer with ATTRIBUTES has a chunk of SCTP's handshake */
static bool answers_with_chunk(const char *attributes)
{
    const NegotiationIce ice = {"ours", "0123456789abcdefghijkl"};
    g_autofree char *text = describe_with(7, "one1", attributes);
    g_autofree char *plain = describe(1, "ours");
    Sdp *template = sdp_parse(plain, NULL), *remote;
    Negotiation negotiation;
    NegotiationStep step;
    bool answers;

    template->sctp_init = opening_chunk_describe();
    negotiation_init(&negotiation);
    g_assert_true(negotiation_judge(&negotiation, "offer", text, &step, &remote, NULL));
    answers = strstr(negotiation_answer(&negotiation, remote, text, &ice, template),
                     "a=x-rtcbus-sctp-init:") != NULL;
    g_assert_cmpint(answers, ==, negotiation.local->sctp_init != NULL);
    negotiation_clear(&negotiation);
    return answers;
}

static char *attribute_of(const guint8 *chunk, gsize length)
{
    g_autofree char *base64 = g_base64_encode(chunk, length);

    return g_strdup_printf(PACKET_SIZE "a=x-rtcbus-sctp-init:%s one1\r\n", base64);
}

/* Ours goes out if we would use it. */
static void test_chunk(void)
{
    g_autoptr(GBytes) described = opening_chunk_describe();
    gsize length;
    const guint8 *chunk = g_bytes_get_data(described, &length);
    g_autofree char *attributes = attribute_of(chunk, length);

    g_assert_true(answers_with_chunk(attributes));
    g_assert_false(answers_with_chunk(attributes + strlen(PACKET_SIZE)));
    g_assert_false(answers_with_chunk(PACKET_SIZE));
}

/* Nothing in the remote's chunk is signed: what is not as we write it is not there. */
static void test_chunk_altered(void)
{
    g_autoptr(GBytes) described = opening_chunk_describe();
    gsize length;
    const guint8 *chunk = g_bytes_get_data(described, &length);

    for (gsize i = 0; i < length; i++) {
        g_autofree guint8 *altered = g_memdup2(chunk, length);
        g_autofree char *attributes = NULL;

        altered[i] ^= 1;
        attributes = attribute_of(altered, length);
        g_assert_false(answers_with_chunk(attributes));
    }
    for (gsize shorter = 0; shorter < length; shorter++) {
        g_autofree char *attributes = attribute_of(chunk, shorter);

        g_assert_false(answers_with_chunk(attributes));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/negotiation/older", test_older);
    g_test_add_func("/negotiation/our-id", test_our_id);
    g_test_add_func("/negotiation/made-up", test_made_up);
    g_test_add_func("/negotiation/made-up-and-proven", test_made_up_and_proven);
    g_test_add_func("/negotiation/repeated", test_repeated);
    g_test_add_func("/negotiation/chunk", test_chunk);
    g_test_add_func("/negotiation/chunk-altered", test_chunk_altered);
    return g_test_run();
}
