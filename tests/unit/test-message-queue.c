/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Messages that wait, and tasks for the end of a round of the main loop. */

#include <config.h>

#include <malloc.h>
#include <string.h>

#include "common/message-queue.h"
#include "common/turn-tasks.h"

static guint8 pattern[300 * 1024];

/* Lengths from nothing to several blocks, so that every boundary is met */
static gsize length_of(guint number)
{
    static const gsize lengths[] = {0,    1,    7,     8,     9,     64,    1000,  1008,
                                    1016, 2032, 65448, 65456, 65464, 70000, 262144};

    return lengths[number % G_N_ELEMENTS(lengths)];
}

static void push(MessageQueue *queue, guint number)
{
    message_queue_push(queue, number, pattern + number % 256, length_of(number));
}

static void check_first(const MessageQueue *queue, guint number)
{
    guint32 tag = 0;
    gsize length = 0;
    const guint8 *bytes = message_queue_peek(queue, &tag, &length);

    g_assert_nonnull(bytes);
    g_assert_cmpuint(tag, ==, number);
    g_assert_cmpmem(bytes, length, pattern + number % 256, length_of(number));
}

static void test_order(void)
{
    MessageQueue queue = {};
    guint in = 0, out = 0;
    gsize bytes = 0;

    while (out < 2000) {
        for (guint n = g_test_rand_int_range(0, 40); n > 0; n--) {
            bytes += length_of(in);
            push(&queue, in++);
        }
        for (guint n = g_test_rand_int_range(0, 45); n > 0 && out < in; n--) {
            bytes -= length_of(out);
            check_first(&queue, out++);
            message_queue_pop(&queue);
        }
        g_assert_cmpuint(queue.length, ==, in - out);
        g_assert_cmpuint(queue.bytes, ==, bytes);
    }
    message_queue_clear(&queue);
    g_assert_true(message_queue_is_empty(&queue));
    g_assert_cmpuint(queue.bytes, ==, 0);
}

static void test_many(void)
{
    MessageQueue queue = {};
    struct iovec vectors[64];

    g_assert_cmpuint(message_queue_peek_many(&queue, vectors, 64), ==, 0);
    for (guint i = 0; i < 40; i++)
        push(&queue, i);
    message_queue_pop(&queue);
    g_assert_cmpuint(message_queue_peek_many(&queue, vectors, 8), ==, 8);
    g_assert_cmpuint(message_queue_peek_many(&queue, vectors, 64), ==, 39);
    for (guint i = 0; i < 39; i++)
        g_assert_cmpmem(vectors[i].iov_base, vectors[i].iov_len, pattern + i + 1, length_of(i + 1));
    message_queue_clear(&queue);
}

/* A thousand queues with one small message each, and one that fills: what they have allocated. */
static void test_memory(void)
{
    static MessageQueue queues[1000];
    size_t before = mallinfo2().uordblks, small;
    MessageQueue full = {};

    for (guint i = 0; i < G_N_ELEMENTS(queues); i++)
        message_queue_push(&queues[i], i, pattern, 100);
    small = mallinfo2().uordblks - before;
    for (guint i = 0; i < 100000; i++)
        message_queue_push(&full, i, pattern, 56);
    g_assert_cmpuint(small, <, G_N_ELEMENTS(queues) * 1200 + 65536);
    g_assert_cmpuint(mallinfo2().uordblks - before - small, <, 100000 * 64 * 102 / 100);
    for (guint i = 0; i < G_N_ELEMENTS(queues); i++)
        message_queue_clear(&queues[i]);
    message_queue_clear(&full);
}

/* What was taken is there when the queue has gone on, or is no more. */
static void test_take(void)
{
    MessageQueue queue = {};
    MessageBlock *keepers[2] = {};
    const guint8 *bytes[2];
    guint32 tag;
    gsize length;

    g_assert_null(message_queue_take(&queue, &tag, &length, &keepers[0]));
    g_assert_null(keepers[0]);
    push(&queue, 5);
    push(&queue, 6);
    for (guint i = 0; i < 2; i++) {
        bytes[i] = message_queue_take(&queue, &tag, &length, &keepers[i]);
        g_assert_cmpuint(tag, ==, 5 + i);
        g_assert_cmpuint(length, ==, length_of(5 + i));
    }
    g_assert_true(message_queue_is_empty(&queue));
    for (guint i = 0; i < 40; i++)
        push(&queue, i);
    for (guint i = 0; i < 2; i++)
        g_assert_cmpmem(bytes[i], length_of(5 + i), pattern + 5 + i, length_of(5 + i));
    check_first(&queue, 0);
    message_queue_clear(&queue);
    for (guint i = 0; i < 2; i++)
        message_block_unref(keepers[i]);
}

typedef struct {
    TurnTask task;
    TurnTask *next; /* added by this one */
    guint runs;
} Counter;

static void on_round(gpointer data)
{
    Counter *counter = data;

    counter->runs++;
    if (counter->next)
        turn_task_add(counter->next);
}

static gboolean on_timeout(gpointer data)
{
    *(bool *) data = true;
    return G_SOURCE_REMOVE;
}

static void test_rounds(void)
{
    Counter first = {}, second = {}, third = {};
    bool over = false;

    turn_task_init(&first.task, on_round, &first);
    turn_task_init(&second.task, on_round, &second);
    turn_task_init(&third.task, on_round, &third);
    first.next = &second.task;
    turn_task_add(&first.task);
    turn_task_add(&first.task);
    turn_task_add(&third.task);
    turn_task_cancel(&third.task);
    turn_task_cancel(&third.task);
    g_assert_cmpuint(first.runs, ==, 0);
    g_timeout_add(1, on_timeout, &over);
    while (!over)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(first.runs, ==, 1);
    g_assert_cmpuint(second.runs, ==, 1);
    g_assert_cmpuint(third.runs, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < sizeof pattern; i++)
        pattern[i] = i * 7 + (i >> 8);
    g_test_add_func("/message-queue/order", test_order);
    g_test_add_func("/message-queue/many", test_many);
    g_test_add_func("/message-queue/memory", test_memory);
    g_test_add_func("/message-queue/take", test_take);
    g_test_add_func("/round/tasks", test_rounds);
    return g_test_run();
}
