/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Rooms and who is in them; who gets a frame. No I/O.
 *
 * An id is a random one (common/random-id.h). A name is 1 to 64 bytes of printable UTF-8 and
 * never 32 hexadecimal digits, so that a "to" can only mean one of the two.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/random-id.h"
#include "relay/room-table.h"

#define ROUTER_ID_LENGTH RANDOM_ID_LENGTH
#define ROUTER_NAME_MAX 64   /* bytes */
#define ROUTER_ROOM_MAX 128  /* bytes */
#define ROUTER_RESERVED "-/" /* no room's name begins so: there are the page's files */

typedef struct Router Router;
typedef struct RelayRoom RelayRoom;
typedef struct Member Member;

struct Member {
    char id[ROUTER_ID_LENGTH + 1];
    char *name; /* never NULL; "" if it asked for none. Owned by the router */
    RelayRoom *room;
    gpointer data; /* the caller's */
    GList link;    /* in the room */
};

#define ROUTER_ERROR (router_error_quark())
GQuark router_error_quark(void);

typedef enum {
    ROUTER_ERROR_BAD_ROOM,
    ROUTER_ERROR_BAD_NAME,
    ROUTER_ERROR_NAME_TAKEN,
    ROUTER_ERROR_TOO_MANY_ROOMS,
} RouterError;

/* Frees ROUTER, in which no member may be left. */
Router *router_new(void);
void router_free(Router *router);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Router, router_free)

/* How many rooms there may be at once; those above stay until they are empty. */
void router_set_max_rooms(Router *router, guint64 max_rooms);

/*
 * Puts a new member with the caller's DATA into the room called ROOM ("" is
 * the default room), which comes to be with its first member and goes with its
 * last. NAME may be "" or NULL. NULL with ERROR if that cannot be.
 */
Member *router_join(Router *router, const char *room, const char *name, gpointer data,
                    GError **error);
void router_leave(Router *router, Member *member);

/* Who is called TO (an id or a name) in the room of SENDER, possibly SENDER
 * itself; NULL if nobody is. */
Member *router_find(Router *router, const Member *sender, const char *to);

/* The member with this ID in any room; NULL if there is none. */
Member *router_find_id(Router *router, const char *id);

/* Who is called NAME in ROOM, NULL if nobody is. */
Member *room_find(const RelayRoom *room, const char *name);

/* The room called NAME, NULL if there is none. */
RelayRoom *router_find_room(Router *router, const char *name);

/* The caller's, NULL at first. */
gpointer room_data(const RelayRoom *room);
void room_set_data(RelayRoom *room, gpointer data);

/* Who pays for it, the caller's, NULL at first. */
gpointer room_founder(const RelayRoom *room);
void room_set_founder(RelayRoom *room, gpointer founder);

const char *room_name(const RelayRoom *room);
guint room_size(const RelayRoom *room);

/* The first member of ROOM, and who came after MEMBER; NULL: nobody. A frame without "to" goes to
 * all of them but its sender. */
Member *room_first(const RelayRoom *room);
Member *member_next(const Member *member);

guint router_count_rooms(const Router *router);
/* The oldest first. FUNC must not end a room. */
void router_foreach_room(Router *router, void (*func)(RelayRoom *room, gpointer data),
                         gpointer data);

/* Whether NAME can be the name of a member, ROOM that of a room. */
bool router_check_name(const char *name, GError **error);
bool router_check_room(const char *room, GError **error);
