/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Two ICE agents on loopback whose packets stay with libnice, as those of relayed pairs do. */

#include "config.h"

#include "rtc/connection.h"
#include "rtc/ice.h"
#include "wait.h"

enum { PACKETS = 300, A_TURN = 64 /* what two dispatches of a turn may read, see READ_MAX */ };

typedef struct End {
    Ice *ice;
    struct End *other;
    guint received, most; /* packets; in one turn of the main loop */
} End;

static void on_candidate(const char *candidate, gpointer data)
{
    g_autoptr(GError) error = NULL;
    End *end = data;

    if (candidate)
        ice_add_candidate(end->other->ice, candidate, &error);
    else
        ice_end_candidates(end->other->ice);
    g_assert_no_error(error);
}

static void on_receive(const guint8 *packet, gsize length, gpointer data)
{
    End *end = data;

    g_assert_cmpuint(length, ==, 100);
    g_assert_cmpuint(packet[1] << 8 | packet[2], ==, end->received);
    end->received++;
}

static void on_state(TransportState state, const GError *reason, gpointer data)
{
    g_assert_no_error(reason);
}

static const TransportUser user = {.receive = on_receive, .state = on_state};

static void start(End *ends)
{
    static const char *const interfaces[] = {"lo", NULL};
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 2; i++) {
        IceConfig config = {.controlling = i == 0,
                            .interfaces = interfaces,
                            .plain = true,
                            .candidate = on_candidate,
                            .data = &ends[i]};

        ends[i] = (End){.ice = ice_new(&config, &error), .other = &ends[!i]};
        g_assert_no_error(error);
        transport_set_user(ice_transport(ends[i].ice), &user, &ends[i]);
    }
    for (int i = 0; i < 2; i++) {
        ice_set_remote_credentials(ends[i].ice, ice_ufrag(ends[!i].ice), ice_password(ends[!i].ice),
                                   &error);
        g_assert_no_error(error);
    }
    for (int i = 0; i < 2; i++) {
        ice_gather(ends[i].ice, &error);
        g_assert_no_error(error);
    }
    for (int i = 0; i < 2; i++)
        wait_until(ice_transport(ends[i].ice)->state == TRANSPORT_CONNECTED);
}

static void stop(End *ends)
{
    for (int i = 0; i < 2; i++) {
        transport_set_user(ice_transport(ends[i].ice), NULL, NULL);
        ice_free(ends[i].ice);
    }
    wait_until(ice_closing_count() == 0);
}

/* However many wait, others have their turn between them; and none is lost or out of order. */
static void test_turns(void)
{
    End ends[2];
    guint before = 0;

    start(ends);
    for (guint i = 0; i < PACKETS; i++) {
        guint8 packet[100] = {20, i >> 8, i};

        g_assert_true(transport_send(ice_transport(ends[0].ice), packet, sizeof packet));
    }
    while (ends[1].received < PACKETS) {
        g_main_context_iteration(NULL, TRUE);
        ends[1].most = MAX(ends[1].most, ends[1].received - before);
        before = ends[1].received;
    }
    g_assert_cmpuint(ends[1].most, <=, A_TURN);
    stop(ends);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ice/turns", test_turns);
    return g_test_run();
}
