/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/readings/feed.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/bucket.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"
#include "common/turn-tasks.h"
#include "peer/readings/feed-receiver.h"
#include "peer/readings/feed-sender.h"
#include "peer/readings/feed-tail.h"

enum {
    OPEN_BURST = 4, /* channels that a remote may open in a call, and one more each INTERVAL */
    FIRST_RETRY = 10,
    LAST_RETRY = 600, /* seconds until we open another channel, if ours was closed */
};
#define OPEN_INTERVAL (10 * G_USEC_PER_SEC)

struct Feed {
    Store *store;
    const FeedOps *ops;
    gpointer data;
    GPtrArray *links; /* of FeedLink */
    FeedTail *tail;
    TurnTask wake;
    char epoch[RANDOM_ID_LENGTH + 1], history_id[RANDOM_ID_LENGTH + 1];
};

/* The feed of a call, also while it has no channel. The one end has a sender, the other a receiver
 * while it has. */
typedef struct {
    Feed *feed;
    Call *call; /* NULL: it has ended, and only the store has this link still */
    CallChannel *channel;
    CallChannel *numbers; /* msg_channel, if we have opened it: the remote may hear us */
    FeedSender *sender;
    FeedReceiver *receiver;
    bool served;  /* the remote has opened a feed */
    bool listens; /* we are to open one */
    guint round;  /* channels that there have been: what the store has of an earlier one is void */
    guint timer;  /* another turn, another try, or another channel */
    guint retry;  /* seconds */
    Bucket opens; /* by the remote */
} FeedLink;

static const char *link_name(const FeedLink *link)
{
    return call_peer_for_people(link->call);
}

static void on_link_free(gpointer data)
{
    FeedLink *link = data;

    g_clear_handle_id(&link->timer, g_source_remove);
    feed_sender_free(link->sender);
    feed_receiver_free(link->receiver);
}

static void link_unref(gpointer link)
{
    g_rc_box_release_full(link, on_link_free);
}

static FeedLink *find_link(const Feed *feed, const Call *call)
{
    for (guint i = 0; i < feed->links->len; i++) {
        FeedLink *link = feed->links->pdata[i];

        if (link->call == call)
            return link;
    }
    return NULL;
}

static FeedLink *get_link(Feed *feed, Call *call)
{
    FeedLink *link = find_link(feed, call);

    if (link)
        return link;
    link = g_rc_box_new0(FeedLink);
    link->feed = feed;
    link->call = call;
    link->retry = FIRST_RETRY;
    g_ptr_array_add(feed->links, link);
    return link;
}

static void link_close(FeedLink *link)
{
    if (link->channel)
        call_channel_close(link->channel);
}

/* ---- what both ends have -------------------------------------------------------------- */

static bool link_send(FeedLink *link, const guint8 *bytes, gsize length)
{
    g_autoptr(GError) error = NULL;

    if (!link->channel)
        return false;
    if (call_channel_send(link->channel, MESSAGE_BINARY, bytes, length, &error))
        return true;
    log_debug("feed with %s: %s", link_name(link), error->message);
    return false;
}

static gboolean on_broken_turn(gpointer data)
{
    FeedLink *link = data;

    link->timer = 0;
    link_close(link);
    return G_SOURCE_REMOVE;
}

/* Not at once: whoever says so is in the midst of it. */
static void on_broken(const char *why, gpointer data)
{
    FeedLink *link = data;

    log_event(G_LOG_LEVEL_WARNING,
              (.topic = LOG_TOPIC_LISTENERS, .source = call_remote(link->call)),
              _("the feed with %s ends: %s"), link_name(link), why);
    g_clear_handle_id(&link->timer, g_source_remove);
    link->timer = clock_timer_add(0, on_broken_turn, link);
}

/* ---- the emitter's end ------------------------------------------------------------------ */

static const char *on_source_epoch(gpointer data)
{
    return store_epoch(((Feed *) data)->store);
}

