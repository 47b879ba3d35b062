/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The numbers that are sent: to every listener alike, from a source of our own
 * or as they are published. A listener that reads too slowly loses numbers; it
 * never holds up another.
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

Publisher *publisher_new(void);
void publisher_free(Publisher *publisher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Publisher, publisher_free)

/* INTERVAL is in microseconds, at least 1000. */
void publisher_set_source(Publisher *publisher, NumberSource source, guint64 interval);

/*
 * CHANNEL is open, and must be taken away before it is freed. The source's
 * newest number is sent to it at once; the first listener starts the source.
 */
void publisher_add(Publisher *publisher, CallChannel *channel);
void publisher_remove(Publisher *publisher, CallChannel *channel);

/* CHANNEL is about to open: the source's newest number and those that follow wait in it, and go
 * out with what opens it, a round trip sooner. publisher_add() or publisher_remove() follows. */
void publisher_expect(Publisher *publisher, CallChannel *channel);

/* Those whose channel is open */
guint publisher_listeners(const Publisher *publisher);

/* Whether it has, or ever had, numbers to give. */
bool publisher_is_emitter(const Publisher *publisher);

/*
 * Sends VALUE to every listener; its number among those that we published,
 * from 1. 0 with PEER_ERROR_INVALID_ARGUMENT if VALUE is not finite.
 */
guint64 publisher_publish(Publisher *publisher, double value, GError **error);
