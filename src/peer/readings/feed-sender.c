/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Nothing is kept for a listener but its place: what it has not been sent is read from the
 * outbox again when it can take more. So one that reads slowly costs what one costs that does
 * not. It can take so many bytes as it has said; they count until it has acknowledged them,
 * which it does when they are on its disk.
 *
 * A listener that has been away for longer than the outbox lasts goes on with the oldest that
 * there is, after the last readings of series that have been silent since. What it has missed
 * it sees by the number that each reading has in its series.
 */

#include <config.h>

#include "peer/readings/feed-sender.h"

#include <string.h>

#include "common/bucket.h"
#include "common/log.h"

enum {
    FRAMES_PER_TURN = 4,
    MIN_WINDOW = 1024,
    MAX_WINDOW = 1024 * 1024,
    MAX_PACE = 1000,     /* milliseconds */
    OFFER_WINDOW = 4096, /* what it costs if the listener has another place than we think */
    /* HELLOs: one that cannot store what it gets begins again, some seconds later each time. */
    HELLO_BURST = 8,
};
#define HELLO_INTERVAL G_USEC_PER_SEC

struct FeedSender {
    const FeedSourceOps *source;
    gpointer source_data;
    const FeedSenderOps *ops;
    gpointer data;
    FeedSenderState state;
    bool offering; /* the listener has said nothing yet */
    bool resting;  /* until feed_sender_resume(): a listener that draws wants few messages */
    guint pace;    /* milliseconds, or 0 */
    FeedWriter *writer;
    GByteArray *frame; /* what is being written */
    Bucket hellos;
    guint64 place;  /* the last sequence that went out */
    guint64 begin;  /* greeting: where live begins */
    guint64 stored; /* as the listener says */
    guint64 window, sent_bytes, stored_bytes;
};

static const char *const state_names[] = {
    [SENDER_WAITING] = "waiting",
    [SENDER_GREETING] = "greeting",
    [SENDER_SENDING] = "sending",
    [SENDER_BROKEN] = "broken",
};

const char *feed_sender_state_to_string(FeedSenderState state)
{
    return state_names[state];
}

static void feed_sender_enter_state(FeedSender *sender, FeedSenderState state)
{
    if (sender->state != state)
        log_debug("feed to a listener: %s → %s", state_names[sender->state], state_names[state]);
    sender->state = state;
}

bool feed_sender_is_begun(const FeedSender *sender)
{
    return sender->state == SENDER_GREETING || sender->state == SENDER_SENDING;
}

bool feed_sender_is_heard(const FeedSender *sender)
{
    return feed_sender_is_begun(sender) && !sender->offering;
}

FeedSender *feed_sender_new(const FeedSourceOps *source, gpointer source_data,
                            const FeedSenderOps *ops, gpointer data)
{
    FeedSender *sender = g_new0(FeedSender, 1);

    sender->source = source;
    sender->source_data = source_data;
    sender->ops = ops;
    sender->data = data;
    sender->writer = feed_writer_new();
    sender->frame = g_byte_array_new();
    return sender;
}

void feed_sender_free(FeedSender *sender)
{
    if (!sender)
        return;
    feed_writer_free(sender->writer);
    g_byte_array_unref(sender->frame);
    g_free(sender);
}

static void feed_sender_break(FeedSender *sender, const char *why)
{
    feed_sender_enter_state(sender, SENDER_BROKEN);
    sender->ops->broken(why, sender->data);
}

/* ---- what goes out ------------------------------------------------------------------ */

/* COUNTED: the listener acknowledges it. */
static bool send_frame(FeedSender *sender, bool counted)
{
    if (!sender->ops->send(sender->frame->data, sender->frame->len, sender->data)) {
        feed_sender_break(sender, "the channel takes no more");
        return false;
    }
    if (counted)
        sender->sent_bytes += sender->frame->len;
    return true;
}

static void begin_frame(FeedSender *sender, FeedFrameType type)
{
    g_byte_array_set_size(sender->frame, 0);
    feed_writer_begin(sender->writer, sender->frame, type);
}

static bool is_full(const FeedSender *sender, guint count)
{
    return sender->frame->len >= FEED_FRAME_SIZE || count == FEED_MAX_READINGS;
}