static guint64 on_source_newest(gpointer data)
{
    return store_published(((Feed *) data)->store);
}

static guint64 on_source_oldest(gpointer data)
{
    return store_outbox_oldest(((Feed *) data)->store);
}

typedef struct {
    FeedVisitor visit;
    gpointer data;
} FeedVisit;

static bool on_outbox_reading(const OutboxReading *reading, gpointer data)
{
    const FeedVisit *visit = data;

    return visit->visit(&(EmittedReading){reading->sequence, reading->nth, reading->reading},
                        visit->data);
}

static bool on_stand(const char *series, guint64 nth, gpointer data)
{
    const FeedVisit *visit = data;

    return visit->visit(&(EmittedReading){.nth = nth, .reading = {.series = series, .unit = ""}},
                        visit->data);
}

static void on_source_read(guint64 after, FeedVisitor visit, gpointer visit_data, gpointer data)
{
    Feed *feed = data;
    FeedVisit both = {visit, visit_data};

    after = MAX(after, MAX(store_outbox_oldest(feed->store), 1) - 1); /* the tail may be longer */
    if (!feed_tail_read(feed->tail, after, on_outbox_reading, &both))
        store_read_outbox(feed->store, after, FEED_MAX_READINGS, on_outbox_reading, &both);
}

static void on_source_read_last(guint64 after, guint64 until, FeedVisitor visit,
                                gpointer visit_data, gpointer data)
{
    FeedVisit both = {visit, visit_data};

    store_read_last_between(((Feed *) data)->store, after, until, on_outbox_reading, &both);
}

static bool on_source_fork(guint64 sequence, FeedVisitor visit, gpointer visit_data, gpointer data)
{
    FeedVisit both = {visit, visit_data};

    return store_read_fork(((Feed *) data)->store, sequence, on_stand, &both);
}

static const FeedSourceOps source_ops = {
    .epoch = on_source_epoch,
    .newest = on_source_newest,
    .oldest = on_source_oldest,
    .read = on_source_read,
    .read_last = on_source_read_last,
    .fork = on_source_fork,
};

static bool on_sender_writable(gpointer data)
{
    const FeedLink *link = data;
    const Channel *rtc = link->channel ? call_channel_rtc(link->channel) : NULL;

    return rtc && !channel_is_congested(rtc);
}

static bool on_sender_send(const guint8 *bytes, gsize length, gpointer data)
{
    return link_send(data, bytes, length);
}

static gboolean on_sender_turn(gpointer data)
{
    FeedLink *link = data;

    link->timer = 0;
    if (link->sender)
        feed_sender_wake(link->sender);
    return G_SOURCE_REMOVE;
}

static void on_sender_later(gpointer data)
{
    FeedLink *link = data;

    if (!link->timer)
        link->timer = clock_timer_add(0, on_sender_turn, link);
}

static const FeedSenderOps sender_ops = {
    .is_writable = on_sender_writable,
    .send = on_sender_send,
    .later = on_sender_later,
    .broken = on_broken,
};

/* ---- the listener's end ------------------------------------------------------------------- */

static bool on_receiver_place(char epoch[RANDOM_ID_LENGTH + 1], guint64 *sequence, gpointer data)
{
    const FeedLink *link = data;
    const char *found;

    if (!store_place(link->feed->store, call_fingerprint(link->call), &found, sequence) ||
        !is_random_id(found))
        return false;
    g_strlcpy(epoch, found, RANDOM_ID_LENGTH + 1);
    return true;
}

/* What the store is given */
typedef struct {
    FeedLink *link;
    guint round;
} FeedDelivery;

static void on_stored(guint64 sequence, const GError *error, gpointer data)
{
    g_autofree FeedDelivery *delivery = data;
    FeedLink *link = delivery->link;

    if (link->receiver && link->round == delivery->round)
        feed_receiver_stored(link->receiver, !error);
    link_unref(link);
}

