/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whom this peer knows: the administrator's file, which is only read and comes
 * first, and the learned one in the state directory. A name that stands in the
 * administrator's file is his alone: what was learned for it does not count.
 *
 * If either file cannot be read or has a line that makes no sense, nothing is
 * known and nothing can be learned until that is repaired and read again, so
 * that neither a damaged file nor a full disk ever grants or loses trust.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/trust/known-file.h"

typedef struct KnownPeers KnownPeers;

typedef enum {
    KNOWN_NOT,   /* nobody of this name is known */
    KNOWN_SAME,  /* the name is known with this fingerprint */
    KNOWN_OTHER, /* the name is known with another one */
} KnownResult;

/* Reads nothing yet. */
KnownPeers *known_peers_new(const char *admin_path, const char *learned_path);
void known_peers_free(KnownPeers *known);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KnownPeers, known_peers_free)

/* How many may be learned. */
void known_peers_set_limit(KnownPeers *known, guint limit);

/* Reads both files anew. False with ERROR: nobody is known until the next good load. */
bool known_peers_load(KnownPeers *known, GError **error);

/* False with ERROR, PEER_ERROR_FAILED, while the files cannot be read. */
bool known_peers_usable(const KnownPeers *known, GError **error);

KnownResult known_peers_check(const KnownPeers *known, const char *name, const char *fingerprint);

/* A name that FINGERPRINT is known by, or NULL. The administrator's comes first. */
const char *known_peers_name_of(const KnownPeers *known, const char *fingerprint);

/* What known_peers_add() writes of a key that came with our first call to a name, and with one that
 * was made because everybody in the room is called. A quarter of the places is for those whom
 * people vouch for, and another one for those who are called by name. */
#define KNOWN_FIRST_CALL "first call"
#define KNOWN_UNASKED_CALL KNOWN_FIRST_CALL ", as everybody is called"

/* Whether somebody vouches that NAME has FINGERPRINT: the administrator's file, a pairing, or
 * whoever trusted it by hand; that a first call came by this name does not count. */
bool known_peers_vouched(const KnownPeers *known, const char *name, const char *fingerprint);

/* The entry that counts for NAME and the file it stands in, or NULL. */
const KnownPeer *known_peers_find(const KnownPeers *known, const char *name, const char **path);

/*
 * Writes NAME down, atomically; what is there already is left alone, unless it
 * came with a first call and COMMENT says something better. A name
 * that is known with another fingerprint is an error, PEER_ERROR_DENIED, or
 * replaced if REPLACE says so, but never in the administrator's file.
 * PEER_ERROR_FAILED: the file is damaged or cannot be written; _LIMIT_EXCEEDED.
 */
bool known_peers_add(KnownPeers *known, const char *name, const char *fingerprint,
                     const char *comment, bool replace, GError **error);

/* PEER_ERROR_NO_SUCH_PEER, _DENIED (it is the administrator's), _FAILED. */
bool known_peers_forget(KnownPeers *known, const char *name, GError **error);

/* FUNC for each entry that counts, and the administrator's PATH, or NULL for learned ones. */
void known_peers_foreach(const KnownPeers *known,
                         void (*func)(const KnownPeer *peer, const char *path, gpointer data),
                         gpointer data);