/* A frame that is being filled with readings */
typedef struct {
    FeedSender *sender;
    FeedFrameType type;
    guint count;
} Filling;

static bool on_reading(const EmittedReading *reading, gpointer data)
{
    Filling *filling = data;
    FeedSender *sender = filling->sender;

    feed_writer_add(sender->writer, sender->frame, reading);
    sender->place = reading->sequence;
    return !is_full(sender, ++filling->count);
}

/* A base for each series. They are not many, and all of them go out at once, whatever the window. */
static bool on_base(const EmittedReading *reading, gpointer data)
{
    Filling *filling = data;
    FeedSender *sender = filling->sender;
    EmittedReading base = *reading;

    base.sequence = 0;
    feed_writer_add(sender->writer, sender->frame, &base);
    if (!is_full(sender, ++filling->count))
        return true;
    filling->count = 0;
    if (!send_frame(sender, true))
        return false;
    begin_frame(sender, filling->type);
    return true;
}

/* A newcomer is told where all stands. One that has what a power cut has taken from us counts
 * from where that was: it may not know yet. */
static void send_bases(FeedSender *sender)
{
    const FeedSourceOps *source = sender->source;
    Filling filling = {sender, sender->state == SENDER_GREETING ? FEED_GREETING : FEED_DATA};

    begin_frame(sender, filling.type);
    if (sender->state == SENDER_GREETING)
        source->read_last(0, sender->begin, on_base, &filling, sender->source_data);
    else if (sender->place > 0)
        source->fork(sender->place, on_base, &filling, sender->source_data);
    if (filling.count > 0 && sender->state != SENDER_BROKEN)
        send_frame(sender, true);
}

static void send_greeted(FeedSender *sender)
{
    g_byte_array_set_size(sender->frame, 0);
    feed_write_greeted(sender->frame);
    if (!send_frame(sender, true))
        return;
    sender->place = sender->begin;
    feed_writer_set_sequence(sender->writer, sender->place);
    feed_sender_enter_state(sender, SENDER_SENDING);
}

/* One message more. False: there is nothing to send. */
static bool send_more(FeedSender *sender)
{
    const FeedSourceOps *source = sender->source;
    Filling filling = {.sender = sender};
    guint64 oldest;

    if (sender->state == SENDER_GREETING) {
        begin_frame(sender, FEED_GREETING);
        source->read_last(sender->place, sender->begin, on_reading, &filling, sender->source_data);
        if (filling.count == 0)
            send_greeted(sender);
        else
            send_frame(sender, true);
        return true;
    }
    if (sender->place >= source->newest(sender->source_data))
        return false;
    begin_frame(sender, FEED_DATA);
    oldest = source->oldest(sender->source_data);
    if (oldest > sender->place + 1)
        source->read_last(sender->place, oldest - 1, on_reading, &filling, sender->source_data);
    if (filling.count == 0)
        source->read(sender->place, on_reading, &filling, sender->source_data);
    return filling.count > 0 && send_frame(sender, true);
}

/* As much as may go out in a turn. True: another turn follows. */
static bool send_some(FeedSender *sender)
{
    for (guint i = 0; feed_sender_is_begun(sender); i++) {
        if (sender->sent_bytes - sender->stored_bytes >= sender->window ||
            !sender->ops->is_writable(sender->data))
            return false;
        if (i == FRAMES_PER_TURN) {
            sender->ops->later(sender->data);
            return true;
        }
        if (!send_more(sender))
            return false;
    }
    return false;
}

/* The first reading after a silence goes out at once, and what comes soon after it together. */
void feed_sender_wake(FeedSender *sender)
{
    guint64 before = sender->place;

    if (sender->resting || send_some(sender) || sender->place == before || sender->pace == 0 ||
        sender->state != SENDER_SENDING)
        return;
    sender->resting = true;
    sender->ops->pause(sender->pace, sender->data);
}

void feed_sender_resume(FeedSender *sender)
{
    sender->resting = false;
    feed_sender_wake(sender);
}

/* ---- what comes in ------------------------------------------------------------------- */

