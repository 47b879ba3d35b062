/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* How often the property Peers is made: of each change in a small room, now and then in a large one. */

#include <config.h>

#include "fake-clock.h"
#include "peer/bus/bus-members.h"

static guint told; /* how often */

static void on_notify(GObject *object, GParamSpec *pspec, gpointer data)
{
    told++;
}

static void join(Room *room, BusMembers *members, guint count)
{
    for (guint i = 0; i < count; i++) {
        g_autofree char *name = g_strdup_printf("box-%u", room_members(room)->len);

        room_add(room, name, name);
        bus_members_update(members);
    }
}

static void test_members(void)
{
    g_autoptr(RtcbusPeer1) object = rtcbus_peer1_skeleton_new();
    g_autoptr(Room) room = room_new();
    BusMembers *members = bus_members_new(object, room);

    told = 0;
    g_signal_connect(object, "notify::peers", G_CALLBACK(on_notify), NULL);
    join(room, members, 10);
    g_assert_cmpuint(told, ==, 10);
    bus_members_update(members);
    g_assert_cmpuint(told, ==, 10); /* nothing has changed */
    join(room, members, 4990);
    g_assert_cmpuint(told, <, 110);
    fake_clock_advance(G_USEC_PER_SEC);
    g_assert_cmpuint(g_variant_n_children(rtcbus_peer1_get_peers(object)), ==, 5000);
    g_assert_cmpuint(told, <, 110);
    fake_clock_advance(G_USEC_PER_SEC);
    room_clear(room);
    bus_members_update(members);
    g_assert_cmpuint(g_variant_n_children(rtcbus_peer1_get_peers(object)), ==, 0);
    join(room, members, 200);
    bus_members_free(members); /* with a timer */
    fake_clock_advance(G_USEC_PER_SEC);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bus-members/large-room", test_members);
    return g_test_run();
}
