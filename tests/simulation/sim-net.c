/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "sim-net.h"

#include "common/clock.h"
#include "peer/call/call-repair.h"
#include "plants.h"
#include "world.h"

enum { SENDING, RECEIVING }; /* the emitter's end, and the listener's */

typedef struct {
    SimNet *net;
    SimListener *listener;
    guint number;
    guint listener_life;
    bool placed; /* by the keeper */
    bool flows;  /* what is sent arrives */
    guint round; /* how often it began to flow, or ceased to */
    FeedSender *sender;
    FeedReceiver *receiver;
    CallRepair repair;
    GQueue messages[2]; /* of GBytes, on their way to the one and to the other end */
    gint64 last[2];     /* when the last of them arrives */
    gsize on_way[2];    /* bytes */
} SimCall;

enum {
    LOW_MARK = 64 * 1024,
    ANSWER_LIMIT = 30, /* seconds until a call that is not answered is given up */
    SILENCE = 4,       /* until an end that hears nothing restarts ICE, at most */
    PATIENCE = 120,    /* until it gives up */
};

/* ---- ends --------------------------------------------------------------------------- */

static void call_cut(SimCall *call);

static void note_reached(const SimCall *call)
{
    g_autofree char *key = g_strdup_printf("%u", call->listener->number);

    if (feed_sender_is_heard(call->sender))
        feed_reached_note(call->net->emitter.reached, key, feed_sender_sent(call->sender));
}

static void end_sender(SimCall *call)
{
    if (!call->sender)
        return;
    world_trace("call %u: the emitter's end is gone", call->number);
    note_reached(call);
    g_clear_pointer(&call->sender, feed_sender_free);
    g_ptr_array_remove(call->net->emitter.calls, call);
    call_cut(call);
}

static void end_receiver(SimCall *call)
{
    SimListener *listener = call->listener;

    if (!call->receiver)
        return;
    world_trace("call %u: the listener's end is gone", call->number);
    g_clear_pointer(&call->receiver, feed_receiver_free);
    g_ptr_array_remove(listener->calls, call);
    call_cut(call);
    if (call->placed && listener->keeper && planted != PLANT_UNTOLD)
        keeper_call_ended(listener->keeper, call->number, KEEPER_END_LOST, "", clock_monotonic());
}

static void on_patience(gpointer data, guint64 round)
{
    SimCall *call = data;

    if (call->round != round)
        return;
    end_sender(call);
    end_receiver(call);
}

/* ---- a call that is cut is mended, or given up ------------------------------------------- */

static void call_flow(SimCall *call);

static bool can_signal(const SimCall *call)
{
    return call->net->relay && call->listener->online && call->net->emitter.runs;
}

/* What the frames of a restart find over there */
static void on_restarted(gpointer data, guint64 round)
{
    SimCall *call = data;

    if (call->round != round || !call->receiver || !can_signal(call))
        return;
    if (!call->sender)
        end_receiver(call); /* nobody knows the call */
    else if (call->listener->reachable)
        call_flow(call);
}

static void on_repair(gpointer data, guint64 round)
{
    SimCall *call = data;
    RepairAction action;

    if (call->round != round || !call->receiver)
        return;
    action = call_repair_take(&call->repair, clock_monotonic());
    if (action != REPAIR_WAIT) {
        if (can_signal(call))
            world_after(4 * call->listener->latency, on_restarted, call, round);
        else
            call_repair_bar(&call->repair, action);
    }
    if (call_repair_due(&call->repair) != REPAIR_NEVER)
        world_after(MAX(call_repair_due(&call->repair) - clock_monotonic(), 1), on_repair, call,
                    round);
}

static void on_silence(gpointer data, guint64 round)
{
    SimCall *call = data;

    if (call->round != round || !call->receiver)
        return;
    if (call->placed)
        keeper_call_reconnecting(call->listener->keeper, call->number, clock_monotonic());
    call_repair_need(&call->repair, clock_monotonic());
    on_repair(call, round);
}

static void call_cut(SimCall *call)
{
    if (!call->flows)
        return;
    world_trace("call %u is cut", call->number);
    call->flows = false;
    call->round++;
    world_after(world_between(1, SILENCE * G_USEC_PER_SEC), on_silence, call, call->round);
    world_after(PATIENCE * G_USEC_PER_SEC, on_patience, call, call->round);
}

