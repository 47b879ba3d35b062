/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See traffic.h. A room is congested while one of its members is: its socket is
 * full and its queue long. Whoever would add to that is held. A member that does
 * not get through most of its queue within PATIENCE is given up: nobody waits for
 * it any more, and when its queue is full it is closed. So a reader that is merely
 * slow slows its room down, and one that is dead holds nobody for long.
 *
 * Held clients are looked at when the congestion of their room ends, and at each
 * tick, which only runs while somebody is held or congested.
 */

#include <config.h>

#include "relay/traffic.h"

#include "common/clock.h"

#define QUANTUM 200 /* µs: a room's turn */
#define RUN 1000    /* µs between two looks at the sockets */
#define PATIENCE (3 * G_USEC_PER_SEC)
#define TICK_MS 20

typedef struct {
    FairGroup turns;
    guint congested; /* members */
} RoomTraffic;

/* Of one who is congested or held; a client may be both. */
typedef struct {
    Client *client;
    gint64 until; /* monotonic µs */
} TrafficWait;

struct Traffic {
    FairQueue queue;
    FairGroup lobby;       /* of those who are in no room any more */
    GHashTable *congested; /* Client → TrafficWait: given up then */
    GHashTable *held;      /* Client → TrafficWait: held until then at least */
    guint tick_id;
};

Traffic *traffic_new(void)
{
    Traffic *traffic = g_new0(Traffic, 1);

    traffic->queue.quantum = QUANTUM;
    traffic->congested = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    traffic->held = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    return traffic;
}

void traffic_free(Traffic *traffic)
{
    if (!traffic)
        return;
    g_clear_handle_id(&traffic->tick_id, g_source_remove);
    g_hash_table_unref(traffic->congested);
    g_hash_table_unref(traffic->held);
    g_free(traffic);
}

void traffic_begin_room(Traffic *traffic, RelayRoom *room)
{
    room_set_data(room, g_new0(RoomTraffic, 1));
}

void traffic_end_room(Traffic *traffic, RelayRoom *room)
{
    RoomTraffic *self = room_data(room);

    fair_queue_forget(&traffic->queue, &self->turns);
    room_set_data(room, NULL);
    g_free(self);
}

static RoomTraffic *room_of(const Client *client)
{
    return client_member(client) ? room_data(client_member(client)->room) : NULL;
}

void traffic_ready(Traffic *traffic, Client *client, FairEntry *entry)
{
    RoomTraffic *room = room_of(client);

    fair_queue_add(&traffic->queue, room ? &room->turns : &traffic->lobby, entry);
}

/* ---- who waits ----------------------------------------------------------- */

static gboolean on_tick(gpointer data);

static void wait_for(Traffic *traffic, GHashTable *table, Client *client, gint64 until)
{
    TrafficWait *waiting = g_new0(TrafficWait, 1);

    waiting->client = client;
    waiting->until = until;
    g_hash_table_replace(table, client, waiting);
    if (traffic->tick_id == 0)
        traffic->tick_id = clock_timer_add(TICK_MS, on_tick, traffic);
}

/* Those whose time has come, or of ROOM only if that is not NULL. The table may
 * change while they are looked after, so this is a list of its own. */
static GPtrArray *find_due(GHashTable *table, const RoomTraffic *room, gint64 now)
{
    GPtrArray *due = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        TrafficWait *waiting = value;

        if (waiting->until <= now && (!room || room_of(waiting->client) == room))
            g_ptr_array_add(due, waiting->client);
    }
    return due;
}

static void release_due(Traffic *traffic, const RoomTraffic *room, gint64 now)
{
    g_autoptr(GPtrArray) due = find_due(traffic->held, room, now);

    for (guint i = 0; i < due->len; i++) {
        Client *client = due->pdata[i];
        RoomTraffic *of = room_of(client);

        if (of && of->congested > 0)
            continue;
        g_hash_table_remove(traffic->held, client);
        client_release(client);
    }
}

static gboolean on_tick(gpointer data)
{
    Traffic *traffic = data;
    gint64 now = clock_monotonic();
    g_autoptr(GPtrArray) due = find_due(traffic->congested, NULL, now);

    for (guint i = 0; i < due->len; i++)
        client_give_up(due->pdata[i]);
    release_due(traffic, NULL, now);
    if (g_hash_table_size(traffic->held) + g_hash_table_size(traffic->congested) > 0)
        return G_SOURCE_CONTINUE;
    traffic->tick_id = 0;
    return G_SOURCE_REMOVE;
}

void traffic_congested(Traffic *traffic, Client *client, bool is)
{
    RoomTraffic *room = room_of(client);
    gint64 now = clock_monotonic();

    if (!room)
        return;
    if (is) {
        room->congested++;
        wait_for(traffic, traffic->congested, client, now + PATIENCE);
        return;
    }
    if (!g_hash_table_remove(traffic->congested, client))
        return;
    room->congested--;
    if (room->congested == 0)
        release_due(traffic, room, now);
}

void traffic_leave(Traffic *traffic, Client *client)
{
    bool reads, writes;

    traffic_congested(traffic, client, false);
    g_hash_table_remove(traffic->held, client);
    client_forget_turns(client, &reads, &writes);
    client_set_member(client, NULL);
    client_want_turns(client, reads, writes);
}

static void hold(Traffic *traffic, Client *client, gint64 until)
{
    client_hold(client);
    wait_for(traffic, traffic->held, client, until);
}

bool traffic_may_send(Traffic *traffic, Client *sender, Client *recipient)
{
    const RoomTraffic *room = room_of(sender);

    if (recipient ? !client_is_congested(recipient) : !room || room->congested == 0)
        return true;
    traffic_hold(traffic, sender);
    return false;
}

void traffic_hold(Traffic *traffic, Client *sender)
{
    hold(traffic, sender, 0);
}

void traffic_look_again(Traffic *traffic)
{
    release_due(traffic, NULL, clock_monotonic());
}

void traffic_spend(Traffic *traffic, Client *sender, guint64 size)
{
    gint64 now = clock_monotonic();
    gint64 over = client_spend(sender, size, now);

    if (over > 0 && client_state(sender) == CLIENT_OPEN)
        hold(traffic, sender, now + over);
}

/* ---- turns ----------------------------------------------------------------- */

void traffic_run(Traffic *traffic, void (*gone)(Client *client, gpointer data), gpointer data)
{
    gint64 now = clock_monotonic(), end = now + RUN;
    FairEntry *entry;

    while (now < end && (entry = fair_queue_take(&traffic->queue))) {
        Client *client = entry->link.data;
        gint64 before = now;

        if (!client_take_turn(client, entry, now))
            gone(client, data);
        now = clock_monotonic();
        fair_queue_charge(&traffic->queue, now - before);
    }
}

bool traffic_is_pending(const Traffic *traffic)
{
    return !fair_queue_is_empty(&traffic->queue);
}
