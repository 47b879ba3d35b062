/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The first packets of the layer above, which do not wait until there is a pair: they go behind our
 * checks, to where these go. So a remote could make us send them to others. They are few; an address
 * from which nothing has come is sent no more than a ClientHello, and only the first few of those are;
 * others three times as much as has come from there (as RFC 9000 8.1 has it). What is no ClientHello
 * goes only to where DTLS has come from, behind a check that had our password. All of that is paid for
 * from the budget of the checks, from what it has for this, and given back where somebody answers.
 * Relayed checks have none behind them.
 */

#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>

#include "rtc/ice/check-budget.h"
#include "rtc/ice/check-rule.h"

enum {
    EARLY_FLIGHT_SIZE = 2048, /* bytes, of all packets */
    EARLY_FLIGHT_HELLO = 320, /* bytes for an address from which nothing has come */
    EARLY_FLIGHT_TARGETS = 8,
    EARLY_FLIGHT_STRANGERS = 3, /* of these, sent something before anything has come */
};

typedef struct EarlyFlight EarlyFlight;

EarlyFlight *early_flight_new(CheckBudget *budget);
void early_flight_free(EarlyFlight *flight);

/* A check of ours is sent to TARGET, by SOCKET and to the address TO. */
void early_flight_note_check(EarlyFlight *flight, const CheckTarget *target, GSocket *socket,
                             GSocketAddress *to);

/* A check of LENGTH bytes has come from TARGET with our user name. It counts when libnice, which
 * knows the password, has replied. */
void early_flight_note_asked(EarlyFlight *flight, const CheckTarget *target, gsize length);
void early_flight_note_replied(EarlyFlight *flight, const CheckTarget *target);

/* A packet that is no STUN has come from TARGET. It counts if it is of a handshake, and behind such
 * a check. */
void early_flight_note_heard(EarlyFlight *flight, const CheckTarget *target, const guint8 *packet,
                             gsize length);

/* TARGET has answered a check: it is there. */
void early_flight_note_answered(EarlyFlight *flight, const CheckTarget *target);

/* Sends it to where checks have gone, and keeps it for those to come. False: it is one too many. */
bool early_flight_add(EarlyFlight *flight, const guint8 *packet, gsize length);

/* Sends all packets to where checks have gone since the last time. */
void early_flight_send(EarlyFlight *flight);

/* Those (of GBytes) that have not all gone to TARGET, which may be NULL; NULL: they have, or there
 * are none. Transfer full. */
GPtrArray *early_flight_unsent(const EarlyFlight *flight, const CheckTarget *target);