/* The relay is back, or the link. */
static void call_hurry(SimCall *call)
{
    call_repair_hurry(&call->repair, clock_monotonic());
    if (call->repair.state != REPAIR_NONE)
        on_repair(call, call->round);
}

/* ---- messages ------------------------------------------------------------------------- */

/* ARGUMENT: the end that it comes to, and the round of the call */
static void on_arrival(gpointer data, guint64 argument)
{
    SimCall *call = data;
    guint to = argument & 1;
    g_autoptr(GBytes) message = NULL;
    const guint8 *bytes;
    gsize length;

    if (call->round != argument >> 1)
        return;
    message = g_queue_pop_head(&call->messages[to]);
    bytes = g_bytes_get_data(message, &length);
    call->on_way[to] -= length;
    if (to == RECEIVING && call->receiver)
        feed_receiver_receive(call->receiver, bytes, length);
    if (to == SENDING && call->sender)
        feed_sender_receive(call->sender, bytes, length, clock_monotonic());
    if (to == RECEIVING && call->sender && call->on_way[to] < LOW_MARK)
        feed_sender_wake(call->sender);
}

static void travel(SimCall *call, guint to, gsize length)
{
    const SimListener *listener = call->listener;
    gint64 begin = MAX(world_now(), call->last[to] - listener->latency);

    call->last[to] = begin + listener->latency + (gint64) (length * 1000 / listener->speed);
    world_after(call->last[to] - world_now(), on_arrival, call, to | (guint64) call->round << 1);
}

static void call_send(SimCall *call, guint to, const guint8 *bytes, gsize length)
{
    g_queue_push_tail(&call->messages[to], g_bytes_new(bytes, length));
    call->on_way[to] += length;
    if (call->flows)
        travel(call, to, length);
}

/* What was on its way is sent again. */
static void call_flow(SimCall *call)
{
    if (call->flows)
        return;
    call->flows = true;
    call->round++;
    call_repair_mend(&call->repair);
    for (guint to = 0; to < 2; to++) {
        call->last[to] = world_now();
        for (GList *l = call->messages[to].head; l; l = l->next)
            travel(call, to, g_bytes_get_size(l->data));
    }
    if (call->placed)
        keeper_call_connected(call->listener->keeper, call->number, clock_monotonic());
    world_trace("call %u flows", call->number);
}

/* ---- the emitter's end ------------------------------------------------------------------ */

static bool on_sender_writable(gpointer data)
{
    return ((SimCall *) data)->on_way[RECEIVING] < LOW_MARK;
}

static bool on_sender_send(const guint8 *bytes, gsize length, gpointer data)
{
    call_send(data, RECEIVING, bytes, length);
    return true;
}

static void on_turn(gpointer data, guint64 unused)
{
    SimCall *call = data;

    if (call->sender)
        feed_sender_wake(call->sender);
}

static void on_sender_later(gpointer data)
{
    world_after(1, on_turn, data, 0);
}

static void on_sender_broken(const char *why, gpointer data)
{
    world_fail("call %u: the emitter says that the listener %s", ((SimCall *) data)->number, why);
}

static const FeedSenderOps sender_ops = {
    .is_writable = on_sender_writable,
    .send = on_sender_send,
    .later = on_sender_later,
    .broken = on_sender_broken,
};

/* ---- the listener's end ------------------------------------------------------------------ */

static bool on_receiver_place(char epoch[RANDOM_ID_LENGTH + 1], guint64 *sequence, gpointer data)
{
    const SimCall *call = data;
    SimHistory *history = call->listener->history;
    bool known;

    if (history->waiting->len > 0 && planted != PLANT_WAITING)
        sim_history_commit(history);
    known = sim_history_place(history, epoch, sequence);
    world_trace("call %u: HELLO from listener %u, %s %" G_GUINT64_FORMAT, call->number,
                call->listener->number, known ? epoch : "a newcomer", known ? *sequence : 0);
    return known;
}

static void on_stored(bool ok, gpointer data)
{
    SimCall *call = data;

    if (call->receiver)
        feed_receiver_stored(call->receiver, ok);
}

static void on_commit(gpointer data, guint64 life)
{
    SimListener *listener = data;

    if (listener->life == life && listener->history->waiting->len > 0)
        sim_history_commit(listener->history);
}

static void on_receiver_store(const FeedBatch *batch, gpointer data)
{
    SimCall *call = data;
    SimListener *listener = call->listener;

    if (listener->history->waiting->len == 0)
        world_after(world_once_in(10) ? world_between(0, 3 * G_USEC_PER_SEC)
                                      : world_between(0, 8000),
                    on_commit, listener, listener->life);
    sim_history_store(listener->history, batch, on_stored, call);
}

