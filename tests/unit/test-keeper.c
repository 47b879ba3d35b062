/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Kept calls: each state, how long they rest, that many are not called at once, and that
 * none is ever forgotten. The time and the room are the test's. */

#include <config.h>

#include "peer/call/keeper.h"

#include <gio/gio.h>
#include <string.h>
#include <time.h>

#define SECOND ((gint64) G_USEC_PER_SEC)

typedef struct {
    Keeper *keeper;
    gint64 now, wake;
    guint last_call;
    GHashTable *calls; /* number → name, of those that are on their way or up */
    GPtrArray *placed; /* names, in order */
    GArray *ended;     /* numbers that the keeper has hung up */
    GRand *random;
    bool fails, is_up; /* what `place` says */
    guint told;
} Fixture;

static guint on_place(const char *name, bool named, bool *connected, GError **error, gpointer data)
{
    Fixture *f = data;

    g_ptr_array_add(f->placed, g_strdup(name));
    if (f->fails) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no place");
        return 0;
    }
    *connected = f->is_up;
    g_hash_table_insert(f->calls, GUINT_TO_POINTER(++f->last_call), g_strdup(name));
    return f->last_call;
}

static void on_end(guint call, gpointer data)
{
    Fixture *f = data;

    g_assert_true(g_hash_table_remove(f->calls, GUINT_TO_POINTER(call)));
    g_array_append_val(f->ended, call);
}

static void on_changed(gpointer data)
{
    ((Fixture *) data)->told++;
}

static void on_wake(gint64 at, gpointer data)
{
    ((Fixture *) data)->wake = at;
}

static guint32 on_chance(guint32 bound, gpointer data)
{
    g_assert_cmpuint(bound, >, 0);
    return (guint32) g_rand_int_range(((Fixture *) data)->random, 0, (gint32) bound);
}

static const KeeperOps ops = {on_place, on_end, on_changed, on_wake, on_chance};

static void set_up(Fixture *f, gconstpointer data)
{
    f->now = 1000 * SECOND;
    f->wake = G_MAXINT64;
    f->calls = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    f->placed = g_ptr_array_new_with_free_func(g_free);
    f->ended = g_array_new(FALSE, FALSE, sizeof(guint));
    f->random = g_rand_new_with_seed(12);
    f->keeper = keeper_new(100, &ops, f);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    keeper_free(f->keeper);
    g_hash_table_unref(f->calls);
    g_ptr_array_unref(f->placed);
    g_array_unref(f->ended);
    g_rand_free(f->random);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void keep(Fixture *f, const char *const *names)
{
    keeper_set_names(f->keeper, names, f->now);
}

static void enter(Fixture *f, const char *const *names)
{
    keeper_set_room(f->keeper, KEEPER_ROOM_KNOWN, names, f->now);
}

/* Lets time pass, with turns when they are wanted and no others. */
static void pass(Fixture *f, gint64 time)
{
    gint64 end = f->now + time;

    while (f->wake <= end) {
        f->now = MAX(f->wake, f->now);
        f->wake = G_MAXINT64;
        keeper_turn(f->keeper, f->now);
        g_assert_true(f->wake > f->now);
    }
    f->now = end;
}

static KeptReport report_of(const Fixture *f, const char *name)
{
    for (guint i = 0; i < keeper_count(f->keeper); i++) {
        KeptReport report = keeper_report(f->keeper, i);

        if (strcmp(report.name, name) == 0)
            return report;
    }
    g_assert_not_reached();
}

static KeptState state_of(const Fixture *f, const char *name)
{
    return report_of(f, name).state;
}

/* What is over is told, as Peer does. */
static void end_call(Fixture *f, const char *name, KeeperEnd end, const char *reason)
{
    guint call = report_of(f, name).call;

    g_assert_cmpuint(call, !=, 0);
    g_hash_table_remove(f->calls, GUINT_TO_POINTER(call));
    keeper_call_ended(f->keeper, call, end, reason, f->now);
}

static void connect_call(Fixture *f, const char *name)
{
    keeper_call_connected(f->keeper, report_of(f, name).call, f->now);
    g_assert_cmpint(state_of(f, name), ==, KEPT_CONNECTED);
}

static void test_states(Fixture *f, gconstpointer data)
{
    keep(f, NAMES("box"));
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_OFFLINE);
    enter(f, NAMES("other"));
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_ABSENT);
    pass(f, 3600 * SECOND);
    g_assert_cmpuint(f->placed->len, ==, 0);
    keeper_joined(f->keeper, "box", f->now);
    pass(f, SECOND);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_CALLING);
    connect_call(f, "box");
    keeper_call_reconnecting(f->keeper, report_of(f, "box").call, f->now);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_RECONNECTING);
    connect_call(f, "box");
    end_call(f, "box", KEEPER_END_LOST, "hung up");
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_RESTING);
    g_assert_cmpstr(report_of(f, "box").reason, ==, "hung up");
    pass(f, 2 * SECOND + 1);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_CALLING);
    end_call(f, "box", KEEPER_END_REFUSED, "busy");
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_REFUSED);
    keeper_left(f->keeper, "box", f->now);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_ABSENT);
    keeper_set_room(f->keeper, KEEPER_ROOM_NONE, NULL, f->now);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_OFFLINE);
    g_assert_cmpuint(f->placed->len, ==, 2);
}

