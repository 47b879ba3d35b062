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
#include "peer/readings/feed-reached.h"
#include "peer/readings/feed-receiver.h"
#include "peer/readings/feed-sender.h"
#include "peer/readings/feed-tail.h"

enum {
    OPEN_BURST = 4,   /* channels that a remote may open in a call, and one more each INTERVAL */
    OFFER_WAIT = 300, /* milliseconds until we open a channel, if the emitter has not */
    FIRST_RETRY = 10,
    LAST_RETRY = 600, /* the same, if the last one was closed */
};
#define OPEN_INTERVAL (10 * G_USEC_PER_SEC)

struct Feed {
    Store *store;
    const FeedOps *ops;
    gpointer data;
    GPtrArray *links;    /* of FeedLink */
    GHashTable *by_call; /* Call → FeedLink, the same ones */
    FeedTail *tail;
    FeedReached *reached;
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
    bool served;  /* there has been a channel to the remote */
    bool listens; /* the remote is the emitter */
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
    return g_hash_table_lookup(feed->by_call, call);
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
    g_hash_table_insert(feed->by_call, call, link);
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
        feed_sender_resume(link->sender);
    return G_SOURCE_REMOVE;
}

static void on_sender_pause(guint milliseconds, gpointer data)
{
    FeedLink *link = data;

    if (!link->timer)
        link->timer = clock_timer_add(milliseconds, on_sender_turn, link);
}

static void on_sender_later(gpointer data)
{
    on_sender_pause(0, data);
}

static const FeedSenderOps sender_ops = {
    .is_writable = on_sender_writable,
    .send = on_sender_send,
    .later = on_sender_later,
    .pause = on_sender_pause,
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
    bool heard;

    if (!link) /* refused */
        return;
    if (link->receiver)
        feed_receiver_receive(link->receiver, bytes, length);
    if (!link->sender)
        return;
    heard = feed_sender_is_heard(link->sender);
    feed_sender_receive(link->sender, bytes, length, clock_monotonic());
    if (feed_sender_is_heard(link->sender) != heard)
        link->feed->ops->changed(link->feed->data);
}

