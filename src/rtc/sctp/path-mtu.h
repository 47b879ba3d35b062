/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What is known about the largest packet that a path carries: packetization
 * layer path MTU discovery for datagrams (RFC 8899), as RFC 8261 5 asks for.
 * A state machine without a clock or a network: it is told the time, and tells
 * which probe to send.
 *
 * Sizes are tried from the largest down, because they come from what the
 * kernel knows of the first link and the first is right nearly always.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/transport.h"

#define PATH_MTU_TRIES 3                           /* MAX_PROBES */
#define PATH_MTU_PROBE_USEC (1 * G_USEC_PER_SEC)   /* PROBE_TIMER, the least of 5.1.1 */
#define PATH_MTU_CHECK_USEC (1 * G_USEC_PER_SEC)   /* between checks, under traffic */
#define PATH_MTU_RAISE_USEC (600 * G_USEC_PER_SEC) /* PMTU_RAISE_TIMER */

typedef enum {
    PATH_MTU_BASE,     /* nothing above the base size is worth trying */
    PATH_MTU_SEARCH,   /* a probe larger than the size in use is out */
    PATH_MTU_COMPLETE, /* the largest size that passes is in use */
    PATH_MTU_CHECK,    /* a probe of the size in use is out: does it still pass? */
} PathMtuState;

const char *path_mtu_state_to_string(PathMtuState state);

typedef struct {
    PathMtuState state;
    gsize base;                       /* bytes, passes everywhere */
    gsize size;                       /* the largest packet to send now */
    gsize sizes[TRANSPORT_SIZES_MAX]; /* to try, from the largest down */
    guint n_sizes;
    guint trying;    /* index into sizes, in SEARCH */
    guint sent;      /* probes of this size so far */
    gint64 due;      /* when the next one is, in SEARCH and CHECK */
    gint64 checked;  /* when the size in use was last known to pass */
    gint64 searched; /* when the last search ended */
} PathMtu;

void path_mtu_init(PathMtu *mtu, gsize base);

/* A path that is known to carry packets of SIZE bytes, before it is used. */
void path_mtu_assume(PathMtu *mtu, gsize size, gint64 now);

/*
 * A new path, unless the largest of SIZES is the one in use: back to the base size, and a
 * search through SIZES, the largest first (those that are no larger than the base are left out,
 * and what is out of order). None: the path stays at the base size. Times are microseconds of
 * any steady clock.
 */
void path_mtu_start(PathMtu *mtu, const gsize *sizes, guint n_sizes, gint64 now);

/* The size of the probe that is to be sent now; 0: none is due. */
gsize path_mtu_probe(PathMtu *mtu, gint64 now);

/* When path_mtu_probe() has something to do next; -1: never. */
gint64 path_mtu_due(const PathMtu *mtu);

/* The remote says that it has received a probe of SIZE bytes; a size that is not tried means
 * nothing. */
void path_mtu_answered(PathMtu *mtu, gsize size, gint64 now);

/* A packet of LENGTH bytes goes out: a check or another search may be due for that. */
void path_mtu_traffic(PathMtu *mtu, gsize length, gint64 now);
