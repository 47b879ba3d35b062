/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "connection-pair.h"

#include <agent.h>
#include <string.h>

#include "rtc/ice/ice.h"
#include "rtc/ice/udp-path.h"

/* ---- what the linker lets us see ------------------------------------------- */

GHashTable *pair_cut_agents;
GPtrArray *pair_agents;
guint pair_packets;

NiceAgent *__real_nice_agent_new_full(GMainContext *context, NiceCompatibility compatibility,
                                      NiceAgentOption options);
NiceAgent *__wrap_nice_agent_new_full(GMainContext *context, NiceCompatibility compatibility,
                                      NiceAgentOption options);
gint __real_nice_agent_send(NiceAgent *agent, guint stream, guint component, guint length,
                            const gchar *bytes);
gint __wrap_nice_agent_send(NiceAgent *agent, guint stream, guint component, guint length,
                            const gchar *bytes);

NiceAgent *__wrap_nice_agent_new_full(GMainContext *context, NiceCompatibility compatibility,
                                      NiceAgentOption options)
{
    NiceAgent *agent = __real_nice_agent_new_full(context, compatibility, options);

    g_ptr_array_add(pair_agents, agent);
    return agent;
}

gint __wrap_nice_agent_send(NiceAgent *agent, guint stream, guint component, guint length,
                            const gchar *bytes)
{
    pair_packets++;
    if (g_hash_table_contains(pair_cut_agents, agent))
        return (gint) length;
    return __real_nice_agent_send(agent, stream, component, length, bytes);
}

void __real_udp_path_send(UdpPath *path, const guint8 *packet, gsize length);
void __wrap_udp_path_send(UdpPath *path, const guint8 *packet, gsize length);

void __wrap_udp_path_send(UdpPath *path, const guint8 *packet, gsize length)
{
    pair_packets++;
    __real_udp_path_send(path, packet, length);
}

struct PairClock pair_clock;

gint64 __real_clock_monotonic(void);
gint64 __wrap_clock_monotonic(void);
guint __real_clock_timer_add_seconds(guint seconds, GSourceFunc func, gpointer data);
guint __wrap_clock_timer_add_seconds(guint seconds, GSourceFunc func, gpointer data);

gint64 __wrap_clock_monotonic(void)
{
    return __real_clock_monotonic() + pair_clock.ahead;
}

guint __wrap_clock_timer_add_seconds(guint seconds, GSourceFunc func, gpointer data)
{
    return pair_clock.hasty ? g_timeout_add(seconds * 20, func, data)
                            : __real_clock_timer_add_seconds(seconds, func, data);
}

void pair_wait_for_offer(void)
{
    pair_clock.ahead += G_USEC_PER_SEC;
}

/* What is on its way is read, or it would pass for an answer to what is asked next. */
void pair_cut_all(void)
{
    for (guint i = 0; i < pair_agents->len; i++)
        g_hash_table_add(pair_cut_agents, pair_agents->pdata[i]);
    for (guint i = 0; i < 1000 && g_main_context_iteration(NULL, FALSE); i++)
        ;
}

/* ---- the two ends ----------------------------------------------------------- */

static void on_channel_state(Channel *channel, ChannelState state, const GError *reason,
                             gpointer data)
{
}

static void on_message(Channel *channel, MessageKind kind, const guint8 *bytes, gsize length,
                       gpointer data)
{
    PairEnd *end = data;
    guint number;

    g_assert_cmpuint(length, ==, sizeof number);
    memcpy(&number, bytes, sizeof number);
    g_assert_cmpuint(number, ==, end->received);
    end->received++;
}

static const ChannelOps channel_ops = {.state = on_channel_state, .message = on_message};

void pair_give(PairEnd *end, const char *type, const char *sdp)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&end->other->refused, g_free);
    if (!connection_set_remote(end->other->connection, type, sdp, &error))
        end->other->refused = g_strdup(error->message);
}

static void on_description(Connection *connection, const char *type, const char *sdp, gpointer data)
{
    PairEnd *end = data;
    bool offer = strcmp(type, "offer") == 0;
    char **kept = offer ? &end->offer : &end->answer;

    g_free(*kept);
    *kept = g_strdup(sdp);
    if (offer)
        end->offers++;
    else
        end->answers++;
    if (end->always_active && !offer)
        memcpy(strstr(*kept, "a=setup:passive"), "a=setup:active\n", strlen("a=setup:passive"));
    sdp = *kept;
    if (offer ? !end->drop_offers && !end->hold_offers : !end->drop_answers)
        pair_give(end, type, sdp);
}

static void on_candidate(Connection *connection, const IceCandidateInit *candidate, gpointer data)
{
    PairEnd *end = data;

    if (candidate) {
        end->candidates++;
        g_ptr_array_add(end->told, g_strdup(candidate->candidate));
    } else {
        end->ends++;
    }
    if (candidate && end->relayed) {
        IceCandidateInit relayed = *candidate;
        g_autoptr(GString) line = g_string_new(candidate->candidate);

        g_string_replace(line, "typ host", "typ relay raddr 127.0.0.1 rport 9", 1);
        relayed.candidate = line->str;
        g_assert_true(connection_add_candidate(end->other->connection, &relayed, NULL));
    } else if (!end->drop_candidates)
        g_assert_true(connection_add_candidate(end->other->connection, candidate, NULL));
}

