/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The set-up of an association by what the descriptions have (opening-chunk.h). The end that
 * knows that both have it is up at once. The other one has only offered it: whoever carried the
 * description may have left it out. It waits for the first packet, which tells.
 *
 * Nobody has signed the descriptions. What can be wrong in a chunk that is taken is its tag, by which
 * the remote's packets are not ours or ours not the remote's: then nothing is proven, and the
 * association ends.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/sctp/gate.h"

typedef enum {
    OPENING_DROPPED, /* SCTP has its handshake on the path */
    OPENING_SILENT,  /* usrsctp begins, or ends its handshake; nothing of that crosses the path */
    OPENING_HELD,    /* not used yet, and perhaps never */
    OPENING_UNPROVEN,
    OPENING_PROVEN, /* the remote has acknowledged something */
} OpeningState;

/* None may call back in. */
typedef struct {
    void (*input)(guint8 *packet, gsize length,
                  gpointer data); /* for usrsctp, and may be changed */
    bool (*is_up)(gpointer data); /* usrsctp is */
    void (*ask)(gpointer data);   /* by a HEARTBEAT */
    void (*proven)(gpointer data);
    void (*failed)(gpointer data);
} OpeningUser;

typedef struct SctpOpening SctpOpening;

/* OWN and REMOTE are the two chunks, kept by reference. GATE and USER outlive it. */
SctpOpening *opening_new(GBytes *own, GBytes *remote, guint64 round_trip_usec, Gate *gate,
                         const OpeningUser *user, gpointer data);
void opening_free(SctpOpening *opening);

/* What usrsctp has to count from for our chunk to be its own. */
guint32 opening_seed(const SctpOpening *opening);
/* In ms, for the first packets: usrsctp has measured no more than its own handshake. */
guint opening_rto_min(const SctpOpening *opening);
/* Of a long path, until usrsctp has measured it; 0: not known, or measured */
guint64 opening_round_trip_usec(const SctpOpening *opening);

/* What usrsctp sends crosses no path now. */
bool opening_is_silent(const SctpOpening *opening);
/* Whether usrsctp would send a message with its handshake, and that may be a silent one. NULL: no */
bool opening_is_held(const SctpOpening *opening);
/* usrsctp has sent its INIT. OPENS: this end knows that both have it. */
void opening_begin(SctpOpening *opening, bool opens);
/* To be told of what comes, before the gate is. */
void opening_input(SctpOpening *opening, const guint8 *packet, gsize length);
/* Asks the remote, which knows then that we are up. */
void opening_tell(SctpOpening *opening);
