/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Tells clients of the servers that ice-offer.h has, again and again if what they
 * were told comes to its end. When that is stays with the client.
 */

#pragma once

#include "relay/client.h"
#include "relay/ice-offer.h"

/* The servers for CLIENT, a member of its room, in JSON. Transfer full. */
char *ice_renewal_begin(const IceOffer *offer, Client *client, gint64 now);

/* Tells CLIENT of new ones if it is time. */
void ice_renewal_check(const IceOffer *offer, Quota *quota, Client *client, gint64 now);

/* The offer is another one: CLIENTS (of GList) will all be told, some seconds apart, for there
 * may be many. client_due() is another then. */
void ice_renewal_for_all(GQueue *clients, gint64 now);
