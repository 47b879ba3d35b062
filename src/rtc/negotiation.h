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
    /* Answers. The first three go on with negotiation_take_answer(). */
    NEGOTIATION_ANSWER_FIRST,
    NEGOTIATION_ANSWER_RESTART,
    NEGOTIATION_ANSWER_OTHER,    /* nothing changes but m-lines that are not ours; likewise */
    NEGOTIATION_ANSWER_DECLINED, /* of a remote that restarts nothing; our offer is forgotten */
    NEGOTIATION_ANSWER_REPEATED, /* nothing is to be done */
} NegotiationStep;

const char *negotiation_step_to_string(NegotiationStep step);

typedef struct {
    bool offerer; /* of the first offer */
    bool client;  /* our DTLS role, which stays; once there is a remote description */
    guint64 session_id, version;
    Sdp *local, *remote;               /* what stands; NULL before the first */
    Sdp *offered;                      /* ours that waits for its answer, or NULL */
    char *taken;                       /* the remote's last description, as it came */
    char *kept;                        /* our last answer, as it went; or NULL */
    guint64 remote_id, remote_version; /* of the remote's last description that is proven */
    guint64 named; /* the version in which REMOTE's ICE credentials came first */

    /* Step by step only (connection-steps.h) */
    Sdp *pending;       /* the remote's offer that waits for our answer, or NULL */
    char *pending_text; /* as it came */
    Sdp *made;          /* ours that has been made last, and is not set; or NULL */
    char *made_text;
    bool made_offer;
} Negotiation;

/* The ICE credentials of a description */
typedef struct {
    const char *ufrag, *password;
} NegotiationIce;

void negotiation_init(Negotiation *negotiation);
void negotiation_clear(Negotiation *negotiation);

/*
 * UFRAG is the remote's on the path whose other end has shown its key; NULL: none. Who has not the key
 * may describe a restart and number it as high as it likes: only what is proven makes another
 * description older.
 */
void negotiation_prove(Negotiation *negotiation, const char *ufrag);

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

/*
 * Step by step (RFC 8829 4.1): a description of ours is made, which changes nothing, and set
 * later; an offer of the remote's waits until an answer of ours is set.
 *
 *   hold offer      as negotiation_judge() of an offer, which waits now
 *   make            an offer, or an answer to the offer that waits; the text belongs to
 *                   NEGOTIATION. ICE and TEMPLATE as above.
 *   set offer       what was made waits for its answer
 *   set answer      what was made stands, and the offer that waits
 *   roll back       whatever waits is given up, also what was made
 */
bool negotiation_hold_offer(Negotiation *negotiation, const char *text, GError **error);
const char *negotiation_make_offer(Negotiation *negotiation, const NegotiationIce *ice,
                                   Sdp *template);
const char *negotiation_make_answer(Negotiation *negotiation, const NegotiationIce *ice,
                                    Sdp *template);
void negotiation_forget_made(Negotiation *negotiation);
void negotiation_set_offer(Negotiation *negotiation);
void negotiation_set_answer(Negotiation *negotiation);
void negotiation_roll_back_all(Negotiation *negotiation);

/* Whether SDP has the ICE credentials of OTHER, which may be NULL. */
bool negotiation_same_ice(const Sdp *sdp, const Sdp *other);

/* Whether FINGERPRINTS, of a description, are no other keys than what the remote has named first. */
bool negotiation_has_keys(const Negotiation *negotiation, const GPtrArray *fingerprints);

/* Our m-line, for candidates; NULL: none yet. */
const Sdp *negotiation_own(const Negotiation *negotiation);
