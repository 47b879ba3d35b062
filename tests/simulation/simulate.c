/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Readings from an emitter to its listeners, while everything that can fail does: calls are
 * cut, processes are killed, machines lose their power, disks are full, clocks jump, the relay
 * and the emitter's store go away. The feed's codec and both its ends, the keeper, and the repair
 * of calls are the daemon's; time, chance, stores, processes and channels are made here, each run
 * from a seed.
 *
 * In the end all is mended, and then it has to be true that
 *   - each listener hears what is published,
 *   - nothing came twice, and everything in order,
 *   - what came is what was published,
 *   - of what was published since a listener began, each reading has come or is counted as missed.
 *
 * simulate [--plant BUG] [--trace] [SEEDS [FIRST]]: so many seeds, from FIRST on. A seed that fails
 * is printed, and runs again with "simulate --trace 1 SEED". plants.h has the bugs.
 */

#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "fake-clock.h"
#include "plants.h"
#include "sim-net.h"
#include "world.h"

enum { DEFAULT_SEEDS = 300 };
#define SECONDS(n) ((n) *G_USEC_PER_SEC)

Plant planted;

static const char *const plant_names[] = {
    [PLANT_NONE] = "none",       [PLANT_CURSOR] = "cursor",       [PLANT_AGAIN] = "again",
    [PLANT_TRIMMED] = "trimmed", [PLANT_UNCOUNTED] = "uncounted", [PLANT_WAITING] = "waiting",
    [PLANT_UNTOLD] = "untold",
};

static struct {
    guint64 readings, cuts, missed;
} totals;

/* ---- what fails ----------------------------------------------------------------- */

static SimListener *any_listener(SimNet *net)
{
    return net->listeners->pdata[world_between(0, (gint64) net->listeners->len - 1)];
}

static void on_emitter_back(gpointer data, guint64 unused)
{
    sim_emitter_start(data);
}

static void stop_emitter(SimNet *net, bool power)
{
    sim_emitter_stop(net, power);
    world_after(world_between(1, SECONDS(8)), on_emitter_back, net, 0);
}

static void on_listener_back(gpointer data, guint64 number)
{
    SimNet *net = data;

    sim_listener_start(net, net->listeners->pdata[number]);
}

static void stop_listener(SimNet *net, bool power)
{
    SimListener *listener = any_listener(net);
    gint64 away = world_once_in(5) ? SECONDS(100) : SECONDS(8);

    sim_listener_stop(net, listener, power);
    world_after(world_between(1, away), on_listener_back, net, listener->number);
}

static void cut_or_mend(SimNet *net)
{
    SimListener *listener = any_listener(net);

    totals.cuts++;
    listener->reachable = world_once_in(3) ? listener->reachable : !listener->reachable;
    sim_cut(net, listener);
    sim_look(net);
}

static void disks(SimNet *net)
{
    bool *full = world_once_in(3) ? &net->emitter.outbox->full : &any_listener(net)->history->full;

    *full = !*full;
    world_trace("a disk is %s", *full ? "full" : "not full any more");
}

static void other_path(SimNet *net)
{
    SimListener *listener = any_listener(net);

    listener->latency = world_between(100, 800000);
    listener->speed =
        (guint) (world_once_in(3) ? world_between(5, 50) : world_between(1000, 20000));
}

static void on_fault(gpointer data, guint64 interval)
{
    SimNet *net = data;

    switch (world_between(0, 11)) {
    case 0:
        stop_emitter(net, false);
        break;
    case 1:
        stop_emitter(net, true);
        break;
    case 2:
        stop_listener(net, false);
        break;
    case 3:
        stop_listener(net, true);
        break;
    case 4:
        disks(net);
        break;
    case 5:
        net->relay = !net->relay;
        sim_look(net);
        break;
    case 6:
        fake_clock_jump(world_between(-SECONDS(1000), SECONDS(1000)));
        break;
    case 7:
        other_path(net);
        break;
    case 8:
        if (world_once_in(10)) {
            sim_emitter_lose_store(net);
            on_emitter_back(net, 0);
        }
        break;
    default:
        cut_or_mend(net);
    }
    world_after(world_between(1, 2 * (gint64) interval), on_fault, net, interval);
}

static void on_sync(gpointer data, guint64 unused)
{
    SimNet *net = data;

    if (!net->emitter.outbox->full)
        sim_outbox_sync(net->emitter.outbox);
    for (guint i = 0; i < net->listeners->len; i++)
        sim_history_sync(((SimListener *) net->listeners->pdata[i])->history);
    world_after(world_between(1, SECONDS(10)), on_sync, net, 0);
}

static void mend(SimNet *net)
{
    world_trace("all is mended");
    net->relay = net->calm = true;
    net->emitter.outbox->full = false;
    net->emitter.interval = 0;
    sim_emitter_start(net);
    for (guint i = 0; i < net->listeners->len; i++) {
        SimListener *listener = net->listeners->pdata[i];

        listener->reachable = true;
        listener->history->full = false;
        listener->speed = MAX(listener->speed, 100);
        sim_listener_start(net, listener);
    }
    sim_look(net);
}

/* ---- what has to be true ----------------------------------------------------------- */

static void check_order(const SimListener *listener, const SimHeard *heard, const SimEpoch *epoch)
{
    guint64 last = 0;

    for (guint i = 0; i < heard->received->len; i++) {
        const SimReceived *received = &g_array_index(heard->received, SimReceived, i);
        const SimRow *row = sim_epoch_find(epoch, received->sequence);

        if (!row)
            world_fail("listener %u has %" G_GUINT64_FORMAT ", which was never published",
                       listener->number, received->sequence);
        else if (row->hash != received->hash)
            world_fail("listener %u has %" G_GUINT64_FORMAT " otherwise than it was published",
                       listener->number, received->sequence);
        if (received->sequence <= last && !received->greeting)
            world_fail("listener %u has %" G_GUINT64_FORMAT " after %" G_GUINT64_FORMAT,
                       listener->number, received->sequence, last);
        last = received->sequence;
    }
}

