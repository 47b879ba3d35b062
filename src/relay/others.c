/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/others.h"

#include "common/clock.h"
#include "relay/admission.h"
#include "relay/client.h"

static void on_begin(gpointer data)
{
    const Others *others = data;

    others->begin(others->data);
}

static void on_end(gpointer data)
{
    const Others *others = data;

    others->end(others->data);
}

static void on_changed(gpointer data)
{
    const Others *others = data;

    others->changed(others->data);
}

/* MESSAGE, which is given away, to those of us who are in the room of MEMBER. */
static void tell(const Others *others, const ClusterMember *member, Message *message)
{
    const RelayRoom *room = router_find_room(others->forward->router, cluster_member_room(member));

    if (room)
        forward_to_room(room, NULL, message, false);
    message_unref(message);
}

static void on_joined(const ClusterMember *member, gpointer data)
{
    const Others *others = data;

    tell(others, member, message_joined(others->forward->quota, member->id, member->name));
}

static void on_left(const ClusterMember *member, gpointer data)
{
    const Others *others = data;

    tell(others, member, message_left(others->forward->quota, member->id, member->name));
}

static bool on_frame(const ClusterMember *sender, const char *to, const char *text, gsize size,
                     gpointer data)
{
    return forward_from_afar(((Others *) data)->forward, sender, to, text, size);
}

static void on_failed(const char *sender, const char *to, bool absent, gpointer data)
{
    forward_failed(((Others *) data)->forward, sender, to, absent);
}

/* Another relay has a newcomer who wants the name of ID. */
static void on_probe(const char *id, gpointer data)
{
    const Forwarding *forward = ((Others *) data)->forward;
    Member *member = router_find_id(forward->router, id);

    if (!member)
        return;
    client_probe_name(member->data, clock_monotonic());
    forward->sent(member->data, forward->data);
}

static void on_lost(const char *room_name_, const char *name, gpointer data)
{
    const RelayRoom *room = router_find_room(((Others *) data)->forward->router, room_name_);
    Member *member = room ? room_find(room, name) : NULL;

    if (member)
        client_close_now(member->data, 1008, "another has its name, at another relay");
}

static bool on_is_congested(const Member *member, gpointer data)
{
    return client_is_congested(member->data);
}

static void on_relieved(gpointer data)
{
    traffic_look_again(((Others *) data)->forward->traffic);
}

static void on_decided(gpointer waiter, gpointer data)
{
    admission_decided(waiter);
}

Cluster *others_join(Others *others, uv_loop_t *loop, const RelayConfig *config, GError **error)
{
    static const ClusterOps ops = {
        .begin = on_begin,
        .end = on_end,
        .joined = on_joined,
        .left = on_left,
        .frame = on_frame,
        .failed = on_failed,
        .probe = on_probe,
        .lost = on_lost,
        .is_congested = on_is_congested,
        .relieved = on_relieved,
        .decided = on_decided,
        .changed = on_changed,
    };

    return cluster_new(loop, config, others->forward->router, &ops, others, error);
}
