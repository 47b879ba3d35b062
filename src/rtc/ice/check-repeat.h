/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libnice waits twice as long after each vain try of a check, so a path that is
 * there again after an outage may be found sixteen seconds later. Here the last
 * check of each pair is sent once more at a steady rate, as it was: whichever
 * answer comes first is the answer to libnice's own, and a check that arrives
 * makes the remote check the pair at once (RFC 8445 7.3.1.4).
 */

#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>

#include "rtc/ice/check-rule.h"

typedef struct CheckRepeat CheckRepeat;

/* Every INTERVAL ms, until it is freed */
CheckRepeat *check_repeat_new(guint interval);
void check_repeat_free(CheckRepeat *repeat);

/* SOCKET has sent PACKET, a check, to the address TO and by way of it to TARGET. It is kept, with a
 * limit; the earlier one for the same pair is forgotten. STEADY: it goes out at the steady rate. */
void check_repeat_note(CheckRepeat *repeat, GSocket *socket, GSocketAddress *to,
                       const CheckTarget *target, bool steady, const guint8 *packet, gsize length);

/* Sends one that is for TARGET now; false if there is none. */
bool check_repeat_send(const CheckRepeat *repeat, const CheckTarget *target);
