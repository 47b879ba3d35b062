/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A remote's reset of its streams that overtakes messages: it may be carried out
 * only when all up to its last TSN has come, and is "in progress" until then
 * (RFC 6525 5.2.2). usrsctp looks whether that is so only with a DATA chunk that
 * comes after. If the gap before the last TSN is closed by the last packet that
 * the remote has sent, the reset is in progress for ever, and so is the end of a
 * channel. So such a request is kept from usrsctp until its time has come. DATA
 * that should wait for it is as good as lost until then.
 *
 * One is kept, in one packet: RFC 6525 5.1.1 lets the remote have no more.
 */

#pragma once

#include <glib.h>

#include "rtc/transport.h"

typedef struct EarlyReset EarlyReset;

/* LOWER, which outlives it, is where packets come from and go to. */
EarlyReset *early_reset_new(Transport *lower);
void early_reset_free(EarlyReset *reset);

/* To be told of each packet that usrsctp sends. */
void early_reset_output(EarlyReset *reset, const guint8 *packet, gsize length);

/* To be told of each packet before usrsctp is; chunks that are not for it yet become padding. The
 * request comes from LOWER once more when it is time. */
void early_reset_input(EarlyReset *reset, guint8 *packet, gsize length);
