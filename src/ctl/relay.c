/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* "relay": the relay on this machine, its rooms and who is in them. */

#include <config.h>

#include "common/names.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <stdlib.h>

#include "ctl/command.h"
#include "ctl/text.h"

typedef struct {
    char *name;
    guint32 count;
    GVariant *clients; /* a(sssst) */
} RoomListing;

static void room_free(RoomListing *room)
{
    g_free(room->name);
    g_clear_pointer(&room->clients, g_variant_unref);
    g_free(room);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RoomListing, room_free)

static RoomListing *room_load(BusClient *client, const char *name, guint32 count, GError **error)
{
    g_autoptr(RoomListing) room = g_new0(RoomListing, 1);
    g_autoptr(GVariant) reply = NULL;

    room->name = g_strdup(name);
    room->count = count;
    reply = client_call(client, &relay_service, RELAY_OBJECT_PATH, RELAY_INTERFACE, "ListClients",
                        g_variant_new("(s)", name), "(a(sssst))", LOOK, error);
    if (!reply)
        return NULL;
    room->clients = g_variant_get_child_value(reply, 0);
    return g_steal_pointer(&room);
}

static GPtrArray *rooms_load(BusClient *client, GError **error)
{
    g_autoptr(GPtrArray) rooms = g_ptr_array_new_with_free_func((GDestroyNotify) room_free);
    g_autoptr(GVariant) reply =
        client_call(client, &relay_service, RELAY_OBJECT_PATH, RELAY_INTERFACE, "ListRooms", NULL,
                    "(a(su))", LOOK, error);
    g_autoptr(GVariantIter) list = NULL;
    const char *name;
    guint32 count;

    if (!reply)
        return NULL;
    g_variant_get(reply, "(a(su))", &list);
    while (g_variant_iter_loop(list, "(&su)", &name, &count)) {
        RoomListing *room = room_load(client, name, count, error);

        if (!room)
            return NULL;
        g_ptr_array_add(rooms, room);
    }
    return g_steal_pointer(&rooms);
}

static char *listening_text(GVariant *dict)
{
    g_autoptr(GVariant) value =
        g_variant_lookup_value(dict, "Listening", G_VARIANT_TYPE_STRING_ARRAY);
    g_autofree const char **addresses = value ? g_variant_get_strv(value, NULL) : NULL;

    if (!addresses || !*addresses)
        return g_strdup(_("nowhere"));
    return g_strjoinv(", ", (char **) addresses);
}

static void client_add_row(GVariant *entry, Table *table)
{
    const char *id, *name, *address, *origin;
    guint64 since;
    g_autofree char *shown_name = NULL;
    g_autofree char *shown_address = NULL;
    g_autofree char *shown_origin = NULL;
    g_autofree char *duration = NULL;

    g_variant_get(entry, "(&s&s&s&st)", &id, &name, &address, &origin, &since);
    shown_name = text_safe(name);
    shown_address = text_safe(address);
    shown_origin = text_safe(origin);
    duration = text_since(since);
    table_row(table, id, shown_name, shown_address, shown_origin, duration, NULL);
}

static void room_print(const RoomListing *room)
{
    g_autoptr(Table) table = table_new(4);
    g_autofree char *path = g_strconcat("/", room->name, NULL); /* of the URL */
    g_autofree char *name = text_safe(path);

    g_print(ngettext("  Room %s: %u client\n", "  Room %s: %u clients\n", room->count), name,
            room->count);
    table_row(table, _("ID"), _("NAME"), _("ADDRESS"), _("ORIGIN"), _("AGE"), NULL);
    for (gsize i = 0; i < g_variant_n_children(room->clients); i++) {
        g_autoptr(GVariant) entry = g_variant_get_child_value(room->clients, i);

        client_add_row(entry, table);
    }
    table_print(table);
}

static void relay_print(GVariant *dict, GPtrArray *rooms)
{
    g_autoptr(Table) table = table_new(2);
    g_autofree char *listening = listening_text(dict);
    g_autofree char *connections = g_strdup_printf("%u", dict_uint32(dict, "Connections"));
    g_autofree char *frames =
        g_strdup_printf(_("%" PRIu64 " forwarded, %" PRIu64 " dropped"),
                        dict_uint64(dict, "FramesForwarded"), dict_uint64(dict, "FramesDropped"));

    g_print(_("rtcbus-relay %s is running"), dict_string(dict, "Version"));
    g_print("\n");
    table_row(table, _("Listening on:"), listening, NULL);
    table_row(table, _("Connections:"), connections, NULL);
    table_row(table, _("Frames:"), frames, NULL);
    table_print(table);
    for (guint i = 0; rooms && i < rooms->len; i++)
        room_print(rooms->pdata[i]);
}

static void room_to_json(const RoomListing *room, JsonBuilder *builder)
{
    json_builder_begin_object(builder);
    json_add_string(builder, "room", room->name);
    json_builder_set_member_name(builder, "clients");
    json_builder_begin_array(builder);
    for (gsize i = 0; i < g_variant_n_children(room->clients); i++) {
        const char *id, *name, *address, *origin;
        guint64 since;

        g_variant_get_child(room->clients, i, "(&s&s&s&st)", &id, &name, &address, &origin, &since);
        json_builder_begin_object(builder);
        json_add_string(builder, "id", id);
        json_add_string(builder, "name", name);
        json_add_string(builder, "address", address);
        json_add_string(builder, "origin", origin);
        json_add_uint(builder, "since", since);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void relay_print_json(GVariant *dict, GPtrArray *rooms)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(GVariant) value =
        g_variant_lookup_value(dict, "Listening", G_VARIANT_TYPE_STRING_ARRAY);
    g_autofree const char **addresses = value ? g_variant_get_strv(value, NULL) : NULL;

    json_builder_begin_object(builder);
    json_add_string(builder, "version", dict_string(dict, "Version"));
    json_builder_set_member_name(builder, "listening");
    json_builder_begin_array(builder);
    for (size_t i = 0; addresses && addresses[i]; i++)
        json_builder_add_string_value(builder, addresses[i]);
    json_builder_end_array(builder);
    json_add_uint(builder, "connections", dict_uint32(dict, "Connections"));
    json_add_uint(builder, "framesForwarded", dict_uint64(dict, "FramesForwarded"));
    json_add_uint(builder, "framesDropped", dict_uint64(dict, "FramesDropped"));
    json_builder_set_member_name(builder, "rooms");
    if (rooms) {
        json_builder_begin_array(builder);
        for (guint i = 0; i < rooms->len; i++)
            room_to_json(rooms->pdata[i], builder);
        json_builder_end_array(builder);
    } else {
        json_builder_add_null_value(builder);
    }
    json_builder_end_object(builder);
    json_print(builder);
}

int relay_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) rooms = NULL;
    g_autoptr(GVariant) dict =
        client_properties(client, &relay_service, RELAY_OBJECT_PATH, RELAY_INTERFACE, &error);

    if (!dict)
        return client_fail(client, &relay_service, error);
    rooms = rooms_load(client, &error);
    if (client->json)
        relay_print_json(dict, rooms);
    else
        relay_print(dict, rooms);
    /* Properties are open to everybody, the list of clients is not. */
    if (!rooms)
        return client_fail(client, &relay_service, error);
    return EXIT_SUCCESS;
}
