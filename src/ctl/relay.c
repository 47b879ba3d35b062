/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* "relay": the relay on this machine, its rooms, who is in them, and who was not let in. */

#include <config.h>

#include "common/names.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/daemon-words.h"
#include "ctl/relay-cluster.h"
#include "ctl/text.h"

#define SHOWN_REFUSALS 10 /* of those that --json has */

typedef struct {
    char *name;
    guint32 count;
    GVariant *clients; /* aa{sv} */
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
    reply = client_call(client, &relay_service, RELAY_OBJECT_PATH, RELAY_INTERFACE,
                        "DescribeClients", g_variant_new("(s)", name), "(aa{sv})", LOOK, error);
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

/* KEY: "Listening" or "TlsListening" */
static char *listening_text(GVariant *dict, const char *key)
{
    g_autoptr(GVariant) value = g_variant_lookup_value(dict, key, G_VARIANT_TYPE_STRING_ARRAY);
    g_autofree const char **addresses = value ? g_variant_get_strv(value, NULL) : NULL;

    if (!addresses || !*addresses)
        return g_strdup(_("nowhere"));
    return g_strjoinv(", ", (char **) addresses);
}

/* What a client's token lets it do: until when, and whether its name is its own. */
static char *token_text(GVariant *client)
{
    guint64 expires = dict_uint64(client, "expires");
    g_autofree char *time = expires > 0 ? text_time(expires) : NULL;
    const char *name = dict_flag(client, "own-name")    ? _(", its own name")
                       : dict_flag(client, "only-name") ? _(", one name only")
                                                        : "";

    if (!dict_flag(client, "token"))
        return g_strdup("-");
    if (time)
        *strchrnul(time, '.') = '\0'; /* no milliseconds */
    return time ? g_strdup_printf(_("until %s%s"), time, name)
                : g_strdup_printf(_("for ever%s"), name);
}

/* How much of the share that limits it is taken: "2 of 1024", and of whom if that is not its
 * address alone. */
static char *share_text(GVariant *client)
{
    const char *key = dict_string(client, "share");
    g_autofree char *taken = NULL;

    if (!*key)
        return g_strdup("-");
    taken = g_strdup_printf(_("%u of %" PRIu64), dict_uint32(client, "share-taken"),
                            dict_uint64(client, "share-max"));
    return g_str_equal(key, dict_string(client, "address")) ? g_steal_pointer(&taken)
                                                            : g_strdup_printf("%s: %s", key, taken);
}

static void client_add_row(GVariant *client, Table *table)
{
    g_autofree char *name = text_safe(dict_string(client, "name"));
    g_autofree char *address = text_safe(dict_string(client, "address"));
    g_autofree char *origin = text_safe(dict_string(client, "origin"));
    g_autofree char *duration = text_since(dict_uint64(client, "since"));
    g_autofree char *token = token_text(client);
    g_autofree char *share = share_text(client);

    table_row(table, dict_string(client, "id"), name, address, origin, duration, token, share,
              NULL);
}

static void room_print(const RoomListing *room)
{
    g_autoptr(Table) table = table_new(4);
    g_autofree char *path = g_strconcat("/", room->name, NULL); /* of the URL */
    g_autofree char *name = text_safe(path);

    g_print(ngettext("  Room %s: %u client\n", "  Room %s: %u clients\n", room->count), name,
            room->count);
    table_row(table, _("ID"), _("NAME"), _("ADDRESS"), _("ORIGIN"), _("AGE"), _("TOKEN"),
              _("SHARE"), NULL);
    for (gsize i = 0; i < g_variant_n_children(room->clients); i++) {
        g_autoptr(GVariant) entry = g_variant_get_child_value(room->clients, i);

        client_add_row(entry, table);
    }
    table_print(table);
}

/* ---- those who were not let in -------------------------------------------------- */

static GVariant *refusals_load(BusClient *client, GError **error)
{
    g_autoptr(GVariant) reply =
        client_call(client, &relay_service, RELAY_OBJECT_PATH, RELAY_INTERFACE, "ListRefusals",
                    NULL, "(a(tsqssu))", LOOK, error);

    return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

static void refusals_print(GVariant *refusals, guint64 all)
{
    g_autoptr(Table) table = table_new(4);

    if (all == 0)
        return;
    g_print(_("  Not let in, the last ones of %" PRIu64 "\n"), all);
    table_row(table, _("AGE"), _("ADDRESS"), _("ROOM"), _("TIMES"), _("WHY"), NULL);
    for (gsize i = 0; i < MIN(g_variant_n_children(refusals), SHOWN_REFUSALS); i++) {
        const char *address, *room, *reason;
        guint64 time;
        guint16 status;
        guint32 count;
        g_autofree char *age = NULL, *path = NULL, *times = NULL, *why = NULL;
        g_autofree char *ours = NULL;

        g_variant_get_child(refusals, i, "(t&sq&s&su)", &time, &address, &status, &room, &reason,
                            &count);
        age = text_since(time);
        path = g_strconcat("/", room, NULL);
        times = g_strdup_printf("%u", count);
        ours = daemon_words(reason);
        why = g_strdup_printf("%u: %s", status, ours);
        table_row(table, age, address, path, times, why, NULL);
    }
    table_print(table);
}

static void refusals_to_json(GVariant *refusals, JsonBuilder *builder)
{
    json_builder_set_member_name(builder, "refusals");
    json_builder_begin_array(builder);
    for (gsize i = 0; i < g_variant_n_children(refusals); i++) {
        const char *address, *room, *reason;
        guint64 time;
        guint16 status;
        guint32 count;

        g_variant_get_child(refusals, i, "(t&sq&s&su)", &time, &address, &status, &room, &reason,
                            &count);
        json_builder_begin_object(builder);
        json_add_uint(builder, "time", time);
        json_add_string(builder, "address", address);
        json_add_uint(builder, "status", status);
        json_add_string(builder, "room", room);
        json_add_string(builder, "reason", reason);
        json_add_uint(builder, "count", count);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

/* ---- all of it ------------------------------------------------------------------- */

static void problems_print(GVariant *dict)
{
    g_autoptr(GVariant) list = g_variant_lookup_value(dict, "Problems", G_VARIANT_TYPE("as"));

    for (gsize i = 0; list && i < g_variant_n_children(list); i++) {
        const char *text;
        g_autofree char *ours = NULL, *shown = NULL;

        g_variant_get_child(list, i, "&s", &text);
        ours = daemon_words(text);
        shown = text_safe(ours);
        g_print("%s %s\n", _("Problem:"), shown);
    }
}

static void relay_print(GVariant *dict, GPtrArray *rooms, GVariant *refusals, GVariant *relays)
{
    g_autoptr(Table) table = table_new(2);
    g_autofree char *listening = listening_text(dict, "Listening");
    g_autofree char *tls = listening_text(dict, "TlsListening");
    g_autofree char *connections = g_strdup_printf("%u", dict_uint32(dict, "Connections"));
    g_autofree char *frames =
        g_strdup_printf(_("%" PRIu64 " forwarded, %" PRIu64 " dropped"),
                        dict_uint64(dict, "FramesForwarded"), dict_uint64(dict, "FramesDropped"));

    g_print(_("rtcbus-relay %s is running"), dict_string(dict, "Version"));
    g_print("\n");
    table_row(table, _("Listening on:"), listening, NULL);
    table_row(table, _("With TLS on:"), tls, NULL);
    table_row(table, _("Connections:"), connections, NULL);
    if (dict_flag(dict, "Draining"))
        table_row(table, _("Draining:"), _("yes, nobody is let in"), NULL);
    table_row(table, _("Frames:"), frames, NULL);
    relay_cluster_add_row(table, dict);
    table_print(table);
    if (relays)
        relay_cluster_print(relays);
    for (guint i = 0; rooms && i < rooms->len; i++)
        room_print(rooms->pdata[i]);
    if (refusals)
        refusals_print(refusals, dict_uint64(dict, "Refused"));
    problems_print(dict);
}

static void token_to_json(GVariant *client, JsonBuilder *builder)
{
    guint64 expires = dict_uint64(client, "expires");

    json_builder_set_member_name(builder, "token");
    if (!dict_flag(client, "token")) {
        json_builder_add_null_value(builder);
        return;
    }
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "expires");
    if (expires > 0)
        json_builder_add_int_value(builder, (gint64) expires);
    else
        json_builder_add_null_value(builder);
    json_add_flag(builder, "onlyName", dict_flag(client, "only-name"));
    json_add_flag(builder, "ownName", dict_flag(client, "own-name"));
    json_builder_end_object(builder);
}

static void share_to_json(GVariant *client, JsonBuilder *builder)
{
    const char *key = dict_string(client, "share");

    json_builder_set_member_name(builder, "share");
    if (!*key) {
        json_builder_add_null_value(builder);
        return;
    }
    json_builder_begin_object(builder);
    json_add_string(builder, "key", key);
    json_add_uint(builder, "taken", dict_uint32(client, "share-taken"));
    json_add_uint(builder, "max", dict_uint64(client, "share-max"));
    json_builder_end_object(builder);
}

static void client_to_json(GVariant *client, JsonBuilder *builder)
{
    json_builder_begin_object(builder);
    json_add_string(builder, "id", dict_string(client, "id"));
    json_add_string(builder, "name", dict_string(client, "name"));
    json_add_string(builder, "address", dict_string(client, "address"));
    json_add_string(builder, "origin", dict_string(client, "origin"));
    json_add_uint(builder, "since", dict_uint64(client, "since"));
    json_add_flag(builder, "rtcbus", dict_flag(client, "rtcbus"));
    json_add_uint(builder, "waiting", dict_uint64(client, "waiting"));
    token_to_json(client, builder);
    share_to_json(client, builder);
    json_builder_end_object(builder);
}

static void room_to_json(const RoomListing *room, JsonBuilder *builder)
{
    json_builder_begin_object(builder);
    json_add_string(builder, "room", room->name);
    json_builder_set_member_name(builder, "clients");
    json_builder_begin_array(builder);
    for (gsize i = 0; i < g_variant_n_children(room->clients); i++) {
        g_autoptr(GVariant) client = g_variant_get_child_value(room->clients, i);

        client_to_json(client, builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void listening_to_json(GVariant *dict, const char *key, const char *name,
                              JsonBuilder *builder)
{
    g_autoptr(GVariant) value = g_variant_lookup_value(dict, key, G_VARIANT_TYPE_STRING_ARRAY);
    g_autofree const char **addresses = value ? g_variant_get_strv(value, NULL) : NULL;

    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
    for (size_t i = 0; addresses && addresses[i]; i++)
        json_builder_add_string_value(builder, addresses[i]);
    json_builder_end_array(builder);
}

static void relay_print_json(GVariant *dict, GPtrArray *rooms, GVariant *refusals, GVariant *relays)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_add_string(builder, "version", dict_string(dict, "Version"));
    listening_to_json(dict, "Listening", "listening", builder);
    listening_to_json(dict, "TlsListening", "tlsListening", builder);
    listening_to_json(dict, "Problems", "problems", builder);
    json_builder_set_member_name(builder, "draining");
    json_builder_add_boolean_value(builder, dict_flag(dict, "Draining"));
    json_add_uint(builder, "connections", dict_uint32(dict, "Connections"));
    json_add_uint(builder, "framesForwarded", dict_uint64(dict, "FramesForwarded"));
    json_add_uint(builder, "framesDropped", dict_uint64(dict, "FramesDropped"));
    json_add_uint(builder, "refused", dict_uint64(dict, "Refused"));
    relay_cluster_to_json(dict, relays, builder);
    if (refusals)
        refusals_to_json(refusals, builder);
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

static int drain_run(BusClient *client)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = client_call(client, &relay_service, RELAY_OBJECT_PATH,
                                            RELAY_INTERFACE, "Drain", NULL, "()", LOOK, &error);

    if (!reply)
        return client_fail(client, &relay_service, error);
    if (!client->json)
        g_print("%s\n", _("The relay sends its clients away, and lets nobody in until it is "
                          "restarted. Calls go on."));
    return EXIT_SUCCESS;
}

int relay_check(char **arguments)
{
    if (arguments[0] && !g_str_equal(arguments[0], "drain"))
        return client_usage(_("\"relay\" alone shows it, \"relay drain\" sends its clients away"));
    return 0;
}

int relay_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) rooms = NULL;
    g_autoptr(GVariant) refusals = NULL, relays = NULL;
    g_autoptr(GVariant) dict = NULL;

    if (arguments[0])
        return drain_run(client);
    dict = client_properties(client, &relay_service, RELAY_OBJECT_PATH, RELAY_INTERFACE, &error);
    if (!dict)
        return client_fail(client, &relay_service, error);
    rooms = rooms_load(client, &error);
    refusals = rooms ? refusals_load(client, &error) : NULL;
    relays = refusals ? relay_cluster_load(client, &error) : NULL;
    (client->json ? relay_print_json : relay_print)(dict, rooms, refusals, relays);
    /* Properties are open to everybody, the list of clients is not. */
    if (!rooms || !refusals || !relays)
        return client_fail(client, &relay_service, error);
    return EXIT_SUCCESS;
}
