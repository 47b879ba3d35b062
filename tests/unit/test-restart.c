/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Offers within a connection: two whole stacks on loopback, with numbers going
 * both ways all the time. Whatever the offers are, each number has to come once
 * and in order. The linker lets us cut the old agents off (--wrap).
 */

#include <config.h>

#include "rtc/connection.h"

#include <agent.h>
#include <malloc.h>
#include <string.h>

#include "common/log.h"
#include "rtc/ice/ice.h"
#include "wait.h"

typedef struct RestartEnd RestartEnd;

struct RestartEnd {
    Connection *connection;
    RestartEnd *other;
    Certificate *certificate;
    Channel *channel;
    guint sent, received;
    bool drop_offers, drop_answers; /* of ours */
    bool drop_candidates;
    bool relayed;       /* our candidates go out as those of a TURN server */
    bool always_active; /* so our answers say, as those of Firefox */
    bool hold_offers;   /* kept in `offer`, not given to the other */
    bool may_not;       /* restart */
    char *offer, *answer, *refused;
    guint offers, answers, candidates, ends;
    guint moved, silent, heard, failed, poor;
};

typedef struct {
    RestartEnd a, b; /* a has made the first offer */
} RestartPair;

/* ---- what the linker lets us see ------------------------------------------- */

static GHashTable *cut_agents; /* what they send is lost, but for STUN */
static GPtrArray *agents;      /* all that there were */

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

    g_ptr_array_add(agents, agent);
    return agent;
}

gint __wrap_nice_agent_send(NiceAgent *agent, guint stream, guint component, guint length,
                            const gchar *bytes)
{
    if (g_hash_table_contains(cut_agents, agent))
        return (gint) length;
    return __real_nice_agent_send(agent, stream, component, length, bytes);
}

/* The clock can be put forward; timers of seconds are ones of 20 ms then. */
static struct {
    gint64 ahead; /* µs */
    bool hasty;
} fast;

gint64 __real_clock_monotonic(void);
gint64 __wrap_clock_monotonic(void);
guint __real_clock_timer_add_seconds(guint seconds, GSourceFunc func, gpointer data);
guint __wrap_clock_timer_add_seconds(guint seconds, GSourceFunc func, gpointer data);

gint64 __wrap_clock_monotonic(void)
{
    return __real_clock_monotonic() + fast.ahead;
}

guint __wrap_clock_timer_add_seconds(guint seconds, GSourceFunc func, gpointer data)
{
    return fast.hasty ? g_timeout_add(seconds * 20, func, data)
                      : __real_clock_timer_add_seconds(seconds, func, data);
}

/* As much as a remote has to wait before it may offer once more */
static void wait_for_offer(void)
{
    fast.ahead += G_USEC_PER_SEC;
}

static void cut_all(void)
{
    for (guint i = 0; i < agents->len; i++)
        g_hash_table_add(cut_agents, agents->pdata[i]);
}

/* ---- the two ends ----------------------------------------------------------- */

static void on_channel_state(Channel *channel, ChannelState state, const GError *reason,
                             gpointer data)
{
}

static void on_message(Channel *channel, MessageKind kind, const guint8 *bytes, gsize length,
                       gpointer data)
{
    RestartEnd *end = data;
    guint number;

    g_assert_cmpuint(length, ==, sizeof number);
    memcpy(&number, bytes, sizeof number);
    g_assert_cmpuint(number, ==, end->received);
    end->received++;
}

static const ChannelOps channel_ops = {.state = on_channel_state, .message = on_message};

static void give(RestartEnd *end, const char *type, const char *sdp)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&end->other->refused, g_free);
    if (!connection_set_remote(end->other->connection, type, sdp, &error))
        end->other->refused = g_strdup(error->message);
}

static void on_description(Connection *connection, const char *type, const char *sdp, gpointer data)
{
    RestartEnd *end = data;
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
        give(end, type, sdp);
}

