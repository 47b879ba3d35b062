/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Rooms by their names, and who is in each: what the rooms of our own clients (router.h) and of
 * other relays' clients (cluster-members.h) have in common. No I/O.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* The first member of a room */
typedef struct {
    char *name;
    GHashTable *names; /* name → member, made when the first name comes */
    GQueue members;    /* links of theirs, in the order they came */
} RoomBase;

/* By name. FREE gets a room and ends with room_base_free(). */
GHashTable *room_table_new(GDestroyNotify free);

/* The room called NAME, made with SIZE bytes if there is none; all of it is zero but its base. */
gpointer room_table_make(GHashTable *table, const char *name, gsize size);

/* ROOM goes if nobody is in it. True if it did. */
bool room_table_tidy(GHashTable *table, RoomBase *room);

void room_base_free(RoomBase *room);

/* LINK's data is the member. Costs the same in a room of two and of thousands. */
void room_base_enter(RoomBase *room, GList *link);
void room_base_leave(RoomBase *room, GList *link);

/* NAME must stay for as long as it is in the table. Who has it now is MEMBER, instead of any other. */
void room_base_name(RoomBase *room, char *name, gpointer member);
void room_base_unname(RoomBase *room, const char *name);
gpointer room_base_find(const RoomBase *room, const char *name);
