/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What both daemons do alike: options, configuration path, bus connection and
 * name, main loop, SIGTERM and SIGHUP, readiness and watchdog for systemd.
 */

#pragma once

#include <gio/gio.h>
#include <stdbool.h>

typedef struct Daemon Daemon;

typedef struct {
    const char *program;         /* "rtcbus-peer", also the log identifier */
    const char *summary;         /* N_(): one line for --help */
    const char *config_name;     /* "peer.conf", in SYSCONFDIR/rtcbus */
    const char *bus_name;        /* the well-known name to own */
    const GOptionEntry *options; /* of this daemon alone, or NULL */

    /* Reads the configuration; at start and at each reload. REQUIRED as in
     * config_load(). A failed reload must leave the running one alone. */
    bool (*configure)(const char *path, bool required, gpointer data, GError **error);

    /* All that is wrong in the files that configure() would read, and beside them: ConfigProblems,
     * transfer full. For --check; nothing else of the program has begun. */
    GPtrArray *(*check)(const char *path, bool required);

    /* Exports objects on BUS and begins work. The bus name is taken after. */
    bool (*start)(Daemon *daemon, GDBusConnection *bus, gpointer data, GError **error);

    /* After a successful configure() at SIGHUP. */
    void (*reload)(Daemon *daemon, gpointer data);

    /* SIGTERM, SIGINT or a lost bus: says goodbye to everybody and calls
     * daemon_quit() when that is done, at once or later. Called once. */
    void (*stop)(Daemon *daemon, gpointer data);
} DaemonInfo;

/* Runs a daemon to its end; the process's exit status: EX_CONFIG of <sysexits.h> if a file that
 * somebody has to repair (CONFIG_ERROR) kept it from starting. */
int daemon_run(const DaemonInfo *info, gpointer data, int argc, char **argv);

/* Ends daemon_run()'s loop with STATUS. */
void daemon_quit(Daemon *daemon, int status);

/* Reads the configuration again, as SIGHUP does. */
bool daemon_reload(Daemon *daemon, GError **error);

/* The line that "systemctl status" shows (STATUS= of sd_notify(3)). */
void daemon_status(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* The path of the state directory: $STATE_DIRECTORY as systemd sets it, or for a
 * --session daemon $XDG_STATE_HOME/PROGRAM, else LOCALSTATEDIR/lib/PROGRAM. It may
 * not be there. Transfer full. */
char *daemon_state_directory(Daemon *daemon);

/* Whether the program's file was replaced since it began: a newer one waits for a restart. */
bool daemon_is_replaced(void);

bool daemon_is_session(Daemon *daemon);
