/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The table of keys; data/peer.conf and peer.conf(5) tell the same to people. */

#include <config.h>

#include "peer/config.h"

#include <glib/gi18n.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "common/authority.h"
#include "common/config-file.h"
#include "common/metrics-server.h"
#include "common/printable.h"
#include "common/random-id.h"
#include "peer/readings/publisher.h"
#include "peer/service/forwards.h"
#include "peer/service/services.h"
#include "peer/signaling/upgrade.h"
#include "rtc/ice/ice-server.h"
#include "rtc/ice/tls-trust.h"
#include "signaling/frame.h"

enum { MAX_NAME = 64 };

static bool refuse(GError **error, const char *right)
{
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, right);
    return false;
}

/* The relay's rule for names; 32 hexadecimal digits look like an id. */
static bool check_name(const char *value, GError **error)
{
    if (strlen(value) <= MAX_NAME && is_printable(value) && !is_random_id(value))
        return true;
    return refuse(error, _("at most 64 bytes of printable text, and not 32 hexadecimal digits"));
}

static bool check_url(const char *value, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(value, G_URI_FLAGS_ENCODED, NULL);
    const char *scheme = uri ? g_uri_get_scheme(uri) : "";

    if ((strcmp(scheme, "ws") == 0 || strcmp(scheme, "wss") == 0) && g_uri_get_host(uri) &&
        *g_uri_get_host(uri) && !g_uri_get_fragment(uri) && !g_uri_get_userinfo(uri))
        return true;
    return refuse(error, _("a URL such as ws://relay.example:41337/room or wss://…"));
}

static bool check_origin(const char *value, GError **error)
{
    g_autoptr(GUri) uri = *value ? g_uri_parse(value, G_URI_FLAGS_NONE, NULL) : NULL;

    if (!*value || (uri && g_uri_get_host(uri) && *g_uri_get_host(uri)))
        return true;
    return refuse(error, _("an origin such as https://example.org, or empty"));
}

static bool check_token(const char *value, GError **error)
{
    if (!*value || upgrade_check_token(value))
        return true;
    return refuse(error, _("the token as it was given, without anything around it"));
}

/* The relay takes one. */
static bool check_all(const void *values, const char **key, GError **error)
{
    const PeerConfig *config = values;

    if (!*config->relay.urls) {
        *key = "URL";
        return refuse(error, _("a URL such as ws://relay.example:41337/room or wss://…"));
    }
    if (!*config->relay.token || !*config->relay.token_file)
        return true;
    *key = "TokenFile";
    return refuse(error, _("empty, or Token= has to be"));
}

static bool check_server(const char *value, GError **error)
{
    g_auto(IceServer) server = {};

    if (ice_server_parse(value, &server, NULL))
        return true;
    if (g_str_has_prefix(value, "turns:") && strstr(value, "transport=udp"))
        return refuse(error, _("turns: without transport=udp, for it is TLS over TCP "
                               "(DTLS is not supported)"));
    return refuse(error, _("stun:HOST:PORT, turn:USER:PASSWORD@HOST:PORT?transport=udp (or tcp) or "
                           "turns:USER:PASSWORD@HOST:PORT, several separated by \";\""));
}

static bool check_ca(const char *value, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (!*value || tls_trust_check_file(value, &local))
        return true;
    g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                _("a file of certificates in PEM that can be read (%s)"), local->message);
    return false;
}

static bool check_listen(const char *value, GError **error)
{
    if (metrics_server_check_address(value) && !metrics_server_wants_tls(value))
        return true;
    return refuse(error, _("an address and a port such as 127.0.0.1:9641 or [::1]:9641"));
}

static bool check_server_name(const char *value, GError **error)
{
    g_auto(Authority) authority = {};

    if (authority_parse(value, &authority) && authority.port == 0)
        return true;
    return refuse(error, _("a host name such as relay.example.org"));
}

static bool check_interface(const char *value, GError **error)
{
    if (strlen(value) < 16 && !strpbrk(value, "/ \t:"))
        return true;
    return refuse(error, _("names of network interfaces such as eth0"));
}

/* Also "*", which every name may be. */
static bool check_kept(const char *value, GError **error)
{
    if (*value && strlen(value) <= FRAME_MAX_NAME && is_printable(value) && !is_random_id(value))
        return true;
    return refuse(error, _("names of peers, or * for everybody in the room who has one"));
}

static const char *const sources[] = {
    [SOURCE_NONE] = "none",
    [SOURCE_RANDOM] = "random",
    NULL,
};

static const char *const policies[] = {
    [TRUST_POLICY_ANY] = "any",
    [TRUST_POLICY_TOFU] = "tofu",
    [TRUST_POLICY_KNOWN] = "known",
    NULL,
};

static const char *const accepts[] = {
    [TRUST_ACCEPT_ANY] = "any",
    [TRUST_ACCEPT_KNOWN] = "known",
    [TRUST_ACCEPT_NONE] = "none",
    NULL,
};

/* Readings that are kept, of either kind */
#define MAX_KEPT 16777216
#define MAX_HISTORY_TIME (366 * 100 * 86400ull * G_USEC_PER_SEC)

