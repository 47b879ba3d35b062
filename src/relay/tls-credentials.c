/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See tls-credentials.h. TLS 1.2 and 1.3 with forward secrecy and authenticated
 * encryption, and nothing else: every browser and every library of the last ten years
 * has it. GnuTLS's NORMAL has more, so what is allowed is listed instead.
 */

#include <config.h>

#include "relay/tls-credentials.h"

#include <glib/gi18n.h>
#include <gnutls/x509.h>
#include <string.h>

#include "common/config-file.h"

#define PRIORITIES                                                                                 \
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+ECDHE-ECDSA:+ECDHE-RSA:"                                      \
    "+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM:+AEAD:"                                          \
    "+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"                                             \
    "+SIGN-ALL:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:-SIGN-DSA-SHA1:-SIGN-DSA-SHA256:+COMP-NULL:"        \
    "+CTYPE-SRV-X509:%SERVER_PRECEDENCE"
#define HELLO_MAX (16 << 10) /* bytes of a handshake message: a client sends no certificate */
#define WARN_BEFORE (14 * 86400)

struct TlsCredentials {
    int references;
    gnutls_certificate_credentials_t certificates;
    gnutls_priority_t priorities;
    gint64 expires;
    char *expires_first; /* the file */
};

/* Sealed with it, what a client needs to come back lies with the client. It holds for as long as the
 * process lives: also over new certificates. */
static struct {
    gnutls_datum_t key;
} tickets;

TlsCredentials *tls_credentials_ref(TlsCredentials *credentials)
{
    credentials->references++;
    return credentials;
}

void tls_credentials_unref(TlsCredentials *credentials)
{
    if (!credentials || --credentials->references > 0)
        return;
    g_clear_pointer(&credentials->certificates, gnutls_certificate_free_credentials);
    g_clear_pointer(&credentials->priorities, gnutls_priority_deinit);
    g_free(credentials->expires_first);
    g_free(credentials);
}

/* ---- loading ----------------------------------------------------------------- */

static bool read_pem(const char *file, char **bytes, gnutls_datum_t *out, GError **error)
{
    g_autoptr(GError) problem = NULL;
    gsize length;

    if (g_file_get_contents(file, bytes, &length, &problem)) {
        *out = (gnutls_datum_t){(unsigned char *) *bytes, (unsigned int) length};
        return true;
    }
    g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, _("a file that can be read (%s)"),
                problem->message);
    return false;
}

/* The first of the chain is ours. */
static bool look_at_certificate(TlsCredentials *self, const char *file, const gnutls_datum_t *pem,
                                GError **error)
{
    gnutls_x509_crt_t *chain = NULL;
    unsigned int n = 0;

    if (gnutls_x509_crt_list_import2(&chain, &n, pem, GNUTLS_X509_FMT_PEM, 0) < 0 || n == 0) {
        g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                    _("a certificate in PEM, with its chain behind it; there is none in %s"), file);
        return false;
    }
    for (unsigned int i = 0; i < n; i++) {
        gint64 expires = gnutls_x509_crt_get_expiration_time(chain[i]);

        if (!self->expires_first || expires < self->expires) {
            self->expires = expires;
            g_free(self->expires_first);
            self->expires_first = g_strdup(file);
        }
        gnutls_x509_crt_deinit(chain[i]);
    }
    gnutls_free(chain);
    return true;
}

static bool add_key(TlsCredentials *self, const gnutls_datum_t *certificate_pem,
                    const char *certificate, const char *key, GError **error)
{
    g_autofree char *bytes = NULL;
    gnutls_datum_t pem;
    int status;

    if (!read_pem(key, &bytes, &pem, error))
        return false;
    status = gnutls_certificate_set_x509_key_mem2(self->certificates, certificate_pem, &pem,
                                                  GNUTLS_X509_FMT_PEM, NULL, 0);
    explicit_bzero(bytes, pem.size);
    if (status == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                    _("the key of the certificate in %s; that in %s is another one"), certificate,
                    key);
    else if (status < 0)
        g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                    _("a private key in PEM without a password; there is none in %s (%s)"), key,
                    gnutls_strerror(status));
    return status >= 0;
}

static bool add_pair(TlsCredentials *self, const char *certificate, const char *key,
                     const char **blamed, GError **error)
{
    g_autofree char *bytes = NULL;
    gnutls_datum_t pem;

    *blamed = "Certificate";
    if (!read_pem(certificate, &bytes, &pem, error) ||
        !look_at_certificate(self, certificate, &pem, error))
        return false;
    *blamed = "Key";
    return add_key(self, &pem, certificate, key, error);
}

TlsCredentials *tls_credentials_load(char **certificates, char **keys, const char **blamed,
                                     GError **error)
{
    g_autoptr(TlsCredentials) self = g_new0(TlsCredentials, 1);
    guint n = g_strv_length(certificates);

    self->references = 1;
    *blamed = "Certificate";
    if (gnutls_certificate_allocate_credentials(&self->certificates) < 0 ||
        gnutls_priority_init(&self->priorities, PRIORITIES, NULL) < 0 ||
        (!tickets.key.data && gnutls_session_ticket_key_generate(&tickets.key) < 0)) {
        g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                            _("left out: this machine's GnuTLS allows no TLS 1.2 or 1.3"));
        return NULL;
    }
    if (n == 0 || n != g_strv_length(keys)) {
        g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                            _("a file for TLS, or several, and Key= as many as that"));
        return NULL;
    }
    for (guint i = 0; i < n; i++) {
        if (!add_pair(self, certificates[i], keys[i], blamed, error))
            return NULL;
    }
    return g_steal_pointer(&self);
}

/* ---- what they say -------------------------------------------------------------- */

gint64 tls_credentials_expire(const TlsCredentials *credentials)
{
    return credentials->expires;
}

char *tls_credentials_warning(const TlsCredentials *credentials, gint64 now)
{
    gint64 left = credentials->expires - now;
    gint64 days = (left + 86399) / 86400;

    if (left >= WARN_BEFORE)
        return NULL;
    if (left <= 0)
        return g_strdup_printf(_("the certificate in %s has expired"), credentials->expires_first);
    return g_strdup_printf(ngettext("the certificate in %s expires within %d day",
                                    "the certificate in %s expires within %d days", (gulong) days),
                           credentials->expires_first, (int) days);
}

gnutls_session_t tls_credentials_session(const TlsCredentials *credentials)
{
    static const gnutls_datum_t http = {(unsigned char *) "http/1.1", 8};
    gnutls_session_t session = NULL;

    if (gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
        return NULL;
    gnutls_priority_set(session, credentials->priorities);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials->certificates);
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_IGNORE);
    gnutls_session_ticket_enable_server(session, &tickets.key);
    gnutls_handshake_set_max_packet_length(session, HELLO_MAX);
    /* RFC 7301 section 3.2: who offers, but not this, is told so. */
    gnutls_alpn_set_protocols(session, &http, 1, GNUTLS_ALPN_MANDATORY);
    return session;
}
