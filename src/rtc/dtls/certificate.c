/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Makes, keeps and loads the certificate. It is valid for thirty years because
 * nobody checks its dates: what others compare is its fingerprint (RFC 8827
 * 6.5), and a certificate that expires would only make a known peer unknown.
 */

#include <config.h>

#include "rtc/dtls/certificate.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fingerprint.h"
#include "common/atomic-file.h"
#include "common/random.h"
#include "rtc/error.h"

#define VALID_SECONDS (30ll * 365 * 24 * 3600)
#define DAY_SECONDS (24 * 3600)
/* A machine without a clock of its own starts in 1970, and then its certificate would have expired
 * for whoever does check: 2024-01-01 */
#define EARLIEST_NOW 1704067200

typedef gnutls_x509_crt_t X509Certificate;
typedef gnutls_x509_privkey_t X509Key;

struct Certificate {
    gatomicrefcount refs;
    X509Certificate crt;
    X509Key key;
    /* NULL until they are asked for; [1]: a client's, where they are others */
    gnutls_certificate_credentials_t credentials[2];
    char *fingerprint;
    GBytes *der;
    Certificate *next; /* that may be shown in place of this one, or NULL */
};

G_DEFINE_AUTO_CLEANUP_FREE_FUNC(X509Certificate, gnutls_x509_crt_deinit, NULL)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(X509Key, gnutls_x509_privkey_deinit, NULL)

static bool check(int result, const char *doing, GError **error)
{
    if (result >= 0)
        return true;
    g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, "%s: %s", doing, gnutls_strerror(result));
    return false;
}

char *certificate_fingerprint_der(const gnutls_datum_t *der)
{
    return fingerprint_make(fingerprint_hash(FINGERPRINT_OURS), der->data, der->size);
}

static bool fits(X509Certificate crt, X509Key key)
{
    guint8 ids[2][64];
    size_t lengths[2] = {sizeof ids[0], sizeof ids[1]};

    return gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, ids[0], &lengths[0]) == 0 &&
           gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, ids[1], &lengths[1]) == 0 &&
           lengths[0] == lengths[1] && memcmp(ids[0], ids[1], lengths[0]) == 0;
}

/* Takes both. */
static Certificate *certificate_new(X509Certificate *crt, X509Key *key, GError **error)
{
    g_autoptr(Certificate) certificate = g_new0(Certificate, 1);
    gnutls_datum_t der = {};

    g_atomic_ref_count_init(&certificate->refs);
    certificate->crt = g_steal_pointer(crt);
    certificate->key = g_steal_pointer(key);
    if (!fits(certificate->crt, certificate->key)) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FAILED,
                            "The certificate and its key do not fit");
        return NULL;
    }
    if (!check(gnutls_x509_crt_export2(certificate->crt, GNUTLS_X509_FMT_DER, &der),
               "Cannot encode the certificate", error))
        return NULL;
    certificate->fingerprint = certificate_fingerprint_der(&der);
    certificate->der = g_bytes_new(der.data, der.size);
    gnutls_free(der.data);
    return g_steal_pointer(&certificate);
}

