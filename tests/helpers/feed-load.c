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
#include "feed-source.h"
#include "peer/readings/feed-receiver.h"

typedef struct {
    FeedSender *sender;
    FeedReceiver *receiver;
    GQueue answers; /* of GBytes, of the listener */
    guint64 bytes, messages, readings;
} Listener;

static double processor_time(void)
{
    return (double) clock() / CLOCKS_PER_SEC;
}

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
    listener->sender = feed_sender_new(&feed_source_ops, NULL, &sender_ops, listener);
    listener->receiver = feed_receiver_new(&receiver_ops, listener);
    feed_receiver_start(listener->receiver);
    turn(listener);
}

/* ---- the load ------------------------------------------------------------------------- */

/* The processor time of what was sent and received */
static double run(double rate, Listener *listeners, guint count, double seconds)
{
    double published = 0, sending = 0, step = rate >= 100 ? 0.01 : 1 / rate;
    guint64 number = 0;

    for (double now = 0; now < seconds; now += step) {
        double began;

        fake_clock_pass((gint64) (step * G_USEC_PER_SEC));
        for (published += rate * step; published >= 1; published--)
            feed_source_publish(number++);
        feed_source_commit();
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
    feed_source_open(path);
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
    feed_source_close();
    for (guint i = 0; i < count; i++) {
        feed_sender_free(listeners[i].sender);
        feed_receiver_free(listeners[i].receiver);
    }
    return 0;
}
