/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libjwt verifies. Given a key, it takes the algorithm of the token's header for
 * it, so that a public key could be taken for a secret; given none, it verifies
 * nothing. Hence it reads the header first, only keys of that algorithm are tried,
 * and what it says it has verified with is compared again.
 */

#include <config.h>

#include "token/token.h"

#include <glib/gi18n.h>
#include <jansson.h>
#include <jwt.h>
#include <math.h>
#include <string.h>

#include "common/secret-file.h"
#include "token/key-kind.h"

G_DEFINE_QUARK(rtcbus - token - error - quark, token_error)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(jwt_t, jwt_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

enum {
    SECRET_MAX = 4096,
    PEM_MIN = 64,
    PEM_MAX = 16384,
};

typedef struct {
    jwt_alg_t algorithm;
    char *text; /* a secret, or PEM */
    guint64 id; /* of its digest; it is shown to nobody */
} TokenKey;

struct TokenKeys {
    GPtrArray *keys;
};

/* ---- keys -------------------------------------------------------------------- */

static void token_key_free(gpointer data)
{
    TokenKey *key = data;

    secret_free(key->text);
    g_free(key);
}

TokenKeys *token_keys_new(void)
{
    TokenKeys *keys = g_new0(TokenKeys, 1);

    keys->keys = g_ptr_array_new_with_free_func(token_key_free);
    return keys;
}

void token_keys_free(TokenKeys *keys)
{
    if (!keys)
        return;
    g_ptr_array_unref(keys->keys);
    g_free(keys);
}

bool token_keys_have(const TokenKeys *keys, guint64 key)
{
    for (guint i = 0; i < keys->keys->len; i++) {
        if (((const TokenKey *) keys->keys->pdata[i])->id == key)
            return true;
    }
    return false;
}

static guint64 id_of(const char *text)
{
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);

    digest[16] = '\0';
    return g_ascii_strtoull(digest, NULL, 16);
}

/* Takes TEXT. */
static bool keys_add(TokenKeys *keys, jwt_alg_t algorithm, char *text, GError **error)
{
    TokenKey *key;

    if (keys->keys->len == TOKEN_KEYS_MAX) {
        secret_free(text);
        g_set_error(error, TOKEN_ERROR, TOKEN_ERROR_KEY, _("there are more than %d keys"),
                    TOKEN_KEYS_MAX);
        return false;
    }
    key = g_new0(TokenKey, 1);
    key->algorithm = algorithm;
    key->text = text;
    key->id = id_of(text);
    g_ptr_array_add(keys->keys, key);
    return true;
}

bool token_keys_add_secret(TokenKeys *keys, const char *path, GError **error)
{
    char *text = secret_file_read(path, SECRET_FILE_HIDDEN, TOKEN_SECRET_MIN, SECRET_MAX, error);

    if (text && key_kind_is_pem(text)) {
        secret_free(text);
        g_set_error(error, TOKEN_ERROR, TOKEN_ERROR_KEY,
                    _("%s holds a key or a certificate and no secret"), path);
        return false;
    }
    return text && keys_add(keys, JWT_ALG_HS256, text, error);
}

static bool keys_add_pem(TokenKeys *keys, const char *path, bool private, GError **error)
{
    char *text = secret_file_read(path, private ? SECRET_FILE_HIDDEN : SECRET_FILE_SHOWN, PEM_MIN,
                                  PEM_MAX, error);
    KeyKind kind;

    if (!text)
        return false;
    kind = private ? key_kind_of_private(text) : key_kind_of_public(text);
    if (kind == KEY_KIND_OTHER) {
        secret_free(text);
        g_set_error(error, TOKEN_ERROR, TOKEN_ERROR_KEY,
                    private ? _("%s holds no private key (PEM) on the curve P-256, nor an RSA key "
                                "of 2048 bits or more")
                            : _("%s holds no public key (PEM) on the curve P-256, nor an RSA key "
                                "of 2048 bits or more"),
                    path);
        return false;
    }
    return keys_add(keys, kind == KEY_KIND_RSA ? JWT_ALG_RS256 : JWT_ALG_ES256, text, error);
}

