/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Which call there is for a frame. Looks, and changes nothing. LIST is of Call, in order of
 * their numbers, as calls_list() gives it.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "signaling/frame.h"
#include "peer/call/call.h"
#include "peer/signaling/room.h"

/* The call of ours that awaits an offer, from FRAME's sender and in its session. */
Call *call_match_waiting(const GPtrArray *list, const Room *room, const Frame *frame);

/* The call that comes in in FRAME's session and from its sender. */
Call *call_match_incoming(const GPtrArray *list, const Frame *frame);

/* The call that FRAME, an offer, answer, candidate or `bye`, belongs to; NULL if to none. */
Call *call_match(const GPtrArray *list, const Room *room, const Frame *frame);

/* The call in FRAME's session whose remote seems to be FRAME's sender now. */
Call *call_match_detour(const GPtrArray *list, const Frame *frame);

/* Whether SESSION is one of an outgoing call. */
bool call_match_has_session(const GPtrArray *list, const char *session);