static void on_state(Connection *connection, ConnectionState state, const GError *reason,
                     gpointer data)
{
    g_assert_no_error(reason);
}

static void on_path(Connection *connection, ConnectionPathEvent event, gpointer data)
{
    PairEnd *end = data;

    end->moved += event == CONNECTION_PATH_MOVED;
    end->silent += event == CONNECTION_PATH_SILENT;
    end->heard += event == CONNECTION_PATH_HEARD;
    end->failed += event == CONNECTION_RESTART_FAILED;
    end->poor += event == CONNECTION_PATH_RELAYED;
    end->no_path += event == CONNECTION_PATH_FAILED;
}

static void on_channel(Connection *connection, Channel *channel, gpointer data)
{
    PairEnd *end = data;

    end->channel = channel;
    channel_attach(channel, &channel_ops, end);
}

static bool on_restart(Connection *connection, GError **error, gpointer data)
{
    PairEnd *end = data;

    if (end->may_not)
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FULL, "not now");
    return !end->may_not;
}

static const ConnectionOps ops = {
    .description = on_description,
    .restart = on_restart,
    .candidate = on_candidate,
    .state = on_state,
    .path = on_path,
    .channel = on_channel,
};

static void end_init(PairEnd *end, PairEnd *other, bool plain, bool waits)
{
    static const char *const interfaces[] = {"lo", NULL};
    ConnectionConfig config = {.interfaces = interfaces, .libnice_only = plain, .waits = waits};

    end->other = other;
    end->told = g_ptr_array_new_with_free_func(g_free);
    end->certificate = certificate_generate("x", NULL);
    config.certificate = end->certificate;
    end->connection = connection_new(&config, &ops, end, NULL);
    g_assert_nonnull(end->connection);
}

static void end_clear(PairEnd *end)
{
    connection_free(end->connection);
    certificate_unref(end->certificate);
    g_ptr_array_unref(end->told);
    g_free(end->offer);
    g_free(end->answer);
    g_free(end->refused);
}

void pair_send_number(PairEnd *end)
{
    g_assert_true(channel_send(end->channel, MESSAGE_BINARY, &end->sent, sizeof end->sent, NULL));
    end->sent++;
}

/* Numbers go both ways while we wait. */
gboolean pair_send_numbers(gpointer data)
{
    ConnectionPair *pair = data;

    pair_send_number(&pair->a);
    pair_send_number(&pair->b);
    return G_SOURCE_CONTINUE;
}

/* All has come, and more does. */
void pair_check_flow(ConnectionPair *pair)
{
    for (int i = 0; i < 20; i++)
        pair_send_numbers(pair);
    wait_until(pair->a.received == pair->b.sent && pair->b.received == pair->a.sent);
    g_assert_cmpint(connection_state(pair->a.connection), ==, CONNECTION_CONNECTED);
    g_assert_cmpint(connection_state(pair->b.connection), ==, CONNECTION_CONNECTED);
}

void pair_begin(ConnectionPair *pair, bool plain, bool waits)
{
    const ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;

    pair_agents = g_ptr_array_new();
    pair_cut_agents = g_hash_table_new(NULL, NULL);
    end_init(&pair->a, &pair->b, plain, waits);
    end_init(&pair->b, &pair->a, plain, waits);
    pair->a.channel = connection_open_channel(pair->a.connection, "n", &options, NULL);
    channel_attach(pair->a.channel, &channel_ops, &pair->a);
}

void pair_set_up(ConnectionPair *pair, gconstpointer data)
{
    pair_begin(pair, data != NULL, false);
    g_assert_true(connection_offer(pair->a.connection, NULL));
    wait_until(connection_state(pair->a.connection) == CONNECTION_CONNECTED && pair->b.channel);
    pair_check_flow(pair);
    pair->a.moved = pair->b.moved = 0;
}

void pair_tear_down(ConnectionPair *pair, gconstpointer data)
{
    end_clear(&pair->a);
    end_clear(&pair->b);
    connection_drain(5000);
    g_assert_cmpuint(ice_closing_count(), ==, 0);
    g_ptr_array_unref(pair_agents);
    g_hash_table_unref(pair_cut_agents);
    pair_clock.ahead = 0;
    pair_clock.hasty = false;
}

char *pair_local_candidate(PairEnd *end)
{
    g_auto(ConnectionStats) stats = {};

    connection_get_stats(end->connection, &stats);
    return g_strdup(stats.local_candidate);
}

/* The addresses of the pairs that the two use: each one's own is the other's remote. */
bool pair_agree(ConnectionPair *pair)
{
    g_auto(ConnectionStats) a = {}, b = {};
    g_auto(GStrv) here = NULL, there = NULL;

    connection_get_stats(pair->a.connection, &a);
    connection_get_stats(pair->b.connection, &b);
    here = g_strsplit(a.local_candidate, " ", -1);
    there = g_strsplit(b.remote_candidate, " ", -1);
    return strcmp(here[5], there[5]) == 0;
}

void pair_restart(PairEnd *end, bool anew)
{
    g_autoptr(GError) error = NULL;

    connection_restart_ice(end->connection, anew, &error);
    g_assert_no_error(error);
}

guint pair_count_fds(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir))
        n++;
    return n;
}
