/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Tokens: JSON Web Tokens (RFC 7519) that say which rooms their bearer may enter,
 * and as whom. No clock: whoever asks says what time it is, and what it means.
 *
 * The key decides the algorithm (RFC 8725 section 3.1): a secret is for HS256, an
 * RSA key for RS256, one on the curve P-256 for ES256. What a token's header says
 * only selects among the keys, and "none" selects nothing.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#define TOKEN_MAX 4096 /* bytes */

#define TOKEN_ERROR (token_error_quark())
GQuark token_error_quark(void);

typedef enum {
    TOKEN_ERROR_FORM,      /* no JSON Web Token, or too long */
    TOKEN_ERROR_ALGORITHM, /* there is no key of its algorithm */
    TOKEN_ERROR_SIGNATURE, /* no key fits */
    TOKEN_ERROR_CLAIMS,    /* signed, but its claims make no sense */
    TOKEN_ERROR_KEY,       /* a file holds no key that is of use */
} TokenError;

/* ---- keys ---- */

typedef struct TokenKeys TokenKeys;

#define TOKEN_SECRET_MIN 32 /* bytes: RFC 7518 section 3.2 */
#define TOKEN_KEYS_MAX 16

TokenKeys *token_keys_new(void);
void token_keys_free(TokenKeys *keys);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TokenKeys, token_keys_free)

/* Take in a file: the secret of HS256 (its text), a public key of ES256 or RS256 (PEM), the
 * private key of one. ERROR: TOKEN_ERROR_KEY or SECRET_FILE_ERROR, with what to do. */
bool token_keys_add_secret(TokenKeys *keys, const char *path, GError **error);
bool token_keys_add_public(TokenKeys *keys, const char *path, GError **error);
bool token_keys_add_private(TokenKeys *keys, const char *path, GError **error);

/* Whether KEY, of TokenClaims, is among them. */
bool token_keys_have(const TokenKeys *keys, guint64 key);

/* ---- tokens ---- */

#define TOKEN_ALL_ROOMS "*"

typedef struct {
    char **rooms;   /* their names, without the URL's slash; TOKEN_ALL_ROOMS: all */
    char *name;     /* the only one that its bearer may take; NULL: any */
    gint64 begins;  /* seconds since the epoch; G_MININT64: it always was */
    gint64 expires; /* the same; G_MAXINT64: never */
    guint64 key;    /* token_verify(): which has vouched for it */
} TokenClaims;

void token_claims_free(TokenClaims *claims);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TokenClaims, token_claims_free)

bool token_opens(const TokenClaims *claims, const char *room);

/* What TEXT says, if one of KEYS vouches for it. NULL with ERROR, a clause about "the token"
 * in English, for whoever has sent it, that has nothing of it in it. */
TokenClaims *token_verify(const TokenKeys *keys, const char *text, GError **error);

/* A token of CLAIMS, signed with the only one of KEYS. Transfer full. */
char *token_sign(const TokenKeys *keys, const TokenClaims *claims, GError **error);
