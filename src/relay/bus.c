/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See bus.h. What is counted is read from the relay when somebody asks, so it
 * is never old; PropertiesChanged comes at the relay's pace, and not at all for
 * the counters of frames.
 */

#include <config.h>

#include "relay/bus.h"

#include <glib/gi18n.h>

#include "common/daemon.h"
#include "common/names.h"
#include "relay/relay-dbus.h"

struct RelayBus {
    GDBusConnection *connection;
    BusRelay1 *skeleton;
    Relay *relay;
};

/* The skeleton of gdbus-codegen, but for reading the counters. */
typedef struct {
    BusRelay1Skeleton parent;
    Relay *relay;
} BusObject;

typedef BusRelay1SkeletonClass BusObjectClass;

static GType bus_object_get_type(void);
G_DEFINE_TYPE(BusObject, bus_object, BUS_TYPE_RELAY1_SKELETON)

enum {
    PROPERTY_CONNECTIONS = 1,
    PROPERTY_ROOMS,
    PROPERTY_FRAMES_FORWARDED,
    PROPERTY_FRAMES_DROPPED,
    PROPERTY_REFUSED,
    PROPERTY_DRAINING,
    PROPERTY_CLUSTER_STATE,
    PROPERTY_CLUSTER_SERVER,
};

static const char *cluster_state(const ClusterCounters *cluster)
{
    if (!cluster->enabled)
        return "off";
    if (!cluster->connected)
        return "disconnected";
    return cluster->store ? "joined" : "without-names";
}

static void bus_object_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    RelayCounters counters = {};

    if (((BusObject *) object)->relay)
        relay_counters(((BusObject *) object)->relay, &counters);
    switch (id) {
    case PROPERTY_CONNECTIONS:
        g_value_set_uint(value, counters.connections);
        break;
    case PROPERTY_ROOMS:
        g_value_set_uint(value, counters.rooms);
        break;
    case PROPERTY_FRAMES_FORWARDED:
        g_value_set_uint64(value, counters.forwarded);
        break;
    case PROPERTY_FRAMES_DROPPED:
        g_value_set_uint64(value, counters.dropped);
        break;
    case PROPERTY_REFUSED:
        g_value_set_uint64(value, counters.refused);
        break;
    case PROPERTY_DRAINING:
        g_value_set_boolean(value, counters.draining);
        break;
    case PROPERTY_CLUSTER_STATE:
        g_value_set_static_string(value, cluster_state(&counters.cluster));
        break;
    case PROPERTY_CLUSTER_SERVER:
        g_value_set_string(value, counters.cluster.server);
        break;
    }
}

static void bus_object_set_property(GObject *object, guint id, const GValue *value,
                                    GParamSpec *spec)
{
    /* read-only on the bus, and nobody here sets them */
}

static void bus_object_class_init(BusObjectClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);

    object_class->get_property = bus_object_get_property;
    object_class->set_property = bus_object_set_property;
    g_object_class_override_property(object_class, PROPERTY_CONNECTIONS, "connections");
    g_object_class_override_property(object_class, PROPERTY_ROOMS, "rooms");
    g_object_class_override_property(object_class, PROPERTY_FRAMES_FORWARDED, "frames-forwarded");
    g_object_class_override_property(object_class, PROPERTY_FRAMES_DROPPED, "frames-dropped");
    g_object_class_override_property(object_class, PROPERTY_REFUSED, "refused");
    g_object_class_override_property(object_class, PROPERTY_DRAINING, "draining");
    g_object_class_override_property(object_class, PROPERTY_CLUSTER_STATE, "cluster-state");
    g_object_class_override_property(object_class, PROPERTY_CLUSTER_SERVER, "cluster-server");
}

static void bus_object_init(BusObject *object)
{
}

static void add_room(const char *room, guint clients, gpointer data)
{
    g_variant_builder_add(data, "(su)", room, clients);
}

static gboolean on_list_rooms(BusRelay1 *skeleton, GDBusMethodInvocation *invocation, gpointer data)
{
    RelayBus *bus = data;
    GVariantBuilder rooms;

    g_variant_builder_init(&rooms, G_VARIANT_TYPE("a(su)"));
    relay_foreach_room(bus->relay, add_room, &rooms);
    bus_relay1_complete_list_rooms(skeleton, invocation, g_variant_builder_end(&rooms));
    return TRUE;
}

static void add_client(const RelayClientInfo *info, gpointer data)
{
    g_variant_builder_add(data, "(sssst)", info->id, info->name, info->address, info->origin,
                          (guint64) info->since);
}

