/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Two whole stacks on loopback, introduced to each other by this program:
 * calls in both DTLS roles, channels of every kind, messages of every size,
 * and everything that a bad remote can do to a description or a certificate.
 */

#include <config.h>

#include "rtc/connection.h"

#include <gio/gio.h>
#include <string.h>

#include "common/log.h"
#include "name-resolver.h"
#include "wait.h"

typedef struct End End;

struct End {
    const char *name;
    Connection *connection;
    End *other;
    Certificate *certificate;
    char *forced_fingerprint; /* put in place of the one in our description */
    bool hold_candidates;     /* candidates go out before the description */
    bool refuse;              /* the remote certificate, in verify */
    bool hide;                /* addresses go out as .local names */
    bool foreign;             /* our description is not that of an rtcbus */
    bool relayed;             /* addresses go out as those of a TURN server */
    char *description_type, *description;
    GError *failure;
    GPtrArray *channels; /* of Channel, opened by the other side */
    GString *log;        /* what came, in order */
    GByteArray *bulk;
    guint closed, opened;
    char *verified;
    Channel *after; /* is written to when another one has just opened */
};

typedef struct {
    End a, b;
} Pair;

static void on_channel_state(Channel *channel, ChannelState state, const GError *reason,
                             gpointer data)
{
    End *end = data;

    if (state == CHANNEL_OPEN)
        end->opened++;
    if (state == CHANNEL_OPEN && end->after && channel != end->after)
        g_assert_true(channel_send(end->after, MESSAGE_TEXT, "at once", 7, NULL));
    if (state == CHANNEL_CLOSED) {
        end->closed++;
        g_string_append_printf(end->log, "closed:%s%s%s ", channel_label(channel),
                               reason ? "=" : "", reason ? reason->message : "");
    }
}

static void on_channel_message(Channel *channel, MessageKind kind, const guint8 *bytes,
                               gsize length, gpointer data)
{
    End *end = data;

    if (length <= 32)
        g_string_append_printf(end->log, "%s%c%.*s ", channel_label(channel),
                               kind == MESSAGE_TEXT ? '=' : '#', (int) length, bytes);
    else
        g_byte_array_append(end->bulk, bytes, length);
}

static const ChannelOps channel_ops = {
    .state = on_channel_state,
    .message = on_channel_message,
};

static void deliver_description(End *end)
{
    g_autoptr(GError) error = NULL;

    if (!connection_set_remote(end->other->connection, end->description_type, end->description,
                               &error))
        g_error("%s: %s", end->name, error->message);
}

static void on_description(Connection *connection, const char *type, const char *sdp, gpointer data)
{
    End *end = data;

    end->description_type = g_strdup(type);
    end->description = g_strdup(sdp);
    if (end->forced_fingerprint) {
        char *at = strstr(end->description, "sha-256 ");
        memcpy(at, end->forced_fingerprint, strlen(end->forced_fingerprint));
    }
    if (end->foreign)
        memcpy(strstr(end->description, "a=x-rtcbus-"), "a=x-others-", strlen("a=x-others-"));
    if (!end->hold_candidates)
        deliver_description(end);
}

static void on_candidate(Connection *connection, const IceCandidateInit *candidate, gpointer data)
{
    End *end = data;

    if (candidate && end->hide) {
        g_auto(GStrv) words = g_strsplit(candidate->candidate, " ", -1);
        IceCandidateInit hidden = *candidate;
        g_autofree char *line = NULL;

        g_free(words[4]);
        words[4] = g_strdup("0a1b2c3d.local");
        line = g_strjoinv(" ", words);
        hidden.candidate = line;
        g_assert_true(connection_add_candidate(end->other->connection, &hidden, NULL));
        return;
    }
    if (candidate && end->relayed) {
        IceCandidateInit relayed = *candidate;
        g_autoptr(GString) line = g_string_new(candidate->candidate);

        g_assert_cmpuint(g_string_replace(line, "typ host", "typ relay raddr 127.0.0.1 rport 9", 1),
                         ==, 1);
        relayed.candidate = line->str;
        g_assert_true(connection_add_candidate(end->other->connection, &relayed, NULL));
        return;
    }
    g_assert_true(connection_add_candidate(end->other->connection, candidate, NULL));
    if (!candidate && end->hold_candidates)
        deliver_description(end);
}

