/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/readings/readings.h"

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"
#include "peer/call/call.h"
#include "peer/readings/feed.h"
#include "peer/readings/number.h"

#define STORE_FILE "readings.db"

enum { EXPIRE_INTERVAL = 60 }; /* seconds */

struct Readings {
    const ReadingsOps *ops;
    gpointer data;
    Store *store;
    Publisher *publisher;
    Feed *feed;
    guint expire_timer;
};

/* ---- from the store ------------------------------------------------------------- */

static void on_received(const HistoryReading *reading, gpointer data)
{
    Readings *readings = data;

    readings->ops->received(reading, readings->data);
}

static void on_published(const OutboxReading *reading, gpointer data)
{
    Readings *readings = data;

    if (readings->feed)
        feed_published(readings->feed, reading);
    if (reading_is_plain_number(&reading->reading))
        publisher_send(readings->publisher, reading->reading.number);
}

static void on_changed(gpointer data)
{
    Readings *readings = data;

    if (!readings->feed) /* the store is being opened or closed */
        return;
    feed_store_changed(readings->feed);
    readings->ops->changed(readings->data);
}

static const StoreOps store_ops = {
    .received = on_received,
    .published = on_published,
    .changed = on_changed,
};

static gboolean on_expire(gpointer data)
{
    Readings *readings = data;

    store_expire(readings->store, (guint64) clock_wall());
    return G_SOURCE_CONTINUE;
}

/* ---- from the publisher ------------------------------------------------------------ */

static void on_number(double value, gpointer data)
{
    Readings *readings = data;
    Reading reading = {.series = "", .unit = "", .time = (guint64) clock_wall(), .number = value};
    g_autoptr(GError) error = NULL;

    if (!store_publish(readings->store, &reading, NULL, NULL, &error))
        log_debug("the source: %s", error->message);
}

static const PublisherOps publisher_ops = {.number = on_number};

/* ---- from feeds --------------------------------------------------------------------- */

static void on_listeners(gpointer data)
{
    Readings *readings = data;

    publisher_set_heard(readings->publisher, feed_is_begun(readings->feed));
    readings->ops->changed(readings->data);
}

static void on_no_numbers(CallChannel *channel, gpointer data)
{
    publisher_remove(((Readings *) data)->publisher, channel);
}

static const FeedOps feed_ops = {.changed = on_listeners, .no_numbers = on_no_numbers};

/* ---- what is asked for ---------------------------------------------------------------- */

bool readings_publish(Readings *readings, const Reading *reading, StoreDone done,
                      gpointer done_data, GError **error)
{
    return store_publish(readings->store, reading, done, done_data, error);
}

static void update_listener(Readings *readings, CallChannel *channel, bool early)
{
    guint before = readings_listeners(readings);

    if (feed_serves(readings->feed, call_channel_call(channel)))
        publisher_remove(readings->publisher, channel);
    else if (call_channel_state(channel) == CHANNEL_OPEN)
        publisher_add(readings->publisher, channel);
    else if (call_channel_state(channel) == CHANNEL_CONNECTING && early)
        publisher_expect(readings->publisher, channel);
    else
        publisher_remove(readings->publisher, channel);
    if (readings_listeners(readings) != before)
        readings->ops->changed(readings->data);
}

bool readings_note_channel(Readings *readings, CallChannel *channel, CallChannelEvent event,
                           bool early)
{
    if (feed_take_channel(readings->feed, channel, event, early))
        return true;
    if (call_channel_is_publishing(channel))
        update_listener(readings, channel, early);
    return false;
}

void readings_note_end(Readings *readings, Call *call)
{
    feed_call_ended(readings->feed, call);
}

/* Whose number it is. The key of a foreign peer is another one in each of its calls. */
static StoreEmitter describe_remote(const Call *call)
{
    const char *fingerprint = call_is_foreign(call) ? NULL : call_fingerprint(call);

    return (StoreEmitter){.peer = call_peer(call),
                          .fingerprint = fingerprint ? fingerprint : "",
                          .epoch = "",
                          .known = fingerprint && call_trust(call) == TRUST_KNOWN};
}

void readings_take_message(Readings *readings, CallChannel *channel, MessageKind kind,
                           const guint8 *bytes, gsize length)
{
    Call *call = call_channel_call(channel);
    StoreEmitter emitter = describe_remote(call);
    guint64 now = (guint64) clock_wall();
    EmittedReading emitted = {.reading = {.series = "", .unit = "", .time = now}};

    if (kind != MESSAGE_TEXT ||
        strcmp(channel_label(call_channel_rtc(channel)), DEFAULT_CHANNEL_LABEL) != 0)
        return;
    if (number_parse((const char *) bytes, length, &emitted.reading.number))
        store_receive(readings->store, &emitter, &emitted, 1, 0, false, now, NULL, NULL);
    else
        log_debug("call %u: a text that is no number", call_number(call));
}

Store *readings_store(const Readings *readings)
{
    return readings->store;
}

guint readings_listeners(const Readings *readings)
{
    return publisher_listeners(readings->publisher) + feed_listeners(readings->feed);
}

/* One that has published is one after a restart too: it has the last readings to give. */
bool readings_is_emitter(const Readings *readings)
{
    return publisher_has_source(readings->publisher) || store_published(readings->store) > 0;
}

/* ---- the object -------------------------------------------------------------------------- */

void readings_set(Readings *readings, const ReadingsSettings *settings)
{
    store_set_limits(readings->store, &settings->limits);
    publisher_set_source(readings->publisher, settings->source, settings->interval);
}

static bool take_newest(const OutboxReading *reading, gpointer data)
{
    if (reading_is_plain_number(&reading->reading))
        publisher_send(data, reading->reading.number);
    return true;
}

Readings *readings_new(const char *folder, const ReadingsSettings *settings, const ReadingsOps *ops,
                       gpointer data)
{
    Readings *readings = g_new0(Readings, 1);
    g_autofree char *path = g_build_filename(folder, STORE_FILE, NULL);

    readings->ops = ops;
    readings->data = data;
    readings->publisher = publisher_new(&publisher_ops, readings);
    readings->store = store_open(&(StoreSettings){.path = path, .limits = settings->limits},
                                 &store_ops, readings);
    store_read_last(readings->store, take_newest, readings->publisher);
    readings->feed = feed_new(readings->store, &feed_ops, readings);
    readings->expire_timer = clock_timer_add_seconds(EXPIRE_INTERVAL, on_expire, readings);
    return readings;
}

void readings_free(Readings *readings)
{
    if (!readings)
        return;
    g_clear_handle_id(&readings->expire_timer, g_source_remove);
    g_clear_pointer(&readings->feed, feed_free);
    store_close(g_steal_pointer(&readings->store));
    publisher_free(readings->publisher);
    g_free(readings);
}
