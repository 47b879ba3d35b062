/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What has been received and what has been stored are two places, and only the second one
 * is ever said to the emitter. When the store fails, nothing of what is on the way can be
 * used: the emitter is asked to begin again where the store is.
 */

#include <config.h>

#include "peer/readings/feed-receiver.h"

#include "common/log.h"

enum {
    FIRST_WAIT = 2000, /* milliseconds */
    LAST_WAIT = 60000,
    /* Bytes beyond the window that an honest emitter may send: the bases of all series, and one
     * message that began within it */
    SLACK = 1024 * 1024,
};

/* A batch that the store has not answered yet */
typedef struct {
    guint round;
    gsize bytes;
    guint64 cursor;
} FeedPending;

struct FeedReceiver {
    const FeedReceiverOps *ops;
    gpointer data;
    FeedReceiverState state;
    FeedReader *reader;
    char epoch[RANDOM_ID_LENGTH + 1];
    bool known;      /* we have said that we have something */
    guint64 begin;   /* greeting: where live begins */
    GArray *pending; /* of FeedPending, the oldest first */
    guint round;     /* HELLOs; what is left of an earlier one counts no more */
    gsize pending_bytes;
    guint64 stored_bytes, acknowledged_bytes; /* since WELCOME */
    guint64 stored;
    guint wait; /* milliseconds, after the next failure */
};

static const char *const state_names[] = {
    [RECEIVER_NEW] = "new",       [RECEIVER_EXPECTING] = "expecting",
    [RECEIVER_ASKING] = "asking", [RECEIVER_GREETING] = "greeting",
    [RECEIVER_LIVE] = "live",     [RECEIVER_WAITING] = "waiting",
    [RECEIVER_BROKEN] = "broken",
};

const char *feed_receiver_state_to_string(FeedReceiverState state)
{
    return state_names[state];
}

static void feed_receiver_enter_state(FeedReceiver *receiver, FeedReceiverState state)
{
    if (receiver->state != state)
        log_debug("feed from an emitter: %s → %s", state_names[receiver->state],
                  state_names[state]);
    receiver->state = state;
}

FeedReceiver *feed_receiver_new(const FeedReceiverOps *ops, gpointer data)
{
    FeedReceiver *receiver = g_new0(FeedReceiver, 1);

    receiver->ops = ops;
    receiver->data = data;
    receiver->reader = feed_reader_new();
    receiver->pending = g_array_new(FALSE, FALSE, sizeof(FeedPending));
    receiver->wait = FIRST_WAIT;
    return receiver;
}

void feed_receiver_free(FeedReceiver *receiver)
{
    if (!receiver)
        return;
    feed_reader_free(receiver->reader);
    g_array_unref(receiver->pending);
    g_free(receiver);
}

static void feed_receiver_break(FeedReceiver *receiver, const char *why)
{
    feed_receiver_enter_state(receiver, RECEIVER_BROKEN);
    receiver->ops->broken(why, receiver->data);
}

/* ---- what goes out ---------------------------------------------------------------- */

static void ask(FeedReceiver *receiver)
{
    g_autoptr(GByteArray) frame = g_byte_array_new();
    FeedHello hello = {.window = FEED_WINDOW};

    receiver->round++;
    receiver->pending_bytes = 0;
    hello.known = receiver->ops->place(hello.epoch, &hello.sequence, receiver->data);
    receiver->known = hello.known;
    feed_write_hello(frame, &hello);
    feed_receiver_enter_state(receiver, RECEIVER_ASKING);
    receiver->ops->send(frame->data, frame->len, receiver->data);
}

void feed_receiver_start(FeedReceiver *receiver)
{
    if (receiver->state == RECEIVER_NEW)
        ask(receiver);
}

void feed_receiver_expect(FeedReceiver *receiver)
{
    if (receiver->state == RECEIVER_NEW)
        feed_receiver_enter_state(receiver, RECEIVER_EXPECTING);
}

void feed_receiver_wake(FeedReceiver *receiver)
{
    if (receiver->state == RECEIVER_WAITING)
        ask(receiver);
}

void feed_receiver_begin_again(FeedReceiver *receiver)
{
    if (receiver->state > RECEIVER_EXPECTING && receiver->state != RECEIVER_BROKEN)
        ask(receiver);
}

static void send_ack(FeedReceiver *receiver)
{
    g_autoptr(GByteArray) frame = g_byte_array_new();
    FeedAck ack = {receiver->stored_bytes, receiver->stored};

    feed_write_ack(frame, &ack);
    receiver->acknowledged_bytes = receiver->stored_bytes;
    receiver->ops->send(frame->data, frame->len, receiver->data);
}

/* Not each message: SCTP sees to it that it arrives, and this only says that more may come. */
static void acknowledge(FeedReceiver *receiver)
{
    if (receiver->stored_bytes - receiver->acknowledged_bytes >= FEED_WINDOW / 4)
        send_ack(receiver);
}

/* ---- the store -------------------------------------------------------------------- */

static void give(FeedReceiver *receiver, const FeedBatch *batch, gsize bytes)
{
    FeedPending pending = {receiver->round, bytes, batch->cursor};

    receiver->pending_bytes += bytes;
    if (receiver->pending_bytes > FEED_WINDOW + SLACK) {
        feed_receiver_break(receiver, "more than it may send");
        return;
    }
    g_array_append_val(receiver->pending, pending);
    receiver->ops->store(batch, receiver->data);
}

