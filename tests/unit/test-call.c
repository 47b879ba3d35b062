/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Who calls, answers, is matched and is turned away: several peers' `Calls` in
 * one process, between them a relay of a few lines (ours, or one that only
 * broadcasts) and connections without a network.
 */

#include <config.h>

#include <string.h>

#include "call-nodes.h"
#include "common/log.h"
#include "wait.h"

/* ---- our kind ------------------------------------------------------------- */

static void test_whoever_answers(gconstpointer only_broadcasts)
{
    set_up(GPOINTER_TO_INT(only_broadcasts));
    Node *emitter = join("emitter", true, true);
    Node *listener = join("listener", true, false);
    Call *call = place(listener, "");

    g_assert_cmpint(call_state(call), ==, CALL_CALLING);
    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);
    g_assert_cmpstr(call_peer(call), ==, bare ? "" : "emitter");
    g_assert_cmpuint(call_setup_time(call), >, 0);
    g_assert_cmpuint(emitter->listeners, ==, 1);
    g_assert_cmpuint(listener->messages, ==, 1);

    call_hang_up(call, CALL_REASON_HANGUP);
    settle();
    g_assert_cmpstr(listener->reason, ==, CALL_REASON_HANGUP);
    g_assert_cmpstr(emitter->reason, ==, CALL_REASON_REMOTE_HANGUP);
    g_assert_cmpuint(calls_count(emitter->calls) + calls_count(listener->calls), ==, 0);
    tear_down();
}

static void test_twenty_listeners(gconstpointer only_broadcasts)
{
    Node *listeners[20];

    set_up(GPOINTER_TO_INT(only_broadcasts));
    Node *emitter = join("emitter", true, true);

    for (guint i = 0; i < G_N_ELEMENTS(listeners); i++) {
        g_autofree char *id = g_strdup_printf("listener-%u", i);

        listeners[i] = join(id, true, false);
    }
    for (guint i = 0; i < G_N_ELEMENTS(listeners); i++)
        place(listeners[i], "");
    settle();
    for (guint i = 0; i < G_N_ELEMENTS(listeners); i++) {
        g_assert_cmpuint(calls_count(listeners[i]->calls), ==, 1);
        g_assert_cmpuint(listeners[i]->messages, ==, 1);
    }
    g_assert_cmpuint(emitter->listeners, ==, 20);
    g_assert_cmpuint(fake_connections(), ==, 40);
    g_assert_cmpuint(fake_stray_candidates(), ==, 0);
    tear_down();
}

static void test_two_emitters(void)
{
    set_up(false);
    Node *one = join("one", true, true), *two = join("two", true, true);
    Node *listener = join("listener", true, false);
    Call *call = place(listener, "");

    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);
    g_assert_cmpuint(one->listeners + two->listeners, ==, 1);
    g_assert_cmpuint(calls_count(one->calls) + calls_count(two->calls), ==, 1);
    tear_down();
}

static void test_by_name(void)
{
    set_up(false);
    join("emitter", true, true);
    Node *quiet = join("quiet", true, false), *listener = join("listener", true, false);
    Call *call = place(listener, "quiet");

    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);
    g_assert_cmpstr(call_peer(call), ==, "quiet");
    g_assert_cmpuint(quiet->listeners, ==, 1);
    refuse(listener, "nobody", PEER_ERROR_NO_SUCH_PEER);
    refuse(listener, "listener", PEER_ERROR_INVALID_ARGUMENT);
    room_set_state(listener->room, RELAY_DISCONNECTED, "gone");
    refuse(listener, "quiet", PEER_ERROR_NOT_CONNECTED);
    tear_down();
}

/* Nobody has numbers, but somebody is there: it waits a moment, then answers. */
static Call *place_one(Node *node, const char *peer, const char *fingerprint)
{
    CallOptions options = {.timeout = 30, .fingerprint = fingerprint};
    g_autoptr(GError) error = NULL;
    Call *call = calls_place(node->calls, peer, &options, &error);

    g_assert_no_error(error);
    return call;
}

