/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* peer.conf, read once into one struct. */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/signaling/signaling.h"
#include "peer/trust/trust.h"

typedef struct {
    char *name; /* "": the host name */
    guint64 max_calls, max_pending, max_early;
    guint64 max_strangers, max_per_stranger, max_pending_strangers;
    RelaySettings relay;
    guint64 patience; /* microseconds that a call may be in CALL_RECONNECTING */
    char **servers, **interfaces;
    char *ca_file;      /* for turns: servers, beside the system's; "": none */
    int policy, accept; /* a TrustPolicy, a TrustAccept */
    guint64 max_known;
    char **keep;                   /* names of peers, or "*" */
    int source;                    /* a NumberSource */
    guint64 interval;              /* microseconds */
    guint64 history, history_time; /* readings, microseconds (0: no limit) */
    guint64 outbox;                /* readings */
    char **metrics_listen, **metrics_names;
    char **warnings; /* of what the files say and nobody heeds */
} PeerConfig;

/* As config_load(): on failure CONFIG is untouched. Else what it held is freed. */
bool peer_config_load(PeerConfig *config, const char *path, bool required, GError **error);
void peer_config_clear(PeerConfig *config);
/* As DaemonInfo.check: the configuration, and what is in services.d and forwards.d. */
GPtrArray *peer_config_check(const char *path, bool required);

/* The name to use: the configured one, or this host's. Transfer full. */
char *peer_config_name(const PeerConfig *config);

/* A host name may be another machine's, too; a piece of the fingerprint tells them apart. NULL
 * for a name that somebody has chosen: it is never changed. Transfer full. */
char *peer_config_other_name(const PeerConfig *config, const char *name, const char *fingerprint);

/* What is called NAME in the folder of the configuration file PATH. Transfer full. */
char *peer_config_beside(const char *path, const char *name);