static gboolean on_list_clients(BusRelay1 *skeleton, GDBusMethodInvocation *invocation,
                                const char *room, gpointer data)
{
    RelayBus *bus = data;
    GVariantBuilder clients;

    g_variant_builder_init(&clients, G_VARIANT_TYPE("a(sssst)"));
    relay_foreach_client(bus->relay, room, add_client, &clients);
    bus_relay1_complete_list_clients(skeleton, invocation, g_variant_builder_end(&clients));
    return TRUE;
}

static void add_grant(GVariantBuilder *builder, const AccessGrant *grant)
{
    g_variant_builder_add(builder, "{sv}", "token", g_variant_new_boolean(grant->by_token));
    if (!grant->by_token)
        return;
    g_variant_builder_add(
        builder, "{sv}", "expires",
        g_variant_new_uint64(grant->expires == G_MAXINT64 ? 0 : (guint64) grant->expires));
    g_variant_builder_add(builder, "{sv}", "only-name", g_variant_new_boolean(grant->one_name));
    g_variant_builder_add(builder, "{sv}", "own-name", g_variant_new_boolean(grant->owns_name));
}

/* Whose share of the connections it has; nothing if there is no share for it. */
static void add_share(GVariantBuilder *builder, const RelayClientInfo *info)
{
    g_autofree char *key = account_key(info->account);

    if (!key || info->max_connections == 0)
        return;
    g_variant_builder_add(builder, "{sv}", "share", g_variant_new_string(key));
    g_variant_builder_add(builder, "{sv}", "share-taken",
                          g_variant_new_uint32(account_connections(info->account)));
    g_variant_builder_add(builder, "{sv}", "share-max",
                          g_variant_new_uint64(info->max_connections));
}

static void describe_client(const RelayClientInfo *info, gpointer data)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&builder, "{sv}", "id", g_variant_new_string(info->id));
    g_variant_builder_add(&builder, "{sv}", "name", g_variant_new_string(info->name));
    g_variant_builder_add(&builder, "{sv}", "address", g_variant_new_string(info->address));
    g_variant_builder_add(&builder, "{sv}", "origin", g_variant_new_string(info->origin));
    g_variant_builder_add(&builder, "{sv}", "since", g_variant_new_uint64((guint64) info->since));
    g_variant_builder_add(&builder, "{sv}", "rtcbus", g_variant_new_boolean(info->rtcbus));
    g_variant_builder_add(&builder, "{sv}", "waiting", g_variant_new_uint64(info->waiting));
    add_grant(&builder, info->grant);
    add_share(&builder, info);
    g_variant_builder_add_value(data, g_variant_builder_end(&builder));
}

static gboolean on_describe_clients(BusRelay1 *skeleton, GDBusMethodInvocation *invocation,
                                    const char *room, gpointer data)
{
    RelayBus *bus = data;
    GVariantBuilder clients;

    g_variant_builder_init(&clients, G_VARIANT_TYPE("aa{sv}"));
    relay_foreach_client(bus->relay, room, describe_client, &clients);
    bus_relay1_complete_describe_clients(skeleton, invocation, g_variant_builder_end(&clients));
    return TRUE;
}

static void add_refusal(const RefusalEntry *entry, gpointer data)
{
    g_variant_builder_add(data, "(tsqssu)", (guint64) entry->time, entry->address,
                          (guint16) entry->status, entry->room, entry->reason, entry->count);
}

static gboolean on_list_refusals(BusRelay1 *skeleton, GDBusMethodInvocation *invocation,
                                 gpointer data)
{
    RelayBus *bus = data;
    GVariantBuilder refusals;

    g_variant_builder_init(&refusals, G_VARIANT_TYPE("a(tsqssu)"));
    refusals_foreach(relay_refusals(bus->relay), add_refusal, &refusals);
    bus_relay1_complete_list_refusals(skeleton, invocation, g_variant_builder_end(&refusals));
    return TRUE;
}

static gboolean on_disconnect(BusRelay1 *skeleton, GDBusMethodInvocation *invocation,
                              const char *id, gpointer data)
{
    RelayBus *bus = data;

    if (relay_disconnect(bus->relay, id)) {
        bus_relay1_complete_disconnect(skeleton, invocation);
    } else {
        g_autofree char *text = g_strdup_printf(_("no client has the id %s"), id);

        g_dbus_method_invocation_return_dbus_error(invocation, ERROR_NO_SUCH_PEER, text);
    }
    return TRUE;
}

static void add_relay(ClusterRelay *other, gpointer data)
{
    g_variant_builder_add(data, "(ssubbu)", other->origin.id, other->label,
                          other->origin.members.length, other->synced, other->leaving,
                          other->unacked);
}

