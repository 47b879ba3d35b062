/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What comes within a call: a row of the table in call-match.c is a test.
 */

#include <config.h>

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "call-nodes.h"
#include "common/log.h"
#include "wait.h"

/* A foreign client: a connection, and what it has heard of so far. */
typedef struct {
    Node *node;
    Connection *connection;
    char *members; /* that its frames have: "to", perhaps "session" */
    guint heard;
} Foreign;

static void say_description(const Node *from, const char *type, const char *members,
                            const char *sdp)
{
    g_autofree char *text =
        g_strdup_printf("{\"type\":\"%s\",%s\"sdp\":\"%s\"}", type, members, sdp);

    say(from, text);
}

static void on_description(Connection *connection, const char *type, const char *sdp, gpointer data)
{
    Foreign *foreign = data;

    say_description(foreign->node, type, foreign->members, sdp);
}

static void on_candidate(Connection *connection, const IceCandidateInit *candidate, gpointer data)
{
    Foreign *foreign = data;
    g_autofree char *text = NULL;

    if (!candidate)
        return;
    text = g_strdup_printf("{\"type\":\"candidate\",%s\"candidate\":\"%s\"}", foreign->members,
                           candidate->candidate);
    say(foreign->node, text);
}

static void on_state(Connection *connection, ConnectionState state, const GError *reason,
                     gpointer data)
{
}

static void on_channel(Connection *connection, Channel *channel, gpointer data)
{
}

static bool on_verify(Connection *connection, const char *fingerprint, GError **error,
                      gpointer data)
{
    return true;
}

static const ConnectionOps ops = {
    .description = on_description,
    .candidate = on_candidate,
    .state = on_state,
    .channel = on_channel,
    .verify = on_verify,
};

static void hear(Foreign *foreign, const Frame *frame)
{
    IceCandidateInit candidate = {frame->candidate, frame->mid, frame->mline_index, frame->ufrag};

    if (frame->type == FRAME_OFFER || frame->type == FRAME_ANSWER)
        g_assert_true(connection_set_remote(foreign->connection, frame_type_to_string(frame->type),
                                            frame->sdp, NULL));
    else if (frame->type == FRAME_CANDIDATE && frame->candidate)
        g_assert_true(connection_add_candidate(foreign->connection, &candidate, NULL));
}

/* Until nobody has anything to say. */
static void talk(Foreign *foreign)
{
    settle();
    while (foreign->heard < foreign->node->inbox->len) {
        hear(foreign, foreign->node->inbox->pdata[foreign->heard++]);
        settle();
    }
}

/* The test plays FOREIGN against OURS. */
typedef struct {
    Foreign foreign;
    Node *ours;
    Call *call;
} Pair;

static Pair *pair_new(const char *session)
{
    Pair *pair = g_new0(Pair, 1);

    pair->ours = join("ours", true, false);
    pair->foreign.node = join("foreign", false, false);
    pair->foreign.connection = connection_new(&(ConnectionConfig){}, &ops, &pair->foreign, NULL);
    pair->foreign.members = g_strdup_printf("\"to\":\"ours\",%s", session);
    return pair;
}

/* It has offered, and they are connected. */
static Pair *offered(const char *session)
{
    Pair *pair = pair_new(session);

    g_assert_true(connection_offer(pair->foreign.connection, NULL));
    talk(&pair->foreign);
    pair->call = calls_find(pair->ours->calls, 1);
    g_assert_cmpint(call_state(pair->call), ==, CALL_CONNECTED);
    return pair;
}

/* It has called us. */
static Pair *called(const char *session)
{
    Pair *pair = pair_new(session);
    g_autofree char *ring = g_strdup_printf("{%s\"type\":\"call\"}", pair->foreign.members);

    say(pair->foreign.node, ring);
    talk(&pair->foreign);
    pair->call = calls_find(pair->ours->calls, 1);
    g_assert_cmpint(call_state(pair->call), ==, CALL_CONNECTED);
    return pair;
}