static void on_receiver_store(const FeedBatch *batch, gpointer data)
{
    FeedLink *link = data;
    FeedDelivery *delivery = g_new(FeedDelivery, 1);
    StoreEmitter emitter = {.peer = call_peer(link->call),
                            .fingerprint = call_fingerprint(link->call),
                            .epoch = batch->epoch,
                            .known = call_trust(link->call) == TRUST_KNOWN};

    *delivery = (FeedDelivery){g_rc_box_acquire(link), link->round};
    store_receive(link->feed->store, &emitter, batch->readings, batch->count, batch->cursor,
                  batch->greeting, (guint64) clock_wall(), on_stored, delivery);
}

static void on_receiver_send(const guint8 *bytes, gsize length, gpointer data)
{
    link_send(data, bytes, length);
}

static gboolean on_wait_over(gpointer data)
{
    FeedLink *link = data;

    link->timer = 0;
    if (link->receiver)
        feed_receiver_wake(link->receiver);
    return G_SOURCE_REMOVE;
}

static void on_receiver_wait(guint milliseconds, gpointer data)
{
    FeedLink *link = data;

    g_clear_handle_id(&link->timer, g_source_remove);
    link->timer = clock_timer_add(milliseconds, on_wait_over, link);
}

static const FeedReceiverOps receiver_ops = {
    .place = on_receiver_place,
    .store = on_receiver_store,
    .send = on_receiver_send,
    .wait = on_receiver_wait,
    .broken = on_broken,
};

/* ---- channels ------------------------------------------------------------------------------ */

static void on_message(CallChannel *channel, const guint8 *bytes, gsize length, gpointer data)
{
    FeedLink *link = data;
    guint before = feed_listeners(link->feed);

    if (link->receiver)
        feed_receiver_receive(link->receiver, bytes, length);
    if (link->sender)
        feed_sender_receive(link->sender, bytes, length, clock_monotonic());
    if (feed_listeners(link->feed) != before)
        link->feed->ops->changed(link->feed->data);
}

static void on_writable(CallChannel *channel, gpointer data)
{
    FeedLink *link = data;

    if (link->sender)
        feed_sender_wake(link->sender);
}

static const CallChannelTaker taker = {.message = on_message, .writable = on_writable};

static void link_begin(FeedLink *link, CallChannel *channel)
{
    link->channel = channel;
    link->round++;
    call_channel_take(channel, &taker, link);
}

static gboolean on_open(gpointer data);

/* The channel is gone. The listener opens another one, if the call goes on. */
static void link_end(FeedLink *link)
{
    bool listened = link->sender != NULL;

    link->channel = NULL;
    g_clear_handle_id(&link->timer, g_source_remove);
    g_clear_pointer(&link->sender, feed_sender_free);
    if (link->listens) {
        g_clear_pointer(&link->receiver, feed_receiver_free);
        link->timer = clock_timer_add_seconds(link->retry, on_open, link);
        link->retry = MIN(link->retry * 2, LAST_RETRY);
    }
    if (listened)
        link->feed->ops->changed(link->feed->data);
}

/* HELLO goes out with what opens the channel. */
static void link_open(FeedLink *link)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    g_autoptr(GError) error = NULL;
    CallChannel *channel;

    options.protocol = FEED_PROTOCOL;
    channel = call_open_channel(link->call, FEED_LABEL, &options, &error);
    if (!channel) {
        log_debug("no feed from %s: %s", link_name(link), error->message);
        return;
    }
    link->receiver = feed_receiver_new(&receiver_ops, link);
    feed_receiver_start(link->receiver);
}

static bool is_same_remote(const FeedLink *link, const char *fingerprint)
{
    return g_strcmp0(call_fingerprint(link->call), fingerprint) == 0;
}

/* The call that is to have the feed of an emitter: the newest one. Two at a time would overtake
 * each other. */
