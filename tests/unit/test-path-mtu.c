/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The search for the size of packets: alone against a path of this program's
 * making and a clock of its own, then in two associations over a pipe that
 * drops what is too large for it, from the beginning or all of a sudden.
 */

#include <config.h>

#include "rtc/sctp/path-mtu.h"

#include <string.h>

#include "common/log.h"
#include "rtc/sctp/association.h"
#include "wait.h"

#define BASE 1160

static const gsize sizes[] = {8920, 1420, 1300};

/* ---- the state machine ---- */

typedef struct {
    PathMtu mtu;
    gint64 now;
    gsize limit; /* larger probes are lost */
    guint probes;
} Path;

/* Does all that is due within the next TIME microseconds; answers come at once. */
static void pass_time(Path *path, gint64 time)
{
    gint64 end = path->now + time, due;

    while ((due = path_mtu_due(&path->mtu)) >= 0 && due <= end) {
        gsize probe;

        path->now = MAX(path->now, due);
        probe = path_mtu_probe(&path->mtu, path->now);
        path->probes += probe > 0;
        if (probe > 0 && probe <= path->limit)
            path_mtu_answered(&path->mtu, probe, path->now);
    }
    path->now = end;
}

static void start(Path *path, gsize limit)
{
    *path = (Path){.now = 1000, .limit = limit};
    path_mtu_init(&path->mtu, BASE);
    path_mtu_start(&path->mtu, sizes, G_N_ELEMENTS(sizes), path->now);
}

static void test_first(void)
{
    Path path;

    start(&path, 8920);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_SEARCH);
    g_assert_cmpuint(path.mtu.size, ==, BASE);
    pass_time(&path, 0);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_COMPLETE);
    g_assert_cmpuint(path.mtu.size, ==, 8920);
    g_assert_cmpuint(path.probes, ==, 1);
    g_assert_cmpint(path_mtu_due(&path.mtu), ==, -1);
}

static void test_smaller(void)
{
    Path path;

    start(&path, 1420);
    pass_time(&path, PATH_MTU_TRIES * PATH_MTU_PROBE_USEC - 1);
    g_assert_cmpuint(path.mtu.size, ==, BASE);
    pass_time(&path, 1);
    g_assert_cmpuint(path.mtu.size, ==, 1420);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_COMPLETE);
    g_assert_cmpuint(path.probes, ==, PATH_MTU_TRIES + 1);
}

/* A remote that answers no probe, or a path of 1280 bytes */
static void test_none(void)
{
    Path path;

    start(&path, 1200);
    pass_time(&path, 60 * G_USEC_PER_SEC);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_COMPLETE);
    g_assert_cmpuint(path.mtu.size, ==, BASE);
    g_assert_cmpuint(path.probes, ==, PATH_MTU_TRIES * G_N_ELEMENTS(sizes));

    path_mtu_traffic(&path.mtu, BASE, path.now);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_COMPLETE);
    path.limit = 1420; /* the path gets better, and later there is traffic */
    pass_time(&path, PATH_MTU_RAISE_USEC);
    path_mtu_traffic(&path.mtu, 100, path.now);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_COMPLETE);
    path_mtu_traffic(&path.mtu, BASE, path.now);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_SEARCH);
    pass_time(&path, 60 * G_USEC_PER_SEC);
    g_assert_cmpuint(path.mtu.size, ==, 1420);
}

static void test_nothing_to_try(void)
{
    static const gsize small[] = {BASE, 600};
    static const gsize odd[] = {8920, 8920, 9000, 1420};
    Path path;

    start(&path, 8920);
    path_mtu_start(&path.mtu, small, G_N_ELEMENTS(small), path.now);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_BASE);
    g_assert_cmpint(path_mtu_due(&path.mtu), ==, -1);
    path_mtu_start(&path.mtu, odd, G_N_ELEMENTS(odd), path.now);
    g_assert_cmpuint(path.mtu.n_sizes, ==, 2);
}

/* One probe is lost in congestion, another one's answer comes late. */
static void test_loss(void)
{
    Path path;

    start(&path, 0);
    pass_time(&path, PATH_MTU_PROBE_USEC);
    path.limit = 8920;
    pass_time(&path, PATH_MTU_PROBE_USEC);
    g_assert_cmpuint(path.mtu.size, ==, 8920);

    start(&path, 0);
    pass_time(&path, PATH_MTU_TRIES * PATH_MTU_PROBE_USEC);
    g_assert_cmpuint(path.mtu.trying, ==, 1);
    path_mtu_answered(&path.mtu, 8920, path.now);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_COMPLETE);
    g_assert_cmpuint(path.mtu.size, ==, 8920);
    path_mtu_answered(&path.mtu, 1420, path.now);
    g_assert_cmpuint(path.mtu.size, ==, 8920);
}

