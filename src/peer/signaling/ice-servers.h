/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * STUN and TURN servers as the rtc layer wants them: URIs that hold the
 * credentials, whether they come from our configuration or from the relay.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* SERVERS is of FrameIceServer, or NULL. What we cannot use is left out. Never NULL. */
char **ice_servers_from_frame(const GPtrArray *servers);

/* Both lists after each other. */
char **ice_servers_join(const char *const *first, const char *const *second);
