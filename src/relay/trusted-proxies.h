/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whose word is taken for who a client is: the proxies in front of the relay, and
 * what they say. Nobody else's word counts, for anybody can say anything.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

typedef struct TrustedProxies TrustedProxies;

/* Whether TEXT is an address, or a network such as 192.0.2.0/24. */
bool trusted_proxies_check(const char *text);

/* LIST of such texts. */
TrustedProxies *trusted_proxies_new(char **list);
void trusted_proxies_free(TrustedProxies *proxies);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrustedProxies, trusted_proxies_free)

bool trusted_proxies_have(const TrustedProxies *proxies, const struct sockaddr *address);

/* FORWARDED_FOR is an X-Forwarded-For, to which each proxy has added whom it was asked by. From its end
 * those are gone through that were added by proxies of ours: CLIENT is set to the one that is none
 * itself, or else to the first. False if there is none. */
bool trusted_proxies_client(const TrustedProxies *proxies, const char *forwarded_for,
                            struct sockaddr_storage *client);
