/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* One timer for all listeners, and only while there are any. */

#include "config.h"

#include "peer/publisher.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/log.h"
#include "peer/call.h"
#include "peer/feed.h"
#include "peer/peer-error.h"

typedef struct {
    CallChannel *channel;
    bool open;
    guint64 lost; /* in a row */
} Listener;

struct Publisher {
    GArray *listeners; /* of Listener */
    FeedSource source;
    guint64 interval;
    guint timer;
    double newest; /* of the source, while the timer runs */
    guint64 sequence;
    bool used; /* publisher_publish() was called from outside */
};

enum { RANDOM_END = 16777216 };

Publisher *publisher_new(void)
{
    Publisher *publisher = g_new0(Publisher, 1);

    publisher->listeners = g_array_new(FALSE, FALSE, sizeof(Listener));
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

static const char *listener_name(const Listener *listener)
{
    const char *peer = call_peer(call_channel_call(listener->channel));

    return *peer ? peer : _("a peer without a name");
}

static void listener_send(Listener *listener, const char *text)
{
    g_autoptr(GError) error = NULL;

    if (call_channel_send(listener->channel, MESSAGE_TEXT, text, strlen(text), &error)) {
        if (listener->lost > 0)
            log_info(_("%s keeps up again, it lost %" PRIu64 " numbers"),
                     listener_name(listener), listener->lost);
        listener->lost = 0;
    } else if (listener->lost++ == 0) {
        log_warning(_("%s loses numbers: %s"), listener_name(listener), error->message);
    }
}

static guint64 publisher_send(Publisher *publisher, double value)
{
    g_autofree char *text = feed_format_number(value);

    for (guint i = 0; i < publisher->listeners->len; i++)
        listener_send(&g_array_index(publisher->listeners, Listener, i), text);
    return ++publisher->sequence;
}

static gboolean on_interval(gpointer data)
{
    Publisher *publisher = data;

    publisher->newest = g_random_int_range(0, RANDOM_END);
    publisher_send(publisher, publisher->newest);
    return G_SOURCE_CONTINUE;
}

static Listener *find(const Publisher *publisher, const CallChannel *channel)
{
    for (guint i = 0; i < publisher->listeners->len; i++) {
        Listener *listener = &g_array_index(publisher->listeners, Listener, i);

        if (listener->channel == channel)
            return listener;
    }
    return NULL;
}

static void publisher_update_timer(Publisher *publisher, bool restart)
{
    bool wanted = publisher->source == SOURCE_RANDOM && publisher->listeners->len > 0;

    if (publisher->timer && (restart || !wanted))
        g_clear_handle_id(&publisher->timer, g_source_remove);
    if (wanted && !publisher->timer)
        publisher->timer = g_timeout_add(publisher->interval / 1000, on_interval, publisher);
}

void publisher_set_source(Publisher *publisher, FeedSource source, guint64 interval)
{
    bool restart = publisher->interval != interval;

    publisher->source = source;
    publisher->interval = interval;
    publisher_update_timer(publisher, restart);
}

static void publisher_greet(Publisher *publisher, CallChannel *channel)
{
    Listener listener = {.channel = channel};
    guint running = publisher->timer;

    g_array_append_val(publisher->listeners, listener);
    publisher_update_timer(publisher, false);
    if (running) {
        g_autofree char *text = feed_format_number(publisher->newest);

        listener_send(&g_array_index(publisher->listeners, Listener, publisher->listeners->len - 1),
                      text);
    } else if (publisher->timer) {
        on_interval(publisher);
    }
}

void publisher_expect(Publisher *publisher, CallChannel *channel)
{
    if (!find(publisher, channel))
        publisher_greet(publisher, channel);
}

void publisher_add(Publisher *publisher, CallChannel *channel)
{
    publisher_expect(publisher, channel);
    find(publisher, channel)->open = true;
}

void publisher_remove(Publisher *publisher, CallChannel *channel)
{
    for (guint i = 0; i < publisher->listeners->len; i++) {
        if (g_array_index(publisher->listeners, Listener, i).channel == channel) {
            g_array_remove_index(publisher->listeners, i);
            break;
        }
    }
    publisher_update_timer(publisher, false);
}

guint publisher_listeners(const Publisher *publisher)
{
    guint count = 0;

    for (guint i = 0; i < publisher->listeners->len; i++)
        count += g_array_index(publisher->listeners, Listener, i).open;
    return count;
}

bool publisher_is_emitter(const Publisher *publisher)
{
    return publisher->source != SOURCE_NONE || publisher->used;
}

guint64 publisher_publish(Publisher *publisher, double value, GError **error)
{
    if (!isfinite(value)) {
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                            _("only finite numbers can be published"));
        return 0;
    }
    publisher->used = true;
    return publisher_send(publisher, value);
}
