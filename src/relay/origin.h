/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Which web pages may have a WebSocket here, by where they are from. A browser connects for
 * whatever page it shows, with the rights of the network that it is in, and says only where the
 * page is from. No I/O.
 */

#pragma once

#include <stdbool.h>

#include "relay/config.h"
#include "relay/handshake.h"

/*
 * Whether REQUEST, an upgrade, may have its WebSocket by CONFIG's AllowedOrigins
 * and ServerNames. MACHINE is this machine's name. If not, REASON is a sentence
 * for its client, a literal.
 */
bool origin_admits(const Handshake *request, const RelayConfig *config, const char *machine,
                   const char **reason);

/* The same for a page that REQUEST, which is none, has loaded from us or would. */
bool origin_admits_own(const Handshake *request, const RelayConfig *config, const char *machine,
                       const char **reason);

/* Whether TEXT can stand in AllowedOrigins=, or in ServerNames=. */
bool origin_check_entry(const char *text);
bool origin_check_server_name(const char *text);
