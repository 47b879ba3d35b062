/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/sctp/path-model.h"

#include "common/log.h"

#define MS 1000
#define NEAR (2 * MS) /* send-limit.c takes care of those */
#define PACKET 1200
#define WINDOW_MAX (8 * 1024 * 1024) /* more than anybody can send */

/* The window in the least round trips, and in packets at least, by state. Half of what waits in
 * FULL is enough to learn that the path is faster; a look leaves the path half empty. Where round
 * trips differ, FULL has room for that too, up to one more of the least. */
#define START_GAIN 2.0
#define FULL_GAIN 1.2
#define LOOK_GAIN 0.5
#define START_PACKETS 16
#define FULL_PACKETS 8
#define LOOK_PACKETS 4

/* START ends when the rate has grown by less than a quarter in three rounds. */
#define GROWTH 1.25
#define FLAT_ROUNDS 3
#define LONG_ROUNDS 4
#define LOOK_EVERY (10 * G_USEC_PER_SEC)
#define LOOK_DRAINS (1 * G_USEC_PER_SEC) /* at most */
/* Who fills a queue does not fill it alike for so long: the path has become longer. */
#define YIELD_LASTS (60 * G_USEC_PER_SEC)
/* Of so many chunks at least, so many in a hundred */
#define LOSS_CHUNKS 256
#define LOSS_PERCENT 4
#define LOSS_CUT 0.85
/* What was too much is tried again after so many round trips: a packet more, two, four, … */
#define BOUND_ROUNDS 16
#define BOUND_DOUBLES 10

static const char *state_to_string(PathModelState state)
{
    static const char *const names[] = {"start", "full", "look", "yield"};

    return names[state];
}

static double best_rate(const PathModel *model)
{
    double best = 0;

    for (guint i = 0; i < PATH_MODEL_ROUNDS; i++)
        best = MAX(best, model->rates[i]);
    return best;
}

/* Of the last round that has ended: there may be less for us than there was. */
static double recent_rate(const PathModel *model)
{
    double rate = model->rates[(model->rate_at + PATH_MODEL_ROUNDS - 1) % PATH_MODEL_ROUNDS];

    return rate > 0 ? rate : best_rate(model);
}

/* What differs between round trips for other reasons than a queue, timers and schedulers */
static gint64 slack(gint64 round_trip)
{
    return round_trip / 8 + 2 * MS;
}

/* No round trip of a path whose least one is LEAST is longer for our sake. */
static gint64 longest(gint64 least)
{
    return (gint64) (least * FULL_GAIN) + slack(least);
}

static double bounded(const PathModel *model, double window)
{
    return model->bound > 0 ? MIN(window, model->bound) : window;
}

gsize path_model_window(const PathModel *model)
{
    double rate = best_rate(model) / G_USEC_PER_SEC, held = rate * model->least, window = 0;

    if (model->least < NEAR || rate == 0)
        return 0;
    if (model->state == PATH_MODEL_START)
        window = MAX(held * START_GAIN, START_PACKETS * PACKET);
    else if (model->state == PATH_MODEL_FULL)
        window = bounded(model, held * FULL_GAIN + rate * model->jitter) + FULL_PACKETS * PACKET;
    else if (model->state == PATH_MODEL_LOOK)
        window = MAX(model->look_rate / G_USEC_PER_SEC * model->least * LOOK_GAIN,
                     LOOK_PACKETS * PACKET);
    return MIN(window, WINDOW_MAX);
}

bool path_model_forgives(const PathModel *model)
{
    return model->state == PATH_MODEL_START || model->state == PATH_MODEL_FULL;
}

static void enter_state(PathModel *model, PathModelState state, gint64 now)
{
    if (model->state == state)
        return;
    log_debug("SCTP: path model: %s → %s, %.1f ms, %.1f Mbit/s", state_to_string(model->state),
              state_to_string(state), model->least * 1e-3, best_rate(model) * 8e-6);
    if (state == PATH_MODEL_LOOK) {
        model->before_look = model->state;
        model->look_rate = recent_rate(model);
        model->look_began = now;
        model->look_drained = model->look_least = 0;
    }
    if (model->state == PATH_MODEL_LOOK)
        model->look_ended = now;
    model->long_rounds = model->shaky_rounds = 0;
    model->state = state;
}

/* ---- what is measured ---- */

static void note_round_trip(PathModel *model, gint64 round_trip, gint64 now)
{
    if (model->least == 0 || round_trip <= model->least) {
        model->least = round_trip;
        model->least_at = now;
    }
    if (model->floor == 0 || round_trip < model->floor)
        model->floor = round_trip;
    model->round_least = model->round_n == 0 ? round_trip : MIN(model->round_least, round_trip);
    model->round_sum += round_trip;
    model->round_n++;
}

/* A rate that is too low to be that of the path counts only if it is more than is known. */
static void note_rate(PathModel *model, const DeliverySample *sample)
{
    double *now = &model->rates[model->rate_at];

    if (model->state != PATH_MODEL_LOOK && (!sample->idle || sample->rate > best_rate(model)))
        *now = MAX(*now, sample->rate);
}

/* A queue too short to be seen in the round trip is known by what it loses. */
static void note_losses(PathModel *model, const Delivery *delivery, gint64 now)
{
    guint64 chunks = delivery->chunks - model->chunks, lost = delivery->lost - model->lost;
    double window = path_model_window(model);

    if (chunks < LOSS_CHUNKS)
        return;
    model->chunks = delivery->chunks;
    model->lost = delivery->lost;
    if (lost * 100 <= chunks * LOSS_PERCENT || !path_model_forgives(model))
        return;
    enter_state(model, PATH_MODEL_FULL, now);
    model->bound = window * LOSS_CUT;
    model->bound_rounds = 0;
}

