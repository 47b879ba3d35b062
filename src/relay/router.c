/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The tables behind router.h: ids are looked up in one table for the whole relay, names in one for each
 * room.
 */

#include <config.h>

#include "relay/router.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/printable.h"
#include "common/random-id.h"

struct RelayRoom {
    RoomBase base; /* first */
    gpointer data, founder;
    GList link;
};

struct Router {
    GHashTable *ids;   /* id → Member */
    GHashTable *rooms; /* name → Room, owned */
    GQueue order;      /* of rooms, the oldest first */
    guint64 max_rooms;
};

G_DEFINE_QUARK(rtcbus - router - error - quark, router_error)

Router *router_new(void)
{
    Router *router = g_new0(Router, 1);

    router->ids = g_hash_table_new(g_str_hash, g_str_equal);
    router->rooms = room_table_new((GDestroyNotify) room_base_free);
    router->max_rooms = G_MAXUINT64;
    return router;
}

void router_free(Router *router)
{
    if (!router)
        return;
    g_warn_if_fail(g_hash_table_size(router->ids) == 0);
    g_hash_table_unref(router->ids);
    g_hash_table_unref(router->rooms);
    g_free(router);
}

void router_set_max_rooms(Router *router, guint64 max_rooms)
{
    router->max_rooms = max_rooms;
}

bool router_check_name(const char *name, GError **error)
{
    if (*name && strlen(name) <= ROUTER_NAME_MAX && is_printable(name) && !is_random_id(name))
        return true;
    g_set_error(error, ROUTER_ERROR, ROUTER_ERROR_BAD_NAME,
                "a name is 1 to %d bytes of printable UTF-8 and not shaped like an id",
                ROUTER_NAME_MAX);
    return false;
}

bool router_check_room(const char *room, GError **error)
{
    if (strlen(room) <= ROUTER_ROOM_MAX && is_printable(room) &&
        !g_str_has_prefix(room, ROUTER_RESERVED))
        return true;
    g_set_error(error, ROUTER_ERROR, ROUTER_ERROR_BAD_ROOM,
                "the path names a room: at most %d bytes of printable UTF-8, not beginning "
                "with " ROUTER_RESERVED,
                ROUTER_ROOM_MAX);
    return false;
}

static RelayRoom *find_or_make(Router *router, const char *name)
{
    RelayRoom *room = room_table_make(router->rooms, name, sizeof *room);

    if (room->link.data)
        return room;
    room->link.data = room;
    g_queue_push_tail_link(&router->order, &room->link);
    return room;
}

static void room_add(RelayRoom *room, Member *member)
{
    member->room = room;
    member->link.data = member;
    room_base_enter(&room->base, &member->link);
    if (*member->name)
        room_base_name(&room->base, member->name, member);
}

static void room_remove(RelayRoom *room, Member *member)
{
    room_base_leave(&room->base, &member->link);
    if (*member->name)
        room_base_unname(&room->base, member->name);
}

Member *room_find(const RelayRoom *room, const char *name)
{
    return room_base_find(&room->base, name);
}

Member *router_join(Router *router, const char *room_name_, const char *name, gpointer data,
                    GError **error)
{
    RelayRoom *room = g_hash_table_lookup(router->rooms, room_name_);
    Member *member;

    if (!name)
        name = "";
    if (!router_check_room(room_name_, error) || (*name && !router_check_name(name, error)))
        return NULL;
    if (*name && room && room_find(room, name)) {
        g_set_error(error, ROUTER_ERROR, ROUTER_ERROR_NAME_TAKEN,
                    "the name %s is taken in this room", name);
        return NULL;
    }
    if (!room && g_hash_table_size(router->rooms) >= router->max_rooms) {
        g_set_error_literal(error, ROUTER_ERROR, ROUTER_ERROR_TOO_MANY_ROOMS,
                            "there are as many rooms as the relay may have");
        return NULL;
    }
    member = g_new0(Member, 1);
    random_id(member->id);
    member->name = g_strdup(name);
    member->data = data;
    g_hash_table_insert(router->ids, member->id, member);
    room_add(find_or_make(router, room_name_), member);
    return member;
}

void router_leave(Router *router, Member *member)
{
    RelayRoom *room = member->room;

    room_remove(room, member);
    g_hash_table_remove(router->ids, member->id);
    g_free(member->name);
    g_free(member);
    if (room_size(room) > 0)
        return;
    g_queue_unlink(&router->order, &room->link);
    room_table_tidy(router->rooms, &room->base);
}

Member *router_find_id(Router *router, const char *id)
{
    return g_hash_table_lookup(router->ids, id);
}

Member *router_find(Router *router, const Member *sender, const char *to)
{
    Member *member = router_find_id(router, to);

    if (member)
        return member->room == sender->room ? member : NULL;
    return room_find(sender->room, to);
}

RelayRoom *router_find_room(Router *router, const char *name)
{
    return g_hash_table_lookup(router->rooms, name);
}

const char *room_name(const RelayRoom *room)
{
    return room->base.name;
}

guint room_size(const RelayRoom *room)
{
    return room->base.members.length;
}

Member *room_first(const RelayRoom *room)
{
    return room->base.members.head ? room->base.members.head->data : NULL;
}

Member *member_next(const Member *member)
{
    return member->link.next ? member->link.next->data : NULL;
}

guint router_count_rooms(const Router *router)
{
    return g_hash_table_size(router->rooms);
}

gpointer room_data(const RelayRoom *room)
{
    return room->data;
}

void room_set_data(RelayRoom *room, gpointer data)
{
    room->data = data;
}

gpointer room_founder(const RelayRoom *room)
{
    return room->founder;
}

void room_set_founder(RelayRoom *room, gpointer founder)
{
    room->founder = founder;
}

void router_foreach_room(Router *router, void (*func)(RelayRoom *room, gpointer data),
                         gpointer data)
{
    for (GList *link = router->order.head; link; link = link->next)
        func(link->data, data);
}
