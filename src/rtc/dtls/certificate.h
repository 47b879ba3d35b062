/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A peer's identity: a self-signed ECDSA P-256 certificate and its key
 * (RFC 8827 6.5), kept in a file across restarts.
 */

#pragma once

#include <glib.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>

typedef struct Certificate Certificate;

/* Makes one in memory. COMMON_NAME goes into the subject. */
Certificate *certificate_generate(const char *common_name, GError **error);

/*
 * From the text of both, in PEM. Of several, one pair behind the other, a DTLS client shows the
 * first, and a server the first that the client takes: an old one may want RSA. All are in the
 * descriptions. RTC_ERROR_INVALID.
 */
Certificate *certificate_from_pem(const char *pem, GError **error);

#define CERTIFICATE_MAX 8 /* in one */

/*
 * Loads FOLDER/certificate.pem (certificate and key, mode 0600), or makes it and
 * says so in MADE. A file that is there but cannot be used is never overwritten:
 * it is the identity that others know. G_FILE_ERROR is what the file system says,
 * RTC_ERROR names the file and says that it is empty or damaged.
 */
Certificate *certificate_load(const char *folder, const char *common_name, bool *made,
                              GError **error);

/*
 * Makes a new one in FOLDER. The old one is kept aside as certificate.old.pem, in the
 * place of an older one. On failure everything is as before.
 */
Certificate *certificate_renew(const char *folder, const char *common_name, GError **error);

Certificate *certificate_ref(Certificate *certificate);
void certificate_unref(Certificate *certificate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Certificate, certificate_unref)

/* "sha-256 AB:CD:…" (RFC 8122 5), owned by the certificate; of several that of the first one */
const char *certificate_fingerprint(const Certificate *certificate);
/* Adds those of all to FINGERPRINTS, of char * that are freed with it. */
void certificate_list_fingerprints(const Certificate *certificate, GPtrArray *fingerprints);

/* The same certificate in DER, owned by it */
GBytes *certificate_der(const Certificate *certificate);

/* For GnuTLS sessions, made when they are first asked for; owned by the certificate */
gnutls_certificate_credentials_t certificate_credentials(Certificate *certificate, bool client,
                                                         GError **error);

/* The fingerprint of a certificate as it came over the wire. Transfer full. */
char *certificate_fingerprint_der(const gnutls_datum_t *der);
