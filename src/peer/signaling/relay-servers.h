/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The ICE servers that a relay recommends, with the addresses that their names had when they were
 * looked at: what may be sent to is decided by the address, and a name can have another one
 * whenever it is asked for.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct RelayServers RelayServers;

/* CHANGED is called when names have been looked up, from the main loop. */
RelayServers *relay_servers_new(void (*changed)(gpointer data), gpointer data);
void relay_servers_free(RelayServers *servers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RelayServers, relay_servers_free)

/*
 * URIS, of ice_servers_from_frame() with OURS as there, are those from now on; transfer full. Names are
 * looked up first; until then it is the ones that there were, or, if there were none, those that have
 * addresses. Those that come meanwhile wait, and the last of them count.
 */
void relay_servers_take(RelayServers *servers, char **uris, bool ours);

/* There are none any more. */
void relay_servers_clear(RelayServers *servers);

/* Until the next call; never NULL. */
const char *const *relay_servers_list(const RelayServers *servers);
