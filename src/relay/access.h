/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Who may enter which room as whom, by the token that a request shows. It knows
 * keys and clocks; what is in a token is token/token.h's, web pages are origin.h's.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "relay/config.h"
#include "relay/handshake.h"

typedef struct Access Access;

/* Lets everybody in until it is told otherwise. */
Access *access_new(void);
void access_free(Access *access);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Access, access_free)

/* Takes over what CONFIG says, and reads its files again. On failure all stays as it was. */
bool access_load(Access *access, const RelayConfig *config, GError **error);

/* What a client may do for having shown its token. */
typedef struct {
    gint64 expires; /* µs since the epoch; G_MAXINT64: never */
    guint64 key;    /* which has vouched for it */
    bool by_token;  /* else no token was needed */
    bool owns_name; /* the name that it asks for is written in its token */
    bool one_name;  /* it could have no other */
} AccessGrant;

/* Whether what GRANT was given for would still let its bearer in, but for the time. */
bool access_still_grants(const Access *access, const AccessGrant *grant);

typedef struct {
    int status;
    char *text; /* for the client and the journal; nothing of the token but the name in it */
    guint retry_after;
} AccessRefusal;

void access_refusal_clear(AccessRefusal *refusal);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AccessRefusal, access_refusal_clear)

/*
 * Decides about REQUEST. PREFIX stands for where it is from: whoever sends many bad
 * tokens from there is told to wait, and who has a good one is let in all the same.
 * 0: that is not limited. WALL is in µs since the epoch, NOW in monotonic µs. REFUSAL is zero, and filled if the answer is no.
 */
bool access_check(Access *access, const Handshake *request, guint64 prefix, gint64 wall, gint64 now,
                  AccessGrant *grant, AccessRefusal *refusal);
