/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* By which name a peer is in the room, and when it takes its own again. */

#include <config.h>

#include "peer/signaling/name-choice.h"

#define SECOND G_USEC_PER_SEC
#define MINUTE (60 * SECOND)

static NameChoice set_up(void)
{
    NameChoice choice = {};

    name_choice_set(&choice, "own", "other");
    g_assert_cmpstr(name_choice_get(&choice), ==, "own");
    return choice;
}

/* Own is taken, and we come in under the other one at NOW. */
static void enter(NameChoice *choice, const char *holder, gint64 now)
{
    name_choice_begin(choice);
    g_assert_true(name_choice_next(choice));
    g_assert_cmpstr(name_choice_get(choice), ==, "other");
    name_choice_entered(choice, holder, now);
}

/* It is asked three times whether the holder is there, and anew for each connection. */
static void test_wait(void)
{
    NameChoice choice = set_up(), single = {};

    for (guint i = 0; i < 2; i++) {
        guint last = 0;

        name_choice_begin(&choice);
        for (guint n = 0; n < 3; n++) {
            guint wait = name_choice_wait(&choice);

            g_assert_cmpuint(wait, >, last);
            last = wait;
        }
        g_assert_cmpuint(name_choice_wait(&choice), ==, 0);
    }
    name_choice_set(&single, "own", NULL);
    g_assert_cmpuint(name_choice_wait(&single), ==, 0);
    name_choice_clear(&single);
    name_choice_clear(&choice);
}

static void test_next(void)
{
    NameChoice choice = set_up(), single = {};
    g_autofree char *spare = NULL;

    g_assert_true(name_choice_next(&choice));
    g_assert_cmpstr(name_choice_get(&choice), ==, "other");
    g_assert_true(name_choice_next(&choice));
    spare = g_strdup(name_choice_get(&choice));
    g_assert_true(g_str_has_prefix(spare, "own-"));
    name_choice_begin(&choice);
    g_assert_cmpstr(name_choice_get(&choice), ==, "own");
    g_assert_true(name_choice_next(&choice));
    g_assert_true(name_choice_next(&choice));
    g_assert_cmpstr(name_choice_get(&choice), ==, spare);
    g_assert_false(name_choice_next(&choice));
    g_assert_cmpstr(name_choice_get(&choice), ==, "own");
    name_choice_set(&single, "own", NULL);
    g_assert_false(name_choice_next(&single));
    g_assert_cmpstr(name_choice_get(&single), ==, "own");
    name_choice_clear(&single);
    name_choice_clear(&choice);
}

static void test_left_in_time(void)
{
    NameChoice choice = set_up();

    enter(&choice, "dead", SECOND);
    g_assert_false(name_choice_left(&choice, "somebody", 2 * SECOND));
    g_assert_true(name_choice_left(&choice, "dead", 2 * MINUTE));
    g_assert_cmpstr(name_choice_get(&choice), ==, "own");
    g_assert_cmpuint(name_choice_wait(&choice), >, 0);
    g_assert_false(name_choice_left(&choice, "dead", 2 * MINUTE));
    name_choice_clear(&choice);
}

/* It is no dead connection that speaks, that lives for long, or that does not have our name. */
static void test_others(void)
{
    NameChoice choice = set_up();

    enter(&choice, "somebody", SECOND);
    name_choice_heard(&choice, "other");
    name_choice_heard(&choice, NULL);
    name_choice_heard(&choice, "somebody");
    g_assert_false(name_choice_left(&choice, "somebody", 2 * SECOND));
    enter(&choice, "somebody", SECOND);
    g_assert_false(name_choice_left(&choice, "somebody", 2 * MINUTE + 2 * SECOND));
    enter(&choice, NULL, SECOND);
    g_assert_false(name_choice_left(&choice, "somebody", 2 * SECOND));
    g_assert_cmpstr(name_choice_get(&choice), ==, "other");
    name_choice_begin(&choice);
    name_choice_entered(&choice, "ourselves", SECOND);
    g_assert_false(name_choice_left(&choice, "ourselves", 2 * SECOND));
    name_choice_clear(&choice);
}

/* Who takes our name and leaves, again and again, does not make us connect each time. */
static void test_once(void)
{
    NameChoice choice = set_up();

    enter(&choice, "evil", SECOND);
    g_assert_true(name_choice_left(&choice, "evil", 2 * SECOND));
    for (gint64 now = 3 * SECOND; now < 10 * MINUTE; now += MINUTE) {
        enter(&choice, "evil", now);
        g_assert_false(name_choice_left(&choice, "evil", now + SECOND));
        g_assert_cmpstr(name_choice_get(&choice), ==, "other");
    }
    enter(&choice, "dead", 10 * MINUTE + 2 * SECOND);
    g_assert_true(name_choice_left(&choice, "dead", 10 * MINUTE + 3 * SECOND));
    name_choice_clear(&choice);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/name-choice/wait", test_wait);
    g_test_add_func("/name-choice/next", test_next);
    g_test_add_func("/name-choice/left-in-time", test_left_in_time);
    g_test_add_func("/name-choice/others", test_others);
    g_test_add_func("/name-choice/once", test_once);
    return g_test_run();
}
