/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What is kept for a stream, and for how long: the set of channels over an
 * association that only notes what it is asked.
 */

#include <config.h>

#include "rtc/channel/channel-set.h"

#include <string.h>

#include "rtc/channel/channel-private.h"
#include "rtc/channel/early-store.h"
#include "fake-clock.h"
#include "rtc/connection.h"
#include "wait.h"

G_DEFINE_QUARK(rtc - error - quark, rtc_error)

/* ---- an association ---- */

static struct {
    GArray *resets; /* of guint16, asked for */
    guint opened, closed, freed;
    Channel *last; /* opened by the remote */
    bool held;
    guint late;       /* callbacks after CLOSED */
    ChannelSet *ends; /* whose resets end at once: the remote knows none */
    GString *texts;   /* what has come, each with its channel's label in front */
    GString *sent;    /* what has gone, see association_send() */
    bool blocked;     /* nothing goes */
    gsize too_long;   /* nothing that is so long goes; 0: all does */
} seen;

/* A word a message: stream, PPID, o or u(nordered), R<n> or T<n>, and how long it is. */
AssociationResult association_send(Association *sctp, const AssociationMessage *message)
{
    if (seen.blocked)
        return ASSOCIATION_BLOCKED;
    if (seen.too_long > 0 && message->length >= seen.too_long)
        return ASSOCIATION_TOO_LONG;
    g_string_append_printf(seen.sent, "%u/%u/%c", message->stream, message->ppid,
                           message->ordered ? 'o' : 'u');
    if (message->max_retransmits >= 0)
        g_string_append_printf(seen.sent, "/R%d", message->max_retransmits);
    if (message->max_packet_lifetime >= 0)
        g_string_append_printf(seen.sent, "/T%d", message->max_packet_lifetime);
    g_string_append_printf(seen.sent, "/%zu ", message->length);
    return ASSOCIATION_SENT;
}

void association_reset_stream(Association *sctp, guint16 stream)
{
    g_array_append_val(seen.resets, stream);
    if (!seen.ends)
        return;
    channel_set_local_reset(seen.ends, stream);
    channel_set_remote_reset(seen.ends, stream);
}

void association_cork(Association *sctp, bool corked)
{
}

void association_hold(Association *sctp, bool held)
{
    seen.held = held;
}

void __real_channel_free(Channel *channel);
void __wrap_channel_free(Channel *channel);
void __wrap_channel_free(Channel *channel)
{
    seen.freed++;
    __real_channel_free(channel);
}

/* ---- its channels; the remote's ids are the odd ones ---- */

static void on_state(Channel *channel, ChannelState state, const GError *reason, gpointer data)
{
    seen.closed += state == CHANNEL_CLOSED;
}

static void on_message(Channel *channel, MessageKind kind, const guint8 *bytes, gsize length,
                       gpointer data)
{
    g_string_append_printf(seen.texts, "%s:%.*s ", channel_label(channel), (int) length,
                           (const char *) bytes);
}

static void on_room(Channel *channel, gpointer data)
{
    seen.late += channel_state(channel) == CHANNEL_CLOSED;
}

static const ChannelOps channel_ops = {
    .state = on_state, .message = on_message, .writable = on_room, .shorter = on_room};

static void on_incoming(Channel *channel, gpointer data)
{
    seen.opened++;
    seen.last = channel;
    channel_attach(channel, &channel_ops, NULL);
}

static ChannelSet *set_new(guint max_channels)
{
    const ChannelSetConfig config = {
        .send_quota = 1 << 20, .max_channels = max_channels, .incoming = on_incoming};
    ChannelSet *set = channel_set_new(&config);

    seen.resets = g_array_new(FALSE, FALSE, sizeof(guint16));
    seen.texts = g_string_new(NULL);
    seen.sent = g_string_new(NULL);
    seen.blocked = false;
    seen.too_long = 0;
    seen.opened = seen.closed = seen.freed = seen.late = 0;
    seen.held = false;
    seen.ends = NULL;
    channel_set_attach(set, (Association *) &seen, true, 0);
    channel_set_connected(set);
    return set;
}

static void set_free(ChannelSet *set)
{
    channel_set_free(set);
    g_array_unref(seen.resets);
    g_string_free(seen.texts, TRUE);
    g_string_free(seen.sent, TRUE);
}

