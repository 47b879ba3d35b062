/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Stands between libnice and its sockets, and holds back connectivity checks: a
 * remote must not be able to aim us at others. Whoever has answered one is sent as
 * many as libnice likes.
 */

#pragma once

#include "rtc/ice/check-budget.h"
#include "rtc/ice/check-rule.h"
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

/* For the turns of libnice's context, with the gate as their data. */
extern const SocketWatchOps check_gate_watch;