static void on_candidate(Connection *connection, const IceCandidateInit *candidate, gpointer data)
{
    RestartEnd *end = data;

    if (candidate) {
        end->candidates++;
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
    RestartEnd *end = data;

    end->moved += event == CONNECTION_PATH_MOVED;
    end->silent += event == CONNECTION_PATH_SILENT;
    end->heard += event == CONNECTION_PATH_HEARD;
    end->failed += event == CONNECTION_RESTART_FAILED;
    end->poor += event == CONNECTION_PATH_RELAYED;
}

static void on_channel(Connection *connection, Channel *channel, gpointer data)
{
    RestartEnd *end = data;

    end->channel = channel;
    channel_attach(channel, &channel_ops, end);
}

static bool on_restart(Connection *connection, GError **error, gpointer data)
{
    RestartEnd *end = data;

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

static void end_init(RestartEnd *end, RestartEnd *other, bool plain)
{
    static const char *const interfaces[] = {"lo", NULL};
    ConnectionConfig config = {.interfaces = interfaces, .libnice_only = plain};

    end->other = other;
    end->certificate = certificate_generate("x", NULL);
    config.certificate = end->certificate;
    end->connection = connection_new(&config, &ops, end, NULL);
    g_assert_nonnull(end->connection);
}

static void end_clear(RestartEnd *end)
{
    connection_free(end->connection);
    certificate_unref(end->certificate);
    g_free(end->offer);
    g_free(end->answer);
    g_free(end->refused);
}

static void send_number(RestartEnd *end)
{
    g_assert_true(channel_send(end->channel, MESSAGE_BINARY, &end->sent, sizeof end->sent, NULL));
    end->sent++;
}

/* Numbers go both ways while we wait. */
static gboolean on_numbers(gpointer data)
{
    RestartPair *pair = data;

    send_number(&pair->a);
    send_number(&pair->b);
    return G_SOURCE_CONTINUE;
}

#define wait_with_numbers(pair, condition)                                                         \
    do {                                                                                           \
        guint numbers_ = g_timeout_add(2, on_numbers, pair);                                       \
        wait_until(condition);                                                                     \
        g_source_remove(numbers_);                                                                 \
    } while (0)

/* All has come, and more does. */
static void check_flow(RestartPair *pair)
{
    for (int i = 0; i < 20; i++)
        on_numbers(pair);
    wait_until(pair->a.received == pair->b.sent && pair->b.received == pair->a.sent);
    g_assert_cmpint(connection_state(pair->a.connection), ==, CONNECTION_CONNECTED);
    g_assert_cmpint(connection_state(pair->b.connection), ==, CONNECTION_CONNECTED);
}

static void set_up(RestartPair *pair, gconstpointer data)
{
    const ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;

    agents = g_ptr_array_new();
    cut_agents = g_hash_table_new(NULL, NULL);
    end_init(&pair->a, &pair->b, data != NULL);
    end_init(&pair->b, &pair->a, data != NULL);
    pair->a.channel = connection_open_channel(pair->a.connection, "n", &options, NULL);
    channel_attach(pair->a.channel, &channel_ops, &pair->a);
    g_assert_true(connection_offer(pair->a.connection, NULL));
    wait_until(connection_state(pair->a.connection) == CONNECTION_CONNECTED && pair->b.channel);
    check_flow(pair);
    pair->a.moved = pair->b.moved = 0;
}

static void tear_down(RestartPair *pair, gconstpointer data)
{
    end_clear(&pair->a);
    end_clear(&pair->b);
    connection_drain(5000);
    g_assert_cmpuint(ice_closing_count(), ==, 0);
    g_ptr_array_unref(agents);
    g_hash_table_unref(cut_agents);
    fast.ahead = 0;
    fast.hasty = false;
}

static char *local_candidate(RestartEnd *end)
{
    g_auto(ConnectionStats) stats = {};

    connection_get_stats(end->connection, &stats);
    return g_strdup(stats.local_candidate);
}

/* The addresses of the pairs that the two use: each one's own is the other's remote. */
static bool agree(RestartPair *pair)
{
    g_auto(ConnectionStats) a = {}, b = {};
    g_auto(GStrv) here = NULL, there = NULL;

    connection_get_stats(pair->a.connection, &a);
    connection_get_stats(pair->b.connection, &b);
    here = g_strsplit(a.local_candidate, " ", -1);
    there = g_strsplit(b.remote_candidate, " ", -1);
    return strcmp(here[5], there[5]) == 0;
}

static void restart(RestartEnd *end, bool anew)
{
    g_autoptr(GError) error = NULL;

    connection_restart_ice(end->connection, anew, &error);
    g_assert_no_error(error);
}

/* ---- restarts ---------------------------------------------------------------- */

static void test_restart(RestartPair *pair, gconstpointer data)
{
    RestartEnd *ends[] = {&pair->a, &pair->b, &pair->a, &pair->a, &pair->b};

    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *before = local_candidate(&pair->a), *after = NULL;
        guint a = pair->a.moved, b = pair->b.moved, answers = ends[i]->other->answers;

        restart(ends[i], false);
        wait_with_numbers(pair, pair->a.moved > a && pair->b.moved > b && agree(pair));
        after = local_candidate(&pair->a);
        g_assert_cmpstr(after, !=, before);
        g_assert_cmpuint(ends[i]->other->answers, ==, answers + 1);
        check_flow(pair);
    }
    g_assert_cmpuint(pair->a.failed + pair->b.failed, ==, 0);
}

/* The session is the same, its version the next one, and the key and all else are kept. */
static void test_description(RestartPair *pair, gconstpointer data)
{
    g_auto(GStrv) first = g_strsplit(pair->a.offer, "\r\n", -1), second = NULL;
    guint differ = 0;

    restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    second = g_strsplit(pair->a.offer, "\r\n", -1);
    g_assert_cmpuint(g_strv_length(first), ==, g_strv_length(second));
    for (guint i = 0; first[i]; i++) {
        if (strcmp(first[i], second[i]) == 0)
            continue;
        differ++;
        g_assert_true(g_str_has_prefix(first[i], "o=") || g_str_has_prefix(first[i], "a=ice-") ||
                      g_str_has_prefix(first[i], "a=x-rtcbus-max-packet-size"));
    }
    g_assert_cmpuint(differ, ==, 4);
    g_assert_true(g_str_has_suffix(first[1], " 2 IN IP4 127.0.0.1"));
    g_assert_true(g_str_has_suffix(second[1], " 3 IN IP4 127.0.0.1"));
    g_assert_nonnull(strstr(pair->a.offer, "a=setup:actpass"));
    g_assert_nonnull(strstr(pair->b.answer, "a=setup:active"));
    pair->a.always_active = true;
    restart(&pair->b, false);
    wait_with_numbers(pair, pair->b.moved > 1);
    check_flow(pair);
    g_assert_nonnull(strstr(pair->b.offer, "a=setup:actpass"));
}

/* Much data, in the fast way, from the first agents to the third ones */
static void test_bulk(RestartPair *pair, gconstpointer data)
{
    for (guint round = 0; round < 2; round++) {
        guint a = pair->a.moved, b = pair->b.moved;

        for (guint i = 0; i < 100000; i++)
            send_number(&pair->a);
        restart(round == 0 ? &pair->a : &pair->b, false);
        wait_until(pair->a.moved > a && pair->b.moved > b);
        for (guint i = 0; i < 100000; i++)
            send_number(&pair->a);
        wait_until(pair->b.received == pair->a.sent);
    }
    check_flow(pair);
}

/* The answer, or the offer, is lost: nothing happens to the connection, and another try works. */
static void test_lost(RestartPair *pair, gconstpointer data)
{
    g_autofree char *before = local_candidate(&pair->a), *after = NULL;
    g_autofree char *old_answer = NULL;

    pair->b.drop_answers = true;
    restart(&pair->a, false);
    wait_with_numbers(pair, pair->b.answers == 2 && pair->a.ends == 2);
    restart(&pair->a, false); /* it is young */
    check_flow(pair);
    g_assert_cmpuint(pair->a.offers, ==, 2);
    after = local_candidate(&pair->a);
    g_assert_cmpstr(before, ==, after);

    old_answer = g_strdup(pair->b.answer);
    pair->b.drop_answers = false;
    pair->a.hold_offers = true;
    restart(&pair->a, true);
    wait_with_numbers(pair, pair->a.offers == 3);
    give(&pair->b, "answer", old_answer);
    g_assert_cmpstr(pair->a.refused, ==, "an answer to an older offer");
    give(&pair->a, "offer", pair->a.offer);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0 && agree(pair));
    check_flow(pair);
    give(&pair->b, "answer", old_answer);
    g_assert_cmpstr(pair->a.refused, ==, "an unexpected answer");
    give(&pair->b, "answer", pair->b.answer);
    g_assert_null(pair->a.refused);
    check_flow(pair);
}

