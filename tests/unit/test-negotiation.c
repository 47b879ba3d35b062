/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Which later description counts, and which is older than the last one. */

#include <config.h>

#include <string.h>

#include "rtc/error.h"
#include "rtc/negotiation.h"

#define HASH                                                                                       \
    "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99"

static char *describe(guint64 version, const char *ufrag)
{
    return g_strdup_printf("v=0\r\no=- 4611 %" G_GUINT64_FORMAT " IN IP4 127.0.0.1\r\n"
                           "s=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
                           "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                           "c=IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\n"
                           "a=ice-pwd:0123456789abcdefghijkl\r\na=fingerprint:sha-256 " HASH
                           "\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\n",
                           version, ufrag);
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/negotiation/older", test_older);
    g_test_add_func("/negotiation/made-up", test_made_up);
    g_test_add_func("/negotiation/made-up-and-proven", test_made_up_and_proven);
    g_test_add_func("/negotiation/repeated", test_repeated);
    return g_test_run();
}
