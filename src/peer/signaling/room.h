/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whether we are in our room, and who else is, as the relay told: only a relay
 * that speaks rtcbus.1 does. On any other one we have no id and know nobody.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *id;
    char *name; /* NULL: it has none */
} RoomMember;

typedef enum {
    RELAY_DISCONNECTED, /* waits before the next attempt */
    RELAY_CONNECTING,
    RELAY_CONNECTED,
} RelayState;

const char *relay_state_to_string(RelayState state);

typedef struct Room Room;

Room *room_new(void);
void room_free(Room *room);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Room, room_free)

/* Forgets our id and everybody in the room. */
void room_clear(Room *room);

/* PROBLEM says why the relay cannot be reached; NULL: nothing is wrong. */
void room_set_state(Room *room, RelayState state, const char *problem);
RelayState room_state(const Room *room);
const char *room_problem(const Room *room); /* "" if there is none */

/* What kind of a problem it is: a RELAY_FAULT_* of common/names.h, or NULL. Kept until it is another
 * one, or there is no problem. */
void room_set_fault(Room *room, const char *fault);
const char *room_fault(const Room *room); /* "" if there is none */

/* When the relay is tried again, by clock_wall(); 0: it is not being waited for. */
void room_set_retry(Room *room, gint64 time);
gint64 room_retry(const Room *room);

/* OWN_ID NULL: the relay does not tell. */
void room_set_own_id(Room *room, const char *own_id);
void room_set_own_name(Room *room, const char *own_name);
const char *room_own_id(const Room *room);
const char *room_own_name(const Room *room);

/* Whether the relay tells who is there. */
bool room_is_known(const Room *room);

/* Whether a frame with this `to` (NULL: everybody) is meant for us. */
bool room_is_for_us(const Room *room, const char *to);

/* One more than ROOM_MAX_MEMBERS is not there for us. */
#define ROOM_MAX_MEMBERS 65536
void room_add(Room *room, const char *id, const char *name);
void room_remove(Room *room, const char *id);

/* By id first, then by name; NULL if nobody has it. */
const RoomMember *room_find(const Room *room, const char *id_or_name);

/* Whether there is somebody with the id ID. */
bool room_has(const Room *room, const char *id);

/* What to call ID in front of people: its name, else ID itself; "" for NULL. */
const char *room_name_of(const Room *room, const char *id);

/* The name that the relay gives ID; NULL if it gives none. */
const char *room_member_name(const Room *room, const char *id);

/* All but us, in the order they came. Of RoomMember; the room's. */
const GPtrArray *room_members(const Room *room);

/* How often they have changed */
guint64 room_changes(const Room *room);
