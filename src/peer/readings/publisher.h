/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The numbers that go out as text on msg_channel, to every listener there alike, and the source of
 * our own. A listener that reads too slowly loses numbers; it never holds up another.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/call/call-channel.h"

typedef enum {
    SOURCE_NONE,
    SOURCE_RANDOM, /* a whole number 0…16777215 per interval */
} NumberSource;

typedef struct Publisher Publisher;

typedef struct {
    /* Of the source: to be published. publisher_send() follows, at once or later. */
    void (*number)(double value, gpointer data);
} PublisherOps;

Publisher *publisher_new(const PublisherOps *ops, gpointer data);
void publisher_free(Publisher *publisher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Publisher, publisher_free)

/* INTERVAL is in microseconds, at least 1000. */
void publisher_set_source(Publisher *publisher, NumberSource source, guint64 interval);

/*
 * CHANNEL is open, and must be taken away before it is freed. The newest number is sent to it at
 * once; the first listener starts the source.
 */
void publisher_add(Publisher *publisher, CallChannel *channel);
void publisher_remove(Publisher *publisher, CallChannel *channel);

/* CHANNEL is about to open: the newest number and those that follow wait in it, and go out with
 * what opens it, a round trip sooner. publisher_add() or publisher_remove() follows. */
void publisher_expect(Publisher *publisher, CallChannel *channel);

/* Whether others hear what is published, who are not on msg_channel: for them the source runs, too. */
void publisher_set_heard(Publisher *publisher, bool heard);

/* Those whose channel is open */
guint publisher_listeners(const Publisher *publisher);

/* Whether there is a source. */
bool publisher_has_source(const Publisher *publisher);

/* Sends VALUE, which is finite and published now, to every listener. */
void publisher_send(Publisher *publisher, double value);
