/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A listener that draws what comes says how few messages it wants: the first reading after a
 * silence goes out at once, and what is published soon after it together. */

#include <config.h>

#include "peer/readings/feed-sender.h"

typedef struct {
    FeedSender *sender;
    guint64 published;
    guint data, pauses, pause; /* DATA that went out, pauses begun, and the last one's length */
} Emitter;

static const char *on_epoch(gpointer data)
{
    return "00112233445566778899aabbccddeeff";
}

static guint64 on_newest(gpointer data)
{
    return ((Emitter *) data)->published;
}

static guint64 on_oldest(gpointer data)
{
    return MIN(((Emitter *) data)->published, 1);
}

static void on_read(guint64 after, FeedVisitor visit, gpointer visit_data, gpointer data)
{
    for (guint64 i = after + 1; i <= ((Emitter *) data)->published; i++) {
        EmittedReading reading = {i, i, {.series = "", .unit = "", .time = i, .number = 1}};

        if (!visit(&reading, visit_data))
            return;
    }
}

static void on_read_last(guint64 after, guint64 until, FeedVisitor visit, gpointer visit_data,
                         gpointer data)
{
}

static bool on_fork(guint64 sequence, FeedVisitor visit, gpointer visit_data, gpointer data)
{
    return false;
}

static const FeedSourceOps source_ops = {.epoch = on_epoch,
                                         .newest = on_newest,
                                         .oldest = on_oldest,
                                         .read = on_read,
                                         .read_last = on_read_last,
                                         .fork = on_fork};

static bool on_writable(gpointer data)
{
    return true;
}

static bool on_send(const guint8 *bytes, gsize length, gpointer data)
{
    ((Emitter *) data)->data += bytes[0] == FEED_DATA;
    return true;
}

static void on_later(gpointer data)
{
    g_assert_not_reached();
}

static void on_pause(guint milliseconds, gpointer data)
{
    ((Emitter *) data)->pauses++;
    ((Emitter *) data)->pause = milliseconds;
}

static void on_broken(const char *why, gpointer data)
{
    g_error("%s", why);
}

static const FeedSenderOps sender_ops = {.is_writable = on_writable,
                                         .send = on_send,
                                         .later = on_later,
                                         .pause = on_pause,
                                         .broken = on_broken};

static void begin(Emitter *emitter, guint64 pace)
{
    g_autoptr(GByteArray) frame = g_byte_array_new();
    FeedHello hello = {.window = 65536, .pace = pace};

    *emitter = (Emitter){};
    emitter->sender = feed_sender_new(&source_ops, emitter, &sender_ops, emitter);
    feed_write_hello(frame, &hello);
    feed_sender_receive(emitter->sender, frame->data, frame->len, 0);
    g_assert_cmpuint(emitter->data, ==, 0);
}

static void publish(Emitter *emitter, guint count)
{
    for (guint i = 0; i < count; i++) {
        emitter->published++;
        feed_sender_wake(emitter->sender);
    }
}

static void test_paced(void)
{
    g_autoptr(FeedSender) sender = NULL;
    Emitter emitter;

    begin(&emitter, 100);
    sender = emitter.sender;
    publish(&emitter, 10);
    g_assert_cmpuint(emitter.data, ==, 1);
    g_assert_cmpuint(emitter.pause, ==, 100);
    feed_sender_resume(sender);
    g_assert_cmpuint(emitter.data, ==, 2);
    g_assert_cmpuint(feed_sender_sent(sender), ==, 10);
    g_assert_cmpuint(emitter.pauses, ==, 2);
    feed_sender_resume(sender); /* nothing has come: what comes next goes out at once */
    g_assert_cmpuint(emitter.pauses, ==, 2);
    publish(&emitter, 1);
    g_assert_cmpuint(feed_sender_sent(sender), ==, 11);
}

static void test_bounds(void)
{
    g_autoptr(FeedSender) slow = NULL, fast = NULL;
    Emitter emitter;

    begin(&emitter, G_MAXUINT32);
    slow = emitter.sender;
    publish(&emitter, 1);
    g_assert_cmpuint(emitter.pause, ==, 1000);
    begin(&emitter, 0);
    fast = emitter.sender;
    publish(&emitter, 10);
    g_assert_cmpuint(emitter.data, ==, 10);
    g_assert_cmpuint(emitter.pauses, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/feed-pace/paced", test_paced);
    g_test_add_func("/feed-pace/bounds", test_bounds);
    return g_test_run();
}