/* ---- what follows ---- */

static void end_look_in_vain(PathModel *model, gint64 now)
{
    gint64 low = MIN(model->yield_low, model->look_least);
    gint64 high = MAX(model->yield_high, model->look_least);

    if (model->before_look != PATH_MODEL_YIELD || high - low > slack(low)) {
        model->yielded_at = now;
        low = high = model->look_least;
    }
    model->yield_low = low;
    model->yield_high = high;
    if (now - model->yielded_at >= YIELD_LASTS)
        model->floor = low;
}

static void end_look(PathModel *model, gint64 now)
{
    if (model->look_least > longest(model->floor))
        end_look_in_vain(model, now);
    if (model->look_least > longest(model->floor)) {
        enter_state(model, PATH_MODEL_YIELD, now);
        return;
    }
    model->least = model->look_least;
    model->least_at = now;
    for (guint i = 0; i < PATH_MODEL_ROUNDS; i++)
        model->rates[i] = MIN(model->rates[i], model->look_rate);
    enter_state(model, PATH_MODEL_FULL, now);
}

/* What was sent when the path was drained sees how long it is. */
static void go_on_looking(PathModel *model, const DeliverySample *sample, gint64 now)
{
    if (model->look_drained == 0) {
        if (sample->in_flight <= path_model_window(model) || now - model->look_began >= LOOK_DRAINS)
            model->look_drained = now;
        return;
    }
    if (model->look_least == 0 || sample->round_trip < model->look_least)
        model->look_least = sample->round_trip;
    if (now - model->look_drained >= sample->round_trip + model->least)
        end_look(model, now);
}

static void grow_bound(PathModel *model)
{
    if (model->bound == 0 || ++model->bound_rounds < BOUND_ROUNDS)
        return;
    model->bound += PACKET << MIN(model->bound_rounds - BOUND_ROUNDS, BOUND_DOUBLES);
    if (model->bound > WINDOW_MAX)
        model->bound = 0;
}

/* Round trips are longer than the least by more than twice what there is room for: nothing follows
 * from them for a while. */
static void give_up(PathModel *model, gint64 now)
{
    model->yielded_at = model->look_ended = now;
    model->yield_low = model->yield_high = model->round_least;
    enter_state(model, PATH_MODEL_YIELD, now);
}

static void end_busy_round(PathModel *model, gint64 now)
{
    bool is_long = model->round_least > longest(model->least) + model->jitter;
    double rate = best_rate(model);

    grow_bound(model);
    model->long_rounds = is_long ? model->long_rounds + 1 : 0;
    if (model->state == PATH_MODEL_START) {
        model->flat_rounds = rate < model->best_rate * GROWTH ? model->flat_rounds + 1 : 0;
        if (model->flat_rounds == 0)
            model->best_rate = rate;
        if (model->flat_rounds >= FLAT_ROUNDS)
            enter_state(model, PATH_MODEL_FULL, now);
    } else if (model->state == PATH_MODEL_FULL && model->long_rounds >= LONG_ROUNDS) {
        enter_state(model, PATH_MODEL_LOOK, now);
    }
    if (model->state == PATH_MODEL_FULL && model->shaky_rounds >= LONG_ROUNDS)
        give_up(model, now);
    model->rate_at = (model->rate_at + 1) % PATH_MODEL_ROUNDS;
    model->rates[model->rate_at] = 0;
}

static void end_round(PathModel *model, gint64 now)
{
    gint64 mean = model->round_n > 0 ? model->round_sum / model->round_n : 0;

    if (model->round_n > 0) {
        gint64 jitter = mean - model->round_least;

        model->jitter = MIN(jitter, model->least + MS);
        model->shaky_rounds = jitter > 2 * model->jitter ? model->shaky_rounds + 1 : 0;
        if (model->round_busy && model->state != PATH_MODEL_LOOK)
            end_busy_round(model, now);
    }
    model->round_n = 0;
    model->round_sum = 0;
    model->round_busy = true;
}

static bool is_look_due(const PathModel *model, gint64 now)
{
    if (model->state == PATH_MODEL_FULL)
        return now - model->least_at >= LOOK_EVERY;
    return model->state == PATH_MODEL_YIELD && now - model->look_ended >= LOOK_EVERY;
}

void path_model_sample(PathModel *model, const Delivery *delivery, const DeliverySample *sample,
                       gint64 now)
{
    if (sample->round)
        end_round(model, now);
    note_round_trip(model, sample->round_trip, now);
    note_rate(model, sample);
    note_losses(model, delivery, now);
    model->round_busy = model->round_busy && !sample->idle;
    if (model->state == PATH_MODEL_LOOK)
        go_on_looking(model, sample, now);
    else if (!sample->idle && is_look_due(model, now))
        enter_state(model, PATH_MODEL_LOOK, now);
}

void path_model_restart(PathModel *model, gint64 now)
{
    gint64 least = model->least, floor = model->floor;

    path_model_init(model);
    model->least = least;
    model->least_at = now;
    model->floor = floor;
}

void path_model_init(PathModel *model)
{
    *model = (PathModel){.state = PATH_MODEL_START};
}
