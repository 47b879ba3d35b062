/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * src/rtc's connections without a network, for tests of what is above them:
 * two that have each other's description and candidate are connected. A test
 * that links this file gets it instead of librtc.a's connection.
 */

#pragma once

#include <glib.h>

#include "rtc/connection.h"

/* How many there are now. */
guint fake_connections(void);

/* The number in its descriptions. */
guint fake_number(const Connection *connection);

/* How often those that there are were told to restart ICE. */
guint fake_restarts(void);

/* How many of them asked SERVER, the first of theirs, in their last ICE restart. */
guint fake_asked(const char *server);

/* Lets every one that is connected fail as if consent had been lost. */
void fake_connections_fail(void);

/* With BROKEN, those that are connected hear nothing any more, until they restart ICE when it
 * is not broken. A description is "fake NUMBER gen GENERATION key KEY": the first of the configuration's
 * interfaces stands for the key, or the number. */
void fake_connections_cut(bool broken);

/* The same, and it is noticed only by who asks. */
void fake_connections_go_silent(void);

/* Those that are connected use the path of the last description, as if somebody passed on there what
 * both ends say. */
void fake_connections_move(void);

/* Whether channels refuse what is sent, as with a full queue. */
void fake_channels_full(bool full);

/* Called in the midst of every channel_send(), until it is NULL again. */
void fake_channels_on_send(void (*func)(Channel *channel, gpointer data), gpointer data);

/* Whether CHANNEL is held, and a message on it. */
bool fake_channel_is_held(const Channel *channel);
void fake_channel_give(Channel *channel, const guint8 *bytes, gsize length);

/* How often a description was read for its keys alone. */
guint fake_keys_read(void);

/* How many candidates came to a connection that they were not meant for. */
guint fake_stray_candidates(void);