/* Both begin at the same time, and one of the two goes through, on both sides. */
static void test_glare(RestartPair *pair, gconstpointer data)
{
    for (guint round = 0; round < 5; round++) {
        guint a = pair->a.moved, b = pair->b.moved;

        restart(&pair->a, true);
        restart(&pair->b, true);
        wait_with_numbers(pair, pair->a.moved > a && pair->b.moved > b && agree(pair));
        check_flow(pair);
        g_assert_cmpuint(pair->b.answers, ==, 2 + round);
        g_assert_cmpuint(pair->a.answers, ==, 0);
    }
    restart(&pair->b, true);
    wait_with_numbers(pair, pair->a.answers == 1 && agree(pair));
    check_flow(pair);
}

/* The offer that the other one has to wait for was lost: it comes again, and neither waits. */
static void test_glare_with_loss(RestartPair *pair, gconstpointer data)
{
    gint64 crossed;

    pair->a.hold_offers = true;
    restart(&pair->a, true);
    wait_with_numbers(pair, pair->a.offers == 2);
    pair->a.hold_offers = false;
    crossed = g_get_monotonic_time() + G_USEC_PER_SEC;
    wait_with_numbers(pair, g_get_monotonic_time() > crossed);
    restart(&pair->b, true);
    wait_with_numbers(pair, pair->a.offers == 3);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0 && agree(pair));
    check_flow(pair);
}

