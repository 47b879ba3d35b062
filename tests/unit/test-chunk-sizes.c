/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Chunks as large as the path's packets, on paths that carry more or less than the one before. */

#include <config.h>

#include "association-ends.h"
#include "association-message.h"
#include "common/clock.h"
#include "fake-clock.h"

#define SMALL 1200
#define ETHERNET 1448
#define JUMBO 8960
#define LENGTH 100000
#define STEP_USEC (10 * 1000)

static gsize carried; /* larger packets are lost on the path */

static void pass(End *from, End *to)
{
    GQueue kept = G_QUEUE_INIT;
    GBytes *packet;

    while ((packet = g_queue_pop_head(&from->out))) {
        if (g_bytes_get_size(packet) <= carried)
            g_queue_push_tail(&kept, packet);
        else
            g_bytes_unref(packet);
    }
    from->out = kept;
    deliver(from, to);
}

static void step(void)
{
    pass(&ours, &remote);
    pass(&remote, &ours);
    fake_clock_advance(STEP_USEC);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void send_message(void)
{
    static const guint8 bytes[LENGTH] = "a message";
    const AssociationMessage message = message_of(bytes, LENGTH);

    g_assert_cmpint(association_send(ours.sctp, &message), ==, ASSOCIATION_SENT);
}

/* A message passes; the largest packet that it has taken */
static gsize transfer(void)
{
    gsize before = remote.received;

    ours.largest = 0;
    send_message();
    while (remote.received < before + LENGTH || association_is_unacknowledged(ours.sctp))
        step();
    return ours.largest;
}

/* The path is another one, and may carry packets of SIZE; of no more than any path, if that is 0. */
static void take_path(gsize size)
{
    transport_path(&ours.transport, &size, size > 0);
    carried = MAX(size, SMALL);
    while (association_packet_size(ours.sctp) != carried)
        step();
}

static void begin(bool parts)
{
    jumbo_ends = true;
    ends_take_parts = parts;
    carried = SMALL;
    set_up();
    g_assert_cmpuint(transfer(), <=, SMALL);
}

static void test_up_and_down(void)
{
    begin(true);
    for (guint i = 0; i < 2; i++) {
        take_path(ETHERNET);
        g_assert_cmpuint(transfer(), >, ETHERNET - 8);
        take_path(0);
        g_assert_cmpuint(transfer(), <=, SMALL);
    }
    take_path(JUMBO);
    g_assert_cmpuint(transfer(), >, JUMBO - ETHERNET);
    tear_down();
}

/* What is under way in larger chunks still passes. */
static void test_chunks_under_way(void)
{
    begin(true);
    take_path(ETHERNET);
    send_message();
    g_assert_cmpuint(ours.largest, >, SMALL);
    g_assert_cmpuint(g_queue_get_length(&ours.out), >, 2);
    drop_out(&ours);
    take_path(0);
    g_assert_cmpuint(transfer(), <=, SMALL);
    g_assert_cmpuint(remote.received, ==, 3 * LENGTH);
    tear_down();
}

/* A path that has become a black hole */
static void test_black_hole(void)
{
    begin(true);
    take_path(ETHERNET);
    carried = SMALL;
    transfer();
    g_assert_cmpuint(association_packet_size(ours.sctp), ==, SMALL);
    g_assert_cmpuint(transfer(), <=, SMALL);
    tear_down();
}

/* To who does not put parts together no chunk goes that does not pass everywhere. */
static void test_others(void)
{
    begin(false);
    take_path(ETHERNET);
    g_assert_cmpuint(transfer(), <=, SMALL);
    take_path(JUMBO);
    g_assert_cmpuint(transfer(), >, JUMBO - SMALL);
    take_path(0);
    g_assert_cmpuint(transfer(), <=, SMALL);
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chunk-sizes/up-and-down", test_up_and_down);
    g_test_add_func("/chunk-sizes/chunks-under-way", test_chunks_under_way);
    g_test_add_func("/chunk-sizes/black-hole", test_black_hole);
    g_test_add_func("/chunk-sizes/others", test_others);
    return g_test_run();
}
