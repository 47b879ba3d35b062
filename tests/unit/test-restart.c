/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Offers within a connection: those that restart ICE, and others.
 */

#include <config.h>

#include <agent.h>
#include <string.h>

#include "common/log.h"
#include "connection-pair.h"
#include "rtc/connection-steps.h"

/* ---- restarts ---------------------------------------------------------------- */

static void test_restart(ConnectionPair *pair, gconstpointer data)
{
    PairEnd *ends[] = {&pair->a, &pair->b, &pair->a, &pair->a, &pair->b};

    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *before = pair_local_candidate(&pair->a), *after = NULL;
        guint a = pair->a.moved, b = pair->b.moved, answers = ends[i]->other->answers;

        pair_restart(ends[i], false);
        wait_with_numbers(pair, pair->a.moved > a && pair->b.moved > b && pair_agree(pair));
        after = pair_local_candidate(&pair->a);
        g_assert_cmpstr(after, !=, before);
        g_assert_cmpuint(ends[i]->other->answers, ==, answers + 1);
        pair_check_flow(pair);
    }
    g_assert_cmpuint(pair->a.failed + pair->b.failed, ==, 0);
}

/* The session is the same, its version the next one, and the key and all else are kept. */
static void test_description(ConnectionPair *pair, gconstpointer data)
{
    g_auto(GStrv) first = g_strsplit(pair->a.offer, "\r\n", -1), second = NULL;
    guint differ = 0;

    pair_restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    second = g_strsplit(pair->a.offer, "\r\n", -1);
    g_assert_cmpuint(g_strv_length(first), ==, g_strv_length(second));
    for (guint i = 0; first[i]; i++) {
        if (strcmp(first[i], second[i]) == 0)
            continue;
        differ++;
        g_assert_true(g_str_has_prefix(first[i], "o=") || g_str_has_prefix(first[i], "a=ice-") ||
                      g_str_has_prefix(first[i], "a=x-rtcbus-max-packet-size") ||
                      g_str_has_prefix(first[i], "a=x-rtcbus-packet-parts") ||
                      g_str_has_prefix(first[i], "a=x-rtcbus-sctp-init") ||
                      g_str_has_prefix(first[i], "a=x-rtcbus-early-hello"));
    }
    g_assert_cmpuint(differ, ==, 7);
    g_assert_true(g_str_has_suffix(first[1], " 2 IN IP4 127.0.0.1"));
    g_assert_true(g_str_has_suffix(second[1], " 3 IN IP4 127.0.0.1"));
    g_assert_nonnull(strstr(pair->a.offer, "a=setup:actpass"));
    g_assert_nonnull(strstr(pair->b.answer, "a=setup:active"));
    pair->a.always_active = true;
    pair_restart(&pair->b, false);
    wait_with_numbers(pair, pair->b.moved > 1);
    pair_check_flow(pair);
    g_assert_nonnull(strstr(pair->b.offer, "a=setup:actpass"));
}

/* Much data, in the fast way, from the first agents to the third ones */
static void test_bulk(ConnectionPair *pair, gconstpointer data)
{
    for (guint round = 0; round < 2; round++) {
        guint a = pair->a.moved, b = pair->b.moved;

        for (guint i = 0; i < 100000; i++)
            pair_send_number(&pair->a);
        pair_restart(round == 0 ? &pair->a : &pair->b, false);
        wait_until(pair->a.moved > a && pair->b.moved > b);
        for (guint i = 0; i < 100000; i++)
            pair_send_number(&pair->a);
        wait_until(pair->b.received == pair->a.sent);
    }
    pair_check_flow(pair);
}

/* The answer, or the offer, is lost: nothing happens to the connection, and another try works. */
static void test_lost(ConnectionPair *pair, gconstpointer data)
{
    g_autofree char *before = pair_local_candidate(&pair->a), *after = NULL;
    g_autofree char *old_answer = NULL;

    pair->b.drop_answers = true;
    pair_restart(&pair->a, false);
    wait_with_numbers(pair, pair->b.answers == 2 && pair->a.ends == 2);
    pair_restart(&pair->a, false); /* it is young */
    pair_check_flow(pair);
    g_assert_cmpuint(pair->a.offers, ==, 2);
    after = pair_local_candidate(&pair->a);
    g_assert_cmpstr(before, ==, after);

    old_answer = g_strdup(pair->b.answer);
    pair->b.drop_answers = false;
    pair->a.hold_offers = true;
    pair_restart(&pair->a, true);
    wait_with_numbers(pair, pair->a.offers == 3);
    pair_give(&pair->b, "answer", old_answer);
    g_assert_cmpstr(pair->a.refused, ==, "an answer to an older offer");
    pair_give(&pair->a, "offer", pair->a.offer);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0 && pair_agree(pair));
    pair_check_flow(pair);
    pair_give(&pair->b, "answer", old_answer);
    g_assert_cmpstr(pair->a.refused, ==, "an unexpected answer");
    pair_give(&pair->b, "answer", pair->b.answer);
    g_assert_null(pair->a.refused);
    pair_check_flow(pair);
}

