/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The ways of one connection: an ICE agent for each generation of credentials
 * (RFC 8445 9), of which one carries what we send. What comes is taken from all of
 * them. A newer one takes over when the layer above has vouched for something that came over
 * it (transport_vouch()), and the older ones are closed when the remote has had time to follow.
 * To DTLS above it is one Transport.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/ice/ice.h"
#include "rtc/sdp.h"
#include "rtc/transport.h"

typedef struct Paths Paths;

typedef enum {
    PATHS_MOVED,  /* another pair carries what we send */
    PATHS_SILENT, /* nothing of the remote has come for PATHS_SILENT_MS, though an answer is owed */
    PATHS_HEARD,  /* after PATHS_SILENT or PATHS_LOST something has */
    PATHS_LOST,   /* no pair is answered any more, libnice says */
    /* The newest generation has come to nothing. It is gone, unless it is the only one of paths that
     * wait. */
    PATHS_FAILED,
    PATHS_RELAYED, /* as CONNECTION_PATH_RELAYED */
} PathsEvent;

#define PATHS_SILENT_MS 2000
#define PATHS_RELAYED_SECONDS 30
#define PATHS_ANSWER_SECONDS 30 /* that a generation waits for the remote's credentials */

/* Called from the main loop, or from within paths_begin() and send. None may free PATHS. */
typedef struct {
    /* Of the generation that has the user name UFRAG; NULL: that was its last one. */
    void (*candidate)(const char *candidate, const char *ufrag, gpointer data);
    void (*overflow)(gsize room, gpointer data); /* as in UdpPathUser */
    void (*event)(PathsEvent event, gpointer data);
    /* Whether the remote owes an answer to what we have sent */
    bool (*is_owed)(gpointer data);
    /* Sends something that asks it for one; false: it would not answer. */
    bool (*ask)(gpointer data);
} PathsUser;

/* CONFIG is for each agent: its callbacks and role do not count, and what it points to is copied
 * or referenced. USER is kept by reference. */
Paths *paths_new(const IceConfig *config, const PathsUser *user, gpointer data);
void paths_free(Paths *paths);

Transport *paths_transport(Paths *paths);

/* For the generations to come */
void paths_set_servers(Paths *paths, const char *const *servers);
void paths_set_relay_only(Paths *paths, bool relay_only);

/* That the first generation comes to nothing is not the end: another one is to be begun. */
void paths_set_waiting(Paths *paths, bool waiting);

/*
 * Brings up another generation. One that has not found its pair yet is given up for it. LEISURELY:
 * as in IceConfig. An error (also RTC_ERROR_FULL: earlier ones are still being closed) has changed
 * nothing.
 */
bool paths_begin(Paths *paths, bool controlling, bool leisurely, GError **error);

/* Credentials of the newest generation */
const char *paths_ufrag(const Paths *paths);
const char *paths_password(const Paths *paths);

/* Gives the newest generation, which waits for it, what REMOTE says, and the candidates that
 * came ahead of it. RTC_ERROR_STATE: it has them from another description. */
bool paths_set_remote(Paths *paths, const Sdp *remote, GError **error);

/* Gives the candidates of REMOTE to the generation that it is for, if it looks for its pair. */
void paths_add_known(Paths *paths, const Sdp *remote);

/* Gives up the newest generation if it has found no pair. */
void paths_cancel(Paths *paths);

/* As connection_add_candidate(). UFRAG may be NULL, LINE "": the end. */
bool paths_add_candidate(Paths *paths, const char *line, const char *ufrag, GError **error);

/* Tells `candidate` all that it has been told of UFRAG's generation once more, if that looks for
 * its pair. */
void paths_repeat_candidates(Paths *paths, const char *ufrag);

/* Asks the remote for a sign now. PATHS_SILENT comes without one. */
void paths_ask(Paths *paths);

/* How long the newest generation has been looking for its pair, in µs; -1: it is not. */
gint64 paths_searching(const Paths *paths);

/* About the generation that carries what we send, or the first one; role: see ice.h */
bool paths_is_controlling(const Paths *paths);
const char *paths_remote_ufrag(const Paths *paths);
bool paths_is_local(const Paths *paths);
bool paths_is_relayed(const Paths *paths);
bool paths_selected_pair(const Paths *paths, char **local, char **remote, CheckCount *checks);