static void pair_free(Pair *pair)
{
    connection_free(pair->foreign.connection);
    g_free(pair->foreign.members);
    tear_down();
    g_free(pair);
}

/* Says a later DESCRIPTION of its own, "gen 1" or so. */
static void offer_later(Pair *pair, const char *generation)
{
    g_autofree char *sdp =
        g_strdup_printf("fake %u %s", fake_number(pair->foreign.connection), generation);

    say_description(pair->foreign.node, "offer", pair->foreign.members, sdp);
    settle();
}

static void assert_same_call(const Pair *pair, guint answers)
{
    g_assert_cmpuint(calls_count(pair->ours->calls), ==, 1);
    g_assert_true(calls_find(pair->ours->calls, 1) == pair->call);
    g_assert_cmpint(call_state(pair->call), ==, CALL_CONNECTED);
    g_assert_cmpuint(count_frames(pair->foreign.node, FRAME_ANSWER), ==, answers);
    g_assert_cmpuint(count_frames(pair->foreign.node, FRAME_BYE), ==, 0);
}

/* The same offer again, and other ones: an answer each, and it is the same call. */
static void test_offers(gconstpointer session)
{
    set_up(false);
    Pair *pair = offered(session);

    offer_later(pair, "");
    assert_same_call(pair, 2);
    offer_later(pair, "gen 1");
    assert_same_call(pair, 3);
    offer_later(pair, "gen 2");
    assert_same_call(pair, 4);
    pair_free(pair);
}

/* Through a relay that says nothing of the sender. */
static void test_offers_without_ids(void)
{
    set_up(true);
    Node *foreign = join("foreign", false, false), *listener = join("listener", true, false);
    Call *call = place(listener, "");

    settle();
    say_description(foreign, "offer", "", "fake 900000");
    settle();
    say_description(foreign, "offer", "", "fake 900000 gen 1");
    settle();
    g_assert_cmpuint(count_frames(foreign, FRAME_ANSWER), ==, 2);
    g_assert_cmpuint(calls_count(listener->calls), ==, 1);
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTING);
    tear_down();
}

/* We have offered, and the other side offers later. */
static void test_offer_to_the_offerer(gconstpointer session)
{
    set_up(false);
    Pair *pair = called(session);

    offer_later(pair, "gen 1");
    assert_same_call(pair, 1);
    g_assert_cmpuint(count_frames(pair->foreign.node, FRAME_OFFER), ==, 1);
    /* Nobody has asked for this one. */
    say_description(pair->foreign.node, "answer", pair->foreign.members, "fake 900000");
    settle();
    assert_same_call(pair, 1);
    pair_free(pair);
}

/* Who has a session and another key is refused, and the call goes on. */
static void test_another_key_in_a_session(void)
{
    set_up(false);
    Pair *pair = offered("\"session\":\"s\",");

    say_description(pair->foreign.node, "offer", pair->foreign.members, "fake 900001");
    settle();
    assert_same_call(pair, 1);
    say_description(pair->foreign.node, "offer", pair->foreign.members, "nonsense");
    settle();
    assert_same_call(pair, 1);
    offer_later(pair, "gen 1");
    assert_same_call(pair, 2);
    pair_free(pair);
}

/* A foreign client that offers with another key has begun anew. */
static void test_another_key_without_session(void)
{
    set_up(false);
    Pair *pair = offered("");

    say_description(pair->foreign.node, "offer", pair->foreign.members, "fake 900001");
    settle();
    g_assert_cmpuint(calls_count(pair->ours->calls), ==, 1);
    g_assert_null(calls_find(pair->ours->calls, 1));
    g_assert_cmpstr(pair->ours->reason, ==, CALL_REASON_REPLACED);
    g_assert_cmpuint(count_frames(pair->foreign.node, FRAME_ANSWER), ==, 2);
    pair_free(pair);
}

