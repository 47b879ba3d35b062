/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The model on a simulated path, in the simulation's own time: a queue before a
 * narrow place, a delay, losses, and perhaps somebody else's packets in the same
 * queue. The sender obeys the model; while that has nothing to say, and after
 * losses that it does not forgive, it goes by loss as TCP does.
 */

#include <config.h>

#include <string.h>

#include "rtc/sctp/chunks.h"
#include "rtc/sctp/path-model.h"

#define MS 1000
#define STEP 100 /* µs */
#define PACKET 1200
#define CHUNK (PACKET - COMMON_HEADER)
#define TSNS 65536 /* no more are on their way */
#define FIRST_TSN 0xfffffff0
#define MBIT (1e6 / 8)

typedef struct {
    guint32 tsn;
    bool other;
    gint64 due;
} Packet;

typedef struct {
    double cwnd; /* in packets */
    gint64 cut;  /* the last time */
    guint in_flight;
    guint64 arrived;
} Flow;

typedef struct {
    double rate;  /* bytes/s */
    gint64 delay; /* of a round trip without a queue */
    gint64 shaky; /* up to so much more, each packet as chance has it */
    guint queue;  /* packets that may wait */
    guint loss;   /* per thousand */
    double pace;  /* bytes/s, what the sender has to send; 0: always more */
    gint64 now;
    double budget;
    guint32 random;
    GQueue waiting, flying, lost; /* of Packet */
    Flow ours, other;
    bool has_other;
    guint32 next, cumulative, highest; /* TSNs: to be sent, and at the receiver */
    guint8 received[TSNS];
    guint unacknowledged;
    double owed;
    guint64 queued, steps; /* to be averaged */
    Delivery delivery;
    PathModel model;
} Sim;

static Sim *sim_new(double rate, gint64 delay, guint queue)
{
    Sim *sim = g_new0(Sim, 1);

    sim->rate = rate;
    sim->delay = delay;
    sim->queue = queue;
    sim->now = 1;
    sim->random = 1;
    sim->next = FIRST_TSN;
    sim->cumulative = sim->highest = FIRST_TSN - 1;
    sim->ours.cwnd = sim->other.cwnd = 10;
    delivery_init(&sim->delivery);
    path_model_init(&sim->model);
    return sim;
}

static void sim_free(Sim *sim)
{
    g_queue_clear_full(&sim->waiting, g_free);
    g_queue_clear_full(&sim->flying, g_free);
    g_queue_clear_full(&sim->lost, g_free);
    g_free(sim);
}

/* ---- the sender ---- */

static void flow_cut(Flow *flow, const Sim *sim)
{
    gint64 waits = sim->waiting.length * (gint64) (PACKET * 1e6 / sim->rate);

    if (sim->now - flow->cut < sim->delay + waits)
        return;
    flow->cut = sim->now;
    flow->cwnd = MAX(flow->cwnd * 0.7, 2);
}

static void sim_lose(Sim *sim, Packet *packet)
{
    if (packet->other) {
        sim->other.in_flight--;
        flow_cut(&sim->other, sim);
        g_free(packet);
        return;
    }
    if (!path_model_forgives(&sim->model))
        flow_cut(&sim->ours, sim);
    packet->due = sim->now + sim->delay + 10 * MS; /* when the sender knows */
    g_queue_push_tail(&sim->lost, packet);
}

/* At least 0, less than 1, and the same each time that the test runs */
static double sim_random(Sim *sim)
{
    sim->random = sim->random * 1103515245 + 12345;
    return sim->random / 4294967296.0;
}

static void sim_enqueue(Sim *sim, Packet *packet)
{
    bool lost = !packet->other && sim_random(sim) * 1000 < sim->loss;

    if (lost || sim->waiting.length >= sim->queue)
        sim_lose(sim, packet);
    else
        g_queue_push_tail(&sim->waiting, packet);
}

static void sim_send(Sim *sim, Packet *packet)
{
    guint8 bytes[PACKET] = {};

    bytes[COMMON_HEADER] = CHUNK_DATA;
    put16(bytes + COMMON_HEADER + 2, CHUNK);
    put32(bytes + COMMON_HEADER + CHUNK_HEADER, packet->tsn);
    delivery_output(&sim->delivery, bytes, sizeof bytes, sim->now);
    sim_enqueue(sim, packet);
}

static bool may_send(Sim *sim)
{
    gsize window = path_model_window(&sim->model);
    double packets = window / (double) CHUNK;

    if (window == 0)
        packets = sim->ours.cwnd;
    else if (!path_model_forgives(&sim->model))
        packets = MIN(packets, sim->ours.cwnd);
    else
        sim->ours.cwnd = packets;
    return delivery_in_flight(&sim->delivery) < packets * CHUNK;
}

