/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/trust/known-peers.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/atomic-file.h"
#include "common/clock.h"
#include "peer/error.h"

enum { DEFAULT_LIMIT = 4096 };

struct KnownPeers {
    char *admin_path, *learned_path;
    KnownFile *admin, *learned; /* NULL while they cannot be used */
    GError *problem;
    guint limit;
    struct stat seen; /* of the learned file as it was read; all 0: it is to be read again */
};

/* ---- files ---------------------------------------------------------------- */

/* One that is not there is empty. SEEN, or NULL: all 0 if no line may be added at its end. */
static KnownFile *read_file(const char *path, struct stat *seen, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) local = NULL;
    struct stat now = {};
    gsize length;

    if (seen && stat(path, &now) != 0)
        now = (struct stat){};
    if (g_file_get_contents(path, &text, &length, &local)) {
        if (seen && (length == 0 || text[length - 1] == '\n'))
            *seen = now;
        else if (seen)
            *seen = (struct stat){};
        return known_file_parse(text, length, path, error);
    }
    if (g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return known_file_new();
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_FAILED, local->message);
    return NULL;
}

static bool write_file(const char *path, const KnownFile *file, GError **error)
{
    g_autofree char *text = known_file_write(file);
    g_autoptr(GError) local = NULL;

    if (atomic_file_write(path, text, strlen(text), ATOMIC_FILE_REPLACE, &local))
        return true;
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_FAILED, local->message);
    return false;
}

bool known_peers_load(KnownPeers *known, GError **error)
{
    g_autoptr(KnownFile) admin = NULL, learned = NULL;

    g_clear_error(&known->problem);
    g_clear_pointer(&known->admin, known_file_free);
    g_clear_pointer(&known->learned, known_file_free);
    if (!(admin = read_file(known->admin_path, NULL, &known->problem)) ||
        !(learned = read_file(known->learned_path, &known->seen, &known->problem)))
        return known_peers_usable(known, error);
    known->admin = g_steal_pointer(&admin);
    known->learned = g_steal_pointer(&learned);
    return true;
}

bool known_peers_usable(const KnownPeers *known, GError **error)
{
    if (known->admin)
        return true;
    g_set_error(error, PEER_ERROR, PEER_ERROR_FAILED,
                _("nobody is known until this is repaired and read again: %s"),
                known->problem ? known->problem->message : "-");
    return false;
}

/* ---- looking up ------------------------------------------------------------ */

const KnownPeer *known_peers_find(const KnownPeers *known, const char *name, const char **path)
{
    const KnownPeer *peer = known->admin ? known_file_find(known->admin, name) : NULL;

    *path = peer ? known->admin_path : known->learned_path;
    if (!peer && known->learned)
        peer = known_file_find(known->learned, name);
    return peer;
}

KnownResult known_peers_check(const KnownPeers *known, const char *name, const char *fingerprint)
{
    const KnownFile *file = known->admin;

    if (!file)
        return KNOWN_NOT;
    if (!known_file_find(file, name))
        file = known->learned;
    if (known_file_has(file, name, fingerprint))
        return KNOWN_SAME;
    return known_file_find(file, name) ? KNOWN_OTHER : KNOWN_NOT;
}

static bool is_first_call(const KnownPeers *known, const char *name)
{
    const char *path;
    const KnownPeer *peer = known_peers_find(known, name, &path);

    return peer && path == known->learned_path && g_str_has_prefix(peer->comment, KNOWN_FIRST_CALL);
}

bool known_peers_vouched(const KnownPeers *known, const char *name, const char *fingerprint)
{
    return known_peers_check(known, name, fingerprint) == KNOWN_SAME && !is_first_call(known, name);
}

typedef struct {
    const KnownPeers *known;
    void (*func)(const KnownPeer *peer, const char *path, gpointer data);
    gpointer data;
    bool admin;
} KnownWalk;

static void walk(const KnownPeer *peer, gpointer data)
{
    const KnownWalk *to = data;

    if (to->admin)
        to->func(peer, to->known->admin_path, to->data);
    else if (!known_file_find(to->known->admin, peer->name))
        to->func(peer, NULL, to->data);
}

typedef struct {
    const KnownFile *above; /* whose names do not count here, or NULL */
    const char *fingerprint;
    const char *name; /* the first that was found */
} NameSearch;

static void match_fingerprint(const KnownPeer *peer, gpointer data)
{
    NameSearch *search = data;

    if (!search->name && strcmp(peer->fingerprint, search->fingerprint) == 0 &&
        !(search->above && known_file_find(search->above, peer->name)))
        search->name = peer->name;
}

const char *known_peers_name_of(const KnownPeers *known, const char *fingerprint)
{
    NameSearch search = {.fingerprint = fingerprint};

    if (!known->admin)
        return NULL;
    known_file_foreach(known->admin, match_fingerprint, &search);
    search.above = known->admin;
    known_file_foreach(known->learned, match_fingerprint, &search);
    return search.name;
}

void known_peers_foreach(const KnownPeers *known,
                         void (*func)(const KnownPeer *peer, const char *path, gpointer data),
                         gpointer data)
{
    KnownWalk to = {.known = known, .func = func, .data = data, .admin = true};

    if (!known->admin)
        return;
    known_file_foreach(known->admin, walk, &to);
    to.admin = false;
    known_file_foreach(known->learned, walk, &to);
}

/* ---- learning -------------------------------------------------------------- */