#define KEY(group, name, type, member, ...)                                                        \
    {                                                                                              \
        group, name, CONFIG_##type, offsetof(PeerConfig, member), __VA_ARGS__                      \
    }
static const ConfigKey keys[] = {
    KEY("Peer", "Name", STRING, name, "", .check = check_name),
    KEY("Peer", "MaxCalls", UINT, max_calls, "2048", 1, 65536),
    KEY("Peer", "MaxPendingCalls", UINT, max_pending, "32", 1, 65536),
    KEY("Peer", "MaxStrangers", UINT, max_strangers, "1024", 0, 65536),
    KEY("Peer", "MaxCallsPerStranger", UINT, max_per_stranger, "128", 1, 65536),
    KEY("Peer", "MaxPendingStrangers", UINT, max_pending_strangers, "128", 1, 65536),
    KEY("Peer", "MaxEarlyCandidates", UINT, max_early, "64", 0, 4096),
    KEY("Relay", "URL", LIST, relay.urls, "ws://127.0.0.1:41337/", .check = check_url),
    KEY("Relay", "Comeback", DURATION, relay.comeback, "5min", .max = 86400ull * G_USEC_PER_SEC),
    KEY("Relay", "Origin", STRING, relay.origin, "", .check = check_origin),
    KEY("Relay", "Token", STRING, relay.token, "", .check = check_token, .secret = true),
    KEY("Relay", "TokenFile", STRING, relay.token_file, ""),
    KEY("Relay", "CA", STRING, relay.ca, "", .check = check_ca),
    KEY("Calls", "Patience", DURATION, patience, "2min", G_USEC_PER_SEC, 86400ull * G_USEC_PER_SEC),
    KEY("Calls", "KeepAlive", DURATION, relay.keep_alive, "5s", 5 * G_USEC_PER_SEC,
        25 * G_USEC_PER_SEC),
    KEY("Ice", "Servers", LIST, servers, "", .check = check_server),
    KEY("Ice", "CA", STRING, ca_file, "", .check = check_ca),
    KEY("Ice", "Interfaces", LIST, interfaces, "", .check = check_interface),
    KEY("Trust", "Policy", CHOICE, policy, "tofu", .choices = policies),
    KEY("Trust", "Accept", CHOICE, accept, "any", .choices = accepts),
    KEY("Trust", "MaxKnownPeers", UINT, max_known, "4096", 0, 65536),
    KEY("Calls", "Keep", LIST, keep, "", .check = check_kept),
    KEY("Feed", "Source", CHOICE, source, "none", .choices = sources),
    KEY("Feed", "Interval", DURATION, interval, "1s", 1000, 86400ull * G_USEC_PER_SEC),
    KEY("Feed", "History", UINT, history, "65536", 1, MAX_KEPT),
    KEY("Feed", "HistoryTime", DURATION, history_time, "0", 0, MAX_HISTORY_TIME),
    KEY("Feed", "Outbox", UINT, outbox, "65536", 1, MAX_KEPT),
    KEY("Metrics", "Listen", LIST, metrics_listen, "", .check = check_listen),
    KEY("Metrics", "ServerNames", LIST, metrics_names, "", .check = check_server_name),
    {.check_all = check_all},
};

bool peer_config_load(PeerConfig *config, const char *path, bool required, GError **error)
{
    PeerConfig fresh = {};

    if (!config_load(path, required, keys, &fresh, error))
        return false;
    fresh.warnings = config_warnings(path, required, keys);
    peer_config_clear(config);
    *config = fresh;
    return true;
}

GPtrArray *peer_config_check(const char *path, bool required)
{
    g_autofree char *services = peer_config_beside(path, "services.d");
    g_autofree char *forwards = peer_config_beside(path, "forwards.d");
    GPtrArray *problems = config_check(path, required, keys);

    services_check(services, problems);
    forwards_check(forwards, problems);
    return problems;
}

void peer_config_clear(PeerConfig *config)
{
    g_clear_pointer(&config->warnings, g_strfreev);
    config_clear(keys, config);
}

char *peer_config_name(const PeerConfig *config)
{
    char host[HOST_NAME_MAX + 1];

    if (*config->name)
        return g_strdup(config->name);
    /* GLib's would be the first that it has heard of. */
    if (gethostname(host, sizeof host) < 0 || !*host)
        return g_strdup("localhost");
    host[HOST_NAME_MAX] = '\0';
    return printable(host);
}

char *peer_config_other_name(const PeerConfig *config, const char *name, const char *fingerprint)
{
    const char *digits = strchr(fingerprint, ' ');
    g_autofree char *suffix = NULL;

    if (*config->name || !digits || strlen(digits) < 6)
        return NULL;
    suffix = g_strdup_printf("%.2s%.2s", digits + 1, digits + 4);
    for (char *p = suffix; *p; p++)
        *p = g_ascii_tolower(*p);
    return g_strdup_printf("%.59s-%s", name, suffix);
}

char *peer_config_beside(const char *path, const char *name)
{
    g_autofree char *folder = g_path_get_dirname(path);

    return g_build_filename(folder, name, NULL);
}
