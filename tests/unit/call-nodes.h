/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A room for tests of calls: several peers' `Calls` in one process, between them a relay of a
 * few lines (ours, or one that only broadcasts), and connections without a network.
 */

#pragma once

#include "fake-connection.h"
#include "peer/call/call-dispatch.h"
#include "peer/error.h"

typedef struct {
    char *id, *name;
    char *key[2]; /* its name, and NULL */
    Room *room;
    CallDispatch *dispatch;
    Calls *calls;           /* NULL: a foreign client, played by the test */
    const char *servers[2]; /* one of ICE, and NULL */
    bool emitter, there;
    guint listeners; /* open channels that it feeds */
    guint messages, ended;
    char *reason;     /* of the call that ended last */
    GPtrArray *inbox; /* of Frame, as a foreign client got them */
} Node;

#define PATIENCE 120 /* seconds */

extern GPtrArray *nodes; /* of Node, in the order they came */
extern bool bare;        /* the relay only broadcasts */

void set_up(gboolean only_broadcasts);
void tear_down(void);
/* Until nothing is on its way; what waits for a timer still does. */
void settle(void);

/* One comes, as ID, which is its name too: one of OURS, or a foreign client, played by the test. */
Node *join(const char *id, bool ours, bool emitter);
void leave(Node *node);
/* One that has left is back as ID, under its old name. */
void rejoin(Node *node, const char *id);

/* A frame of a foreign client, as JSON. */
void say(const Node *from, const char *text);
/* What a foreign client got. */
guint count_frames(const Node *node, FrameType type);
const Frame *last_frame(const Node *node, FrameType type);

Call *place(Node *node, const char *peer);
void refuse(Node *node, const char *peer, PeerError code);