static void on_state(Connection *connection, ConnectionState state, const GError *reason,
                     gpointer data)
{
    End *end = data;

    if (reason && !end->failure)
        end->failure = g_error_copy(reason);
}

static void on_channel(Connection *connection, Channel *channel, gpointer data)
{
    End *end = data;

    g_ptr_array_add(end->channels, channel);
    channel_attach(channel, &channel_ops, end);
}

static bool on_verify(Connection *connection, const char *fingerprint, GError **error,
                      gpointer data)
{
    End *end = data;

    g_free(end->verified);
    end->verified = g_strdup(fingerprint);
    if (end->refuse)
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_SECURITY, "not known here");
    return !end->refuse;
}

static const ConnectionOps ops = {
    .description = on_description,
    .candidate = on_candidate,
    .state = on_state,
    .channel = on_channel,
    .verify = on_verify,
};

static bool plain; /* for the next set_up(): no fast path */

static void end_init(End *end, End *other, const char *name)
{
    static const char *const interfaces[] = {"lo", NULL};
    ConnectionConfig config = {.interfaces = interfaces, .libnice_only = plain};

    end->name = name;
    end->other = other;
    end->certificate = certificate_generate(name, NULL);
    g_assert_nonnull(end->certificate);
    end->channels = g_ptr_array_new();
    end->log = g_string_new(NULL);
    end->bulk = g_byte_array_new();
    config.certificate = end->certificate;
    end->connection = connection_new(&config, &ops, end, NULL);
    g_assert_nonnull(end->connection);
}

static void end_clear(End *end)
{
    connection_free(end->connection);
    certificate_unref(end->certificate);
    g_ptr_array_unref(end->channels);
    g_string_free(end->log, TRUE);
    g_byte_array_unref(end->bulk);
    g_free(end->forced_fingerprint);
    g_free(end->description);
    g_free(end->description_type);
    g_free(end->verified);
    g_clear_error(&end->failure);
}

static void set_up(Pair *pair, gconstpointer data)
{
    end_init(&pair->a, &pair->b, "a");
    end_init(&pair->b, &pair->a, "b");
}

static void set_up_plain(Pair *pair, gconstpointer data)
{
    plain = true;
    set_up(pair, data);
    plain = false;
}

static void tear_down(Pair *pair, gconstpointer data)
{
    end_clear(&pair->a);
    end_clear(&pair->b);
    connection_drain(2000);
}

static Channel *open_channel(End *end, const char *label, const ChannelOptions *options)
{
    g_autoptr(GError) error = NULL;
    Channel *channel = connection_open_channel(end->connection, label, options, &error);

    g_assert_no_error(error);
    channel_attach(channel, &channel_ops, end);
    return channel;
}

static void call(Pair *pair)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(connection_offer(pair->a.connection, &error));
    g_assert_no_error(error);
    wait_until(connection_state(pair->a.connection) == CONNECTION_CONNECTED &&
               connection_state(pair->b.connection) == CONNECTION_CONNECTED);
}

