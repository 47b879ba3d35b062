/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Which tokens are believed, and what is read from them. Those that should not be are made here
 * with libjwt or by hand, from keys that are made here too. */

#include <config.h>

#include "token/token.h"

#include <glib/gstdio.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <jwt.h>
#include <string.h>
#include <sys/stat.h>

#include "common/secret-file.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static struct {
    char *folder;
    char *secret, *other_secret, *rsa, *rsa_public, *ec, *ec_public, *ec384, *ec384_public;
    char *small_rsa_public;
} world;

static char *write_file(const char *name, const char *text, int mode)
{
    char *path = g_build_filename(world.folder, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(chmod(path, (mode_t) mode), ==, 0);
    return path;
}

static char *export_public(gnutls_x509_privkey_t key)
{
    gnutls_datum_t out = {};
    gnutls_privkey_t private;
    gnutls_pubkey_t public;
    char *copy;

    g_assert_cmpint(gnutls_privkey_init(&private), ==, 0);
    g_assert_cmpint(gnutls_privkey_import_x509(private, key, 0), ==, 0);
    g_assert_cmpint(gnutls_pubkey_init(&public), ==, 0);
    g_assert_cmpint(gnutls_pubkey_import_privkey(public, private, 0, 0), ==, 0);
    g_assert_cmpint(gnutls_pubkey_export2(public, GNUTLS_X509_FMT_PEM, &out), ==, 0);
    copy = g_strdup((const char *) out.data);
    gnutls_free(out.data);
    gnutls_pubkey_deinit(public);
    gnutls_privkey_deinit(private);
    return copy;
}

static void make_pair(const char *name, gnutls_pk_algorithm_t algorithm, unsigned bits,
                      char **private, char **public)
{
    g_autofree char *public_name = g_strconcat(name, ".pub", NULL), *shown = NULL;
    gnutls_x509_privkey_t key;
    gnutls_datum_t out = {};

    g_assert_cmpint(gnutls_x509_privkey_init(&key), ==, 0);
    g_assert_cmpint(gnutls_x509_privkey_generate(key, algorithm, bits, 0), ==, 0);
    g_assert_cmpint(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &out), ==, 0);
    *private = write_file(name, (const char *) out.data, 0600);
    shown = export_public(key);
    *public = write_file(public_name, shown, 0644);
    gnutls_free(out.data);
    gnutls_x509_privkey_deinit(key);
}

static void set_up(void)
{
    g_autofree char *unused = NULL;

    world.folder = g_dir_make_tmp("test-token-XXXXXX", NULL);
    world.secret = write_file("secret", SECRET "\n", 0640);
    world.other_secret = write_file("other", "another " SECRET, 0600);
    make_pair("rsa", GNUTLS_PK_RSA, 2048, &world.rsa, &world.rsa_public);
    make_pair("small", GNUTLS_PK_RSA, 1024, &unused, &world.small_rsa_public);
    make_pair("ec", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), &world.ec,
              &world.ec_public);
    make_pair("ec384", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1),
              &world.ec384, &world.ec384_public);
}

static void tear_down(void)
{
    g_autoptr(GDir) folder = g_dir_open(world.folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(folder))) {
        g_autofree char *path = g_build_filename(world.folder, name, NULL);

        g_unlink(path);
    }
    g_rmdir(world.folder);
    g_free(world.folder);
    g_free(world.secret);
    g_free(world.other_secret);
    g_free(world.rsa);
    g_free(world.rsa_public);
    g_free(world.small_rsa_public);
    g_free(world.ec);
    g_free(world.ec_public);
    g_free(world.ec384);
    g_free(world.ec384_public);
}

/* ---- making tokens -------------------------------------------------------------- */

static char *encode(const char *text, gsize length)
{
    char *out = g_base64_encode((const guchar *) text, length);

    g_strdelimit(out, "+", '-');
    g_strdelimit(out, "/", '_');
    *strchrnul(out, '=') = '\0';
    return out;
}

