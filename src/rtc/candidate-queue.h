/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Candidates that have come ahead of the description that they belong to (RFC 8838 9): each goes its
 * own way over a relay. A bounded number is kept.
 */

#pragma once

#include <glib.h>

typedef struct {
    GQueue list;
} CandidateQueue;

void candidate_queue_init(CandidateQueue *queue);
void candidate_queue_clear(CandidateQueue *queue);

/* LINE is one of the generation UFRAG, or of whichever comes next (NULL). "" ends a list. */
void candidate_queue_keep(CandidateQueue *queue, const char *line, const char *ufrag);

/* The next one for UFRAG, in their order, transfer full. Those of others, which are over by now, are
 * thrown away; NULL: there is nothing left. */
char *candidate_queue_take(CandidateQueue *queue, const char *ufrag);