static void test_call(Pair *pair, gconstpointer data)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *ours = open_channel(&pair->a, "msg_channel", &options);
    Channel *theirs;
    g_auto(ConnectionStats) stats = {};

    g_assert_cmpint(channel_id(ours), ==, -1);
    g_assert_true(channel_send(ours, MESSAGE_TEXT, "early", 5, NULL));
    pair->b.hold_candidates = data != NULL;
    pair->a.hold_candidates = data != NULL;
    call(pair);
    wait_until(strstr(pair->b.log->str, "msg_channel=early"));
    wait_until(channel_state(ours) == CHANNEL_OPEN);
    theirs = pair->b.channels->pdata[0];
    g_assert_cmpstr(channel_label(theirs), ==, "msg_channel");
    g_assert_true(channel_ordered(theirs));
    g_assert_cmpint(channel_id(ours), ==, channel_id(theirs));
    g_assert_cmpint(channel_id(ours) % 2, ==, 1); /* the offerer is the DTLS server */

    g_assert_true(channel_send(theirs, MESSAGE_BINARY, "back", 4, NULL));
    g_assert_true(channel_send(theirs, MESSAGE_BINARY, "", 0, NULL));
    g_assert_true(channel_send(theirs, MESSAGE_TEXT, "", 0, NULL));
    wait_until(strcmp(pair->a.log->str, "msg_channel#back msg_channel# msg_channel= ") == 0);

    connection_get_stats(pair->a.connection, &stats);
    g_assert_true(g_str_has_prefix(stats.local_candidate, "candidate:"));
    g_assert_true(g_str_has_prefix(stats.remote_candidate, "candidate:"));
    g_assert_cmpstr(stats.remote_fingerprint, ==, certificate_fingerprint(pair->b.certificate));
    g_assert_cmpstr(pair->b.verified, ==, certificate_fingerprint(pair->a.certificate));
    g_assert_cmpuint(stats.bytes_sent, >, 0);
    g_assert_cmpuint(stats.round_trip_usec, >, 0);
    connection_stats_clear(&stats);
    connection_get_stats(pair->b.connection, &stats);
    g_assert_cmpuint(stats.round_trip_usec, >, 0);
    g_assert_cmpuint(channel_stats(theirs)->messages_sent, ==, 3);
    g_assert_cmpuint(channel_stats(theirs)->bytes_sent, ==, 4);
}

static void test_sizes(Pair *pair, gconstpointer data)
{
    static const gsize sizes[] = {33, 1023, 1024, 65535, 65536, 100000, 262144};
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *ours = open_channel(&pair->a, "x", &options);
    g_autofree guint8 *bytes = g_malloc(300000);
    g_autoptr(GError) error = NULL;
    gsize total = 0;

    for (gsize i = 0; i < 300000; i++)
        bytes[i] = i * 7 + (i >> 8);
    call(pair);
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_byte_array_set_size(pair->b.bulk, 0);
        g_assert_true(channel_send(ours, MESSAGE_BINARY, bytes, sizes[i], &error));
        wait_until(pair->b.bulk->len == sizes[i]);
        g_assert_cmpmem(pair->b.bulk->data, sizes[i], bytes, sizes[i]);
        total += sizes[i];
    }
    g_assert_false(channel_send(ours, MESSAGE_BINARY, bytes, 262145, &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_TOO_LARGE);
    g_clear_error(&error);
    g_assert_false(channel_send(ours, MESSAGE_TEXT, "\xff", 1, &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_INVALID);
    g_assert_cmpuint(channel_stats(ours)->bytes_sent, ==, total);
    g_assert_true(channel_send(ours, MESSAGE_TEXT, "a\0b", 3, NULL));
}

static gsize packet_size(End *end)
{
    g_auto(ConnectionStats) stats = {};

    connection_get_stats(end->connection, &stats);
    return stats.packet_size;
}

/* Loopback takes packets as large as a DTLS record. */
static void test_large_packets(Pair *pair, gconstpointer data)
{
    const gsize piece = 256 * 1024, turn = 4 * piece;
    const bool fast = data == NULL;
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *ours = open_channel(&pair->a, "x", &options);
    g_autofree guint8 *bytes = g_malloc(turn);

    call(pair);
    for (guint i = 0; i < 64; i++) {
        for (gsize j = 0; j < turn; j++)
            bytes[j] = (i + j) * 7 + (j >> 8);
        g_byte_array_set_size(pair->b.bulk, 0);
        for (gsize at = 0; at < turn; at += piece)
            g_assert_true(channel_send(ours, MESSAGE_BINARY, bytes + at, piece, NULL));
        wait_until(pair->b.bulk->len >= turn);
        g_assert_cmpmem(pair->b.bulk->data, pair->b.bulk->len, bytes, turn);
    }
    if (fast) {
        g_assert_cmpuint(packet_size(&pair->a), >, 16000);
        g_assert_cmpuint(packet_size(&pair->b), >, 16000);
    } else {
        g_assert_cmpuint(packet_size(&pair->a), >, 1000);
        g_assert_cmpuint(packet_size(&pair->a), <, 1200);
    }
}

/* A TURN server on this very host: the path goes on behind it. */
static void test_relayed_remote(Pair *pair, gconstpointer data)
{
    const gsize length = 256 * 1024;
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *ours = open_channel(&pair->a, "x", &options);
    g_autofree guint8 *bytes = g_malloc0(length);

    pair->b.relayed = true;
    call(pair);
    g_assert_cmpuint(packet_size(&pair->a), <, 1200);
    for (guint i = 1; i <= 8; i++) {
        g_assert_true(channel_send(ours, MESSAGE_BINARY, bytes, length, NULL));
        wait_until(pair->b.bulk->len == i * length);
    }
    g_assert_cmpuint(packet_size(&pair->a), <, 1200);
}

static void test_quota(Pair *pair, gconstpointer data)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *ours = open_channel(&pair->a, "x", &options);
    g_autofree guint8 *bytes = g_malloc0(65536);
    g_autoptr(GError) error = NULL;
    gsize sent = 0;

    call(pair);
    while (channel_send(ours, MESSAGE_BINARY, bytes, 65536, &error))
        sent += 65536;
    g_assert_error(error, RTC_ERROR, RTC_ERROR_FULL);
    g_assert_cmpuint(sent, >=, 16 << 20);
    g_assert_cmpuint(channel_buffered_amount(ours), <=, 16 << 20);
    wait_until(pair->b.bulk->len == sent);
    wait_until(channel_buffered_amount(ours) == 0);
    g_assert_true(channel_send(ours, MESSAGE_BINARY, bytes, 65536, NULL));
}

