/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Numbers to listeners: all of them, from the source or as published, and what becomes of one that
 * does not keep up. What the source says is published at once here. */

#include <config.h>

#include "peer/readings/publisher.h"

#include "common/log.h"
#include "fake-connection.h"
#include "peer/call/call.h"

/* Calls with one channel each */
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

static void on_number(double value, gpointer data)
{
    publisher_send(((Fixture *) data)->publisher, value);
}

static const PublisherOps publisher_ops = {.number = on_number};

static void set_up(Fixture *f, gconstpointer data)
{
    f->publisher = publisher_new(&publisher_ops, f);
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

static void test_send(Fixture *f, gconstpointer data)
{
    g_assert_false(publisher_has_source(f->publisher));
    publisher_add(f->publisher, f->channels[0]); /* there is nothing to give yet */
    g_assert_cmpuint(sent(f, 0), ==, 0);
    publisher_send(f->publisher, 1);
    publisher_add(f->publisher, f->channels[1]); /* the newest is given at once */
    g_assert_cmpuint(publisher_listeners(f->publisher), ==, 2);
    g_assert_cmpuint(sent(f, 1), ==, 1);
    publisher_send(f->publisher, 2);
    publisher_remove(f->publisher, f->channels[0]);
    publisher_send(f->publisher, 3);
    g_assert_cmpuint(sent(f, 0), ==, 2);
    g_assert_cmpuint(sent(f, 1), ==, 3);
}

static void test_slow_listener(Fixture *f, gconstpointer data)
{
    publisher_add(f->publisher, f->channels[0]);
    fake_channels_full(true);
    publisher_send(f->publisher, 1);
    publisher_send(f->publisher, 2);
    fake_channels_full(false);
    publisher_send(f->publisher, 3);
    g_assert_cmpuint(sent(f, 0), ==, 1);
    g_assert_cmpuint(publisher_listeners(f->publisher), ==, 1);
}

static void test_random(Fixture *f, gconstpointer data)
{
    gint priority, timeout;
    GPollFD fds[8];

    publisher_set_source(f->publisher, SOURCE_RANDOM, 1000);
    g_assert_true(publisher_has_source(f->publisher));
    publisher_add(f->publisher, f->channels[0]);
    while (sent(f, 0) < 5)
        g_main_context_iteration(NULL, TRUE);
    publisher_set_source(f->publisher, SOURCE_NONE, 1000);
    g_assert_false(publisher_has_source(f->publisher));

    /* No listener, no timer: nothing is left to wait for. */
    publisher_set_source(f->publisher, SOURCE_RANDOM, 1000);
    publisher_remove(f->publisher, f->channels[0]);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_true(g_main_context_acquire(g_main_context_default()));
    g_main_context_prepare(g_main_context_default(), &priority);
    g_main_context_query(g_main_context_default(), priority, &timeout, fds, G_N_ELEMENTS(fds));
    g_main_context_release(g_main_context_default());
    g_assert_true(timeout < 0 || timeout > 1000);
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
    publisher_send(f->publisher, 1);
    g_assert_cmpuint(sent(f, 0), ==, 1);
    g_assert_cmpuint(sent(f, 1), ==, 1);
    g_assert_cmpuint(publisher_listeners(f->publisher), ==, 0);
    publisher_set_source(f->publisher, SOURCE_RANDOM, 3600 * (guint64) G_USEC_PER_SEC);
    publisher_add(f->publisher, f->channels[0]); /* its first number ends it */
    fake_channels_on_send(NULL, NULL);
    g_assert_cmpuint(publisher_listeners(f->publisher), ==, 0);
    g_assert_cmpuint(sent(f, 0), ==, 2);
    publisher_send(f->publisher, 2);
    g_assert_cmpuint(sent(f, 0), ==, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
    log_open("test-publisher", false);
    g_test_add("/publisher/send", Fixture, NULL, set_up, test_send, tear_down);
    g_test_add("/publisher/slow-listener", Fixture, NULL, set_up, test_slow_listener, tear_down);
    g_test_add("/publisher/random", Fixture, NULL, set_up, test_random, tear_down);
    g_test_add("/publisher/newcomers", Fixture, NULL, set_up, test_newcomers, tear_down);
    g_test_add("/publisher/ends-while-sending", Fixture, NULL, set_up, test_ends_while_sending,
               tear_down);
    return g_test_run();
}
