/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What SCTP leaves to its clock: that a path which was away is there again. Its
 * retransmission timer doubles in every vain try (RFC 9260 6.3.3), so after an
 * outage the next try may be ten seconds away. Here the remote is asked instead,
 * with small HEARTBEATs, and when there is a sign of it what usrsctp last sent
 * again is sent once more. Its acknowledgement makes usrsctp go on.
 *
 * Nothing is asked unless something was sent again and nobody has said a word
 * about it. Seven questions of 121 bytes (with IP, UDP and DTLS) a second are
 * 48 KB a minute. After two minutes there is one a second.
 */

#pragma once

#include <glib.h>

#include "rtc/transport.h"

typedef struct Recovery Recovery;

/* None may call back in. */
typedef struct {
    /* Sends a HEARTBEAT. */
    void (*ask)(gpointer data);
    /* Sends PACKET; usrsctp's doubled timer means nothing any more. */
    void (*resend)(const guint8 *packet, gsize length, gpointer data);
    /* Of the path, 0: not known. Not asked from recovery_output(), which usrsctp waits for. */
    guint64 (*round_trip_usec)(gpointer data);
} RecoveryUser;

/* USER is kept by reference. */
Recovery *recovery_new(const RecoveryUser *user, gpointer data);
void recovery_free(Recovery *recovery);

/* What is lost at the end, of packets of SIZE bytes to LOWER, is sent again as tail-probe.h says.
 * ROUND_TRIP_USEC is that of the path; 0: not known, and nothing is. */
void recovery_add_probe(Recovery *recovery, Transport *lower, gsize size, guint64 round_trip_usec);

/* To be told of each packet that usrsctp sends, and of each that it will be given. */
void recovery_output(Recovery *recovery, const guint8 *packet, gsize length);
void recovery_input(Recovery *recovery, const guint8 *packet, gsize length);

/* There may be a path again, somebody says: the next question is not waited for. */
void recovery_hint(Recovery *recovery);