/* HEADER and CLAIMS as they are, with what HMAC makes of them and KEY. */
static char *make_by_hand(const char *header, const char *claims, const char *key)
{
    g_autofree char *first = encode(header, strlen(header)),
                    *second = encode(claims, strlen(claims));
    g_autofree char *text = g_strconcat(first, ".", second, NULL), *third = NULL;
    g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guchar *) key, strlen(key));
    guint8 digest[32];
    gsize length = sizeof digest;

    g_hmac_update(hmac, (const guchar *) text, -1);
    g_hmac_get_digest(hmac, digest, &length);
    third = encode((const char *) digest, length);
    return g_strconcat(text, ".", third, NULL);
}

static char *make(const char *claims)
{
    return make_by_hand("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", claims, SECRET);
}

/* With libjwt: ALGORITHM and the key in FILE. */
static char *make_with(jwt_alg_t algorithm, const char *file)
{
    g_autofree char *key = NULL;
    gsize length;
    jwt_t *token;
    char *text, *copy;

    g_assert_true(g_file_get_contents(file, &key, &length, NULL));
    g_assert_cmpint(jwt_new(&token), ==, 0);
    g_assert_cmpint(jwt_add_grant(token, "room", "a"), ==, 0);
    g_assert_cmpint(jwt_set_alg(token, algorithm, (guchar *) key, (int) length), ==, 0);
    text = jwt_encode_str(token);
    g_assert_nonnull(text);
    jwt_free(token);
    copy = g_strdup(text);
    free(text);
    return copy;
}

static TokenKeys *secret_keys(void)
{
    TokenKeys *keys = token_keys_new();

    g_assert_true(token_keys_add_secret(keys, world.secret, NULL));
    return keys;
}

static TokenKeys *public_keys(void)
{
    TokenKeys *keys = token_keys_new();

    g_assert_true(token_keys_add_public(keys, world.rsa_public, NULL));
    g_assert_true(token_keys_add_public(keys, world.ec_public, NULL));
    return keys;
}

static void check_refused(const TokenKeys *keys, const char *text, TokenError code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TokenClaims) claims = token_verify(keys, text, &error);

    g_test_message("%.300s", text);
    g_assert_null(claims);
    g_assert_error(error, TOKEN_ERROR, (int) code);
    g_assert_null(strchr(error->message, '.')); /* nothing of the token */
}

/* ---- the claims ------------------------------------------------------------------ */

static TokenClaims *claims_of(const char *json)
{
    g_autoptr(TokenKeys) keys = secret_keys();
    g_autofree char *text = make(json);
    g_autoptr(GError) error = NULL;
    TokenClaims *claims = token_verify(keys, text, &error);

    g_assert_no_error(error);
    return claims;
}

static void test_rooms(void)
{
    g_autoptr(TokenClaims) one = claims_of("{\"room\":\"greenhouse\"}");
    g_autoptr(TokenClaims) some = claims_of("{\"room\":[\"\",\"a\"]}");
    g_autoptr(TokenClaims) all = claims_of("{\"room\":\"*\"}");
    g_autoptr(TokenClaims) also_all = claims_of("{\"room\":[\"a\",\"*\"]}");
    g_autoptr(TokenClaims) none = claims_of("{\"room\":[]}");

    g_assert_true(token_opens(one, "greenhouse"));
    g_assert_false(token_opens(one, ""));
    g_assert_false(token_opens(one, "greenhouse2"));
    g_assert_false(token_opens(one, "Greenhouse"));
    g_assert_true(token_opens(some, ""));
    g_assert_true(token_opens(some, "a"));
    g_assert_false(token_opens(some, "*"));
    g_assert_true(token_opens(all, ""));
    g_assert_true(token_opens(all, "whatever"));
    g_assert_true(token_opens(also_all, "b"));
    g_assert_false(token_opens(none, ""));
}

static void test_times(void)
{
    g_autoptr(TokenClaims) none = claims_of("{\"room\":\"a\"}");
    g_autoptr(TokenClaims) both = claims_of("{\"room\":\"a\",\"nbf\":100,\"exp\":200.9}");
    g_autoptr(TokenClaims) far = claims_of("{\"room\":\"a\",\"nbf\":-1e300,\"exp\":1e300}");
    g_autoptr(TokenClaims) null = claims_of("{\"room\":\"a\",\"nbf\":null,\"exp\":null}");

    g_assert_cmpint(none->begins, ==, G_MININT64);
    g_assert_cmpint(none->expires, ==, G_MAXINT64);
    g_assert_cmpint(both->begins, ==, 100);
    g_assert_cmpint(both->expires, ==, 200);
    g_assert_cmpint(far->begins, ==, G_MININT64);
    g_assert_cmpint(far->expires, ==, G_MAXINT64);
    g_assert_cmpint(null->expires, ==, G_MAXINT64);
}