/* Both begin at the same time, and one of the two goes through, on both sides. */
static void test_glare(ConnectionPair *pair, gconstpointer data)
{
    for (guint round = 0; round < 5; round++) {
        guint a = pair->a.moved, b = pair->b.moved;

        pair_restart(&pair->a, true);
        pair_restart(&pair->b, true);
        wait_with_numbers(pair, pair->a.moved > a && pair->b.moved > b && pair_agree(pair));
        pair_check_flow(pair);
        g_assert_cmpuint(pair->b.answers, ==, 2 + round);
        g_assert_cmpuint(pair->a.answers, ==, 0);
    }
    pair_restart(&pair->b, true);
    wait_with_numbers(pair, pair->a.answers == 1 && pair_agree(pair));
    pair_check_flow(pair);
}

/* The offer that the other one has to wait for was lost: it comes again, and neither waits. */
static void test_glare_with_loss(ConnectionPair *pair, gconstpointer data)
{
    gint64 crossed;

    pair->a.hold_offers = true;
    pair_restart(&pair->a, true);
    wait_with_numbers(pair, pair->a.offers == 2);
    pair->a.hold_offers = false;
    crossed = g_get_monotonic_time() + G_USEC_PER_SEC;
    wait_with_numbers(pair, g_get_monotonic_time() > crossed);
    pair_restart(&pair->b, true);
    wait_with_numbers(pair, pair->a.offers == 3);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0 && pair_agree(pair));
    pair_check_flow(pair);
}

/* The offer was lost, for there was no relay; then there is one. */
static void test_offer_again(ConnectionPair *pair, gconstpointer data)
{
    gint64 begun;

    pair->a.hold_offers = true;
    pair_restart(&pair->a, true);
    wait_with_numbers(pair, pair->a.offers == 2);
    pair->a.hold_offers = false;
    begun = g_get_monotonic_time();
    wait_with_numbers(pair, g_get_monotonic_time() > begun + G_USEC_PER_SEC);
    pair_restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0 && pair_agree(pair));
    pair_check_flow(pair);
    g_assert_cmpuint(pair->a.offers, ==, 3);
}

