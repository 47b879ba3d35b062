/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Candidates that came before the offer they belong to. A remote can send any
 * number of them, so each has a quota, and its oldest make room for new ones.
 */

#pragma once

#include <glib.h>

#include "signaling/frame.h"

typedef struct EarlyCandidates EarlyCandidates;

EarlyCandidates *early_candidates_new(guint max_per_remote);
void early_candidates_free(EarlyCandidates *early);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EarlyCandidates, early_candidates_free)

void early_candidates_set_limit(EarlyCandidates *early, guint max_per_remote);

/* Keeps a copy of FRAME, a candidate, as of NOW (monotonic microseconds). */
void early_candidates_keep(EarlyCandidates *early, const Frame *frame, gint64 now);

/* Takes out, in order, what FROM sent for SESSION (both may be NULL). Of Frame; transfer full. */
GPtrArray *early_candidates_take(EarlyCandidates *early, const char *from, const char *session,
                                 gint64 now);

guint early_candidates_count(const EarlyCandidates *early);