static FeedLink *find_newest(const Feed *feed, const char *fingerprint)
{
    FeedLink *newest = NULL;

    for (guint i = 0; i < feed->links->len; i++) {
        FeedLink *link = feed->links->pdata[i];

        if (link->listens && is_same_remote(link, fingerprint) &&
            (!newest || call_number(link->call) > call_number(newest->call)))
            newest = link;
    }
    return newest;
}

/* Nothing that still comes on its channel counts. */
static void link_yield(FeedLink *link)
{
    g_clear_handle_id(&link->timer, g_source_remove);
    g_clear_pointer(&link->receiver, feed_receiver_free);
    link->round++;
    link_close(link);
}

static void elect(Feed *feed, const char *fingerprint)
{
    FeedLink *newest = find_newest(feed, fingerprint);

    for (guint i = 0; i < feed->links->len; i++) {
        FeedLink *link = feed->links->pdata[i];

        if (link != newest && link->receiver && is_same_remote(link, fingerprint))
            link_yield(link);
    }
    if (newest && !newest->channel && !newest->timer)
        link_open(newest);
}

static gboolean on_open(gpointer data)
{
    FeedLink *link = data;

    link->timer = 0;
    elect(link->feed, call_fingerprint(link->call));
    return G_SOURCE_REMOVE;
}

/* One at a time, from one who may hear us. */
static void take_incoming(Feed *feed, Call *call, CallChannel *channel)
{
    FeedLink *link = get_link(feed, call);

    if (link->channel || !link->numbers ||
        !bucket_take(&link->opens, clock_monotonic(), OPEN_INTERVAL, OPEN_BURST)) {
        log_debug("a feed of %s is refused", link_name(link));
        call_channel_close(channel);
        return;
    }
    link_begin(link, channel);
    link->sender = feed_sender_new(&source_ops, feed, &sender_ops, link);
    link->served = true;
    feed->ops->no_numbers(link->numbers, feed->data);
}

static FeedLink *find_by_channel(const Feed *feed, const CallChannel *channel)
{
    for (guint i = 0; i < feed->links->len; i++) {
        FeedLink *link = feed->links->pdata[i];

        if (link->channel == channel)
            return link;
    }
    return NULL;
}

static bool speaks(const Call *call)
{
    return call_fingerprint(call) && call_remote_speaks(call, FEED_PROTOCOL);
}

static void forget_numbers(Feed *feed, const CallChannel *channel)
{
    for (guint i = 0; i < feed->links->len; i++) {
        FeedLink *link = feed->links->pdata[i];

        if (link->numbers == channel)
            link->numbers = NULL;
    }
}

/* msg_channel tells who is the emitter: it is the one that opens it. */
static void note_numbers(Feed *feed, Call *call, CallChannel *channel)
{
    if (strcmp(channel_label(call_channel_rtc(channel)), DEFAULT_CHANNEL_LABEL) != 0)
        return;
    if (call_channel_is_publishing(channel))
        get_link(feed, call)->numbers = channel;
    else if (call_channel_is_incoming(channel) && speaks(call) && !find_link(feed, call)) {
        get_link(feed, call)->listens = true;
        elect(feed, call_fingerprint(call));
    }
}

bool feed_take_channel(Feed *feed, CallChannel *channel, CallChannelEvent event)
{
    Call *call = call_channel_call(channel);
    const Channel *rtc = call_channel_rtc(channel);
    FeedLink *link = find_by_channel(feed, channel);

    if (link) {
        if (event == CALL_CHANNEL_REMOVED)
            link_end(link);
        return true;
    }
    if (event == CALL_CHANNEL_REMOVED)
        forget_numbers(feed, channel);
    if (!rtc)
        return false;
    if (strcmp(channel_protocol(rtc), FEED_PROTOCOL) != 0) {
        if (event == CALL_CHANNEL_ADDED)
            note_numbers(feed, call, channel);
        return false;
    }
    if (event == CALL_CHANNEL_ADDED && call_channel_is_incoming(channel))
        take_incoming(feed, call, channel);
    else if (event == CALL_CHANNEL_ADDED)
        link_begin(get_link(feed, call), channel);
    return true;
}

