/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Calls whose path breaks: who restarts ICE, where the frames go meanwhile, and when it is
 * given up. The test makes the time.
 */

#include <config.h>

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "call-nodes.h"
#include "common/log.h"
#include "fake-clock.h"
#include "wait.h"

#define SECOND G_USEC_PER_SEC

static void pass(gint64 usec)
{
    settle();
    fake_clock_advance(usec);
    settle();
}

typedef struct {
    Node *emitter, *listener;
    Call *out, *in; /* the listener's, the emitter's */
} Two;

static Two set_up_two_at(gconstpointer only_broadcasts)
{
    Two two = {};

    set_up(GPOINTER_TO_INT(only_broadcasts));
    fake_connections_cut(false);
    two.emitter = join("emitter", true, true);
    two.listener = join("listener", true, false);
    two.out = place(two.listener, bare ? "" : "emitter");
    settle();
    two.in = calls_find(two.emitter->calls, 1);
    g_assert_cmpint(call_state(two.out), ==, CALL_CONNECTED);
    g_assert_cmpint(call_state(two.in), ==, CALL_CONNECTED);
    return two;
}

static Two set_up_two(void)
{
    return set_up_two_at(GINT_TO_POINTER(false));
}

static void assert_states(const Two *two, CallState state)
{
    g_assert_cmpint(call_state(two->out), ==, state);
    g_assert_cmpint(call_state(two->in), ==, state);
    g_assert_false(call_has_no_path(two->out) || call_has_no_path(two->in));
    g_assert_cmpuint(two->emitter->ended + two->listener->ended, ==, 0);
    g_assert_cmpint(call_reconnecting_since(two->out) != 0, ==, state == CALL_RECONNECTING);
}

/* Both restart at once, and it is one restart. */
static void test_heals(gconstpointer only_broadcasts)
{
    Two two = set_up_two_at(only_broadcasts);
    Node *other = join("other", false, false);

    fake_connections_cut(true);
    settle();
    assert_states(&two, CALL_RECONNECTING);
    g_assert_cmpuint(fake_restarts(), ==, 2);
    pass(60 * SECOND);
    assert_states(&two, CALL_RECONNECTING);
    fake_connections_cut(false);
    pass(15 * SECOND);
    assert_states(&two, CALL_CONNECTED);
    g_assert_cmpint(fake_clock_due(), ==, -1);
    g_assert_cmpuint(count_frames(other, FRAME_BYE), ==, 0);
    tear_down();
}

/* Of two calls to a peer, one that does not work now is not the one to use. */
static void test_finds_connected(void)
{
    Two two = set_up_two();
    Call *other;

    fake_connections_cut(true);
    settle();
    assert_states(&two, CALL_RECONNECTING);
    g_assert_true(calls_find_to(two.listener->calls, "emitter") == two.out);
    other = place(two.listener, "emitter");
    settle();
    g_assert_cmpint(call_state(other), ==, CALL_CONNECTED);
    g_assert_true(calls_find_to(two.listener->calls, "emitter") == other);
    fake_connections_cut(false);
    tear_down();
}

/* An ICE restart takes another agent: where there are few descriptors it has to wait. */
static void test_few_descriptors(void)
{
    Two two = set_up_two();
    struct rlimit before, few;
    int lowest = dup(STDERR_FILENO);
    guint restarts;

    close(lowest);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    few = before;
    few.rlim_cur = (rlim_t) lowest + 1;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
    fake_connections_cut(true);
    fake_connections_cut(false);
    pass(SECOND);
    restarts = fake_restarts();
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    g_assert_cmpuint(restarts, ==, 0);
    assert_states(&two, CALL_RECONNECTING);
    pass(60 * SECOND);
    assert_states(&two, CALL_CONNECTED);
    tear_down();
}

/* The relay is gone as well: nothing is tried, and all of it when the relay is back. Both
 * have other ids then, and are found by their names. */
