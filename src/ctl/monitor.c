/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "monitor": the relay, who comes and goes in the room, calls, whose keys are trusted, and
 * channels, a line for each change, until it is interrupted. What is there at the beginning is
 * told first. The daemon may stop and come back meanwhile.
 */

#include <config.h>

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/names.h"
#include "ctl/calls.h"
#include "ctl/command.h"
#include "ctl/daemon-words.h"
#include "ctl/text.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES "org.freedesktop.DBus.Properties"

typedef struct {
    BusClient *client;
    GMainLoop *loop;
    GHashTable *labels;       /* object path → what it is called: a peer, a channel's label */
    GHashTable *members;      /* id → name, of the room */
    char *relay_state, *said; /* the last that was told */
    bool there;               /* the daemon is */
    int status;
} Monitor;

/* One line. Of WHAT ("call", "channel", …) the one with NUMBER, if it has one. */
static void tell(Monitor *monitor, const char *what, const char *number, const char *name,
                 const char *state, const char *words)
{
    guint64 now = (guint64) clock_wall();

    if (monitor->client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        json_add_uint(builder, "time", now);
        json_add_string(builder, "what", what);
        if (number)
            json_add_string(builder, "number", number);
        json_add_string(builder, "name", name);
        json_add_string(builder, "state", state);
        json_add_string(builder, "words", words);
        json_builder_end_object(builder);
        json_print(builder);
    } else {
        g_autofree char *when = text_time(now);
        g_autofree char *shown = text_safe(name);
        g_autofree char *ours = daemon_words(words);
        g_autofree char *safe = *ours ? text_safe(ours) : g_strdup("");

        g_print("%s  %s%s%s  %s  %s%s%s\n", when, _(what), number ? " " : "", number ? number : "",
                shown, call_state_text(state), *safe ? ": " : "", safe);
    }
    if (text_output_failed()) {
        monitor->status = EXIT_FAILURE;
        g_main_loop_quit(monitor->loop);
    }
}

/* ---- objects ------------------------------------------------------------------------- */

/* "3" of a call, "3/1" of a channel */
static char *path_number(const char *path)
{
    g_autofree char *rest = g_strdup(path + strlen(CALL_PATH_PREFIX));
    char *channel = strstr(rest, "/channel/");

    if (!channel)
        return g_steal_pointer(&rest);
    *channel = '\0';
    return g_strdup_printf("%s/%s", rest, channel + strlen("/channel/"));
}

static bool is_ours(const char *path)
{
    return g_str_has_prefix(path, CALL_PATH_PREFIX);
}

static const char *label_of(const Monitor *monitor, const char *path)
{
    const char *label = g_hash_table_lookup(monitor->labels, path);

    return label ? label : "";
}

static void see_call(Monitor *monitor, const char *path, GVariant *dict)
{
    g_autofree char *number = path_number(path);
    const char *peer = dict_string(dict, "Peer"), *trust = dict_string(dict, "Trust");
    const char *state = dict_string(dict, "State"), *reason = dict_string(dict, "Reason");

    if (*peer)
        g_hash_table_insert(monitor->labels, g_strdup(path), g_strdup(peer));
    if (*trust && !g_str_equal(trust, "unknown"))
        tell(monitor, N_("trust"), number, label_of(monitor, path), trust,
             dict_string(dict, "RemoteFingerprint"));
    if (*state)
        tell(monitor, N_("call"), number, label_of(monitor, path), state, reason);
}

static void see_channel(Monitor *monitor, const char *path, GVariant *dict)
{
    g_autofree char *number = path_number(path);
    const char *label = dict_string(dict, "Label"), *state = dict_string(dict, "State");

    if (*label)
        g_hash_table_insert(monitor->labels, g_strdup(path), g_strdup(label));
    if (*state)
        tell(monitor, N_("channel"), number, label_of(monitor, path), state,
             dict_string(dict, "Reason"));
}

