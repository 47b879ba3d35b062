/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whose turn it is to send: a weighted fair queue (RFC 8831 6.4) that knows
 * neither channels nor sockets. Each who sends has a clock that a message puts
 * forward by its length divided by the weight, and the one that is furthest
 * behind goes next. So those that always have something to send share what
 * there is by their weights; and one that was idle begins at the time of the
 * others, so that its message waits for the one that is being sent, and not
 * for a bulk transfer.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* A message costs at least so much as its bytes. */
#define SCHEDULER_OVERHEAD 64

typedef struct Scheduler Scheduler;

/* The place of one who sends; a member of theirs. All zero but for the weight at first. */
typedef struct {
    guint weight;  /* at least 1, at most SCHEDULER_WEIGHT_MAX */
    guint64 clock; /* when its next message begins */
    guint skipped; /* the round in which it is passed over */
    bool waits;    /* it is in the queue */
} Turn;

#define SCHEDULER_WEIGHT_MAX 1024

Scheduler *scheduler_new(void);
void scheduler_free(Scheduler *scheduler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scheduler, scheduler_free)

/* TURN has something to send, or has nothing any more. Either may be said again. */
void scheduler_join(Scheduler *scheduler, Turn *turn);
void scheduler_leave(Scheduler *scheduler, Turn *turn);

/* A message of LENGTH was sent by TURN, whether it waited for that or not. */
void scheduler_count(Scheduler *scheduler, Turn *turn, gsize length);

/* A new round begins: nobody is passed over. */
void scheduler_begin_round(Scheduler *scheduler);

/* TURN cannot send in this round. */
void scheduler_skip(Scheduler *scheduler, Turn *turn);

/* The same because its message, of LENGTH, is too long. Others go first in this round, but only until
 * they have sent as much. */
void scheduler_let_pass(Scheduler *scheduler, Turn *turn, gsize length);

/* Whether TURN may send, though it does not wait, before those who have let others pass. */
bool scheduler_may_pass(const Scheduler *scheduler, const Turn *turn);

/* Who sends next, of two at the same time who came first; NULL: nobody. */
Turn *scheduler_next(const Scheduler *scheduler);
