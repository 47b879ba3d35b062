/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Which path carries the data of a connection.
 */

#include <config.h>

#include <agent.h>
#include <malloc.h>
#include <string.h>

#include "common/log.h"
#include "connection-pair.h"
#include "rtc/ice/ice.h"
#include "rtc/paths.h"
#include "rtc/sdp.h"

/* The old path carries nothing any more; the new one has not been told so. */
static void test_cut(ConnectionPair *pair, gconstpointer data)
{
    pair_cut_all();
    for (guint i = 0; i < 20; i++)
        pair_send_numbers(pair);
    wait_until(pair->a.silent == 1 && pair->b.silent == 1);
    g_assert_cmpuint(pair->a.received + pair->b.received, <, pair->a.sent + pair->b.sent);
    pair_restart(&pair->b, false);
    wait_until(pair->a.moved > 0 && pair->b.moved > 0);
    pair_check_flow(pair);
    g_assert_cmpuint(pair->a.silent + pair->b.silent, ==, 2);
}

/* An answer in time is no silence, and that somebody else gets none is not either. */
static void test_probe(ConnectionPair *pair, gconstpointer data)
{
    connection_probe(pair->a.connection);
    pair_check_flow(pair);
    wait_until(!connection_is_unacknowledged(pair->a.connection)); /* it waits for nothing */
    pair_cut_all();
    connection_probe(pair->b.connection);
    wait_until(pair->b.silent == 1);
    g_assert_cmpuint(pair->a.silent, ==, 0);
    g_hash_table_remove_all(pair_cut_agents);
    connection_probe(pair->b.connection);
    wait_until(pair->b.heard == 1);
    pair_check_flow(pair);
}

/* The one that should have helped is as bad: that is told, too. */
static void test_cut_again(ConnectionPair *pair, gconstpointer data)
{
    for (guint round = 1; round <= 2; round++) {
        pair_cut_all();
        for (guint i = 0; i < 20; i++)
            pair_send_numbers(pair);
        wait_until(pair->a.silent == round && pair->b.silent == round);
        pair_restart(&pair->a, false);
        wait_until(pair->a.moved >= round && pair->b.moved >= round);
    }
    pair_check_flow(pair);
}

static void pair_restart_and_wait(ConnectionPair *pair)
{
    guint a = pair->a.moved, b = pair->b.moved;

    pair_restart(&pair->a, true);
    wait_with_numbers(pair, pair->a.moved > a && pair->b.moved > b && pair_agree(pair));
}

/* One that finds its pair and loses it again: the one before it is still there. */
static void test_back(ConnectionPair *pair, gconstpointer data)
{
    guint first = pair_agents->len;
    g_autofree char *before = pair_local_candidate(&pair->a), *after = NULL;

    pair_restart_and_wait(pair);
    for (guint i = first; i < pair_agents->len; i++)
        g_hash_table_add(pair_cut_agents, pair_agents->pdata[i]);
    wait_with_numbers(pair, pair->a.moved > 1 && pair->b.moved > 1);
    pair_check_flow(pair);
    after = pair_local_candidate(&pair->a);
    g_assert_cmpstr(before, ==, after);
}

/* The new one carries nothing one way: the other way each hears the other one all the time. */
static void test_one_way(ConnectionPair *pair, gconstpointer data)
{
    guint agent = pair_agents->len + (strcmp(data, "from-b") == 0);
    g_autofree char *before = pair_local_candidate(&pair->a), *after = NULL;

    pair_restart_and_wait(pair);
    g_hash_table_add(pair_cut_agents, pair_agents->pdata[agent]);
    wait_with_numbers(pair, pair->a.moved > 1 && pair->b.moved > 1 && pair_agree(pair));
    pair_check_flow(pair);
    after = pair_local_candidate(&pair->a);
    g_assert_cmpstr(before, ==, after);
    g_assert_cmpuint(pair->a.moved + pair->b.moved, <=, 6); /* and they do not change places */
}