/* It left, and is back as another one: the session and the key are what it is known by. */
static void test_follows(gconstpointer session)
{
    set_up(false);
    Pair *pair = offered(session);

    leave(pair->foreign.node);
    rejoin(pair->foreign.node, "other-id");
    offer_later(pair, "gen 1");
    assert_same_call(pair, 2);
    g_assert_cmpstr(last_frame(pair->foreign.node, FRAME_ANSWER)->to, ==, "other-id");
    g_assert_cmpstr(last_frame(pair->foreign.node, FRAME_CANDIDATE)->to, ==, "other-id");
    /* Until data has come that way it may be somebody who has only overheard the session. */
    g_assert_cmpstr(call_remote(pair->call), ==, "foreign");
    call_hang_up(pair->call, CALL_REASON_HANGUP);
    settle();
    g_assert_cmpuint(count_frames(pair->foreign.node, FRAME_BYE), >=, 1);
    pair_free(pair);
}

/* Somebody else has the session, or the key, or the name: none of them is enough. */
static void test_impostors(void)
{
    set_up(false);
    Pair *pair = offered("\"session\":\"s\",");
    Node *evil = join("evil", false, false);
    g_autofree char *sdp = g_strdup_printf("fake %u gen 1", fake_number(pair->foreign.connection));

    say_description(evil, "offer", "\"to\":\"ours\",\"session\":\"s\",", "fake 900001 gen 1");
    say_description(evil, "offer", "\"to\":\"ours\",\"session\":\"t\",", sdp);
    say_description(evil, "offer", "\"to\":\"ours\",", sdp);
    settle();
    g_assert_cmpint(call_state(pair->call), ==, CALL_CONNECTED);
    g_assert_cmpstr(call_identity_address(call_identity(pair->call)), ==, "foreign");
    /* They are calls of its own, like those of any stranger. */
    g_assert_cmpuint(count_frames(evil, FRAME_ANSWER), ==, 3);
    g_assert_cmpuint(calls_count(pair->ours->calls), ==, 4);
    say(evil, "{\"type\":\"bye\",\"to\":\"ours\",\"session\":\"s\"}");
    settle();
    g_assert_cmpint(call_state(pair->call), ==, CALL_CONNECTED);
    g_assert_cmpuint(count_frames(pair->foreign.node, FRAME_ANSWER), ==, 1);
    leave(pair->foreign.node);
    say_description(evil, "offer", "\"to\":\"ours\",\"session\":\"s\",", "fake 900001 gen 1");
    say(evil, "{\"type\":\"bye\",\"to\":\"ours\",\"session\":\"s\"}");
    settle();
    g_assert_cmpint(call_state(pair->call), ==, CALL_CONNECTED);
    g_assert_cmpstr(call_identity_address(call_identity(pair->call)), ==, "foreign");
    pair_free(pair);
}

/* Whoever has overheard the session and a description, and says it from elsewhere */
static void offer_from(const Pair *pair, const Node *node, guint count)
{
    for (guint i = 1; i <= count; i++) {
        g_autofree char *sdp =
            g_strdup_printf("fake %u gen %u", fake_number(pair->foreign.connection), i);

        say_description(node, "offer", pair->foreign.members, sdp);
        settle();
    }
}

/* It takes few of the restarts as long as the remote is there; one that was there and is elsewhere
 * has them all. */
static void test_overheard(void)
{
    set_up(false);
    Pair *pair = offered("\"session\":\"s\",");
    Node *evil = join("evil", false, false);

    offer_from(pair, evil, 10);
    g_assert_cmpuint(count_frames(evil, FRAME_ANSWER), ==, 2);
    assert_same_call(pair, 1);
    offer_later(pair, "gen 11");
    assert_same_call(pair, 2);
    leave(pair->foreign.node);
    rejoin(pair->foreign.node, "other-id");
    offer_from(pair, pair->foreign.node, 10);
    assert_same_call(pair, 12);
    pair_free(pair);
}