static void see_object(Monitor *monitor, const char *path, GVariant *interfaces)
{
    g_autoptr(GVariant) call =
        g_variant_lookup_value(interfaces, CALL_INTERFACE, G_VARIANT_TYPE_VARDICT);
    g_autoptr(GVariant) channel =
        g_variant_lookup_value(interfaces, CHANNEL_INTERFACE, G_VARIANT_TYPE_VARDICT);

    if (call && is_ours(path))
        see_call(monitor, path, call);
    if (channel && is_ours(path))
        see_channel(monitor, path, channel);
}

/* ---- the relay and its room ------------------------------------------------------------ */

static void see_members(Monitor *monitor, GVariant *list)
{
    g_autoptr(GHashTable) before = g_steal_pointer(&monitor->members);
    GHashTableIter iter;
    gpointer name;

    monitor->members = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        const char *id, *other;

        g_variant_get_child(list, i, "(&s&s)", &id, &other);
        g_hash_table_insert(monitor->members, g_strdup(id), g_strdup(*other ? other : id));
        if (!g_hash_table_remove(before, id))
            tell(monitor, N_("room"), NULL, *other ? other : id, "joined", "");
    }
    g_hash_table_iter_init(&iter, before);
    while (g_hash_table_iter_next(&iter, NULL, &name))
        tell(monitor, N_("room"), NULL, name, "left", "");
}

static void see_peer(Monitor *monitor, GVariant *dict)
{
    const char *state = dict_string(dict, "RelayState");
    const char *error = dict_string(dict, "RelayError");
    g_autoptr(GVariant) members = g_variant_lookup_value(dict, "Peers", G_VARIANT_TYPE("a(ss)"));

    if (*state) {
        g_free(monitor->relay_state);
        monitor->relay_state = g_strdup(state);
    }
    if (*state || *error) {
        g_autofree char *line = g_strdup_printf("%s %s", monitor->relay_state, error);

        if (g_strcmp0(line, monitor->said) != 0)
            tell(monitor, N_("relay"), NULL, dict_string(dict, "RelayUrl"), monitor->relay_state,
                 error);
        g_free(monitor->said);
        monitor->said = g_steal_pointer(&line);
    }
    if (members)
        see_members(monitor, members);
}

/* ---- signals ----------------------------------------------------------------------------- */

static void on_properties_changed(GDBusConnection *bus, const char *sender, const char *path,
                                  const char *interface, const char *signal, GVariant *parameters,
                                  gpointer data)
{
    g_autoptr(GVariant) changed = NULL;
    const char *what;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")))
        return;
    g_variant_get(parameters, "(&s@a{sv}as)", &what, &changed, NULL);
    if (g_str_equal(what, PEER_INTERFACE))
        see_peer(data, changed);
    else if (g_str_equal(what, CALL_INTERFACE) && is_ours(path))
        see_call(data, path, changed);
    else if (g_str_equal(what, CHANNEL_INTERFACE) && is_ours(path))
        see_channel(data, path, changed);
}

static void on_interfaces_added(GDBusConnection *bus, const char *sender, const char *path,
                                const char *interface, const char *signal, GVariant *parameters,
                                gpointer data)
{
    g_autoptr(GVariant) interfaces = NULL;
    const char *object;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oa{sa{sv}})")))
        return;
    g_variant_get(parameters, "(&o@a{sa{sv}})", &object, &interfaces);
    see_object(data, object, interfaces);
}

static void on_interfaces_removed(GDBusConnection *bus, const char *sender, const char *path,
                                  const char *interface, const char *signal, GVariant *parameters,
                                  gpointer data)
{
    Monitor *monitor = data;
    const char *object;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oas)")))
        return;
    g_variant_get(parameters, "(&oas)", &object, NULL);
    g_hash_table_remove(monitor->labels, object);
}

static void on_pairing_ended(GDBusConnection *bus, const char *sender, const char *path,
                             const char *interface, const char *signal, GVariant *parameters,
                             gpointer data)
{
    gboolean paired;
    const char *name, *fingerprint, *message;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(bsss)")))
        return;
    g_variant_get(parameters, "(b&s&s&s)", &paired, &name, &fingerprint, &message);
    tell(data, N_("trust"), NULL, name, paired ? "paired" : "not paired",
         paired ? fingerprint : message);
}

/* ---- the daemon ---------------------------------------------------------------------------- */

