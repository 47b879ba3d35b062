/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * STUN and TURN servers as the rtc layer wants them: URIs that hold the
 * credentials, whether they come from our configuration or from the relay.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/ice/ice-server.h"

/*
 * SERVERS is of FrameIceServer, or NULL. What we cannot use is left out, and so is what a relay
 * should not be able to make us send to: what is no host, and, unless the relay is on this machine, too
 * (OURS), this machine itself and ports at which other services listen. Never NULL.
 */
char **ice_servers_from_frame(const GPtrArray *servers, bool ours);

/* The same for one SERVER, if it is at HOST, a name or an address. */
bool ice_servers_may_be_at(const IceServer *server, const char *host, bool ours);

/* Whether HOST, a name or an address, says so. */
bool ice_servers_is_this_machine(const char *host);

/* Both lists after each other. */
char **ice_servers_join(const char *const *first, const char *const *second);