static void test_names(void)
{
    g_autoptr(TokenClaims) none = claims_of("{\"room\":\"a\"}");
    g_autoptr(TokenClaims) one = claims_of("{\"room\":\"a\",\"name\":\"kitchen\",\"sub\":7}");
    g_autoptr(TokenClaims) empty = claims_of("{\"room\":\"a\",\"name\":\"\"}");

    g_assert_null(none->name);
    g_assert_cmpstr(one->name, ==, "kitchen");
    g_assert_cmpstr(empty->name, ==, "");
}

static void test_bad_claims(void)
{
    static const char *const bad[] = {
        "{}",
        "{\"room\":null}",
        "{\"room\":7}",
        "{\"room\":{\"a\":\"b\"}}",
        "{\"room\":[\"a\",7]}",
        "{\"room\":[[\"a\"]]}",
        "{\"rooms\":\"a\"}",
        "{\"room\":\"a\",\"name\":7}",
        "{\"room\":\"a\",\"name\":[\"b\"]}",
        "{\"room\":\"a\",\"exp\":\"tomorrow\"}",
        "{\"room\":\"a\",\"exp\":true}",
        "{\"room\":\"a\",\"nbf\":[1]}",
    };
    static const char *const no_json[] = {
        "", "[]", "room", "\"a\"", "{\"room\":\"a\"", "{\"room\":\"a\",\"exp\":1e999}"};
    g_autoptr(TokenKeys) keys = secret_keys();

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = make(bad[i]);

        check_refused(keys, text, TOKEN_ERROR_CLAIMS);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(no_json); i++) {
        g_autofree char *text = make(no_json[i]);
        g_autoptr(TokenClaims) claims = token_verify(keys, text, NULL);

        g_assert_null(claims);
    }
}

/* ---- the signature --------------------------------------------------------------- */

static void test_signatures(void)
{
    g_autoptr(TokenKeys) secret = secret_keys();
    g_autoptr(TokenKeys) public = public_keys();
    g_autofree char *rsa = make_with(JWT_ALG_RS256, world.rsa);
    g_autofree char *ec = make_with(JWT_ALG_ES256, world.ec);
    g_autofree char *shared = make("{\"room\":\"a\"}");
    g_autoptr(TokenClaims) by_rsa = token_verify(public, rsa, NULL);
    g_autoptr(TokenClaims) by_ec = token_verify(public, ec, NULL);
    g_autoptr(TokenClaims) by_secret = token_verify(secret, shared, NULL);

    g_assert_nonnull(by_rsa);
    g_assert_nonnull(by_ec);
    g_assert_nonnull(by_secret);
    g_assert_true(by_rsa->key != by_ec->key);
    g_assert_true(token_keys_have(public, by_rsa->key));
    g_assert_true(token_keys_have(public, by_ec->key));
    g_assert_false(token_keys_have(secret, by_ec->key));
    check_refused(secret, rsa, TOKEN_ERROR_ALGORITHM);
    check_refused(public, shared, TOKEN_ERROR_ALGORITHM);
}

static void test_wrong_keys(void)
{
    g_autoptr(TokenKeys) other = token_keys_new();
    g_autofree char *shared = make("{\"room\":\"a\"}"), *rsa = NULL, *rsa_public = NULL, *ec = NULL,
                    *ec_public = NULL, *by_rsa = NULL, *by_ec = NULL;

    g_assert_true(token_keys_add_secret(other, world.other_secret, NULL));
    check_refused(other, shared, TOKEN_ERROR_SIGNATURE);
    make_pair("rsa2", GNUTLS_PK_RSA, 2048, &rsa, &rsa_public);
    make_pair("ec2", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), &ec,
              &ec_public);
    by_rsa = make_with(JWT_ALG_RS256, rsa);
    by_ec = make_with(JWT_ALG_ES256, ec);
    {
        g_autoptr(TokenKeys) public = public_keys();
        g_autoptr(TokenClaims) claims = NULL;

        check_refused(public, by_rsa, TOKEN_ERROR_SIGNATURE);
        check_refused(public, by_ec, TOKEN_ERROR_SIGNATURE);
        g_assert_true(token_keys_add_public(public, ec_public, NULL));
        claims = token_verify(public, by_ec, NULL);
        g_assert_nonnull(claims);
    }
}

