/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whose turn it is, and who waits for whom. Rooms take turns of equal length
 * (fair-queue.h), so a room in a flood makes no other one wait for long; and who
 * sends to members that do not keep up is not read for a while, before one of
 * those is closed.
 */

#pragma once

#include "relay/client.h"

typedef struct Traffic Traffic;

Traffic *traffic_new(void);

/* Nobody may be in a room any more. */
void traffic_free(Traffic *traffic);

/* A room has begun, or ends with nobody in it. */
void traffic_begin_room(Traffic *traffic, RelayRoom *room);
void traffic_end_room(Traffic *traffic, RelayRoom *room);

/* CLIENT is about to leave its room. */
void traffic_leave(Traffic *traffic, Client *client);

/* For ClientOps. */
void traffic_ready(Traffic *traffic, Client *client, FairEntry *entry);
void traffic_congested(Traffic *traffic, Client *client, bool is);

/* Whether a frame may go now from SENDER to RECIPIENT, or to all of the room if that
 * is NULL. If not, SENDER is held until those who are to get it have read, or have
 * been waited for long enough. */
bool traffic_may_send(Traffic *traffic, Client *sender, Client *recipient);

/* SENDER is held for a moment, or until traffic_look_again(): then it tries again. */
void traffic_hold(Traffic *traffic, Client *sender);
void traffic_look_again(Traffic *traffic);

/* SENDER has caused SIZE bytes to be sent. Held for as long as it is over its budget. */
void traffic_spend(Traffic *traffic, Client *sender, guint64 size);

/* Gives turns until there is nothing to do or it is time to look at the sockets again;
 * GONE is called with each client whose connection is over, to free it. */
void traffic_run(Traffic *traffic, void (*gone)(Client *client, gpointer data), gpointer data);

/* Whether somebody waits for a turn. */
bool traffic_is_pending(const Traffic *traffic);