static void test_words(void)
{
    g_assert_cmpstr(kept_state_to_string(KEPT_OFFLINE), ==, "waiting");
    g_assert_cmpstr(kept_state_to_string(KEPT_QUEUED), ==, "waiting");
    g_assert_cmpstr(kept_state_to_string(KEPT_RESTING), ==, "waiting");
    g_assert_cmpstr(kept_state_to_string(KEPT_RECONNECTING), ==, "waiting");
    g_assert_cmpstr(kept_state_to_string(KEPT_ABSENT), ==, "absent");
    g_assert_cmpstr(kept_state_to_string(KEPT_CALLING), ==, "calling");
    g_assert_cmpstr(kept_state_to_string(KEPT_CONNECTED), ==, "connected");
    g_assert_cmpstr(kept_state_to_string(KEPT_REFUSED), ==, "refused");
}

/* The rests of FAILURES that follow one another: each from half of what it may be to all of it. */
static void check_rests(Fixture *f, KeeperEnd end, gint64 first, gint64 longest)
{
    gint64 most = first;

    for (guint i = 0; i < 20; i++) {
        gint64 rest;

        end_call(f, "box", end, "no");
        rest = report_of(f, "box").due - f->now;
        g_assert_cmpint(rest, >=, most / 2);
        g_assert_cmpint(rest, <=, most);
        pass(f, rest - 1);
        g_assert_cmpint(state_of(f, "box"), !=, KEPT_CALLING);
        pass(f, 1);
        g_assert_cmpint(state_of(f, "box"), ==, KEPT_CALLING);
        most = MIN(most * 2, longest);
    }
}

static void test_backoff(Fixture *f, gconstpointer data)
{
    keep(f, NAMES("box"));
    enter(f, NAMES("box"));
    pass(f, SECOND);
    check_rests(f, KEEPER_END_LOST, 2 * SECOND, 60 * SECOND);
    /* A short call makes nothing good … */
    connect_call(f, "box");
    pass(f, KEEPER_STEADY - 1);
    end_call(f, "box", KEEPER_END_LOST, "lost");
    g_assert_cmpint(report_of(f, "box").due - f->now, >=, 30 * SECOND);
    pass(f, 60 * SECOND);
    /* … and a steady one does. */
    connect_call(f, "box");
    pass(f, KEEPER_STEADY);
    check_rests(f, KEEPER_END_LOST, 2 * SECOND, 60 * SECOND);
}

static void test_refused(Fixture *f, gconstpointer data)
{
    keep(f, NAMES("box"));
    enter(f, NAMES("box"));
    pass(f, SECOND);
    check_rests(f, KEEPER_END_REFUSED, 60 * SECOND, 600 * SECOND);
    end_call(f, "box", KEEPER_END_REFUSED, "no");
    g_assert_cmpint(report_of(f, "box").due - f->now, >=, 300 * SECOND);
    keeper_retry(f->keeper, "other", f->now);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_REFUSED);
    keeper_retry(f->keeper, "box", f->now); /* another key is good now */
    pass(f, SECOND);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_CALLING);
    end_call(f, "box", KEEPER_END_REFUSED, "no");
    g_assert_cmpint(report_of(f, "box").due - f->now, <=, 60 * SECOND);
}