/* Who is called again is not called twice. */
static void test_one_at_a_time(void)
{
    set_up(false);
    Node *emitter = join("emitter", true, true);
    Node *listener = join("listener", true, false);
    Call *call = place_one(listener, "emitter", NULL);

    g_assert_true(place_one(listener, "emitter", NULL) == call); /* while it rings */
    settle();
    g_assert_true(place_one(listener, "emitter", NULL) == call);
    leave(emitter);
    rejoin(emitter, "emitter-again"); /* by its new id, too */
    settle();
    g_assert_true(place_one(listener, "emitter", NULL) == call);
    g_assert_cmpuint(calls_count(listener->calls), ==, 1);
    g_assert_true(place_one(listener, "emitter", "sha-256 00") != call); /* another key */
    g_assert_true(place(listener, "emitter") != call);
    call_hang_up(call, CALL_REASON_HANGUP);
    g_assert_true(place_one(listener, "emitter", NULL) != call);
    settle();
    tear_down();
}

/* Whoever has answered is a peer as others are. */
static void test_one_with_whoever(void)
{
    set_up(false);
    join("emitter", true, true);
    join("other", true, false);
    Node *listener = join("listener", true, false);
    Call *call = place_one(listener, "", NULL);

    g_assert_true(place_one(listener, "", NULL) == call);
    settle();
    g_assert_true(place_one(listener, "emitter", NULL) == call);
    g_assert_true(place_one(listener, "other", NULL) != call);
    g_assert_true(place_one(listener, "", NULL) == call);
    g_assert_cmpuint(calls_count(listener->calls), ==, 2);

    /* A call without a relay is not one that answers here. */
    call = calls_create(listener->calls, &(CarriedCallOptions){.name = "third"}, NULL);
    join("third", true, false);
    g_assert_true(place_one(listener, "third", NULL) != call);
    settle();
    tear_down();
}

static void test_quiet_peer_answers_late(void)
{
    set_up(false);
    Node *quiet = join("quiet", true, false), *listener = join("listener", true, false);
    Call *call = place(listener, "");

    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CALLING);
    wait_until(call_state(call) == CALL_CONNECTED);
    g_assert_cmpuint(quiet->listeners, ==, 1);
    tear_down();
}

static void test_joins_later(void)
{
    set_up(false);
    Node *listener = join("listener", true, false);
    Call *call = place(listener, "");

    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CALLING);
    join("emitter", true, true);
    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);
    tear_down();
}

static void test_both_directions(gconstpointer only_broadcasts)
{
    set_up(GPOINTER_TO_INT(only_broadcasts));
    Node *one = join("one", true, true), *two = join("two", true, true);

    place(one, "");
    place(two, "");
    settle();
    g_assert_cmpuint(calls_count(one->calls), ==, 2);
    g_assert_cmpuint(calls_count(two->calls), ==, 2);
    g_assert_cmpuint(one->messages, ==, 1);
    g_assert_cmpuint(two->messages, ==, 1);
    tear_down();
}

static void test_before_the_relay(void)
{
    set_up(false);
    join("emitter", true, true);
    Node *listener = join("listener", true, false);

    room_set_state(listener->room, RELAY_CONNECTING, NULL);
    Call *call = place(listener, "");
    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CALLING);
    room_set_state(listener->room, RELAY_CONNECTED, NULL);
    call_dispatch_relay_changed(listener->dispatch);
    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);

    /* What is connected outlives the relay, what is not does not. */
    place(listener, "");
    room_set_state(listener->room, RELAY_DISCONNECTED, "it broke");
    call_dispatch_relay_changed(listener->dispatch);
    settle();
    g_assert_cmpuint(calls_count(listener->calls), ==, 1);
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);
    g_assert_true(g_str_has_prefix(listener->reason, CALL_REASON_RELAY));
    tear_down();
}

static void test_leaves(void)
{
    set_up(false);
    Node *emitter = join("emitter", true, true), *ghost = join("ghost", false, false);
    Node *listener = join("listener", true, false);
    Call *call = place(listener, "emitter");

    settle();
    place(listener, "ghost");
    settle();
    leave(ghost);
    leave(emitter);
    g_assert_cmpuint(listener->ended, ==, 1);
    g_assert_cmpstr(listener->reason, ==, CALL_REASON_LEFT);
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);
    fake_connections_fail();
    settle();
    g_assert_cmpstr(listener->reason, ==, "consent was lost");
    tear_down();
}