/* No answer comes, and the agent is gone with the offer. */
static void test_unanswered(ConnectionPair *pair, gconstpointer data)
{
    guint fds = pair_count_fds();

    pair->a.drop_offers = true;
    pair_restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.offers == 2);
    g_assert_cmpuint(pair_count_fds(), >, fds);
    pair_clock.ahead += 31 * G_USEC_PER_SEC;
    wait_with_numbers(pair, pair->a.failed == 1 && pair_count_fds() == fds);
    pair_give(&pair->b, "answer", pair->b.answer);
    g_assert_cmpstr(pair->a.refused, ==, NULL); /* the last one once more */
    pair->a.drop_offers = false;
    pair_restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0 && pair_count_fds() > fds);
    pair_check_flow(pair);
    pair_clock.ahead += 10 * G_USEC_PER_SEC; /* the old agents are needed no more */
    wait_with_numbers(pair, pair_count_fds() == fds);
    pair_check_flow(pair);
}

/* Whoever made the first offer hears that there may be a direct path, and that again later. */
static void test_relayed(ConnectionPair *pair, gconstpointer data)
{
    g_assert_false(connection_is_relayed(pair->a.connection));
    pair_clock.hasty = true;
    pair->a.relayed = pair->b.relayed = true;
    pair_restart(&pair->b, false);
    wait_with_numbers(pair, pair->a.poor == 3);
    g_assert_true(connection_is_relayed(pair->a.connection));
    g_assert_cmpuint(pair->b.poor, ==, 0);
    pair->a.relayed = pair->b.relayed = false;
    pair_restart(&pair->a, true);
    wait_with_numbers(pair, !connection_is_relayed(pair->a.connection));
    pair_check_flow(pair);
}

/* As libnice tells it: from then on nothing is sent there (RFC 7675), and what was sent in vain comes
 * by the next path. */
static void test_no_consent(ConnectionPair *pair, gconstpointer data)
{
    guint packets;

    for (guint i = 0; i < 100000; i++)
        pair_send_number(&pair->a);
    wait_until(pair->b.received == pair->a.sent);
    for (guint i = 0; i < pair_agents->len; i++)
        g_signal_emit_by_name(pair_agents->pdata[i], "component-state-changed", 1, 1,
                              NICE_COMPONENT_STATE_FAILED);
    g_assert_cmpint(connection_state(pair->a.connection), ==, CONNECTION_DISCONNECTED);
    packets = pair_packets;
    wait_with_numbers(pair, pair->a.silent == 1 && pair->b.silent == 1);
    g_assert_cmpuint(pair_packets, ==, packets);
    pair_restart(&pair->a, false);
    wait_until(pair->a.moved > 0 && pair->b.moved > 0);
    pair_check_flow(pair);
}

static void on_unwatched_candidate(const char *candidate, const char *ufrag, gpointer data)
{
}