static void on_receiver_send(const guint8 *bytes, gsize length, gpointer data)
{
    call_send(data, SENDING, bytes, length);
}

static void on_wait_over(gpointer data, guint64 unused)
{
    SimCall *call = data;

    if (call->receiver)
        feed_receiver_wake(call->receiver);
}

static void on_receiver_wait(guint milliseconds, gpointer data)
{
    world_trace("call %u: the store has failed, %u ms", ((SimCall *) data)->number, milliseconds);
    world_after((gint64) milliseconds * 1000, on_wait_over, data, 0);
}

static void on_receiver_broken(const char *why, gpointer data)
{
    world_fail("call %u: the listener says: %s", ((SimCall *) data)->number, why);
}

static const FeedReceiverOps receiver_ops = {
    .place = on_receiver_place,
    .store = on_receiver_store,
    .send = on_receiver_send,
    .wait = on_receiver_wait,
    .broken = on_receiver_broken,
};

/* ---- calls --------------------------------------------------------------------------------- */

static SimNet *net_of(const SimListener *listener);

/* The one that was before is gone when the key comes back. */
static void drop_former(SimNet *net, const SimListener *listener)
{
    for (guint i = net->emitter.calls->len; i > 0; i--) {
        SimCall *former = net->emitter.calls->pdata[i - 1];

        if (former->listener == listener && !former->flows)
            end_sender(former);
    }
}

static SimCall *call_new_to(SimNet *net, SimListener *listener, bool placed)
{
    SimCall *call = g_new0(SimCall, 1);

    call->net = net;
    call->listener = listener;
    call->listener_life = listener->life;
    call->placed = placed;
    g_queue_init(&call->messages[SENDING]);
    g_queue_init(&call->messages[RECEIVING]);
    g_ptr_array_add(net->calls, call);
    call->number = net->calls->len;
    return call;
}

/* Where the last feed ended is a guess, and may be any. */
static void call_offer(SimCall *call)
{
    g_autofree char *key = g_strdup_printf("%u", call->listener->number);
    guint64 reached = feed_reached_find(call->net->emitter.reached, key);

    if (world_once_in(8))
        reached = (guint64) world_between(
            0, (gint64) sim_outbox_source.newest(call->net->emitter.outbox));
    world_trace("call %u: offered from %" G_GUINT64_FORMAT, call->number, reached);
    feed_receiver_expect(call->receiver);
    feed_sender_offer(call->sender, reached);
}

static void call_begin(SimCall *call)
{
    SimNet *net = call->net;

    drop_former(net, call->listener);
    while (call->listener->calls->len > 0) /* one feed at a time */
        end_receiver(call->listener->calls->pdata[0]);
    call->sender = feed_sender_new(&sim_outbox_source, net->emitter.outbox, &sender_ops, call);
    call->receiver = feed_receiver_new(&receiver_ops, call);
    g_ptr_array_add(net->emitter.calls, call);
    g_ptr_array_add(call->listener->calls, call);
    call_flow(call);
    if (world_once_in(4))
        feed_receiver_start(call->receiver);
    else
        call_offer(call);
}

/* ---- the keeper dials ---------------------------------------------------------------------- */

static void on_no_answer(gpointer data, guint64 unused)
{
    SimCall *call = data;

    if (call->listener->life == call->listener_life && call->round == 0)
        keeper_call_ended(call->listener->keeper, call->number, KEEPER_END_LOST, "timeout",
                          clock_monotonic());
}

static void on_answer(gpointer data, guint64 unused)
{
    SimCall *call = data;

    if (call->listener->life == call->listener_life && can_signal(call) &&
        call->listener->reachable)
        call_begin(call);
    else if (call->placed)
        world_after(ANSWER_LIMIT * G_USEC_PER_SEC, on_no_answer, call, 0);
}

static guint on_place(const char *name, bool named, bool *connected, GError **error, gpointer data)
{
    SimListener *listener = data;
    SimCall *call = call_new_to(net_of(listener), listener, true);

    world_trace("call %u: listener %u calls", call->number, listener->number);
    *connected = false;
    world_after(6 * listener->latency, on_answer, call, 0);
    return call->number;
}

static void on_end(guint call, gpointer data)
{
}

static void on_keeper_changed(gpointer data)
{
}

