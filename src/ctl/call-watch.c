/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Signals that come while Call() is being answered wait in the main context, so
 * they are seen in their order once the path is known. What was before them is
 * asked for once.
 */

#include <config.h>

#include "ctl/call-watch.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/names.h"
#include "ctl/calls.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES "org.freedesktop.DBus.Properties"

struct CallWatch {
    BusClient *client;
    const CallWatchOps *ops;
    gpointer data;
    guint signals[3];
    guint name_id;
    char *path;           /* NULL: not begun */
    char *state;          /* the last that was told */
    char *reason;         /* of the end, as far as it is known */
    GCancellable *asking; /* for its properties */
    bool ended;
};

/* WATCH may be gone afterwards. */
static void watch_end(CallWatch *watch, const char *reason)
{
    g_autofree char *copy = g_strdup(reason);

    if (watch->ended || !watch->path)
        return;
    watch->ended = true;
    watch->ops->ended(copy, watch->data);
}

/* WATCH may be gone afterwards. */
static void watch_see(CallWatch *watch, GVariant *dict)
{
    const char *state = dict_string(dict, "State");
    const char *reason = dict_string(dict, "Reason");

    if (watch->ended)
        return;
    if (*reason) {
        g_free(watch->reason);
        watch->reason = g_strdup(reason);
    }
    if (!*state || g_strcmp0(watch->state, state) == 0)
        return;
    g_free(watch->state);
    watch->state = g_strdup(state);
    watch->ops->state(state, watch->data);
    if (g_str_equal(state, "closed"))
        watch_end(watch, watch->reason);
}

static void on_properties_changed(GDBusConnection *bus, const char *sender, const char *path,
                                  const char *interface, const char *signal, GVariant *parameters,
                                  gpointer data)
{
    CallWatch *watch = data;
    g_autoptr(GVariant) changed = NULL;

    if (g_strcmp0(path, watch->path) != 0 ||
        !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")))
        return;
    changed = g_variant_get_child_value(parameters, 1);
    watch_see(watch, changed);
}

static void on_call_ended(GDBusConnection *bus, const char *sender, const char *path,
                          const char *interface, const char *signal, GVariant *parameters,
                          gpointer data)
{
    CallWatch *watch = data;
    const char *call, *reason;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oss)")))
        return;
    g_variant_get(parameters, "(&o&s&s)", &call, NULL, &reason);
    if (g_strcmp0(call, watch->path) == 0)
        watch_end(watch, reason);
}

static void on_interfaces_removed(GDBusConnection *bus, const char *sender, const char *path,
                                  const char *interface, const char *signal, GVariant *parameters,
                                  gpointer data)
{
    CallWatch *watch = data;
    const char *object;

    if (watch->ended || !watch->path || !watch->ops->channel_gone ||
        !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oas)")))
        return;
    g_variant_get(parameters, "(&oas)", &object, NULL);
    if (g_str_has_prefix(object, watch->path) && object[strlen(watch->path)] == '/')
        watch->ops->channel_gone(object, watch->data);
}

static void on_daemon_vanished(GDBusConnection *bus, const char *name, gpointer data)
{
    watch_end(data, _("rtcbus-peer stopped"));
}

/* If the call has gone already, CallEnded is on its way. */
static void on_properties(GObject *bus, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);
    g_autoptr(GVariant) dict = NULL;

    if (!reply) {
        g_debug("call: %s", error->message);
        return; /* also: the watch is gone */
    }
    dict = g_variant_get_child_value(reply, 0);
    watch_see(data, dict);
}

void call_watch_begin(CallWatch *watch, const char *path)
{
    watch->path = g_strdup(path);
    g_dbus_connection_call(watch->client->bus, PEER_BUS_NAME, path, PROPERTIES, "GetAll",
                           g_variant_new("(s)", CALL_INTERFACE), G_VARIANT_TYPE("(a{sv})"), LOOK,
                           -1, watch->asking, on_properties, watch);
}

CallWatch *call_watch_new(BusClient *client, const CallWatchOps *ops, gpointer data)
{
    CallWatch *watch = g_new0(CallWatch, 1);

    watch->client = client;
    watch->ops = ops;
    watch->data = data;
    watch->asking = g_cancellable_new();
    watch->signals[0] = g_dbus_connection_signal_subscribe(
        client->bus, PEER_BUS_NAME, PROPERTIES, "PropertiesChanged", NULL, CALL_INTERFACE,
        G_DBUS_SIGNAL_FLAGS_NONE, on_properties_changed, watch, NULL);
    watch->signals[1] = g_dbus_connection_signal_subscribe(
        client->bus, PEER_BUS_NAME, PEER_INTERFACE, "CallEnded", PEER_OBJECT_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_call_ended, watch, NULL);
    watch->signals[2] = g_dbus_connection_signal_subscribe(
        client->bus, PEER_BUS_NAME, OBJECT_MANAGER, "InterfacesRemoved", PEER_OBJECT_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_interfaces_removed, watch, NULL);
    watch->name_id =
        g_bus_watch_name_on_connection(client->bus, PEER_BUS_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                       NULL, on_daemon_vanished, watch, NULL);
    return watch;
}

void call_watch_free(CallWatch *watch)
{
    if (!watch)
        return;
    g_bus_unwatch_name(watch->name_id);
    for (size_t i = 0; i < G_N_ELEMENTS(watch->signals); i++)
        g_dbus_connection_signal_unsubscribe(watch->client->bus, watch->signals[i]);
    g_cancellable_cancel(watch->asking);
    g_object_unref(watch->asking);
    g_free(watch->path);
    g_free(watch->state);
    g_free(watch->reason);
    g_free(watch);
}
