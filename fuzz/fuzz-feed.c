/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A feed. Three ways, by the first byte: readings that are written are read as the same;
 * what an emitter sends, by a listener whose store takes some of it and fails on the rest;
 * what a listener sends, by an emitter that has a little to give.
 */

#include <config.h>

#include "fuzz.h"

#include <string.h>

#include "peer/readings/feed-receiver.h"
#include "peer/readings/feed-sender.h"

enum { MAX_READINGS = 64, MAX_FRAMES = 64, SOME = 20 };

/* ---- readings, written and read ------------------------------------------------- */

static const char *const names[] = {"", "a", "temperature", "é", "a/b", "z"};
static const char *const units[] = {"", "°C", "K"};

static void make_value(FuzzInput *input, Reading *reading, guint8 *data)
{
    guint64 bits = (guint64) fuzz_u32(input) << 32 | fuzz_u32(input);

    reading->kind = fuzz_u8(input) % 3;
    if (reading->kind != READING_NUMBER) {
        reading->length = fuzz_bytes(input, data, fuzz_u8(input));
        reading->data = data;
        if (reading->kind == READING_TEXT)
            memset(data, 'x', reading->length);
    } else if (fuzz_u8(input) & 1) {
        reading->number = (double) (gint32) bits / 1000;
    } else {
        memcpy(&reading->number, &bits, sizeof bits);
    }
}

static void make_reading(FuzzInput *input, EmittedReading *reading, guint64 *sequence, guint8 *data)
{
    guint8 how = fuzz_u8(input);

    *reading = (EmittedReading){.nth = how & 1 ? fuzz_u32(input) : fuzz_u8(input),
                                .reading = {.series = names[fuzz_u8(input) % G_N_ELEMENTS(names)],
                                            .unit = units[fuzz_u8(input) % G_N_ELEMENTS(units)]}};
    if (how & 2)
        return;
    reading->reading.time = how & 4 ? fuzz_u32(input) * G_GUINT64_CONSTANT(50000000) : how;
    *sequence += 1 + (how & 8 ? (guint64) fuzz_u32(input) : 0);
    reading->sequence = *sequence;
    make_value(input, &reading->reading, data);
    if (!reading_check(&reading->reading, NULL))
        reading->reading.number = 0;
}

static void expect_same(const EmittedReading *one, const EmittedReading *other)
{
    const Reading *a = &one->reading, *b = &other->reading;

    g_assert_cmpuint(one->sequence, ==, other->sequence);
    g_assert_cmpuint(one->nth, ==, other->nth);
    g_assert_cmpstr(a->series, ==, b->series);
    g_assert_cmpstr(a->unit, ==, b->unit);
    if (one->sequence == 0)
        return;
    g_assert_cmpuint(a->time, ==, b->time);
    g_assert_cmpint(a->kind, ==, b->kind);
    g_assert_true(memcmp(&a->number, &b->number, sizeof a->number) == 0);
    g_assert_cmpmem(a->data, a->length, b->data, b->length);
}

static void write_and_read(FuzzInput *input)
{
    g_autoptr(FeedWriter) writer = feed_writer_new();
    g_autoptr(FeedReader) reader = feed_reader_new();
    guint64 sequence = fuzz_u32(input);

    feed_writer_reset(writer);
    feed_reader_reset(reader);
    feed_writer_set_sequence(writer, sequence);
    feed_reader_set_sequence(reader, sequence);
    for (guint frame = 0; frame < MAX_FRAMES && fuzz_more(input); frame++) {
        static guint8 data[MAX_READINGS][255];
        EmittedReading written[MAX_READINGS];
        const EmittedReading *read;
        guint count = 1 + fuzz_u8(input) % MAX_READINGS, found;
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        feed_writer_begin(writer, bytes, FEED_DATA);
        for (guint i = 0; i < count; i++) {
            make_reading(input, &written[i], &sequence, data[i]);
            feed_writer_add(writer, bytes, &written[i]);
        }
        g_assert_true(feed_reader_read(reader, bytes->data, bytes->len, &read, &found, NULL));
        g_assert_cmpuint(found, ==, count);
        for (guint i = 0; i < count; i++)
            expect_same(&written[i], &read[i]);
    }
}

/* ---- a listener ------------------------------------------------------------------- */

typedef struct {
    FuzzInput *input;
    FeedReceiver *receiver;
    guint waiting; /* batches */
    guint64 cursor;
    bool placed, greeted, broken;
} Listener;

static bool on_place(char epoch[RANDOM_ID_LENGTH + 1], guint64 *sequence, gpointer data)
{
    const Listener *listener = data;

    g_strlcpy(epoch, "0123456789abcdef0123456789abcdef", RANDOM_ID_LENGTH + 1);
    *sequence = listener->cursor;
    return listener->placed;
}

static void on_store(const FeedBatch *batch, gpointer data)
{
    Listener *listener = data;
    guint64 last = 0;

    g_assert_cmpuint(strlen(batch->epoch), ==, RANDOM_ID_LENGTH);
    for (guint i = 0; i < batch->count; i++) {
        const EmittedReading *reading = &batch->readings[i];

        g_assert_true(reading_check(&reading->reading, NULL));
        g_assert_true(reading->sequence == 0 || reading->sequence > last);
        last = MAX(last, reading->sequence);
    }
    g_assert_true(batch->greeting || batch->cursor >= last);
    listener->waiting++;
}