enum { TURNS = 560, TURN_SIZE = 16384 };

/* Has SCTP taken all of WINNER? Then LOSER's share so far goes to *SHARE. (A loss may delay one.) */
static bool is_through(Channel *winner, Channel *loser, double *share)
{
    if (channel_buffered_amount(winner) > 0)
        return false;
    if (*share < 0)
        *share = 1 - (double) channel_buffered_amount(loser) / (TURNS * TURN_SIZE);
    return channel_buffered_amount(loser) == 0;
}

/* Two channels that both have more to send than there is room for: they share by priority. */
static double share_of(Pair *pair, ChannelPriority first, ChannelPriority second)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    g_autofree guint8 *bytes = g_malloc0(TURN_SIZE);
    Channel *ours[2];
    double share = -1;

    options.priority = first;
    ours[0] = open_channel(&pair->a, "first", &options);
    options.priority = second;
    ours[1] = open_channel(&pair->a, "second", &options);
    call(pair);
    wait_until(pair->b.channels->len == 2);
    for (guint i = 0; i < 2 * TURNS; i++)
        g_assert_true(channel_send(ours[i % 2], MESSAGE_BINARY, bytes, TURN_SIZE, NULL));
    wait_until(is_through(ours[0], ours[1], &share));
    g_test_message("%u beside %u: when that is through, %.2f of this", first, second, share);
    return share;
}

/* What SCTP takes at once, 256 messages or less, is shared equally; 1/8 of the rest is less than
 * that, and the halves are not. */
static void test_priority(Pair *pair, gconstpointer data)
{
    double share = share_of(pair, CHANNEL_PRIORITY_HIGH, CHANNEL_PRIORITY_VERY_LOW);

    g_assert_cmpfloat(share, >, 0.05);
    g_assert_cmpfloat(share, <, 0.4);
}

static void test_same_priority(Pair *pair, gconstpointer data)
{
    g_assert_cmpfloat(share_of(pair, CHANNEL_PRIORITY_LOW, CHANNEL_PRIORITY_LOW), >, 0.9);
}

