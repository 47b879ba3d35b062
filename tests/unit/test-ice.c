/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Two ICE agents on loopback. Their packets stay with libnice, as those of
 * relayed pairs do, if a test does not say otherwise. The linker lets us see
 * the agents and the fast paths (--wrap).
 */

#include <config.h>

#include <agent.h>
#include <sys/socket.h>

#include "rtc/connection.h"
#include "rtc/ice/ice.h"
#include "rtc/ice/udp-path.h"
#include "wait.h"

enum {
    PACKETS = 300,
    A_TURN = 64, /* what two dispatches of a turn may read, see socket-turn.h */
};

typedef struct End {
    Ice *ice;
    NiceAgent *agent;
    struct End *other;
    guint received, most; /* packets; in one turn of the main loop */
} End;

static NiceAgent *last_agent;
static int paths;

NiceAgent *__real_nice_agent_new_full(GMainContext *context, NiceCompatibility compatibility,
                                      NiceAgentOption options);
NiceAgent *__wrap_nice_agent_new_full(GMainContext *context, NiceCompatibility compatibility,
                                      NiceAgentOption options);

NiceAgent *__wrap_nice_agent_new_full(GMainContext *context, NiceCompatibility compatibility,
                                      NiceAgentOption options)
{
    return last_agent = __real_nice_agent_new_full(context, compatibility, options);
}

UdpPath *__real_udp_path_new(int socket, const struct sockaddr *remote, socklen_t remote_length,
                             const UdpPathUser *path_user, gpointer data, GError **error);
UdpPath *__wrap_udp_path_new(int socket, const struct sockaddr *remote, socklen_t remote_length,
                             const UdpPathUser *path_user, gpointer data, GError **error);
void __real_udp_path_free(UdpPath *path);
void __wrap_udp_path_free(UdpPath *path);

UdpPath *__wrap_udp_path_new(int socket, const struct sockaddr *remote, socklen_t remote_length,
                             const UdpPathUser *path_user, gpointer data, GError **error)
{
    UdpPath *path = __real_udp_path_new(socket, remote, remote_length, path_user, data, error);

    paths += path != NULL;
    return path;
}

void __wrap_udp_path_free(UdpPath *path)
{
    paths--;
    __real_udp_path_free(path);
}

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

static void on_receive(guint8 *packet, gsize length, gpointer data)
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

static void start(End *ends, bool plain)
{
    static const char *const interfaces[] = {"lo", NULL};
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 2; i++) {
        IceConfig config = {.controlling = i == 0,
                            .interfaces = interfaces,
                            .libnice_only = plain,
                            .candidate = on_candidate,
                            .data = &ends[i]};

        ends[i] = (End){.ice = ice_new(&config, &error), .other = &ends[!i]};
        ends[i].agent = last_agent;
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

static void send_packets(End *end, guint from, guint to)
{
    for (guint i = from; i < to; i++) {
        guint8 packet[100] = {20, i >> 8, i};

        g_assert_true(transport_send(ice_transport(end->ice), packet, sizeof packet));
    }
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

    start(ends, true);
    send_packets(&ends[0], 0, PACKETS);
    while (ends[1].received < PACKETS) {
        g_main_context_iteration(NULL, TRUE);
        ends[1].most = MAX(ends[1].most, ends[1].received - before);
        before = ends[1].received;
    }
    g_assert_cmpuint(ends[1].most, <=, A_TURN);
    stop(ends);
}

/* As libnice makes them for another agent: nobody here takes them. */
static void flood(End *end, guint packets)
{
    static const guint8 stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
    g_autoptr(GSocket) socket = nice_agent_get_selected_socket(end->agent, 1, 1);
    g_autoptr(GSocketAddress) address = g_socket_get_local_address(socket, NULL);
    g_autoptr(GSocket) stranger = g_socket_new(g_socket_get_family(socket), G_SOCKET_TYPE_DATAGRAM,
                                               G_SOCKET_PROTOCOL_UDP, NULL);

    for (guint i = 0; i < packets; i++)
        g_assert_cmpint(
            g_socket_send_to(stranger, address, (const char *) stun, sizeof stun, NULL, NULL), ==,
            sizeof stun);
}

static bool is_waiting(End *end)
{
    g_autoptr(GSocket) socket = nice_agent_get_selected_socket(end->agent, 1, 1);

    return g_socket_condition_check(socket, G_IO_IN) != 0;
}

/* What libnice gives to nobody is read in as many turns as what it does. */
static void test_stun_flood(void)
{
    End ends[2];
    guint turns = 0;

    start(ends, true);
    flood(&ends[1], PACKETS);
    for (; is_waiting(&ends[1]); turns++)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(turns, >=, PACKETS / A_TURN);
    send_packets(&ends[0], 0, 1);
    wait_until(ends[1].received == 1);
    stop(ends);
}

/* To the same one, for all that END can see. */
static void change_pair(End *end)
{
    NiceCandidate *local, *remote;

    g_assert_true(nice_agent_get_selected_pair(end->agent, 1, 1, &local, &remote));
    g_signal_emit_by_name(end->agent, "new-selected-pair-full", 1, 1, local, remote);
}

static int receive_buffer(GSocket *socket)
{
    int size = 0;

    g_socket_get_option(socket, SOL_SOCKET, SO_RCVBUF, &size, NULL);
    return size;
}

/* What has come by a pair is not lost when another one is selected. */
static void test_pair_that_changes(void)
{
    End ends[2];
    guint sent = 0;
    int buffer;
    GSocket *socket;

    start(ends, false);
    while (paths < 2) {
        send_packets(&ends[0], sent, sent + PACKETS);
        sent += PACKETS;
        wait_until(ends[1].received == sent);
    }
    socket = nice_agent_get_selected_socket(ends[1].agent, 1, 1);
    g_object_add_weak_pointer(G_OBJECT(socket), (gpointer *) &socket);
    g_object_unref(socket);
    buffer = receive_buffer(socket);
    send_packets(&ends[0], sent, sent + PACKETS);
    change_pair(&ends[0]);
    g_assert_cmpuint(ends[1].received, ==, sent);
    change_pair(&ends[1]);
    g_assert_cmpuint(ends[1].received, ==, sent + PACKETS);
    g_assert_cmpint(paths, ==, 0);
    g_assert_cmpint(receive_buffer(socket), >, buffer); /* libnice carries packets again */
    stop(ends);
    g_assert_null(socket);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ice/turns", test_turns);
    g_test_add_func("/ice/stun-flood", test_stun_flood);
    g_test_add_func("/ice/pair-that-changes", test_pair_that_changes);
    return g_test_run();
}