static void store_failed(FeedReceiver *receiver)
{
    receiver->round++;
    feed_receiver_enter_state(receiver, RECEIVER_WAITING);
    receiver->ops->wait(receiver->wait, receiver->data);
    receiver->wait = MIN(receiver->wait * 2, LAST_WAIT);
}

void feed_receiver_stored(FeedReceiver *receiver, bool ok)
{
    FeedPending pending;

    g_return_if_fail(receiver->pending->len > 0);
    pending = g_array_index(receiver->pending, FeedPending, 0);
    g_array_remove_index(receiver->pending, 0);
    if (pending.round != receiver->round || receiver->state == RECEIVER_BROKEN)
        return;
    if (!ok) {
        store_failed(receiver);
        return;
    }
    receiver->pending_bytes -= pending.bytes;
    receiver->stored_bytes += pending.bytes;
    receiver->stored = MAX(receiver->stored, pending.cursor);
    receiver->wait = FIRST_WAIT;
    acknowledge(receiver);
}

/* ---- what comes in ------------------------------------------------------------------- */

static void begin(FeedReceiver *receiver, const FeedWelcome *welcome)
{
    g_strlcpy(receiver->epoch, welcome->epoch, sizeof receiver->epoch);
    receiver->begin = welcome->start;
    receiver->stored_bytes = receiver->acknowledged_bytes = receiver->stored = 0;
    feed_reader_reset(receiver->reader);
    if (!welcome->greeting)
        feed_reader_set_sequence(receiver->reader, welcome->start);
    feed_receiver_enter_state(receiver, welcome->greeting ? RECEIVER_GREETING : RECEIVER_LIVE);
}

/* Whether it goes on where we stand */
static bool suits(FeedReceiver *receiver, const FeedWelcome *welcome)
{
    char epoch[RANDOM_ID_LENGTH + 1] = "";
    guint64 sequence = 0;

    receiver->known = receiver->ops->place(epoch, &sequence, receiver->data);
    if (!receiver->known)
        return welcome->greeting;
    return !welcome->greeting && strcmp(welcome->epoch, epoch) == 0 && welcome->start == sequence;
}

/* What is offered is taken as if we had asked for it; else nothing of it is of use. */
static void take_offer(FeedReceiver *receiver, const FeedWelcome *welcome)
{
    if (!suits(receiver, welcome)) {
        ask(receiver);
        return;
    }
    begin(receiver, welcome);
    receiver->stored = welcome->greeting ? 0 : welcome->start;
    send_ack(receiver);
}

static void receive_welcome(FeedReceiver *receiver, const guint8 *bytes, gsize length)
{
    g_autoptr(GError) error = NULL;
    FeedWelcome welcome;

    if (!feed_read_welcome(bytes, length, &welcome, &error))
        feed_receiver_break(receiver, error->message);
    else if (receiver->state == RECEIVER_EXPECTING)
        take_offer(receiver, &welcome);
    else if (welcome.greeting && receiver->known)
        feed_receiver_break(receiver, "a greeting for one who is no newcomer");
    else
        begin(receiver, &welcome);
}

static void receive_greeted(FeedReceiver *receiver, gsize length)
{
    FeedBatch batch = {.epoch = receiver->epoch, .cursor = receiver->begin};

    feed_reader_set_sequence(receiver->reader, receiver->begin);
    feed_receiver_enter_state(receiver, RECEIVER_LIVE);
    give(receiver, &batch, length);
}

static void receive_readings(FeedReceiver *receiver, const guint8 *bytes, gsize length)
{
    bool greeting = receiver->state == RECEIVER_GREETING;
    FeedBatch batch = {.epoch = receiver->epoch, .greeting = greeting};
    g_autoptr(GError) error = NULL;

    if (!feed_reader_read(receiver->reader, bytes, length, &batch.readings, &batch.count, &error)) {
        feed_receiver_break(receiver, error->message);
    } else if (batch.count == 0) {
        feed_receiver_break(receiver, "a message without readings");
    } else {
        batch.cursor = greeting ? 0 : feed_reader_sequence(receiver->reader);
        give(receiver, &batch, length);
    }
}

void feed_receiver_receive(FeedReceiver *receiver, const guint8 *bytes, gsize length)
{
    FeedReceiverState state = receiver->state;
    FeedFrameType type;

    if (state == RECEIVER_BROKEN || state == RECEIVER_WAITING)
        return;
    if (!feed_frame_type(bytes, length, &type))
        feed_receiver_break(receiver, "an empty message");
    else if (type == FEED_WELCOME && (state == RECEIVER_ASKING || state == RECEIVER_EXPECTING))
        receive_welcome(receiver, bytes, length);
    else if (type == FEED_GREETING && state == RECEIVER_GREETING)
        receive_readings(receiver, bytes, length);
    else if (type == FEED_GREETED && state == RECEIVER_GREETING)
        receive_greeted(receiver, length);
    else if (type == FEED_DATA && state == RECEIVER_LIVE)
        receive_readings(receiver, bytes, length);
    else if (type >= FEED_HELLO && type <= FEED_ACK && state != RECEIVER_ASKING)
        feed_receiver_break(receiver, "a message out of turn");
}

FeedReceiverState feed_receiver_state(const FeedReceiver *receiver)
{
    return receiver->state;
}