/* It may even pass on what both ends say, and is on their path by that: its bye is nobody's. */
static void test_passed_on(void)
{
    set_up(false);
    Pair *pair = offered("\"session\":\"s\",");
    Node *evil = join("evil", false, false);

    offer_from(pair, evil, 1);
    fake_connections_move();
    settle();
    g_assert_cmpstr(call_remote(pair->call), ==, "foreign");
    say(evil, "{\"type\":\"bye\",\"to\":\"ours\",\"session\":\"s\"}");
    settle();
    g_assert_cmpint(call_state(pair->call), ==, CALL_CONNECTED);
    pair_free(pair);
}

/* One that has left where it was, and is proven to be elsewhere, has the last word there. */
static void test_has_moved(void)
{
    set_up(false);
    Pair *pair = offered("\"session\":\"s\",");

    leave(pair->foreign.node);
    rejoin(pair->foreign.node, "other-id");
    offer_later(pair, "gen 1");
    fake_connections_move();
    settle();
    g_assert_cmpstr(call_remote(pair->call), ==, "other-id");
    say(pair->foreign.node, "{\"type\":\"bye\",\"to\":\"ours\",\"session\":\"s\"}");
    settle();
    g_assert_cmpuint(calls_count(pair->ours->calls), ==, 0);
    pair_free(pair);
}

/* Its dead connection is still in the room when it is proven to be elsewhere. */
static void test_has_moved_before(void)
{
    set_up(false);
    Pair *pair = offered("\"session\":\"s\",");

    rejoin(pair->foreign.node, "other-id");
    offer_later(pair, "gen 1");
    fake_connections_move();
    settle();
    g_assert_cmpstr(call_remote(pair->call), ==, "foreign");
    call_dispatch_leaving(pair->ours->dispatch, "foreign");
    room_remove(pair->ours->room, "foreign");
    call_dispatch_left(pair->ours->dispatch);
    g_assert_cmpstr(call_remote(pair->call), ==, "other-id");
    g_assert_false(call_identity(pair->call)->left);
    pair_free(pair);
}

/* One without a name has not gone because our relay has. */
static void test_passed_on_without_relay(void)
{
    set_up(false);
    Pair *pair = pair_new("\"session\":\"s\",");
    Node *evil = join("evil", false, false);

    room_remove(pair->ours->room, "foreign");
    room_add(pair->ours->room, "foreign", NULL);
    g_assert_true(connection_offer(pair->foreign.connection, NULL));
    talk(&pair->foreign);
    pair->call = calls_find(pair->ours->calls, 1);
    g_assert_cmpint(call_state(pair->call), ==, CALL_CONNECTED);
    offer_from(pair, evil, 1);
    room_clear(pair->ours->room);
    room_set_state(pair->ours->room, RELAY_DISCONNECTED, "it broke");
    call_dispatch_relay_changed(pair->ours->dispatch);
    fake_connections_move();
    settle();
    g_assert_cmpstr(call_remote(pair->call), ==, "foreign");
    pair_free(pair);
}

/* Our restart goes to where the remote was, too, as long as nothing is proven. */
static void test_restart_on_detour(void)
{
    set_up(false);
    Pair *pair = offered("\"session\":\"s\",");
    Node *evil = join("evil", false, false);
    guint candidates;

    offer_from(pair, evil, 1);
    g_assert_cmpstr(call_identity_address(call_identity(pair->call)), ==, "evil");
    candidates = count_frames(pair->foreign.node, FRAME_CANDIDATE);
    call_dispatch_link_changed(pair->ours->dispatch, true);
    wait_until(count_frames(evil, FRAME_OFFER) == 1);
    settle();
    g_assert_cmpuint(count_frames(pair->foreign.node, FRAME_OFFER), ==, 1);
    g_assert_cmpuint(count_frames(pair->foreign.node, FRAME_CANDIDATE), >, candidates);
    pair_free(pair);
}

