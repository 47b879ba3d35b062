/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Declared services: what remote peers may reach through this machine, and
 * who. Each is a file NAME.conf in services.d:
 *
 *   [Service]
 *   Connect=tcp:127.0.0.1:22
 *   Allow=desk;sha-256:AB:CD:…
 *
 * All of them are in memory, so that a service that is not there and one that
 * is not for the asker are told from each other by nothing, not even the time.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Services Services;

typedef struct {
    char *name;
    char *host; /* one of `host`, `path` and `handed` */
    guint16 port;
    char *path;   /* of a Unix socket */
    char *handed; /* the name of a socket that systemd has handed over */
    char **allow; /* names and fingerprints, as known_peers has them */
} Service;

/* Reads nothing yet. */
Services *services_new(const char *folder);
void services_free(Services *services);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Services, services_free)

/* Reads the folder anew; a folder that is not there holds no services. A file that is wrong is
 * a warning in the log, and its service is not there; the others are. If the folder cannot be
 * read, ERROR is one line naming it, and there are no services at all. */
bool services_load(Services *services, GError **error);

/*
 * What is wrong in the files of FOLDER, as warnings for PROBLEMS (of ConfigProblem): each costs
 * its own service alone.
 */
void services_check(const char *folder, GPtrArray *problems);

/* Whether NAME, which somebody claims to have, belongs to FINGERPRINT. */
typedef bool (*ServicesKnows)(const char *name, const char *fingerprint, gpointer data);

/* The service NAME if the peer with FINGERPRINT ("sha-256 AB:CD:…") may use it, else NULL. */
const Service *services_find(const Services *services, const char *name, const char *fingerprint,
                             ServicesKnows knows, gpointer data);
guint services_count(const Services *services);
/* All of them, of Service, by their names; those that the peer with FINGERPRINT may use. Free the
 * array alone. */
GPtrArray *services_list(const Services *services);
GPtrArray *services_list_for(const Services *services, const char *fingerprint, ServicesKnows knows,
                             gpointer data);
/* Where it is, as Connect= has it */
char *service_to_text(const Service *service);
/* The names of those whose file was wrong, sorted; valid UTF-8, ends with NULL. */
const char *const *services_broken(const Services *services);
