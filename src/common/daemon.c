/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The frame around a daemon. Readiness is announced only once the bus name is
 * ours, so that "systemctl start" followed by "busctl call" cannot race.
 */

#include <config.h>

#include "common/daemon.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <locale.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/config-file.h"
#include "common/log.h"
#include "common/sd-notify.h"
#include "common/memory-trim.h"
#include "common/names.h"
#include "common/printable.h"

struct Daemon {
    const DaemonInfo *info;
    gpointer data;
    GMainLoop *loop;
    GDBusConnection *bus;
    char *config_path;
    gboolean config_given;
    gboolean session;
    gboolean verbose;
    gboolean version;
    gboolean check;
    guint name_id;
    int status;
    enum { DAEMON_STARTING, DAEMON_READY, DAEMON_STOPPING } state;
};

void daemon_quit(Daemon *daemon, int status)
{
    daemon->status = MAX(daemon->status, status);
    g_main_loop_quit(daemon->loop);
}

/* As the kernel names what has no name any more: proc(5). */
bool daemon_is_replaced(void)
{
    g_autofree char *path = g_file_read_link("/proc/self/exe", NULL);

    return path && g_str_has_suffix(path, " (deleted)");
}

bool daemon_is_session(Daemon *daemon)
{
    return daemon->session;
}

void daemon_status(const char *format, ...)
{
    g_autofree char *text = NULL, *clean = NULL, *line = NULL;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    clean = printable(text); /* a line of its own would be another message to systemd */
    line = g_strconcat("STATUS=", clean, NULL);
    sd_notify_send(line);
}

char *daemon_state_directory(Daemon *daemon)
{
    const char *given = g_getenv("STATE_DIRECTORY");

    if (given && *given)
        return g_strdup(given);
    if (daemon->session)
        return g_build_filename(g_get_user_state_dir(), daemon->info->program, NULL);
    return g_build_filename(LOCALSTATEDIR, "lib", daemon->info->program, NULL);
}

static void daemon_begin_stop(Daemon *daemon)
{
    if (daemon->state == DAEMON_STOPPING)
        return;
    daemon->state = DAEMON_STOPPING;
    sd_notify_send("STOPPING=1");
    daemon->info->stop(daemon, daemon->data);
}

static gboolean on_terminate(gpointer data)
{
    daemon_begin_stop(data);
    return G_SOURCE_CONTINUE;
}

bool daemon_reload(Daemon *daemon, GError **error)
{
    if (!daemon->info->configure(daemon->config_path, daemon->config_given, daemon->data, error))
        return false;
    daemon->info->reload(daemon, daemon->data);
    return true;
}

/* Both signals may come at once, and in no order: who stops takes no configuration any more. */
static gboolean on_hangup(gpointer data)
{
    const Daemon *daemon = data;
    g_autoptr(GError) error = NULL;

    if (daemon->state == DAEMON_STOPPING)
        return G_SOURCE_CONTINUE;
    if (daemon_reload(data, &error))
        log_event(G_LOG_LEVEL_INFO, (.message_id = MESSAGE_CONFIG_RELOADED),
                  _("configuration read again"));
    else
        log_error(_("the running configuration stays: %s"), error->message);
    return G_SOURCE_CONTINUE;
}

static gboolean on_watchdog(gpointer data)
{
    sd_notify_send("WATCHDOG=1");
    return G_SOURCE_CONTINUE;
}

static void on_name_acquired(GDBusConnection *bus, const char *name, gpointer data)
{
    Daemon *daemon = data;

    if (daemon->state != DAEMON_STARTING)
        return;
    daemon->state = DAEMON_READY;
    sd_notify_send("READY=1");
    log_debug("ready, %s is ours", name);
    memory_trim();
}

static void on_name_lost(GDBusConnection *bus, const char *name, gpointer data)
{
    Daemon *daemon = data;

    if (daemon->state == DAEMON_STOPPING)
        return;
    if (!bus || g_dbus_connection_is_closed(bus))
        log_error(_("the message bus went away"));
    else
        log_error(_("cannot own the bus name %s: another program has it, "
                    "or the bus policy does not allow it"),
                  name);
    daemon->status = EXIT_FAILURE;
    daemon_begin_stop(daemon);
}