static gboolean on_list_relays(BusRelay1 *skeleton, GDBusMethodInvocation *invocation,
                               gpointer data)
{
    RelayBus *bus = data;
    GVariantBuilder relays;

    g_variant_builder_init(&relays, G_VARIANT_TYPE("a(ssubbu)"));
    relay_foreach_relay(bus->relay, add_relay, &relays);
    bus_relay1_complete_list_relays(skeleton, invocation, g_variant_builder_end(&relays));
    return TRUE;
}

static gboolean on_drain(BusRelay1 *skeleton, GDBusMethodInvocation *invocation, gpointer data)
{
    RelayBus *bus = data;

    relay_drain(bus->relay);
    bus_relay1_complete_drain(skeleton, invocation);
    return TRUE;
}

static void emit_changed(RelayBus *bus, const RelayCounters *counters)
{
    GVariantBuilder changed;

    g_variant_builder_init(&changed, G_VARIANT_TYPE("a{sv}"));
    g_variant_builder_add(&changed, "{sv}", "Connections",
                          g_variant_new_uint32(counters->connections));
    g_variant_builder_add(&changed, "{sv}", "Rooms", g_variant_new_uint32(counters->rooms));
    g_variant_builder_add(&changed, "{sv}", "Draining", g_variant_new_boolean(counters->draining));
    g_variant_builder_add(&changed, "{sv}", "ClusterState",
                          g_variant_new_string(cluster_state(&counters->cluster)));
    g_variant_builder_add(&changed, "{sv}", "ClusterServer",
                          g_variant_new_string(counters->cluster.server));
    g_dbus_connection_emit_signal(
        bus->connection, NULL, RELAY_OBJECT_PATH, "org.freedesktop.DBus.Properties",
        "PropertiesChanged", g_variant_new("(sa{sv}as)", RELAY_INTERFACE, &changed, NULL), NULL);
}

void bus_update(RelayBus *bus)
{
    RelayCounters counters;
    g_autofree char *clients = NULL, *rooms = NULL;

    relay_counters(bus->relay, &counters);
    emit_changed(bus, &counters);
    clients = g_strdup_printf(ngettext("%u client", "%u clients", counters.connections),
                              counters.connections);
    rooms = g_strdup_printf(ngettext("%u room", "%u rooms", counters.rooms), counters.rooms);
    if (relay_warning(bus->relay))
        daemon_status(_("%s in %s; %s"), clients, rooms, relay_warning(bus->relay));
    else
        daemon_status(_("%s in %s"), clients, rooms);
}

void bus_set_problems(RelayBus *bus, char **problems)
{
    bus_relay1_set_problems(bus->skeleton, (const char *const *) problems);
}

static void on_change(gpointer data)
{
    bus_update(data);
}

RelayBus *bus_new(GDBusConnection *connection, Relay *relay, GError **error)
{
    RelayBus *bus = g_new0(RelayBus, 1);
    BusObject *object = g_object_new(bus_object_get_type(), NULL);

    object->relay = relay;
    bus->connection = g_object_ref(connection);
    bus->relay = relay;
    bus->skeleton = BUS_RELAY1(object);
    bus_relay1_set_version(bus->skeleton, PACKAGE_VERSION);
    bus_relay1_set_listening(bus->skeleton, relay_listening(relay));
    bus_relay1_set_tls_listening(bus->skeleton, relay_tls_listening(relay));
    g_signal_connect(object, "handle-list-rooms", G_CALLBACK(on_list_rooms), bus);
    g_signal_connect(object, "handle-list-clients", G_CALLBACK(on_list_clients), bus);
    g_signal_connect(object, "handle-describe-clients", G_CALLBACK(on_describe_clients), bus);
    g_signal_connect(object, "handle-list-refusals", G_CALLBACK(on_list_refusals), bus);
    g_signal_connect(object, "handle-list-relays", G_CALLBACK(on_list_relays), bus);
    g_signal_connect(object, "handle-drain", G_CALLBACK(on_drain), bus);
    g_signal_connect(object, "handle-disconnect", G_CALLBACK(on_disconnect), bus);
    relay_on_change(relay, on_change, bus);
    if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(object), connection,
                                          RELAY_OBJECT_PATH, error)) {
        bus_free(bus);
        return NULL;
    }
    bus_update(bus);
    return bus;
}

void bus_free(RelayBus *bus)
{
    if (!bus)
        return;
    relay_on_change(bus->relay, NULL, NULL);
    g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(bus->skeleton));
    if (g_dbus_interface_skeleton_get_connection(G_DBUS_INTERFACE_SKELETON(bus->skeleton)))
        g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(bus->skeleton));
    g_object_unref(bus->skeleton);
    g_object_unref(bus->connection);
    g_free(bus);
}
