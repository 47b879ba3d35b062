/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * URLs as people may see them. What goes to the journal, to D-Bus, to a terminal
 * or into an error is read by more people than the configuration file is, so the
 * secrets in it are left out.
 */

#pragma once

#include <glib.h>

/*
 * TEXT, which need not be a good URL, with *** for a password before the host
 * ("scheme:user:password@host" or "scheme://user:password@host") and for the value of
 * each member of the query that is not known to be harmless. Transfer full.
 */
char *url_for_people(const char *text);
