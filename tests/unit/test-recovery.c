/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Outages of a path between two associations, in virtual time. What was sent in
 * an outage arrives when the path is back, not when usrsctp's timer is due.
 */

#include <config.h>

#include <string.h>

#include "association-message.h"
#include "fake-clock.h"

#define PORT 5000
#define FIRST_CHUNK 12
#define HEARTBEAT 4
#define DELAY_MS 20
#define ROUND_TRIP_USEC (2 * DELAY_MS * 1000)
#define SOON_USEC (200 * 1000) /* and a round trip: after an outage data flows again */

typedef struct End End;

struct End {
    Transport transport;
    End *to;
    Association *sctp;
    TransportState state;
    guint sent;  /* packets */
    guint asked; /* those with a HEARTBEAT */
    guint64 sent_bytes;
    guint received; /* messages */
};

typedef struct {
    End *to;
    GBytes *bytes;
} Packet;

static End ours, remote;
static bool cut, cut_ours; /* both ways; from us only */

static gboolean on_arrival(gpointer data)
{
    Packet *packet = data;
    gsize length;
    g_autofree guint8 *bytes = g_bytes_unref_to_data(packet->bytes, &length);

    if (!cut)
        transport_receive(&packet->to->transport, bytes, length);
    g_free(packet);
    return G_SOURCE_REMOVE;
}

static bool end_send(Transport *transport, const guint8 *bytes, gsize length)
{
    End *end = (End *) transport;
    Packet *packet;

    end->sent++;
    end->asked += bytes[FIRST_CHUNK] == HEARTBEAT;
    end->sent_bytes += length;
    if (cut || (cut_ours && end == &ours))
        return true;
    packet = g_new(Packet, 1);
    *packet = (Packet){end->to, g_bytes_new(bytes, length)};
    clock_timer_add(DELAY_MS, on_arrival, packet);
    return true;
}

static void on_state(TransportState state, const GError *reason, gpointer data)
{
    ((End *) data)->state = state;
}

static void on_doubt(bool doubted, gpointer data)
{
}

static void on_message(guint16 stream, guint32 ppid, const guint8 *bytes, gsize length,
                       gpointer data)
{
    guint number;

    g_assert_cmpuint(length, >=, sizeof number);
    memcpy(&number, bytes, sizeof number);
    g_assert_cmpuint(number, ==, ((End *) data)->received++);
}

static void on_stream(guint16 stream, gpointer data)
{
    g_assert_not_reached();
}

static void on_writable(gpointer data)
{
}

static const AssociationOps ops = {
    .state = on_state,
    .doubt = on_doubt,
    .message = on_message,
    .oversized = on_stream,
    .remote_reset = on_stream,
    .local_reset = on_stream,
    .writable = on_writable,
};

static void end_init(End *end, End *to)
{
    AssociationConfig config = {.local_port = PORT,
                                .remote_port = PORT,
                                .streams = 16,
                                .adds_streams = true,
                                .mtu = 1200,
                                .max_packet = 1200,
                                .max_message_size = 1 << 18};

    *end = (End){.to = to, .state = TRANSPORT_CONNECTING};
    transport_init(&end->transport, "test", end_send);
    end->transport.state = TRANSPORT_CONNECTED;
    end->sctp = association_new(&end->transport, &config, &ops, end, NULL);
    g_assert_nonnull(end->sctp);
}

static void set_up(void)
{
    cut = cut_ours = false;
    end_init(&ours, &remote);
    end_init(&remote, &ours);
    fake_clock_advance(2 * G_USEC_PER_SEC);
    g_assert_cmpint(ours.state, ==, TRANSPORT_CONNECTED);
    g_assert_cmpint(remote.state, ==, TRANSPORT_CONNECTED);
}

static void end_clear(End *end)
{
    association_free(end->sctp);
    fake_clock_advance(ROUND_TRIP_USEC);
    transport_clear(&end->transport);
}

static void tear_down(void)
{
    end_clear(&remote);
    end_clear(&ours);
}

static bool send_number(guint number, gsize length)
{
    g_autofree guint8 *bytes = g_malloc0(length);
    const AssociationMessage message = message_of(bytes, length);

    memcpy(bytes, &number, sizeof number);
    return association_send(ours.sctp, &message) == ASSOCIATION_SENT;
}

