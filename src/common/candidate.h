/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * How an ICE candidate is written (RFC 8839 section 5.1):
 *
 *   candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT typ TYPE …
 *
 * Only its words: whether the address is one, and what to do with it, is the
 * business of who asks.
 */

#pragma once

#include <glib.h>

enum {
    CANDIDATE_FOUNDATION,
    CANDIDATE_COMPONENT,
    CANDIDATE_TRANSPORT,
    CANDIDATE_PRIORITY,
    CANDIDATE_ADDRESS,
    CANDIDATE_PORT,
    CANDIDATE_TYP, /* the word "typ" */
    CANDIDATE_TYPE,
    CANDIDATE_N_WORDS /* at least */
};

/* The words of TEXT, with "a=" before it or without; NULL if it is not such a line. The words are
 * as they came: not printable perhaps. */
char **candidate_split(const char *text);

/* Its type ("host", "srflx", "prflx", "relay"), printable; NULL if TEXT is NULL or no candidate.
 * Transfer full. */
char *candidate_type(const char *text);

/* The generation that it says it is of, "… ufrag AbCd …"; NULL: it does not say. Transfer full. */
char *candidate_ufrag(const char *text);

/* "10.0.0.1:4242", "[fd00::1]:4242". Transfer full. */
char *candidate_endpoint(char **words);