static void test_timeout(void)
{
    set_up(false);
    Node *ghost = join("ghost", false, false), *listener = join("listener", true, false);

    g_assert_nonnull(calls_place(listener->calls, "ghost", &(CallOptions){.timeout = 1}, NULL));
    wait_until(listener->ended == 1);
    settle();
    g_assert_cmpstr(listener->reason, ==, CALL_REASON_UNANSWERED);
    g_assert_cmpuint(count_frames(ghost, FRAME_BYE), ==, 1);
    tear_down();
}

/* ---- strangers ------------------------------------------------------------ */

static void test_quota(void)
{
    set_up(false);
    Node *emitter = join("emitter", true, true), *evil = join("evil", false, false);

    for (guint i = 0; i < 100; i++) {
        g_autofree char *text = g_strdup_printf("{\"type\":\"call\",\"session\":\"%u\"}", i);

        say(evil, text);
    }
    settle();
    g_assert_cmpuint(calls_count(emitter->calls), ==, 30);
    g_assert_cmpuint(count_frames(evil, FRAME_BYE), ==, 70);
    join("listener", true, false);
    Call *call = place(nodes->pdata[2], "emitter");
    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);
    tear_down();
}

static void say_call(const Node *node, guint session)
{
    g_autofree char *text = g_strdup_printf(
        "{\"type\":\"call\",\"to\":\"emitter\",\"session\":\"%s %u\"}", node->id, session);

    say(node, text);
}

static guint count_calls_of(const Node *node, const Node *of)
{
    guint n = 0;

    for (guint i = 1; i < 1000; i++) {
        const Call *call = calls_find(node->calls, i);

        n += call && g_strcmp0(call_remote(call), of->id) == 0;
    }
    return n;
}

/* Strangers share a few places for calls that are not connected, each like the others, and
 * whoever comes under a known name has places of his own kind. */
static void test_quota_of_strangers(void)
{
    Node *evil[8];

    set_up(false);
    Node *emitter = join("emitter", true, true);

    for (guint i = 0; i < G_N_ELEMENTS(evil); i++) {
        g_autofree char *id = g_strdup_printf("evil-%u", i);

        evil[i] = join(id, false, false);
        for (guint n = 0; n < 40; n++)
            say_call(evil[i], n);
    }
    settle();
    g_assert_cmpuint(calls_count(emitter->calls), ==, 32);
    for (guint i = 0; i < G_N_ELEMENTS(evil); i++) {
        g_assert_cmpuint(count_calls_of(emitter, evil[i]), >=, 3);
        g_assert_cmpuint(count_frames(evil[i], FRAME_BYE), >=, 35);
        g_assert_cmpstr(last_frame(evil[i], FRAME_BYE)->reason, ==, FRAME_REASON_BUSY);
    }
    g_assert_cmpstr(emitter->reason, ==, CALL_REASON_CROWDED);
    join("friend", true, false);
    Call *call = place(nodes->pdata[nodes->len - 1], "emitter");
    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);
    g_assert_cmpuint(calls_count(emitter->calls), ==, 33);
    tear_down();
}

static void flood(Node *node, guint calls)
{
    for (guint n = 0; n < calls; n++)
        say_call(node, n);
    settle();
}

/* Whoever is refused is told, but not for as long as it likes: others are to be told, too, and most
 * of all those whose names we know. */
static void test_share_of_refusals(void)
{
    set_up(false);
    join("emitter", true, true);
    Node *evil = join("evil", false, false), *friend;

    flood(evil, 400);
    g_assert_cmpuint(count_frames(evil, FRAME_BYE), >=, 100);
    g_assert_cmpuint(count_frames(evil, FRAME_BYE), <, 200);
    for (guint i = 0; i < 12; i++) {
        g_autofree char *id = g_strdup_printf("evil-%u", i);

        evil = join(id, false, false);
        flood(evil, 200);
    }
    g_assert_cmpuint(count_frames(evil, FRAME_BYE), <, 50); /* they have used what strangers have */
    friend = join("friend", false, false);
    flood(friend, 100);
    g_assert_cmpuint(count_frames(friend, FRAME_BYE), >=, 50);
    tear_down();
}