/* The offer was lost, for there was no relay; then there is one. */
static void test_offer_again(RestartPair *pair, gconstpointer data)
{
    gint64 begun;

    pair->a.hold_offers = true;
    restart(&pair->a, true);
    wait_with_numbers(pair, pair->a.offers == 2);
    pair->a.hold_offers = false;
    begun = g_get_monotonic_time();
    wait_with_numbers(pair, g_get_monotonic_time() > begun + G_USEC_PER_SEC);
    restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0 && agree(pair));
    check_flow(pair);
    g_assert_cmpuint(pair->a.offers, ==, 3);
}

/* What the polite one gives up for an offer that is no restart comes again. */
static void test_glare_with_media(RestartPair *pair, gconstpointer data)
{
    g_autofree char *media =
        g_strconcat(pair->a.offer, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n", NULL);

    pair->b.hold_offers = true;
    restart(&pair->b, true);
    wait_with_numbers(pair, pair->b.offers == 1);
    pair->b.hold_offers = false;
    give(&pair->a, "offer", media);
    g_assert_null(pair->b.refused);
    wait_with_numbers(pair, pair->b.offers == 2 && pair->a.moved > 0 && pair->b.moved > 0);
    g_assert_cmpuint(pair->a.answers, ==, 1);
    check_flow(pair);
}

/* ---- one generation and another ---------------------------------------------- */

/* Candidates that come ahead of their offer are for it, those of nobody's are for nobody. */
static void test_early_candidates(RestartPair *pair, gconstpointer data)
{
    const IceCandidateInit stray = {
        .candidate = "candidate:9 1 udp 2122260223 127.0.0.1 9 typ host", .ufrag = "nobody"};
    const IceCandidateInit named = {
        .candidate = "candidate:9 1 udp 2122260223 127.0.0.1 9 typ host generation 0 ufrag nobody"};

    for (guint i = 0; i < 300; i++) {
        g_assert_true(connection_add_candidate(pair->b.connection, &stray, NULL));
        g_assert_true(connection_add_candidate(pair->b.connection, &named, NULL));
    }
    pair->a.hold_offers = true;
    pair->b.drop_candidates = true;
    restart(&pair->a, true);
    wait_with_numbers(pair, pair->a.ends == 2);
    for (guint i = 0; i < 10; i++)
        g_assert_true(connection_add_candidate(pair->b.connection, &stray, NULL));
    give(&pair->a, "offer", pair->a.offer);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    check_flow(pair);
}

/* The old path carries nothing any more; the new one has not been told so. */
static void test_cut(RestartPair *pair, gconstpointer data)
{
    cut_all();
    for (guint i = 0; i < 20; i++)
        on_numbers(pair);
    wait_until(pair->a.silent == 1 && pair->b.silent == 1);
    g_assert_cmpuint(pair->a.received + pair->b.received, <, pair->a.sent + pair->b.sent);
    restart(&pair->b, false);
    wait_until(pair->a.moved > 0 && pair->b.moved > 0);
    check_flow(pair);
    g_assert_cmpuint(pair->a.silent + pair->b.silent, ==, 2);
}

/* An answer in time is no silence, and that somebody else gets none is not either. */
static void test_probe(RestartPair *pair, gconstpointer data)
{
    connection_probe(pair->a.connection);
    check_flow(pair);
    cut_all();
    connection_probe(pair->b.connection);
    wait_until(pair->b.silent == 1);
    g_assert_cmpuint(pair->a.silent, ==, 0);
    g_hash_table_remove_all(cut_agents);
    connection_probe(pair->b.connection);
    wait_until(pair->b.heard == 1);
    check_flow(pair);
}

/* The one that should have helped is as bad: that is told, too. */
static void test_cut_again(RestartPair *pair, gconstpointer data)
{
    for (guint round = 1; round <= 2; round++) {
        cut_all();
        for (guint i = 0; i < 20; i++)
            on_numbers(pair);
        wait_until(pair->a.silent == round && pair->b.silent == round);
        restart(&pair->a, false);
        wait_until(pair->a.moved >= round && pair->b.moved >= round);
    }
    check_flow(pair);
}

/* One that finds its pair and loses it again: the one before it is still there. */
static void test_back(RestartPair *pair, gconstpointer data)
{
    guint first = agents->len, moved;

    restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    moved = pair->a.moved;
    for (guint i = first; i < agents->len; i++)
        g_hash_table_add(cut_agents, agents->pdata[i]);
    wait_with_numbers(pair, pair->a.silent > 0 && pair->b.silent > 0);
    /* Each hears the other one on the path that this one has gone back to, and may take its own
     * for good: who is told of silence restarts, as call-repair does. */
    restart(&pair->a, true);
    check_flow(pair);
    g_assert_cmpuint(pair->a.moved, >, moved);
}

static guint count_fds(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir))
        n++;
    return n;
}