/* A public key is known to everybody: as a secret it must be worth nothing. */
static void test_confusion(void)
{
    static const char *const headers[] = {
        "{\"alg\":\"HS256\"}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":\"RS256\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"alg\":\"RS256\"}",
    };
    g_autoptr(TokenKeys) keys = public_keys();
    const char *const files[] = {world.rsa_public, world.ec_public};

    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *pem = NULL, *stripped = NULL;

        g_assert_true(g_file_get_contents(files[i], &pem, NULL, NULL));
        stripped = g_strchomp(g_strdup(pem));
        for (gsize j = 0; j < G_N_ELEMENTS(headers); j++) {
            g_autofree char *one = make_by_hand(headers[j], "{\"room\":\"*\"}", pem);
            g_autofree char *other = make_by_hand(headers[j], "{\"room\":\"*\"}", stripped);

            g_assert_null(token_verify(keys, one, NULL));
            g_assert_null(token_verify(keys, other, NULL));
        }
    }
}

static void test_algorithms(void)
{
    static const char *const headers[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"\"}",
        "{\"typ\":\"JWT\"}",
        "{\"alg\":\"HS257\"}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"ES256\"}",
        "{\"alg\":\"HS384\"}",
        "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}",
        "{\"alg\":\"HS256\",\"crit\":[]}",
    };
    g_autoptr(TokenKeys) keys = secret_keys();
    g_autofree char *with_kid = make_by_hand("{\"alg\":\"HS256\",\"kid\":\"../../etc/passwd\"}",
                                             "{\"room\":\"a\"}", SECRET);
    g_autofree char *hs512 = make_with(JWT_ALG_HS512, world.secret);

    for (gsize i = 0; i < G_N_ELEMENTS(headers); i++) {
        g_autofree char *text = make_by_hand(headers[i], "{\"room\":\"a\"}", SECRET);
        g_autoptr(TokenClaims) claims = token_verify(keys, text, NULL);

        g_test_message("%s", headers[i]);
        g_assert_null(claims);
    }
    check_refused(keys, hs512, TOKEN_ERROR_ALGORITHM);
    {
        g_autoptr(TokenClaims) claims = token_verify(keys, with_kid, NULL);

        g_assert_nonnull(claims); /* which key is a matter of ours */
    }
}

static void test_form(void)
{
    g_autoptr(TokenKeys) keys = secret_keys();
    g_autofree char *good = make("{\"room\":\"a\"}");
    g_autofree char *none = NULL, *huge_claim = g_strnfill(TOKEN_MAX, 'a'), *huge = NULL;
    g_autofree char *json = g_strdup_printf("{\"room\":\"%s\"}", huge_claim);

    for (gsize length = 0; length < strlen(good); length++) {
        g_autofree char *cut = g_strndup(good, length);
        g_autoptr(TokenClaims) claims = token_verify(keys, cut, NULL);

        g_assert_null(claims);
    }
    for (gsize i = 0; i < strlen(good) - 1; i++) { /* of the last character not all bits count */
        g_autofree char *changed = g_strdup(good);
        g_autoptr(TokenClaims) claims = NULL;

        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        claims = token_verify(keys, changed, NULL);
        g_assert_null(claims);
    }
    none = g_strdup(good);
    strcpy(strrchr(none, '.') + 1, "");
    check_refused(keys, none, TOKEN_ERROR_FORM);
    huge = make(json);
    check_refused(keys, huge, TOKEN_ERROR_FORM);
    check_refused(keys, "", TOKEN_ERROR_FORM);
    check_refused(keys, "..", TOKEN_ERROR_FORM);
    check_refused(keys, "a.b.c", TOKEN_ERROR_FORM);
    check_refused(keys, "a.b.c.d", TOKEN_ERROR_FORM);
}

/* ---- files ----------------------------------------------------------------------- */