static void test_both_join_anew(void)
{
    Two two = set_up_two();
    guint restarts;

    leave(two.emitter);
    leave(two.listener);
    room_set_state(two.emitter->room, RELAY_DISCONNECTED, "it broke");
    room_set_state(two.listener->room, RELAY_DISCONNECTED, "it broke");
    call_dispatch_relay_changed(two.emitter->dispatch);
    call_dispatch_relay_changed(two.listener->dispatch);
    fake_connections_cut(true);
    settle();
    restarts = fake_restarts();
    g_assert_cmpuint(restarts, ==, 0);
    pass(60 * SECOND);
    g_assert_cmpuint(fake_restarts(), ==, restarts);
    fake_connections_cut(false);
    rejoin(two.emitter, "emitter-id-2");
    pass(SECOND);
    assert_states(&two, CALL_RECONNECTING);
    rejoin(two.listener, "listener-id-2");
    pass(SECOND);
    assert_states(&two, CALL_CONNECTED);
    g_assert_cmpstr(call_remote(two.out), ==, "emitter-id-2");
    g_assert_cmpstr(call_remote(two.in), ==, "listener-id-2");
    g_assert_null(call_identity(two.out)->detour);
    tear_down();
}

static void test_patience(void)
{
    Two two = set_up_two();

    fake_connections_cut(true);
    pass((PATIENCE - 1) * SECOND);
    assert_states(&two, CALL_RECONNECTING);
    pass(2 * SECOND);
    g_assert_cmpuint(calls_count(two.emitter->calls) + calls_count(two.listener->calls), ==, 0);
    g_assert_true(g_str_has_prefix(two.listener->reason, CALL_REASON_PATIENCE) ||
                  g_str_has_prefix(two.emitter->reason, CALL_REASON_PATIENCE));
    tear_down();
}

/* Our addresses are others: a new path is made before the old one is missed. */
static void test_link_changed(void)
{
    Two two = set_up_two();

    call_dispatch_link_changed(two.listener->dispatch, true);
    pass(SECOND);
    g_assert_cmpuint(fake_restarts(), ==, 1);
    assert_states(&two, CALL_CONNECTED);
    pass(60 * SECOND);
    g_assert_cmpuint(fake_restarts(), ==, 1);
    tear_down();
}

/* Credentials may have ended since the call began, at the end that answers a restart as well. */
static void test_servers_are_others(void)
{
    Two two = set_up_two();

    two.listener->servers[0] = two.emitter->servers[0] = "turn:renewed";
    call_dispatch_link_changed(two.listener->dispatch, true);
    pass(SECOND);
    g_assert_cmpuint(fake_restarts(), ==, 1);
    g_assert_cmpuint(fake_asked("turn:renewed"), ==, 2);
    tear_down();
}

/* Another program has the remote's name, and does not know the call. */
typedef struct {
    Two two;
    Node *other;
} Replaced;

static Replaced set_up_replaced(void)
{
    Replaced all = {.two = set_up_two()};

    leave(all.two.emitter);
    all.other = join("emitter-id-2", false, false);
    g_free(all.other->name);
    all.other->name = g_strdup("emitter");
    room_add(all.two.listener->room, all.other->id, all.other->name);
    call_dispatch_joined(all.two.listener->dispatch, all.other->id);
    pass(SECOND);
    g_assert_cmpuint(count_frames(all.other, FRAME_OFFER), >=, 1);
    return all;
}

static void say_gone(const Replaced *all)
{
    g_autofree char *text = g_strdup_printf(
        "{\"type\":\"bye\",\"to\":\"listener\",\"session\":\"%s\",\"reason\":\"gone\"}",
        last_frame(all->other, FRAME_OFFER)->session);

    say(all->other, text);
    settle();
}

/* The remote was started anew: the dead call is given up soon. */
static void test_remote_is_another(void)
{
    Replaced all = set_up_replaced();

    g_assert_true(last_frame(all.other, FRAME_OFFER)->restart);
    say_gone(&all);
    g_assert_cmpuint(calls_count(all.two.listener->calls), ==, 1);
    fake_connections_cut(true);
    /* Whoever is there now can be called before that. */
    g_assert_null(calls_find_to(all.two.listener->calls, "emitter"));
    pass(4 * SECOND);
    g_assert_cmpuint(calls_count(all.two.listener->calls), ==, 0);
    g_assert_cmpstr(all.two.listener->reason, ==, CALL_REASON_GONE);
    tear_down();
}

/* A call that works is not ended by who says so. */
static void test_remote_is_said_to_be_another(void)
{
    Replaced all = set_up_replaced();

    say_gone(&all);
    pass(300 * SECOND);
    g_assert_cmpint(call_state(all.two.out), ==, CALL_CONNECTED);
    g_assert_cmpuint(count_frames(all.other, FRAME_OFFER), <=, 4);
    g_assert_true(calls_find_to(all.two.listener->calls, "emitter") == all.two.out);
    tear_down();
}

