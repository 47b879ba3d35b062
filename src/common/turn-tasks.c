/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The tasks run in the prepare function of a source of high priority. As its
 * dispatch they would cost every turn another poll(). They do not run the
 * main loop and do not call what could.
 */

#include <config.h>

#include "common/turn-tasks.h"

static struct {
    GQueue tasks;
    GSource *source;
} turn = {.tasks = G_QUEUE_INIT};

static gboolean on_prepare(GSource *unused, int *timeout)
{
    *timeout = -1;
    while (!g_queue_is_empty(&turn.tasks)) {
        TurnTask *task = g_queue_peek_head(&turn.tasks);

        turn_task_cancel(task);
        task->run(task->data);
    }
    return FALSE;
}

/* Never: prepare has done it. */
static gboolean on_dispatch(GSource *unused, GSourceFunc callback, gpointer data)
{
    return G_SOURCE_CONTINUE;
}

static void ensure_source(void)
{
    static GSourceFuncs funcs = {.prepare = on_prepare, .dispatch = on_dispatch};

    if (turn.source)
        return;
    turn.source = g_source_new(&funcs, sizeof(GSource));
    g_source_set_priority(turn.source, G_PRIORITY_HIGH);
    g_source_set_static_name(turn.source, "end of a turn");
    g_source_attach(turn.source, NULL);
}

void turn_task_init(TurnTask *task, void (*run)(gpointer data), gpointer data)
{
    *task = (TurnTask){.run = run, .data = data};
}

void turn_task_add(TurnTask *task)
{
    if (task->link.data)
        return;
    ensure_source();
    task->link.data = task;
    g_queue_push_tail_link(&turn.tasks, &task->link);
}

void turn_task_cancel(TurnTask *task)
{
    if (!task->link.data)
        return;
    g_queue_unlink(&turn.tasks, &task->link);
    task->link.data = NULL;
}