/* No answer comes, and the agent is gone with the offer. */
static void test_unanswered(RestartPair *pair, gconstpointer data)
{
    guint fds = count_fds();

    pair->a.drop_offers = true;
    restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.offers == 2);
    g_assert_cmpuint(count_fds(), >, fds);
    fast.ahead += 31 * G_USEC_PER_SEC;
    wait_with_numbers(pair, pair->a.failed == 1 && count_fds() == fds);
    give(&pair->b, "answer", pair->b.answer);
    g_assert_cmpstr(pair->a.refused, ==, NULL); /* the last one once more */
    pair->a.drop_offers = false;
    restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0 && count_fds() > fds);
    check_flow(pair);
    fast.ahead += 10 * G_USEC_PER_SEC; /* the old agents are needed no more */
    wait_with_numbers(pair, count_fds() == fds);
    check_flow(pair);
}

/* Whoever made the first offer hears that there may be a direct path, and that again later. */
static void test_relayed(RestartPair *pair, gconstpointer data)
{
    g_assert_false(connection_is_relayed(pair->a.connection));
    fast.hasty = true;
    pair->a.relayed = pair->b.relayed = true;
    restart(&pair->b, false);
    wait_with_numbers(pair, pair->a.poor == 3);
    g_assert_true(connection_is_relayed(pair->a.connection));
    g_assert_cmpuint(pair->b.poor, ==, 0);
    pair->a.relayed = pair->b.relayed = false;
    restart(&pair->a, true);
    wait_with_numbers(pair, !connection_is_relayed(pair->a.connection));
    check_flow(pair);
}

