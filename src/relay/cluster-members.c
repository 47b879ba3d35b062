/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See cluster-members.h. Two members of a room may have one name for a moment, until the relay that
 * has lost it knows (cluster-names.h); a frame goes to the one whose claim is newer.
 */

#include <config.h>

#include "relay/cluster-members.h"

#include <string.h>

/* How many one relay has in a room */
typedef struct {
    ClusterOrigin *origin;
    guint count;
    ClusterFlow *flow; /* to there; made with the first frame */
} Share;

struct ClusterRoom {
    RoomBase base;   /* first */
    guint doubles;   /* who have a name but are not in its table: another has it, too */
    guint congested; /* members */
    GArray *shares;  /* few */
};

struct ClusterMembers {
    const ClusterMembersOps *ops;
    gpointer data;
    GHashTable *ids;   /* id → member */
    GHashTable *rooms; /* name → room, owned */
};

static void share_clear(gpointer data)
{
    const Share *share = data;

    if (share->flow)
        cluster_flow_unref(share->flow);
}

static void room_end(gpointer data)
{
    ClusterRoom *room = data;

    g_array_unref(room->shares);
    room_base_free(&room->base);
}

static ClusterRoom *find_or_make(ClusterMembers *members, const char *name)
{
    ClusterRoom *room = room_table_make(members->rooms, name, sizeof *room);

    if (room->shares)
        return room;
    room->shares = g_array_new(FALSE, FALSE, sizeof(Share));
    g_array_set_clear_func(room->shares, share_clear);
    return room;
}

static Share *share_at(const ClusterRoom *room, guint i)
{
    return &g_array_index(room->shares, Share, i);
}

static void count(ClusterRoom *room, ClusterOrigin *origin, int change)
{
    const Share share = {.origin = origin, .count = 1};

    for (guint i = 0; i < room->shares->len; i++) {
        Share *found = share_at(room, i);

        if (found->origin != origin)
            continue;
        found->count += (guint) change;
        if (found->count == 0)
            g_array_remove_index_fast(room->shares, i);
        return;
    }
    g_array_append_val(room->shares, share);
}

static ClusterFlow *share_flow(Share *share)
{
    if (!share->flow)
        share->flow = cluster_flow_new();
    return share->flow;
}

/* ---- names ------------------------------------------------------------------- */

static void name_add(ClusterMember *member)
{
    ClusterRoom *room = member->room;
    const ClusterMember *other;

    if (!*member->name)
        return;
    other = room_base_find(&room->base, member->name);
    room->doubles += other != NULL;
    if (!other || other->revision < member->revision)
        room_base_name(&room->base, member->name, member);
}

/* MEMBER, who has left. Whoever else has the name gets what is sent to it. */
static void name_remove(ClusterMember *member)
{
    ClusterRoom *room = member->room;
    ClusterMember *best = NULL;

    if (!*member->name)
        return;
    if (room_base_find(&room->base, member->name) != member) {
        room->doubles--;
        return;
    }
    room_base_unname(&room->base, member->name);
    if (room->doubles == 0)
        return;
    for (GList *link = room->base.members.head; link; link = link->next) {
        ClusterMember *other = link->data;

        if (strcmp(other->name, member->name) == 0 && (!best || best->revision < other->revision))
            best = other;
    }
    if (!best)
        return;
    room_base_name(&room->base, best->name, best);
    room->doubles--;
}

/* ---- members ----------------------------------------------------------------- */

static void set_congested(ClusterMember *member, bool congested)
{
    member->room->congested += (guint) congested - (guint) member->congested;
    member->congested = congested;
}

static void member_add(ClusterMembers *members, ClusterMember *member, const char *room_name)
{
    ClusterRoom *room = find_or_make(members, room_name);

    member->room = room;
    member->in_room.data = member->in_origin.data = member;
    room_base_enter(&room->base, &member->in_room);
    count(room, member->origin, 1);
    g_queue_push_tail_link(&member->origin->members, &member->in_origin);
    g_hash_table_insert(members->ids, member->id, member);
    name_add(member);
}

static void member_unlink(ClusterMember *member)
{
    ClusterRoom *room = member->room;

    room_base_leave(&room->base, &member->in_room);
    set_congested(member, false);
    name_remove(member);
    count(room, member->origin, -1);
    g_queue_unlink(&member->origin->members, &member->in_origin);
}

static void member_remove(ClusterMembers *members, ClusterMember *member)
{
    ClusterRoom *room = member->room;

    member_unlink(member);
    g_hash_table_remove(members->ids, member->id);
    members->ops->left(member, members->data);
    g_free(member->name);
    g_free(member);
    room_table_tidy(members->rooms, &room->base);
}

