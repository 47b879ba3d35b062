/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "token/key-kind.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>

#define RSA_BITS_MIN 2048

bool key_kind_is_pem(const char *text)
{
    return strstr(text, "-----BEGIN ") != NULL;
}

static KeyKind kind_of(gnutls_pubkey_t key)
{
    unsigned bits = 0;
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;

    switch (gnutls_pubkey_get_pk_algorithm(key, &bits)) {
    case GNUTLS_PK_RSA:
        return bits >= RSA_BITS_MIN ? KEY_KIND_RSA : KEY_KIND_OTHER;
    case GNUTLS_PK_ECDSA:
        if (gnutls_pubkey_export_ecc_raw2(key, &curve, NULL, NULL, 0) == 0 &&
            curve == GNUTLS_ECC_CURVE_SECP256R1)
            return KEY_KIND_P256;
        return KEY_KIND_OTHER;
    default:
        return KEY_KIND_OTHER;
    }
}

KeyKind key_kind_of_public(const char *pem)
{
    const gnutls_datum_t data = {(unsigned char *) pem, (unsigned) strlen(pem)};
    KeyKind kind = KEY_KIND_OTHER;
    gnutls_pubkey_t key;

    if (gnutls_pubkey_init(&key) < 0)
        return kind;
    if (gnutls_pubkey_import(key, &data, GNUTLS_X509_FMT_PEM) == 0)
        kind = kind_of(key);
    gnutls_pubkey_deinit(key);
    return kind;
}

/* libjwt knows private keys of this form only, and none with a password. */
static bool import_private(gnutls_privkey_t key, const gnutls_datum_t *data)
{
    gnutls_x509_privkey_t plain;
    bool good;

    if (gnutls_x509_privkey_init(&plain) < 0)
        return false;
    good = gnutls_x509_privkey_import(plain, data, GNUTLS_X509_FMT_PEM) == 0 &&
           gnutls_privkey_import_x509(key, plain, GNUTLS_PRIVKEY_IMPORT_COPY) == 0;
    gnutls_x509_privkey_deinit(plain);
    return good;
}

KeyKind key_kind_of_private(const char *pem)
{
    const gnutls_datum_t data = {(unsigned char *) pem, (unsigned) strlen(pem)};
    KeyKind kind = KEY_KIND_OTHER;
    gnutls_privkey_t key;
    gnutls_pubkey_t public = NULL;

    if (gnutls_privkey_init(&key) < 0)
        return kind;
    if (import_private(key, &data) && gnutls_pubkey_init(&public) == 0 &&
        gnutls_pubkey_import_privkey(public, key, 0, 0) == 0)
        kind = kind_of(public);
    if (public)
        gnutls_pubkey_deinit(public);
    gnutls_privkey_deinit(key);
    return kind;
}