/* What has come, of what was published above BEGIN: the place that each sequence has among all */
typedef struct {
    guint expected, came;
    guint ghosts; /* that never came, and were lost over there later: perhaps they are counted */
} Tally;

static Tally tally(const SimHeard *heard, const SimEpoch *epoch, guint series)
{
    Tally sum = {};
    guint k = 0;

    for (guint i = 0; i < epoch->rows->len; i++) {
        const SimRow *row = epoch->rows->pdata[i];
        bool came = false;

        for (; k < heard->received->len; k++) {
            const SimReceived *received = &g_array_index(heard->received, SimReceived, k);

            if (received->sequence > row->reading.sequence && !received->greeting)
                break;
            if (received->sequence == row->reading.sequence && !received->greeting)
                came = true;
        }
        if (row->series != series || row->reading.sequence <= heard->begin)
            continue;
        sum.expected += row->state == ROW_COMMITTED;
        sum.came += came && row->state == ROW_COMMITTED;
        sum.ghosts += !came && row->state == ROW_LOST;
    }
    return sum;
}

static guint64 missed_of(const SimHeard *heard, const char *name)
{
    for (guint i = 0; i < heard->series->len; i++) {
        const SimSeries *series = &g_array_index(heard->series, SimSeries, i);

        if (strcmp(series->name, name) == 0)
            return series->missed;
    }
    return 0;
}

static void check_missed(const SimListener *listener, const SimHeard *heard, const SimEpoch *epoch)
{
    for (guint i = 0; i < SIM_SERIES; i++) {
        g_autofree char *name = g_strdup_printf("series-%u", i);
        Tally sum = tally(heard, epoch, i);
        guint64 missed = missed_of(heard, name);

        totals.missed += missed;
        totals.readings += sum.came;
        if (missed < sum.expected - sum.came || missed > sum.expected - sum.came + sum.ghosts)
            world_fail("listener %u has %u of %u readings of %s, and counts %" G_GUINT64_FORMAT
                       " as missed (%u ghosts)",
                       listener->number, sum.came, sum.expected, name, missed, sum.ghosts);
    }
}

static void check_listener(const SimNet *net, const SimListener *listener)
{
    const SimOutbox *outbox = net->emitter.outbox;
    guint n = listener->history->heard->len;

    if (!sim_listener_is_live(net, listener))
        world_fail("listener %u hears nothing", listener->number);
    for (guint i = 0; i < n; i++) {
        const SimHeard *heard = listener->history->heard->pdata[i];
        const SimEpoch *epoch = sim_outbox_epoch(outbox, heard->id);

        if (!epoch) {
            world_fail("listener %u has heard of nobody", listener->number);
            continue;
        }
        check_order(listener, heard, epoch);
        if (epoch == outbox->epochs->pdata[outbox->epochs->len - 1])
            check_missed(listener, heard, epoch);
    }
}

/* ---- runs ------------------------------------------------------------------------------- */

static bool run(guint64 seed, bool trace)
{
    static const guint limits[] = {3, 10, 50, 300, 100000};
    static const gint64 intervals[] = {20000, 100000, 500000, 2000000};
    SimNet *net;

    world_begin(seed, trace);
    net = sim_net_new((guint) world_between(1, 3), limits[world_between(0, 4)],
                      intervals[world_between(0, 3)]);
    sim_emitter_start(net);
    for (guint i = 0; i < net->listeners->len; i++)
        sim_listener_start(net, net->listeners->pdata[i]);
    on_sync(net, 0);
    on_fault(net, (guint64) world_between(SECONDS(1) / 2, SECONDS(10)));
    world_run(world_between(SECONDS(5), SECONDS(60)));
    world_stop(on_fault);
    mend(net);
    world_run(world_now() + SECONDS(240));
    for (guint i = 0; i < net->listeners->len && !world_failed(); i++)
        check_listener(net, net->listeners->pdata[i]);
    sim_net_free(net);
    return !world_failed();
}

static void choose_plant(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(plant_names); i++) {
        if (strcmp(plant_names[i], name) == 0) {
            planted = i;
            return;
        }
    }
    fprintf(stderr, "simulate: there is no bug %s\n", name);
    exit(2);
}

int main(int argc, char **argv)
{
    guint64 seeds = DEFAULT_SEEDS, first = 1, failed = 0;
    bool trace = false;
    int at = 1;

    if (at + 1 < argc && strcmp(argv[at], "--plant") == 0) {
        choose_plant(argv[at + 1]);
        at += 2;
    }
    if (at < argc && strcmp(argv[at], "--trace") == 0) {
        trace = true;
        at++;
    }
    if (at < argc)
        seeds = g_ascii_strtoull(argv[at++], NULL, 10);
    if (at < argc)
        first = g_ascii_strtoull(argv[at++], NULL, 10);
    for (guint64 seed = first; seed < first + seeds; seed++)
        failed += !run(seed, trace);
    printf("# %" G_GUINT64_FORMAT " seeds, %" G_GUINT64_FORMAT " readings, %" G_GUINT64_FORMAT
           " missed and counted, %" G_GUINT64_FORMAT " cuts\n1..1\n%sok 1 - %" G_GUINT64_FORMAT
           " of %" G_GUINT64_FORMAT " seeds fail\n",
           seeds, totals.readings, totals.missed, totals.cuts, failed > 0 ? "not " : "", failed,
           seeds);
    world_end();
    return failed > 0;
}
