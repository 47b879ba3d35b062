/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The negotiation of a connection step by step, as a program wants it that has an interface such
 * as the W3C's RTCPeerConnection to serve (RFC 8829 4.1): descriptions are made, which changes
 * nothing, and set; what is set and not answered yet can be rolled back. Which of two crossing
 * offers goes first, and when ICE restarts, is for the program to say. A connection is
 * negotiated by these functions or by those of connection.h, never by both; its `description`
 * is not called here.
 */

#pragma once

#include "rtc/connection.h"

/*
 * Makes an offer, or an answer to the remote's offer that is set; RESTART: an offer with new ICE
 * credentials. Addresses begin to be looked for, and are told when the description is set. A
 * description that was made before is void. RTC_ERROR_INVALID: no offer waits, or ours does.
 * Transfer full.
 */
char *steps_make(Connection *connection, const char *type, bool restart, GError **error);

/* Sets what was made last, an "offer", "answer" or "pranswer", which is taken as the answer; or
 * gives up whatever is not answered: "rollback". RTC_ERROR_INVALID: nothing of that type was made,
 * or it was given up since then, as CONNECTION_RESTART_FAILED has told. */
bool steps_set_local(Connection *connection, const char *type, GError **error);

/* The ICE user name fragment of our description that was set last; NULL: there is none. */
const char *steps_own_ufrag(const Connection *connection);

/* As connection_set_remote(), but that an offer waits for steps_set_local() of an answer, and
 * crosses none: ours has to be rolled back first. "rollback" gives up the remote's offer. */
bool steps_set_remote(Connection *connection, const char *type, const char *sdp, GError **error);