/* Jitter that is none would show here. */
static void test_jitter(Fixture *f, gconstpointer data)
{
    gint64 least = G_MAXINT64, most = 0;

    keep(f, NAMES("box"));
    enter(f, NAMES("box"));
    for (guint i = 0; i < 200; i++) {
        gint64 rest;

        pass(f, 60 * SECOND);
        connect_call(f, "box");
        pass(f, KEEPER_STEADY);
        end_call(f, "box", KEEPER_END_LOST, "lost");
        rest = report_of(f, "box").due - f->now;
        least = MIN(least, rest);
        most = MAX(most, rest);
    }
    g_assert_cmpint(least, >=, SECOND);
    g_assert_cmpint(least, <, 1100000);
    g_assert_cmpint(most, >, 1900000);
    g_assert_cmpint(most, <=, 2 * SECOND);
}

/* Who joins is called at once, whatever rest is left, but not again and again. */
static void test_joined(Fixture *f, gconstpointer data)
{
    keep(f, NAMES("box"));
    enter(f, NAMES("box"));
    for (guint i = 0; i < 30; i++) {
        pass(f, 120 * SECOND);
        end_call(f, "box", KEEPER_END_LOST, "lost");
    }
    g_assert_cmpint(report_of(f, "box").due - f->now, >=, 30 * SECOND);
    keeper_left(f->keeper, "box", f->now);
    pass(f, 5 * SECOND);
    keeper_joined(f->keeper, "box", f->now);
    pass(f, SECOND);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_CALLING);

    g_ptr_array_set_size(f->placed, 0);
    for (guint i = 0; i < 100; i++) { /* it comes and goes ten times a second */
        if (state_of(f, "box") == KEPT_CALLING)
            end_call(f, "box", KEEPER_END_LOST, "left");
        keeper_left(f->keeper, "box", f->now);
        keeper_joined(f->keeper, "box", f->now);
        pass(f, SECOND / 10);
    }
    g_assert_cmpuint(f->placed->len, <=, 11);
    g_assert_cmpuint(f->placed->len, >=, 5);
}

static char **many(guint count)
{
    char **names = g_new0(char *, count + 1);

    for (guint i = 0; i < count; i++)
        names[i] = g_strdup_printf("box%u", i);
    return names;
}

enum { MANY = 300 };

static guint count_state(const Fixture *f, KeptState state)
{
    guint count = 0;

    for (guint i = 0; i < keeper_count(f->keeper); i++)
        count += keeper_report(f->keeper, i).state == state;
    return count;
}

/* Three hundred are back within ten seconds, and never more than the limit at once. */
static void test_storm(Fixture *f, gconstpointer data)
{
    g_auto(GStrv) names = many(MANY);
    gint64 began = f->now;

    keep(f, (const char *const *) names);
    enter(f, (const char *const *) names);
    g_assert_cmpuint(f->placed->len, <, KEEPER_ATTEMPTS);
    while (count_state(f, KEPT_CONNECTED) < MANY && f->now < began + 60 * SECOND) {
        pass(f, SECOND / 5); /* what a call takes */
        g_assert_cmpuint(count_state(f, KEPT_CALLING), <=, KEEPER_ATTEMPTS);
        for (guint i = 0; i < MANY; i++) {
            if (state_of(f, names[i]) == KEPT_CALLING)
                connect_call(f, names[i]);
        }
    }
    g_assert_cmpint(f->now - began, <=, 10 * SECOND);
    g_assert_cmpuint(f->placed->len, ==, MANY);

    /* The relay goes and comes: no call is touched. */
    keeper_set_room(f->keeper, KEEPER_ROOM_NONE, NULL, f->now);
    pass(f, 5 * SECOND);
    enter(f, (const char *const *) names);
    pass(f, 60 * SECOND);
    g_assert_cmpuint(count_state(f, KEPT_CONNECTED), ==, MANY);
    g_assert_cmpuint(f->placed->len, ==, MANY);
    g_assert_cmpuint(f->ended->len, ==, 0);
}

/* Those who do not answer hold up nobody else for long. */
static void test_silent(Fixture *f, gconstpointer data)
{
    g_auto(GStrv) names = many(MANY);

    keep(f, (const char *const *) names);
    enter(f, (const char *const *) names);
    pass(f, KEEPER_LONGEST_SPREAD);
    for (guint i = 0; i < MANY / KEEPER_ATTEMPTS + 1; i++)
        pass(f, KEEPER_PATIENCE);
    g_assert_cmpuint(f->placed->len, ==, MANY);
    g_assert_cmpuint(count_state(f, KEPT_CALLING), ==, MANY);
}