/* What the polite one gives up for an offer that is no restart comes again. */
static void test_glare_with_media(ConnectionPair *pair, gconstpointer data)
{
    g_autofree char *media =
        g_strconcat(pair->a.offer, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n", NULL);

    pair->b.hold_offers = true;
    pair_restart(&pair->b, true);
    wait_with_numbers(pair, pair->b.offers == 1);
    pair->b.hold_offers = false;
    pair_give(&pair->a, "offer", media);
    g_assert_null(pair->b.refused);
    wait_with_numbers(pair, pair->b.offers == 2 && pair->a.moved > 0 && pair->b.moved > 0);
    g_assert_cmpuint(pair->a.answers, ==, 1);
    pair_check_flow(pair);
}

/* ---- step by step ------------------------------------------------------------ */

static char *make_and_set(PairEnd *end, const char *type)
{
    g_autoptr(GError) error = NULL;
    char *sdp = steps_make(end->connection, type, true, &error);

    g_assert_no_error(error);
    g_assert_true(steps_set_local(end->connection, type, &error));
    return sdp;
}

/* It is as connected as before, and its path may still be lost. */
static void test_steps(ConnectionPair *pair, gconstpointer data)
{
    g_autofree char *offer = make_and_set(&pair->a, "offer");

    g_assert_cmpint(connection_state(pair->a.connection), ==, CONNECTION_CONNECTED);
    for (guint i = 0; i < 2; i++) /* the first of each */
        g_signal_emit_by_name(pair_agents->pdata[i], "component-state-changed", 1, 1,
                              NICE_COMPONENT_STATE_FAILED);
    g_assert_cmpint(connection_state(pair->a.connection), ==, CONNECTION_DISCONNECTED);
    g_assert_cmpuint(pair->a.no_path, ==, 1);
    pair_give(&pair->a, "offer", offer);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    pair_check_flow(pair);
}

/* The agent of an answer that is not set in time is gone, and the answer with it. The path that
 * carries the data has nothing to do with it. */
static void test_set_late(ConnectionPair *pair, gconstpointer data)
{
    g_autofree char *late = NULL, *answer = NULL;
    g_autoptr(GError) error = NULL;
    guint candidates = pair->b.candidates;

    pair->a.hold_offers = true;
    pair_restart(&pair->a, true);
    wait_with_numbers(pair, pair->a.offers == 2);
    g_assert_true(steps_set_remote(pair->b.connection, "offer", pair->a.offer, &error));
    late = steps_make(pair->b.connection, "answer", false, &error);
    g_assert_no_error(error);
    pair_clock.ahead += 31 * G_USEC_PER_SEC;
    wait_with_numbers(pair, pair->b.failed == 1 && pair->a.failed == 1);
    g_assert_false(steps_set_local(pair->b.connection, "answer", &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_INVALID);
    pair_check_flow(pair);
    g_assert_cmpuint(pair->b.candidates, ==, candidates);

    pair->a.offers = 0;
    pair_restart(&pair->a, true);
    wait_with_numbers(pair, pair->a.offers == 1);
    g_clear_error(&error);
    g_assert_true(steps_set_remote(pair->b.connection, "offer", pair->a.offer, &error));
    answer = make_and_set(&pair->b, "answer");
    pair_give(&pair->b, "answer", answer);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0 && pair_agree(pair));
    pair_check_flow(pair);
}

static void set_all_steps(ConnectionPair *pair)
{
    g_autofree char *offer = make_and_set(&pair->a, "offer"), *answer = NULL;

    g_assert_true(steps_set_remote(pair->b.connection, "offer", offer, NULL));
    answer = make_and_set(&pair->b, "answer");
    g_assert_true(steps_set_remote(pair->a.connection, "answer", answer, NULL));
}

/* Who takes the steps may look for a path again where none was found. */
static void test_no_path(void)
{
    ConnectionPair pair = {};

    pair_begin(&pair, false, true);
    pair.a.drop_candidates = pair.b.drop_candidates = true;
    pair_clock.hasty = true;
    for (guint i = 0; i < 2; i++) { /* also a second time */
        guint before[] = {pair.a.no_path, pair.b.no_path};

        set_all_steps(&pair);
        wait_until(pair.a.no_path > before[0] && pair.b.no_path > before[1]);
        g_assert_cmpint(connection_state(pair.a.connection), ==, CONNECTION_CONNECTING);
    }
    pair_clock.hasty = false;
    pair.a.drop_candidates = pair.b.drop_candidates = false;
    set_all_steps(&pair);
    wait_until(connection_state(pair.a.connection) == CONNECTION_CONNECTED && pair.b.channel);
    pair_check_flow(&pair);
    pair_tear_down(&pair, NULL);
}

/* ---- one generation and another ---------------------------------------------- */

/* Candidates that come ahead of their offer are for it, those of nobody's are for nobody. */
static void test_early_candidates(ConnectionPair *pair, gconstpointer data)
{
    const IceCandidateInit stray = {
        .candidate = "candidate:9 1 udp 2122260223 127.0.0.1 9 typ host", .ufrag = "nobody"};
    const IceCandidateInit named = {
        .candidate = "candidate:9 1 udp 2122260223 127.0.0.1 9 typ host generation 0 ufrag nobody"};

    for (guint i = 0; i < 300; i++) {
        g_assert_true(connection_add_candidate(pair->b.connection, &stray, NULL));
        g_assert_true(connection_add_candidate(pair->b.connection, &named, NULL));
    }
    pair->a.hold_offers = true;
    pair->b.drop_candidates = true;
    pair_restart(&pair->a, true);
    wait_with_numbers(pair, pair->a.ends == 2);
    for (guint i = 0; i < 10; i++)
        g_assert_true(connection_add_candidate(pair->b.connection, &stray, NULL));
    pair_give(&pair->a, "offer", pair->a.offer);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    pair_check_flow(pair);
}

/* Its owner has the last word, and is not asked for what is no restart. */
static void test_refused(ConnectionPair *pair, gconstpointer data)
{
    g_autofree char *first = g_strdup(pair->a.offer);
    guint before = pair_agents->len, answers = pair->b.answers;

    pair->b.may_not = true;
    pair_give(&pair->a, "offer", first);
    g_assert_null(pair->b.refused);
    pair_restart(&pair->a, true);
    wait_with_numbers(pair, pair->b.refused);
    g_assert_cmpstr(pair->b.refused, ==, "not now");
    g_assert_cmpuint(pair_agents->len, ==, before + 1); /* that of the one who has offered */
    g_assert_cmpuint(pair->b.answers, ==, answers + 1);
    pair->b.may_not = false;
    pair_give(&pair->a, "offer", pair->a.offer);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    pair_check_flow(pair);
}

/* ---- offers that are no restart ------------------------------------------------ */

static void test_again(ConnectionPair *pair, gconstpointer data)
{
    g_autofree char *answer = g_strdup(pair->b.answer);
    guint candidates = pair->b.candidates, before = pair_agents->len;

    for (guint i = 1; i <= 3; i++) {
        g_autofree char *offer = g_strdup(pair->a.offer);

        pair_give(&pair->a, "offer", offer);
        wait_with_numbers(pair, pair->b.answers == 1 + i);
        g_assert_cmpstr(pair->b.answer, ==, answer);
    }
    g_assert_cmpuint(pair->b.candidates, ==, candidates); /* it has a path */
    g_assert_cmpuint(pair_agents->len, ==, before);
    pair_check_flow(pair);
}

/* The answer and all candidates are lost, and the restart's offer comes once more: as it was, or
 * with the candidates in it. Then all of ours come once more, too. */
static void test_restart_again(ConnectionPair *pair, gconstpointer data)
{
    g_autoptr(GString) offer = NULL;
    guint candidates;

    pair->b.drop_answers = pair->b.drop_candidates = pair->a.drop_candidates = true;
    pair_restart(&pair->a, false);
    wait_with_numbers(pair, pair->b.answers == 2 && pair->b.ends == 2 && pair->a.ends == 2);
    candidates = pair->b.candidates;
    pair->b.drop_answers = pair->b.drop_candidates = false;
    offer = g_string_new(pair->a.offer);
    if (data)
        g_string_append(offer, "a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\n");
    pair_give(&pair->a, "offer", offer->str);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    g_assert_cmpuint(pair->b.candidates, >, candidates);
    g_assert_cmpuint(pair->b.answers, ==, 3);
    pair_check_flow(pair);
}

/* Other media lines, also from the side that answered first */
static void test_media(ConnectionPair *pair, gconstpointer data)
{
    static const char audio[] = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n";
    g_autofree char *more = g_strconcat(pair->a.offer, audio, NULL);
    g_autofree char *back = NULL;
    guint before = pair_agents->len;

    pair_give(&pair->a, "offer", more);
    wait_with_numbers(pair, pair->b.answers == 2);
    g_assert_nonnull(strstr(pair->b.answer, "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"));
    g_assert_true(strstr(pair->b.answer, "m=audio") > strstr(pair->b.answer, "m=application 9"));
    g_assert_nonnull(strstr(pair->b.answer, "a=group:BUNDLE 0\r\n"));
    g_assert_cmpuint(pair_agents->len, ==, before);
    pair_check_flow(pair);

    pair->b.hold_offers = true;
    pair_restart(&pair->b, false); /* and its offers have that line from now on (RFC 8829 5.2.2) */
    wait_with_numbers(pair, pair->b.offers == 1);
    g_assert_nonnull(strstr(pair->b.offer, "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"));
    pair_give(&pair->b, "offer", pair->b.offer);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    g_assert_nonnull(strstr(pair->a.answer, "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"));

    back = g_strconcat(pair->b.offer, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\n", NULL);
    pair_give(&pair->b, "offer", back);
    g_assert_null(pair->a.refused);
    wait_with_numbers(pair, pair->a.answers == 2);
    g_assert_nonnull(strstr(pair->a.answer, "m=video 0 "));
    pair_check_flow(pair);
}

static void replace(GString *text, const char *from, const char *to)
{
    g_assert_cmpuint(g_string_replace(text, from, to, 1), ==, 1);
}

static void give_changed(ConnectionPair *pair, const char *from, const char *to)
{
    g_autoptr(GString) offer = g_string_new(pair->a.offer);
    guint answers = pair->b.answers, before = pair_agents->len;

    replace(offer, from, to);
    pair_wait_for_offer();
    pair_give(&pair->a, "offer", offer->str);
    g_assert_nonnull(pair->b.refused);
    g_test_message("%s", pair->b.refused);
    pair_check_flow(pair);
    g_assert_cmpuint(pair->b.answers, ==, answers);
    g_assert_cmpuint(pair_agents->len, ==, before);
}

/* What would have the layers above begin anew is refused, and so is what makes no sense. */
static void test_bad(ConnectionPair *pair, gconstpointer data)
{
    g_autofree char *ours = g_strdup(certificate_fingerprint(pair->a.certificate));
    g_autofree char *wrong = g_strdup(ours), *both = NULL;
    g_autoptr(GPtrArray) keys = connection_read_keys(pair->a.offer);

    g_assert_true(connection_has_keys(pair->b.connection, keys));
    g_assert_false(connection_has_keys(pair->a.connection, keys));
    wrong[strlen("sha-256 ")] = wrong[strlen("sha-256 ")] == 'A' ? 'B' : 'A';
    both = g_strdup_printf("%s\r\na=fingerprint:%s", ours, wrong);
    give_changed(pair, ours, wrong);
    give_changed(pair, ours, both);
    give_changed(pair, "a=setup:actpass", "a=setup:active");
    give_changed(pair, "a=sctp-port:5000", "a=sctp-port:5001");
    give_changed(pair, "a=mid:0", "a=mid:1");
    give_changed(pair, "m=application", "m=audio 9 RTP/AVP 0\r\nm=application");
    give_changed(pair, "m=application", "m=apple");
    give_changed(pair, " 2 IN IP4", " 1 IN IP4");
    give_changed(pair, "a=ice-pwd:", "a=ice-pwd:%");
    g_assert_null(connection_read_keys(wrong));
}

/* A remote that answers with the ICE credentials that it has does not restart. */
static void test_declined(ConnectionPair *pair, gconstpointer data)
{
    g_autoptr(GString) answer = g_string_new(pair->b.answer);

    g_string_replace(answer, "a=x-rtcbus-answers", "a=x-others-answers", 1);
    g_string_replace(answer, "a=max-message-size:262144", "a=max-message-size:262143", 1);
    pair->a.hold_offers = true;
    pair_restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.offers == 2);
    pair_give(&pair->b, "answer", answer->str);
    g_assert_null(pair->a.refused);
    g_assert_cmpuint(pair->a.failed, ==, 1);
    pair_check_flow(pair);
    pair->a.hold_offers = false;
    pair_restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    pair_check_flow(pair);
}

static void test_not_yet(void)
{
    static const ConnectionOps none;
    g_autoptr(Certificate) certificate = certificate_generate("x", NULL);
    const ConnectionConfig config = {.certificate = certificate};
    g_autoptr(Connection) connection = connection_new(&config, &none, NULL, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(connection_restart_ice(connection, true, &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_STATE);
    g_assert_false(connection_is_relayed(connection));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_open("test-restart", g_getenv("RTCBUS_TEST_VERBOSE") != NULL);
#define ADD(name, plain, function)                                                                 \
    g_test_add("/restart/" name, ConnectionPair, plain, pair_set_up, function, pair_tear_down)
    ADD("either-side", NULL, test_restart);
    ADD("description", NULL, test_description);
    ADD("bulk", NULL, test_bulk);
    ADD("lost-frames", NULL, test_lost);
    ADD("glare", NULL, test_glare);
    ADD("glare-with-loss", NULL, test_glare_with_loss);
    ADD("offer-again", NULL, test_offer_again);
    ADD("glare-with-media", NULL, test_glare_with_media);
    ADD("steps", "plain", test_steps);
    g_test_add_func("/restart/no-path", test_no_path);
    ADD("set-late", NULL, test_set_late);
    ADD("early-candidates", NULL, test_early_candidates);
    ADD("refused", NULL, test_refused);
    ADD("again", NULL, test_again);
    ADD("restart-again", NULL, test_restart_again);
    ADD("restart-again-with-candidates", "plain", test_restart_again);
    ADD("media", NULL, test_media);
    ADD("bad", NULL, test_bad);
    ADD("declined", NULL, test_declined);
    g_test_add_func("/restart/not-yet", test_not_yet);
    return g_test_run();
}