static bool generate(const char *common_name, X509Certificate *crt, X509Key *key, GError **error)
{
    guint8 serial[16];
    time_t now = MAX(clock_wall() / G_USEC_PER_SEC, EARLIEST_NOW);
    /* A subject's common name is at most 64 characters (RFC 5280 A.1). */
    g_autofree char *name =
        g_utf8_substring(common_name, 0, MIN(g_utf8_strlen(common_name, -1), 64));

    if (!check(gnutls_x509_privkey_init(key), "Cannot make a key", error) ||
        !check(gnutls_x509_crt_init(crt), "Cannot make a certificate", error) ||
        !check(gnutls_x509_privkey_generate(*key, GNUTLS_PK_ECDSA,
                                            GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
               "Cannot make a key", error))
        return false;
    random_bytes(serial, sizeof serial);
    serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, and of full length */
    return check(gnutls_x509_crt_set_version(*crt, 3), "version", error) &&
           check(gnutls_x509_crt_set_serial(*crt, serial, sizeof serial), "serial", error) &&
           check(gnutls_x509_crt_set_activation_time(*crt, now - DAY_SECONDS), "time", error) &&
           check(gnutls_x509_crt_set_expiration_time(*crt, now + VALID_SECONDS), "time", error) &&
           check(gnutls_x509_crt_set_dn_by_oid(*crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                               strlen(name)),
                 "Cannot set the common name", error) &&
           check(gnutls_x509_crt_set_key(*crt, *key), "key", error) &&
           check(gnutls_x509_crt_sign2(*crt, *crt, *key, GNUTLS_DIG_SHA256, 0),
                 "Cannot sign the certificate", error);
}

Certificate *certificate_generate(const char *common_name, GError **error)
{
    g_auto(X509Certificate) crt = NULL;
    g_auto(X509Key) key = NULL;

    return generate(common_name, &crt, &key, error) ? certificate_new(&crt, &key, error) : NULL;
}

/* Never over one that another daemon has just made. */
static bool save(const char *path, X509Certificate crt, X509Key key, GError **error)
{
    gnutls_datum_t crt_pem = {}, key_pem = {};
    bool ok = check(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &crt_pem),
                    "Cannot encode the certificate", error) &&
              check(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
                                                      GNUTLS_PKCS_PLAIN, &key_pem),
                    "Cannot encode the key", error);
    gsize length = crt_pem.size + key_pem.size;
    g_autofree char *both = g_malloc(length + 1);

    if (ok) {
        memcpy(both, crt_pem.data, crt_pem.size);
        memcpy(both + crt_pem.size, key_pem.data, key_pem.size);
        ok = atomic_file_write(path, both, length, ATOMIC_FILE_CREATE, error);
        gnutls_memset(both, 0, length);
        gnutls_memset(key_pem.data, 0, key_pem.size);
    }
    gnutls_free(crt_pem.data);
    gnutls_free(key_pem.data);
    return ok;
}

static Certificate *parse(const gnutls_datum_t *pem, GError **error)
{
    g_auto(X509Certificate) crt = NULL;
    g_auto(X509Key) key = NULL;

    if (!check(gnutls_x509_crt_init(&crt), "memory", error) ||
        !check(gnutls_x509_privkey_init(&key), "memory", error) ||
        !check(gnutls_x509_crt_import(crt, pem, GNUTLS_X509_FMT_PEM), "its certificate", error) ||
        !check(gnutls_x509_privkey_import(key, pem, GNUTLS_X509_FMT_PEM), "its key", error))
        return NULL;
    return certificate_new(&crt, &key, error);
}

/* How much of PEM is one certificate with its key, in either order */
static gsize pair_length(const char *pem)
{
    static const char begin[] = "-----BEGIN ";
    bool crt = false, key = false;
    const char *at = pem;

    while ((at = strstr(at, begin))) {
        if (crt && key)
            return at - pem;
        at += strlen(begin);
        if (g_str_has_prefix(at, "CERTIFICATE"))
            crt = true;
        else
            key = true;
    }
    return strlen(pem);
}

static Certificate *parse_all(const char *pem, GError **error)
{
    g_autoptr(Certificate) first = NULL;
    Certificate **last = &first;

    for (guint n = 0; n == 0 || *pem; n++) {
        gnutls_datum_t pair = {(unsigned char *) pem, pair_length(pem)};

        if (n == CERTIFICATE_MAX) {
            g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, "more than %d", CERTIFICATE_MAX);
            return NULL;
        }
        *last = parse(&pair, error);
        if (!*last)
            return NULL;
        last = &(*last)->next;
        pem += pair.size;
    }
    return g_steal_pointer(&first);
}

Certificate *certificate_from_pem(const char *pem, GError **error)
{
    g_autoptr(GError) local = NULL;
    Certificate *certificate = parse_all(pem, &local);

    if (!certificate)
        g_set_error(error, RTC_ERROR, RTC_ERROR_INVALID, "a certificate that cannot be used: %s",
                    local->message);
    return certificate;
}

static Certificate *load(const char *path, GError **error)
{
    g_autofree char *pem = NULL;
    g_autoptr(GError) local = NULL;
    Certificate *certificate;
    gsize length;

    if (!g_file_get_contents(path, &pem, &length, error))
        return NULL;
    if (length == 0) {
        g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, "The key file %s is empty", path);
        return NULL;
    }
    certificate = parse(&(gnutls_datum_t){(unsigned char *) pem, length}, &local);
    if (!certificate)
        g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, "The key file %s is damaged (%s)", path,
                    local->message);
    gnutls_memset(pem, 0, length);
    return certificate;
}