/* ---- what nobody has taken yet ---- */

static void on_channel_state(CallChannel *channel, ChannelState state)
{
}

static void on_channel_message(CallChannel *channel, MessageKind kind, const guint8 *bytes,
                               gsize length, gpointer data)
{
}

/* Messages on channels of CALL, until those in the last one are too many. */
static guint fill_backlogs(Call *call, Connection *connection, CallChannel **channels, guint max)
{
    static const CallChannelUser user = {.state = on_channel_state, .message = on_channel_message};
    static const guint8 bytes[64 * 1024];

    for (guint i = 0; i < max; i++) {
        Channel *rtc = connection_open_channel(connection, "", &CHANNEL_OPTIONS_DEFAULT, NULL);

        channels[i] = call_channel_new(call, i, CALL_CHANNEL_INCOMING, rtc, &user);
        for (guint n = 0; n < 8 && !fake_channel_is_held(rtc); n++)
            fake_channel_give(rtc, bytes, sizeof bytes);
        if (fake_channel_is_held(rtc))
            return i + 1;
    }
    return max;
}

/* Strangers fill what is kept until a program acquires the channel; what is left is for calls that
 * somebody here has asked for. */
static void test_share_of_backlogs(void)
{
    static const ConnectionOps ops = {};
    CallChannel *strangers[64], *ours[4];
    Connection *connection;
    guint n;

    set_up(false);
    connection = connection_new(&(ConnectionConfig){}, &ops, NULL, NULL);
    Node *emitter = join("emitter", true, true), *evil = join("evil", false, false);
    join("listener", true, false);
    say_call(evil, 1);
    settle();
    n = fill_backlogs(calls_find(emitter->calls, 1), connection, strangers, 64);
    g_assert_cmpuint(n, <, 64);
    g_assert_cmpuint(fill_backlogs(place(emitter, "listener"), connection, ours, 4), ==, 4);
    for (guint i = 0; i < n; i++)
        call_channel_free(strangers[i]);
    for (guint i = 0; i < 4; i++)
        call_channel_free(ours[i]);
    connection_free(connection);
    settle();
    tear_down();
}

/* Who calls everybody again and again leaves room for others among those who wait. */
static void test_quota_of_late_answers(void)
{
    set_up(false);
    join("quiet", true, false);
    Node *evil = join("evil", false, false), *other = join("other", false, false);

    for (guint i = 0; i < 100; i++) {
        g_autofree char *text = g_strdup_printf("{\"type\":\"call\",\"session\":\"%u\"}", i);

        say(evil, text);
    }
    say(other, "{\"type\":\"call\",\"session\":\"x\"}");
    wait_until(count_frames(other, FRAME_OFFER) == 1);
    settle();
    g_assert_cmpuint(count_frames(evil, FRAME_OFFER), <=, 4);
    tear_down();
}

/* A known name is anybody's until it shows its key: those are bounded by themselves. */
static void test_quota_of_claimed_names(void)
{
    Node *evil[3];

    set_up(false);
    Node *emitter = join("emitter", true, true);

    for (guint i = 0; i < G_N_ELEMENTS(evil); i++) {
        g_autofree char *id = g_strdup_printf("friend-%u", i);

        evil[i] = join(id, false, false);
        for (guint n = 0; n < 40; n++)
            say_call(evil[i], n);
    }
    settle();
    g_assert_cmpuint(calls_count(emitter->calls), ==, 30);
    for (guint i = 0; i < G_N_ELEMENTS(evil); i++)
        g_assert_cmpuint(count_calls_of(emitter, evil[i]), >=, 9);
    join("friend", true, false);
    join("stranger", true, false);
    Call *one = place(nodes->pdata[nodes->len - 2], "emitter");
    Call *two = place(nodes->pdata[nodes->len - 1], "emitter");
    settle();
    g_assert_cmpint(call_state(one), ==, CALL_CONNECTED);
    g_assert_cmpint(call_state(two), ==, CALL_CONNECTED);
    tear_down();
}

