/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Stands between libnice and its sockets, and holds back connectivity checks: a
 * remote must not be able to aim us at others. Whoever has answered one is sent as
 * many as libnice likes.
 */

#pragma once

#include "rtc/ice/check-budget.h"
#include "rtc/ice/check-count.h"
#include "rtc/ice/check-rule.h"
#include "rtc/ice/keep-alive.h"
#include "rtc/ice/socket-turn.h"

typedef struct CheckGate CheckGate;

/*
 * RULE is kept by reference. UFRAG is our own. UNINVITED: the remote called us, so ports of this
 * host that a service may have are sent checks only when some have come from there.
 */
CheckGate *check_gate_new(const CheckRule *rule, CheckBudget *budget, const char *ufrag,
                          bool uninvited);
void check_gate_free(CheckGate *gate);

/*
 * Checks that come have to be those of UFRAG from now on. libnice looks at our half of their user
 * name alone, so it would answer the checks of the remote's next generation in the old one's place.
 */
void check_gate_set_remote(CheckGate *gate, const char *ufrag);

/*
 * The last check for each address where somebody has answered one before goes out every MILLISECONDS
 * from now on (check-repeat.h), and that for any other when one has come from there; 0: no longer.
 */
void check_gate_repeat(CheckGate *gate, guint milliseconds);

/* From the first check that was answered to its answer; 0: none was. */
guint64 check_gate_round_trip_usec(const CheckGate *gate);

/* The checks from and to REMOTE, of a candidate of the remote's */
void check_gate_count(CheckGate *gate, const struct sockaddr *remote, CheckCount *count);

/*
 * What the layer above sends before there is a pair (early-flight.h). False: not any more, or it is
 * too much. When there is one, REMOTE is where it leads, or NULL: those are returned, of GBytes, that
 * have not gone there; NULL: none. Transfer full.
 */
bool check_gate_send_early(CheckGate *gate, const guint8 *packet, gsize length);
GPtrArray *check_gate_end_early(CheckGate *gate, const struct sockaddr *remote);

/* The selected pair is asked each SECONDS (keep-alive.h). CONTEXT is the agent's. */
void check_gate_keep(CheckGate *gate, NestedContext *context, guint seconds);

/* For the turns of libnice's context, with the gate as their data. */
extern const SocketWatchOps check_gate_watch;
