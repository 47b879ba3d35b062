/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What is to be done once in a turn of the main loop, after everything that
 * was ready has had its turn and before the loop waits again: so packets and
 * messages that come together leave together, and none waits for company that
 * may never come.
 */

#pragma once

#include <glib.h>

typedef struct {
    void (*run)(gpointer data);
    gpointer data;
    GList link; /* its place among the tasks of this turn; link.data is NULL outside */
} TurnTask;

void turn_task_init(TurnTask *task, void (*run)(gpointer data), gpointer data);

/* Runs TASK at the end of this turn, once. It stays where it is until then. */
void turn_task_add(TurnTask *task);

/* Not any more. Also for a task that was not added. */
void turn_task_cancel(TurnTask *task);