/* Also when they are connected. */
static void test_quota_of_connected_strangers(void)
{
    Node *strangers[2];
    guint connected = 0;

    set_up(false);
    Node *emitter = join("emitter", true, true);

    for (guint i = 0; i < G_N_ELEMENTS(strangers); i++) {
        g_autofree char *id = g_strdup_printf("stranger-%u", i);

        strangers[i] = join(id, true, false);
    }
    for (guint n = 0; n < 50; n++) {
        place(strangers[n < 40 ? 0 : 1], "emitter");
        settle();
    }
    connected = calls_count(emitter->calls);
    g_assert_cmpuint(connected, ==, 40);
    g_assert_cmpuint(count_calls_of(emitter, strangers[0]), ==, 35);
    for (guint i = 0; i < G_N_ELEMENTS(strangers); i++)
        g_assert_cmpstr(strangers[i]->reason, ==, CALL_REASON_BUSY);
    join("friend", true, false);
    Call *call = place(nodes->pdata[nodes->len - 1], "emitter");
    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);
    tear_down();
}

/* What is kept for everybody's sake has its places with strangers, and whoever is asked for here the
 * last ones. */
static void test_quota_of_kept(void)
{
    const CallOptions kept = {.timeout = 30, .another = true, .for_everybody = true};
    guint placed = 0;

    set_up(false);
    Node *emitter = join("emitter", true, true);
    Node *friends[] = {join("friend-1", false, false), join("friend-2", false, false)};

    join("stranger", false, false);
    while (placed < 60 && calls_place(emitter->calls, "stranger", &kept, NULL))
        placed++;
    g_assert_cmpuint(placed, ==, 48); /* of 64 */
    say_call(nodes->pdata[nodes->len - 1], 1);
    settle();
    g_assert_cmpuint(calls_count(emitter->calls), ==, 48);
    for (guint i = 0; i < 10; i++) {
        say_call(friends[0], i);
        say_call(friends[1], i);
    }
    settle();
    g_assert_cmpuint(calls_count(emitter->calls), ==, 60);
    for (guint i = 0; i < 4; i++)
        place(emitter, "stranger");
    refuse(emitter, "stranger", PEER_ERROR_LIMIT_EXCEEDED);
    settle();
    tear_down();
}

/* Frames of a third one with the right session change nothing. */
static void test_intruder(void)
{
    set_up(false);
    Node *ghost = join("ghost", false, false), *evil = join("evil", false, false);
    Node *listener = join("listener", true, false);
    Call *call = place(listener, "ghost");
    g_autofree char *bye =
        g_strdup_printf("{\"type\":\"bye\",\"session\":\"%s\"}", call_session(call));
    g_autofree char *offer = g_strdup_printf(
        "{\"type\":\"offer\",\"session\":\"%s\",\"sdp\":\"fake 999999\"}", call_session(call));

    settle();
    say(evil, bye);
    say(evil, offer);
    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CALLING);
    g_assert_cmpuint(count_frames(evil, FRAME_BYE), ==, 1);
    g_assert_cmpuint(count_frames(evil, FRAME_ANSWER), ==, 0);
    say(ghost, bye);
    settle();
    g_assert_cmpstr(listener->reason, ==, CALL_REASON_REFUSED);
    /* The call is over, and an offer for it comes too late. */
    say(ghost, offer);
    settle();
    g_assert_cmpuint(calls_count(listener->calls), ==, 0);
    g_assert_cmpuint(count_frames(ghost, FRAME_BYE), ==, 2); /* the other one is evil's */
    tear_down();
}

static void test_bad_descriptions(void)
{
    set_up(false);
    Node *emitter = join("emitter", true, true), *evil = join("evil", false, false);

    say(evil, "{\"type\":\"call\",\"session\":\"s\"}");
    settle();
    say(evil, "{\"type\":\"answer\",\"session\":\"s\",\"sdp\":\"nonsense\"}");
    settle();
    g_assert_cmpstr(emitter->reason, ==, "bad SDP");
    say(evil, "{\"type\":\"offer\",\"session\":\"t\",\"to\":\"emitter\"}");
    settle();
    g_assert_cmpuint(emitter->ended, ==, 2);
    g_assert_cmpuint(calls_count(emitter->calls), ==, 0);
    g_assert_cmpuint(count_frames(evil, FRAME_BYE), ==, 2);
    tear_down();
}