static void say(ChannelSet *set, guint16 stream, const char *text)
{
    channel_set_message(set, stream, PPID_STRING, (const guint8 *) text, strlen(text));
}

static void open_stream(ChannelSet *set, guint16 stream, const char *label)
{
    DcepOpen open = {.ordered = true,
                     .max_retransmits = -1,
                     .max_packet_lifetime = -1,
                     .priority = 256,
                     .label = (char *) label,
                     .protocol = (char *) ""};
    g_autoptr(GBytes) bytes = dcep_write_open(&open);
    gsize length;
    const guint8 *data = g_bytes_get_data(bytes, &length);

    channel_set_message(set, stream, PPID_DCEP, data, length);
}

static void open_badly(ChannelSet *set, guint16 stream)
{
    channel_set_message(set, stream, PPID_DCEP, (const guint8 *) "\003", 1);
}

/* What has been sent since it was last asked, see association_send() */
static void assert_sent(const char *expected)
{
    g_assert_cmpstr(seen.sent->str, ==, expected);
    g_string_set_size(seen.sent, 0);
}

/* One of ours, whose OPEN is out. */
static Channel *open_ours(ChannelSet *set, const ChannelOptions *options)
{
    Channel *channel = channel_set_open(set, "x", options, NULL);

    g_assert_nonnull(channel);
    channel_attach(channel, &channel_ops, NULL);
    wait_until(channel_state(channel) == CHANNEL_OPEN);
    return channel;
}

static void acknowledge(ChannelSet *set, guint16 stream)
{
    channel_set_message(set, stream, PPID_DCEP, (const guint8 *) "\002", 1);
}

/* Whether our resets so far are COUNT, the last of them of STREAM */
static void assert_reset(guint count, guint16 stream)
{
    g_assert_cmpuint(seen.resets->len, ==, count);
    g_assert_cmpuint(g_array_index(seen.resets, guint16, count - 1), ==, stream);
}

/* ---- tests ---- */

/* The remote sends on, not knowing yet; the next channel on the stream hears nothing of it. */
static void test_refused(void)
{
    ChannelSet *set = set_new(16);

    say(set, 3, "early");
    open_badly(set, 3);
    assert_reset(1, 3);
    say(set, 3, "behind");
    open_badly(set, 3);
    open_stream(set, 3, "unreset"); /* it is not the remote's to use yet */
    assert_reset(1, 3);
    channel_set_local_reset(set, 3);
    say(set, 3, "stale");
    channel_set_remote_reset(set, 3);
    say(set, 3, "ahead");
    open_stream(set, 3, "good");
    say(set, 3, "fresh");
    g_assert_cmpstr(seen.texts->str, ==, "good:ahead good:fresh ");
    g_assert_cmpuint(seen.opened, ==, 1);
    assert_reset(1, 3);
    set_free(set);
}

/* The remote's reset comes before the answer to ours. */
static void test_refused_then_reset(void)
{
    ChannelSet *set = set_new(16);

    open_badly(set, 5);
    channel_set_remote_reset(set, 5);
    say(set, 5, "ahead");
    open_stream(set, 5, "good");
    channel_set_local_reset(set, 5);
    say(set, 5, "fresh");
    g_assert_cmpstr(seen.texts->str, ==, "good:ahead good:fresh ");
    g_assert_cmpuint(seen.closed, ==, 0);
    set_free(set);
}

/* What waits for a channel goes with the reset of its stream. */
static void test_reset_ends_all(void)
{
    ChannelSet *set = set_new(16);
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;

    say(set, 7, "early");
    channel_set_remote_reset(set, 7);
    open_stream(set, 7, "next");
    g_assert_cmpstr(seen.texts->str, ==, "");
    /* Nor does a channel of ours get what came on its stream before. */
    say(set, 0, "nobody's");
    channel_set_open(set, "ours", &options, NULL);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpstr(seen.texts->str, ==, "");
    set_free(set);
}

/* Both sides know a negotiated channel, and the remote may have been quicker. */
static void test_negotiated(void)
{
    ChannelSet *set = set_new(16);
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;

    say(set, 8, "early");
    options.negotiated = true;
    options.id = 8;
    channel_attach(channel_set_open(set, "agreed", &options, NULL), &channel_ops, NULL);
    wait_until(seen.texts->len > 0);
    g_assert_cmpstr(seen.texts->str, ==, "agreed:early ");
    set_free(set);
}