static void tell_all(Monitor *monitor)
{
    g_autoptr(GVariant) dict =
        client_properties(monitor->client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, NULL);
    g_autoptr(GVariant) reply =
        client_call(monitor->client, &peer_service, PEER_OBJECT_PATH, OBJECT_MANAGER,
                    "GetManagedObjects", NULL, "(a{oa{sa{sv}}})", LOOK, NULL);
    g_autoptr(GVariantIter) objects = NULL;
    GVariant *interfaces;
    const char *path;

    if (dict)
        see_peer(monitor, dict);
    if (!reply)
        return;
    g_variant_get(reply, "(a{oa{sa{sv}}})", &objects);
    while (g_variant_iter_loop(objects, "{&o@a{sa{sv}}}", &path, &interfaces))
        see_object(monitor, path, interfaces);
}

static void on_daemon_appeared(GDBusConnection *bus, const char *name, const char *owner,
                               gpointer data)
{
    Monitor *monitor = data;

    if (!monitor->there)
        tell(monitor, N_("daemon"), NULL, peer_service.program, "running", "");
    monitor->there = true;
    tell_all(monitor);
}

static void on_daemon_vanished(GDBusConnection *bus, const char *name, gpointer data)
{
    Monitor *monitor = data;

    if (monitor->there)
        tell(monitor, N_("daemon"), NULL, peer_service.program, "stopped", "");
    monitor->there = false;
    g_hash_table_remove_all(monitor->labels);
    g_hash_table_remove_all(monitor->members);
    g_clear_pointer(&monitor->said, g_free);
    if (!bus) {
        client_complain(_("the message bus went away"));
        monitor->status = EXIT_FAILURE;
        g_main_loop_quit(monitor->loop);
    }
}

static gboolean on_interrupt(gpointer data)
{
    g_main_loop_quit(((Monitor *) data)->loop);
    return G_SOURCE_CONTINUE;
}

static void monitor_run_loop(Monitor *monitor)
{
    static const struct {
        const char *interface, *signal;
        GDBusSignalCallback callback;
    } wanted[] = {
        {PROPERTIES, "PropertiesChanged", on_properties_changed},
        {OBJECT_MANAGER, "InterfacesAdded", on_interfaces_added},
        {OBJECT_MANAGER, "InterfacesRemoved", on_interfaces_removed},
        {PEER_INTERFACE, "PairingEnded", on_pairing_ended},
    };
    guint signals[G_N_ELEMENTS(wanted)], name_id;

    for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++)
        signals[i] = g_dbus_connection_signal_subscribe(
            monitor->client->bus, PEER_BUS_NAME, wanted[i].interface, wanted[i].signal, NULL, NULL,
            G_DBUS_SIGNAL_FLAGS_NONE, wanted[i].callback, monitor, NULL);
    name_id = g_bus_watch_name_on_connection(monitor->client->bus, PEER_BUS_NAME,
                                             G_BUS_NAME_WATCHER_FLAGS_NONE, on_daemon_appeared,
                                             on_daemon_vanished, monitor, NULL);
    g_main_loop_run(monitor->loop);
    g_bus_unwatch_name(name_id);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        g_dbus_connection_signal_unsubscribe(monitor->client->bus, signals[i]);
}

int monitor_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) dict =
        client_properties(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, &error);
    Monitor monitor = {.client = client, .there = true};
    guint interrupts[2];

    /* It survives a daemon that restarts, but one that is not there at all is better said. */
    if (!dict)
        return client_fail(client, &peer_service, error);
    interrupts[0] = g_unix_signal_add(SIGINT, on_interrupt, &monitor);
    interrupts[1] = g_unix_signal_add(SIGTERM, on_interrupt, &monitor);
    setvbuf(stdout, NULL, _IOLBF, 0); /* a pipe gets each as it comes */
    monitor.loop = g_main_loop_new(NULL, FALSE);
    monitor.labels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    monitor.members = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    monitor_run_loop(&monitor);
    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
    g_hash_table_unref(monitor.labels);
    g_hash_table_unref(monitor.members);
    g_free(monitor.relay_state);
    g_free(monitor.said);
    g_main_loop_unref(monitor.loop);
    return monitor.status;
}