static void test_hundred(RestartPair *pair, gconstpointer data)
{
    guint fds = 0;
    gsize bytes = 0;

    for (guint i = 0; i < 120; i++) {
        RestartEnd *end = i % 3 == 0 ? &pair->b : &pair->a;
        guint a = pair->a.moved, b = pair->b.moved;

        wait_for_offer();
        restart(end, true);
        wait_with_numbers(pair, pair->a.moved > a && pair->b.moved > b && agree(pair));
        wait_until(ice_closing_count() == 0);
        if (i == 20) {
            fds = count_fds();
            bytes = mallinfo2().uordblks;
        }
    }
    check_flow(pair);
    g_test_message("%u descriptors, then %u; %zu bytes, then %zu", fds, count_fds(), bytes,
                   mallinfo2().uordblks);
    g_assert_cmpuint(count_fds(), <=, fds + 8);
    g_assert_cmpuint(mallinfo2().uordblks, <=, bytes + bytes / 4);
}

/* A remote that restarts faster than what it leaves behind can be cleared away */
static void test_flood(RestartPair *pair, gconstpointer data)
{
    guint before = agents->len, refused = 0;

    pair->b.drop_answers = true;
    for (guint i = 0; i < 200; i++) {
        g_autofree char *ufrag = g_strdup_printf("a=ice-ufrag:flood%03u\r\n", i);
        GString *offer = g_string_new(pair->a.offer);
        char *at = strstr(offer->str, "a=ice-ufrag:");
        gsize line = strstr(at, "\r\n") + 2 - at, start = at - offer->str;

        g_string_erase(offer, start, line);
        g_string_insert(offer, start, ufrag);
        wait_for_offer();
        give(&pair->a, "offer", offer->str);
        refused += pair->b.refused != NULL;
        g_string_free(offer, TRUE);
    }
    g_assert_cmpuint(refused, >, 190);
    g_assert_cmpuint(agents->len - before, <, 10);
    check_flow(pair);
}

/* A repeated offer makes no agent, and all candidates go out again for each. */
static void test_hasty(RestartPair *pair, gconstpointer data)
{
    g_autofree char *offer = g_strdup(pair->a.offer);
    guint refused = 0, answers = pair->b.answers;

    for (guint i = 0; i < 200; i++) {
        give(&pair->a, "offer", offer);
        refused += pair->b.refused != NULL;
    }
    g_assert_cmpuint(refused, ==, 200 - (CONNECTION_OFFERS - 1)); /* one was the first */
    g_assert_cmpstr(pair->b.refused, ==, "the offers come too fast");
    wait_with_numbers(pair, pair->b.answers == answers + CONNECTION_OFFERS - 1);
    wait_for_offer();
    give(&pair->a, "offer", offer);
    g_assert_null(pair->b.refused);
    check_flow(pair);
}

/* Its owner has the last word, and is not asked for what is no restart. */
static void test_refused(RestartPair *pair, gconstpointer data)
{
    g_autofree char *first = g_strdup(pair->a.offer);
    guint before = agents->len, answers = pair->b.answers;

    pair->b.may_not = true;
    give(&pair->a, "offer", first);
    g_assert_null(pair->b.refused);
    restart(&pair->a, true);
    wait_with_numbers(pair, pair->b.refused);
    g_assert_cmpstr(pair->b.refused, ==, "not now");
    g_assert_cmpuint(agents->len, ==, before + 1); /* that of the one who has offered */
    g_assert_cmpuint(pair->b.answers, ==, answers + 1);
    pair->b.may_not = false;
    give(&pair->a, "offer", pair->a.offer);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    check_flow(pair);
}