/* Refusals neither fill the store nor take the place of channels. */
static void test_starve(void)
{
    ChannelSet *set = set_new(4);
    g_autofree char *much = g_strnfill(60000, 'z');

    for (guint16 stream = 101; stream < 301; stream += 2) {
        open_badly(set, stream);
        say(set, stream, much);
    }
    for (guint16 stream = 301; stream < 309; stream += 2) /* one that is never opened */
        say(set, 301, much);
    say(set, 501, "early");
    open_stream(set, 501, "late");
    g_assert_cmpstr(seen.texts->str, ==, "late:early ");
    for (guint16 stream = 503; stream < 509; stream += 2)
        open_stream(set, stream, "more");
    g_assert_cmpuint(seen.opened, ==, 4);
    open_stream(set, 509, "too many");
    g_assert_cmpuint(seen.opened, ==, 4);
    assert_reset(101, 509);
    set_free(set);
}

/* RFC 8832 6 */
static void test_wrong_open(void)
{
    ChannelSet *set = set_new(16);

    open_stream(set, 200, "of our parity");
    say(set, 200, "lost");
    assert_reset(1, 200);
    g_assert_cmpuint(seen.opened, ==, 0);
    open_stream(set, 103, "one");
    say(set, 103, "heard");
    open_stream(set, 103, "two");
    assert_reset(2, 103);
    g_assert_cmpuint(seen.opened, ==, 1);
    open_stream(set, 103, "three");
    assert_reset(2, 103);
    say(set, 103, "for the second");
    channel_set_local_reset(set, 103);
    channel_set_remote_reset(set, 103);
    g_assert_cmpuint(seen.closed, ==, 1);
    g_assert_cmpstr(seen.texts->str, ==, "one:heard ");
    set_free(set);
}

static gboolean on_load(gpointer data)
{
    return G_SOURCE_CONTINUE;
}

/* A main loop that always has something to do frees what has closed all the same. */
static void test_freed_under_load(void)
{
    ChannelSet *set = set_new(16);
    guint load = g_idle_add_full(G_PRIORITY_DEFAULT, on_load, NULL, NULL);

    open_stream(set, 3, "brief");
    channel_set_remote_reset(set, 3);
    channel_set_local_reset(set, 3);
    open_badly(set, 5);
    channel_set_remote_reset(set, 5);
    channel_set_local_reset(set, 5);
    wait_until(seen.freed == 2);
    g_source_remove(load);
    set_free(set);
}

/* Whoever has been told of the end may have freed what the callbacks would be given. */
static void test_silent_after_closed(void)
{
    ChannelSet *set = set_new(16);
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *channel = channel_set_open(set, "brief", &options, NULL);

    seen.ends = set;
    channel_attach(channel, &channel_ops, NULL);
    g_assert_true(channel_send(channel, MESSAGE_TEXT, "x", 1, NULL));
    g_assert_cmpuint(channel_buffered_amount(channel), ==, 1);
    channel_close(channel);
    assert_reset(1, 0);
    g_assert_cmpuint(seen.closed, ==, 1);
    g_assert_cmpuint(seen.late, ==, 0);
    set_free(set);
}

/* The remote has closed the channel when all is read that came before. */
static void test_closed_behind(void)
{
    ChannelSet *set = set_new(16);

    open_stream(set, 3, "slow");
    channel_hold(seen.last, true);
    say(set, 3, "last");
    channel_set_remote_reset(set, 3);
    g_assert_cmpint(channel_state(seen.last), ==, CHANNEL_OPEN);
    g_assert_cmpuint(seen.resets->len, ==, 0);
    channel_hold(seen.last, false);
    wait_until(channel_state(seen.last) == CHANNEL_CLOSING);
    g_assert_cmpstr(seen.texts->str, ==, "slow:last ");
    assert_reset(1, 3);
    set_free(set);
}

