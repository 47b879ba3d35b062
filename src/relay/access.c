/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See access.h. Bad tokens are counted in buckets of which there is a fixed
 * number, so that nobody makes us remember addresses. Two addresses may have one
 * bucket in common; which ones do, nobody can know before. What it costs to verify them
 * is charged to the turns of their address (admission_run()).
 */

#include <config.h>

#include "relay/access.h"

#include <glib/gi18n.h>

#include "common/bucket.h"
#include "common/clock.h"
#include "common/printable.h"
#include "common/random.h"
#include "token/token.h"

#define LEEWAY 5       /* seconds that our clock and the issuer's may differ */
#define CLOCK_RETRY 10 /* seconds */

#define BUCKETS 1024
#define BAD_BURST 30
#define BAD_INTERVAL (G_USEC_PER_SEC / 2)
#define BAD_RETRY 10 /* seconds */

struct Access {
    bool required;
    TokenKeys *keys;
    guint64 seed;
    Bucket bad[BUCKETS];
};

Access *access_new(void)
{
    Access *access = g_new0(Access, 1);

    access->keys = token_keys_new();
    random_bytes(&access->seed, sizeof access->seed);
    return access;
}

void access_free(Access *access)
{
    if (!access)
        return;
    token_keys_free(access->keys);
    g_free(access);
}

bool access_load(Access *access, const RelayConfig *config, GError **error)
{
    g_autoptr(TokenKeys) keys = token_keys_new();

    if (*config->token_secret && !token_keys_add_secret(keys, config->token_secret, error))
        return false;
    for (char **file = config->token_public_keys; *file; file++) {
        if (!token_keys_add_public(keys, *file, error))
            return false;
    }
    access->required = config->tokens == ACCESS_TOKENS_REQUIRED;
    token_keys_free(access->keys);
    access->keys = g_steal_pointer(&keys);
    return true;
}

bool access_still_grants(const Access *access, const AccessGrant *grant)
{
    return !access->required || (grant->by_token && token_keys_have(access->keys, grant->key));
}

/* ---- refusals -------------------------------------------------------------- */

void access_refusal_clear(AccessRefusal *refusal)
{
    g_clear_pointer(&refusal->text, g_free);
}

/* Takes TEXT. */
static bool refuse(AccessRefusal *refusal, int status, char *text)
{
    refusal->status = status;
    refusal->text = text;
    return false;
}

static char *time_text(gint64 seconds)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);

    return time ? g_date_time_format(time, "%F %T UTC") : g_strdup("?");
}

/* The bucket of PREFIX: its product with an odd number that nobody knows, and of that
 * the upper bits. */
static Bucket *bucket_of(Access *access, guint64 prefix)
{
    return &access->bad[(prefix * (access->seed | 1)) >> 54];
}

/* A token is bad, for REASON. It was verified before anybody is told to wait: others who have one
 * that is good may come from the same address. */
static bool refuse_bad(Access *access, guint64 prefix, gint64 now, const char *reason,
                       AccessRefusal *refusal)
{
    if (prefix == 0 || bucket_take(bucket_of(access, prefix), now, BAD_INTERVAL, BAD_BURST))
        return refuse(refusal, 401, g_strdup(reason));
    refusal->retry_after = BAD_RETRY;
    return refuse(
        refusal, 429,
        g_strdup_printf(N_("%s; and too many bad tokens have come from this address"), reason));
}

/* ---- time ------------------------------------------------------------------ */

static bool has_time(const TokenClaims *claims)
{
    return claims->expires != G_MAXINT64 || claims->begins != G_MININT64;
}

/* The last moment at which CLAIMS hold, µs since the epoch. */
static gint64 end_of(const TokenClaims *claims)
{
    if (claims->expires >= G_MAXINT64 / G_USEC_PER_SEC - LEEWAY)
        return G_MAXINT64;
    return (MAX(claims->expires, 0) + LEEWAY) * G_USEC_PER_SEC;
}

static bool check_time(const TokenClaims *claims, gint64 wall, AccessRefusal *refusal)
{
    gint64 seconds = wall / G_USEC_PER_SEC;
    g_autofree char *now = time_text(seconds), *begins = time_text(claims->begins),
                    *expires = time_text(claims->expires);

    if (has_time(claims) && wall < CLOCK_EARLIEST) {
        refusal->retry_after = CLOCK_RETRY;
        return refuse(refusal, 503,
                      g_strdup_printf(N_("the clock of the relay is not set (it says %s), so it "
                                         "cannot tell whether the token is valid"),
                                      now));
    }
    if (wall >= end_of(claims))
        return refuse(refusal, 401,
                      g_strdup_printf(N_("the token ran out at %s, and the clock of the relay says "
                                         "%s"),
                                      expires, now));
    if (claims->begins > seconds + LEEWAY)
        return refuse(refusal, 401,
                      g_strdup_printf(N_("the token is not valid before %s, and the clock of the "
                                         "relay says %s"),
                                      begins, now));
    return true;
}

/* ---- the decision ------------------------------------------------------------ */

static bool check_claims(const TokenClaims *claims, const Handshake *request, gint64 wall,
                         AccessRefusal *refusal)
{
    g_autofree char *name = claims->name ? printable(claims->name) : NULL;

    if (!check_time(claims, wall, refusal))
        return false;
    if (!token_opens(claims, request->room))
        return refuse(refusal, 403, g_strdup(N_("the token does not open this room")));
    if (claims->name && *request->name && g_strcmp0(claims->name, request->name) != 0)
        return refuse(
            refusal, 403,
            g_strdup_printf(N_("the token is for the name \"%s\" and for no other"), name));
    return true;
}

bool access_check(Access *access, const Handshake *request, guint64 prefix, gint64 wall, gint64 now,
                  AccessGrant *grant, AccessRefusal *refusal)
{
    g_autoptr(TokenClaims) claims = NULL;
    g_autoptr(GError) error = NULL;

    *grant = (AccessGrant){.expires = G_MAXINT64};
    if (!access->required)
        return true;
    if (!request->token || !*request->token)
        return refuse(refusal, 401, g_strdup(N_("this relay wants a token, and there is none")));
    claims = token_verify(access->keys, request->token, &error);
    if (!claims)
        return refuse_bad(access, prefix, now, error->message, refusal);
    if (!check_claims(claims, request, wall, refusal))
        return false;
    grant->by_token = true;
    grant->key = claims->key;
    grant->expires = end_of(claims);
    grant->one_name = claims->name != NULL;
    grant->owns_name = claims->name && *request->name;
    return true;
}