static void check_file(bool (*add)(TokenKeys *, const char *, GError **), const char *path,
                       bool good)
{
    g_autoptr(TokenKeys) keys = token_keys_new();
    g_autoptr(GError) error = NULL;

    g_test_message("%s", path);
    g_assert_cmpint(add(keys, path, &error), ==, good);
    g_assert_true(good || strstr(error->message, path));
    g_assert_true(good || !strstr(error->message, SECRET));
}

static void test_files(void)
{
    g_autofree char *open = write_file("open", SECRET, 0644),
                    *shared = write_file("shared", SECRET, 0660),
                    *group = write_file("group", SECRET, 0640),
                    *empty = write_file("empty", "\n", 0600),
                    *brief = write_file("brief",
                                        "0123456789abcdef\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", 0600),
                    *loose = write_file("loose", "-----BEGIN PUBLIC KEY-----", 0666),
                    *long_text = g_strnfill(5000, 'a'),
                    *large = write_file("large", long_text, 0600),
                    *missing = g_build_filename(world.folder, "missing", NULL);

    check_file(token_keys_add_secret, group, true);
    check_file(token_keys_add_secret, open, false);
    check_file(token_keys_add_secret, shared, false);
    check_file(token_keys_add_secret, empty, false);
    check_file(token_keys_add_secret, brief, false);
    check_file(token_keys_add_secret, large, false);
    check_file(token_keys_add_secret, missing, false);
    check_file(token_keys_add_secret, world.folder, false);
    check_file(token_keys_add_secret, world.rsa, false);
    check_file(token_keys_add_public, world.rsa_public, true);
    check_file(token_keys_add_public, world.ec_public, true);
    check_file(token_keys_add_public, world.ec384_public, false);
    check_file(token_keys_add_public, world.small_rsa_public, false);
    check_file(token_keys_add_public, world.rsa, false);
    check_file(token_keys_add_public, world.secret, false);
    check_file(token_keys_add_public, loose, false);
    check_file(token_keys_add_private, world.ec, true);
    check_file(token_keys_add_private, world.ec384, false);
    check_file(token_keys_add_private, world.ec_public, false);
}

static void test_sign(void)
{
    const char *const files[] = {world.rsa, world.ec};
    char *rooms[] = {(char *) "a", (char *) "b", NULL};
    const TokenClaims claims = {.rooms = rooms,
                                .name = (char *) "kitchen",
                                .begins = 5,
                                .expires = G_GINT64_CONSTANT(1) << 40};
    g_autoptr(TokenKeys) public = public_keys();

    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autoptr(TokenKeys) private = token_keys_new();
        g_autoptr(TokenClaims) read = NULL;
        g_autofree char *text = NULL;

        g_assert_true(token_keys_add_private(private, files[i], NULL));
        text = token_sign(private, &claims, NULL);
        read = token_verify(public, text, NULL);
        g_assert_nonnull(read);
        g_assert_true(g_strv_equal((const char *const *) read->rooms, (const char *const *) rooms));
        g_assert_cmpstr(read->name, ==, "kitchen");
        g_assert_cmpint(read->begins, ==, 5);
        g_assert_cmpint(read->expires, ==, claims.expires);
    }
}

static void test_too_many_keys(void)
{
    g_autoptr(TokenKeys) keys = token_keys_new();
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < TOKEN_KEYS_MAX; i++)
        g_assert_true(token_keys_add_public(keys, world.ec_public, NULL));
    g_assert_false(token_keys_add_public(keys, world.ec_public, &error));
    g_assert_error(error, TOKEN_ERROR, TOKEN_ERROR_KEY);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    set_up();
    g_test_add_func("/token/rooms", test_rooms);
    g_test_add_func("/token/times", test_times);
    g_test_add_func("/token/names", test_names);
    g_test_add_func("/token/bad-claims", test_bad_claims);
    g_test_add_func("/token/signatures", test_signatures);
    g_test_add_func("/token/wrong-keys", test_wrong_keys);
    g_test_add_func("/token/confusion", test_confusion);
    g_test_add_func("/token/algorithms", test_algorithms);
    g_test_add_func("/token/form", test_form);
    g_test_add_func("/token/files", test_files);
    g_test_add_func("/token/sign", test_sign);
    g_test_add_func("/token/too-many-keys", test_too_many_keys);
    status = g_test_run();
    tear_down();
    return status;
}