static void on_keeper_turn(gpointer data, guint64 life)
{
    SimListener *listener = data;

    if (listener->life == life && listener->keeper && listener->wake <= clock_monotonic()) {
        listener->wake = G_MAXINT64;
        keeper_turn(listener->keeper, clock_monotonic());
    }
}

static void on_wake(gint64 at, gpointer data)
{
    SimListener *listener = data;

    listener->wake = at;
    if (at != G_MAXINT64)
        world_after(MAX(at - clock_monotonic(), 0), on_keeper_turn, listener, listener->life);
}

static guint32 on_chance(guint32 bound, gpointer data)
{
    return (guint32) world_between(0, (gint64) bound - 1);
}

static const KeeperOps keeper_ops = {.place = on_place,
                                     .end = on_end,
                                     .changed = on_keeper_changed,
                                     .wake = on_wake,
                                     .chance = on_chance};

/* What a listener sees of the room, when it sees it */
static void on_look(gpointer data, guint64 life)
{
    SimListener *listener = data;
    SimNet *net = net_of(listener);
    const char *there[] = {net->emitter.runs ? "emitter" : NULL, NULL};
    bool was = listener->online;

    if (listener->life != life || !listener->runs)
        return;
    listener->online = net->relay && listener->reachable;
    keeper_set_room(listener->keeper, listener->online ? KEEPER_ROOM_KNOWN : KEEPER_ROOM_NONE,
                    there, clock_monotonic());
    for (guint i = 0; i < listener->calls->len && listener->online && !was; i++)
        call_hurry(listener->calls->pdata[i]);
}

void sim_look(SimNet *net)
{
    for (guint i = 0; i < net->listeners->len; i++) {
        SimListener *listener = net->listeners->pdata[i];

        world_after(world_between(1000, 3 * G_USEC_PER_SEC), on_look, listener, listener->life);
    }
}

/* Somebody makes one more call, besides the one that is kept. */
static void on_dial(gpointer data, guint64 life)
{
    SimListener *listener = data;

    if (listener->life != life || !listener->runs)
        return;
    if (listener->calls->len == 1 && !net_of(listener)->calm && world_once_in(60))
        world_after(6 * listener->latency, on_answer,
                    call_new_to(net_of(listener), listener, false), 0);
    world_after(world_between(1, 3 * G_USEC_PER_SEC), on_dial, listener, listener->life);
}

void sim_cut(SimNet *net, SimListener *listener)
{
    for (guint i = 0; i < net->calls->len; i++) {
        SimCall *call = net->calls->pdata[i];

        if (call->listener == listener)
            call_cut(call);
    }
}

bool sim_listener_is_live(const SimNet *net, const SimListener *listener)
{
    guint64 newest = sim_outbox_source.newest(net->emitter.outbox);

    for (guint i = 0; i < listener->calls->len; i++) {
        const SimCall *call = listener->calls->pdata[i];

        if (call->flows && feed_receiver_state(call->receiver) == RECEIVER_LIVE && call->sender &&
            feed_sender_sent(call->sender) >= newest)
            return true;
    }
    return false;
}

/* ---- the emitter ---------------------------------------------------------------------------- */

static void wake_all(SimEmitter *emitter)
{
    for (guint i = 0; i < emitter->calls->len; i++)
        feed_sender_wake(((SimCall *) emitter->calls->pdata[i])->sender);
}

static void on_emitter_commit(gpointer data, guint64 life)
{
    SimEmitter *emitter = data;

    if (emitter->life != life || emitter->outbox->waiting->len == 0)
        return;
    if (sim_outbox_commit(emitter->outbox))
        wake_all(emitter);
}

static void on_publish(gpointer data, guint64 life)
{
    SimEmitter *emitter = data;

    if (emitter->life != life || !emitter->runs || emitter->interval == 0)
        return;
    for (gint64 n = world_once_in(20) ? world_between(1, 40) : 1; n > 0; n--) {
        if (emitter->outbox->waiting->len == 0)
            world_after(world_between(0, 5000), on_emitter_commit, emitter, life);
        sim_outbox_publish(emitter->outbox);
    }
    world_after(world_between(1, 2 * emitter->interval), on_publish, emitter, life);
}

void sim_emitter_start(SimNet *net)
{
    SimEmitter *emitter = &net->emitter;

    if (emitter->runs)
        return;
    world_trace("the emitter starts, at %" G_GUINT64_FORMAT, emitter->outbox->next);
    emitter->runs = true;
    emitter->life++;
    sim_look(net);
    on_publish(emitter, emitter->life);
}

