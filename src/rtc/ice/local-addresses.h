/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The addresses of this host that an agent uses. They are chosen here, because
 * libnice leaves out container and bridge interfaces at its own compile time, and
 * an administrator wants to say which ones.
 */

#pragma once

#include <agent.h>
#include <glib.h>
#include <stdbool.h>

#include "rtc/ice/check-rule.h"

/*
 * Gives AGENT the addresses that there are now, of the interfaces NAMES (as in ConnectionConfig),
 * and makes RULE of them and all others. Without any there is an error.
 */
bool local_addresses_choose(NiceAgent *agent, CheckRule *rule, const char *const *names,
                            bool *have_ipv4, GError **error);