/* The remote has called again, and shown its key: what was with its former self is over. */
static void test_called_again(void)
{
    Two two = set_up_two();
    Node *again;

    leave(two.emitter);
    fake_connections_cut(true);
    settle();
    g_assert_cmpint(call_state(two.out), ==, CALL_RECONNECTING);
    fake_connections_cut(false);
    again = join("emitter-id-2", true, true);
    g_free(again->name);
    again->name = g_strdup("emitter");
    again->key[0] = again->name;
    place(again, "listener");
    settle();
    g_assert_cmpuint(calls_count(two.listener->calls), ==, 1);
    g_assert_cmpstr(two.listener->reason, ==, CALL_REASON_REPLACED);
    g_assert_null(calls_find(two.listener->calls, 1));
    tear_down();
}

/* The same before it was noticed that the former one is silent: it is asked. */
static void test_called_again_soon(gconstpointer alive)
{
    Two two = set_up_two();
    Node *again;

    leave(two.emitter);
    again = join("emitter-id-2", true, true);
    g_free(again->name);
    again->name = g_strdup("emitter");
    again->key[0] = again->name;
    if (!alive)
        fake_connections_go_silent();
    place(again, "listener");
    settle();
    g_assert_cmpuint(calls_count(two.listener->calls), ==, alive ? 2 : 1);
    fake_connections_cut(false);
    tear_down();
}

/* Not for somebody with another key, and not while it is alive. */
static void test_called_by_others(void)
{
    Two two = set_up_two();

    place(two.emitter, "listener");
    settle();
    fake_connections_go_silent();
    place(join("third", true, false), "listener");
    settle();
    g_assert_cmpuint(calls_count(two.listener->calls), ==, 3);
    g_assert_cmpuint(two.listener->ended, ==, 0);
    fake_connections_cut(false);
    tear_down();
}

/* Strangers who have gone without a word hold no place that somebody else wants. */
static void test_silent_strangers_give_way(void)
{
    Node *strangers[2], *next;

    set_up(false);
    Node *emitter = join("emitter", true, true);

    for (guint i = 0; i < G_N_ELEMENTS(strangers); i++) {
        g_autofree char *id = g_strdup_printf("stranger-%u", i);

        strangers[i] = join(id, true, false);
        for (guint n = 0; n < 20; n++) {
            place(strangers[i], "emitter");
            settle();
        }
    }
    g_assert_cmpuint(calls_count(emitter->calls), ==, 40);
    next = join("next", true, false);
    place(next, "emitter");
    settle();
    g_assert_cmpstr(next->reason, ==, CALL_REASON_BUSY);
    leave(strangers[1]);
    fake_connections_cut(true);
    settle();
    fake_connections_cut(false);
    Call *call = place(next, "emitter");
    settle();
    g_assert_cmpint(call_state(call), ==, CALL_CONNECTED);
    g_assert_cmpuint(calls_count(emitter->calls), ==, 40);
    g_assert_cmpstr(emitter->reason, ==, CALL_REASON_CROWDED);
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
    log_open("test-call-mend", false);
    fake_clock_set(1000 * SECOND, 2000 * SECOND);
    g_test_add_data_func("/call-mend/heals", GINT_TO_POINTER(false), test_heals);
    g_test_add_data_func("/call-mend/heals/bare-relay", GINT_TO_POINTER(true), test_heals);
    g_test_add_func("/call-mend/both-join-anew", test_both_join_anew);
    g_test_add_func("/call-mend/patience", test_patience);
    g_test_add_func("/call-mend/link-changed", test_link_changed);
    g_test_add_func("/call-mend/servers-are-others", test_servers_are_others);
    g_test_add_func("/call-mend/finds-connected", test_finds_connected);
    g_test_add_func("/call-mend/few-descriptors", test_few_descriptors);
    g_test_add_func("/call-mend/remote-is-another", test_remote_is_another);
    g_test_add_func("/call-mend/remote-is-said-to-be-another", test_remote_is_said_to_be_another);
    g_test_add_func("/call-mend/called-again", test_called_again);
    g_test_add_data_func("/call-mend/called-again-soon", NULL, test_called_again_soon);
    g_test_add_data_func("/call-mend/called-again-soon/alive", (gpointer) "alive",
                         test_called_again_soon);
    g_test_add_func("/call-mend/called-by-others", test_called_by_others);
    g_test_add_func("/call-mend/silent-strangers-give-way", test_silent_strangers_give_way);
    return g_test_run();
}