/* The remote's restart takes an agent, and may have to wait for a descriptor; what takes none goes
 * on. */
static void test_few_descriptors(void)
{
    set_up(false);
    Pair *pair = offered("\"session\":\"s\",");
    struct rlimit before, few;
    int lowest = dup(STDERR_FILENO);

    close(lowest);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    few = before;
    few.rlim_cur = (rlim_t) lowest + 1;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
    offer_later(pair, "gen 1");
    offer_later(pair, "");
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    assert_same_call(pair, 2);
    offer_later(pair, "gen 1");
    assert_same_call(pair, 3);
    pair_free(pair);
}

/* However many calls it may belong to, an offer is read once to find out. */
static void test_read_once(void)
{
    set_up(false);
    Pair *pair = offered("");
    guint before;

    for (guint i = 1; i <= 3; i++) {
        g_autofree char *name = g_strdup_printf("other%u", i);
        g_autofree char *sdp = g_strdup_printf("fake %u", 900000 + i);

        say_description(join(name, false, false), "offer", "\"to\":\"ours\",", sdp);
    }
    settle();
    g_assert_cmpuint(calls_count(pair->ours->calls), ==, 4);
    before = fake_keys_read();
    offer_later(pair, "gen 1");
    g_assert_cmpuint(fake_keys_read(), ==, before + 1);
    g_assert_cmpuint(count_frames(pair->foreign.node, FRAME_ANSWER), ==, 2);
    pair_free(pair);
}

/* A restart of a call that is over begins no new one. */
static void test_restart_of_nothing(void)
{
    set_up(false);
    join("ours", true, false);
    Node *foreign = join("foreign", false, false);

    say_description(foreign, "offer", "\"to\":\"ours\",\"session\":\"s\",\"restart\":true,",
                    "fake 900000 gen 1");
    settle();
    g_assert_cmpuint(count_frames(foreign, FRAME_ANSWER), ==, 0);
    g_assert_cmpstr(last_frame(foreign, FRAME_BYE)->reason, ==, FRAME_REASON_GONE);
    tear_down();
}

int main(int argc, char **argv)
{
    gpointer session = (gpointer) "\"session\":\"s\",", none = (gpointer) "";

    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
    log_open("test-call-offers", false);
    g_test_add_data_func("/call-offers/again", session, test_offers);
    g_test_add_data_func("/call-offers/again/foreign", none, test_offers);
    g_test_add_func("/call-offers/again/bare-relay", test_offers_without_ids);
    g_test_add_data_func("/call-offers/to-the-offerer", session, test_offer_to_the_offerer);
    g_test_add_data_func("/call-offers/to-the-offerer/foreign", none, test_offer_to_the_offerer);
    g_test_add_func("/call-offers/another-key", test_another_key_in_a_session);
    g_test_add_func("/call-offers/another-key/foreign", test_another_key_without_session);
    g_test_add_data_func("/call-offers/follows", session, test_follows);
    g_test_add_data_func("/call-offers/follows/foreign", none, test_follows);
    g_test_add_func("/call-offers/impostors", test_impostors);
    g_test_add_func("/call-offers/overheard", test_overheard);
    g_test_add_func("/call-offers/passed-on", test_passed_on);
    g_test_add_func("/call-offers/has-moved", test_has_moved);
    g_test_add_func("/call-offers/has-moved-before", test_has_moved_before);
    g_test_add_func("/call-offers/passed-on/without-relay", test_passed_on_without_relay);
    g_test_add_func("/call-offers/restart-on-detour", test_restart_on_detour);
    g_test_add_func("/call-offers/few-descriptors", test_few_descriptors);
    g_test_add_func("/call-offers/read-once", test_read_once);
    g_test_add_func("/call-offers/restart-of-nothing", test_restart_of_nothing);
    return g_test_run();
}
