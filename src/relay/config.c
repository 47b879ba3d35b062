/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The table of relay.conf's keys. data/relay.conf shows each with its default. */

#include <config.h>

#include "relay/config.h"

#include <glib/gi18n.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#include "common/metrics-server.h"
#include "common/secret-file.h"
#include "relay/ice-offer.h"
#include "relay/origin.h"
#include "relay/listener.h"
#include "token/token.h"

#define CLUSTER_NAME_MAX 32

static bool check_address(const char *value, GError **error)
{
    if (listener_check_address(value))
        return true;
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                        _("an address and a port such as [::]:41337 or 192.0.2.1:41337"));
    return false;
}

static bool check_metrics_address(const char *value, GError **error)
{
    if (metrics_server_check_address(value))
        return true;
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                        _("an address and a port such as 127.0.0.1:9640, or https:// and one"));
    return false;
}

static bool check_origin(const char *value, GError **error)
{
    if (origin_check_entry(value))
        return true;
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                        _("same-origin, * or an origin such as https://example.org"));
    return false;
}

static bool check_server_name(const char *value, GError **error)
{
    if (origin_check_server_name(value))
        return true;
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                        _("a host name such as relay.example.org"));
    return false;
}

static bool not_a_file(GError **error, const char *right, const GError *reason)
{
    g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, "%s (%s)", right, reason->message);
    return false;
}

static bool check_secret(const char *value, GError **error)
{
    g_autoptr(TokenKeys) keys = token_keys_new();
    g_autoptr(GError) local = NULL;

    if (!*value || token_keys_add_secret(keys, value, &local))
        return true;
    return not_a_file(error,
                      _("a file with a secret of 32 characters or more, which the relay can read "
                        "and others cannot"),
                      local);
}

static bool check_public_key(const char *value, GError **error)
{
    g_autoptr(TokenKeys) keys = token_keys_new();
    g_autoptr(GError) local = NULL;

    if (token_keys_add_public(keys, value, &local))
        return true;
    return not_a_file(error, _("files with a public key each, in PEM"), local);
}

static bool load_tls(const RelayConfig *config, TlsCredentials **out, const char **key,
                     GError **error)
{
    bool wanted = *config->tls_listen;

    for (char **address = config->metrics_listen; *address; address++)
        wanted = wanted || metrics_server_wants_tls(*address);
    if (wanted)
        *out = tls_credentials_load(config->tls_certificates, config->tls_keys, key, error);
    return *out || !wanted;
}

static bool check_ice_server(const char *value, GError **error)
{
    if (ice_offer_check_uri(value))
        return true;
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                        _("stun:HOST:PORT, turn:HOST:PORT?transport=udp (or tcp) or "
                          "turns:HOST:PORT, with USER:PASSWORD@ before a HOST that has no "
                          "TurnSecret="));
    return false;
}

static bool check_turn_secret(const char *value, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autofree char *secret = NULL;

    if (!*value)
        return true;
    secret = secret_file_read(value, SECRET_FILE_HIDDEN, 1, ICE_OFFER_MAX_SECRET, &local);
    return secret || not_a_file(error,
                                _("a file with the TURN server's static-auth-secret, which the "
                                  "relay can read and others cannot"),
                                local);
}

/* Tokens that nothing can be verified with let nobody in. */
static bool check_access(const RelayConfig *config, const char **key, GError **error)
{
    if (config->tokens == ACCESS_TOKENS_OFF || *config->token_secret || *config->token_public_keys)
        return true;
    *key = "Tokens";
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                        _("off, or there must be Secret= or PublicKeys= in [Access]"));
    return false;
}

/* A browser makes no connection at all if a TURN server comes without credentials. */
static bool check_ice(const RelayConfig *config, const char **key, GError **error)
{
    guint n = 0, needy = 0;

    for (char **uri = config->ice_servers; *uri; uri++, n++)
        needy += ice_offer_needs_secret(*uri);
    *key = "Servers";
    if (n > ICE_OFFER_MAX_SERVERS)
        g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, _("at most %d servers"),
                    ICE_OFFER_MAX_SERVERS);
    else if (needy > 0 && !*config->turn_secret)
        g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                            _("servers with USER:PASSWORD@, or there must be TurnSecret="));
    else
        return true;
    return false;
}

static bool check_all(const void *values, const char **key, GError **error)
{
    const RelayConfig *config = values;
    g_autoptr(TlsCredentials) credentials = NULL;

    if (!load_tls(config, &credentials, key, error))
        return false;
    return check_access(config, key, error) && check_ice(config, key, error);
}

static const char *const tokens[] = {
    [ACCESS_TOKENS_OFF] = "off",
    [ACCESS_TOKENS_REQUIRED] = "required",
    NULL,
};