static void sim_fill(Sim *sim)
{
    Packet *again = g_queue_peek_head(&sim->lost);

    if (again && again->due <= sim->now)
        sim_send(sim, g_queue_pop_head(&sim->lost));
    sim->owed += sim->pace * STEP * 1e-6;
    for (guint burst = 0; burst < 5 && may_send(sim); burst++) {
        Packet *packet;

        if (sim->pace > 0 && sim->owed < PACKET) {
            delivery_note_idle(&sim->delivery);
            break;
        }
        sim->owed -= PACKET;
        packet = g_new0(Packet, 1);
        packet->tsn = sim->next++;
        sim_send(sim, packet);
    }
    while (sim->has_other && sim->other.in_flight < sim->other.cwnd) {
        Packet *packet = g_new0(Packet, 1);

        packet->other = true;
        sim->other.in_flight++;
        sim_enqueue(sim, packet);
    }
}

/* ---- the receiver ---- */

static void sim_acknowledge(Sim *sim)
{
    guint8 sack[1500] = {};
    guint n = 0;
    DeliverySample sample;

    for (guint32 tsn = sim->cumulative + 1; tsn_is_up_to(tsn, sim->highest) && n < 300; tsn++) {
        guint16 offset = tsn - sim->cumulative;

        if (!sim->received[tsn % TSNS])
            continue;
        if (n == 0 || get16(sack + 28 + n * 4 - 2) != offset - 1)
            put16(sack + 28 + n++ * 4, offset);
        put16(sack + 28 + n * 4 - 2, offset);
    }
    sack[COMMON_HEADER] = CHUNK_SACK;
    put16(sack + COMMON_HEADER + 2, 16 + n * 4);
    put32(sack + COMMON_HEADER + 4, sim->cumulative);
    put16(sack + COMMON_HEADER + 12, n);
    sim->unacknowledged = 0;
    if (delivery_input(&sim->delivery, sack, COMMON_HEADER + 16 + n * 4, sim->now, &sample))
        path_model_sample(&sim->model, &sim->delivery, &sample, sim->now);
}

static void sim_receive(Sim *sim, const Packet *packet)
{
    Flow *flow = packet->other ? &sim->other : &sim->ours;

    flow->arrived += PACKET;
    flow->cwnd += 1 / flow->cwnd;
    if (packet->other) {
        flow->in_flight--;
        return;
    }
    if (tsn_is_up_to(sim->highest, packet->tsn))
        sim->highest = packet->tsn;
    sim->received[packet->tsn % TSNS] = 1;
    while (sim->received[(sim->cumulative + 1) % TSNS])
        sim->received[++sim->cumulative % TSNS] = 0;
    if (++sim->unacknowledged >= 2 || sim->cumulative != sim->highest)
        sim_acknowledge(sim);
}

/* One that takes less time overtakes others. */
static void sim_fly(Sim *sim, Packet *packet)
{
    GList *before = sim->flying.tail;

    packet->due = sim->now + sim->delay;
    if (sim->shaky > 0)
        packet->due += sim_random(sim) * sim->shaky;
    while (before && ((Packet *) before->data)->due > packet->due)
        before = before->prev;
    g_queue_insert_after(&sim->flying, before, packet);
}

static void sim_step(Sim *sim)
{
    sim->now += STEP;
    sim->budget = MIN(sim->budget + sim->rate * STEP * 1e-6, 2 * PACKET);
    while (sim->budget >= PACKET && sim->waiting.length > 0) {
        Packet *packet = g_queue_pop_head(&sim->waiting);

        sim->budget -= PACKET;
        sim_fly(sim, packet);
    }
    while (sim->flying.length > 0 && ((Packet *) sim->flying.head->data)->due <= sim->now) {
        g_autofree Packet *packet = g_queue_pop_head(&sim->flying);

        sim_receive(sim, packet);
    }
    sim_fill(sim);
    sim->queued += sim->waiting.length;
    sim->steps++;
}

typedef struct {
    double rate, share; /* of the narrow place, and of what both have got through it */
    double queue;       /* ms, the mean */
} Outcome;

static Outcome sim_run(Sim *sim, double seconds)
{
    gint64 end = sim->now + seconds * G_USEC_PER_SEC;
    guint64 before = sim->ours.arrived, other = sim->other.arrived;
    Outcome outcome;

    sim->queued = sim->steps = 0;
    while (sim->now < end)
        sim_step(sim);
    before = sim->ours.arrived - before;
    other = sim->other.arrived - other;
    outcome.rate = before / seconds / sim->rate;
    outcome.share = before / (double) MAX(before + other, 1);
    outcome.queue = (double) sim->queued / sim->steps * PACKET * 1e3 / sim->rate;
    g_test_message("%.2f of the rate, %.2f of both, queue %.1f ms, least %.1f ms, state %d",
                   outcome.rate, outcome.share, outcome.queue, sim->model.least * 1e-3,
                   sim->model.state);
    return outcome;
}

/* ---- */

