/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a feed costs without a network: feed-load RATE LISTENERS SECONDS [FOLDER]. Readings are
 * published RATE times a second, in a store in FOLDER or in memory, and committed a hundred
 * times a second; each listener gets them through a FeedSender and a FeedReceiver and
 * throws them away. Prints the bytes of the feed's messages and the processor time, of what was
 * published, and of what was sent and received.
 */

#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "fake-clock.h"
#include "peer/readings/feed-receiver.h"
#include "peer/readings/feed-sender.h"
#include "peer/readings/feed-tail.h"
#include "peer/readings/store.h"

typedef struct {
    FeedSender *sender;
    FeedReceiver *receiver;
    GQueue answers; /* of GBytes, of the listener */
    guint64 bytes, messages, readings;
} Listener;

static struct {
    Store *store;
    FeedTail *tail;
} emitter;

static double processor_time(void)
{
    return (double) clock() / CLOCKS_PER_SEC;
}

/* ---- the emitter ------------------------------------------------------------------ */

static void on_published(const OutboxReading *reading, gpointer data)
{
    feed_tail_add(emitter.tail, reading);
}

static void on_received(const HistoryReading *reading, gpointer data)
{
}

static void on_changed(gpointer data)
{
}

static const StoreOps store_ops = {
    .published = on_published, .received = on_received, .changed = on_changed};

static const char *on_epoch(gpointer data)
{
    return store_epoch(emitter.store);
}

static guint64 on_newest(gpointer data)
{
    return store_published(emitter.store);
}

static guint64 on_oldest(gpointer data)
{
    return store_outbox_oldest(emitter.store);
}

typedef struct {
    FeedVisitor visit;
    gpointer data;
} Visit;

static bool on_reading(const OutboxReading *reading, gpointer data)
{
    const Visit *visit = data;

    return visit->visit(&(EmittedReading){reading->sequence, reading->nth, reading->reading},
                        visit->data);
}

static void on_read(guint64 after, FeedVisitor visit, gpointer visit_data, gpointer data)
{
    Visit both = {visit, visit_data};

    if (!feed_tail_read(emitter.tail, after, on_reading, &both))
        store_read_outbox(emitter.store, after, 0, on_reading, &both);
}

static void on_read_last(guint64 after, guint64 until, FeedVisitor visit, gpointer visit_data,
                         gpointer data)
{
    Visit both = {visit, visit_data};

    store_read_last_between(emitter.store, after, until, on_reading, &both);
}

static bool on_fork(guint64 sequence, FeedVisitor visit, gpointer visit_data, gpointer data)
{
    return false;
}

static const FeedSourceOps source_ops = {.epoch = on_epoch,
                                         .newest = on_newest,
                                         .oldest = on_oldest,
                                         .read = on_read,
                                         .read_last = on_read_last,
                                         .fork = on_fork};

/* ---- between the two ends ----------------------------------------------------------- */

static bool on_writable(gpointer data)
{
    return true;
}

static bool on_sender_send(const guint8 *bytes, gsize length, gpointer data)
{
    Listener *listener = data;

    listener->bytes += length;
    listener->messages++;
    feed_receiver_receive(listener->receiver, bytes, length);
    return true;
}

static void on_later(gpointer data)
{
    feed_sender_wake(((Listener *) data)->sender);
}

static void on_broken(const char *why, gpointer data)
{
    g_error("%s", why);
}

static const FeedSenderOps sender_ops = {
    .is_writable = on_writable, .send = on_sender_send, .later = on_later, .broken = on_broken};

static bool on_place(char epoch[RANDOM_ID_LENGTH + 1], guint64 *sequence, gpointer data)
{
    return false;
}

static void on_store(const FeedBatch *batch, gpointer data)
{
    Listener *listener = data;

    listener->readings += batch->count;
    feed_receiver_stored(listener->receiver, true);
}

