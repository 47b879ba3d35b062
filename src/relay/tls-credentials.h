/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What the relay shows whom it speaks TLS with: its certificates and their keys, as
 * certbot and others write them. They are read once; another reading makes new
 * credentials, and the connections that began with the old ones keep those.
 */

#pragma once

#include <glib.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>

typedef struct TlsCredentials TlsCredentials;

/* The files of CERTIFICATES (PEM, the chain behind it) and of KEYS, each with the one at the same
 * place of the other list; which one is shown follows from the name that a client asks for.
 * CONFIG_ERROR with what should be there, and BLAMED: "Certificate" or "Key", whichever is wrong. */
TlsCredentials *tls_credentials_load(char **certificates, char **keys, const char **blamed,
                                     GError **error);
TlsCredentials *tls_credentials_ref(TlsCredentials *credentials);
void tls_credentials_unref(TlsCredentials *credentials);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TlsCredentials, tls_credentials_unref)

/* When the first of them expires, seconds since the epoch. */
gint64 tls_credentials_expire(const TlsCredentials *credentials);

/* A sentence if that is less than two weeks after NOW, in seconds; else NULL. Transfer full. */
char *tls_credentials_warning(const TlsCredentials *credentials, gint64 now);

/* A new session of a server, of which nothing has been said; NULL without memory. */
gnutls_session_t tls_credentials_session(const TlsCredentials *credentials);