static void on_writable(CallChannel *channel, gpointer data)
{
    FeedLink *link = data;

    if (link && link->sender)
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

static void note_reached(const FeedLink *link)
{
    if (link->sender && feed_sender_is_heard(link->sender))
        feed_reached_note(link->feed->reached, call_fingerprint(link->call),
                          feed_sender_sent(link->sender));
}

/* The channel is gone. The listener opens another one, if the call goes on. */
static void link_end(FeedLink *link)
{
    bool listened = link->sender != NULL;

    link->channel = NULL;
    note_reached(link);
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

static bool link_open(FeedLink *link)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    g_autoptr(GError) error = NULL;

    options.protocol = FEED_PROTOCOL;
    if (call_open_channel(link->call, FEED_LABEL, &options, &error))
        return true;
    log_debug("no feed with %s: %s", link_name(link), error->message);
    return false;
}

/* HELLO goes out with what opens the channel. */
static void link_listen(FeedLink *link)
{
    if (!link_open(link))
        return;
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
        link_listen(newest);
}

static gboolean on_open(gpointer data)
{
    FeedLink *link = data;

    link->timer = 0;
    elect(link->feed, call_fingerprint(link->call));
    return G_SOURCE_REMOVE;
}

static void link_serve(FeedLink *link)
{
    Feed *feed = link->feed;

    link->sender = feed_sender_new(&source_ops, feed, &sender_ops, link);
    link->served = true;
    feed->ops->no_numbers(link->numbers, feed->data);
}

/* The emitter has opened it. If another call is to have the feed, this one is closed again. */
static void link_adopt(FeedLink *link)
{
    link->listens = true;
    g_clear_handle_id(&link->timer, g_source_remove);
    link->receiver = feed_receiver_new(&receiver_ops, link);
    feed_receiver_expect(link->receiver);
    elect(link->feed, call_fingerprint(link->call));
}

/* Our channel came late, or its OPEN was lost for a while: the listener has opened one itself. */
static void give_way(FeedLink *link)
{
    CallChannel *ours = link->channel;

    call_channel_take(ours, &taker, NULL);
    link_end(link);
    call_channel_close(ours);
}

static bool may_give_way(const FeedLink *link)
{
    return link->channel && link->sender && !call_channel_is_incoming(link->channel) &&
           !feed_sender_is_heard(link->sender);
}

/* One at a time, from one who may hear us or whom we hear. */
static void take_incoming(Feed *feed, Call *call, CallChannel *channel)
{
    FeedLink *link = get_link(feed, call);

    if (may_give_way(link))
        give_way(link);
    if (link->channel || !call_fingerprint(call) ||
        !bucket_take(&link->opens, clock_monotonic(), OPEN_INTERVAL, OPEN_BURST)) {
        log_debug("a feed of %s is refused", link_name(link));
        call_channel_take(channel, &taker, NULL);
        call_channel_close(channel);
        return;
    }
    link_begin(link, channel);
    if (link->numbers)
        link_serve(link);
    else
        link_adopt(link);
}

/*
 * The emitter opens the channel as soon as it may be used, and what the listener probably lacks
 * goes out with what opens it: if it had to ask first, its first reading would come a round trip
 * later. EARLY: the listener's key is good, so this may be before the channel is open.
 */
static void offer(FeedLink *link, bool early)
{
    if (!link->served && !link->channel && link_open(link))
        link_serve(link);
    if (!link->sender || call_channel_is_incoming(link->channel) ||
        feed_sender_is_begun(link->sender) ||
        !(early || call_channel_state(link->numbers) == CHANNEL_OPEN))
        return;
    feed_sender_offer(link->sender,
                      feed_reached_find(link->feed->reached, call_fingerprint(link->call)));
    link->feed->ops->changed(link->feed->data);
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
        FeedLink *link = get_link(feed, call);

        link->listens = true;
        link->timer = clock_timer_add(OFFER_WAIT, on_open, link);
    }
}

static void note_other(Feed *feed, CallChannel *channel, CallChannelEvent event, bool early)
{
    Call *call = call_channel_call(channel);
    FeedLink *link = find_link(feed, call);

    if (event == CALL_CHANNEL_REMOVED)
        forget_numbers(feed, channel);
    else if (event == CALL_CHANNEL_ADDED && call_channel_rtc(channel))
        note_numbers(feed, call, channel);
    else if (link && link->numbers == channel && speaks(call))
        offer(link, early);
}

bool feed_take_channel(Feed *feed, CallChannel *channel, CallChannelEvent event, bool early)
{
    Call *call = call_channel_call(channel);
    const Channel *rtc = call_channel_rtc(channel);
    gpointer link;

    if (call_channel_is_taken(channel, &taker, &link)) {
        if (event == CALL_CHANNEL_REMOVED && link)
            link_end(link);
        return true;
    }
    if (!rtc || strcmp(channel_protocol(rtc), FEED_PROTOCOL) != 0) {
        note_other(feed, channel, event, early);
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
    if (link->channel) {
        call_channel_take(link->channel, &taker, NULL);
        link_end(link);
    }
    g_clear_handle_id(&link->timer, g_source_remove);
    g_hash_table_remove(feed->by_call, link->call);
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

bool feed_is_begun(const Feed *feed)
{
    for (guint i = 0; i < feed->links->len; i++) {
        const FeedLink *link = feed->links->pdata[i];

        if (link->sender && feed_sender_is_begun(link->sender))
            return true;
    }
    return false;
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

    if (published) {
        feed_tail_clear(feed->tail);
        feed_reached_clear(feed->reached);
    }
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
    feed->by_call = g_hash_table_new(NULL, NULL);
    feed->tail = feed_tail_new();
    feed->reached = feed_reached_new();
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
    g_hash_table_unref(feed->by_call);
    feed_tail_free(feed->tail);
    feed_reached_free(feed->reached);
    g_free(feed);
}