static bool check_proxy(const char *value, GError **error)
{
    if (trusted_proxies_check(value))
        return true;
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                        _("an address such as 192.0.2.1, or a network such as 2001:db8::/32"));
    return false;
}

static bool check_nats_server(const char *value, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(value, G_URI_FLAGS_HAS_PASSWORD, NULL);

    if (uri && g_strv_contains((const char *const[]){"nats", "tls", NULL}, g_uri_get_scheme(uri)) &&
        g_uri_get_host(uri) && *g_uri_get_host(uri) && !g_uri_get_userinfo(uri) &&
        !*g_uri_get_path(uri))
        return true;
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                        _("nats://HOST:PORT or tls://HOST:PORT"));
    return false;
}

/* A word of a subject and of a store's name */
static bool check_cluster_name(const char *value, GError **error)
{
    bool good = *value && strlen(value) <= CLUSTER_NAME_MAX;

    for (const char *c = value; *c; c++)
        good &= g_ascii_isalnum(*c) || *c == '-' || *c == '_';
    if (!good)
        g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                    _("at most %d letters, digits, - and _"), CLUSTER_NAME_MAX);
    return good;
}

static bool check_password(const char *value, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autofree char *secret = NULL;

    if (!*value)
        return true;
    secret = secret_file_read(value, SECRET_FILE_HIDDEN, 1, CLUSTER_SECRET_MAX, &local);
    return secret || not_a_file(error,
                                _("a file with the password for NATS, which the relay can read and "
                                  "others cannot"),
                                local);
}

static bool check_credentials(const char *value, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autofree char *secret = NULL;

    if (!*value)
        return true;
    secret = secret_file_read(value, SECRET_FILE_HIDDEN, 1, 64 << 10, &local);
    return secret || not_a_file(error,
                                _("a file of credentials for NATS, which the relay can read and "
                                  "others cannot"),
                                local);
}

static bool has_certificates(char *pem)
{
    const gnutls_datum_t bytes = {(unsigned char *) pem, (unsigned int) strlen(pem)};
    gnutls_x509_crt_t *list = NULL;
    unsigned int n = 0;

    if (gnutls_x509_crt_list_import2(&list, &n, &bytes, GNUTLS_X509_FMT_PEM, 0) < 0)
        return false;
    for (unsigned int i = 0; i < n; i++)
        gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);
    return n > 0;
}

static bool check_ca(const char *value, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autofree char *text = NULL;

    if (!*value)
        return true;
    text = secret_file_read(value, SECRET_FILE_SHOWN, 1, 1 << 20, &local);
    if (!text)
        return not_a_file(error, _("a file with certificates in PEM"), local);
    if (!has_certificates(text)) {
        g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                            _("a file with certificates in PEM"));
        return false;
    }
    return true;
}

#define KEY(name, kind, member, fallback, ...)                                                     \
    {                                                                                              \
        "Relay", name, kind, offsetof(RelayConfig, member), fallback, __VA_ARGS__                  \
    }

#define WEB_KEY(name, kind, member, fallback)                                                      \
    {                                                                                              \
        "Web", name, kind, offsetof(RelayConfig, member), fallback                                 \
    }

#define ACCESS_KEY(name, kind, member, fallback, ...)                                              \
    {                                                                                              \
        "Access", name, kind, offsetof(RelayConfig, member), fallback, __VA_ARGS__                 \
    }

#define METRICS_KEY(name, kind, member, fallback, ...)                                             \
    {                                                                                              \
        "Metrics", name, kind, offsetof(RelayConfig, member), fallback, __VA_ARGS__                \
    }

#define TLS_KEY(name, kind, member, fallback, ...)                                                 \
    {                                                                                              \
        "Tls", name, kind, offsetof(RelayConfig, member), fallback, __VA_ARGS__                    \
    }

#define ICE_KEY(name, kind, member, fallback, ...)                                                 \
    {                                                                                              \
        "Ice", name, kind, offsetof(RelayConfig, member), fallback, __VA_ARGS__                    \
    }

#define CLUSTER_KEY(name, kind, member, fallback, ...)                                             \
    {                                                                                              \
        "Cluster", name, kind, offsetof(RelayConfig, member), fallback, __VA_ARGS__                \
    }

