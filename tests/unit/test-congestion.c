/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Two associations with a narrow and long path between them, in the time of the
 * fake clock: what usrsctp does when it is led by congestion.h.
 */

#include <config.h>

#include "association-ends.h"
#include "association-message.h"
#include "fake-clock.h"

#define STEP 250 /* µs */
#define MESSAGE 16384

typedef struct {
    gint64 due;
    GBytes *bytes;
} Packet;

typedef struct {
    End *from, *to;
    double rate;  /* bytes/s; 0: without a narrow place */
    gint64 delay; /* µs, one way */
    guint lost;   /* each of so many; 0: none */
    guint64 n;
    gint64 free_at; /* when all that waits for the rate has left */
    gint64 longest; /* µs, that one has waited */
    GQueue flying;  /* of Packet */
} Way;

static void take(Way *way, gint64 now)
{
    GBytes *bytes;

    while ((bytes = g_queue_pop_head(&way->from->out))) {
        Packet *packet = g_new0(Packet, 1);

        packet->bytes = bytes;
        way->free_at = MAX(way->free_at, now);
        way->longest = MAX(way->longest, way->free_at - now);
        if (way->rate > 0)
            way->free_at += g_bytes_get_size(bytes) * 1e6 / way->rate;
        packet->due = way->free_at + way->delay;
        g_queue_push_tail(&way->flying, packet);
    }
}

static void hand_over(Way *way, gint64 now)
{
    Packet *packet;

    while ((packet = g_queue_peek_head(&way->flying)) && packet->due <= now) {
        gsize length;
        g_autofree guint8 *bytes = g_bytes_unref_to_data(packet->bytes, &length);

        g_queue_pop_head(&way->flying);
        if (way->lost == 0 || ++way->n % way->lost != 0)
            transport_receive(&way->to->transport, bytes, length);
        g_free(packet);
    }
}

static void fill(void)
{
    static const guint8 bytes[MESSAGE];
    const AssociationMessage message = message_of(bytes, sizeof bytes);

    while (association_send(ours.sctp, &message) == ASSOCIATION_SENT)
        ;
}

static void step(Way *there, Way *back)
{
    fake_clock_advance(STEP);
    take(there, clock_monotonic());
    take(back, clock_monotonic());
    hand_over(there, clock_monotonic());
    hand_over(back, clock_monotonic());
}

/* Messages that arrive in SECONDS, in bytes/s */
static double run(Way *there, Way *back, double seconds)
{
    gint64 end = clock_monotonic() + seconds * G_USEC_PER_SEC;
    guint before = remote.messages->len;

    there->longest = 0;
    while (clock_monotonic() < end) {
        fill();
        step(there, back);
    }
    g_test_message("%.1f Mbit/s, %.1f ms of queue at most",
                   (remote.messages->len - before) / 17. * MESSAGE * 8e-6 / seconds,
                   there->longest * 1e-3);
    return (remote.messages->len - before) / 17. * MESSAGE / seconds;
}

static void way_clear(Way *way)
{
    hand_over(way, G_MAXINT64);
}

/* The handshake is as slow as the path: usrsctp measures it there. */
static void begin(Way *there, Way *back)
{
    const EndDescription nothing = {};

    begin_by(&nothing, &nothing);
    while (remote.state != TRANSPORT_CONNECTED || ours.state != TRANSPORT_CONNECTED)
        step(there, back);
}

static void test_queue(void)
{
    const double rate = 5e6;
    Way there = {.from = &ours, .to = &remote, .rate = rate, .delay = 60 * 1000};
    Way back = {.from = &remote, .to = &ours, .delay = 60 * 1000};

    begin(&there, &back);
    run(&there, &back, 2);
    g_assert_cmpfloat(run(&there, &back, 5), >, 0.85 * rate);
    g_assert_cmpint(there.longest, <, 60 * 1000);
    way_clear(&there);
    way_clear(&back);
    tear_down();
}

static void test_chance(void)
{
    const double rate = 5e6;
    Way there = {.from = &ours, .to = &remote, .rate = rate, .delay = 60 * 1000, .lost = 150};
    Way back = {.from = &remote, .to = &ours, .delay = 60 * 1000};

    begin(&there, &back);
    run(&there, &back, 2);
    g_assert_cmpfloat(run(&there, &back, 5), >, 0.5 * rate);
    way_clear(&there);
    way_clear(&back);
    tear_down();
}

/* As many messages of 256 KiB as are taken, on four streams in turn */
static void fill_long(void)
{
    static const guint8 bytes[1 << 18];
    static guint16 turn;
    AssociationMessage message = message_of(bytes, sizeof bytes);

    for (message.stream = 1 + turn % 4; association_send(ours.sctp, &message) == ASSOCIATION_SENT;
         message.stream = 1 + ++turn % 4)
        ;
}

/* How long a short message on a stream of its own is on its way, in µs */
static gint64 send_short(Way *there, Way *back)
{
    AssociationMessage message = message_of("short", 5);
    const gint64 sent = clock_monotonic();
    const guint before = remote.messages->len;

    message.stream = 5;
    g_assert_cmpint(association_send(ours.sctp, &message), ==, ASSOCIATION_SENT);
    while ((remote.messages->len - before) % 17 != 6) {
        fill_long();
        step(there, back);
    }
    return clock_monotonic() - sent;
}

/* It waits for what is on its way and about one long message, not for one of each stream. */
static void test_long_messages(void)
{
    const double rate = 12.5e6;
    const gint64 delay = 10 * 1000, one_long = (1 << 18) / rate * G_USEC_PER_SEC;
    Way there = {.from = &ours, .to = &remote, .rate = rate, .delay = delay};
    Way back = {.from = &remote, .to = &ours, .delay = delay};
    gint64 longest = 0;

    begin(&there, &back);
    for (guint i = 0; i < 20; i++) {
        for (guint j = 0; j < 293; j++) {
            fill_long();
            step(&there, &back);
        }
        if (i >= 10)
            longest = MAX(longest, send_short(&there, &back));
    }
    g_test_message("%.1f ms", longest * 1e-3);
    g_assert_cmpint(longest, <, delay + 3 * one_long);
    way_clear(&there);
    way_clear(&back);
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/congestion/queue", test_queue);
    g_test_add_func("/congestion/chance", test_chance);
    g_test_add_func("/congestion/long-messages", test_long_messages);
    return g_test_run();
}