/* ---- offers that are no restart ------------------------------------------------ */

static void test_again(RestartPair *pair, gconstpointer data)
{
    g_autofree char *answer = g_strdup(pair->b.answer);
    guint candidates = pair->b.candidates, before = agents->len;

    for (guint i = 1; i <= 3; i++) {
        g_autofree char *offer = g_strdup(pair->a.offer);

        give(&pair->a, "offer", offer);
        wait_with_numbers(pair, pair->b.answers == 1 + i);
        g_assert_cmpstr(pair->b.answer, ==, answer);
    }
    g_assert_cmpuint(pair->b.candidates, ==, candidates); /* it has a path */
    g_assert_cmpuint(agents->len, ==, before);
    check_flow(pair);
}

/* The answer and all candidates are lost, and the restart's offer comes once more: as it was, or
 * with the candidates in it. Then all of ours come once more, too. */
static void test_restart_again(RestartPair *pair, gconstpointer data)
{
    g_autoptr(GString) offer = NULL;
    guint candidates;

    pair->b.drop_answers = pair->b.drop_candidates = pair->a.drop_candidates = true;
    restart(&pair->a, false);
    wait_with_numbers(pair, pair->b.answers == 2 && pair->b.ends == 2 && pair->a.ends == 2);
    candidates = pair->b.candidates;
    pair->b.drop_answers = pair->b.drop_candidates = false;
    offer = g_string_new(pair->a.offer);
    if (data)
        g_string_append(offer, "a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\n");
    give(&pair->a, "offer", offer->str);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    g_assert_cmpuint(pair->b.candidates, >, candidates);
    g_assert_cmpuint(pair->b.answers, ==, 3);
    check_flow(pair);
}

/* Other media lines, also from the side that answered first */
static void test_media(RestartPair *pair, gconstpointer data)
{
    static const char audio[] = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n";
    g_autofree char *more = g_strconcat(pair->a.offer, audio, NULL);
    g_autofree char *back = NULL;
    guint before = agents->len;

    give(&pair->a, "offer", more);
    wait_with_numbers(pair, pair->b.answers == 2);
    g_assert_nonnull(strstr(pair->b.answer, "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"));
    g_assert_true(strstr(pair->b.answer, "m=audio") > strstr(pair->b.answer, "m=application 9"));
    g_assert_nonnull(strstr(pair->b.answer, "a=group:BUNDLE 0\r\n"));
    g_assert_cmpuint(agents->len, ==, before);
    check_flow(pair);

    pair->b.hold_offers = true;
    restart(&pair->b, false); /* and its offers have that line from now on (RFC 8829 5.2.2) */
    wait_with_numbers(pair, pair->b.offers == 1);
    g_assert_nonnull(strstr(pair->b.offer, "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"));
    give(&pair->b, "offer", pair->b.offer);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    g_assert_nonnull(strstr(pair->a.answer, "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"));

    back = g_strconcat(pair->b.offer, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\n", NULL);
    give(&pair->b, "offer", back);
    g_assert_null(pair->a.refused);
    wait_with_numbers(pair, pair->a.answers == 2);
    g_assert_nonnull(strstr(pair->a.answer, "m=video 0 "));
    check_flow(pair);
}

static void replace(GString *text, const char *from, const char *to)
{
    g_assert_cmpuint(g_string_replace(text, from, to, 1), ==, 1);
}

static void give_changed(RestartPair *pair, const char *from, const char *to)
{
    g_autoptr(GString) offer = g_string_new(pair->a.offer);
    guint answers = pair->b.answers, before = agents->len;

    replace(offer, from, to);
    wait_for_offer();
    give(&pair->a, "offer", offer->str);
    g_assert_nonnull(pair->b.refused);
    g_test_message("%s", pair->b.refused);
    check_flow(pair);
    g_assert_cmpuint(pair->b.answers, ==, answers);
    g_assert_cmpuint(agents->len, ==, before);
}

/* What would have the layers above begin anew is refused, and so is what makes no sense. */
static void test_bad(RestartPair *pair, gconstpointer data)
{
    g_autofree char *ours = g_strdup(certificate_fingerprint(pair->a.certificate));
    g_autofree char *wrong = g_strdup(ours), *both = NULL;
    g_autoptr(GPtrArray) keys = connection_read_keys(pair->a.offer);

    g_assert_true(connection_has_keys(pair->b.connection, keys));
    g_assert_false(connection_has_keys(pair->a.connection, keys));
    wrong[strlen("sha-256 ")] = wrong[strlen("sha-256 ")] == 'A' ? 'B' : 'A';
    both = g_strdup_printf("%s\r\na=fingerprint:%s", ours, wrong);
    give_changed(pair, ours, wrong);
    give_changed(pair, ours, both);
    give_changed(pair, "a=setup:actpass", "a=setup:active");
    give_changed(pair, "a=sctp-port:5000", "a=sctp-port:5001");
    give_changed(pair, "a=mid:0", "a=mid:1");
    give_changed(pair, "m=application", "m=audio 9 RTP/AVP 0\r\nm=application");
    give_changed(pair, "m=application", "m=apple");
    give_changed(pair, " 2 IN IP4", " 1 IN IP4");
    give_changed(pair, "a=ice-pwd:", "a=ice-pwd:%");
    g_assert_null(connection_read_keys(wrong));
}

/* A remote that answers with the ICE credentials that it has does not restart. */
static void test_declined(RestartPair *pair, gconstpointer data)
{
    g_autoptr(GString) answer = g_string_new(pair->b.answer);

    g_string_replace(answer, "a=x-rtcbus-answers", "a=x-others-answers", 1);
    g_string_replace(answer, "a=max-message-size:262144", "a=max-message-size:262143", 1);
    pair->a.hold_offers = true;
    restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.offers == 2);
    give(&pair->b, "answer", answer->str);
    g_assert_null(pair->a.refused);
    g_assert_cmpuint(pair->a.failed, ==, 1);
    check_flow(pair);
    pair->a.hold_offers = false;
    restart(&pair->a, false);
    wait_with_numbers(pair, pair->a.moved > 0 && pair->b.moved > 0);
    check_flow(pair);
}

