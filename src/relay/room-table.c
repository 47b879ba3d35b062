/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/room-table.h"

GHashTable *room_table_new(GDestroyNotify free)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free);
}

gpointer room_table_make(GHashTable *table, const char *name, gsize size)
{
    RoomBase *room = g_hash_table_lookup(table, name);

    if (room)
        return room;
    room = g_malloc0(size);
    room->name = g_strdup(name);
    g_hash_table_insert(table, room->name, room);
    return room;
}

bool room_table_tidy(GHashTable *table, RoomBase *room)
{
    return room->members.length == 0 && g_hash_table_remove(table, room->name);
}

void room_base_free(RoomBase *room)
{
    g_clear_pointer(&room->names, g_hash_table_unref);
    g_free(room->name);
    g_free(room);
}

void room_base_enter(RoomBase *room, GList *link)
{
    g_queue_push_tail_link(&room->members, link);
}

void room_base_leave(RoomBase *room, GList *link)
{
    g_queue_unlink(&room->members, link);
}

void room_base_name(RoomBase *room, char *name, gpointer member)
{
    if (!room->names)
        room->names = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_replace(room->names, name, member);
}

void room_base_unname(RoomBase *room, const char *name)
{
    g_hash_table_remove(room->names, name);
}

gpointer room_base_find(const RoomBase *room, const char *name)
{
    return room->names ? g_hash_table_lookup(room->names, name) : NULL;
}
