/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Asks the ICE servers that a program has given a call whether they serve us, each time that ICE
 * gathers addresses, and tells of those that do not (webrtc-pc 4.8.3). libnice only leaves out
 * what it gets from them. A TURN server is asked for an allocation, and may have a quota of them
 * (RFC 8656 7.2): it is asked when ICE has made its own, or has not got one in time.
 */

#pragma once

#include "rtc/ice/server-probe.h"

typedef struct CallServers CallServers;

/* What CODE is if the server has sent none */
#define CALL_SERVER_UNREACHABLE 701

/* URL: without the user. CODE: of STUN (RFC 8489 14.8). WORDS: for people. */
typedef void (*CallServerFailed)(const char *url, guint code, const char *words, gpointer data);

CallServers *call_servers_new(CallServerFailed failed, gpointer data);
void call_servers_free(CallServers *servers);

/* Asks those at URIS, 16 at most; what is asked still is given up. GATHERING tells one gathering
 * from another: in the same one nothing is asked again. */
void call_servers_begin(CallServers *servers, const char *const *uris, TlsTrust *trust,
                        const char *gathering);

/* It has found CANDIDATE; NULL: it is over. */
void call_servers_found(CallServers *servers, const char *candidate);