/* A message on an idle channel goes before what a bulk transfer has waiting, whatever it costs. */
static void test_idle_goes_first(Pair *pair, gconstpointer data)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    g_autofree guint8 *bytes = g_malloc0(TURN_SIZE);
    Channel *bulk, *small, *theirs;

    options.priority = CHANNEL_PRIORITY_HIGH;
    bulk = open_channel(&pair->a, "bulk", &options);
    options.priority = CHANNEL_PRIORITY_VERY_LOW;
    small = open_channel(&pair->a, "small", &options);
    call(pair);
    wait_until(pair->b.channels->len == 2);
    for (guint i = 0; i < 2 * TURNS; i++)
        g_assert_true(channel_send(bulk, MESSAGE_BINARY, bytes, TURN_SIZE, NULL));
    g_assert_true(channel_send(small, MESSAGE_TEXT, "now", 3, NULL));
    g_assert_cmpuint(channel_buffered_amount(small), ==, 3);
    theirs = pair->b.channels->pdata[0];
    wait_until(strstr(pair->b.log->str, "small=now") != NULL);
    g_assert_cmpuint(channel_stats(theirs)->messages_received, <, TURNS);
    wait_until(channel_stats(theirs)->messages_received == 2 * TURNS);
}

static bool never_again(End *end, guint length)
{
    for (int i = 0; i < 200; i++)
        g_main_context_iteration(NULL, FALSE);
    return end->bulk->len == length;
}

/* A reader that stops: the sender waits, nothing is lost, and the close waits too. */
static void test_hold(Pair *pair, gconstpointer data)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *ours = open_channel(&pair->a, "x", &options), *theirs;
    g_autofree guint8 *bytes = g_malloc0(65536);
    gsize sent = 0;

    call(pair);
    wait_until(pair->b.channels->len == 1);
    theirs = pair->b.channels->pdata[0];
    channel_hold(theirs, true);
    while (channel_send(ours, MESSAGE_BINARY, bytes, 65536, NULL))
        sent += 65536;
    wait_until(channel_stats(theirs)->bytes_received > 1 << 20);
    g_assert_true(never_again(&pair->b, 0));
    g_assert_cmpuint(channel_stats(theirs)->bytes_received, <, 4 << 20);
    g_assert_cmpuint(channel_buffered_amount(ours), >, 0);
    channel_close(ours);
    channel_hold(theirs, false);
    wait_until(channel_stats(theirs)->bytes_received > 2 << 20);
    channel_hold(theirs, true);
    channel_hold(theirs, false);
    wait_until(pair->a.closed == 1 && pair->b.closed == 1);
    g_assert_cmpuint(pair->b.bulk->len, ==, sent);
    g_assert_cmpstr(pair->b.log->str, ==, "closed:x ");
}

/* Messages of no bytes fill a channel that is not read, too. */
static void test_hold_empty_messages(Pair *pair, gconstpointer data)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *ours = open_channel(&pair->a, "x", &options), *theirs;
    const guint many = 150000;

    call(pair);
    wait_until(pair->b.channels->len == 1);
    theirs = pair->b.channels->pdata[0];
    channel_hold(theirs, true);
    for (guint i = 0; i < many; i++)
        g_assert_true(channel_send(ours, MESSAGE_BINARY, "", 0, NULL));
    wait_until(channel_stats(theirs)->messages_received > 60000);
    g_assert_true(never_again(&pair->b, 0));
    g_assert_cmpuint(channel_stats(theirs)->messages_received, <, 70000);
    channel_hold(theirs, false);
    wait_until(channel_stats(theirs)->messages_received == many);
}

/* A message without bytes costs its reader memory, too. */
static void test_hold_empty(Pair *pair, gconstpointer data)
{
    enum { ALL = 100000, MOST = 64 * 1024 + 1 };
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *ours = open_channel(&pair->a, "x", &options), *theirs;

    call(pair);
    wait_until(pair->b.channels->len == 1);
    theirs = pair->b.channels->pdata[0];
    channel_hold(theirs, true);
    for (guint i = 0; i < ALL; i++)
        g_assert_true(channel_send(ours, MESSAGE_BINARY, NULL, 0, NULL));
    wait_until(channel_stats(theirs)->messages_received >= MOST);
    g_assert_true(never_again(&pair->b, 0));
    g_assert_cmpuint(channel_stats(theirs)->messages_received, ==, MOST);
    channel_hold(theirs, false);
    wait_until(channel_stats(theirs)->messages_received == ALL);
}