bool token_keys_add_public(TokenKeys *keys, const char *path, GError **error)
{
    return keys_add_pem(keys, path, false, error);
}

bool token_keys_add_private(TokenKeys *keys, const char *path, GError **error)
{
    return keys_add_pem(keys, path, true, error);
}

/* ---- the signature ------------------------------------------------------------- */

static gpointer refuse(GError **error, TokenError code, const char *text)
{
    g_set_error_literal(error, TOKEN_ERROR, code, text);
    return NULL;
}

/* Three parts of base64url (RFC 7515 section 7.1), none of them empty. */
static bool is_compact(const char *text)
{
    guint dots = 0;
    gsize part = 0, length = strlen(text);

    if (length > TOKEN_MAX)
        return false;
    for (; *text; text++) {
        if (*text == '.' && part == 0)
            return false;
        dots += *text == '.';
        part = *text == '.' ? 0 : part + 1;
        if (*text != '.' && !g_ascii_isalnum(*text) && *text != '-' && *text != '_')
            return false;
    }
    return dots == 2 && part > 0;
}

/* What the header of TEXT asks for; JWT_ALG_INVAL if that is nothing of ours. */
static jwt_alg_t claimed_algorithm(const char *text, GError **error)
{
    g_autoptr(jwt_t) unverified = NULL;
    const char *name;
    char *critical;
    jwt_alg_t algorithm = JWT_ALG_INVAL;

    if (!is_compact(text) || jwt_decode(&unverified, text, NULL, 0) != 0) {
        refuse(error, TOKEN_ERROR_FORM, N_("the token is no JSON Web Token"));
        return JWT_ALG_INVAL;
    }
    name = jwt_get_header(unverified, "alg");
    critical = jwt_get_headers_json(unverified, "crit");
    /* Extensions that must be understood (RFC 7515 section 4.1.11): we know none. */
    for (jwt_alg_t known = JWT_ALG_HS256; name && !critical && known < JWT_ALG_TERM; known++) {
        if (strcmp(jwt_alg_str(known), name) == 0)
            algorithm = known;
    }
    free(critical);
    if (algorithm == JWT_ALG_INVAL)
        refuse(error, TOKEN_ERROR_ALGORITHM,
               N_("the token's algorithm is none that is understood here"));
    return algorithm;
}

/* TEXT as KEY has signed it, or NULL. */
static jwt_t *verified_by(const TokenKey *key, const char *text)
{
    g_autoptr(jwt_t) token = NULL;

    if (jwt_decode(&token, text, (const unsigned char *) key->text, (int) strlen(key->text)) != 0 ||
        jwt_get_alg(token) != key->algorithm)
        return NULL;
    return g_steal_pointer(&token);
}

static jwt_t *verified_by_any(const TokenKeys *keys, const char *text, guint64 *id, GError **error)
{
    jwt_alg_t algorithm = claimed_algorithm(text, error);
    bool tried = false;

    if (algorithm == JWT_ALG_INVAL)
        return NULL;
    for (guint i = 0; i < keys->keys->len; i++) {
        const TokenKey *key = keys->keys->pdata[i];
        jwt_t *token = key->algorithm == algorithm ? verified_by(key, text) : NULL;

        tried |= key->algorithm == algorithm;
        if (token) {
            *id = key->id;
            return token;
        }
    }
    if (!tried)
        return refuse(error, TOKEN_ERROR_ALGORITHM,
                      N_("the token's algorithm is none that there is a key for"));
    return refuse(error, TOKEN_ERROR_SIGNATURE, N_("the token is not signed with a key of ours"));
}

/* ---- the claims ------------------------------------------------------------------ */

void token_claims_free(TokenClaims *claims)
{
    if (!claims)
        return;
    g_strfreev(claims->rooms);
    g_free(claims->name);
    g_free(claims);
}