static void on_receiver_send(const guint8 *bytes, gsize length, gpointer data)
{
    Listener *listener = data;

    listener->bytes += length;
    listener->messages++;
    g_queue_push_tail(&listener->answers, g_bytes_new(bytes, length));
}

static void turn(Listener *listener)
{
    GBytes *answer;

    feed_sender_wake(listener->sender);
    while ((answer = g_queue_pop_head(&listener->answers))) {
        feed_sender_receive(listener->sender, g_bytes_get_data(answer, NULL),
                            g_bytes_get_size(answer), clock_monotonic());
        g_bytes_unref(answer);
    }
}

static void on_wait(guint milliseconds, gpointer data)
{
}

static const FeedReceiverOps receiver_ops = {.place = on_place,
                                             .store = on_store,
                                             .send = on_receiver_send,
                                             .wait = on_wait,
                                             .broken = on_broken};

static void listener_begin(Listener *listener)
{
    listener->sender = feed_sender_new(&source_ops, NULL, &sender_ops, listener);
    listener->receiver = feed_receiver_new(&receiver_ops, listener);
    feed_receiver_start(listener->receiver);
    turn(listener);
}

/* ---- the load ------------------------------------------------------------------------- */

static void publish(guint64 number)
{
    static const char *const series[] = {"temperature", "humidity", "pressure", "wind"};
    Reading reading = {.series = series[number % 4],
                       .unit = "u",
                       .time = (guint64) clock_wall(),
                       .number = (double) (number * 7919 % 4000) / 100};

    g_assert_true(store_publish(emitter.store, &reading, NULL, NULL, NULL));
}

/* The processor time of what was sent and received */
static double run(double rate, Listener *listeners, guint count, double seconds)
{
    double published = 0, sending = 0, step = rate >= 100 ? 0.01 : 1 / rate;
    guint64 number = 0;

    for (double now = 0; now < seconds; now += step) {
        double began;

        fake_clock_pass((gint64) (step * G_USEC_PER_SEC));
        for (published += rate * step; published >= 1; published--)
            publish(number++);
        store_commit(emitter.store);
        began = processor_time();
        for (guint i = 0; i < count; i++)
            turn(&listeners[i]);
        sending += processor_time() - began;
    }
    return sending;
}

int main(int argc, char **argv)
{
    double rate = argc > 3 ? atof(argv[1]) : 0, seconds = argc > 3 ? atof(argv[3]) : 0;
    guint count = argc > 3 ? (guint) atoi(argv[2]) : 0;
    g_autofree char *path = argc > 4 ? g_build_filename(argv[4], "load.db", NULL) : NULL;
    g_autofree Listener *listeners = g_new0(Listener, count);
    double sending, all;

    if (rate <= 0 || count == 0 || seconds <= 0) {
        fprintf(stderr, "usage: feed-load RATE LISTENERS SECONDS [FOLDER]\n");
        return 2;
    }
    emitter.tail = feed_tail_new();
    emitter.store = store_open(
        &(StoreSettings){.path = path, .manual = true, .limits = {.outbox = 65536, .history = 1}},
        &store_ops, NULL);
    for (guint i = 0; i < count; i++)
        listener_begin(&listeners[i]);
    all = processor_time();
    sending = run(rate, listeners, count, seconds);
    all = processor_time() - all;
    printf("%g readings a second, %u listeners: %.2f bytes a reading in %.4f messages; "
           "%.1f %% of a processor to publish, %.1f %% to send and receive\n",
           rate, count, (double) listeners->bytes / (double) listeners->readings,
           (double) listeners->messages / (double) listeners->readings,
           100 * (all - sending) / seconds, 100 * sending / seconds);
    store_close(emitter.store);
    feed_tail_free(emitter.tail);
    for (guint i = 0; i < count; i++) {
        feed_sender_free(listeners[i].sender);
        feed_receiver_free(listeners[i].receiver);
    }
    return 0;
}
