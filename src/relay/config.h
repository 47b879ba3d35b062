/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * relay.conf as one struct. (Not called config.h, which is autoconf's.)
 */

#pragma once

#include "common/config-file.h"
#include "relay/tls-credentials.h"
#include "relay/trusted-proxies.h"

typedef enum {
    ACCESS_TOKENS_OFF,
    ACCESS_TOKENS_REQUIRED,
} AccessTokens;

#define CLUSTER_SECRET_MAX 1024 /* bytes of the password for NATS */

typedef struct {
    char **listen;
    char **allowed_origins;
    char **trusted_proxies;  /* their addresses and networks */
    TrustedProxies *proxies; /* the same; never NULL */
    char **server_names;     /* what we are called, besides what is known anyway */
    guint64 max_connections;
    guint64 max_connections_per_address; /* 0: no limit */
    guint64 max_handshakes;
    guint64 max_rooms;
    guint64 max_message_size;  /* bytes */
    guint64 max_queue;         /* bytes for each connection */
    guint64 max_buffered;      /* bytes in all */
    guint64 frames_per_second; /* 0: no limit */
    guint64 bytes_per_second;  /* 0: no limit */
    guint64 max_bad_frames;
    guint64 ping_interval;     /* µs */
    guint64 handshake_timeout; /* µs */
    guint64 drain_time;        /* µs */
    char **metrics_listen, **metrics_names;
    char **tls_listen;
    char **tls_certificates, **tls_keys; /* files */
    TlsCredentials *tls; /* what is in them; NULL unless somebody listens with TLS */
    bool web_enabled;
    char *web_directory; /* "": where the package put it */
    int tokens;          /* an AccessTokens */
    char *token_secret;  /* a file; "": none */
    char **token_public_keys;
    char **ice_servers;                     /* URIs, as ice-offer.h has them */
    char *turn_secret;                      /* a file; "": none */
    guint64 ice_lifetime;                   /* µs */
    char **cluster_servers;                 /* of NATS; none: this relay is alone */
    char *cluster_name;                     /* what subjects and the store begin with */
    char *cluster_user, *cluster_password;  /* the latter is a file; "": none */
    char *cluster_credentials, *cluster_ca; /* files; "": none */
    char **warnings;                        /* of what the files say and nobody heeds */
} RelayConfig;

/* As config_load(): OUT must be zero, and is untouched on failure. */
bool relay_config_load(const char *path, bool required, RelayConfig *out, GError **error);
/* As config_check(). */
GPtrArray *relay_config_check(const char *path, bool required);
void relay_config_clear(RelayConfig *config);
