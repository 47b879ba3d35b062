/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Rooms: who is in them, who is found by which word, what is refused. */

#include <config.h>

#include <string.h>

#include "relay/router.h"

static Member *join(Router *router, const char *room, const char *name)
{
    g_autoptr(GError) error = NULL;
    Member *member = router_join(router, room, name, NULL, &error);

    g_assert_no_error(error);
    g_assert_nonnull(member);
    return member;
}

static void refuse(Router *router, const char *room, const char *name, RouterError code)
{
    g_autoptr(GError) error = NULL;

    g_test_message("room %s, name %s", room, name);
    g_assert_null(router_join(router, room, name, NULL, &error));
    g_assert_error(error, ROUTER_ERROR, (int) code);
}

static void test_find(void)
{
    g_autoptr(Router) router = router_new();
    Member *anna = join(router, "", "anna");
    Member *nobody = join(router, "", NULL);
    Member *other = join(router, "greenhouse", "anna");
    Member *berta = join(router, "greenhouse", "berta");

    g_assert_true(router_find(router, nobody, "anna") == anna);
    g_assert_true(router_find(router, nobody, anna->id) == anna);
    g_assert_true(router_find(router, anna, nobody->id) == nobody);
    g_assert_true(router_find(router, anna, "anna") == anna);
    g_assert_true(router_find(router, berta, "anna") == other);
    g_assert_null(router_find(router, anna, "berta"));
    g_assert_null(router_find(router, anna, berta->id));
    g_assert_null(router_find(router, anna, ""));
    g_assert_null(router_find(router, anna, "Anna"));
    g_assert_true(router_find_id(router, berta->id) == berta);

    router_leave(router, anna);
    g_assert_null(router_find(router, nobody, "anna"));
    g_assert_true(router_find(router, berta, "anna") == other);
    router_leave(router, nobody);
    router_leave(router, other);
    router_leave(router, berta);
}

static void test_ids(void)
{
    g_autoptr(Router) router = router_new();
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (int i = 0; i < 1000; i++) {
        Member *member = join(router, "", NULL);

        g_assert_cmpuint(strlen(member->id), ==, ROUTER_ID_LENGTH);
        g_assert_cmpuint(strspn(member->id, "0123456789abcdef"), ==, ROUTER_ID_LENGTH);
        g_assert_true(g_hash_table_add(seen, g_strdup(member->id)));
        router_leave(router, member);
    }
}

static void test_names(void)
{
    g_autoptr(Router) router = router_new();
    g_autofree char *longest = g_strnfill(ROUTER_NAME_MAX, 'n');
    g_autofree char *longer = g_strnfill(ROUTER_NAME_MAX + 1, 'n');
    Member *first = join(router, "", "kitchen");
    Member *second = join(router, "",
                          "K\xc3\xbc"
                          "che 2");
    Member *third = join(router, "", longest);
    Member *fourth = join(router, "other", "kitchen");

    refuse(router, "", "kitchen", ROUTER_ERROR_NAME_TAKEN);
    refuse(router, "", longer, ROUTER_ERROR_BAD_NAME);
    refuse(router, "", "two\nlines", ROUTER_ERROR_BAD_NAME);
    refuse(router, "", "\x1b[31m", ROUTER_ERROR_BAD_NAME);
    refuse(router, "", "\xff", ROUTER_ERROR_BAD_NAME);
    refuse(router, "", "right\xe2\x80\xaeleft", ROUTER_ERROR_BAD_NAME); /* U+202E */
    refuse(router, "", "two\u2028lines", ROUTER_ERROR_BAD_NAME);
    refuse(router, "", first->id, ROUTER_ERROR_BAD_NAME);
    refuse(router, "", "0123456789ABCDEF0123456789ABCDEF", ROUTER_ERROR_BAD_NAME);
    router_leave(router, first);
    first = join(router, "", "kitchen"); /* free again */
    router_leave(router, first);
    router_leave(router, second);
    router_leave(router, third);
    router_leave(router, fourth);
}

static void count_room(RelayRoom *room, gpointer data)
{
    *(guint *) data += room_size(room);
}

static void test_rooms(void)
{
    g_autoptr(Router) router = router_new();
    g_autofree char *longest = g_strnfill(ROUTER_ROOM_MAX, 'r');
    g_autofree char *longer = g_strnfill(ROUTER_ROOM_MAX + 1, 'r');
    Member *a = join(router, "", NULL), *b = join(router, "", NULL),
           *c = join(router, longest, NULL);
    guint members = 0;

    g_assert_cmpuint(router_count_rooms(router), ==, 2);
    router_foreach_room(router, count_room, &members);
    g_assert_cmpuint(members, ==, 3);
    g_assert_true(router_find_room(router, "") == a->room);
    g_assert_cmpstr(room_name(c->room), ==, longest);
    g_assert_null(router_find_room(router, "nowhere"));
    refuse(router, longer, NULL, ROUTER_ERROR_BAD_ROOM);
    refuse(router, "a\tb", NULL, ROUTER_ERROR_BAD_ROOM);
    refuse(router, "\xc3", NULL, ROUTER_ERROR_BAD_ROOM);

    router_set_max_rooms(router, 2);
    refuse(router, "third", NULL, ROUTER_ERROR_TOO_MANY_ROOMS);
    router_leave(router, c);
    g_assert_null(router_find_room(router, longest));
    c = join(router, "third", NULL);
    router_leave(router, a);
    router_leave(router, b);
    router_leave(router, c);
    g_assert_cmpuint(router_count_rooms(router), ==, 0);
}

/* The list of a room's members stays whole, whoever goes in whatever order. */
static void test_order(void)
{
    g_autoptr(Router) router = router_new();
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    g_autoptr(GPtrArray) members = g_ptr_array_new();

    for (int round = 0; round < 3000; round++) {
        if (members->len < 2 || g_rand_boolean(random)) {
            g_ptr_array_add(members, join(router, "r", NULL));
        } else {
            guint at = (guint) g_rand_int_range(random, 0, (gint32) members->len);

            router_leave(router, g_ptr_array_steal_index(members, at));
        }
        if (round % 10 == 0) {
            const Member *member = room_first(((Member *) members->pdata[0])->room);

            g_assert_cmpuint(room_size(member->room), ==, members->len);
            for (guint i = 0; i < members->len; i++, member = member_next(member))
                g_assert_true(member == members->pdata[i]);
            g_assert_null(member);
        }
    }
    for (guint i = 0; i < members->len; i++)
        router_leave(router, members->pdata[i]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/router/find", test_find);
    g_test_add_func("/router/ids", test_ids);
    g_test_add_func("/router/names", test_names);
    g_test_add_func("/router/rooms", test_rooms);
    g_test_add_func("/router/order", test_order);
    return g_test_run();
}
