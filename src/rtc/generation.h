/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One generation of ICE credentials (RFC 8445 9), and the agent that has them. Paths owns some of
 * them, and alone writes what is in it.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/candidate-queue.h"
#include "rtc/ice/ice.h"
#include "rtc/sdp.h"
#include "rtc/transport.h"

typedef struct {
    struct Paths *paths;
    Ice *ice;
    char *remote_ufrag; /* NULL: not known yet */
    gint64 begun;       /* monotonic µs; for the active one, when it became that */
    bool no_consent;
    bool proven;           /* something has come over it that DTLS has vouched for */
    bool heard;            /* the same since the last tick of the watch */
    gint64 last_heard;     /* the tick that saw it so; 0: none yet */
    bool dead;             /* it waits to be freed */
    GPtrArray *candidates; /* of char *, what has been told; "" ends them */
    gsize sizes[TRANSPORT_SIZES_MAX];
    guint n_sizes;
} IceGeneration;

void generation_free(IceGeneration *generation);

bool generation_has_pair(const IceGeneration *generation);

/* Whether it may carry data. The remote may have a pair already, so that something has come, and we
 * none. */
bool generation_can_carry(const IceGeneration *generation);

/* A candidate of the remote, or "": there are no more. */
bool generation_give(IceGeneration *generation, const char *line, GError **error);

/* All of REMOTE's, and of those in QUEUE that are its. What is wrong with one is no error. */
void generation_give_description(IceGeneration *generation, const Sdp *remote);
void generation_give_queued(IceGeneration *generation, CandidateQueue *queue);