/* A remote that answers what it was not asked. */
static void test_lies(void)
{
    static const gsize lies[] = {G_MAXUINT32, 65532, 8924, BASE + 4, 56, 0};
    Path path;

    start(&path, 0);
    pass_time(&path, 0);
    for (guint i = 0; i < G_N_ELEMENTS(lies); i++) {
        path_mtu_answered(&path.mtu, lies[i], path.now);
        g_assert_cmpint(path.mtu.state, ==, PATH_MTU_SEARCH);
        g_assert_cmpuint(path.mtu.size, ==, BASE);
    }
}

static void test_black_hole(void)
{
    Path path;

    start(&path, 8920);
    pass_time(&path, PATH_MTU_CHECK_USEC);
    path_mtu_traffic(&path.mtu, BASE, path.now); /* small packets ask for no check */
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_COMPLETE);
    path_mtu_traffic(&path.mtu, 8920, path.now);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_CHECK);
    pass_time(&path, 0);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_COMPLETE);
    path_mtu_traffic(&path.mtu, 8920, path.now); /* that was just now */
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_COMPLETE);

    pass_time(&path, PATH_MTU_CHECK_USEC);
    path.limit = 1420;
    path_mtu_traffic(&path.mtu, 8920, path.now);
    pass_time(&path, PATH_MTU_TRIES * PATH_MTU_PROBE_USEC - 1);
    g_assert_cmpuint(path.mtu.size, ==, 8920);
    pass_time(&path, 1);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_SEARCH);
    g_assert_cmpuint(path.mtu.size, ==, BASE);
    pass_time(&path, PATH_MTU_TRIES * PATH_MTU_PROBE_USEC);
    g_assert_cmpuint(path.mtu.size, ==, 1420);
}

static void test_other_path(void)
{
    Path path;

    start(&path, 8920);
    pass_time(&path, 0);
    path_mtu_start(&path.mtu, NULL, 0, path.now);
    g_assert_cmpint(path.mtu.state, ==, PATH_MTU_BASE);
    g_assert_cmpuint(path.mtu.size, ==, BASE);
    path_mtu_traffic(&path.mtu, BASE, path.now + PATH_MTU_RAISE_USEC);
    g_assert_cmpint(path_mtu_due(&path.mtu), ==, -1);
    path_mtu_answered(&path.mtu, 8920, path.now); /* of a probe of the old path */
    g_assert_cmpuint(path.mtu.size, ==, BASE);
}

/* ---- two associations over a pipe ---- */

#define MESSAGE_SIZE (16 * 1024)

typedef struct {
    Transport transport; /* what the association sends comes to the other end */
    Association *sctp;
    bool open;
    GChecksum *checksum;
    guint64 received;
} End;

static struct {
    End ends[2];
    GQueue wire; /* of Packet */
    guint source;
    gsize limit;
    gsize first;   /* known to pass */
    gsize taken;   /* by who receives, as it has told */
    gsize largest; /* that arrived */
    guint dropped;
    bool deaf; /* nobody answers a heartbeat */
    GChecksum *checksum;
    guint64 sent, wanted;
} net;

typedef struct {
    End *to;
    gsize length;
    guint8 bytes[];
} Packet;

static gboolean on_wire(gpointer data)
{
    for (int i = 0; i < 32 && !g_queue_is_empty(&net.wire); i++) {
        g_autofree Packet *packet = g_queue_pop_head(&net.wire);

        transport_receive(&packet->to->transport, packet->bytes, packet->length);
    }
    if (!g_queue_is_empty(&net.wire))
        return G_SOURCE_CONTINUE;
    net.source = 0;
    return G_SOURCE_REMOVE;
}

static bool wire_send(Transport *transport, const guint8 *bytes, gsize length)
{
    End *from = (End *) transport;
    Packet *packet;

    if (length > net.limit || (net.deaf && bytes[12] == 4)) {
        net.dropped++;
        return true;
    }
    net.largest = MAX(net.largest, length);
    packet = g_malloc(sizeof *packet + length);
    packet->to = &net.ends[from == &net.ends[0]];
    packet->length = length;
    memcpy(packet->bytes, bytes, length);
    g_queue_push_tail(&net.wire, packet);
    if (net.source == 0)
        net.source = g_idle_add_full(G_PRIORITY_DEFAULT, on_wire, NULL, NULL);
    return true;
}

