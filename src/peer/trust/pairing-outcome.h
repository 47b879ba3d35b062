/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What comes of a pairing: who is remembered, what the journal says of it, and what
 * others hear.
 */

#pragma once

#include "peer/trust/identity.h"
#include "peer/trust/known-peers.h"
#include "peer/trust/pairing-desk.h"

typedef struct {
    /* As in PairingDeskOps; KNOWN is another key that is known for NAME, or "". */
    void (*proven)(const char *name, const char *fingerprint, const char *known, gpointer data);
    void (*failed)(const char *message, guint tries, gpointer data);
    void (*ended)(bool ok, const char *name, const char *fingerprint, const char *message,
                  gpointer data);
} PairingNewsOps;

/* All pointers are borrowed. */
typedef struct {
    KnownPeers *known;
    const Identity *identity;
    const PairingNewsOps *news;
    gpointer news_data;
    void (*send)(const Frame *frame, gpointer data);
    /* NAME is remembered with another key, or for the first time. */
    void (*paired)(const char *name, gpointer data);
    gpointer data;
} PairingOutcome;

/* Its data is a PairingOutcome. */
extern const PairingDeskOps pairing_outcome_ops;