static void send_welcome(FeedSender *sender)
{
    FeedWelcome welcome = {.greeting = sender->state == SENDER_GREETING,
                           .start =
                               sender->state == SENDER_GREETING ? sender->begin : sender->place};

    g_strlcpy(welcome.epoch, sender->source->epoch(sender->source_data), sizeof welcome.epoch);
    g_byte_array_set_size(sender->frame, 0);
    feed_write_welcome(sender->frame, &welcome);
    send_frame(sender, false);
}

static void begin(FeedSender *sender, const FeedHello *hello)
{
    const FeedSourceOps *source = sender->source;
    bool ours = hello->known && strcmp(hello->epoch, source->epoch(sender->source_data)) == 0;

    sender->window = CLAMP(hello->window, MIN_WINDOW, MAX_WINDOW);
    sender->pace = sender->ops->pause ? (guint) MIN(hello->pace, MAX_PACE) : 0;
    sender->resting = false;
    sender->sent_bytes = sender->stored_bytes = 0;
    sender->begin = hello->known ? 0 : source->newest(sender->source_data);
    /* What it has of another outbox of ours says nothing about this one. */
    sender->stored = sender->place = ours ? hello->sequence : 0;
    feed_writer_reset(sender->writer);
    feed_writer_set_sequence(sender->writer, sender->place);
    feed_sender_enter_state(sender, hello->known ? SENDER_SENDING : SENDER_GREETING);
    send_welcome(sender);
    if (sender->state != SENDER_BROKEN)
        send_bases(sender);
    feed_sender_wake(sender);
}

void feed_sender_offer(FeedSender *sender, guint64 reached)
{
    FeedHello guess = {.window = OFFER_WINDOW, .known = reached > 0, .sequence = reached};

    if (sender->state != SENDER_WAITING)
        return;
    g_strlcpy(guess.epoch, sender->source->epoch(sender->source_data), sizeof guess.epoch);
    sender->offering = true;
    begin(sender, &guess);
}

/* It may come again: the listener has lost what has come since. */
static void take_hello(FeedSender *sender, const FeedHello *hello)
{
    sender->offering = false;
    begin(sender, hello);
}

static void receive_hello(FeedSender *sender, const guint8 *bytes, gsize length, gint64 now)
{
    g_autoptr(GError) error = NULL;
    FeedHello hello;

    if (!feed_read_hello(bytes, length, &hello, &error))
        feed_sender_break(sender, error->message);
    else if (!bucket_take(&sender->hellos, now, HELLO_INTERVAL, HELLO_BURST))
        feed_sender_break(sender, "it begins again too often");
    else
        take_hello(sender, &hello);
}

static void receive_ack(FeedSender *sender, const guint8 *bytes, gsize length)
{
    g_autoptr(GError) error = NULL;
    FeedAck ack;

    if (!feed_read_ack(bytes, length, &ack, &error)) {
        feed_sender_break(sender, error->message);
    } else if (ack.bytes < sender->stored_bytes || ack.bytes > sender->sent_bytes ||
               ack.sequence > MAX(sender->place, sender->begin)) {
        feed_sender_break(sender, "it acknowledges what it has not been sent");
    } else {
        if (sender->offering)
            sender->window = FEED_WINDOW;
        sender->offering = false;
        sender->stored_bytes = ack.bytes;
        sender->stored = ack.sequence;
        feed_sender_wake(sender);
    }
}

void feed_sender_receive(FeedSender *sender, const guint8 *bytes, gsize length, gint64 now)
{
    FeedFrameType type;

    if (sender->state == SENDER_BROKEN)
        return;
    if (!feed_frame_type(bytes, length, &type))
        feed_sender_break(sender, "an empty message");
    else if (type == FEED_HELLO)
        receive_hello(sender, bytes, length, now);
    else if (type == FEED_ACK && sender->state != SENDER_WAITING)
        receive_ack(sender, bytes, length);
    else if (type == FEED_ACK || (type >= FEED_WELCOME && type <= FEED_DATA))
        feed_sender_break(sender, "a message out of turn");
}

FeedSenderState feed_sender_state(const FeedSender *sender)
{
    return sender->state;
}

guint64 feed_sender_sent(const FeedSender *sender)
{
    return sender->place;
}

guint64 feed_sender_stored(const FeedSender *sender)
{
    return sender->stored;
}
