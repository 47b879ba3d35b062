/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Who is at the other relays: a table of their clients, by id, room and name. No I/O.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "relay/cluster-flow.h"
#include "relay/router.h"

#define CLUSTER_MEMBERS_MAX 1000000 /* of all other relays together */

typedef struct ClusterMembers ClusterMembers;
typedef struct ClusterRoom ClusterRoom;

/* One relay's clients */
typedef struct ClusterOrigin {
    char id[ROUTER_ID_LENGTH + 1];
    GQueue members;
    guint generation; /* of its snapshots */
} ClusterOrigin;

typedef struct ClusterMember ClusterMember;
struct ClusterMember {
    char id[ROUTER_ID_LENGTH + 1];
    char *name; /* "": none */
    guint64 revision;
    guint generation;
    bool congested; /* whoever sends to it is to wait */
    ClusterRoom *room;
    ClusterOrigin *origin;
    GList in_room, in_origin; /* links */
};

/* Neither may call back in, but for looking something up. */
typedef struct {
    void (*joined)(const ClusterMember *member, gpointer data);
    void (*left)(const ClusterMember *member, gpointer data); /* it is in no table any more */
} ClusterMembersOps;

ClusterMembers *cluster_members_new(const ClusterMembersOps *ops, gpointer data);
void cluster_members_free(ClusterMembers *members);

/* All of ORIGIN are gone. An origin is the caller's, all zero but for its id at first, and must be dropped
 * before it goes. */
void cluster_members_drop(ClusterMembers *members, ClusterOrigin *origin);

/* Who of ORIGIN has not joined between these two is gone. */
void cluster_members_begin(ClusterMembers *members, ClusterOrigin *origin);
void cluster_members_end(ClusterMembers *members, ClusterOrigin *origin);

/* False if there is no place for it, or its id is another relay's. */
bool cluster_members_join(ClusterMembers *members, ClusterOrigin *origin, const char *id,
                          const char *room, const char *name, guint64 revision);
void cluster_members_leave(ClusterMembers *members, ClusterOrigin *origin, const char *id);
void cluster_members_set_congested(ClusterMembers *members, ClusterOrigin *origin, const char *id,
                                   bool congested);

/* NULL if there is none. TO is an id or a name. */
const ClusterMember *cluster_members_find(ClusterMembers *members, const char *room,
                                          const char *to);
const ClusterMember *cluster_members_find_id(ClusterMembers *members, const char *id);
/* The first in ROOM, and who came after MEMBER. */
const ClusterMember *cluster_members_first(ClusterMembers *members, const char *room);
const ClusterMember *cluster_member_next(const ClusterMember *member);
const char *cluster_member_room(const ClusterMember *member);

/* What is on its way to MEMBER's room at its relay. Owned by the table. */
ClusterFlow *cluster_member_flow(const ClusterMember *member);

/* Each relay that has somebody in ROOM, once, with the FLOW to it. */
void cluster_members_foreach_origin(ClusterMembers *members, const char *room,
                                    void (*func)(ClusterOrigin *origin, ClusterFlow *flow,
                                                 gpointer data),
                                    gpointer data);

/* Whether somebody in ROOM is congested. */
bool cluster_members_are_congested(ClusterMembers *members, const char *room);
guint cluster_members_count(const ClusterMembers *members);