static void test_offer_to_somebody_else(void)
{
    set_up(true);
    Node *quiet = join("quiet", true, false), *other = join("other", false, false);

    say(other, "{\"type\":\"call\",\"session\":\"s\"}");
    say(other, "{\"type\":\"offer\",\"session\":\"s\",\"sdp\":\"fake 999999\"}");
    say(other, "{\"type\":\"call\"}");
    say(other, "{\"type\":\"offer\",\"sdp\":\"fake 999999\"}");
    say(other, "{\"type\":\"bye\",\"session\":\"x\"}");
    settle();
    g_assert_cmpuint(calls_count(quiet->calls), ==, 0);
    /* Nor is one that nobody has asked for anybody's. */
    say(other, "{\"type\":\"offer\",\"sdp\":\"fake 999999\"}");
    say(other, "{\"type\":\"offer\",\"session\":\"y\",\"sdp\":\"fake 999999\"}");
    settle();
    g_assert_cmpuint(calls_count(quiet->calls), ==, 0);
    g_assert_cmpuint(count_frames(other, FRAME_ANSWER), ==, 0);
    tear_down();
}

/* What nobody asked for has to be for us. */
static void test_offer_to_us(void)
{
    set_up(false);
    Node *quiet = join("quiet", true, false), *other = join("other", false, false);

    say(other, "{\"type\":\"offer\",\"sdp\":\"fake 999999\"}");
    settle();
    g_assert_cmpuint(calls_count(quiet->calls), ==, 0);
    say(other, "{\"type\":\"offer\",\"to\":\"quiet\",\"sdp\":\"fake 999999\"}");
    settle();
    g_assert_cmpuint(calls_count(quiet->calls), ==, 1);
    g_assert_cmpuint(count_frames(other, FRAME_ANSWER), ==, 1);
    tear_down();
}

/* ---- foreign clients ------------------------------------------------------ */

static void foreign_answer(Node *foreign)
{
    const Frame *offer = last_frame(foreign, FRAME_OFFER);

    g_assert_null(offer->session);
    g_assert_cmpstr(offer->to, ==, bare ? NULL : foreign->id);
    say(foreign, "{\"type\":\"answer\",\"sdp\":{\"type\":\"answer\",\"sdp\":\"fake 888888\"}}");
    settle();
}

static void test_foreign_listener(gconstpointer only_broadcasts)
{
    set_up(GPOINTER_TO_INT(only_broadcasts));
    Node *emitter = join("emitter", true, true), *foreign = join("foreign", false, false);

    say(foreign, "{\"type\":\"call\",\"channel_id\":\"x\"}");
    settle();
    g_assert_cmpuint(count_frames(foreign, FRAME_OFFER), ==, 1);
    g_assert_cmpuint(count_frames(foreign, FRAME_CANDIDATE), ==, 1); /* and no end */
    foreign_answer(foreign);
    /* It has forgotten that it called: the unfinished call makes room. */
    say(foreign, "{\"type\":\"call\",\"channel_id\":\"x\"}");
    settle();
    g_assert_cmpuint(calls_count(emitter->calls), ==, 1);
    g_assert_cmpstr(emitter->reason, ==, CALL_REASON_REPLACED);
    g_assert_cmpuint(count_frames(foreign, FRAME_OFFER), ==, 2);
    foreign_answer(foreign);
    say(foreign, "{\"type\":\"bye\"}");
    settle();
    g_assert_cmpstr(emitter->reason, ==, CALL_REASON_REMOTE_HANGUP);
    g_assert_cmpuint(calls_count(emitter->calls), ==, 0);
    tear_down();
}

