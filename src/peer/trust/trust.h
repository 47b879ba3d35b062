/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whether to talk to whoever holds a key. A relay only claims who somebody is;
 * what is believed is which key belongs to a name, here, by our own files.
 *
 * Where we have asked for somebody by name, that name must have the key: a relay
 * that gives the other side another name, or none, cannot get around what is
 * known of it. Where we are called, or call whoever answers, there is only the
 * relay's word for the name. There the key says who it is: a known key is the
 * peer that we know by it, whatever name it comes under.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/trust/known-peers.h"

typedef enum {
    TRUST_UNKNOWN, /* nothing is known of it, and nobody asked */
    TRUST_NEW,     /* nothing is known of it, and that is all right */
    TRUST_KNOWN,   /* the key that is known for this name, or that was asked for */
} TrustLevel;

const char *trust_level_to_string(TrustLevel level);

/* [Trust] Policy= and Accept=, in the order of the words in peer-config.c */
typedef enum {
    TRUST_POLICY_ANY,
    TRUST_POLICY_TOFU,
    TRUST_POLICY_KNOWN,
} TrustPolicy;

typedef enum {
    TRUST_ACCEPT_ANY,
    TRUST_ACCEPT_KNOWN,
    TRUST_ACCEPT_NONE,
} TrustAccept;

typedef struct {
    TrustPolicy policy;
    TrustAccept accept;
} TrustRules;

typedef struct {
    const char *name;        /* NULL or "": it has none */
    bool asked;              /* we have called it by this name */
    const char *fingerprint; /* of the certificate on the wire, "sha-256 AB:…" */
    const char *wanted;      /* the fingerprint that the call asked for, or NULL */
    bool incoming;
} TrustQuestion;

typedef struct {
    TrustLevel level;
    /* The name that we know the key by, where that is another one than it came
     * under; else NULL. Belongs to the known peers, until they change. */
    const char *known_as;
} TrustAnswer;

/* ANSWER is set if it is yes; else ERROR, PEER_ERROR_DENIED or what is wrong with
 * KNOWN, which is a text for people on both sides of the bus. */
bool trust_decide(const TrustRules *rules, const KnownPeers *known, const TrustQuestion *question,
                  TrustAnswer *answer, GError **error);

/* Before there is a key: whether a call of NAME (NULL: it has none) can come to anything. */
bool trust_may_call_us(const TrustRules *rules, const KnownPeers *known, const char *name);