/* The learned file as it is now, perhaps edited by hand since we read it. */
static bool refresh(KnownPeers *known, GError **error)
{
    KnownFile *learned;
    struct stat now;

    if (!known_peers_usable(known, error))
        return false;
    if (known->seen.st_ino != 0 && stat(known->learned_path, &now) == 0 &&
        atomic_file_is_same(&now, &known->seen))
        return true;
    learned = read_file(known->learned_path, &known->seen, error);
    if (!learned)
        return false;
    known_file_free(known->learned);
    known->learned = learned;
    return true;
}

/* Writes what FRESH says; what was known before stays known if that fails. */
static bool store(KnownPeers *known, KnownFile *fresh, GError **error)
{
    known->seen = (struct stat){};
    if (!write_file(known->learned_path, fresh, error)) {
        known_file_free(fresh);
        return false;
    }
    known_file_free(known->learned);
    known->learned = fresh;
    return true;
}

static KnownFile *learned_copy(const KnownPeers *known, GError **error)
{
    g_autofree char *text = known_file_write(known->learned);

    return known_file_parse(text, strlen(text), known->learned_path, error);
}

/* A name that is not there yet, without the whole file: very many are met one after another. */
static bool append(KnownPeers *known, const char *name, const char *fingerprint,
                   const char *comment)
{
    const char *line;

    if (known->seen.st_ino == 0)
        return false;
    line =
        known_file_add(known->learned, name, fingerprint, comment, clock_wall() / G_USEC_PER_SEC);
    if (atomic_file_append_line(known->learned_path, line, &known->seen))
        return true;
    known_file_remove(known->learned, name);
    return false;
}

/* ---- places ---- */

typedef struct {
    guint all, first_calls, unasked;
} KnownCensus;

static void count_peer(const KnownPeer *peer, gpointer data)
{
    KnownCensus *census = data;

    census->all++;
    census->first_calls += g_str_has_prefix(peer->comment, KNOWN_FIRST_CALL);
    census->unasked += strcmp(peer->comment, KNOWN_UNASKED_CALL) == 0;
}

/* Whoever is in the room gets a place by its mere name if everybody is called: it is to take
 * neither those of peers that are called by name nor those of a pairing. */
static bool has_place(const KnownPeers *known, const char *comment)
{
    KnownCensus census = {};
    guint limit = known->limit;

    if (known_file_count(known->learned) < limit / 2) /* whoever they are */
        return true;
    known_file_foreach(known->learned, count_peer, &census);
    if (census.all >= limit)
        return false;
    if (!g_str_has_prefix(comment, KNOWN_FIRST_CALL))
        return true;
    return census.first_calls < limit - limit / 4 &&
           (strcmp(comment, KNOWN_UNASKED_CALL) != 0 || census.unasked < limit - limit / 2);
}

static bool may_add(const KnownPeers *known, const char *name, KnownResult result,
                    const char *comment, bool replace, GError **error)
{
    const char *path;

    if (result == KNOWN_OTHER && (!replace || known_file_find(known->admin, name))) {
        known_peers_find(known, name, &path);
        g_set_error(error, PEER_ERROR, PEER_ERROR_DENIED,
                    _("%s is known with another fingerprint in %s"), name, path);
        return false;
    }
    if (result == KNOWN_NOT && !has_place(known, comment)) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED,
                    _("%u peers are known already, more are not remembered "
                      "(MaxKnownPeers= in peer.conf)"),
                    known->limit);
        return false;
    }
    return true;
}

bool known_peers_add(KnownPeers *known, const char *name, const char *fingerprint,
                     const char *comment, bool replace, GError **error)
{
    KnownFile *fresh;
    KnownResult result;

    if (!refresh(known, error))
        return false;
    result = known_peers_check(known, name, fingerprint);
    if (result == KNOWN_SAME &&
        (g_str_has_prefix(comment, KNOWN_FIRST_CALL) || !is_first_call(known, name)))
        return true;
    if (!may_add(known, name, result, comment, replace, error))
        return false;
    if (!known_file_find(known->learned, name) && append(known, name, fingerprint, comment))
        return true;
    fresh = learned_copy(known, error);
    if (!fresh)
        return false;
    known_file_remove(fresh, name);
    known_file_add(fresh, name, fingerprint, comment, clock_wall() / G_USEC_PER_SEC);
    return store(known, fresh, error);
}

bool known_peers_forget(KnownPeers *known, const char *name, GError **error)
{
    KnownFile *fresh;

    if (!refresh(known, error))
        return false;
    if (known_file_find(known->admin, name)) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_DENIED,
                    _("%s stands in %s, which only the administrator changes"), name,
                    known->admin_path);
        return false;
    }
    if (!known_file_find(known->learned, name)) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_NO_SUCH_PEER,
                    _("%s is not known; \"rtcbusctl known\" lists who is"), name);
        return false;
    }
    fresh = learned_copy(known, error);
    if (!fresh)
        return false;
    known_file_remove(fresh, name);
    return store(known, fresh, error);
}

/* ---- the object ----------------------------------------------------------- */

KnownPeers *known_peers_new(const char *admin_path, const char *learned_path)
{
    KnownPeers *known = g_new0(KnownPeers, 1);

    known->admin_path = g_strdup(admin_path);
    known->learned_path = g_strdup(learned_path);
    known->limit = DEFAULT_LIMIT;
    return known;
}

void known_peers_free(KnownPeers *known)
{
    if (!known)
        return;
    g_free(known->admin_path);
    g_free(known->learned_path);
    known_file_free(known->admin);
    known_file_free(known->learned);
    g_clear_error(&known->problem);
    g_free(known);
}

void known_peers_set_limit(KnownPeers *known, guint limit)
{
    known->limit = limit;
}
