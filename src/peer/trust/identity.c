/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/trust/identity.h"

#include <string.h>

enum { MAX_COPIES = 16 };

struct Identity {
    char *folder;
    Certificate *certificate;
    GPtrArray *copies; /* names, and a NULL */
};

Identity *identity_load(const char *folder, GError **error)
{
    g_autoptr(Identity) identity = g_new0(Identity, 1);

    identity->folder = g_strdup(folder);
    identity->copies = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(identity->copies, NULL);
    identity->certificate = certificate_load(folder, PACKAGE, error);
    return identity->certificate ? g_steal_pointer(&identity) : NULL;
}

void identity_free(Identity *identity)
{
    if (!identity)
        return;
    g_clear_pointer(&identity->certificate, certificate_unref);
    g_ptr_array_unref(identity->copies);
    g_free(identity->folder);
    g_free(identity);
}

bool identity_renew(Identity *identity, GError **error)
{
    Certificate *fresh = certificate_renew(identity->folder, PACKAGE, error);

    if (!fresh)
        return false;
    certificate_unref(identity->certificate);
    identity->certificate = fresh;
    g_ptr_array_set_size(identity->copies, 0);
    g_ptr_array_add(identity->copies, NULL);
    return true;
}

Certificate *identity_certificate(const Identity *identity)
{
    return identity->certificate;
}

const char *identity_fingerprint(const Identity *identity)
{
    return certificate_fingerprint(identity->certificate);
}

bool identity_is_own(const Identity *identity, const char *fingerprint)
{
    return g_strcmp0(identity_fingerprint(identity), fingerprint) == 0;
}

bool identity_note_copy(Identity *identity, const char *name)
{
    if (g_strv_contains(identity_copies(identity), name) || identity->copies->len > MAX_COPIES)
        return false;
    g_ptr_array_insert(identity->copies, (gint) identity->copies->len - 1, g_strdup(name));
    return true;
}

const char *const *identity_copies(const Identity *identity)
{
    return (const char *const *) identity->copies->pdata;
}