static void test_not_yet(void)
{
    g_autoptr(Certificate) certificate = certificate_generate("x", NULL);
    const ConnectionConfig config = {.certificate = certificate};
    g_autoptr(Connection) connection = connection_new(&config, &ops, NULL, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(connection_restart_ice(connection, true, &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_STATE);
    g_assert_false(connection_is_relayed(connection));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_open("test-restart", g_getenv("RTCBUS_TEST_VERBOSE") != NULL);
#define ADD(name, plain, function)                                                                 \
    g_test_add("/restart/" name, RestartPair, plain, set_up, function, tear_down)
    ADD("either-side", NULL, test_restart);
    ADD("description", NULL, test_description);
    ADD("bulk", NULL, test_bulk);
    ADD("lost-frames", NULL, test_lost);
    ADD("glare", NULL, test_glare);
    ADD("glare-with-loss", NULL, test_glare_with_loss);
    ADD("offer-again", NULL, test_offer_again);
    ADD("glare-with-media", NULL, test_glare_with_media);
    ADD("early-candidates", NULL, test_early_candidates);
    ADD("cut", "plain", test_cut);
    ADD("probe", "plain", test_probe);
    ADD("cut-again", "plain", test_cut_again);
    ADD("back", "plain", test_back);
    ADD("unanswered", NULL, test_unanswered);
    ADD("relayed", NULL, test_relayed);
    ADD("hundred", NULL, test_hundred);
    ADD("flood", NULL, test_flood);
    ADD("hasty", NULL, test_hasty);
    ADD("refused", NULL, test_refused);
    ADD("again", NULL, test_again);
    ADD("restart-again", NULL, test_restart_again);
    ADD("restart-again-with-candidates", "plain", test_restart_again);
    ADD("media", NULL, test_media);
    ADD("bad", NULL, test_bad);
    ADD("declined", NULL, test_declined);
    g_test_add_func("/restart/not-yet", test_not_yet);
    return g_test_run();
}
