/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What the descriptions of one connection mean: which offer stands, which answer
 * belongs to it, and what the next one may change (RFC 8829 5, RFC 3264 8). No
 * I/O: text in, a step to take or text out.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/sdp.h"

/* What is to be done about a description of the remote's */
typedef enum {
    /* Offers. The first four end with negotiation_answer(). */
    NEGOTIATION_OFFER_FIRST,    /* it begins the connection */
    NEGOTIATION_OFFER_RESTART,  /* it brings other ICE credentials */
    NEGOTIATION_OFFER_OTHER,    /* nothing changes but m-lines that are not ours */
    NEGOTIATION_OFFER_REPEATED, /* to be answered by negotiation_kept_answer() */
    NEGOTIATION_OFFER_IGNORED,  /* ours, which waits for its answer, goes first */
    /* Answers. The first two go on with negotiation_take_answer(). */
    NEGOTIATION_ANSWER_FIRST,
    NEGOTIATION_ANSWER_RESTART,
    NEGOTIATION_ANSWER_DECLINED, /* of a remote that restarts nothing; our offer is forgotten */
    NEGOTIATION_ANSWER_REPEATED, /* nothing is to be done */
} NegotiationStep;

const char *negotiation_step_to_string(NegotiationStep step);

typedef struct {
    bool offerer; /* of the first offer */
    bool client;  /* our DTLS role, which stays; once there is a remote description */
    guint64 session_id, version;
    Sdp *local, *remote; /* what stands; NULL before the first */
    Sdp *offered;        /* ours that waits for its answer, or NULL */
    char *taken;         /* the remote's last description, as it came */
    char *kept;          /* our last answer, as it went; or NULL */
} Negotiation;

/* The ICE credentials of a description */
typedef struct {
    const char *ufrag, *password;
} NegotiationIce;

void negotiation_init(Negotiation *negotiation);
void negotiation_clear(Negotiation *negotiation);

/* Finds out what TEXT of TYPE is. REMOTE is set for what is to be taken, NULL otherwise. An
 * error has changed nothing. */
bool negotiation_judge(Negotiation *negotiation, const char *type, const char *text,
                       NegotiationStep *step, Sdp **remote, GError **error);

/*
 * Makes an offer that waits for its answer: the first one, with the other members of TEMPLATE
 * (transfer full), or one for a restart (NULL). It replaces one that waits already. Transfer full.
 */
char *negotiation_offer(Negotiation *negotiation, const NegotiationIce *ice, Sdp *template);

/* Gives up our offer that waits. */
void negotiation_roll_back(Negotiation *negotiation);

/*
 * Takes REMOTE (transfer full), whose text was TEXT, and answers it; with new credentials or those
 * that stand (NULL). TEMPLATE as above, for the first one. An offer of ours is given up. The text
 * belongs to NEGOTIATION.
 */
const char *negotiation_answer(Negotiation *negotiation, Sdp *remote, const char *text,
                               const NegotiationIce *ice, Sdp *template);

const char *negotiation_kept_answer(const Negotiation *negotiation);

/* Our offer that waits stands now, and REMOTE (transfer full), whose text was TEXT. */
void negotiation_take_answer(Negotiation *negotiation, Sdp *remote, const char *text);

/* Whether FINGERPRINTS, of a description, are no other keys than what the remote has named first. */
bool negotiation_has_keys(const Negotiation *negotiation, const GPtrArray *fingerprints);

/* Our m-line, for candidates; NULL: none yet. */
const Sdp *negotiation_own(const Negotiation *negotiation);
