/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* rtcbus-relay: the frame of common/daemon.h around the relay and its bus. */

#include <config.h>

#include <glib/gi18n.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/memory-trim.h"
#include "common/metrics-server.h"
#include "common/names.h"
#include "common/sd-notify.h"
#include "relay/bus.h"
#include "relay/listener.h"
#include "relay/metrics-tls.h"
#include "relay/relay.h"
#include "relay/relay-metrics.h"

#define SPARE_DESCRIPTORS 2048 /* for handshakes, the bus, the journal */

typedef struct {
    RelayConfig config;
    char **listen_option; /* --listen, NULL if not given */
    char **listening_to;  /* what was asked for when we began to listen */
    char **tls_listening_to;
    char *clustered; /* the settings of [Cluster] that we have begun with */
    Relay *relay;
    RelayBus *bus;
    MetricsServer *metrics;
} Program;

static bool configure(const char *path, bool required, gpointer data, GError **error)
{
    Program *program = data;
    RelayConfig config = {};

    if (!relay_config_load(path, required, &config, error))
        return false;
    relay_config_clear(&program->config);
    program->config = config;
    return true;
}

/* For all that we might need after a reload too. */
static void raise_descriptor_limit(const Program *program)
{
    struct rlimit limit;
    rlim_t wanted = MAX(program->config.max_connections + SPARE_DESCRIPTORS, 65536);

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = MIN(wanted, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < program->config.max_connections + SPARE_DESCRIPTORS / 2)
        log_warning(_("MaxConnections=%" PRIu64 " is more than the limit of %lu open "
                      "files allows"),
                    program->config.max_connections, (unsigned long) limit.rlim_cur);
}

static char **wanted_addresses(Program *program)
{
    return program->listen_option ? program->listen_option : program->config.listen;
}

/* Transfer full. */
static char *cluster_settings(const RelayConfig *config)
{
    g_autofree char *servers = g_strjoinv(";", config->cluster_servers);

    return g_strjoin("\n", servers, config->cluster_name, config->cluster_user,
                     config->cluster_password, config->cluster_credentials, config->cluster_ca,
                     NULL);
}

static GString *on_metrics(gpointer data)
{
    return relay_metrics(((Program *) data)->relay);
}

static const char *on_health(gpointer data)
{
    RelayCounters counters;

    relay_counters(((Program *) data)->relay, &counters);
    return counters.draining ? "the relay is going away" : NULL;
}

static void tell_metrics(const Program *program)
{
    for (const char *const *address = metrics_server_addresses(program->metrics); *address;
         address++)
        log_info(_("metrics at %s/metrics"), *address);
}

static gpointer on_metrics_tls(int fd, gpointer data)
{
    return metrics_tls_begin(fd, ((Program *) data)->config.tls);
}

static bool start_metrics(Program *program, GError **error)
{
    static const MetricsTlsOps tls = {on_metrics_tls,   metrics_tls_receive, metrics_tls_send,
                                      metrics_tls_owes, metrics_tls_finish,  metrics_tls_end};
    static const MetricsServerOps ops = {on_metrics, on_health, &tls};

    program->metrics = metrics_server_new(program->config.metrics_listen,
                                          program->config.metrics_names, &ops, program, error);
    if (!program->metrics)
        return false;
    tell_metrics(program);
    return true;
}

/* GnuTLS takes some 16 KiB several times for each record. */
#define TLS_MEMORY (512 << 10)

static void reload_metrics(Program *program)
{
    g_autoptr(GError) error = NULL;
    bool changed = false;

    metrics_server_set_names(program->metrics, program->config.metrics_names);
    if (!metrics_server_listen(program->metrics, program->config.metrics_listen, &changed, &error))
        log_warning("%s", error->message);
    if (changed)
        tell_metrics(program);
}

static bool start(Daemon *daemon, GDBusConnection *connection, gpointer data, GError **error)
{
    Program *program = data;

    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit(program);
    program->listening_to = g_strdupv(wanted_addresses(program));
    program->tls_listening_to = g_strdupv(program->config.tls_listen);
    program->clustered = cluster_settings(&program->config);
    if (*program->tls_listening_to)
        memory_keep(TLS_MEMORY);
    program->relay = relay_new(&program->config, program->listening_to, error);
    if (!program->relay)
        return false;
    for (const char *const *address = relay_listening(program->relay); *address; address++)
        log_info(_("listening on ws://%s/"), *address);
    for (const char *const *address = relay_tls_listening(program->relay); *address; address++)
        log_info(_("listening on wss://%s/"), *address);
    if (!start_metrics(program, error))
        return false;
    program->bus = bus_new(connection, program->relay, error);
    if (program->bus)
        bus_set_problems(program->bus, program->config.warnings);
    return program->bus != NULL;
}

static void reload(Daemon *daemon, gpointer data)
{
    Program *program = data;
    g_autofree char *cluster = cluster_settings(&program->config);

    relay_reload(program->relay);
    reload_metrics(program);
    bus_set_problems(program->bus, program->config.warnings);
    if (!g_strv_equal((const char *const *) program->listening_to,
                      (const char *const *) wanted_addresses(program)) ||
        !g_strv_equal((const char *const *) program->tls_listening_to,
                      (const char *const *) program->config.tls_listen))
        log_warning(_("Listen= has changed; that needs a restart"));
    if (strcmp(program->clustered, cluster) != 0)
        log_warning(_("[Cluster] has changed; that needs a restart"));
}

static gboolean on_stopped(gpointer data)
{
    daemon_quit(data, 0);
    return G_SOURCE_REMOVE;
}

static void stop(Daemon *daemon, gpointer data)
{
    Program *program = data;
    g_autofree char *extend = g_strdup_printf("EXTEND_TIMEOUT_USEC=%" PRIu64,
                                              program->config.drain_time + 5 * G_USEC_PER_SEC);

    sd_notify_send(extend);
    relay_stop(program->relay, on_stopped, daemon);
}

int main(int argc, char **argv)
{
    static Program program;
    const GOptionEntry options[] = {
        {"listen", 'l', 0, G_OPTION_ARG_STRING_ARRAY, &program.listen_option,
         N_("Listen here instead of where Listen= says; port 0 picks a free one"),
         N_("ADDRESS:PORT")},
        {},
    };
    const DaemonInfo info = {
        .program = "rtcbus-relay",
        .summary = N_("Signaling relay for WebRTC: WebSocket rooms on the system bus."),
        .config_name = "relay.conf",
        .bus_name = RELAY_BUS_NAME,
        .options = options,
        .configure = configure,
        .check = relay_config_check,
        .start = start,
        .reload = reload,
        .stop = stop,
    };
    int status = daemon_run(&info, &program, argc, argv);

    g_clear_pointer(&program.bus, bus_free);
    g_clear_pointer(&program.metrics, metrics_server_free);
    g_clear_pointer(&program.relay, relay_free);
    g_clear_pointer(&program.listening_to, g_strfreev);
    g_clear_pointer(&program.tls_listening_to, g_strfreev);
    g_clear_pointer(&program.clustered, g_free);
    g_clear_pointer(&program.listen_option, g_strfreev);
    relay_config_clear(&program.config);
    return status;
}