/* A room of three hundred hears of a newcomer at once, and does not call at once. */
static void test_spread(Fixture *f, gconstpointer data)
{
    g_auto(GStrv) names = many(MANY);
    gint64 least = G_MAXINT64, most = 0;

    enter(f, (const char *const *) names);
    for (guint i = 0; i < 200; i++) {
        gint64 wait;

        keep(f, NAMES("box1"));
        wait = report_of(f, "box1").state == KEPT_QUEUED ? report_of(f, "box1").due - f->now : 0;
        least = MIN(least, wait);
        most = MAX(most, wait);
        keep(f, NAMES());
    }
    g_assert_cmpint(least, <, 100000);
    g_assert_cmpint(most, >, 1200000);
    g_assert_cmpint(most, <=, MANY * KEEPER_SPREAD);
}

static void test_unkeep(Fixture *f, gconstpointer data)
{
    guint call;

    keep(f, NAMES("box", "desk"));
    enter(f, NAMES("box", "desk"));
    pass(f, SECOND);
    connect_call(f, "box");
    call = report_of(f, "box").call;
    keep(f, NAMES("desk"));
    g_assert_cmpuint(keeper_count(f->keeper), ==, 1);
    g_assert_cmpuint(f->ended->len, ==, 1);
    g_assert_cmpuint(g_array_index(f->ended, guint, 0), ==, call);
    keeper_call_ended(f->keeper, call, KEEPER_END_LOST, "hung up", f->now);
    pass(f, 600 * SECOND);
    g_assert_cmpuint(f->placed->len, ==, 2);
    g_assert_false(keeper_keeps(f->keeper, "box"));
}

static void test_everybody(Fixture *f, gconstpointer data)
{
    keep(f, NAMES("*", "box"));
    g_assert_cmpuint(keeper_count(f->keeper), ==, 1);
    enter(f, NAMES("desk"));
    pass(f, SECOND);
    connect_call(f, "desk");
    keeper_joined(f->keeper, "lamp", f->now);
    pass(f, SECOND);
    connect_call(f, "lamp");
    g_assert_cmpuint(keeper_count(f->keeper), ==, 3);

    keeper_left(f->keeper, "desk", f->now); /* its call goes on */
    g_assert_cmpint(state_of(f, "desk"), ==, KEPT_CONNECTED);
    end_call(f, "desk", KEEPER_END_LOST, "lost");
    g_assert_false(keeper_keeps(f->keeper, "desk"));
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_ABSENT);

    keep(f, NAMES("box")); /* everybody no more */
    g_assert_false(keeper_keeps(f->keeper, "lamp"));
    g_assert_cmpuint(f->ended->len, ==, 1);
    g_assert_cmpuint(keeper_count(f->keeper), ==, 1);
}

/* A crowd takes no more than its part, and those who are named have their place. */
static void test_crowd(Fixture *f, gconstpointer data)
{
    g_auto(GStrv) names = many(MANY);

    keep(f, NAMES("*", "zz"));
    enter(f, (const char *const *) names);
    g_assert_cmpuint(keeper_count(f->keeper), ==, 101);
    keeper_joined(f->keeper, "zz", f->now);
    keeper_joined(f->keeper, "zzz", f->now);
    g_assert_true(keeper_keeps(f->keeper, "zz"));
    g_assert_false(keeper_keeps(f->keeper, "zzz"));
    pass(f, 60 * SECOND);
    for (guint i = 0; i < MANY; i++) { /* who goes makes room */
        if (keeper_keeps(f->keeper, names[i])) {
            end_call(f, names[i], KEEPER_END_LOST, "left");
            keeper_left(f->keeper, names[i], f->now);
            break;
        }
    }
    g_assert_cmpuint(keeper_count(f->keeper), ==, 101);
}

static void enter_all(Fixture *f, guint count)
{
    g_auto(GStrv) names = many(count);

    keeper_set_max_everybody(f->keeper, 2 * count, f->now);
    keep(f, NAMES("*"));
    enter(f, (const char *const *) names);
    for (guint connected = 0; connected < count;) {
        pass(f, SECOND / 5);
        while (connected < f->last_call)
            keeper_call_connected(f->keeper, ++connected, f->now);
    }
    g_assert_cmpuint(keeper_count(f->keeper), ==, count);
}