/* One offer that is none, and its candidate comes before the one that is good. */
static void test_foreign_emitter(gconstpointer only_broadcasts)
{
    set_up(GPOINTER_TO_INT(only_broadcasts));
    Node *foreign = join("foreign", false, false), *listener = join("listener", true, false);
    Call *call = place(listener, "");

    settle();
    g_assert_cmpuint(count_frames(foreign, FRAME_CALL), ==, 1);
    say(foreign, "{\"type\":\"offer\",\"sdp\":{\"type\":\"offer\",\"sdp\":\"nonsense\"}}");
    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CALLING);
    g_assert_null(call_remote(call));
    say(foreign, "{\"type\":\"candidate\",\"candidate\":{\"candidate\":"
                 "\"candidate:1 1 udp 1 127.0.0.1 999999 typ host\"}}");
    say(foreign, "{\"type\":\"offer\",\"sdp\":{\"type\":\"offer\",\"sdp\":\"fake 999999\"}}");
    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTING);
    g_assert_true(call_is_foreign(call));
    g_assert_cmpuint(count_frames(foreign, FRAME_ANSWER), ==, 1);
    g_assert_cmpuint(count_frames(foreign, FRAME_CANDIDATE), ==, 1);
    g_assert_cmpuint(fake_stray_candidates(), ==, 0);
    tear_down();
}

/* Through a bare relay an anonymous listener may be another one. */
static void test_anonymous_listeners(void)
{
    set_up(true);
    Node *emitter = join("emitter", true, true), *listener = join("listener", true, false);
    Node *foreign = join("foreign", false, false);
    Call *call = place(listener, "");

    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);
    say(foreign, "{\"type\":\"call\"}");
    settle();
    g_assert_cmpuint(calls_count(emitter->calls), ==, 2);
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);
    tear_down();
}

int main(int argc, char **argv)
{
    gpointer ours = GINT_TO_POINTER(false), broadcasts = GINT_TO_POINTER(true);

    g_test_init(&argc, &argv, NULL);
    /* What the program layer warns of is no fault of the test. */
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
    log_open("test-call", false);
    g_test_add_data_func("/call/whoever-answers", ours, test_whoever_answers);
    g_test_add_data_func("/call/whoever-answers/bare-relay", broadcasts, test_whoever_answers);
    g_test_add_data_func("/call/twenty-listeners", ours, test_twenty_listeners);
    g_test_add_data_func("/call/twenty-listeners/bare-relay", broadcasts, test_twenty_listeners);
    g_test_add_func("/call/two-emitters", test_two_emitters);
    g_test_add_func("/call/by-name", test_by_name);
    g_test_add_func("/call/one-at-a-time", test_one_at_a_time);
    g_test_add_func("/call/one-with-whoever", test_one_with_whoever);
    g_test_add_func("/call/quiet-peer-answers-late", test_quiet_peer_answers_late);
    g_test_add_func("/call/joins-later", test_joins_later);
    g_test_add_data_func("/call/both-directions", ours, test_both_directions);
    g_test_add_data_func("/call/both-directions/bare-relay", broadcasts, test_both_directions);
    g_test_add_func("/call/before-the-relay", test_before_the_relay);
    g_test_add_func("/call/leaves", test_leaves);
    g_test_add_func("/call/timeout", test_timeout);
    g_test_add_func("/call/quota", test_quota);
    g_test_add_func("/call/quota/strangers", test_quota_of_strangers);
    g_test_add_func("/call/quota/share-of-backlogs", test_share_of_backlogs);
    g_test_add_func("/call/quota/share-of-refusals", test_share_of_refusals);
    g_test_add_func("/call/quota/late-answers", test_quota_of_late_answers);
    g_test_add_func("/call/quota/claimed-names", test_quota_of_claimed_names);
    g_test_add_func("/call/quota/connected-strangers", test_quota_of_connected_strangers);
    g_test_add_func("/call/quota/kept", test_quota_of_kept);
    g_test_add_func("/call/intruder", test_intruder);
    g_test_add_func("/call/bad-descriptions", test_bad_descriptions);
    g_test_add_func("/call/offer-to-somebody-else", test_offer_to_somebody_else);
    g_test_add_func("/call/offer-to-us", test_offer_to_us);
    g_test_add_data_func("/call/foreign-listener", ours, test_foreign_listener);
    g_test_add_data_func("/call/foreign-listener/bare-relay", broadcasts, test_foreign_listener);
    g_test_add_data_func("/call/foreign-emitter", ours, test_foreign_emitter);
    g_test_add_data_func("/call/foreign-emitter/bare-relay", broadcasts, test_foreign_emitter);
    g_test_add_func("/call/anonymous-listeners", test_anonymous_listeners);
    return g_test_run();
}
