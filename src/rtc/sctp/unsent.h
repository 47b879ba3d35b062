/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What usrsctp has been given on each stream and has not sent a first time, of
 * messages that have a lifetime. usrsctp looks at the lifetime of what it has
 * sent alone, and sends what has waited too long in its queue of megabytes, too
 * (RFC 3758 4.1 TR3 forbids it). So it is given few of those: the others wait
 * in their channels, which know how old they are.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Bytes of a stream: more than what goes out before the next SACK is never waited for, as more is
 * given with each SACK. */
#define UNSENT_MAX (8 * 1024)

typedef struct Unsent Unsent;

Unsent *unsent_new(void);
void unsent_free(Unsent *unsent);

/* Whether STREAM has room for one more; one that has nothing has room for any. */
bool unsent_has_room(const Unsent *unsent, guint16 stream);
/* A message of LENGTH was given, which has a lifetime. */
void unsent_given(Unsent *unsent, guint16 stream, gsize length);
/* The last one on STREAM was not taken. */
void unsent_take_back(Unsent *unsent, guint16 stream);
/* To be told of each packet that usrsctp sends. */
void unsent_output(Unsent *unsent, const guint8 *packet, gsize length);
