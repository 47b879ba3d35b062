/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What stands before usrsctp: a codec that reads each SCTP packet of a remote
 * and says whether usrsctp may see it. A remote that has got through DTLS is
 * authenticated, not trusted, and usrsctp reads some malformed packets for
 * ever, and frees what it still uses when an association begins anew.
 *
 * It is a list of what is allowed: the chunk types that our INIT offers, each
 * with the lengths, parameters and error causes that it may have. WebRTC needs
 * neither a second INIT nor another COOKIE-ECHO on a standing association.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Resets of a remote's that usrsctp keeps until their last TSN has come. One is all that RFC 6525
 * 5.1 lets a sender have. */
#define GATE_RESETS_MAX 4

/* The state of one association; all zero but for the ports at first */
typedef struct {
    guint16 local_port, remote_port;
    guint32 tag;        /* our own, which the remote's packets carry; 0: not known yet */
    bool connected;     /* set by the user when the association is up */
    GByteArray *cookie; /* the last COOKIE-ECHO chunk that passed before that; NULL: none */
    guint32 resets[GATE_RESETS_MAX]; /* request numbers of the resets that usrsctp keeps */
    guint n_resets;
} Gate;

typedef enum {
    GATE_PASS,
    GATE_EDIT, /* only as gate_edit() leaves it */
    GATE_DROP,
} GateVerdict;

/* What gate_check() found besides */
typedef struct {
    const char *reason; /* why the verdict is not PASS, in words for the log */
    guint16 gap_end;    /* of all Gap Ack Blocks, how far behind the Cumulative TSN Ack; 0: none */
    bool denied;        /* it asks for what we never do (RFC 6525) */
} GateReport;

/* Whether PACKET has our ports, and a tag that is as it should be; no INIT has our own. */
bool gate_is_addressed(const Gate *gate, const guint8 *packet, gsize length);

/* Reads PACKET, changes nothing. */
GateVerdict gate_check(const Gate *gate, const guint8 *packet, gsize length, GateReport *report);

/*
 * Takes out of PACKET, one that is to be edited, what may not pass;
 * chunks that are only passed over become padding. OUTSTANDING is the number of
 * our TSNs that the remote has not acknowledged: a SACK that names others is
 * taken out too. Returns how long the packet is now, 0 if nothing is left.
 */
gsize gate_edit(const Gate *gate, guint32 outstanding, guint8 *packet, gsize length);

/* To be told of each packet that has passed while not connected, and of each that usrsctp sends. */
void gate_passed(Gate *gate, const guint8 *packet, gsize length);
void gate_sent(Gate *gate, const guint8 *packet, gsize length);

void gate_clear(Gate *gate);