/* It takes a tenth of a second; where each that goes costs what all others do, it takes hours. */
static void test_exodus(Fixture *f, gconstpointer data)
{
    enum { COUNT = 10000, LIMIT = 60 }; /* seconds of the processor */
    const clock_t began = clock();

    enter_all(f, COUNT);
    for (guint i = 0; i < COUNT; i++) {
        g_autofree char *name = g_strdup_printf("box%u", i);

        keeper_left(f->keeper, name, f->now);
        g_assert_cmpint((clock() - began) / CLOCKS_PER_SEC, <, LIMIT);
    }
    g_assert_cmpuint(keeper_count(f->keeper), ==, COUNT);
    for (guint call = 1; call <= COUNT; call++)
        keeper_call_ended(f->keeper, call, KEEPER_END_LOST, "left", f->now);
    g_assert_cmpuint(keeper_count(f->keeper), ==, 0);
    g_assert_cmpint(f->wake, ==, G_MAXINT64);
    g_assert_cmpint((clock() - began) / CLOCKS_PER_SEC, <, LIMIT);
}

/* A place is also free when the call of one ends who has left before. */
static void test_place(Fixture *f, gconstpointer data)
{
    keeper_set_max_everybody(f->keeper, 1, f->now);
    keep(f, NAMES("*"));
    enter(f, NAMES("desk"));
    pass(f, SECOND);
    connect_call(f, "desk");
    keeper_joined(f->keeper, "lamp", f->now);
    keeper_joined(f->keeper, "door", f->now);
    keeper_left(f->keeper, "door", f->now);
    keeper_left(f->keeper, "desk", f->now);
    g_assert_false(keeper_keeps(f->keeper, "lamp"));
    end_call(f, "desk", KEEPER_END_LOST, "left");
    g_assert_cmpuint(keeper_count(f->keeper), ==, 1);
    g_assert_true(keeper_keeps(f->keeper, "lamp"));
}

/* Through a relay that tells no names one is called at a time, and "*" is whoever answers. */
static void test_nameless(Fixture *f, gconstpointer data)
{
    keep(f, NAMES("*", "box"));
    keeper_set_room(f->keeper, KEEPER_ROOM_NAMELESS, NULL, f->now);
    pass(f, SECOND);
    g_assert_cmpuint(f->placed->len, ==, 1);
    pass(f, 20 * SECOND); /* no patience is over here */
    g_assert_cmpuint(f->placed->len, ==, 1);
    end_call(f, f->placed->pdata[0], KEEPER_END_LOST, "timeout");
    pass(f, 0);
    g_assert_cmpuint(f->placed->len, ==, 2);
    g_assert_cmpstr(f->placed->pdata[0], !=, f->placed->pdata[1]);
    connect_call(f, f->placed->pdata[1]);
    enter(f, NAMES("box")); /* our own relay is back */
    pass(f, 5 * SECOND);
    if (strcmp(f->placed->pdata[1], "") == 0)
        end_call(f, "", KEEPER_END_LOST, "lost");
    g_assert_false(keeper_keeps(f->keeper, ""));
}

/* A call that somebody else has placed, or that there was already, is the kept one. */
static void test_adopted(Fixture *f, gconstpointer data)
{
    keep(f, NAMES("box"));
    enter(f, NAMES("box"));
    pass(f, SECOND);
    end_call(f, "box", KEEPER_END_LOST, "lost");
    keeper_call_began(f->keeper, "box", 77, f->now);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_CALLING);
    keeper_call_connected(f->keeper, 77, f->now);
    keeper_call_began(f->keeper, "box", 78, f->now); /* another one is not */
    keeper_call_ended(f->keeper, 78, KEEPER_END_LOST, "hung up", f->now);
    pass(f, 60 * SECOND);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_CONNECTED);
    g_assert_cmpuint(f->placed->len, ==, 1);
    f->is_up = true;
    keeper_call_ended(f->keeper, 77, KEEPER_END_LOST, "lost", f->now);
    pass(f, 2 * SECOND);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_CONNECTED);
}

/* A call that cannot be placed is a failure as any other. */
static void test_no_place(Fixture *f, gconstpointer data)
{
    f->fails = true;
    keep(f, NAMES("box"));
    enter(f, NAMES("box"));
    pass(f, 3600 * SECOND);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_RESTING);
    g_assert_cmpstr(report_of(f, "box").reason, ==, "no place");
    g_assert_cmpuint(f->placed->len, >=, 60);
    g_assert_cmpuint(f->placed->len, <=, 130);
    f->fails = false;
    pass(f, 60 * SECOND);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_CALLING);
}

