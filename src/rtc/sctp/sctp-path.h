/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Finds how large the packets of an association may be, with probes of SCTP's
 * own: a HEARTBEAT chunk padded by a PAD chunk (RFC 4820, RFC 8899 6.2). Nothing
 * has to be added to what a remote does: any SCTP answers a HEARTBEAT. The
 * answer is small: it tells of one direction and is no way to multiply traffic.
 *
 * usrsctp can neither send such probes nor raise its path MTU by itself, so
 * they are made here, beside it: it never sees them, and takes the answers for
 * heartbeats to an address that it does not have.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct SctpPath SctpPath;

typedef struct {
    void (*send)(const guint8 *packet, gsize length, gpointer data);
    /* The largest packet to send from now on, SCTP header included. */
    void (*resize)(gsize size, gpointer data);
    /* How long the answer to a HEARTBEAT has taken */
    void (*measured)(guint64 round_trip_usec, gpointer data);
} SctpPathUser;

/*
 * BASE is what always passes, FIRST what this path is known to carry (less: no
 * more than BASE), in bytes. USER is kept by reference.
 */
SctpPath *sctp_path_new(gsize base, gsize first, const SctpPathUser *user, gpointer data);
void sctp_path_free(SctpPath *path);

/*
 * As path_mtu_start(): SIZES of packets (multiples of 4) that may pass, the
 * largest first.
 */
void sctp_path_start(SctpPath *path, const gsize *sizes, guint n_sizes);

/* The largest packet that passes on any path, in bytes, and the largest to send now */
gsize sctp_path_base(const SctpPath *path);
gsize sctp_path_size(const SctpPath *path);

/* Sends a HEARTBEAT without padding. */
void sctp_path_ask(SctpPath *path);
/* Whether the remote has answered one of our HEARTBEATs, as it should. */
bool sctp_path_answers(const SctpPath *path);

/* To be told of every packet of usrsctp's that goes out, and every one that comes in. */
void sctp_path_output(SctpPath *path, const guint8 *packet, gsize length);
void sctp_path_input(SctpPath *path, const guint8 *packet, gsize length);