/* The call ends while messages wait: they come before CLOSED. */
static void test_hold_until_the_end(Pair *pair, gconstpointer data)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *ours = open_channel(&pair->a, "x", &options);

    call(pair);
    wait_until(pair->b.channels->len == 1);
    channel_hold(pair->b.channels->pdata[0], true);
    g_assert_true(channel_send(ours, MESSAGE_TEXT, "last", 4, NULL));
    wait_until(channel_stats(pair->b.channels->pdata[0])->messages_received == 1);
    connection_free(g_steal_pointer(&pair->a.connection));
    wait_until(connection_state(pair->b.connection) == CONNECTION_CLOSED);
    g_assert_cmpstr(pair->b.log->str, ==, "x=last closed:x ");
}

static void test_options(Pair *pair, gconstpointer data)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    g_autoptr(GError) error = NULL;
    Channel *channel;

    options.ordered = false;
    options.max_retransmits = 3;
    options.protocol = "proto";
    options.priority = CHANNEL_PRIORITY_HIGH;
    open_channel(&pair->a, "re", &options);
    options.max_retransmits = -1;
    options.max_packet_lifetime = 250;
    open_channel(&pair->a, "li", &options);
    options.max_retransmits = 1;
    g_assert_null(connection_open_channel(pair->a.connection, "bad", &options, &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_INVALID);
    options = CHANNEL_OPTIONS_DEFAULT;
    options.negotiated = true;
    g_clear_error(&error);
    g_assert_null(connection_open_channel(pair->a.connection, "bad", &options, &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_INVALID);
    options.id = 100;
    open_channel(&pair->a, "neg", &options);
    channel = open_channel(&pair->b, "neg", &options);
    call(pair);
    wait_until(channel_state(channel) == CHANNEL_OPEN && pair->b.channels->len == 2);
    g_assert_true(channel_send(channel, MESSAGE_TEXT, "hi", 2, NULL));
    wait_until(strstr(pair->a.log->str, "neg=hi"));

    channel = pair->b.channels->pdata[0];
    g_assert_cmpstr(channel_protocol(channel), ==, "proto");
    g_assert_false(channel_ordered(channel));
    g_assert_cmpint(channel_max_retransmits(channel), ==, 3);
    g_assert_cmpint(channel_priority(channel), ==, CHANNEL_PRIORITY_HIGH);
    channel = pair->b.channels->pdata[1];
    g_assert_cmpint(channel_max_packet_lifetime(channel), ==, 250);
}

/* Both sides open and close; stream ids come back. */
static void test_many_channels(Pair *pair, gconstpointer data)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *from_a[10], *from_b[10];
    int highest = 0;

    call(pair);
    for (int round = 0; round < 3; round++) {
        guint closed_a = pair->a.closed, closed_b = pair->b.closed;

        for (int i = 0; i < 10; i++) {
            from_a[i] = open_channel(&pair->a, "a", &options);
            from_b[i] = open_channel(&pair->b, "b", &options);
        }
        g_ptr_array_set_size(pair->a.channels, 0);
        g_ptr_array_set_size(pair->b.channels, 0);
        wait_until(pair->a.channels->len == 10 && pair->b.channels->len == 10);
        for (int i = 0; i < 10; i++) {
            g_assert_true(channel_send(from_a[i], MESSAGE_TEXT, "x", 1, NULL));
            highest = MAX(highest, channel_id(from_a[i]));
            highest = MAX(highest, channel_id(from_b[i]));
            channel_close(from_a[i]);
            channel_close(pair->a.channels->pdata[i]);
        }
        wait_until(pair->a.closed == closed_a + 20 && pair->b.closed == closed_b + 20);
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_cmpint(highest, <, 20);
    for (const char *p = pair->b.log->str; (p = strstr(p, "a=x")); p++)
        highest += 1000;
    g_assert_cmpint(highest / 1000, ==, 30);
}

/* More streams than an association begins with (RFC 6525). */
static void test_more_streams(Pair *pair, gconstpointer data)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;

    call(pair);
    for (int i = 0; i < 200; i++)
        open_channel(&pair->a, "m", &options);
    wait_until(pair->b.channels->len == 200 && pair->a.opened == 200);
    for (int i = 0; i < 200; i++)
        channel_send(pair->b.channels->pdata[i], MESSAGE_TEXT, "y", 1, NULL);
    wait_until(pair->a.log->len == 200 * strlen("m=y "));
}

