/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Plain blocking calls: rtcbusctl asks one thing at a time and shows it, and a
 * proxy would only fetch properties that nobody asked for. The two errors that
 * newcomers meet, "not running" and "not allowed", name the command that helps.
 */

#include <config.h>

#include "ctl/client.h"

#include <glib/gi18n.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/names.h"
#include "common/printable.h"
#include "ctl/daemon-words.h"

#define GROUP "rtcbus"

const BusService peer_service = {
    .bus_name = PEER_BUS_NAME,
    .object_path = PEER_OBJECT_PATH,
    .interface = PEER_INTERFACE,
    .program = "rtcbus-peer",
};

const BusService relay_service = {
    .bus_name = RELAY_BUS_NAME,
    .object_path = RELAY_OBJECT_PATH,
    .interface = RELAY_INTERFACE,
    .program = "rtcbus-relay",
};

bool client_connect(BusClient *client, GError **error)
{
    client->bus =
        g_bus_get_sync(client->session ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM, NULL, error);
    if (!client->bus) {
        g_prefix_error(error, "%s",
                       client->session ? _("cannot reach the session bus: ")
                                       : _("cannot reach the system bus: "));
        return false;
    }
    g_dbus_connection_set_exit_on_close(client->bus, FALSE);
    signal(SIGPIPE, SIG_DFL); /* GSocket ignores it; "numbers --follow | head" must end */
    return true;
}

void client_clear(BusClient *client)
{
    g_clear_object(&client->bus);
}

GVariant *client_call(BusClient *client, const BusService *service, const char *path,
                      const char *interface, const char *method, GVariant *parameters,
                      const char *reply, GDBusCallFlags flags, GError **error)
{
    return g_dbus_connection_call_sync(client->bus, service->bus_name, path, interface, method,
                                       parameters, reply ? G_VARIANT_TYPE(reply) : NULL, flags, -1,
                                       NULL, error);
}

GVariant *client_properties(BusClient *client, const BusService *service, const char *path,
                            const char *interface, GError **error)
{
    g_autoptr(GVariant) reply =
        client_call(client, service, path, "org.freedesktop.DBus.Properties", "GetAll",
                    g_variant_new("(s)", interface), "(a{sv})", LOOK, error);

    return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

static GVariant *ask_bus(BusClient *client, const char *method, GVariant *parameters,
                         const char *reply)
{
    return g_dbus_connection_call_sync(
        client->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        method, parameters, G_VARIANT_TYPE(reply), G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
}

bool client_has(BusClient *client, const BusService *service)
{
    g_autoptr(GVariant) reply =
        ask_bus(client, "NameHasOwner", g_variant_new("(s)", service->bus_name), "(b)");
    gboolean has = FALSE;

    if (reply)
        g_variant_get(reply, "(b)", &has);
    return has;
}

bool client_can_start(BusClient *client, const BusService *service)
{
    g_autoptr(GVariant) reply = ask_bus(client, "ListActivatableNames", NULL, "(as)");
    g_autofree const char **names = NULL;

    if (!reply)
        return false;
    g_variant_get(reply, "(^a&s)", &names);
    return g_strv_contains(names, service->bus_name);
}

bool client_may_act(BusClient *client, GError **error)
{
    g_autoptr(GVariant) reply =
        client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "ReadNumbers",
                    g_variant_new("(tu)", G_MAXUINT64, 1), NULL, LOOK, error);

    return reply != NULL;
}

bool client_error_is_absent(const GError *error)
{
    g_autofree char *name = g_dbus_error_get_remote_error(error);

    return g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
           g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER) ||
           (name && (g_str_has_prefix(name, "org.freedesktop.DBus.Error.Spawn.") ||
                     g_str_has_prefix(name, "org.freedesktop.systemd1.")));
}

static bool process_has_group(gid_t gid)
{
    int n = getgroups(0, NULL);
    g_autofree gid_t *groups = g_new(gid_t, MAX(n, 1));

    if (getegid() == gid)
        return true;
    n = getgroups(n, groups);
    for (int i = 0; i < n; i++) {
        if (groups[i] == gid)
            return true;
    }
    return false;
}

static bool group_lists(const struct group *group, const char *user)
{
    for (char **member = group->gr_mem; *member; member++) {
        if (g_str_equal(*member, user))
            return true;
    }
    return false;
}

static char *explain_denied(const char *message)
{
    const struct group *group = getgrnam(GROUP);
    const char *user = g_get_user_name();

    if (!group || getuid() == 0 || process_has_group(group->gr_gid))
        return g_strdup_printf(_("the bus refused it: %s"), message);
    if (group_lists(group, user))
        return g_strdup_printf(_("this session began before %s was in the group %s: log in again"),
                               user, GROUP);
    return g_strdup_printf(_("only root and the group %s may do that: \"sudo adduser %s %s\", "
                             "then log in again"),
                           GROUP, user, GROUP);
}

char *client_explain(const BusClient *client, const BusService *service, const GError *error)
{
    g_autoptr(GError) stripped = g_error_copy(error);

    g_dbus_error_strip_remote_error(stripped);
    if (client_error_is_absent(error)) {
        if (client->session)
            return g_strdup_printf(_("%s is not running on the session bus: start it with \"%s "
                                     "--session\""),
                                   service->program, service->program);
        return g_strdup_printf(_("%s is not running: start it with \"systemctl start %s\", or see "
                                 "\"systemctl status %s\" for why it stopped"),
                               service->program, service->program, service->program);
    }
    if (g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED))
        return explain_denied(stripped->message);
    if (g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
        g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        return g_strdup_printf(_("%s did not answer: %s"), service->program, stripped->message);
    return daemon_words(stripped->message);
}

void client_complain(const char *format, ...)
{
    g_autofree char *text = NULL, *ours = NULL, *shown = NULL;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    ours = daemon_words(text);
    shown = printable(ours);
    g_printerr("rtcbusctl: %s\n", shown);
}

int client_fail(const BusClient *client, const BusService *service, const GError *error)
{
    g_autofree char *text = client_explain(client, service, error);

    client_complain("%s", text);
    return EXIT_FAILURE;
}

int client_usage(const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    client_complain("%s", text);
    g_printerr("%s\n", _("Try \"rtcbusctl --help\"."));
    return EXIT_USAGE;
}

const char *dict_string(GVariant *dict, const char *key)
{
    const char *value = "";

    if (!g_variant_lookup(dict, key, "&s", &value))
        g_variant_lookup(dict, key, "&o", &value);
    return value;
}

guint64 dict_uint64(GVariant *dict, const char *key)
{
    guint64 value = 0;

    g_variant_lookup(dict, key, "t", &value);
    return value;
}

guint32 dict_uint32(GVariant *dict, const char *key)
{
    guint32 value = 0;

    g_variant_lookup(dict, key, "u", &value);
    return value;
}

bool dict_flag(GVariant *dict, const char *key)
{
    gboolean value = FALSE;

    return g_variant_lookup(dict, key, "b", &value) && value;
}
