/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The last of what there is to send has nothing behind it whose acknowledgement
 * would tell that it is lost. So usrsctp sends it again when its timer is due,
 * after three round trips at least: longer than a call's first messages take
 * altogether. Here a copy follows sooner, as TCP's tail loss probe does (RFC 8985
 * 7): after a round trip and a quarter and what the remote may put off its SACK
 * by, or a quarter of one after a SACK that tells of a gap. Whoever has it already
 * only acknowledges it again (RFC 9260 6.2).
 *
 * All that is not acknowledged has to fit into one packet: more is left to
 * usrsctp, and so is what no two copies have helped.
 */

#pragma once

#include <glib.h>

#include "rtc/transport.h"

typedef struct TailProbe TailProbe;

/* On a shorter path usrsctp's timer does. */
#define TAIL_PROBE_LEAST_USEC (5 * 1000)

/*
 * For packets of SIZE bytes to LOWER, which outlives it. ROUND_TRIP_USEC is that of the path, and
 * measured() tells what it is now, 0 for not known; it does not call back in.
 */
TailProbe *tail_probe_new(Transport *lower, gsize size, guint64 round_trip_usec,
                          guint64 (*measured)(gpointer data), gpointer data);
void tail_probe_free(TailProbe *probe);

/* To be told of each packet that usrsctp sends, and of each that it will be given. PROBE may be
 * NULL. */
void tail_probe_output(TailProbe *probe, const guint8 *packet, gsize length);
void tail_probe_input(TailProbe *probe, const guint8 *packet, gsize length);
