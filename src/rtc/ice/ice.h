/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The ICE layer (RFC 8445, trickled as in RFC 8838) over libnice: one stream
 * with one component, UDP, with consent freshness (RFC 7675).
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/ice/tls-trust.h"
#include "rtc/ice/check-budget.h"
#include "rtc/ice/check-count.h"
#include "rtc/transport.h"

typedef struct Ice Ice;

/* How many freed agents libnice has still to close, of all that have been given this. */
typedef struct IceLeftovers IceLeftovers;

IceLeftovers *ice_leftovers_new(void);
void ice_leftovers_unref(IceLeftovers *leftovers);
guint ice_leftovers_count(const IceLeftovers *leftovers);

typedef struct {
    bool controlling;
    bool leisurely;                /* its first check waits until an answer has come over a relay */
    const char *const *servers;    /* as in ConnectionConfig */
    TlsTrust *trust;               /* as in ConnectionConfig */
    bool relay_only;               /* as in ConnectionConfig */
    const char *const *interfaces; /* as in ConnectionConfig */
    CheckBudget *budget;           /* as in ConnectionConfig */
    bool uninvited;                /* as in ConnectionConfig */
    bool libnice_only;             /* as in ConnectionConfig */
    guint patience;                /* as in ConnectionConfig */
    guint keep_alive;              /* as in ConnectionConfig */
    guint repeat_ms; /* each check goes out so often until there is a pair; 0: as often
                                    * as libnice likes */
    /* A local candidate, "candidate:…"; NULL: that was the last one. It may be
     * called from within ice_gather(). */
    void (*candidate)(const char *candidate, gpointer data);
    void (*overflow)(gsize room, gpointer data); /* as in UdpPathUser */
    /* While CONNECTED: the pair answers libnice's checks no more, or again. May be NULL. */
    void (*consent)(bool given, gpointer data);
    /* A pair was selected. May be NULL. */
    void (*selected)(gpointer data);
    IceLeftovers *leftovers; /* referenced until libnice has closed the agent; may be NULL */
    gpointer data;
} IceConfig;

/* CONFIG is read at once and not kept. */
Ice *ice_new(const IceConfig *config, GError **error);

/* Sends nothing any more at once; sockets close when libnice has let go of them. */
void ice_free(Ice *ice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ice, ice_free)

/* How many freed agents libnice has still to close. */
guint ice_closing_count(void);

Transport *ice_transport(Ice *ice);

/* Local credentials, owned by ICE */
const char *ice_ufrag(const Ice *ice);
const char *ice_password(const Ice *ice);

/* The role, which a conflict with the remote's may have changed (RFC 8445 7.3.1.1) */
bool ice_is_controlling(const Ice *ice);

bool ice_gather(Ice *ice, GError **error);
bool ice_set_remote_credentials(Ice *ice, const char *ufrag, const char *password, GError **error);

/*
 * Adds a remote candidate, with or without "a=" in front; after the
 * credentials. .local names are looked up without blocking; what cannot be used
 * here (TCP, other components, other names, addresses that check-rule.h does not
 * allow, one too many) is dropped. RTC_ERROR_INVALID for text that is no candidate at all.
 */
bool ice_add_candidate(Ice *ice, const char *candidate, GError **error);
void ice_end_candidates(Ice *ice);

/* Whether the selected pair leads through a TURN server, of ours or the remote's. */
bool ice_is_relayed(const Ice *ice);

/* Whether the selected pair is a way within this host (path-sizes.h). */
bool ice_is_local(const Ice *ice);

/* The selected pair as candidate attributes, and its checks; false if there is none yet. Transfer
 * full. */
bool ice_selected_pair(Ice *ice, char **local, char **remote, CheckCount *checks);