static const ConfigKey keys[] = {
    KEY("Listen", CONFIG_LIST, listen, "[::]:41337", .check = check_address),
    KEY("AllowedOrigins", CONFIG_LIST, allowed_origins, "same-origin", .check = check_origin),
    KEY("ServerNames", CONFIG_LIST, server_names, "", .check = check_server_name),
    KEY("TrustedProxies", CONFIG_LIST, trusted_proxies, "", .check = check_proxy),
    KEY("MaxConnections", CONFIG_UINT, max_connections, "16384", .min = 1, .max = 1000000),
    KEY("MaxConnectionsPerAddress", CONFIG_UINT, max_connections_per_address, "1024",
        .max = 1000000),
    KEY("MaxHandshakes", CONFIG_UINT, max_handshakes, "1024", .min = 1, .max = 1000000),
    KEY("MaxRooms", CONFIG_UINT, max_rooms, "10000", .min = 1, .max = 1000000),
    KEY("MaxMessageSize", CONFIG_SIZE, max_message_size, "64K", .min = 1 << 10, .max = 16 << 20),
    KEY("MaxQueue", CONFIG_SIZE, max_queue, "1M", .min = 4 << 10, .max = 1 << 30),
    KEY("MaxBuffered", CONFIG_SIZE, max_buffered, "256M", .min = 1 << 20),
    KEY("FramesPerSecond", CONFIG_UINT, frames_per_second, "10000", .max = 1000000),
    KEY("BytesPerSecond", CONFIG_SIZE, bytes_per_second, "1G"),
    KEY("MaxBadFrames", CONFIG_UINT, max_bad_frames, "5", .min = 1, .max = 1000000),
    KEY("PingInterval", CONFIG_DURATION, ping_interval, "30s", .min = 100000,
        .max = 3600ull * G_USEC_PER_SEC),
    KEY("HandshakeTimeout", CONFIG_DURATION, handshake_timeout, "10s", .min = 100000,
        .max = 3600ull * G_USEC_PER_SEC),
    KEY("DrainTime", CONFIG_DURATION, drain_time, "3s", .max = 60ull * G_USEC_PER_SEC),
    METRICS_KEY("Listen", CONFIG_LIST, metrics_listen, "", .check = check_metrics_address),
    METRICS_KEY("ServerNames", CONFIG_LIST, metrics_names, "", .check = check_server_name),
    TLS_KEY("Listen", CONFIG_LIST, tls_listen, "", .check = check_address),
    TLS_KEY("Certificate", CONFIG_LIST, tls_certificates, ""),
    TLS_KEY("Key", CONFIG_LIST, tls_keys, ""),
    WEB_KEY("Enabled", CONFIG_BOOL, web_enabled, "yes"),
    WEB_KEY("Directory", CONFIG_STRING, web_directory, ""),
    ACCESS_KEY("Tokens", CONFIG_CHOICE, tokens, "off", .choices = tokens),
    ACCESS_KEY("Secret", CONFIG_STRING, token_secret, "", .check = check_secret),
    ACCESS_KEY("PublicKeys", CONFIG_LIST, token_public_keys, "", .check = check_public_key),
    ICE_KEY("Servers", CONFIG_LIST, ice_servers, "", .check = check_ice_server),
    ICE_KEY("TurnSecret", CONFIG_STRING, turn_secret, "", .check = check_turn_secret),
    ICE_KEY("Lifetime", CONFIG_DURATION, ice_lifetime, "1d", .min = 2 * G_USEC_PER_SEC,
            .max = 365 * 86400ull * G_USEC_PER_SEC),
    CLUSTER_KEY("Servers", CONFIG_LIST, cluster_servers, "", .check = check_nats_server),
    CLUSTER_KEY("Name", CONFIG_STRING, cluster_name, "rtcbus", .check = check_cluster_name),
    CLUSTER_KEY("User", CONFIG_STRING, cluster_user, ""),
    CLUSTER_KEY("PasswordFile", CONFIG_STRING, cluster_password, "", .check = check_password),
    CLUSTER_KEY("Credentials", CONFIG_STRING, cluster_credentials, "", .check = check_credentials),
    CLUSTER_KEY("CA", CONFIG_STRING, cluster_ca, "", .check = check_ca),
    {.check_all = check_all},
};

bool relay_config_load(const char *path, bool required, RelayConfig *out, GError **error)
{
    RelayConfig config = {};
    const char *key;

    if (!config_load(path, required, keys, &config, error))
        return false;
    if (!load_tls(&config, &config.tls, &key, error)) {
        relay_config_clear(&config);
        return false;
    }
    config.warnings = config_warnings(path, required, keys);
    config.proxies = trusted_proxies_new(config.trusted_proxies);
    *out = config;
    return true;
}

GPtrArray *relay_config_check(const char *path, bool required)
{
    return config_check(path, required, keys);
}

void relay_config_clear(RelayConfig *config)
{
    g_clear_pointer(&config->tls, tls_credentials_unref);
    g_clear_pointer(&config->proxies, trusted_proxies_free);
    g_clear_pointer(&config->warnings, g_strfreev);
    config_clear(keys, config);
}
