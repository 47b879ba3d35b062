/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A list, since rooms are small and its order is what people see; ids are
 * looked up by hash because every frame needs that. */

#include <config.h>

#include "peer/signaling/room.h"

struct Room {
    RelayState state;
    char *problem;
    const char *fault;
    gint64 retry;
    char *own_id, *own_name;
    GPtrArray *members;
    GHashTable *by_id; /* the member's own id → RoomMember */
    guint64 changes;
};

const char *relay_state_to_string(RelayState state)
{
    static const char *const names[] = {
        [RELAY_DISCONNECTED] = "disconnected",
        [RELAY_CONNECTING] = "connecting",
        [RELAY_CONNECTED] = "connected",
    };
    return names[state];
}

static void room_member_free(gpointer data)
{
    RoomMember *member = data;

    g_free(member->id);
    g_free(member->name);
    g_free(member);
}

Room *room_new(void)
{
    Room *room = g_new0(Room, 1);

    room->members = g_ptr_array_new_with_free_func(room_member_free);
    room->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    return room;
}

void room_free(Room *room)
{
    if (!room)
        return;
    g_hash_table_unref(room->by_id);
    g_ptr_array_unref(room->members);
    g_free(room->problem);
    g_free(room->own_id);
    g_free(room->own_name);
    g_free(room);
}

void room_clear(Room *room)
{
    g_hash_table_remove_all(room->by_id);
    g_ptr_array_set_size(room->members, 0);
    room->changes++;
    g_clear_pointer(&room->own_id, g_free);
}

void room_set_state(Room *room, RelayState state, const char *problem)
{
    char *copy = g_strdup(problem); /* it may be what room_problem() gave */

    room->state = state;
    g_free(room->problem);
    room->problem = copy;
    if (!problem && state != RELAY_CONNECTED)
        room->fault = NULL;
}

void room_set_retry(Room *room, gint64 time)
{
    room->retry = time;
}

gint64 room_retry(const Room *room)
{
    return room->retry;
}

RelayState room_state(const Room *room)
{
    return room->state;
}

const char *room_problem(const Room *room)
{
    return room->problem ? room->problem : "";
}

void room_set_fault(Room *room, const char *fault)
{
    room->fault = fault;
}

const char *room_fault(const Room *room)
{
    return room->fault ? room->fault : "";
}

void room_set_own_id(Room *room, const char *own_id)
{
    g_free(room->own_id);
    room->own_id = g_strdup(own_id);
}

void room_set_own_name(Room *room, const char *own_name)
{
    g_free(room->own_name);
    room->own_name = g_strdup(own_name);
}

const char *room_own_id(const Room *room)
{
    return room->own_id;
}

const char *room_own_name(const Room *room)
{
    return room->own_name;
}

bool room_is_known(const Room *room)
{
    return room->own_id != NULL;
}

bool room_is_for_us(const Room *room, const char *to)
{
    return !to || g_strcmp0(to, room->own_id) == 0 || g_strcmp0(to, room->own_name) == 0;
}

void room_add(Room *room, const char *id, const char *name)
{
    RoomMember *member;

    if (g_strcmp0(id, room->own_id) == 0)
        return;
    room_remove(room, id);
    if (room->members->len >= ROOM_MAX_MEMBERS)
        return;
    member = g_new0(RoomMember, 1);
    member->id = g_strdup(id);
    member->name = name && *name ? g_strdup(name) : NULL;
    g_ptr_array_add(room->members, member);
    g_hash_table_insert(room->by_id, member->id, member);
    room->changes++;
}

void room_remove(Room *room, const char *id)
{
    RoomMember *member = g_hash_table_lookup(room->by_id, id);

    if (!member)
        return;
    g_hash_table_remove(room->by_id, id);
    g_ptr_array_remove(room->members, member);
    room->changes++;
}

const RoomMember *room_find(const Room *room, const char *id_or_name)
{
    const RoomMember *member = g_hash_table_lookup(room->by_id, id_or_name);

    for (guint i = 0; !member && i < room->members->len; i++) {
        const RoomMember *other = room->members->pdata[i];

        if (g_strcmp0(other->name, id_or_name) == 0)
            member = other;
    }
    return member;
}

bool room_has(const Room *room, const char *id)
{
    return g_hash_table_contains(room->by_id, id);
}

const char *room_member_name(const Room *room, const char *id)
{
    const RoomMember *member = id ? g_hash_table_lookup(room->by_id, id) : NULL;

    return member ? member->name : NULL;
}

const char *room_name_of(const Room *room, const char *id)
{
    const char *name = room_member_name(room, id);

    return name ? name : id ? id : "";
}

const GPtrArray *room_members(const Room *room)
{
    return room->members;
}

guint64 room_changes(const Room *room)
{
    return room->changes;
}