/* ---- calls ---------------------------------------------------------------------------------- */

bool feed_serves(const Feed *feed, const Call *call)
{
    const FeedLink *link = find_link(feed, call);

    return speaks(call) || (link && link->served);
}

static void link_forget(Feed *feed, FeedLink *link)
{
    if (link->channel)
        link_end(link);
    g_clear_handle_id(&link->timer, g_source_remove);
    link->call = NULL;
    g_ptr_array_remove(feed->links, link);
}

void feed_call_ended(Feed *feed, Call *call)
{
    FeedLink *link = find_link(feed, call);

    if (!link)
        return;
    link_forget(feed, link);
    elect(feed, call_fingerprint(call));
}

/* It has a feed, or another call of the same listener has it. */
static bool is_heard(const Feed *feed, const FeedLink *link)
{
    const char *fingerprint = call_fingerprint(link->call);
    bool heard = link->sender && feed_sender_is_heard(link->sender);

    if (!link->numbers || !speaks(link->call))
        return heard;
    for (guint i = 0; i < feed->links->len && !heard; i++) {
        const FeedLink *other = feed->links->pdata[i];

        heard = other->sender && feed_sender_is_heard(other->sender) &&
                is_same_remote(other, fingerprint);
    }
    return heard;
}

guint feed_listeners(const Feed *feed)
{
    guint count = 0;

    for (guint i = 0; i < feed->links->len; i++)
        count += is_heard(feed, feed->links->pdata[i]);
    return count;
}

/* ---- the store ------------------------------------------------------------------------------- */

static void on_wake(gpointer data)
{
    Feed *feed = data;

    for (guint i = 0; i < feed->links->len; i++) {
        FeedLink *link = feed->links->pdata[i];

        if (link->sender)
            feed_sender_wake(link->sender);
    }
}

void feed_published(Feed *feed, const OutboxReading *reading)
{
    feed_tail_add(feed->tail, reading);
    turn_task_add(&feed->wake);
}

static bool note(char kept[RANDOM_ID_LENGTH + 1], const char *now)
{
    bool other = strcmp(kept, now) != 0;

    g_strlcpy(kept, now, RANDOM_ID_LENGTH + 1);
    return other;
}

void feed_store_changed(Feed *feed)
{
    bool published = note(feed->epoch, store_epoch(feed->store));
    bool received = note(feed->history_id, store_history_id(feed->store));

    if (published)
        feed_tail_clear(feed->tail);
    for (guint i = 0; i < feed->links->len; i++) {
        FeedLink *link = feed->links->pdata[i];

        if (link->sender && published)
            link_close(link);
        if (link->receiver && received)
            feed_receiver_begin_again(link->receiver);
    }
}

/* ---- the object -------------------------------------------------------------------------------- */

Feed *feed_new(Store *store, const FeedOps *ops, gpointer data)
{
    Feed *feed = g_new0(Feed, 1);

    feed->store = store;
    feed->ops = ops;
    feed->data = data;
    feed->links = g_ptr_array_new_with_free_func(link_unref);
    feed->tail = feed_tail_new();
    turn_task_init(&feed->wake, on_wake, feed);
    note(feed->epoch, store_epoch(store));
    note(feed->history_id, store_history_id(store));
    return feed;
}

void feed_free(Feed *feed)
{
    if (!feed)
        return;
    turn_task_cancel(&feed->wake);
    while (feed->links->len > 0)
        link_forget(feed, feed->links->pdata[feed->links->len - 1]);
    g_ptr_array_unref(feed->links);
    feed_tail_free(feed->tail);
    g_free(feed);
}