/* What was described for another agent does not touch the one that the remote has. */
static void test_set_once(void)
{
    static const char *const interfaces[] = {"lo", NULL};
    static const PathsUser user = {.candidate = on_unwatched_candidate};
    const IceConfig config = {.interfaces = interfaces};
    g_autoptr(Sdp) remote = sdp_new();
    g_autoptr(GError) error = NULL;
    Paths *paths = paths_new(&config, &user, NULL);

    pair_agents = g_ptr_array_new();
    remote->ufrag = g_strdup("first");
    remote->password = g_strdup("0123456789012345678901");
    g_assert_true(paths_begin(paths, true, false, NULL));
    g_assert_true(paths_set_remote(paths, remote, NULL));
    g_assert_false(paths_set_remote(paths, remote, &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_STATE);
    g_assert_true(paths_begin(paths, true, false, NULL));
    g_assert_true(paths_set_remote(paths, remote, NULL));
    paths_free(paths);
    connection_drain(5000);
    g_ptr_array_unref(pair_agents);
}

static void test_hundred(ConnectionPair *pair, gconstpointer data)
{
    guint fds = 0;
    gsize bytes = 0;

    for (guint i = 0; i < 120; i++) {
        PairEnd *end = i % 3 == 0 ? &pair->b : &pair->a;
        guint a = pair->a.moved, b = pair->b.moved;

        pair_wait_for_offer();
        pair_restart(end, true);
        wait_with_numbers(pair, pair->a.moved > a && pair->b.moved > b && pair_agree(pair));
        wait_until(ice_closing_count() == 0);
        if (i == 20) {
            fds = pair_count_fds();
            bytes = mallinfo2().uordblks;
        }
    }
    pair_check_flow(pair);
    g_test_message("%u descriptors, then %u; %zu bytes, then %zu", fds, pair_count_fds(), bytes,
                   mallinfo2().uordblks);
    g_assert_cmpuint(pair_count_fds(), <=, fds + 8);
    g_assert_cmpuint(mallinfo2().uordblks, <=, bytes + bytes / 4);
}

/* A remote that restarts faster than what it leaves behind can be cleared away */
static void test_flood(ConnectionPair *pair, gconstpointer data)
{
    guint before = pair_agents->len, refused = 0;

    pair->b.drop_answers = true;
    for (guint i = 0; i < 200; i++) {
        g_autofree char *ufrag = g_strdup_printf("a=ice-ufrag:flood%03u\r\n", i);
        GString *offer = g_string_new(pair->a.offer);
        char *at = strstr(offer->str, "a=ice-ufrag:");
        gsize line = strstr(at, "\r\n") + 2 - at, start = at - offer->str;

        g_string_erase(offer, start, line);
        g_string_insert(offer, start, ufrag);
        pair_wait_for_offer();
        pair_give(&pair->a, "offer", offer->str);
        refused += pair->b.refused != NULL;
        g_string_free(offer, TRUE);
    }
    g_assert_cmpuint(refused, >, 190);
    g_assert_cmpuint(pair_agents->len - before, <, 10);
    pair_check_flow(pair);
}

/* A repeated offer makes no agent, and all candidates go out again for each. */
static void test_hasty(ConnectionPair *pair, gconstpointer data)
{
    g_autofree char *offer = g_strdup(pair->a.offer);
    guint refused = 0, answers = pair->b.answers;

    for (guint i = 0; i < 200; i++) {
        pair_give(&pair->a, "offer", offer);
        refused += pair->b.refused != NULL;
    }
    g_assert_cmpuint(refused, ==, 200 - (CONNECTION_OFFERS - 1)); /* one was the first */
    g_assert_cmpstr(pair->b.refused, ==, "the offers come too fast");
    wait_with_numbers(pair, pair->b.answers == answers + CONNECTION_OFFERS - 1);
    pair_wait_for_offer();
    pair_give(&pair->a, "offer", offer);
    g_assert_null(pair->b.refused);
    pair_check_flow(pair);
}

/* ---- somebody who has not the key ------------------------------------------- */

/* It knows all that goes over a relay: what a's offers say, but for the credentials. */
typedef struct {
    Ice *ice;
    GPtrArray *candidates; /* of char * */
    guint received;
} Stranger;

static void on_stranger_candidate(const char *candidate, gpointer data)
{
    if (candidate)
        g_ptr_array_add(((Stranger *) data)->candidates, g_strdup(candidate));
}

/* Back, as it came and with another first byte: a record of the right kind that we have not made */
static void on_stranger_receive(guint8 *packet, gsize length, gpointer data)
{
    Stranger *stranger = data;

    stranger->received++;
    transport_send(ice_transport(stranger->ice), packet, length);
    packet[length - 1] ^= 1;
    transport_send(ice_transport(stranger->ice), packet, length);
}

static const TransportUser stranger_user = {.receive = on_stranger_receive};

static void replace_line(GString *text, const char *from, const char *to)
{
    char *at = strstr(text->str, from);

    g_assert_nonnull(at);
    g_string_erase(text, at - text->str, strcspn(at, "\r"));
    g_string_insert(text, at - text->str, to);
}

static void stranger_offer(Stranger *stranger, ConnectionPair *pair)
{
    g_autoptr(GString) offer = g_string_new(pair->a.offer);
    g_autofree char *ufrag = g_strdup_printf("a=ice-ufrag:%s", ice_ufrag(stranger->ice));
    g_autofree char *password = g_strdup_printf("a=ice-pwd:%s", ice_password(stranger->ice));

    replace_line(offer, "a=ice-ufrag:", ufrag);
    replace_line(offer, "a=ice-pwd:", password);
    pair_wait_for_offer();
    pair_give(&pair->a, "offer", offer->str);
    g_assert_null(pair->b.refused);
}

/* Until it has a pair with b, and b asks it who it is. */
static void stranger_begin(Stranger *stranger, ConnectionPair *pair)
{
    static const char *const interfaces[] = {"lo", NULL};
    const IceConfig config = {
        .controlling = true,
        .interfaces = interfaces,
        .candidate = on_stranger_candidate,
        .data = stranger,
    };
    guint ends = pair->b.ends;
    g_autoptr(Sdp) answer = NULL;

    stranger->candidates = g_ptr_array_new_with_free_func(g_free);
    stranger->ice = ice_new(&config, NULL);
    transport_set_user(ice_transport(stranger->ice), &stranger_user, stranger);
    g_assert_true(ice_gather(stranger->ice, NULL));
    stranger_offer(stranger, pair);
    wait_with_numbers(pair, pair->b.ends > ends);
    answer = sdp_parse(pair->b.answer, NULL);
    g_assert_true(ice_set_remote_credentials(stranger->ice, answer->ufrag, answer->password, NULL));
    for (guint i = 0; i < pair->b.told->len; i++)
        g_assert_true(ice_add_candidate(stranger->ice, pair->b.told->pdata[i], NULL));
    for (guint i = 0; i < stranger->candidates->len; i++) {
        const IceCandidateInit candidate = {stranger->candidates->pdata[i], "0", 0,
                                            ice_ufrag(stranger->ice)};

        g_assert_true(connection_add_candidate(pair->b.connection, &candidate, NULL));
    }
    wait_with_numbers(pair, ice_transport(stranger->ice)->state == TRANSPORT_CONNECTED &&
                                stranger->received > 3);
}

static void stranger_end(Stranger *stranger)
{
    ice_free(stranger->ice);
    g_ptr_array_unref(stranger->candidates);
}

/* The data goes on where it was, also when there is nothing but silence; and when there is a better
 * path it goes there. */
static void test_stranger(ConnectionPair *pair, gconstpointer data)
{
    Stranger stranger = {};
    g_autofree char *before = pair_local_candidate(&pair->b), *after = NULL;
    guint received;

    stranger_begin(&stranger, pair);
    pair_check_flow(pair);
    pair_cut_all();
    g_hash_table_remove(pair_cut_agents, pair_agents->pdata[pair_agents->len - 1]);
    received = stranger.received;
    wait_with_numbers(pair, pair->b.silent == 1 && stranger.received > received + 3);
    g_hash_table_remove_all(pair_cut_agents);
    pair_check_flow(pair);
    after = pair_local_candidate(&pair->b);
    g_assert_cmpstr(before, ==, after);
    g_assert_cmpuint(pair->a.moved + pair->b.moved, ==, 0);
    for (guint i = 0; i < 5; i++)
        stranger_offer(&stranger, pair);
    pair_restart_and_wait(pair);
    pair_check_flow(pair);
    stranger_end(&stranger);
}

/* After a minute it is given up. */
static void test_stranger_that_stays(ConnectionPair *pair, gconstpointer data)
{
    Stranger stranger = {};

    stranger_begin(&stranger, pair);
    pair_clock.ahead += 61 * G_USEC_PER_SEC;
    wait_with_numbers(pair, pair->b.failed == 1);
    g_assert_cmpuint(pair->b.moved, ==, 0);
    pair_check_flow(pair);
    stranger_end(&stranger);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_open("test-paths", g_getenv("RTCBUS_TEST_VERBOSE") != NULL);
#define ADD(name, plain, function)                                                                 \
    g_test_add("/paths/" name, ConnectionPair, plain, pair_set_up, function, pair_tear_down)
    ADD("cut", "plain", test_cut);
    ADD("probe", "plain", test_probe);
    ADD("cut-again", "plain", test_cut_again);
    ADD("back", "plain", test_back);
    ADD("one-way-from-a", "from-a", test_one_way);
    ADD("one-way-from-b", "from-b", test_one_way);
    ADD("unanswered", NULL, test_unanswered);
    ADD("relayed", NULL, test_relayed);
    ADD("no-consent", NULL, test_no_consent);
    ADD("no-consent-plain", "plain", test_no_consent);
    g_test_add_func("/paths/set-once", test_set_once);
    ADD("hundred", NULL, test_hundred);
    ADD("flood", NULL, test_flood);
    ADD("hasty", NULL, test_hasty);
    ADD("stranger", "plain", test_stranger);
    ADD("stranger-that-stays", NULL, test_stranger_that_stays);
    return g_test_run();
}
