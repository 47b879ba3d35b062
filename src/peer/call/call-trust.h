/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whether a call may come in, whether it goes on with whoever has shown a key, and
 * what is remembered of that: trust.h decides, and here is what it is asked and what
 * comes of it.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/call/calls.h"
#include "peer/trust/identity.h"

/* All pointers are borrowed. */
typedef struct {
    TrustRules rules;
    KnownPeers *known;
    Identity *identity;
    const Calls *calls;
    /* Somebody has shown our own key who had not before. */
    void (*copied)(gpointer data);
    gpointer data;
} CallTrust;

/* Its data is a CallTrust. A refusal is logged, as is what is remembered. */
extern const CallGuardOps call_trust_ops;
