/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What "doctor" finds, a line a step. */

#pragma once

#include "ctl/client.h"

typedef enum {
    FINDING_OK,
    FINDING_WARNING, /* works, but not as well as it could, or not for all */
    FINDING_FAILED,
    FINDING_SKIPPED, /* it makes no sense without what failed before */
} Finding;

typedef enum {
    NAT_UNKNOWN,
    NAT_NONE,
    NAT_SAME, /* all see the same port, or nobody has seen another one */
    NAT_EACH, /* each remote sees another port */
} Nat;

typedef struct {
    BusClient *client;
    GVariant *peer; /* a{sv}: the daemon's properties */
    guint failures;
    Nat nat;
    bool udp_blocked;
    bool has_turn;   /* a TURN server serves us */
    bool no_hairpin; /* what is sent to the outside of our NAT from within does not come back */
} Doctor;

/* Says what STEP has found. WORDS are for people: what it is, and what to do. */
void doctor_say(Doctor *doctor, Finding finding, const char *step, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* From the name of the relay to what answers there. */
void doctor_look_at_relay(Doctor *doctor);

/* By the answers of the servers at URIS, which are reached by UDP. Nothing is said if none answers. */
Nat doctor_look_at_nat(Doctor *doctor, const char *const *uris);
