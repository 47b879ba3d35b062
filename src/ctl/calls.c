/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* "calls" and "hangup", and the list of calls that "status" shows too. */

#include <config.h>

#include "common/names.h"

#include "ctl/calls.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/command.h"

CallEntry *call_entry_new(const char *path, GVariant *properties)
{
    CallEntry *call = g_new0(CallEntry, 1);

    call->path = g_strdup(path);
    call->properties = g_variant_ref(properties);
    if (g_str_has_prefix(path, CALL_PATH_PREFIX))
        call->number = g_ascii_strtoull(path + strlen(CALL_PATH_PREFIX), NULL, 10);
    return call;
}

void call_entry_free(CallEntry *call)
{
    g_free(call->path);
    g_variant_unref(call->properties);
    g_free(call);
}

static int compare_calls(gconstpointer a, gconstpointer b)
{
    const CallEntry *one = *(CallEntry *const *) a;
    const CallEntry *other = *(CallEntry *const *) b;

    return (one->number > other->number) - (one->number < other->number);
}

GPtrArray *call_list_load(BusClient *client, GError **error)
{
    g_autoptr(GPtrArray) calls = g_ptr_array_new_with_free_func((GDestroyNotify) call_entry_free);
    g_autoptr(GVariant) reply =
        client_call(client, &peer_service, PEER_OBJECT_PATH, "org.freedesktop.DBus.ObjectManager",
                    "GetManagedObjects", NULL, "(a{oa{sa{sv}}})", LOOK, error);
    g_autoptr(GVariantIter) objects = NULL;
    GVariant *interfaces;
    const char *path;

    if (!reply)
        return NULL;
    g_variant_get(reply, "(a{oa{sa{sv}}})", &objects);
    while (g_variant_iter_loop(objects, "{&o@a{sa{sv}}}", &path, &interfaces)) {
        g_autoptr(GVariant) properties =
            g_variant_lookup_value(interfaces, CALL_INTERFACE, G_VARIANT_TYPE_VARDICT);

        if (properties)
            g_ptr_array_add(calls, call_entry_new(path, properties));
    }
    g_ptr_array_sort(calls, compare_calls);
    return g_steal_pointer(&calls);
}

static bool is_among(GPtrArray *calls, const char *path)
{
    for (guint i = 0; i < calls->len; i++) {
        if (strcmp(((const CallEntry *) calls->pdata[i])->path, path) == 0)
            return true;
    }
    return false;
}

char *call_place(BusClient *client, const char *peer, GVariant *options, bool *existed,
                 GError **error)
{
    /* That there is no daemon is no obstacle: Call() starts it. */
    g_autoptr(GPtrArray) before = call_list_load(client, NULL);
    GVariant *dict = options ? options : g_variant_new("a{sv}", NULL);
    g_autoptr(GVariant) reply =
        client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "Call",
                    g_variant_new("(s@a{sv})", peer, dict), "(o)", ACT, error);
    char *path = NULL;

    if (!reply)
        return NULL;
    g_variant_get(reply, "(o)", &path);
    *existed = before && is_among(before, path);
    return path;
}

static const char *const state_texts[][2] = {
    {"calling", N_("calling")},
    {"connecting", N_("connecting")},
    {"connected", N_("connected")},
    {"reconnecting", N_("reconnecting")},
    {"disconnected", N_("disconnected")},
    {"closed", N_("closed")},
    {"waiting", N_("waiting")},
    {"absent", N_("absent")},
    {"refused", N_("refused")},
    {"unknown", N_("unknown")},
    {"new", N_("new")},
    {"known", N_("known")},
    {"outgoing", N_("outgoing")},
    {"incoming", N_("incoming")},
    {"open", N_("open")},
    {"closing", N_("closing")},
    {"joined", N_("joined")},
    {"left", N_("left")},
    {"running", N_("running")},
    {"stopped", N_("stopped")},
    {"paired", N_("paired")},
    {"not paired", N_("not paired")},
};

const char *call_state_text(const char *state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(state_texts); i++) {
        if (g_str_equal(state_texts[i][0], state))
            return _(state_texts[i][1]);
    }
    return state;
}