/* Where nothing can be written, nobody can change it either. */
static bool keep_to_ourselves(const char *path, GError **error)
{
    struct stat status;

    if (stat(path, &status) == 0 && (status.st_mode & 077) == 0)
        return true;
    if (chmod(path, 0600) == 0 || errno == EROFS)
        return true;
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
                "Cannot keep %s to ourselves: %s", path, g_strerror(errno));
    return false;
}

Certificate *certificate_load(const char *folder, const char *common_name, bool *made,
                              GError **error)
{
    g_autofree char *path = g_build_filename(folder, "certificate.pem", NULL);
    g_auto(X509Certificate) crt = NULL;
    g_auto(X509Key) key = NULL;
    Certificate *certificate;
    bool fresh = !g_file_test(path, G_FILE_TEST_EXISTS);

    if (fresh && (!generate(common_name, &crt, &key, error) || !save(path, crt, key, error)))
        return NULL;
    if (!keep_to_ourselves(path, error))
        return NULL;
    certificate = load(path, error);
    if (certificate)
        *made = fresh;
    return certificate;
}

/* Keeps what is at PATH as OLD, and puts FRESH in its place: at each moment there is a whole
 * certificate at PATH. */
static bool replace(const char *path, const char *old, const char *fresh, GError **error)
{
    unlink(old);
    if ((link(path, old) == 0 || errno == ENOENT) && rename(fresh, path) == 0)
        return true;
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "Cannot replace %s: %s", path,
                g_strerror(errno));
    return false;
}

Certificate *certificate_renew(const char *folder, const char *common_name, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "certificate.pem", NULL);
    g_autofree char *old = g_build_filename(folder, "certificate.old.pem", NULL);
    g_autofree char *fresh = g_build_filename(folder, "certificate.new.pem", NULL);
    g_auto(X509Certificate) crt = NULL;
    g_auto(X509Key) key = NULL;

    unlink(fresh); /* of an attempt that broke off */
    if (!generate(common_name, &crt, &key, error) || !save(fresh, crt, key, error))
        return NULL;
    if (!replace(path, old, fresh, error)) {
        unlink(fresh);
        return NULL;
    }
    return certificate_new(&crt, &key, error);
}

Certificate *certificate_ref(Certificate *certificate)
{
    g_atomic_ref_count_inc(&certificate->refs);
    return certificate;
}

void certificate_unref(Certificate *certificate)
{
    if (!g_atomic_ref_count_dec(&certificate->refs))
        return;
    for (guint i = 0; i < G_N_ELEMENTS(certificate->credentials); i++) {
        if (certificate->credentials[i])
            gnutls_certificate_free_credentials(certificate->credentials[i]);
    }
    if (certificate->crt)
        gnutls_x509_crt_deinit(certificate->crt);
    if (certificate->key)
        gnutls_x509_privkey_deinit(certificate->key);
    g_clear_pointer(&certificate->der, g_bytes_unref);
    g_free(certificate->fingerprint);
    if (certificate->next)
        certificate_unref(certificate->next);
    g_free(certificate);
}

const char *certificate_fingerprint(const Certificate *certificate)
{
    return certificate->fingerprint;
}

void certificate_list_fingerprints(const Certificate *certificate, GPtrArray *fingerprints)
{
    for (; certificate; certificate = certificate->next)
        g_ptr_array_add(fingerprints, g_strdup(certificate->fingerprint));
}

GBytes *certificate_der(const Certificate *certificate)
{
    return certificate->der;
}

/*
 * Not before there is a call: GnuTLS signs something to see whether the key is
 * good, and half a megabyte of arithmetic becomes resident.
 */
gnutls_certificate_credentials_t certificate_credentials(Certificate *certificate, bool client,
                                                         GError **error)
{
    /* A client that has several shows none in GnuTLS unless the server names authorities. */
    const Certificate *end = client ? certificate->next : NULL;
    gnutls_certificate_credentials_t *kept = &certificate->credentials[client && certificate->next];
    gnutls_certificate_credentials_t made = NULL;

    if (*kept)
        return *kept;
    if (!check(gnutls_certificate_allocate_credentials(&made), "Cannot allocate credentials",
               error))
        return NULL;
    for (Certificate *one = certificate; one != end; one = one->next) {
        if (!check(gnutls_certificate_set_x509_key(made, &one->crt, 1, one->key),
                   "The certificate and its key do not fit", error)) {
            gnutls_certificate_free_credentials(made);
            return NULL;
        }
    }
    *kept = made;
    return made;
}
