/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Which certificates of servers are good: those of the system's authorities,
 * and of the ones in a file. They take some time to read, so they are read
 * once, when the first server is to be judged.
 */

#pragma once

#include <glib.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>

typedef struct TlsTrust TlsTrust;

/* CA_FILE: certificates in PEM; NULL or "": the system's alone. */
TlsTrust *tls_trust_new(const char *ca_file);
TlsTrust *tls_trust_ref(TlsTrust *trust);
void tls_trust_unref(TlsTrust *trust);

/* Owned by TRUST. RTC_ERROR_SECURITY if there is no authority to believe. */
gnutls_certificate_credentials_t tls_trust_credentials(TlsTrust *trust, GError **error);

/* Whether FILE holds certificates; RTC_ERROR_INVALID with the reason. */
bool tls_trust_check_file(const char *file, GError **error);

/* What is wrong with the certificate of HOST, from GnuTLS's verification STATUS. Transfer full. */
char *tls_trust_explain(unsigned int status, const char *host);