bool cluster_members_join(ClusterMembers *members, ClusterOrigin *origin, const char *id,
                          const char *room, const char *name, guint64 revision)
{
    ClusterMember *member = g_hash_table_lookup(members->ids, id);

    if (member && member->origin == origin) {
        member->generation = origin->generation;
        set_congested(member, false);
        return true;
    }
    if (member || g_hash_table_size(members->ids) >= CLUSTER_MEMBERS_MAX)
        return false;
    member = g_new0(ClusterMember, 1);
    g_strlcpy(member->id, id, sizeof member->id);
    member->name = g_strdup(name);
    member->revision = revision;
    member->generation = origin->generation;
    member->origin = origin;
    member_add(members, member, room);
    members->ops->joined(member, members->data);
    return true;
}

void cluster_members_leave(ClusterMembers *members, ClusterOrigin *origin, const char *id)
{
    ClusterMember *member = g_hash_table_lookup(members->ids, id);

    if (member && member->origin == origin)
        member_remove(members, member);
}

void cluster_members_set_congested(ClusterMembers *members, ClusterOrigin *origin, const char *id,
                                   bool congested)
{
    ClusterMember *member = g_hash_table_lookup(members->ids, id);

    if (member && member->origin == origin)
        set_congested(member, congested);
}

/* ---- relays ------------------------------------------------------------------ */

void cluster_members_drop(ClusterMembers *members, ClusterOrigin *origin)
{
    while (origin->members.head)
        member_remove(members, origin->members.head->data);
}

void cluster_members_begin(ClusterMembers *members, ClusterOrigin *origin)
{
    origin->generation++;
}

void cluster_members_end(ClusterMembers *members, ClusterOrigin *origin)
{
    GList *next;

    for (GList *link = origin->members.head; link; link = next) {
        ClusterMember *member = link->data;

        next = link->next;
        if (member->generation != origin->generation)
            member_remove(members, member);
    }
}

/* ---- looking up -------------------------------------------------------------- */

const ClusterMember *cluster_members_find_id(ClusterMembers *members, const char *id)
{
    return g_hash_table_lookup(members->ids, id);
}

const ClusterMember *cluster_members_find(ClusterMembers *members, const char *room_name,
                                          const char *to)
{
    const ClusterMember *member = g_hash_table_lookup(members->ids, to);
    const ClusterRoom *room = g_hash_table_lookup(members->rooms, room_name);

    if (!room)
        return NULL;
    if (member)
        return member->room == room ? member : NULL;
    return room_base_find(&room->base, to);
}

const ClusterMember *cluster_members_first(ClusterMembers *members, const char *room_name)
{
    ClusterRoom *room = g_hash_table_lookup(members->rooms, room_name);

    return room ? g_queue_peek_head(&room->base.members) : NULL;
}

const ClusterMember *cluster_member_next(const ClusterMember *member)
{
    return member->in_room.next ? member->in_room.next->data : NULL;
}

const char *cluster_member_room(const ClusterMember *member)
{
    return member->room->base.name;
}

ClusterFlow *cluster_member_flow(const ClusterMember *member)
{
    const ClusterRoom *room = member->room;
    guint i = 0;

    while (share_at(room, i)->origin != member->origin)
        i++;
    return share_flow(share_at(room, i));
}

void cluster_members_foreach_origin(ClusterMembers *members, const char *room_name,
                                    void (*func)(ClusterOrigin *origin, ClusterFlow *flow,
                                                 gpointer data),
                                    gpointer data)
{
    const ClusterRoom *room = g_hash_table_lookup(members->rooms, room_name);

    for (guint i = 0; room && i < room->shares->len; i++) {
        Share *share = share_at(room, i);

        func(share->origin, share_flow(share), data);
    }
}

bool cluster_members_are_congested(ClusterMembers *members, const char *room_name)
{
    const ClusterRoom *room = g_hash_table_lookup(members->rooms, room_name);

    return room && room->congested > 0;
}

guint cluster_members_count(const ClusterMembers *members)
{
    return g_hash_table_size(members->ids);
}

ClusterMembers *cluster_members_new(const ClusterMembersOps *ops, gpointer data)
{
    ClusterMembers *members = g_new0(ClusterMembers, 1);

    members->ops = ops;
    members->data = data;
    members->ids = g_hash_table_new(g_str_hash, g_str_equal);
    members->rooms = room_table_new(room_end);
    return members;
}

void cluster_members_free(ClusterMembers *members)
{
    if (!members)
        return;
    g_warn_if_fail(g_hash_table_size(members->ids) == 0);
    g_hash_table_unref(members->ids);
    g_hash_table_unref(members->rooms);
    g_free(members);
}
