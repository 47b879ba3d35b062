/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a call has said and heard over the relay, and how far it came, for its remote, who may
 * want to see both ends side by side (rtcbus-web(7)). No frame is kept whole. It has the beginning
 * of a call and what was last, and counts what was in between: some KiB, which come with the
 * place of a call (call-quota.h).
 */

#pragma once

#include <glib.h>

#include "common/bucket.h"
#include "signaling/frame.h"

#define LADDER_PROTOCOL "rtcbus.ladder.1"
#define LADDER_MAX 64        /* rungs */
#define LADDER_MAX_DETAIL 80 /* characters */

typedef enum {
    LADDER_OUT,
    LADDER_IN,
    LADDER_DIRECT, /* between the two, without the relay */
} LadderWay;

/* Zero is an empty one. */
typedef struct {
    GQueue rungs; /* of LadderRung */
    guint left_out;
    Bucket answers;
} Ladder;

void ladder_clear(Ladder *ladder);

/* AT is monotonic; TYPE is kept by reference, and DETAIL may be anything of a remote's, or NULL. */
void ladder_add(Ladder *ladder, gint64 at, LadderWay way, const char *type, const char *detail);
void ladder_add_frame(Ladder *ladder, gint64 at, LadderWay way, const Frame *frame);

/*
 * What whoever is at the other end of the call SESSION (NULL: none) is told who has sent QUESTION,
 * LENGTH bytes; NULL if it is not about this call, or was asked only just. NOW is monotonic, and
 * WALL the same since the epoch. Transfer full.
 */
char *ladder_answer(Ladder *ladder, const char *session, const void *question, gsize length,
                    gint64 now, gint64 wall);