/* A NumericDate (RFC 7519 section 2), which may have a fraction. */
static bool read_time(json_t *value, gint64 *seconds)
{
    double number = json_number_value(value);

    if (!value || json_is_null(value))
        return true;
    if (!json_is_number(value) || !isfinite(number))
        return false;
    if (fabs(number) < 1e15)
        *seconds = (gint64) floor(number);
    else
        *seconds = number > 0 ? G_MAXINT64 : G_MININT64;
    return true;
}

static bool read_rooms(json_t *value, char ***rooms)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    size_t i;
    json_t *item;

    if (json_is_string(value))
        g_strv_builder_add(builder, json_string_value(value));
    else if (!json_is_array(value))
        return false;
    json_array_foreach(value, i, item)
    {
        if (!json_is_string(item))
            return false;
        g_strv_builder_add(builder, json_string_value(item));
    }
    *rooms = g_strv_builder_end(builder);
    return true;
}

static bool read_claims(json_t *root, TokenClaims *claims)
{
    json_t *name = json_object_get(root, "name");

    claims->begins = G_MININT64;
    claims->expires = G_MAXINT64;
    if (name && !json_is_null(name) && !json_is_string(name))
        return false;
    claims->name = g_strdup(json_string_value(name));
    return read_rooms(json_object_get(root, "room"), &claims->rooms) &&
           read_time(json_object_get(root, "nbf"), &claims->begins) &&
           read_time(json_object_get(root, "exp"), &claims->expires);
}

TokenClaims *token_verify(const TokenKeys *keys, const char *text, GError **error)
{
    guint64 id = 0;
    g_autoptr(jwt_t) token = verified_by_any(keys, text, &id, error);
    g_autoptr(TokenClaims) claims = NULL;
    g_autoptr(json_t) root = NULL;
    char *json;

    if (!token)
        return NULL;
    json = jwt_get_grants_json(token, NULL);
    root = json ? json_loads(json, 0, NULL) : NULL;
    free(json);
    claims = g_new0(TokenClaims, 1);
    claims->key = id;
    if (!root || !read_claims(root, claims))
        return refuse(error, TOKEN_ERROR_CLAIMS,
                      N_("the token does not say in its claim \"room\" what it opens, or another "
                         "claim of it makes no sense"));
    return g_steal_pointer(&claims);
}

bool token_opens(const TokenClaims *claims, const char *room)
{
    for (char **known = claims->rooms; *known; known++) {
        if (strcmp(*known, TOKEN_ALL_ROOMS) == 0 || strcmp(*known, room) == 0)
            return true;
    }
    return false;
}

/* ---- making one ------------------------------------------------------------------ */

static char *claims_to_json(const TokenClaims *claims)
{
    g_autoptr(json_t) root = json_object();
    json_t *rooms = json_array();

    for (char **room = claims->rooms; *room; room++)
        json_array_append_new(rooms, json_string(*room));
    if (json_array_size(rooms) == 1)
        json_object_set(root, "room", json_array_get(rooms, 0));
    else
        json_object_set(root, "room", rooms);
    json_decref(rooms);
    if (claims->name)
        json_object_set_new(root, "name", json_string(claims->name));
    if (claims->begins != G_MININT64)
        json_object_set_new(root, "nbf", json_integer(claims->begins));
    if (claims->expires != G_MAXINT64)
        json_object_set_new(root, "exp", json_integer(claims->expires));
    return json_dumps(root, JSON_COMPACT);
}

char *token_sign(const TokenKeys *keys, const TokenClaims *claims, GError **error)
{
    g_autoptr(jwt_t) token = NULL;
    const TokenKey *key = keys->keys->pdata[0];
    char *json = claims_to_json(claims), *text = NULL, *copy;

    if (json && jwt_new(&token) == 0 && jwt_add_grants_json(token, json) == 0 &&
        jwt_set_alg(token, key->algorithm, (const unsigned char *) key->text,
                    (int) strlen(key->text)) == 0)
        text = jwt_encode_str(token);
    free(json);
    if (!text || strlen(text) > TOKEN_MAX) {
        free(text);
        return refuse(error, TOKEN_ERROR_CLAIMS, _("no token can be made of that"));
    }
    copy = g_strdup(text);
    free(text);
    return copy;
}