static Sim *sim_new_usual(void)
{
    return sim_new(100 * MBIT, 20 * MS, 1000);
}

/* The path is full and the queue is not; also when the path becomes slower, or faster. */
static void test_queue(void)
{
    static const double rates[] = {100, 30, 100, 200};
    Sim *sim = sim_new_usual();

    for (gsize i = 0; i < G_N_ELEMENTS(rates); i++) {
        Outcome outcome;

        sim->rate = rates[i] * MBIT;
        sim_run(sim, 2);
        outcome = sim_run(sim, 10);
        g_assert_cmpfloat(outcome.rate, >, 0.93);
        g_assert_cmpfloat(outcome.queue, <, 10);
        g_assert_cmpint(sim->model.state, !=, PATH_MODEL_YIELD);
    }
    sim_free(sim);
}

/* Losses by chance cost no more than themselves. */
static void test_chance(void)
{
    Sim *sim = sim_new(100 * MBIT, 100 * MS, 1000);
    Outcome outcome;

    sim->loss = 10;
    sim_run(sim, 3);
    outcome = sim_run(sim, 10);
    g_assert_cmpfloat(outcome.rate, >, 0.85);
    g_assert_true(path_model_forgives(&sim->model));
    sim_free(sim);
}

/* A queue too short to be seen is not run over: what is lost there is not forgiven. */
static void test_short_queue(void)
{
    Sim *sim = sim_new(100 * MBIT, 20 * MS, 20);
    guint64 sent, again;

    sim_run(sim, 3);
    sent = sim->delivery.chunks;
    again = sim->delivery.lost;
    g_assert_cmpfloat(sim_run(sim, 10).rate, >, 0.7);
    g_assert_cmpuint((sim->delivery.lost - again) * 100, <, (sim->delivery.chunks - sent) * 5);
    sim_free(sim);
}

/* Beside a sender that fills the queue there is a share for both, and no queue when it has gone. */
static void test_company(void)
{
    Sim *sim = sim_new_usual();
    Outcome outcome;

    sim_run(sim, 3);
    sim->has_other = true;
    sim_run(sim, 20);
    outcome = sim_run(sim, 30);
    g_assert_cmpfloat(outcome.share, >, 0.3);
    g_assert_cmpfloat(outcome.share, <, 0.7);
    sim->has_other = false;
    sim_run(sim, 15);
    outcome = sim_run(sim, 10);
    g_assert_cmpfloat(outcome.rate, >, 0.93);
    g_assert_cmpfloat(outcome.queue, <, 10);
    sim_free(sim);
}

/* A path that becomes longer is no queue, if it stays so. */
static void test_longer(void)
{
    Sim *sim = sim_new_usual();
    Outcome outcome;

    sim_run(sim, 3);
    sim->delay = 60 * MS;
    sim_run(sim, 90);
    outcome = sim_run(sim, 10);
    g_assert_cmpfloat(outcome.rate, >, 0.9);
    g_assert_cmpfloat(outcome.queue, <, 30);
    sim_free(sim);
}

/* Round trips that differ, by the last hop and not by a queue, have room in the window. */
static void test_shaky(void)
{
    Sim *sim = sim_new(40 * MBIT, 10 * MS, 1000);

    sim->shaky = 20 * MS;
    sim_run(sim, 3);
    g_assert_cmpfloat(sim_run(sim, 10).rate, >, 0.8);
    g_assert_cmpint(sim->model.state, !=, PATH_MODEL_YIELD);
    sim_free(sim);
}

/* From those that differ by more nothing follows. */
static void test_too_shaky(void)
{
    Sim *sim = sim_new(40 * MBIT, 10 * MS, 1000);

    sim->shaky = 80 * MS;
    sim_run(sim, 3);
    g_assert_cmpint(sim->model.state, ==, PATH_MODEL_YIELD);
    sim_run(sim, 7);
    g_assert_cmpfloat(sim_run(sim, 30).rate, >, 0.7);
    sim_free(sim);
}

/* What a sender does not send is not what the path cannot carry. */
static void test_slow_sender(void)
{
    Sim *sim = sim_new_usual();
    gsize before;

    sim_run(sim, 3);
    before = path_model_window(&sim->model);
    sim->pace = MBIT;
    sim_run(sim, 30);
    g_assert_cmpuint(path_model_window(&sim->model), >, before * 2 / 3);
    sim_free(sim);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/path-model/queue", test_queue);
    g_test_add_func("/path-model/chance", test_chance);
    g_test_add_func("/path-model/short-queue", test_short_queue);
    g_test_add_func("/path-model/company", test_company);
    g_test_add_func("/path-model/longer", test_longer);
    g_test_add_func("/path-model/shaky", test_shaky);
    g_test_add_func("/path-model/too-shaky", test_too_shaky);
    g_test_add_func("/path-model/slow-sender", test_slow_sender);
    return g_test_run();
}
