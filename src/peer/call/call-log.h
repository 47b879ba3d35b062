/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What the journal says of a call.
 */

#pragma once

#include "peer/call/call.h"

/* The selected pair, as "host 192.0.2.1:5000 ↔ relay 198.51.100.7:3478"; NULL if there is none.
 * Transfer full. */
char *call_path_to_text(Call *call);

void call_log_connected(Call *call);
void call_log_ended(const Call *call);
void call_log_channel_closed(const Call *call, const CallChannel *channel);
/* The remote does not answer. */
void call_log_silent(const Call *call);
/* It goes on over TO; FROM (NULL: there was none) is where it went before. */
void call_log_moved(const Call *call, const char *from, const char *to);
/* A program sees its packets; and then: it saw so many, and missed LOST. */
void call_log_capturing(const Call *call);
void call_log_captured(const Call *call, guint64 packets, guint64 lost);
/* An offer or answer within the call is not taken. */
void call_log_refused(const Call *call, const Frame *frame, const char *why);
