/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whom a browser believes it talks to: HOST or HOST:PORT, as in a URL and in the
 * field Host. Anybody can let a name of his own point to our address once his page is
 * loaded ("DNS rebinding"), so what is not ours by its name is not asked by friends.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *host;   /* lower case, without the brackets of IPv6 and the dot of the root */
    guint64 port; /* 0: none was said */
} Authority;

/* OUT must be zero, and is to be cleared in both cases. */
bool authority_parse(const char *text, Authority *out);
void authority_clear(Authority *authority);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Authority, authority_clear)

/* Whether the host of TEXT is a name that nobody else can give to our address: an address,
 * localhost, one of SERVER_NAMES (may be NULL), a name below .local, or that of MACHINE, whole or
 * up to its first dot. */
bool authority_is_ours(const char *text, char **server_names, const char *machine);
