/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The STUN and TURN servers that clients are told of, as RTCIceServer objects. With
 * a secret that the TURN server knows too, each client has credentials of its own
 * that end: its user name says when, and the password is an HMAC of it. That is what
 * coturn checks with use-auth-secret. No clock: whoever asks says what time it is.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "relay/config.h"

typedef struct IceOffer IceOffer;

#define ICE_OFFER_MAX_SERVERS 8 /* each makes every call slower */
#define ICE_OFFER_MAX_SECRET 1024

/* Offers nothing until it is told. */
IceOffer *ice_offer_new(void);
void ice_offer_free(IceOffer *offer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IceOffer, ice_offer_free)

/* stun:HOST[:PORT], turn:[USER:PASSWORD@]HOST[:PORT][?transport=udp|tcp], turns: likewise. */
bool ice_offer_check_uri(const char *uri);

/* Whether URI, which is one, needs credentials that are not in it. */
bool ice_offer_needs_secret(const char *uri);

/* Takes over what CONFIG says, and reads its file again. On failure all stays as it was. */
bool ice_offer_load(IceOffer *offer, const RelayConfig *config, GError **error);

/* Another number each time that what is offered has become another. */
guint ice_offer_generation(const IceOffer *offer);

/* A list of RTCIceServer objects for the client called WHO, in JSON, made at WALL, µs since
 * the epoch. Transfer full. */
char *ice_offer_to_json(const IceOffer *offer, const char *who, gint64 wall);

/* How long one of them serves before there should be a new one, µs: half of the time for which
 * it is good. G_MAXINT64: for ever. */
gint64 ice_offer_renewal(const IceOffer *offer);
