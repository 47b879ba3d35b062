/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The SACKs of one turn of the main loop. usrsctp writes one for every second
 * packet, and many packets are read at a time: of the SACKs that only say how
 * far all has come, the last one says everything (RFC 9260 6.2 asks for one at
 * every second packet, by a SHOULD, but all of them would leave together). Each that is left out is a
 * packet less to encrypt, to send, to read and to decrypt. A SACK that tells of
 * a gap or of a duplicate is never left out.
 *
 * The sender lets few packets follow on one SACK unless its path is near and it
 * is one of ours (sctp_stack_set_near()). So it is done on near paths, and for
 * remotes of ours.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/transport.h"

/* So many SACKs, of two packets each, become one at most. */
#define SACK_BATCH_MAX 16

typedef struct SackBatch SackBatch;

/* For packets to LOWER, which outlives it. ROUND_TRIP_USEC is that of the path; 0: not known. */
SackBatch *sack_batch_new(Transport *lower, guint64 round_trip_usec);
void sack_batch_free(SackBatch *batch);

/* In all of these BATCH may be NULL: nothing is kept. */

/* The path is another one, of which nothing is known. */
void sack_batch_new_path(SackBatch *batch);

/* A round trip on it was measured. A queue makes one longer: the shortest one counts. */
void sack_batch_measured(SackBatch *batch, guint64 round_trip_usec);

/* Whether PACKET, which is to be sent, is kept until the end of the turn instead. */
bool sack_batch_keep(SackBatch *batch, const guint8 *packet, gsize length);
