/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Makes usrsctp keep to what path-model.h says of an association's path. usrsctp
 * has no congestion control of this kind, and takes none from outside. But it
 * sends no more than the remote has room for: so a SACK is made to tell less
 * room than there is. And its window can be set anew after a loss.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <usrsctp.h>

typedef struct Congestion Congestion;

/* Nothing is kept until there is a packet worth it. */
Congestion *congestion_new(void);
void congestion_free(Congestion *congestion);

/* Packets take another path, or one that is too short for this. */
void congestion_reset(Congestion *congestion);

/* To be told of each packet that usrsctp sends. */
void congestion_output(Congestion *congestion, const guint8 *packet, gsize length);

/* To be told of each packet before usrsctp is; the room that a SACK in it tells of may become less. */
void congestion_input(Congestion *congestion, guint8 *packet, gsize length);

/* When usrsctp has read it and has been given all that there is to send. */
void congestion_settle(Congestion *congestion, struct socket *socket);

/* Whether a message of LENGTH is long, and usrsctp has so much to send that it would only wait there,
 * with others behind it */
bool congestion_is_ahead(const Congestion *congestion, struct socket *socket, gsize length);
