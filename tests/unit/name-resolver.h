/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A resolver that knows a few names: 0a1b2c3d.local is 127.0.0.1, good.example somebody, and
 * loopback.example, link.example and group.example what they say. */

#pragma once

#include <gio/gio.h>

/* Transfer full; counts anew. */
GResolver *name_resolver_new(void);

/* How many names have been looked up since then. */
guint name_resolver_lookups(void);