/* Each of them has less than a channel may have, in messages of LENGTH. */
static void test_full_inboxes(gconstpointer length)
{
    const gsize size = GPOINTER_TO_SIZE(length), most = size > 0 ? 1024 * 1024 / size : 64 * 1024;
    const guint share = most * 3 / 4;
    ChannelSet *set = set_new(16);
    g_autofree char *text = g_strnfill(size, 'z');
    Channel *first = NULL;
    guint n = 0;

    for (guint16 stream = 1; stream < 15; stream += 2) {
        open_stream(set, stream, "many");
        channel_hold(seen.last, true);
        first = first ? first : seen.last;
    }
    while (!seen.held && n < 7 * share)
        say(set, 1 + 2 * (n++ / share), text);
    g_assert_true(seen.held);
    g_assert_cmpuint(n / share, ==, 5);
    channel_hold(first, false);
    wait_until(!seen.held);
    set_free(set);
}

/* Whose an id is shows with the association: from then on it is an error to take the remote's. A
 * channel that has taken one before ends, and does not reset what is not its own. */
static void test_id_of_remote(void)
{
    ChannelSet *set = set_new(16);
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    g_autoptr(GError) error = NULL;

    options.id = 7;
    g_assert_null(channel_set_open(set, "odd", &options, &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_INVALID);
    open_stream(set, 7, "theirs");
    say(set, 7, "heard");
    g_assert_cmpstr(seen.texts->str, ==, "theirs:heard ");
    channel_set_detach(set, NULL);
    seen.closed = 0;
    channel_attach(channel_set_open(set, "odd", &options, NULL), &channel_ops, NULL);
    channel_set_attach(set, (Association *) &seen, true, 0);
    g_assert_cmpuint(seen.closed, ==, 1);
    g_assert_cmpuint(seen.resets->len, ==, 0);
    set_free(set);
}

static void on_early(guint32 ppid, const guint8 *bytes, gsize length, gpointer data)
{
    g_string_append_len(data, (const char *) bytes, length);
}

/* The stream that has most makes room; nobody loses for another. */
static void test_early_store(void)
{
    g_autoptr(EarlyStore) store = early_store_new(1000);
    g_autofree guint8 *large = g_malloc0(1000);
    g_autoptr(GString) taken = g_string_new(NULL);

    g_assert_false(early_store_add(store, 1, 51, large, 1000));
    g_assert_true(early_store_add(store, 1, 51, (const guint8 *) "a", 1));
    for (guint i = 0; i < 1000; i++)
        g_assert_true(early_store_add(store, 3, 51, (const guint8 *) (i < 999 ? "b" : "c"), 1));
    g_assert_cmpuint(early_store_bytes(store), <=, 1000);
    early_store_take(store, 1, on_early, taken);
    early_store_take(store, 5, on_early, taken);
    g_assert_cmpstr(taken->str, ==, "a");
    early_store_take(store, 3, on_early, taken);
    g_assert_true(g_str_has_suffix(taken->str, "bc"));
    g_assert_cmpuint(early_store_bytes(store), ==, 0);
    early_store_add(store, 9, 51, large, 500);
    early_store_drop(store, 9);
    early_store_drop(store, 9);
    g_assert_cmpuint(early_store_bytes(store), ==, 0);
}

/* ---- each of these holds what an RFC says that one MUST do: doc/rfcs names them ---- */

/* RFC 8832 6: DCEP is ordered and reliable, on the stream of its channel, with a PPID of its own */
static void test_dcep_is_reliable(void)
{
    ChannelSet *set = set_new(16);
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    static const guint8 open[] = {3, 0x81, 1, 0, 0, 0, 0, 5, 0, 0, 0, 0};

    options.ordered = false;
    options.max_retransmits = 0;
    options.id = 6;
    open_ours(set, &options);
    assert_sent("6/50/o/13 ");
    channel_set_message(set, 9, PPID_DCEP, open, sizeof open);
    g_assert_cmpint(channel_max_retransmits(seen.last), ==, 5);
    assert_sent("9/50/o/1 ");
    set_free(set);
}

/* RFC 8832 6: in order until the remote is known to know the channel, then as the channel is */
static void test_ordered_until_acknowledged(void)
{
    ChannelSet *set = set_new(16);
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *channel;

    options.ordered = false;
    channel = open_ours(set, &options);
    channel_send(channel, MESSAGE_TEXT, "a", 1, NULL);
    acknowledge(set, 0);
    channel_send(channel, MESSAGE_TEXT, "b", 1, NULL);
    assert_sent("0/50/o/13 0/51/o/1 0/51/u/1 ");
    channel = open_ours(set, &options); /* any message will do */
    say(set, 2, "known");
    channel_send(channel, MESSAGE_TEXT, "c", 1, NULL);
    assert_sent("2/50/o/13 2/51/u/1 ");
    options.ordered = true;
    channel = open_ours(set, &options);
    acknowledge(set, 4);
    channel_send(channel, MESSAGE_TEXT, "d", 1, NULL);
    assert_sent("4/50/o/13 4/51/o/1 ");
    options = (ChannelOptions){.negotiated = true,
                               .id = 100,
                               .max_retransmits = -1,
                               .max_packet_lifetime = -1}; /* both have agreed before */
    channel_send(open_ours(set, &options), MESSAGE_TEXT, "e", 1, NULL);
    assert_sent("100/51/u/1 ");
    set_free(set);
}

/* RFC 8831 6.6: every message as the channel was opened, both ways, also those that had to wait */
static void test_reliability(void)
{
    ChannelSet *set = set_new(16);
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    static const guint8 open[] = {3, 2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    Channel *channel;

    options.max_retransmits = 3;
    channel = open_ours(set, &options);
    acknowledge(set, 0);
    seen.blocked = true;
    channel_send(channel, MESSAGE_BINARY, "ab", 2, NULL);
    channel_send(channel, MESSAGE_BINARY, "cd", 2, NULL);
    seen.blocked = false;
    channel_set_writable(set);
    assert_sent("0/50/o/13 0/53/o/R3/2 0/53/o/R3/2 ");
    channel_set_message(set, 1, PPID_DCEP, open, sizeof open);
    channel_send(seen.last, MESSAGE_TEXT, "e", 1, NULL);
    assert_sent("1/50/o/1 1/51/o/T256/1 ");
    set_free(set);
}

/* A long message waits while usrsctp has enough: others of its channel behind it, no other channel. */
static void test_long_message(void)
{
    ChannelSet *set = set_new(16);
    Channel *first = open_ours(set, &CHANNEL_OPTIONS_DEFAULT);
    Channel *second = open_ours(set, &CHANNEL_OPTIONS_DEFAULT);

    acknowledge(set, 0);
    acknowledge(set, 2);
    assert_sent("0/50/o/13 2/50/o/13 ");
    seen.too_long = 8;
    channel_send(first, MESSAGE_BINARY, "a long one", 10, NULL);
    channel_send(first, MESSAGE_BINARY, "behind", 6, NULL);
    channel_send(second, MESSAGE_BINARY, "beside", 6, NULL);
    channel_set_writable(set);
    channel_send(second, MESSAGE_BINARY, "again", 5, NULL);
    assert_sent("2/53/o/6 2/53/o/5 ");
    seen.too_long = 0;
    channel_set_writable(set);
    assert_sent("0/53/o/10 0/53/o/6 ");
    set_free(set);
}

/* They pass it until they have had as much, whether they wait themselves or not. */
static void test_long_message_is_not_forgotten(void)
{
    static const guint8 bytes[1000];
    ChannelSet *set = set_new(16);
    Channel *first = open_ours(set, &CHANNEL_OPTIONS_DEFAULT);
    Channel *second = open_ours(set, &CHANNEL_OPTIONS_DEFAULT);

    acknowledge(set, 0);
    acknowledge(set, 2);
    seen.too_long = sizeof bytes;
    channel_send(first, MESSAGE_BINARY, bytes, sizeof bytes, NULL);
    channel_set_writable(set);
    g_string_truncate(seen.sent, 0);
    for (guint i = 0; i < 9; i++)
        channel_send(second, MESSAGE_BINARY, bytes, 300, NULL);
    assert_sent("2/53/o/300 2/53/o/300 2/53/o/300 ");
    channel_set_writable(set);
    assert_sent("");
    seen.too_long = 0;
    channel_set_writable(set);
    assert_sent("0/53/o/1000 2/53/o/300 2/53/o/300 2/53/o/300 2/53/o/300 2/53/o/300 2/53/o/300 ");
    set_free(set);
}

/* RFC 8831 6.6 and 8: which PPID, one message each, and a byte of zero for none at all */
static void test_ppids(void)
{
    static const struct {
        guint32 ppid;
        const char *bytes;
    } incoming[] = {{51, "text"}, {53, "data"}, {56, "\1ignored"}, {57, "ignored"}};
    ChannelSet *set = set_new(16);
    Channel *channel = open_ours(set, &CHANNEL_OPTIONS_DEFAULT);

    channel_send(channel, MESSAGE_TEXT, "text", 4, NULL);
    channel_send(channel, MESSAGE_BINARY, "data!", 5, NULL);
    channel_send(channel, MESSAGE_TEXT, "", 0, NULL);
    channel_send(channel, MESSAGE_BINARY, NULL, 0, NULL);
    assert_sent("0/50/o/13 0/51/o/4 0/53/o/5 0/56/o/1 0/57/o/1 ");
    for (gsize i = 0; i < G_N_ELEMENTS(incoming); i++)
        channel_set_message(set, 0, incoming[i].ppid, (const guint8 *) incoming[i].bytes,
                            strlen(incoming[i].bytes));
    g_assert_cmpstr(seen.texts->str, ==, "x:text x:data x: x: ");
    set_free(set);
}

/* RFC 8832 6: the DTLS client takes even ids, the server odd ones, and only those that are free */
static void test_parity(void)
{
    ChannelSet *set = set_new(16);
    ChannelOptions agreed = {
        .negotiated = true, .id = 2, .max_retransmits = -1, .max_packet_lifetime = -1};

    open_ours(set, &agreed);
    g_assert_cmpint(channel_id(open_ours(set, &CHANNEL_OPTIONS_DEFAULT)), ==, 0);
    g_assert_cmpint(channel_id(open_ours(set, &CHANNEL_OPTIONS_DEFAULT)), ==, 4);
    channel_set_detach(set, NULL);
    channel_set_attach(set, (Association *) &seen, false, 0);
    channel_set_connected(set);
    g_assert_cmpint(channel_id(open_ours(set, &CHANNEL_OPTIONS_DEFAULT)), ==, 1);
    set_free(set);
}

/* RFC 8831 6.5: a stream that a channel has is no other channel's */
static void test_id_in_use(void)
{
    ChannelSet *set = set_new(16);
    ChannelOptions options = {
        .negotiated = true, .id = 5, .max_retransmits = -1, .max_packet_lifetime = -1};
    g_autoptr(GError) error = NULL;

    open_stream(set, 5, "theirs");
    g_assert_null(channel_set_open(set, "x", &options, &error));
    g_assert_error(error, RTC_ERROR, RTC_ERROR_INVALID);
    g_assert_cmpint(channel_state(seen.last), ==, CHANNEL_OPEN);
    set_free(set);
}

/* RFC 8832 6: an OPEN that is refused gets a reset and no ACK */
static void test_no_ack_for_refused(void)
{
    static const guint8 unknown[] = {3, 0x03, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const guint8 lengths[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 9, 0, 0, 'x'};
    static const guint8 not_utf8[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xff};
    ChannelSet *set = set_new(16);

    open_stream(set, 0, "of our parity");
    channel_set_message(set, 1, PPID_DCEP, unknown, sizeof unknown);
    channel_set_message(set, 3, PPID_DCEP, lengths, sizeof lengths);
    channel_set_message(set, 5, PPID_DCEP, not_utf8, sizeof not_utf8);
    assert_reset(4, 5);
    assert_sent("");
    open_stream(set, 7, "once");
    assert_sent("7/50/o/1 ");
    open_stream(set, 7, "twice");
    assert_reset(5, 7);
    assert_sent("");
    set_free(set);
}

/* RFC 8831 6.7: who closes resets its stream, the other side does it then, and the id is free */
static void test_closing(void)
{
    ChannelSet *set = set_new(16);
    Channel *channel = open_ours(set, &CHANNEL_OPTIONS_DEFAULT);

    seen.blocked = true;
    channel_send(channel, MESSAGE_TEXT, "before the end", 14, NULL);
    channel_close(channel);
    g_assert_cmpuint(seen.resets->len, ==, 0);
    seen.blocked = false;
    channel_set_writable(set);
    assert_sent("0/50/o/13 0/51/o/14 ");
    assert_reset(1, 0);
    channel_set_local_reset(set, 0);
    g_assert_cmpuint(seen.closed, ==, 0);
    g_assert_cmpint(channel_id(open_ours(set, &CHANNEL_OPTIONS_DEFAULT)), ==, 2);
    channel_set_remote_reset(set, 0);
    g_assert_cmpuint(seen.closed, ==, 1);
    g_assert_cmpint(channel_id(open_ours(set, &CHANNEL_OPTIONS_DEFAULT)), ==, 0);
    open_stream(set, 1, "theirs");
    channel_set_remote_reset(set, 1);
    assert_reset(2, 1);
    g_assert_cmpuint(seen.closed, ==, 1);
    channel_set_local_reset(set, 1);
    g_assert_cmpuint(seen.closed, ==, 2);
    set_free(set);
}

/* RFC 8832 6: a reset in place of the ACK is the failure of the channel */
static void test_reset_for_ack(void)
{
    ChannelSet *set = set_new(16);

    open_ours(set, &CHANNEL_OPTIONS_DEFAULT);
    channel_set_remote_reset(set, 0);
    assert_reset(1, 0);
    channel_set_local_reset(set, 0);
    g_assert_cmpuint(seen.closed, ==, 1);
    set_free(set);
}

/* RFC 3758 4.1: the time that a message waits counts, and one that is too old is never sent. */
static void test_lifetime(void)
{
    ChannelSet *set = set_new(16);
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *channel;

    options.max_packet_lifetime = 100;
    channel = open_ours(set, &options);
    acknowledge(set, 0);
    seen.blocked = true;
    channel_send(channel, MESSAGE_TEXT, "old", 3, NULL);
    channel_send(channel, MESSAGE_TEXT, "old", 3, NULL);
    fake_clock_pass(80 * 1000);
    channel_send(channel, MESSAGE_TEXT, "newer", 5, NULL);
    fake_clock_pass(30 * 1000);
    g_assert_cmpuint(channel_buffered_amount(channel), ==, 11);
    seen.blocked = false;
    channel_set_writable(set);
    g_assert_cmpuint(channel_buffered_amount(channel), ==, 0);
    channel_send(channel, MESSAGE_TEXT, "x", 1, NULL);
    assert_sent("0/50/o/13 0/51/o/T70/5 0/51/o/T100/1 ");
    seen.blocked = true;
    channel_send(channel, MESSAGE_TEXT, "old", 3, NULL);
    fake_clock_pass(101 * 1000);
    seen.blocked = false;
    channel_set_writable(set);
    channel_send(channel, MESSAGE_TEXT, "y", 1, NULL);
    assert_sent("0/51/o/T100/1 ");
    set_free(set);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/channel-set/refused", test_refused);
    g_test_add_func("/channel-set/refused-then-reset", test_refused_then_reset);
    g_test_add_func("/channel-set/reset-ends-all", test_reset_ends_all);
    g_test_add_func("/channel-set/negotiated", test_negotiated);
    g_test_add_func("/channel-set/starve", test_starve);
    g_test_add_func("/channel-set/wrong-open", test_wrong_open);
    g_test_add_func("/channel-set/freed-under-load", test_freed_under_load);
    g_test_add_func("/channel-set/silent-after-closed", test_silent_after_closed);
    g_test_add_data_func("/channel-set/full-inboxes", GSIZE_TO_POINTER(1024), test_full_inboxes);
    g_test_add_data_func("/channel-set/full-of-nothing", NULL, test_full_inboxes);
    g_test_add_func("/channel-set/id-of-remote", test_id_of_remote);
    g_test_add_func("/channel-set/early-store", test_early_store);
    g_test_add_func("/channel-set/dcep-is-reliable", test_dcep_is_reliable);
    g_test_add_func("/channel-set/ordered-until-acknowledged", test_ordered_until_acknowledged);
    g_test_add_func("/channel-set/reliability", test_reliability);
    g_test_add_func("/channel-set/long-message", test_long_message);
    g_test_add_func("/channel-set/long-message-is-not-forgotten",
                    test_long_message_is_not_forgotten);
    g_test_add_func("/channel-set/ppids", test_ppids);
    g_test_add_func("/channel-set/parity", test_parity);
    g_test_add_func("/channel-set/id-in-use", test_id_in_use);
    g_test_add_func("/channel-set/no-ack-for-refused", test_no_ack_for_refused);
    g_test_add_func("/channel-set/closing", test_closing);
    g_test_add_func("/channel-set/closed-behind", test_closed_behind);
    g_test_add_func("/channel-set/reset-for-ack", test_reset_for_ack);
    g_test_add_func("/channel-set/lifetime", test_lifetime);
    return g_test_run();
}
