/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Who is in the room, as the relay tells: it may tell what it likes. */

#include <config.h>

#include "peer/signaling/room.h"

static void test_names(void)
{
    Room *room = room_new();

    room_set_own_id(room, "me");
    room_add(room, "me", "mine");
    room_add(room, "a", "kitchen");
    room_add(room, "b", "");
    g_assert_cmpuint(room_members(room)->len, ==, 2);
    g_assert_cmpstr(room_find(room, "kitchen")->id, ==, "a");
    g_assert_null(room_find(room, "mine"));
    room_add(room, "a", "cellar"); /* it is told anew */
    g_assert_cmpuint(room_members(room)->len, ==, 2);
    g_assert_cmpstr(room_member_name(room, "a"), ==, "cellar");
    room_free(room);
}

static void test_bounded(void)
{
    Room *room = room_new();

    for (guint i = 0; i < ROOM_MAX_MEMBERS + 100; i++) {
        g_autofree char *id = g_strdup_printf("%u", i);

        room_add(room, id, NULL);
    }
    g_assert_cmpuint(room_members(room)->len, ==, ROOM_MAX_MEMBERS);
    g_assert_false(room_has(room, "65600"));
    room_remove(room, "7");
    room_add(room, "65600", NULL);
    g_assert_true(room_has(room, "65600"));
    room_free(room);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/room/names", test_names);
    g_test_add_func("/room/bounded", test_bounded);
    return g_test_run();
}
