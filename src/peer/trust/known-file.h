/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The format of known_peers, bytes in and struct out: one peer a line,
 *
 *   NAME sha-256:AB:CD:… comment
 *
 * with blank lines and lines that begin with '#' between them. What a person
 * wrote stays as it was when a line is added or removed. A name's white space,
 * control characters, '%' and '#' are written as %XX. A comment that begins
 * with a time (2026-11-22T17:00:00Z) says when the line was made.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *name;        /* as in the room */
    char *fingerprint; /* "sha-256 AB:CD:…" */
    char *comment;     /* "" if there is none; without the time */
    gint64 time;       /* seconds since the epoch; 0: the line has none */
} KnownPeer;

/* The name that is written as WORD, with its %XX; NULL if it makes no sense. */
char *known_name_parse(const char *word);
/* The word for NAME: without blanks, line breaks and "#". Transfer full. */
char *known_name_write(const char *name);

typedef struct KnownFile KnownFile;

KnownFile *known_file_new(void); /* an empty one */
void known_file_free(KnownFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KnownFile, known_file_free)

/*
 * NULL with ERROR, PEER_ERROR_FAILED, if a single line makes no sense; the
 * message begins with PATH and the line's number.
 */
KnownFile *known_file_parse(const char *text, gsize length, const char *path, GError **error);
char *known_file_write(const KnownFile *file); /* transfer full */

guint known_file_count(const KnownFile *file);

/* FUNC for each peer, in order. */
void known_file_foreach(const KnownFile *file, void (*func)(const KnownPeer *peer, gpointer data),
                        gpointer data);

/* The first entry of NAME, and whether any entry of NAME has FINGERPRINT. */
const KnownPeer *known_file_find(const KnownFile *file, const char *name);
bool known_file_has(const KnownFile *file, const char *name, const char *fingerprint);

/* The text of the new line */
const char *known_file_add(KnownFile *file, const char *name, const char *fingerprint,
                           const char *comment, gint64 now);
/* Takes all lines of NAME away; how many they were. */
guint known_file_remove(KnownFile *file, const char *name);
