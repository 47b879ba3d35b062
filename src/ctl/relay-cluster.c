/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "ctl/relay-cluster.h"

#include <glib/gi18n.h>

#include "common/names.h"

GVariant *relay_cluster_load(BusClient *client, GError **error)
{
    g_autoptr(GVariant) reply =
        client_call(client, &relay_service, RELAY_OBJECT_PATH, RELAY_INTERFACE, "ListRelays", NULL,
                    "(a(ssubbu))", LOOK, error);

    return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

static char *state_text(const char *state, const char *server)
{
    if (g_str_equal(state, "joined"))
        return g_strdup_printf(_("joined, by %s"), server);
    if (g_str_equal(state, "without-names"))
        return g_strdup_printf(
            _("joined, by %s, where there is no store for names: each relay decides by itself"),
            server);
    return g_strdup(_("no connection to NATS: this relay goes on alone"));
}

void relay_cluster_add_row(Table *table, GVariant *dict)
{
    const char *state = dict_string(dict, "ClusterState");
    g_autofree char *server = text_safe(dict_string(dict, "ClusterServer"));
    g_autofree char *text = NULL;

    if (!*state || g_str_equal(state, "off"))
        return;
    text = state_text(state, server);
    table_row(table, _("Cluster:"), text, NULL);
}

void relay_cluster_print(GVariant *relays)
{
    g_autoptr(Table) table = table_new(4);
    gsize n = g_variant_n_children(relays);

    if (n == 0)
        return;
    g_print("  %s\n", _("Other relays"));
    table_row(table, _("ID"), _("HOST"), _("CLIENTS"), _("STATE"), NULL);
    for (gsize i = 0; i < n; i++) {
        const char *id, *host;
        guint32 clients, unacked;
        gboolean synced, leaving;
        g_autofree char *name = NULL, *count = NULL;

        g_variant_get_child(relays, i, "(&s&subbu)", &id, &host, &clients, &synced, &leaving,
                            &unacked);
        name = text_safe(host);
        count = g_strdup_printf("%u", clients);
        table_row(table, id, name, count,
                  leaving  ? _("sends its clients away")
                  : synced ? _("all are known")
                           : _("not all are known yet"),
                  NULL);
    }
    table_print(table);
}

static void relay_to_json(GVariant *relay, JsonBuilder *builder)
{
    const char *id, *host;
    guint32 clients, unacked;
    gboolean synced, leaving;

    g_variant_get(relay, "(&s&subbu)", &id, &host, &clients, &synced, &leaving, &unacked);
    json_builder_begin_object(builder);
    json_add_string(builder, "id", id);
    json_add_string(builder, "host", host);
    json_add_uint(builder, "clients", clients);
    json_add_flag(builder, "synced", synced);
    json_add_flag(builder, "leaving", leaving);
    json_add_uint(builder, "unacknowledged", unacked);
    json_builder_end_object(builder);
}

void relay_cluster_to_json(GVariant *dict, GVariant *relays, JsonBuilder *builder)
{
    json_builder_set_member_name(builder, "cluster");
    json_builder_begin_object(builder);
    json_add_string(builder, "state", dict_string(dict, "ClusterState"));
    json_add_string(builder, "server", dict_string(dict, "ClusterServer"));
    json_builder_set_member_name(builder, "relays");
    json_builder_begin_array(builder);
    for (gsize i = 0; relays && i < g_variant_n_children(relays); i++) {
        g_autoptr(GVariant) relay = g_variant_get_child_value(relays, i);

        relay_to_json(relay, builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}