static void send_more(End *end)
{
    guint8 bytes[MESSAGE_SIZE];
    AssociationMessage message = {.ppid = 53,
                                  .ordered = true,
                                  .max_retransmits = -1,
                                  .max_packet_lifetime = -1,
                                  .bytes = bytes,
                                  .length = sizeof bytes};

    while (net.sent < net.wanted) {
        memset(bytes, net.sent / MESSAGE_SIZE * 7, sizeof bytes);
        if (association_send(end->sctp, &message) != ASSOCIATION_SENT)
            return;
        g_checksum_update(net.checksum, bytes, sizeof bytes);
        net.sent += sizeof bytes;
    }
}

static void on_state(TransportState state, const GError *reason, gpointer data)
{
    g_assert_no_error(reason);
    ((End *) data)->open = state == TRANSPORT_CONNECTED;
}

static void on_message(guint16 stream, guint32 ppid, const guint8 *bytes, gsize length,
                       gpointer data)
{
    End *end = data;

    g_checksum_update(end->checksum, bytes, length);
    end->received += length;
}

static void on_writable(gpointer data)
{
    send_more(data);
}

static const AssociationOps sctp_user = {
    .state = on_state,
    .message = on_message,
    .writable = on_writable,
};

static void connect_ends(gsize limit, gsize taken)
{
    net.limit = limit;
    net.taken = taken;
    net.checksum = g_checksum_new(G_CHECKSUM_SHA256);
    for (int i = 0; i < 2; i++) {
        transport_init(&net.ends[i].transport, "wire", wire_send);
        net.ends[i].transport.state = TRANSPORT_CONNECTED;
        net.ends[i].checksum = g_checksum_new(G_CHECKSUM_SHA256);
    }
    for (int i = 0; i < 2; i++) {
        AssociationConfig config = {.local_port = 5000,
                                    .remote_port = 5000,
                                    .streams = 1,
                                    .mtu = BASE,
                                    .first = net.first,
                                    .max_packet = net.taken,
                                    .max_message_size = MESSAGE_SIZE};
        g_autoptr(GError) error = NULL;

        net.ends[i].sctp =
            association_new(&net.ends[i].transport, &config, &sctp_user, &net.ends[i], &error);
        g_assert_no_error(error);
    }
    wait_until(net.ends[0].open && net.ends[1].open);
}

static void start_search(guint n_sizes)
{
    transport_path(&net.ends[0].transport, sizes, n_sizes);
}

static void transfer(guint64 length)
{
    net.wanted += length;
    send_more(&net.ends[0]);
}

static void check_transfer(void)
{
    g_autoptr(GChecksum) theirs = NULL, ours = NULL;

    wait_until(net.ends[1].received >= net.wanted);
    g_assert_cmpuint(net.ends[1].received, ==, net.wanted);
    theirs = g_checksum_copy(net.ends[1].checksum); /* reading one closes it */
    ours = g_checksum_copy(net.checksum);
    g_assert_cmpstr(g_checksum_get_string(theirs), ==, g_checksum_get_string(ours));
}

static void disconnect_ends(void)
{
    for (int i = 0; i < 2; i++) {
        association_free(net.ends[i].sctp);
        transport_clear(&net.ends[i].transport);
        g_checksum_free(net.ends[i].checksum);
    }
    g_clear_handle_id(&net.source, g_source_remove);
    g_queue_clear_full(&net.wire, g_free);
    g_checksum_free(net.checksum);
    memset(&net, 0, sizeof net);
}

static void test_pipe_first(void)
{
    connect_ends(G_MAXSIZE, 16384);
    start_search(G_N_ELEMENTS(sizes));
    wait_until(association_packet_size(net.ends[0].sctp) == sizes[0]);
    transfer(8 * 1024 * 1024);
    check_transfer();
    g_assert_cmpuint(net.largest, ==, sizes[0]);
    g_assert_cmpuint(net.dropped, ==, 0);
    g_assert_cmpuint(association_packet_size(net.ends[1].sctp), ==, BASE);
    /* another pair */
    transport_path(&net.ends[0].transport, NULL, 0);
    wait_until(association_packet_size(net.ends[0].sctp) == BASE);
    net.largest = 0;
    transfer(1024 * 1024);
    check_transfer();
    g_assert_cmpuint(net.largest, <=, BASE);
    disconnect_ends();
}

