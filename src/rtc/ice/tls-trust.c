/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/ice/tls-trust.h"

#include <gnutls/x509.h>

#include "common/clock.h"
#include "rtc/error.h"

struct TlsTrust {
    int refs;
    char *ca_file;
    gnutls_certificate_credentials_t credentials; /* NULL until they are asked for */
};

TlsTrust *tls_trust_new(const char *ca_file)
{
    TlsTrust *trust = g_new0(TlsTrust, 1);

    trust->refs = 1;
    trust->ca_file = g_strdup(ca_file ? ca_file : "");
    return trust;
}

TlsTrust *tls_trust_ref(TlsTrust *trust)
{
    if (trust)
        trust->refs++;
    return trust;
}

void tls_trust_unref(TlsTrust *trust)
{
    if (!trust || --trust->refs > 0)
        return;
    if (trust->credentials)
        gnutls_certificate_free_credentials(trust->credentials);
    g_free(trust->ca_file);
    g_free(trust);
}

gnutls_certificate_credentials_t tls_trust_credentials(TlsTrust *trust, GError **error)
{
    gnutls_certificate_credentials_t made = NULL;
    int authorities;

    if (trust->credentials)
        return trust->credentials;
    if (gnutls_certificate_allocate_credentials(&made) < 0) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FAILED, "Cannot allocate credentials");
        return NULL;
    }
    authorities = MAX(gnutls_certificate_set_x509_system_trust(made), 0);
    if (*trust->ca_file)
        authorities += MAX(
            gnutls_certificate_set_x509_trust_file(made, trust->ca_file, GNUTLS_X509_FMT_PEM), 0);
    if (authorities == 0) {
        gnutls_certificate_free_credentials(made);
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_SECURITY,
                            "this system has no certificates of authorities to check a server's "
                            "with (is ca-certificates installed?)");
        return NULL;
    }
    trust->credentials = made;
    return made;
}

bool tls_trust_check_file(const char *file, GError **error)
{
    g_autofree char *bytes = NULL;
    gsize length = 0;
    g_autoptr(GError) local = NULL;
    gnutls_x509_crt_t *list = NULL;
    unsigned int n = 0;
    gnutls_datum_t datum;

    if (!g_file_get_contents(file, &bytes, &length, &local)) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_INVALID, local->message);
        return false;
    }
    datum = (gnutls_datum_t){(unsigned char *) bytes, length};
    if (gnutls_x509_crt_list_import2(&list, &n, &datum, GNUTLS_X509_FMT_PEM, 0) < 0 || n == 0) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_INVALID, "no certificate in PEM is in it");
        return false;
    }
    for (unsigned int i = 0; i < n; i++)
        gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);
    return true;
}

static char *with_our_clock(const char *what)
{
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_local(clock_wall() / G_USEC_PER_SEC);
    g_autofree char *date = g_date_time_format(now, "%F %R");

    return g_strdup_printf("its certificate %s; our clock says %s", what, date);
}

char *tls_trust_explain(unsigned int status, const char *host)
{
    if (status & GNUTLS_CERT_EXPIRED)
        return with_our_clock("has expired");
    if (status & GNUTLS_CERT_NOT_ACTIVATED)
        return with_our_clock("is not valid yet");
    if (status & GNUTLS_CERT_REVOKED)
        return g_strdup("its certificate is revoked");
    if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
        return g_strdup("its certificate is signed by nobody that is known here as an authority");
    if (status & GNUTLS_CERT_UNEXPECTED_OWNER)
        return g_strdup_printf("its certificate is not for %s", host);
    if (status & GNUTLS_CERT_INSECURE_ALGORITHM)
        return g_strdup("its certificate is made with an algorithm that is not secure");
    return g_strdup("its certificate cannot be verified");
}