/* One with another stack, which adds no streams: all that a remote may use are there. */
static void test_high_ids(Pair *pair, gconstpointer data)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *highest, *beyond;

    options.negotiated = true;
    options.id = 1023;
    pair->a.foreign = pair->b.foreign = true;
    call(pair);
    highest = open_channel(&pair->a, "n", &options);
    open_channel(&pair->b, "n", &options);
    g_assert_true(channel_send(highest, MESSAGE_TEXT, "x", 1, NULL));
    wait_until(strcmp(pair->b.log->str, "n=x ") == 0);
    options.id++;
    beyond = open_channel(&pair->a, "n", &options);
    wait_until(pair->a.opened == 2);
    g_assert_false(channel_send(beyond, MESSAGE_TEXT, "x", 1, NULL));
    channel_close(beyond);
    wait_until(pair->a.closed == 1);
}

/* Neither side says an address: only a look-up can bring them together. */
static void test_local_names(Pair *pair, gconstpointer data)
{
    g_autoptr(GResolver) resolver = name_resolver_new();
    IceCandidateInit unknown = {.candidate =
                                    "candidate:9 1 udp 2122260223 nowhere.local 9 typ host"};

    g_resolver_set_default(resolver);
    pair->a.hide = pair->b.hide = true;
    for (int i = 0; i < 3; i++)
        connection_add_candidate(pair->b.connection, &unknown, NULL);
    call(pair);
    g_assert_cmpuint(name_resolver_lookups(), >=, 3 + 2);
    for (int i = 0; i < 50; i++)
        connection_add_candidate(pair->b.connection, &unknown, NULL);
    g_assert_cmpuint(name_resolver_lookups(), <=,
                     16); /* bounded, and the last are cancelled unfinished */
}

static void test_hangup(Pair *pair, gconstpointer data)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;

    open_channel(&pair->b, "x", &options);
    call(pair);
    wait_until(pair->b.opened == 1);
    connection_free(g_steal_pointer(&pair->a.connection));
    wait_until(connection_state(pair->b.connection) == CONNECTION_CLOSED);
    g_assert_no_error(pair->b.failure);
    g_assert_cmpstr(pair->b.log->str, ==, "closed:x ");
}

static void test_wrong_fingerprint(Pair *pair, gconstpointer data)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    End *liar = data ? &pair->a : &pair->b;

    liar->forced_fingerprint = g_strdup("sha-256 00:11:22:33");
    open_channel(&pair->a, "x", &options);
    g_assert_true(connection_offer(pair->a.connection, NULL));
    wait_until(connection_state(pair->a.connection) == CONNECTION_FAILED &&
               connection_state(pair->b.connection) == CONNECTION_FAILED);
    g_assert_error(liar->other->failure, RTC_ERROR, RTC_ERROR_SECURITY);
    g_assert_nonnull(strstr(liar->other->failure->message, "not the one"));
    g_assert_null(liar->other->verified);
    g_assert_true(g_str_has_prefix(pair->a.log->str, "closed:x="));
    g_assert_cmpuint(pair->b.channels->len, ==, 0);
}

static void test_refused(Pair *pair, gconstpointer data)
{
    pair->b.refuse = true;
    g_assert_true(connection_offer(pair->a.connection, NULL));
    wait_until(connection_state(pair->b.connection) == CONNECTION_FAILED &&
               connection_state(pair->a.connection) == CONNECTION_FAILED);
    g_assert_cmpstr(pair->b.failure->message, ==, "not known here");
    g_assert_error(pair->a.failure, RTC_ERROR, RTC_ERROR_REFUSED);
}