/* Only probes are lost, while a transfer goes on. */
static void test_pipe_smaller(void)
{
    connect_ends(1500, 16384);
    start_search(G_N_ELEMENTS(sizes));
    transfer(4 * 1024 * 1024);
    check_transfer();
    wait_until(association_packet_size(net.ends[0].sctp) == sizes[1]);
    g_assert_cmpuint(net.dropped, ==, PATH_MTU_TRIES);
    transfer(4 * 1024 * 1024);
    check_transfer();
    g_assert_cmpuint(net.dropped, ==, PATH_MTU_TRIES);
    disconnect_ends();
}

static void test_pipe_black_hole(void)
{
    connect_ends(G_MAXSIZE, 16384);
    start_search(G_N_ELEMENTS(sizes));
    wait_until(association_packet_size(net.ends[0].sctp) == sizes[0]);
    transfer(64 * 1024 * 1024);
    wait_until(net.ends[1].received > 8 * 1024 * 1024);
    g_assert_cmpuint(net.ends[1].received, <, net.wanted);
    net.limit = BASE;
    check_transfer();
    g_assert_cmpuint(association_packet_size(net.ends[0].sctp), ==, BASE);
    g_assert_cmpuint(net.dropped, >, PATH_MTU_TRIES);
    disconnect_ends();
}

/* No probe is answered, whatever the reason. */
static void test_pipe_deaf(void)
{
    connect_ends(G_MAXSIZE, 16384);
    net.deaf = true;
    start_search(1);
    wait_until(net.dropped == PATH_MTU_TRIES);
    transfer(1024 * 1024);
    check_transfer();
    g_assert_cmpuint(net.largest, <=, BASE);
    disconnect_ends();
}

/* A remote that has not asked for large packets gets no probe. */
static void test_pipe_unasked(void)
{
    connect_ends(G_MAXSIZE, 0);
    start_search(G_N_ELEMENTS(sizes));
    transfer(4 * 1024 * 1024);
    check_transfer();
    g_assert_cmpuint(net.largest, <=, BASE);
    disconnect_ends();

    connect_ends(G_MAXSIZE, 1401);
    start_search(G_N_ELEMENTS(sizes));
    wait_until(association_packet_size(net.ends[0].sctp) == 1400);
    disconnect_ends();
}

/* A path within this host, then another: what was cut for the former arrives. */
static void test_pipe_known(void)
{
    static const gsize first = 16344, other[] = {1420};

    net.first = first;
    connect_ends(G_MAXSIZE, 16384);
    g_assert_cmpuint(association_packet_size(net.ends[0].sctp), ==, first);
    transport_path(&net.ends[0].transport, &first, 1);
    g_assert_cmpuint(association_packet_size(net.ends[0].sctp), ==, first);
    transfer(16 * 1024 * 1024);
    wait_until(net.ends[1].received > 4 * 1024 * 1024);
    g_assert_cmpuint(net.ends[1].received, <, net.wanted);
    g_assert_cmpuint(net.largest, ==, first);
    transport_path(&net.ends[0].transport, NULL, 0);
    check_transfer();
    g_assert_cmpuint(association_packet_size(net.ends[0].sctp), ==, BASE);
    net.largest = 0;
    transfer(1024 * 1024);
    check_transfer();
    g_assert_cmpuint(net.largest, <=, BASE);
    transport_path(&net.ends[0].transport, other, G_N_ELEMENTS(other));
    wait_until(association_packet_size(net.ends[0].sctp) == other[0]);
    disconnect_ends();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_open("test-path-mtu", g_test_verbose());
    g_test_add_func("/path-mtu/first", test_first);
    g_test_add_func("/path-mtu/smaller", test_smaller);
    g_test_add_func("/path-mtu/none", test_none);
    g_test_add_func("/path-mtu/lies", test_lies);
    g_test_add_func("/path-mtu/nothing-to-try", test_nothing_to_try);
    g_test_add_func("/path-mtu/loss", test_loss);
    g_test_add_func("/path-mtu/black-hole", test_black_hole);
    g_test_add_func("/path-mtu/other-path", test_other_path);
    g_test_add_func("/path-mtu/pipe/first", test_pipe_first);
    g_test_add_func("/path-mtu/pipe/smaller", test_pipe_smaller);
    g_test_add_func("/path-mtu/pipe/black-hole", test_pipe_black_hole);
    g_test_add_func("/path-mtu/pipe/deaf", test_pipe_deaf);
    g_test_add_func("/path-mtu/pipe/unasked", test_pipe_unasked);
    g_test_add_func("/path-mtu/pipe/known", test_pipe_known);
    return g_test_run();
}