static void call_entry_add_row(const CallEntry *call, Table *table)
{
    GVariant *dict = call->properties;
    g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, call->number);
    g_autofree char *peer = text_safe(dict_string(dict, "Peer"));
    g_autofree char *local = text_candidate(dict_string(dict, "LocalCandidate"));
    g_autofree char *remote = text_candidate(dict_string(dict, "RemoteCandidate"));
    g_autofree char *path = g_strdup_printf("%s <-> %s", local, remote);
    g_autofree char *rtt = text_measured(dict_uint64(dict, "RoundTripTime"));
    g_autofree char *since = text_since(dict_uint64(dict, "ConnectedAt"));
    g_autofree char *sent = g_format_size(dict_uint64(dict, "BytesSent"));
    g_autofree char *received = g_format_size(dict_uint64(dict, "BytesReceived"));

    table_row(table, number, peer, call_state_text(dict_string(dict, "Direction")),
              call_state_text(dict_string(dict, "State")), since, rtt, sent, received, NULL);
    if (*dict_string(dict, "LocalCandidate"))
        table_note(table, path);
    if (dict_uint64(dict, "ReconnectingSince") > 0) {
        g_autofree char *silent = text_since(dict_uint64(dict, "ReconnectingSince"));
        g_autofree char *note =
            g_strdup_printf(_("no answer for %s; another path is looked for"), silent);

        table_note(table, note);
    }
}

void call_list_print(GPtrArray *calls, unsigned indent)
{
    g_autoptr(Table) table = table_new(indent);

    table_row(table, _("CALL"), _("PEER"), _("DIRECTION"), _("STATE"), _("AGE"), _("RTT"),
              _("SENT"), _("RECEIVED"), NULL);
    for (guint i = 0; i < calls->len; i++)
        call_entry_add_row(calls->pdata[i], table);
    table_print(table);
}

void call_entry_to_json(const CallEntry *call, JsonBuilder *builder)
{
    static const struct {
        const char *property, *member;
    } strings[] =
        {
            {"Peer", "peer"},
            {"Direction", "direction"},
            {"State", "state"},
            {"Reason", "reason"},
            {"Trust", "trust"},
            {"LocalCandidate", "localCandidate"},
            {"RemoteCandidate", "remoteCandidate"},
            {"RemoteFingerprint", "remoteFingerprint"},
        },
      numbers[] = {
          {"ConnectedAt", "connectedAt"}, {"ReconnectingSince", "reconnectingSince"},
          {"SetupTime", "setupTime"},     {"RoundTripTime", "roundTripTime"},
          {"BytesSent", "bytesSent"},     {"BytesReceived", "bytesReceived"},
      };

    json_builder_begin_object(builder);
    json_add_uint(builder, "call", call->number);
    json_add_string(builder, "path", call->path);
    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
        json_add_string(builder, strings[i].member,
                        dict_string(call->properties, strings[i].property));
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        json_add_uint(builder, numbers[i].member,
                      dict_uint64(call->properties, numbers[i].property));
    json_builder_end_object(builder);
}

void call_list_to_json(GPtrArray *calls, JsonBuilder *builder)
{
    json_builder_begin_array(builder);
    for (guint i = 0; i < calls->len; i++)
        call_entry_to_json(calls->pdata[i], builder);
    json_builder_end_array(builder);
}

int calls_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) calls = call_list_load(client, &error);

    if (!calls)
        return client_fail(client, &peer_service, error);
    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        call_list_to_json(calls, builder);
        json_print(builder);
    } else if (calls->len == 0) {
        g_print("%s\n", _("There is no call."));
    } else {
        call_list_print(calls, 0);
    }
    return EXIT_SUCCESS;
}

char *call_path_parse(const char *text)
{
    guint64 number;

    if (g_str_has_prefix(text, CALL_PATH_PREFIX) && g_variant_is_object_path(text))
        return g_strdup(text);
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &number, NULL))
        return NULL;
    return g_strdup_printf("%s%" G_GUINT64_FORMAT, CALL_PATH_PREFIX, number);
}

int hangup_check(char **arguments)
{
    g_autofree char *path = call_path_parse(arguments[0]);

    if (!path)
        return client_usage(_("\"%s\" is neither a call's number nor its object path"),
                            arguments[0]);
    return 0;
}

int call_fail(const BusClient *client, const char *call, const GError *error)
{
    if (!g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD) &&
        !g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT) &&
        !g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_INTERFACE))
        return client_fail(client, &peer_service, error);
    client_complain(_("there is no call %s; \"rtcbusctl calls\" lists them"), call);
    return EXIT_FAILURE;
}

int hangup_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = call_path_parse(arguments[0]);
    g_autoptr(GVariant) reply = NULL;

    reply = client_call(client, &peer_service, path, CALL_INTERFACE, "Hangup", NULL, "()", LOOK,
                        &error);
    return reply ? EXIT_SUCCESS : call_fail(client, arguments[0], error);
}