/* What fails because the relay has gone is nobody's fault, and is tried when it is back. */
static void test_relay(Fixture *f, gconstpointer data)
{
    keep(f, NAMES("box"));
    for (guint i = 0; i < 20; i++) {
        enter(f, NAMES("box"));
        pass(f, 2 * SECOND);
        g_assert_cmpint(state_of(f, "box"), ==, KEPT_CALLING);
        keeper_set_room(f->keeper, KEEPER_ROOM_NONE, NULL, f->now);
        end_call(f, "box", KEEPER_END_LOST, "the relay went away");
        g_assert_cmpint(state_of(f, "box"), ==, KEPT_OFFLINE);
        pass(f, 600 * SECOND);
        g_assert_cmpuint(f->placed->len, ==, i + 1);
    }
    enter(f, NAMES("box"));
    pass(f, 2 * SECOND);
    end_call(f, "box", KEEPER_END_LOST, "lost");
    g_assert_cmpint(report_of(f, "box").due - f->now, <=, 2 * SECOND);
}

/* The link is back: all who rest are called now. */
static void test_link(Fixture *f, gconstpointer data)
{
    keep(f, NAMES("box", "desk", "gone"));
    enter(f, NAMES("box", "desk"));
    for (guint i = 0; i < 30; i++) {
        pass(f, 700 * SECOND);
        end_call(f, "box", KEEPER_END_LOST, "lost");
        end_call(f, "desk", KEEPER_END_REFUSED, "busy");
    }
    keeper_retry_all(f->keeper, f->now);
    pass(f, SECOND);
    g_assert_cmpint(state_of(f, "box"), ==, KEPT_CALLING);
    g_assert_cmpint(state_of(f, "desk"), ==, KEPT_CALLING);
    g_assert_cmpint(state_of(f, "gone"), ==, KEPT_ABSENT);
}

/* Whatever happens: in the end everybody who is there is connected, and no call is lost. */
static void test_random(Fixture *f, gconstpointer data)
{
    static const char *const all[] = {"a", "b", "c", "d", "e", NULL};
    bool online = false;

    keep(f, all);
    for (guint step = 0; step < 20000; step++) {
        const char *name = all[g_rand_int_range(f->random, 0, 5)];
        KeptReport report = report_of(f, name);

        switch (g_rand_int_range(f->random, 0, 8)) {
        case 0:
            online = !online;
            keeper_set_room(f->keeper, online ? KEEPER_ROOM_KNOWN : KEEPER_ROOM_NONE,
                            NAMES("a", "b"), f->now);
            break;
        case 1:
            if (online)
                keeper_joined(f->keeper, name, f->now);
            break;
        case 2:
            if (online)
                keeper_left(f->keeper, name, f->now);
            break;
        case 3:
            if (report.call)
                end_call(f, name, KEEPER_END_LOST, "lost");
            break;
        case 4:
            if (report.call)
                end_call(f, name, KEEPER_END_REFUSED, "no");
            break;
        case 5:
            if (report.call)
                connect_call(f, name);
            break;
        case 6:
            keeper_call_reconnecting(f->keeper, report.call, f->now);
            break;
        default:
            f->fails = g_rand_int_range(f->random, 0, 4) == 0;
            pass(f, g_rand_int_range(f->random, 0, 30000000));
        }
        g_assert_cmpuint(g_hash_table_size(f->calls), <=, 5);
    }
    f->fails = false;
    enter(f, all);
    pass(f, 700 * SECOND);
    for (guint i = 0; all[i]; i++) {
        g_assert_cmpuint(report_of(f, all[i]).call, !=, 0);
        connect_call(f, all[i]);
    }
    g_assert_cmpuint(g_hash_table_size(f->calls), ==, 5);
}

#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/keeper/states", test_states);
    g_test_add_func("/keeper/words", test_words);
    ADD("/keeper/backoff", test_backoff);
    ADD("/keeper/refused", test_refused);
    ADD("/keeper/jitter", test_jitter);
    ADD("/keeper/joined", test_joined);
    ADD("/keeper/storm", test_storm);
    ADD("/keeper/silent", test_silent);
    ADD("/keeper/spread", test_spread);
    ADD("/keeper/unkeep", test_unkeep);
    ADD("/keeper/everybody", test_everybody);
    ADD("/keeper/crowd", test_crowd);
    ADD("/keeper/exodus", test_exodus);
    ADD("/keeper/place", test_place);
    ADD("/keeper/nameless", test_nameless);
    ADD("/keeper/adopted", test_adopted);
    ADD("/keeper/no-place", test_no_place);
    ADD("/keeper/relay", test_relay);
    ADD("/keeper/link", test_link);
    ADD("/keeper/random", test_random);
    return g_test_run();
}