static void on_send(const guint8 *bytes, gsize length, gpointer data)
{
    g_assert_cmpuint(length, >, 0);
}

static void on_wait(guint milliseconds, gpointer data)
{
}

static void on_broken(const char *why, gpointer data)
{
    Listener *listener = data;

    g_assert_false(listener->broken);
    listener->broken = true;
}

static const FeedReceiverOps receiver_ops = {
    .place = on_place, .store = on_store, .send = on_send, .wait = on_wait, .broken = on_broken};

/* A message of the input, in memory that ends where it does */
static guint8 *take_frame(FuzzInput *input, gsize *length)
{
    guint8 bytes[4096];

    *length = fuzz_bytes(input, bytes, fuzz_u16(input) % sizeof bytes);
    return fuzz_copy(bytes, *length);
}

static void listen(FuzzInput *input)
{
    Listener listener = {.input = input, .placed = fuzz_u8(input) & 1};

    listener.receiver = feed_receiver_new(&receiver_ops, &listener);
    feed_receiver_start(listener.receiver);
    for (guint i = 0; i < MAX_FRAMES && fuzz_more(input); i++) {
        guint8 what = fuzz_u8(input);
        gsize length;
        g_autofree guint8 *frame = NULL;

        for (; what & 1 && listener.waiting > 0; listener.waiting--)
            feed_receiver_stored(listener.receiver, !(what & 2));
        if (what & 4)
            feed_receiver_wake(listener.receiver);
        frame = take_frame(input, &length);
        feed_receiver_receive(listener.receiver, frame, length);
    }
    g_assert_true(listener.broken == (feed_receiver_state(listener.receiver) == RECEIVER_BROKEN));
    feed_receiver_free(listener.receiver);
}

/* ---- an emitter ------------------------------------------------------------------- */

typedef struct {
    bool writable, broken, later, pausing;
    gsize unanswered;
} Emitter;

static const char *on_epoch(gpointer data)
{
    return "0123456789abcdef0123456789abcdef";
}

static guint64 on_newest(gpointer data)
{
    return 2 * SOME;
}

static guint64 on_oldest(gpointer data)
{
    return SOME;
}

static bool give(guint64 sequence, FeedVisitor visit, gpointer data)
{
    EmittedReading reading = {sequence, sequence, {.series = "a", .unit = "", .number = 1.5}};

    return visit(&reading, data);
}

static void on_read(guint64 after, FeedVisitor visit, gpointer visit_data, gpointer data)
{
    for (guint64 i = MAX(after, SOME - 1) + 1; i <= 2 * SOME && give(i, visit, visit_data); i++)
        ;
}

static void on_read_last(guint64 after, guint64 until, FeedVisitor visit, gpointer visit_data,
                         gpointer data)
{
    if (after < 5 && until >= 5)
        give(5, visit, visit_data);
}

static bool on_fork(guint64 sequence, FeedVisitor visit, gpointer visit_data, gpointer data)
{
    return sequence == 7 && give(0, visit, visit_data);
}

static const FeedSourceOps source_ops = {.epoch = on_epoch,
                                         .newest = on_newest,
                                         .oldest = on_oldest,
                                         .read = on_read,
                                         .read_last = on_read_last,
                                         .fork = on_fork};

static bool on_is_writable(gpointer data)
{
    return ((Emitter *) data)->writable;
}

static bool on_sender_send(const guint8 *bytes, gsize length, gpointer data)
{
    Emitter *emitter = data;

    g_assert_cmpuint(length, <=, FEED_MAX_FRAME);
    emitter->unanswered += length;
    return true;
}

static void on_later(gpointer data)
{
    ((Emitter *) data)->later = true;
}

static void on_pause(guint milliseconds, gpointer data)
{
    g_assert_cmpuint(milliseconds, >, 0);
    ((Emitter *) data)->pausing = true;
}

static void on_sender_broken(const char *why, gpointer data)
{
    Emitter *emitter = data;

    g_assert_false(emitter->broken);
    emitter->broken = true;
}

static const FeedSenderOps sender_ops = {.is_writable = on_is_writable,
                                         .send = on_sender_send,
                                         .later = on_later,
                                         .pause = on_pause,
                                         .broken = on_sender_broken};

static void emit(FuzzInput *input)
{
    Emitter emitter = {};
    g_autoptr(FeedSender) sender = feed_sender_new(&source_ops, NULL, &sender_ops, &emitter);
    gint64 now = 0;

    for (guint i = 0; i < MAX_FRAMES && fuzz_more(input); i++) {
        guint8 what = fuzz_u8(input);
        gsize length;
        g_autofree guint8 *frame = take_frame(input, &length);

        emitter.writable = what & 1;
        if (what & 2)
            feed_sender_wake(sender);
        if (what & 8)
            feed_sender_resume(sender);
        now += (gint64) (what & 0xf0) * 100000;
        feed_sender_receive(sender, frame, length, now);
    }
    /* HELLOs cost a bounded time and a bounded number of bytes each. */
    g_assert_cmpuint(emitter.unanswered, <, 1024 * 1024);
    g_assert_true(emitter.broken == (feed_sender_state(sender) == SENDER_BROKEN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, data + size};

    fuzz_begin();
    switch (fuzz_u8(&input) % 3) {
    case 0:
        write_and_read(&input);
        break;
    case 1:
        listen(&input);
        break;
    default:
        emit(&input);
    }
    return 0;
}
