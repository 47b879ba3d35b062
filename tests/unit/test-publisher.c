/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Numbers to listeners: all of them, from the source or as published, and
 * what becomes of one that does not keep up. */

#include <config.h>

#include "peer/readings/publisher.h"

#include <math.h>

#include "common/log.h"
#include "fake-connection.h"
#include "peer/call/call.h"
#include "peer/error.h"

/* Calls with one channel each, the history */
typedef struct {
    Publisher *publisher;
    Call *calls[2];
    CallChannel *channels[2];
} Fixture;

static void on_configure(Call *call, ConnectionConfig *config, gpointer data)
{
}

static void on_send(const Frame *frame, gpointer data)
{
}

static void on_changed(Call *call, gpointer data)
{
}

static void on_channel(Call *call, CallChannel *channel, CallChannelEvent event, gpointer data)
{
    if (event == CALL_CHANNEL_ADDED)
        *(CallChannel **) data = channel;
}

static bool on_connected(Call *call, GError **error, gpointer data)
{
    return true;
}

static const CallOps ops = {
    .configure = on_configure,
    .send = on_send,
    .changed = on_changed,
    .ended = on_changed,
    .channel = on_channel,
};

static const CallGuardOps guard = {.connected = on_connected};

static void set_up(Fixture *f, gconstpointer data)
{
    f->publisher = publisher_new();
    for (guint i = 0; i < G_N_ELEMENTS(f->calls); i++) {
        CallInfo info = {.number = i, .direction = CALL_INCOMING, .timeout = 60000};

        f->calls[i] =
            call_new(&info, &(CallUser){.ops = &ops, .data = &f->channels[i], .guard = &guard});
        call_make_offer(f->calls[i]);
        g_assert_true(call_channel_is_publishing(f->channels[i]));
    }
}

static void tear_down(Fixture *f, gconstpointer data)
{
    publisher_free(f->publisher);
    fake_channels_full(false);
    for (guint i = 0; i < G_N_ELEMENTS(f->calls); i++) {
        call_drop(f->calls[i], "over");
        call_unref(f->calls[i]);
    }
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static guint64 sent(const Fixture *f, guint i)
{
    return channel_stats(call_channel_rtc(f->channels[i]))->messages_sent;
}

static void test_publish(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(publisher_is_emitter(f->publisher));
    g_assert_cmpuint(publisher_publish(f->publisher, 1, NULL), ==, 1); /* to nobody */
    g_assert_true(publisher_is_emitter(f->publisher));
    publisher_add(f->publisher, f->channels[0]);
    publisher_add(f->publisher, f->channels[1]);
    g_assert_cmpuint(publisher_listeners(f->publisher), ==, 2);
    g_assert_cmpuint(publisher_publish(f->publisher, 2, NULL), ==, 2);
    publisher_remove(f->publisher, f->channels[0]);
    g_assert_cmpuint(publisher_publish(f->publisher, 3, NULL), ==, 3);
    g_assert_cmpuint(sent(f, 0), ==, 1);
    g_assert_cmpuint(sent(f, 1), ==, 2);

    g_assert_cmpuint(publisher_publish(f->publisher, NAN, &error), ==, 0);
    g_assert_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_cmpuint(publisher_publish(f->publisher, -INFINITY, &error), ==, 0);
    g_assert_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT);
    g_assert_cmpuint(publisher_publish(f->publisher, 4, NULL), ==, 4);
}

static void test_slow_listener(Fixture *f, gconstpointer data)
{
    publisher_add(f->publisher, f->channels[0]);
    fake_channels_full(true);
    g_assert_cmpuint(publisher_publish(f->publisher, 1, NULL), ==, 1);
    g_assert_cmpuint(publisher_publish(f->publisher, 2, NULL), ==, 2);
    fake_channels_full(false);
    g_assert_cmpuint(publisher_publish(f->publisher, 3, NULL), ==, 3);
    g_assert_cmpuint(sent(f, 0), ==, 1);
    g_assert_cmpuint(publisher_listeners(f->publisher), ==, 1);
}

static void test_random(Fixture *f, gconstpointer data)
{
    publisher_set_source(f->publisher, SOURCE_RANDOM, 1000);
    g_assert_true(publisher_is_emitter(f->publisher));
    publisher_add(f->publisher, f->channels[0]);
    while (sent(f, 0) < 5)
        g_main_context_iteration(NULL, TRUE);
    publisher_set_source(f->publisher, SOURCE_NONE, 1000);
    g_assert_false(publisher_is_emitter(f->publisher));

    /* No listener, no timer: nothing is left to wait for. */
    publisher_set_source(f->publisher, SOURCE_RANDOM, 1000);
    publisher_remove(f->publisher, f->channels[0]);
    g_assert_cmpuint(publisher_publish(f->publisher, 1, NULL), ==, sent(f, 0) + 1);
}

/* Nobody waits for the first number. */
static void test_newcomers(Fixture *f, gconstpointer data)
{
    publisher_set_source(f->publisher, SOURCE_RANDOM, 3600 * (guint64) G_USEC_PER_SEC);
    publisher_add(f->publisher, f->channels[0]);
    g_assert_cmpuint(sent(f, 0), ==, 1);
    publisher_add(f->publisher, f->channels[1]);
    publisher_add(f->publisher, f->channels[1]); /* it is there already */
    g_assert_cmpuint(sent(f, 0), ==, 1);
    g_assert_cmpuint(sent(f, 1), ==, 1);
    g_assert_cmpuint(publisher_listeners(f->publisher), ==, 2);
}

static void on_channel_send(Channel *channel, gpointer data)
{
    Fixture *f = data;

    for (guint i = 0; i < G_N_ELEMENTS(f->calls); i++) {
        if (call_channel_rtc(f->channels[i]) == channel)
            publisher_remove(f->publisher, f->channels[i]);
    }
}

/* What is sent ends the call: the others get theirs, and nobody asks for the name of one that is
 * gone. */
static void test_ends_while_sending(Fixture *f, gconstpointer data)
{
    publisher_add(f->publisher, f->channels[0]);
    publisher_add(f->publisher, f->channels[1]);
    fake_channels_on_send(on_channel_send, f);
    publisher_publish(f->publisher, 1, NULL);
    g_assert_cmpuint(sent(f, 0), ==, 1);
    g_assert_cmpuint(sent(f, 1), ==, 1);
    g_assert_cmpuint(publisher_listeners(f->publisher), ==, 0);
    publisher_set_source(f->publisher, SOURCE_RANDOM, 3600 * (guint64) G_USEC_PER_SEC);
    publisher_add(f->publisher, f->channels[0]); /* its first number ends it */
    fake_channels_on_send(NULL, NULL);
    g_assert_cmpuint(publisher_listeners(f->publisher), ==, 0);
    g_assert_cmpuint(sent(f, 0), ==, 2);
    publisher_publish(f->publisher, 2, NULL);
    g_assert_cmpuint(sent(f, 0), ==, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
    log_open("test-publisher", false);
    g_test_add("/publisher/publish", Fixture, NULL, set_up, test_publish, tear_down);
    g_test_add("/publisher/slow-listener", Fixture, NULL, set_up, test_slow_listener, tear_down);
    g_test_add("/publisher/random", Fixture, NULL, set_up, test_random, tear_down);
    g_test_add("/publisher/newcomers", Fixture, NULL, set_up, test_newcomers, tear_down);
    g_test_add("/publisher/ends-while-sending", Fixture, NULL, set_up, test_ends_while_sending,
               tear_down);
    return g_test_run();
}
