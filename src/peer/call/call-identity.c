/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/call-identity.h"

static void set(char **place, const char *text)
{
    char *copy = g_strdup(text);

    g_free(*place);
    *place = copy;
}

void call_identity_clear(CallIdentity *identity)
{
    g_free(identity->asked);
    g_free(identity->id);
    g_free(identity->detour);
    g_free(identity->proof);
    g_free(identity->claimed);
    g_free(identity->shown);
    g_free(identity->verified);
}

void call_identity_bind(CallIdentity *identity, const char *id, const char *claimed,
                        const char *shown)
{
    set(&identity->id, id);
    set(&identity->claimed, claimed);
    if (!identity->asked && shown && *shown)
        set(&identity->shown, shown);
}

void call_identity_detour(CallIdentity *identity, const char *id, const char *proof)
{
    const bool here = g_strcmp0(identity->id, id) == 0;

    if (!here && !proof && g_strcmp0(identity->detour, id) == 0)
        return;
    set(&identity->detour, here ? NULL : id);
    set(&identity->proof, here ? NULL : proof);
}

void call_identity_settle(CallIdentity *identity, const char *path)
{
    if (!identity->detour || !identity->proof || g_strcmp0(identity->proof, path) != 0)
        return;
    g_free(identity->id);
    identity->id = g_steal_pointer(&identity->detour);
    g_clear_pointer(&identity->proof, g_free);
    identity->left = false;
}

const char *call_identity_address(const CallIdentity *identity)
{
    return identity->detour ? identity->detour : identity->id;
}

bool call_identity_is_at(const CallIdentity *identity, const char *from)
{
    return g_strcmp0(identity->id, from) == 0 ||
           (identity->detour && g_strcmp0(identity->detour, from) == 0);
}

void call_identity_verify(CallIdentity *identity, const char *fingerprint,
                          const TrustAnswer *answer)
{
    set(&identity->verified, fingerprint);
    identity->trust = answer->level;
    if (answer->known_as)
        set(&identity->shown, answer->known_as);
}

const char *call_identity_name(const CallIdentity *identity)
{
    return identity->asked ? identity->asked : identity->claimed;
}