static bool parse_options(Daemon *daemon, int argc, char **argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &daemon->config_path,
         N_("Read this configuration file and its drop-ins"), N_("FILE")},
        {"session", 0, 0, G_OPTION_ARG_NONE, &daemon->session,
         N_("Own the name on the session bus"), NULL},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &daemon->verbose, N_("Log every step"), NULL},
        {"check", 0, 0, G_OPTION_ARG_NONE, &daemon->check,
         N_("Say what is wrong in the configuration and exit"), NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &daemon->version, N_("Show the version and exit"),
         NULL},
        {},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(context, _(daemon->info->summary));
    g_option_context_add_main_entries(context, entries, GETTEXT_PACKAGE);
    if (daemon->info->options)
        g_option_context_add_main_entries(context, daemon->info->options, GETTEXT_PACKAGE);
    if (!g_option_context_parse(context, &argc, &argv, error))
        return false;
    if (argc > 1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _("%s is not an option"),
                    argv[1]);
        return false;
    }
    daemon->config_given = daemon->config_path != NULL;
    if (!daemon->config_given)
        daemon->config_path =
            g_build_filename(SYSCONFDIR, "rtcbus", daemon->info->config_name, NULL);
    return true;
}

static bool daemon_start(Daemon *daemon, GError **error)
{
    const DaemonInfo *info = daemon->info;

    if (!info->configure(daemon->config_path, daemon->config_given, daemon->data, error))
        return false;
    daemon->bus =
        g_bus_get_sync(daemon->session ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM, NULL, error);
    if (!daemon->bus)
        return false;
    g_dbus_connection_set_exit_on_close(daemon->bus, FALSE);
    if (!info->start(daemon, daemon->bus, daemon->data, error))
        return false;
    daemon->name_id = g_bus_own_name_on_connection(daemon->bus, info->bus_name,
                                                   G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
                                                   on_name_acquired, on_name_lost, daemon, NULL);
    return true;
}

/* The signals are ours before the bus name is: who sees the name may send one. */
static void daemon_start_and_loop(Daemon *daemon)
{
    g_autoptr(GError) error = NULL;
    guint sources[4] = {
        g_unix_signal_add(SIGTERM, on_terminate, daemon),
        g_unix_signal_add(SIGINT, on_terminate, daemon),
        g_unix_signal_add(SIGHUP, on_hangup, daemon),
    };
    guint64 watchdog = sd_notify_watchdog_usec();

    if (watchdog > 0)
        sources[3] = clock_timer_add(watchdog / 2000, on_watchdog, daemon);
    if (daemon_start(daemon, &error)) {
        g_main_loop_run(daemon->loop);
    } else {
        log_error("%s", error->message);
        /* To start again would not mend it; see the unit. */
        daemon->status = error->domain == CONFIG_ERROR ? EX_CONFIG : EXIT_FAILURE;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
        g_clear_handle_id(&sources[i], g_source_remove);
}

/* Every problem is a line of standard output; what is only ignored does not count as a failure. */
static void daemon_check(Daemon *daemon)
{
    g_autoptr(GPtrArray) problems = daemon->info->check(daemon->config_path, daemon->config_given);

    for (guint i = 0; i < problems->len; i++) {
        const ConfigProblem *problem = problems->pdata[i];
        g_autofree char *line = config_problem_to_string(problem);

        g_print("%s\n", line);
        if (!problem->is_warning)
            daemon->status = EX_CONFIG;
    }
    if (problems->len == 0)
        g_print(_("%s: nothing is wrong\n"), daemon->config_path);
}

static void daemon_clear(Daemon *daemon)
{
    g_clear_handle_id(&daemon->name_id, g_bus_unown_name);
    if (daemon->bus && !g_dbus_connection_is_closed(daemon->bus))
        g_dbus_connection_flush_sync(daemon->bus, NULL, NULL);
    g_clear_object(&daemon->bus);
    g_clear_pointer(&daemon->loop, g_main_loop_unref);
    g_clear_pointer(&daemon->config_path, g_free);
}

int daemon_run(const DaemonInfo *info, gpointer data, int argc, char **argv)
{
    Daemon daemon = {.info = info, .data = data};
    g_autoptr(GError) error = NULL;

    setlocale(LC_ALL, "");
    bindtextdomain(GETTEXT_PACKAGE, LOCALEDIR);
    bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    textdomain(GETTEXT_PACKAGE);

    log_open(info->program, false);
    daemon.loop = g_main_loop_new(NULL, FALSE);
    if (!parse_options(&daemon, argc, argv, &error)) {
        log_error("%s", error->message);
        daemon.status = 2;
    } else if (daemon.version) {
        g_print("%s %s\n", info->program, PACKAGE_VERSION);
    } else if (daemon.check) {
        daemon_check(&daemon);
    } else {
        log_open(info->program, daemon.verbose);
        daemon_start_and_loop(&daemon);
    }
    daemon_clear(&daemon);
    log_settle();
    return daemon.status;
}
