/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* One timer for all listeners, and only while there are any. */

#include <config.h>

#include "peer/readings/publisher.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "peer/call/call.h"
#include "peer/readings/number.h"

typedef struct {
    CallChannel *channel; /* NULL: removed while numbers are being sent */
    bool open;
    guint64 lost; /* in a row */
} NumberListener;

struct Publisher {
    GArray *listeners; /* of NumberListener */
    NumberSource source;
    guint64 interval;
    guint timer;
    bool heard;    /* elsewhere than on msg_channel */
    guint sending; /* how deep; listeners keep their places meanwhile */
    bool has_newest;
    double newest;
    const PublisherOps *ops;
    gpointer data;
};

enum { RANDOM_END = 16777216 };

Publisher *publisher_new(const PublisherOps *ops, gpointer data)
{
    Publisher *publisher = g_new0(Publisher, 1);

    publisher->ops = ops;
    publisher->data = data;
    publisher->listeners = g_array_new(FALSE, FALSE, sizeof(NumberListener));
    publisher->interval = G_USEC_PER_SEC;
    return publisher;
}

void publisher_free(Publisher *publisher)
{
    if (!publisher)
        return;
    g_clear_handle_id(&publisher->timer, g_source_remove);
    g_array_unref(publisher->listeners);
    g_free(publisher);
}

static void publisher_sweep(Publisher *publisher);

static const char *listener_name(const NumberListener *listener)
{
    return call_peer_for_people(call_channel_call(listener->channel));
}

/* What is sent may end the call, and that removes the listener. */
static void publisher_send_to(Publisher *publisher, guint i, const char *text)
{
    CallChannel *channel = g_array_index(publisher->listeners, NumberListener, i).channel;
    g_autoptr(GError) error = NULL;
    bool sent = !channel || call_channel_send(channel, MESSAGE_TEXT, text, strlen(text), &error);
    NumberListener *listener = &g_array_index(publisher->listeners, NumberListener, i);

    if (!listener->channel)
        return;
    if (sent) {
        if (listener->lost > 0)
            log_event(G_LOG_LEVEL_INFO,
                      (.topic = LOG_TOPIC_LISTENERS, .source = listener_name(listener)),
                      _("%s keeps up again, it lost %" PRIu64 " numbers"), listener_name(listener),
                      listener->lost);
        listener->lost = 0;
    } else if (listener->lost++ == 0) {
        log_event(G_LOG_LEVEL_WARNING,
                  (.topic = LOG_TOPIC_LISTENERS, .source = listener_name(listener)),
                  _("%s loses numbers: %s"), listener_name(listener), error->message);
    }
}

/* To all from the listener FIRST on. */
static void publisher_send_from(Publisher *publisher, guint first, double value)
{
    g_autofree char *text = number_format(value);

    publisher->sending++;
    for (guint i = first; i < publisher->listeners->len; i++)
        publisher_send_to(publisher, i, text);
    publisher->sending--;
    publisher_sweep(publisher);
}

static gboolean on_interval(gpointer data)
{
    Publisher *publisher = data;

    publisher->ops->number(random_below(RANDOM_END), publisher->data);
    return G_SOURCE_CONTINUE;
}

static NumberListener *find(const Publisher *publisher, const CallChannel *channel)
{
    for (guint i = 0; i < publisher->listeners->len; i++) {
        NumberListener *listener = &g_array_index(publisher->listeners, NumberListener, i);

        if (listener->channel == channel)
            return listener;
    }
    return NULL;
}

static void publisher_update_timer(Publisher *publisher, bool restart)
{
    bool wanted =
        publisher->source == SOURCE_RANDOM && (publisher->heard || publisher->listeners->len > 0);

    if (publisher->timer && (restart || !wanted))
        g_clear_handle_id(&publisher->timer, g_source_remove);
    if (wanted && !publisher->timer)
        publisher->timer = clock_timer_add(publisher->interval / 1000, on_interval, publisher);
}

/* Those that were removed while numbers were sent go now. */
static void publisher_sweep(Publisher *publisher)
{
    for (guint i = publisher->listeners->len; i > 0 && publisher->sending == 0; i--) {
        if (!g_array_index(publisher->listeners, NumberListener, i - 1).channel)
            g_array_remove_index(publisher->listeners, i - 1);
    }
    publisher_update_timer(publisher, false);
}

void publisher_set_source(Publisher *publisher, NumberSource source, guint64 interval)
{
    bool restart = publisher->interval != interval;

    publisher->source = source;
    publisher->interval = interval;
    publisher_update_timer(publisher, restart);
}

void publisher_set_heard(Publisher *publisher, bool heard)
{
    guint running = publisher->timer;

    publisher->heard = heard;
    publisher_update_timer(publisher, false);
    if (publisher->timer && !running)
        on_interval(publisher);
}

/* A peer of our kind may have had it before it was cut off. */
static bool wants_newest(const Publisher *publisher, const CallChannel *channel)
{
    return publisher->has_newest &&
           (publisher->timer || call_is_foreign(call_channel_call(channel)));
}

static void publisher_greet(Publisher *publisher, CallChannel *channel)
{
    NumberListener listener = {.channel = channel};
    guint running = publisher->timer;

    g_array_append_val(publisher->listeners, listener);
    publisher_update_timer(publisher, false);
    if (publisher->timer && !running) /* what is kept is of the last listener's time */
        on_interval(publisher);
    else if (wants_newest(publisher, channel))
        publisher_send_from(publisher, publisher->listeners->len - 1, publisher->newest);
}

void publisher_expect(Publisher *publisher, CallChannel *channel)
{
    if (!find(publisher, channel))
        publisher_greet(publisher, channel);
}

void publisher_add(Publisher *publisher, CallChannel *channel)
{
    NumberListener *listener;

    publisher_expect(publisher, channel);
    listener = find(publisher, channel);
    if (listener)
        listener->open = true;
}

void publisher_remove(Publisher *publisher, CallChannel *channel)
{
    NumberListener *listener = find(publisher, channel);

    if (listener)
        *listener = (NumberListener){};
    publisher_sweep(publisher);
}

guint publisher_listeners(const Publisher *publisher)
{
    guint count = 0;

    for (guint i = 0; i < publisher->listeners->len; i++)
        count += g_array_index(publisher->listeners, NumberListener, i).open;
    return count;
}

bool publisher_has_source(const Publisher *publisher)
{
    return publisher->source != SOURCE_NONE;
}

void publisher_send(Publisher *publisher, double value)
{
    publisher->newest = value;
    publisher->has_newest = true;
    publisher_send_from(publisher, 0, value);
}
