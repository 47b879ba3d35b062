/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The packets of a call for a program that shows them: SCTP as it is within DTLS,
 * as a pcapng file that comes through a socket, a block a packet. What people send
 * one another is in it, so who may have it is asked before (bus-call.c).
 *
 * It never holds the call up: while the program is behind, packets are left out and
 * counted. It ends with the call, or when the program closes its end.
 */

#pragma once

#include "peer/call/call.h"

typedef struct CallCapture CallCapture;

/* PROGRAM_FD, a SOCK_SEQPACKET, is the caller's. Fails if CALL is captured already. */
bool call_capture(Call *call, int *program_fd, GError **error);

/* For the call: its connection is there, or it ends. Both take NULL. */
void call_capture_follow(CallCapture *capture, Connection *connection);
void call_capture_free(CallCapture *capture);
