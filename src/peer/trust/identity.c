/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/trust/identity.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/config-file.h"
#include "common/log.h"
#include "peer/error.h"

enum {
    MAX_COPIES = 16,
    RETRY_FIRST = 1000, /* milliseconds */
    RETRY_LAST = 30000,
};

struct Identity {
    const IdentityOps *ops;
    gpointer data;
    char *folder;
    Certificate *certificate;
    char *problem;
    guint delay, timer;
    GPtrArray *copies; /* names, and a NULL */
};

/* ---- the file, which may have to be waited for ------------------------------ */

static bool make_folder(const char *folder, GError **error)
{
    if (g_mkdir_with_parents(folder, 0700) == 0)
        return true;
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: %s", folder,
                g_strerror(errno));
    return false;
}

/* What is known already goes on working. */
static void warn_of_read_only(const Identity *identity)
{
    if (g_access(identity->folder, W_OK) < 0)
        log_warning(_("nothing can be written to %s (%s): peers that are met for the first time "
                      "cannot be remembered"),
                    identity->folder, g_strerror(errno));
}

static bool identity_load(Identity *identity, GError **error)
{
    bool made = false;

    if (!make_folder(identity->folder, error))
        return false;
    identity->certificate = certificate_load(identity->folder, PACKAGE, &made, error);
    if (!identity->certificate)
        return false;
    if (made)
        log_info(_("a new key is made: %s"), certificate_fingerprint(identity->certificate));
    warn_of_read_only(identity);
    return true;
}

/* What the file system says may be another thing in a minute; what is in the file may not. */
static bool is_passing(const GError *error)
{
    return error->domain == G_FILE_ERROR;
}

static gboolean on_retry(gpointer data);

static char *explain_damage(const GError *error)
{
    return g_strdup_printf(_("%s: restore it from a backup, or move it away, and a new key is made "
                             "that the other peers have to be told of"),
                           error->message);
}

static char *explain_fault(const GError *error)
{
    return g_strdup_printf(_("our key cannot be kept, and nothing is begun without it: %s; once "
                             "that is mended we go on by ourselves"),
                           error->message);
}

/* Takes ERROR. True if it is another one than before. */
static bool identity_wait(Identity *identity, GError *error)
{
    g_autoptr(GError) owned = error;
    char *problem = is_passing(owned) ? explain_fault(owned) : explain_damage(owned);
    bool news = g_strcmp0(problem, identity->problem) != 0;

    if (news)
        log_error("%s", problem);
    g_free(identity->problem);
    identity->problem = problem;
    identity->timer = clock_timer_add(identity->delay, on_retry, identity);
    identity->delay = MIN(identity->delay * 2, RETRY_LAST);
    return news;
}

static gboolean on_retry(gpointer data)
{
    Identity *identity = data;
    GError *error = NULL;

    identity->timer = 0;
    if (identity_load(identity, &error)) {
        g_clear_pointer(&identity->problem, g_free);
        identity->ops->ready(identity->data);
        return G_SOURCE_REMOVE;
    }
    if (identity_wait(identity, error))
        identity->ops->waiting(identity->problem, identity->data);
    return G_SOURCE_REMOVE;
}

bool identity_open(Identity *identity, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autofree char *damage = NULL;

    if (identity_load(identity, &local))
        return true;
    if (is_passing(local)) {
        identity_wait(identity, g_steal_pointer(&local));
        return true;
    }
    damage = explain_damage(local);
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_UNREADABLE, damage);
    return false;
}

/* ---- the object -------------------------------------------------------------- */

Identity *identity_new(const char *folder, const IdentityOps *ops, gpointer data)
{
    Identity *identity = g_new0(Identity, 1);

    identity->ops = ops;
    identity->data = data;
    identity->folder = g_strdup(folder);
    identity->delay = RETRY_FIRST;
    identity->copies = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(identity->copies, NULL);
    return identity;
}

void identity_free(Identity *identity)
{
    if (!identity)
        return;
    g_clear_handle_id(&identity->timer, g_source_remove);
    g_clear_pointer(&identity->certificate, certificate_unref);
    g_ptr_array_unref(identity->copies);
    g_free(identity->problem);
    g_free(identity->folder);
    g_free(identity);
}

bool identity_renew(Identity *identity, GError **error)
{
    Certificate *fresh;

    if (identity->problem) {
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_FAILED, identity->problem);
        return false;
    }
    fresh = certificate_renew(identity->folder, PACKAGE, error);
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
    return identity->certificate ? certificate_fingerprint(identity->certificate) : "";
}

const char *identity_problem(const Identity *identity)
{
    return identity->problem;
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
