/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/bus/bus-members.h"

#include "common/clock.h"

enum {
    SMALL_ROOM = 100,
    MEMBER_USEC = 100, /* in a larger one, between two times that they are told: for each of them */
};

struct BusMembers {
    RtcbusPeer1 *object;
    const Room *room;
    guint64 told;   /* the room's changes by then */
    gint64 told_at; /* monotonic microseconds */
    guint timer;
};

static void tell(BusMembers *members)
{
    const GPtrArray *list = room_members(members->room);
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ss)"));
    for (guint i = 0; i < list->len; i++) {
        const RoomMember *member = list->pdata[i];

        g_variant_builder_add(&builder, "(ss)", member->id, member->name ? member->name : "");
    }
    rtcbus_peer1_set_peers(members->object, g_variant_builder_end(&builder));
    members->told = room_changes(members->room);
    members->told_at = clock_monotonic();
}

static gboolean on_timer(gpointer data)
{
    BusMembers *members = data;

    members->timer = 0;
    tell(members);
    return G_SOURCE_REMOVE;
}

void bus_members_update(BusMembers *members)
{
    guint count = room_members(members->room)->len;
    gint64 due = members->told_at + (count < SMALL_ROOM ? 0 : (gint64) count * MEMBER_USEC);
    gint64 wait = due - clock_monotonic();

    if (members->told == room_changes(members->room) || members->timer != 0)
        return;
    if (wait <= 0)
        tell(members);
    else
        members->timer = clock_timer_add((guint) (wait / 1000), on_timer, members);
}

BusMembers *bus_members_new(RtcbusPeer1 *object, const Room *room)
{
    BusMembers *members = g_new0(BusMembers, 1);

    members->object = object;
    members->room = room;
    tell(members);
    return members;
}

void bus_members_free(BusMembers *members)
{
    if (!members)
        return;
    g_clear_handle_id(&members->timer, g_source_remove);
    g_free(members);
}