/* It is still connecting then: what it is given goes out behind its OPEN. */
static void test_send_at_open(Pair *pair, gconstpointer data)
{
    open_channel(&pair->a, "first", &CHANNEL_OPTIONS_DEFAULT);
    pair->a.after = open_channel(&pair->a, "second", &CHANNEL_OPTIONS_DEFAULT);
    call(pair);
    wait_until(strstr(pair->b.log->str, "second=at once"));
}

static void test_order_of_opens(Pair *pair, gconstpointer data)
{
    Channel *second;

    open_channel(&pair->a, "first", &CHANNEL_OPTIONS_DEFAULT);
    second = open_channel(&pair->a, "second", &CHANNEL_OPTIONS_DEFAULT);
    g_assert_true(channel_send(second, MESSAGE_TEXT, "early", 5, NULL));
    call(pair);
    wait_until(strstr(pair->b.log->str, "second=early"));
    g_assert_cmpuint(pair->b.channels->len, ==, 2);
    g_assert_cmpstr(channel_label(pair->b.channels->pdata[0]), ==, "first");
}

static void test_misuse(Pair *pair, gconstpointer data)
{
    static const char *const bad[] = {"", "v=0", "hello", "v=0\r\nm=audio 9 X 0\r\n"};
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(connection_set_remote(pair->b.connection, "offer", bad[i], &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
    }
    g_assert_false(connection_set_remote(pair->b.connection, "answer", "v=0", &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_STATE);
    g_clear_error(&error);
    g_assert_false(connection_set_remote(pair->b.connection, "rollback", "v=0", &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_INVALID);
    call(pair); /* none of it has hurt */
    g_clear_error(&error);
    g_assert_false(
        connection_set_remote(pair->b.connection, "answer", pair->a.description, &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_STATE);
    g_clear_error(&error);
    g_assert_false(connection_offer(pair->a.connection, &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_STATE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_open("test-connection", g_getenv("RTCBUS_TEST_VERBOSE") != NULL);
#define ADD(name, data, function)                                                                  \
    g_test_add("/connection/" name, Pair, data, set_up, function, tear_down)
    ADD("call", NULL, test_call);
    ADD("candidates-first", "hold", test_call);
    ADD("sizes", NULL, test_sizes);
    ADD("quota", NULL, test_quota);
    ADD("large-packets", NULL, test_large_packets);
    g_test_add("/connection/plain/large-packets", Pair, "plain", set_up_plain, test_large_packets,
               tear_down);
    g_test_add("/connection/plain/sizes", Pair, NULL, set_up_plain, test_sizes, tear_down);
    g_test_add("/connection/plain/quota", Pair, NULL, set_up_plain, test_quota, tear_down);
    ADD("relayed-remote", NULL, test_relayed_remote);
    ADD("priority", NULL, test_priority);
    ADD("same-priority", NULL, test_same_priority);
    ADD("idle-goes-first", NULL, test_idle_goes_first);
    ADD("hold", NULL, test_hold);
    ADD("hold-empty", NULL, test_hold_empty);
    ADD("hold-empty-messages", NULL, test_hold_empty_messages);
    ADD("hold-until-the-end", NULL, test_hold_until_the_end);
    ADD("options", NULL, test_options);
    ADD("many-channels", NULL, test_many_channels);
    ADD("more-streams", NULL, test_more_streams);
    ADD("high-ids", NULL, test_high_ids);
    ADD("local-names", NULL, test_local_names);
    ADD("hangup", NULL, test_hangup);
    ADD("wrong-fingerprint/answerer", NULL, test_wrong_fingerprint);
    ADD("wrong-fingerprint/offerer", "a", test_wrong_fingerprint);
    ADD("refused", NULL, test_refused);
    ADD("send-at-open", NULL, test_send_at_open);
    ADD("order-of-opens", NULL, test_order_of_opens);
    ADD("misuse", NULL, test_misuse);
    return g_test_run();
}
