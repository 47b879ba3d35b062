/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A timer each: there are few, and they are dropped in any order. */

#include <config.h>

#include "peer/signaling/delayed-calls.h"

#include "common/clock.h"

enum {
    ANSWER_DELAY = 300, /* milliseconds */
    MAX_DELAYED = 64,
    MAX_OF_ONE = 4, /* sender, if the relay tells who it is */
};

struct DelayedCalls {
    DelayedCallsAnswer answer;
    gpointer data;
    GQueue queue; /* of Waiting */
};

typedef struct {
    DelayedCalls *delayed;
    Frame *call;
    guint timer;
} Waiting;

static void waiting_free(gpointer data)
{
    Waiting *waiting = data;

    g_clear_handle_id(&waiting->timer, g_source_remove);
    frame_free(waiting->call);
    g_free(waiting);
}

DelayedCalls *delayed_calls_new(DelayedCallsAnswer answer, gpointer data)
{
    DelayedCalls *delayed = g_new0(DelayedCalls, 1);

    delayed->answer = answer;
    delayed->data = data;
    g_queue_init(&delayed->queue);
    return delayed;
}

void delayed_calls_free(DelayedCalls *delayed)
{
    if (!delayed)
        return;
    g_queue_clear_full(&delayed->queue, waiting_free);
    g_free(delayed);
}

static gboolean on_delay(gpointer data)
{
    Waiting *waiting = data;
    DelayedCalls *delayed = waiting->delayed;

    waiting->timer = 0;
    g_queue_remove(&delayed->queue, waiting);
    delayed->answer(waiting->call, delayed->data);
    waiting_free(waiting);
    return G_SOURCE_REMOVE;
}

static GList *delayed_calls_find(DelayedCalls *delayed, const Frame *frame)
{
    for (GList *l = delayed->queue.head; l; l = l->next) {
        const Frame *call = ((Waiting *) l->data)->call;

        if (g_strcmp0(call->session, frame->session) == 0 &&
            (frame->session || g_strcmp0(call->from, frame->from) == 0))
            return l;
    }
    return NULL;
}

static guint delayed_count(const DelayedCalls *delayed, const char *from)
{
    guint n = 0;

    for (const GList *l = delayed->queue.head; l && from; l = l->next)
        n += g_strcmp0(((const Waiting *) l->data)->call->from, from) == 0;
    return n;
}

static void delayed_calls_delete(DelayedCalls *delayed, GList *link)
{
    waiting_free(link->data);
    g_queue_delete_link(&delayed->queue, link);
}

void delayed_calls_add(DelayedCalls *delayed, const Frame *call)
{
    Waiting *waiting;

    if (delayed_calls_find(delayed, call) || delayed->queue.length >= MAX_DELAYED ||
        delayed_count(delayed, call->from) >= MAX_OF_ONE)
        return;
    waiting = g_new0(Waiting, 1);
    waiting->delayed = delayed;
    waiting->call = frame_copy(call);
    waiting->timer = clock_timer_add(ANSWER_DELAY, on_delay, waiting);
    g_queue_push_tail(&delayed->queue, waiting);
}

void delayed_calls_drop(DelayedCalls *delayed, const Frame *frame)
{
    GList *link = delayed_calls_find(delayed, frame);

    if (link)
        delayed_calls_delete(delayed, link);
}

void delayed_calls_drop_foreign(DelayedCalls *delayed)
{
    for (GList *l = delayed->queue.head; l; l = l->next) {
        if (!((Waiting *) l->data)->call->session) {
            delayed_calls_delete(delayed, l);
            return;
        }
    }
}

void delayed_calls_drop_all(DelayedCalls *delayed, const char *from)
{
    for (GList *l = delayed->queue.head, *next; l; l = next) {
        next = l->next;
        if (!from || g_strcmp0(((Waiting *) l->data)->call->from, from) == 0)
            delayed_calls_delete(delayed, l);
    }
}
