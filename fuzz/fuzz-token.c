/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Tokens. What comes as it is is refused, for nobody can sign by chance. The rest is
 * a header and claims, in two lines, that are signed for the fuzzer: with our secret,
 * so that what is behind the signature is reached, and with a public key, which
 * must never be taken for a secret.
 */

#include <config.h>

#include "fuzz.h"

#include <string.h>
#include <sys/stat.h>

#include "token/token.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define EC_KEY                                                                                     \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExBh2kaeHEZ1CoRdjl1SWC9VZChEW\n"                           \
    "4/ew6Tp9KFqPD1JgtObee4m375fBBJRfKXFYoWaBE1QU8oX8d7EZ2OvPhg==\n"                               \
    "-----END PUBLIC KEY-----"

#define RSA_KEY                                                                                    \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAphfwdIUF5QtFghLJ0n7s\n"                           \
    "bxaSI+zxoKyjPo8WgJt3YsYsvpHsj5pLhUXsFrjF2b0r2ubki8OHEjnkDAeaKMOV\n"                           \
    "Uc0/jn3dfhLvE7+Ueb2sEdIkAFbIco+DaLYrCjqPlxj1nAiyaqSY+9m63MlfWpOL\n"                           \
    "VU+0tP3QUigtQ5VH9oX3SFceyJL+//29pmeK9ofE9S2J2nMU70BCSM+NfQQ316zV\n"                           \
    "GSH4XqeQO53739B90OYhdaT2eQ59HA8cUMJjsKyJORIS7D+DCBvnL14X5M3bTbsX\n"                           \
    "fFgIVS5ymeHQt958YZgHghwmwrZi/ximzPqNh+HmGG1Hb5oczce14xCJYfisQEfG\n"                           \
    "cwIDAQAB\n"                                                                                   \
    "-----END PUBLIC KEY-----"

static TokenKeys *keys_from(const char *text, bool secret)
{
    g_autofree char *path = g_build_filename(fuzz_folder(), "key", NULL);
    TokenKeys *keys = token_keys_new();
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(chmod(path, 0600), ==, 0);
    g_assert_true(secret ? token_keys_add_secret(keys, path, &error)
                         : token_keys_add_public(keys, path, &error));
    return keys;
}

static char *encode(const guint8 *bytes, gsize length)
{
    char *out = g_base64_encode(bytes, length);

    g_strdelimit(out, "+", '-');
    g_strdelimit(out, "/", '_');
    *strchrnul(out, '=') = '\0';
    return out;
}

static char *sign(const char *header, const char *claims, const char *key)
{
    g_autofree char *first = encode((const guint8 *) header, strlen(header)),
                    *second = encode((const guint8 *) claims, strlen(claims)),
                    *text = g_strconcat(first, ".", second, NULL), *third = NULL;
    g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guint8 *) key, strlen(key));
    guint8 digest[32];
    gsize length = sizeof digest;

    g_hmac_update(hmac, (const guint8 *) text, -1);
    g_hmac_get_digest(hmac, digest, &length);
    third = encode(digest, length);
    return g_strconcat(text, ".", third, NULL);
}

static void check_refused(const TokenKeys *keys, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TokenClaims) claims = token_verify(keys, text, &error);

    g_assert_null(claims);
    g_assert_nonnull(error);
}

static void check_claims(const TokenKeys *keys, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TokenClaims) claims = token_verify(keys, text, &error);

    g_assert_true((claims != NULL) != (error != NULL));
    if (!claims)
        return;
    g_assert_true(token_keys_have(keys, claims->key));
    for (char **room = claims->rooms; *room; room++) {
        g_assert_true(token_opens(claims, *room));
        g_assert_true(g_utf8_validate(*room, -1, NULL));
    }
    g_assert_true(!claims->name || g_utf8_validate(claims->name, -1, NULL));
}

static void check_signed(const TokenKeys *secret, const TokenKeys *public, char *text)
{
    char *claims = strchr(text, '\n');
    g_autofree char *good = NULL, *confused = NULL, *also = NULL;

    if (!claims)
        return;
    *claims++ = '\0';
    good = sign(text, claims, SECRET);
    confused = sign(text, claims, RSA_KEY);
    also = sign(text, claims, EC_KEY);
    check_claims(secret, good);
    check_refused(public, good);
    check_refused(public, confused);
    check_refused(public, also);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct {
        TokenKeys *secret, *rsa, *ec;
    } keys;
    g_autofree char *text = g_strndup((const char *) data, size);

    fuzz_begin();
    if (!keys.secret) {
        keys.secret = keys_from(SECRET, true);
        keys.rsa = keys_from(RSA_KEY, false);
        keys.ec = keys_from(EC_KEY, false);
    }
    check_refused(keys.secret, text);
    check_refused(keys.rsa, text);
    check_refused(keys.ec, text);
    check_signed(keys.secret, keys.rsa, text);
    return 0;
}
