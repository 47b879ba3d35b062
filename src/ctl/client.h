/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The bus as rtcbusctl sees it: two services, calls to them, and errors turned
 * into words that say what to do.
 */

#pragma once

#include <gio/gio.h>
#include <stdbool.h>

typedef struct {
    bool session; /* the session bus instead of the system's */
    bool json;    /* answer for programs */
    GDBusConnection *bus;
} BusClient;

typedef struct {
    const char *bus_name;
    const char *object_path;
    const char *interface;
    const char *program; /* the daemon, which is also the name of its unit */
} BusService;

extern const BusService peer_service;
extern const BusService relay_service;

/* G_DBUS_CALL_FLAGS_NO_AUTO_START where looking must not start a daemon. */
#define LOOK G_DBUS_CALL_FLAGS_NO_AUTO_START
#define ACT G_DBUS_CALL_FLAGS_NONE

bool client_connect(BusClient *client, GError **error);
void client_clear(BusClient *client);

/* Calls METHOD ("Interface.Method" without the service's prefix is not known
 * here: INTERFACE is the full name) and waits for the reply, of type REPLY.
 * PARAMETERS may be floating or NULL. Transfer full. */
GVariant *client_call(BusClient *client, const BusService *service, const char *path,
                      const char *interface, const char *method, GVariant *parameters,
                      const char *reply, GDBusCallFlags flags, GError **error);

/* All properties of one interface as a{sv}. Never starts the daemon. */
GVariant *client_properties(BusClient *client, const BusService *service, const char *path,
                            const char *interface, GError **error);

/* Whether SERVICE runs, and whether the bus could start it, which it can if it is installed */
bool client_has(BusClient *client, const BusService *service);
bool client_can_start(BusClient *client, const BusService *service);

/* Whether we may use the peer daemon. Who may not hears no signals either, and would wait for
 * them in vain. */
bool client_may_act(BusClient *client, GError **error);

/* ERROR in plain words with what to do about it. Transfer full. */
char *client_explain(const BusClient *client, const BusService *service, const GError *error);

/* Whether SERVICE does not run, as far as ERROR tells. */
bool client_error_is_absent(const GError *error);

/* Says "rtcbusctl: …" on standard error, in one line that is made printable. */
void client_complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Says client_explain() on standard error; the exit status of a failure. */
int client_fail(const BusClient *client, const BusService *service, const GError *error);

/* Exit status of a command: EXIT_SUCCESS, EXIT_FAILURE, or this. */
#define EXIT_USAGE 2

/* Says "rtcbusctl: …" on standard error; the exit status of a usage error. */
int client_usage(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* A member of an a{sv}, or what stands for absent: "", 0. */
const char *dict_string(GVariant *dict, const char *key);
guint64 dict_uint64(GVariant *dict, const char *key);
guint32 dict_uint32(GVariant *dict, const char *key);
bool dict_flag(GVariant *dict, const char *key);