/* SECONDS with ten messages each; returns how many there are now. */
static guint send_for(guint first, guint seconds)
{
    for (guint i = 0; i < 10 * seconds; i++) {
        g_assert_true(send_number(first++, 20));
        fake_clock_advance(G_USEC_PER_SEC / 10);
    }
    return first;
}

typedef struct {
    guint seconds;
    gint64 late; /* µs after the end of the outage, a round trip and 0.2 s included */
    guint packets_per_second;
} Outage;

static void test_outage(gconstpointer data)
{
    const Outage *outage = data;
    guint n, before;

    set_up();
    n = send_for(0, 2);
    fake_clock_advance(ROUND_TRIP_USEC);
    g_assert_cmpuint(remote.received, ==, n);
    cut = true;
    before = ours.sent;
    n = send_for(n, outage->seconds);
    g_assert_cmpuint(ours.sent - before, <=, outage->packets_per_second * outage->seconds + 10);
    cut = false;
    fake_clock_advance(outage->late);
    g_assert_cmpuint(remote.received, >, 20);
    fake_clock_advance(10 * ROUND_TRIP_USEC);
    g_assert_cmpuint(remote.received, ==, n);
    /* The doubled timer is forgotten: a message that is lost now is soon sent again. */
    cut = true;
    send_number(n++, 20);
    cut = false;
    fake_clock_advance(3 * SOON_USEC);
    g_assert_cmpuint(remote.received, ==, n);
    tear_down();
}

/* Only what we say is lost: what the remote says is no reason to send all the time. */
static void test_one_way(void)
{
    guint before;

    set_up();
    send_number(0, 20);
    fake_clock_advance(ROUND_TRIP_USEC);
    cut_ours = true;
    before = ours.sent;
    for (guint i = 0; i < 50; i++) {
        AssociationMessage message = message_of(&i, sizeof i);

        message.ordered = false;
        message.max_retransmits = 0;
        if (i == 0)
            send_number(1, 1000);
        association_send(remote.sctp, &message);
        fake_clock_advance(G_USEC_PER_SEC / 5);
    }
    /* In ten seconds: questions, SACKs, and the long message a few times */
    g_assert_cmpuint(ours.sent - before, <, 250);
    g_assert_cmpuint(ours.sent_bytes, <, 25000);
    cut_ours = false;
    fake_clock_advance(SOON_USEC + ROUND_TRIP_USEC);
    g_assert_cmpuint(remote.received, ==, 2);
    tear_down();
}

/* A window that stays closed is no outage. */
static void test_closed_window(void)
{
    guint before, n = 0;

    set_up();
    association_hold(remote.sctp, true);
    while (send_number(n, 60000)) {
        n++;
        fake_clock_advance(G_USEC_PER_SEC / 20);
    }
    before = ours.asked;
    fake_clock_advance(30 * G_USEC_PER_SEC);
    g_assert_cmpuint(ours.asked - before, <, 12);
    g_assert_cmpuint(remote.received, ==, 0);
    association_hold(remote.sctp, false);
    fake_clock_advance(20 * G_USEC_PER_SEC);
    g_assert_cmpuint(remote.received, ==, n);
    tear_down();
}

/* While all is well nobody asks. */
static void test_idle(void)
{
    guint before;

    set_up();
    before = ours.sent;
    fake_clock_advance(30 * G_USEC_PER_SEC);
    g_assert_cmpuint(ours.sent - before, <, 12);
    tear_down();
}

int main(int argc, char **argv)
{
    static const Outage outages[] = {
        {1, SOON_USEC + ROUND_TRIP_USEC, 17}, {3, SOON_USEC + ROUND_TRIP_USEC, 17},
        {8, SOON_USEC + ROUND_TRIP_USEC, 11}, {15, SOON_USEC + ROUND_TRIP_USEC, 9},
        {25, SOON_USEC + ROUND_TRIP_USEC, 9},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(outages); i++) {
        g_autofree char *name = g_strdup_printf("/recovery/outage-%u", outages[i].seconds);

        g_test_add_data_func(name, &outages[i], test_outage);
    }
    g_test_add_func("/recovery/one-way", test_one_way);
    g_test_add_func("/recovery/closed-window", test_closed_window);
    g_test_add_func("/recovery/idle", test_idle);
    return g_test_run();
}
