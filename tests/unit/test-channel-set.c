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
} seen;

AssociationResult association_send(Association *sctp, const AssociationMessage *message)
{
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
    return g_test_run();
}