static void end_all_senders(SimEmitter *emitter)
{
    while (emitter->calls->len > 0) {
        SimCall *call = emitter->calls->pdata[emitter->calls->len - 1];

        call_cut(call);
        end_sender(call);
    }
}

void sim_emitter_stop(SimNet *net, bool power)
{
    SimEmitter *emitter = &net->emitter;

    if (!emitter->runs)
        return;
    world_trace(power ? "power cut of the emitter" : "the emitter is killed");
    emitter->runs = false;
    emitter->life++;
    sim_look(net);
    end_all_senders(emitter);
    feed_reached_clear(emitter->reached);
    if (power)
        sim_outbox_power_cut(emitter->outbox);
    else
        sim_outbox_kill(emitter->outbox);
}

void sim_emitter_lose_store(SimNet *net)
{
    sim_emitter_stop(net, false);
    world_trace("the emitter's store is gone");
    sim_outbox_begin_anew(net->emitter.outbox);
}

/* ---- a listener --------------------------------------------------------------------------------- */

void sim_listener_start(SimNet *net, SimListener *listener)
{
    static const char *const kept[] = {"emitter", NULL};

    if (listener->runs)
        return;
    world_trace("listener %u starts", listener->number);
    listener->runs = true;
    listener->life++;
    listener->keeper = keeper_new(10, &keeper_ops, listener);
    keeper_set_names(listener->keeper, kept, clock_monotonic());
    world_after(world_between(1000, G_USEC_PER_SEC), on_look, listener, listener->life);
    on_dial(listener, listener->life);
}

void sim_listener_stop(SimNet *net, SimListener *listener, bool power)
{
    if (!listener->runs)
        return;
    world_trace(power ? "power cut of listener %u" : "listener %u is killed", listener->number);
    listener->runs = listener->online = false;
    listener->life++;
    g_clear_pointer(&listener->keeper, keeper_free);
    while (listener->calls->len > 0) {
        SimCall *call = listener->calls->pdata[listener->calls->len - 1];

        call_cut(call);
        end_receiver(call);
    }
    if (power)
        sim_history_power_cut(listener->history);
    else
        sim_history_kill(listener->history);
}

/* ---- all of it ------------------------------------------------------------------------------------- */

static struct {
    SimNet *net;
} sim;

static SimNet *net_of(const SimListener *listener)
{
    return sim.net;
}

static void call_free(gpointer data)
{
    SimCall *call = data;

    g_clear_pointer(&call->sender, feed_sender_free);
    g_clear_pointer(&call->receiver, feed_receiver_free);
    g_queue_clear_full(&call->messages[SENDING], (GDestroyNotify) g_bytes_unref);
    g_queue_clear_full(&call->messages[RECEIVING], (GDestroyNotify) g_bytes_unref);
    g_free(call);
}

static void listener_free(gpointer data)
{
    SimListener *listener = data;

    sim_history_free(listener->history);
    g_ptr_array_unref(listener->calls);
    g_clear_pointer(&listener->keeper, keeper_free);
    g_free(listener);
}

SimNet *sim_net_new(guint listeners, guint limit, gint64 interval)
{
    SimNet *net = g_new0(SimNet, 1);

    sim.net = net;
    net->relay = true;
    net->emitter.outbox = sim_outbox_new(limit);
    net->emitter.interval = interval;
    net->emitter.calls = g_ptr_array_new();
    net->emitter.reached = feed_reached_new();
    net->calls = g_ptr_array_new_with_free_func(call_free);
    net->listeners = g_ptr_array_new_with_free_func(listener_free);
    for (guint i = 0; i < listeners; i++) {
        SimListener *listener = g_new0(SimListener, 1);

        listener->number = i;
        listener->reachable = true;
        listener->history = sim_history_new();
        listener->calls = g_ptr_array_new();
        listener->latency = world_between(100, 300000);
        listener->speed = (guint) world_between(5, 20000);
        g_ptr_array_add(net->listeners, listener);
    }
    return net;
}

void sim_net_free(SimNet *net)
{
    g_ptr_array_unref(net->calls);
    g_ptr_array_unref(net->listeners);
    g_ptr_array_unref(net->emitter.calls);
    sim_outbox_free(net->emitter.outbox);
    feed_reached_free(net->emitter.reached);
    g_free(net);
}
