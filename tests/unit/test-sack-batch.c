/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/sctp/sack-batch.h"

#include "rtc/sctp/chunks.h"

#define NEAR_USEC 500
#define FAR_USEC 5000
#define BLOCK 4

typedef struct {
    Transport transport;
    guint packets;
    guint32 tsn; /* of the last SACK that was sent */
} Lower;

static bool on_send(Transport *transport, const guint8 *packet, gsize length)
{
    Lower *lower = (Lower *) transport;

    lower->packets++;
    lower->tsn = get32(packet + COMMON_HEADER + CHUNK_HEADER);
    return true;
}

static SackBatch *make(Lower *lower, guint64 round_trip_usec)
{
    *lower = (Lower){};
    transport_init(&lower->transport, "test", on_send);
    return sack_batch_new(&lower->transport, round_trip_usec);
}

/* A packet with a SACK of TSN that tells of GAPS; is it kept? */
static bool keep(SackBatch *batch, guint32 tsn, guint gaps)
{
    guint8 packet[64] = {};
    gsize chunk = 16 + gaps * BLOCK;

    packet[COMMON_HEADER] = CHUNK_SACK;
    put16(packet + COMMON_HEADER + 2, chunk);
    put32(packet + COMMON_HEADER + CHUNK_HEADER, tsn);
    return sack_batch_keep(batch, packet, COMMON_HEADER + chunk);
}

static void end_turn(void)
{
    g_main_context_iteration(NULL, FALSE);
}

static void test_last_of_turn(void)
{
    Lower lower;
    SackBatch *batch = make(&lower, NEAR_USEC);

    for (guint32 tsn = 1; tsn <= 3; tsn++)
        g_assert_true(keep(batch, tsn, 0));
    g_assert_cmpuint(lower.packets, ==, 0);
    end_turn();
    g_assert_cmpuint(lower.packets, ==, 1);
    g_assert_cmpuint(lower.tsn, ==, 3);
    end_turn();
    g_assert_cmpuint(lower.packets, ==, 1);
    sack_batch_free(batch);
}

static void test_no_more_than_few(void)
{
    Lower lower;
    SackBatch *batch = make(&lower, NEAR_USEC);

    for (guint32 tsn = 1; tsn < SACK_BATCH_MAX; tsn++)
        g_assert_true(keep(batch, tsn, 0));
    g_assert_false(keep(batch, SACK_BATCH_MAX, 0));
    end_turn();
    g_assert_cmpuint(lower.packets, ==, 0); /* the one that was not kept is sent by who made it */
    g_assert_true(keep(batch, SACK_BATCH_MAX + 1, 0));
    end_turn();
    g_assert_cmpuint(lower.tsn, ==, SACK_BATCH_MAX + 1);
    sack_batch_free(batch);
}

static void test_gaps(void)
{
    static const guint8 data[COMMON_HEADER + 20] = {[COMMON_HEADER + 3] = 20};
    Lower lower;
    SackBatch *batch = make(&lower, NEAR_USEC);

    g_assert_true(keep(batch, 1, 0));
    g_assert_false(sack_batch_keep(batch, data, sizeof data)); /* DATA alone replaces nothing */
    g_assert_false(keep(batch, 2, 1));
    g_assert_false(keep(batch, 2, 1));
    end_turn();
    g_assert_cmpuint(lower.packets, ==, 0); /* what they say is newer */
    sack_batch_free(batch);
}

static void test_paths(void)
{
    Lower lower;
    SackBatch *batch = make(&lower, FAR_USEC);

    sack_batch_measured(NULL, NEAR_USEC);
    sack_batch_new_path(NULL);
    g_assert_false(sack_batch_keep(NULL, NULL, 0));
    g_assert_false(keep(batch, 1, 0));
    sack_batch_measured(batch, 0);
    g_assert_false(keep(batch, 2, 0));
    sack_batch_measured(batch, NEAR_USEC);
    sack_batch_measured(batch, FAR_USEC); /* behind a queue */
    g_assert_true(keep(batch, 3, 0));
    sack_batch_new_path(batch);
    g_assert_false(keep(batch, 4, 0));
    end_turn();
    sack_batch_free(batch);
}

static void test_freed(void)
{
    Lower lower;
    SackBatch *batch = make(&lower, NEAR_USEC);

    g_assert_true(keep(batch, 1, 0));
    sack_batch_free(batch);
    end_turn();
    g_assert_cmpuint(lower.packets, ==, 0);
    sack_batch_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sack-batch/last-of-turn", test_last_of_turn);
    g_test_add_func("/sack-batch/no-more-than-few", test_no_more_than_few);
    g_test_add_func("/sack-batch/gaps", test_gaps);
    g_test_add_func("/sack-batch/paths", test_paths);
    g_test_add_func("/sack-batch/freed", test_freed);
    return g_test_run();
}
