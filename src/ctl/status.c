/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "status" and "peers". Status is the first thing to run when something does
 * not work, so it never starts a daemon and never stops at the first problem.
 */

#include <config.h>

#include <glib/gi18n.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/fingerprint.h"
#include "common/names.h"
#include "common/printable.h"
#include "ctl/calls.h"
#include "ctl/command.h"
#include "ctl/daemon-words.h"
#include "ctl/keep.h"
#include "ctl/services.h"

/* More than fit on a screen are only counted. */
#define MAX_PEERS_SHOWN 8
#define MAX_CALLS_SHOWN 8
#define MAX_SERVICES_COLUMNS 60

typedef struct {
    GVariant *peer;   /* a{sv} */
    GVariant *series; /* a(sssvttt); NULL from a daemon that has none */
    GPtrArray *calls;
    GPtrArray *problems; /* of char * */
} Status;

static void status_clear(Status *status)
{
    g_clear_pointer(&status->peer, g_variant_unref);
    g_clear_pointer(&status->series, g_variant_unref);
    g_clear_pointer(&status->calls, g_ptr_array_unref);
    g_clear_pointer(&status->problems, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Status, status_clear)

static char *broken_service_text(const char *name)
{
    return g_strdup_printf(_("the service %s is not offered, for its file in services.d is wrong; "
                             "\"journalctl -u rtcbus-peer\" tells what would be right"),
                           name);
}

static char *copy_text(const char *name)
{
    return g_strdup_printf(_("%s has the same key as this peer, as a copy of this machine would; "
                             "\"rtcbusctl identity new\" on one of them makes it a key of its own"),
                           name);
}

/* What the daemon says, in our language and safe for a terminal */
static char *said_text(const char *text)
{
    g_autofree char *ours = daemon_words(text);

    return text_safe(ours);
}

/* One for each name that PROPERTY lists */
static void find_named(Status *status, const char *property, char *(*text)(const char *name))
{
    g_autoptr(GVariant) names =
        g_variant_lookup_value(status->peer, property, G_VARIANT_TYPE("as"));

    for (gsize i = 0; names && i < g_variant_n_children(names); i++) {
        const char *name;
        g_autofree char *shown = NULL;

        g_variant_get_child(names, i, "&s", &name);
        shown = text_safe(name);
        g_ptr_array_add(status->problems, text(shown));
    }
}

static void find_bad_servers(Status *status)
{
    g_autoptr(GVariant) servers =
        g_variant_lookup_value(status->peer, "IceServers", G_VARIANT_TYPE("a(sss)"));

    for (gsize i = 0; servers && i < g_variant_n_children(servers); i++) {
        const char *uri, *state, *words;
        g_autofree char *shown = NULL, *why = NULL;

        g_variant_get_child(servers, i, "(&s&s&s)", &uri, &state, &words);
        if (g_str_equal(state, "reachable") || g_str_equal(state, "untested"))
            continue;
        shown = text_safe(uri);
        why = said_text(words);
        g_ptr_array_add(status->problems,
                        g_strdup_printf(_("the ICE server %s does not serve us: %s"), shown, why));
    }
}

static void find_silent_forwards(Status *status)
{
    g_autoptr(GVariant) list =
        g_variant_lookup_value(status->peer, "Forwards", G_VARIANT_TYPE("a(sssss)"));

    for (gsize i = 0; list && i < g_variant_n_children(list); i++) {
        const char *name, *listen, *problem;

        g_variant_get_child(list, i, "(&s&s&s&s&s)", &name, &listen, NULL, NULL, &problem);
        if (*problem) {
            g_autofree char *why = said_text(problem);

            g_ptr_array_add(status->problems,
                            g_strdup_printf(_("the forward %s does not listen on %s yet: %s"), name,
                                            listen, why));
        }
    }
}

/* When the relay is tried again, as the end of a sentence */
static char *retry_text(GVariant *dict)
{
    guint64 when = dict_uint64(dict, "RelayRetryAt"), now = (guint64) clock_wall();
    g_autofree char *in = when > now ? text_duration(when - now) : NULL;

    return in ? g_strdup_printf(_("; it is tried again in %s"), in) : g_strdup("");
}

static void find_problems(Status *status)
{
    const char *state = dict_string(status->peer, "RelayState");
    g_autofree char *url = NULL, *error = NULL, *next = NULL;

    find_named(status, "BrokenServices", broken_service_text);
    find_named(status, "KeySharedWith", copy_text);
    find_named(status, "Problems", said_text);
    find_bad_servers(status);
    if (*dict_string(status->peer, "ReadingsError"))
        g_ptr_array_add(status->problems, said_text(dict_string(status->peer, "ReadingsError")));
    find_silent_forwards(status);
    if (g_str_equal(state, "connected"))
        return;
    url = text_safe(dict_string(status->peer, "RelayUrl"));
    error = said_text(dict_string(status->peer, "RelayError"));
    next = retry_text(status->peer);
    if (*error)
        g_ptr_array_add(status->problems,
                        g_strdup_printf(_("no relay at %s: %s%s"), url, error, next));
    else /* a daemon of before */
        g_ptr_array_add(status->problems,
                        g_strdup_printf(_("no relay at %s; \"journalctl -u rtcbus-peer\" tells the "
                                          "reason"),
                                        url));
}

static bool status_load(BusClient *client, Status *status, GError **error)
{
    status->problems = g_ptr_array_new_with_free_func(g_free);
    status->peer =
        client_properties(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, error);
    if (!status->peer)
        return false;
    status->calls = call_list_load(client, error);
    if (!status->calls)
        return false;
    status->series = client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE,
                                 "ListSeries", NULL, "(a(sssvttt))", LOOK, NULL);
    find_problems(status);
    return true;
}

static char *peers_text(GVariant *dict)
{
    g_autoptr(GVariant) peers = g_variant_lookup_value(dict, "Peers", G_VARIANT_TYPE("a(ss)"));
    gsize n = peers ? g_variant_n_children(peers) : 0;
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, ngettext("%u in the room", "%u in the room", n), (unsigned) n);
    for (gsize i = 0; i < MIN(n, MAX_PEERS_SHOWN); i++) {
        const char *id, *name;
        g_autofree char *shown = NULL;

        g_variant_get_child(peers, i, "(&s&s)", &id, &name);
        shown = text_safe(*name ? name : id);
        g_string_append_printf(text, "%s%s", i == 0 ? ": " : ", ", shown);
    }
    if (n > MAX_PEERS_SHOWN)
        g_string_append(text, ", ...");
    return g_string_free(text, FALSE);
}

static char *numbers_text(GVariant *dict)
{
    guint64 received = dict_uint64(dict, "NumbersReceived");
    guint64 sequence, time;
    const char *peer;
    double value;

    if (received > 0 &&
        g_variant_lookup(dict, "LastNumber", "(tt&sd)", &sequence, &time, &peer, &value)) {
        g_autofree char *shown = text_value(value);
        g_autofree char *ago = text_since(time);
        g_autofree char *from = text_safe(peer);

        return g_strdup_printf(_("%" PRIu64 " received, the last is %s from %s %s ago"), received,
                               shown, from, ago);
    }
    return g_strdup(_("none received"));
}

/* Of all series; numbers are those of the one without a name. */
static char *readings_text(GVariant *reply)
{
    g_autoptr(GVariantIter) all = NULL;
    guint64 received, sum = 0;
    guint n = 0;

    g_variant_get(reply, "(a(sssvttt))", &all);
    while (g_variant_iter_next(all, "(sssvttt)", NULL, NULL, NULL, NULL, NULL, &received, NULL)) {
        sum += received;
        n++;
    }
    if (n == 0)
        return g_strdup(_("none received"));
    return g_strdup_printf(
        ngettext("%" PRIu64 " received, in %u series", "%" PRIu64 " received, in %u series", n),
        sum, n);
}

static char *calls_text(const Status *status)
{
    if (status->calls->len == 0)
        return g_strdup(_("none"));
    return g_strdup_printf("%u", status->calls->len);
}

static char *kept_text(GVariant *dict)
{
    guint n = kept_peers_count(dict);

    return n > 0 ? g_strdup_printf(_("%u of %u connected"), kept_peers_connected(dict), n)
                 : g_strdup(_("none"));
}

static char *services_text(GVariant *dict)
{
    g_autoptr(GString) names = g_string_new(NULL);
    guint n = services_names(dict, names);

    if (n == 0)
        return g_strdup(_("none"));
    return text_columns(names->str) <= MAX_SERVICES_COLUMNS ? g_strdup(names->str)
                                                            : g_strdup_printf("%u", n);
}

static void print_kept(GVariant *dict)
{
    if (kept_peers_count(dict) == 0)
        return;
    g_print("%s\n", _("Kept connected:"));
    kept_peers_print(dict, 4);
}

static bool needs_restart(GVariant *dict)
{
    gboolean needed = FALSE;

    g_variant_lookup(dict, "RestartNeeded", "b", &needed);
    return needed;
}

static void print_forwards(GVariant *dict)
{
    if (forwards_count(dict) == 0)
        return;
    g_print("%s\n", _("Forwards:"));
    forwards_print(dict, 4);
}

static void status_print(const Status *status)
{
    GVariant *dict = status->peer;
    g_autoptr(Table) table = table_new(2);
    g_autofree char *name = text_safe(dict_string(dict, "Name"));
    g_autofree char *url = text_safe(dict_string(dict, "RelayUrl"));
    g_autofree char *relay =
        g_strdup_printf("%s, %s", url, call_state_text(dict_string(dict, "RelayState")));
    g_autofree char *peers = peers_text(dict);
    g_autofree char *numbers = numbers_text(dict);
    g_autofree char *readings = status->series ? readings_text(status->series) : NULL;
    g_autofree char *listeners = g_strdup_printf("%u", dict_uint32(dict, "ListenerCount"));
    g_autofree char *calls = calls_text(status);
    g_autofree char *room = text_room(dict_string(dict, "RelayUrl"));
    g_autofree char *kept = kept_text(dict);
    g_autofree char *services = services_text(dict);
    g_autofree char *fingerprint = fingerprint_word(dict_string(dict, "Fingerprint"));

    g_print(_("rtcbus-peer %s is running"), dict_string(dict, "Version"));
    g_print("\n");
    table_row(table, _("Name:"), name, NULL);
    table_row(table, _("Fingerprint:"), fingerprint, NULL);
    table_row(table, _("Relay:"), relay, NULL);
    table_row(table, _("Room:"), room, NULL);
    table_row(table, _("Peers:"), peers, NULL);
    table_row(table, _("Numbers:"), numbers, NULL);
    if (readings)
        table_row(table, _("Readings:"), readings, NULL);
    table_row(table, _("Listeners:"), listeners, NULL);
    table_row(table, _("Services:"), services, NULL);
    table_row(table, _("Kept calls:"), kept, NULL);
    table_row(table, _("Calls:"), calls, NULL);
    table_print(table);
    if (status->calls->len > MAX_CALLS_SHOWN)
        g_print("  %s\n", _("(\"rtcbusctl calls\" lists them)"));
    else if (status->calls->len > 0)
        call_list_print(status->calls, 4);
    print_kept(dict);
    print_forwards(dict);
    if (needs_restart(dict))
        g_print("%s\n", _("Note: another version is installed than the one that runs; \"systemctl "
                          "restart rtcbus-peer\" begins to use it, and interrupts the calls"));
    for (guint i = 0; i < status->problems->len; i++) {
        g_autofree char *problem = printable(status->problems->pdata[i]);

        g_print("%s %s\n", _("Problem:"), problem);
    }
}

static void peers_to_json(GVariant *dict, JsonBuilder *builder)
{
    g_autoptr(GVariant) peers = g_variant_lookup_value(dict, "Peers", G_VARIANT_TYPE("a(ss)"));

    json_builder_begin_array(builder);
    for (gsize i = 0; peers && i < g_variant_n_children(peers); i++) {
        const char *id, *name;

        g_variant_get_child(peers, i, "(&s&s)", &id, &name);
        json_builder_begin_object(builder);
        json_add_string(builder, "id", id);
        json_add_string(builder, "name", name);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void last_number_to_json(GVariant *dict, JsonBuilder *builder)
{
    guint64 sequence, time;
    const char *peer;
    double value;

    json_builder_set_member_name(builder, "lastNumber");
    if (dict_uint64(dict, "NumbersReceived") == 0 ||
        !g_variant_lookup(dict, "LastNumber", "(tt&sd)", &sequence, &time, &peer, &value)) {
        json_builder_add_null_value(builder);
        return;
    }
    json_builder_begin_object(builder);
    json_add_uint(builder, "sequence", sequence);
    json_add_uint(builder, "time", time);
    json_add_string(builder, "peer", peer);
    json_add_value(builder, "value", value);
    json_builder_end_object(builder);
}

static void servers_to_json(GVariant *dict, JsonBuilder *builder)
{
    static const char *const members[] = {"uri", "state", "words", NULL};
    g_autoptr(GVariant) servers =
        g_variant_lookup_value(dict, "IceServers", G_VARIANT_TYPE("a(sss)"));

    json_builder_set_member_name(builder, "iceServers");
    json_add_records(builder, servers, members);
}

static void problems_to_json(GPtrArray *problems, JsonBuilder *builder)
{
    json_builder_set_member_name(builder, "problems");
    json_builder_begin_array(builder);
    for (guint i = 0; i < problems->len; i++)
        json_builder_add_string_value(builder, problems->pdata[i]);
    json_builder_end_array(builder);
}

static void status_print_json(const Status *status)
{
    GVariant *dict = status->peer;
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "running");
    json_builder_add_boolean_value(builder, TRUE);
    json_add_string(builder, "version", dict_string(dict, "Version"));
    json_add_string(builder, "name", dict_string(dict, "Name"));
    json_add_string(builder, "fingerprint", dict_string(dict, "Fingerprint"));
    json_add_string(builder, "relayUrl", dict_string(dict, "RelayUrl"));
    json_add_string(builder, "relayState", dict_string(dict, "RelayState"));
    json_add_string(builder, "relayError", dict_string(dict, "RelayError"));
    json_add_uint(builder, "relayRetryAt", dict_uint64(dict, "RelayRetryAt"));
    json_builder_set_member_name(builder, "peers");
    peers_to_json(dict, builder);
    json_add_uint(builder, "numbersReceived", dict_uint64(dict, "NumbersReceived"));
    last_number_to_json(dict, builder);
    json_add_uint(builder, "listenerCount", dict_uint32(dict, "ListenerCount"));
    servers_to_json(dict, builder);
    json_builder_set_member_name(builder, "calls");
    call_list_to_json(status->calls, builder);
    json_builder_set_member_name(builder, "kept");
    kept_peers_to_json(dict, builder);
    json_builder_set_member_name(builder, "restartNeeded");
    json_builder_add_boolean_value(builder, needs_restart(dict));
    json_builder_set_member_name(builder, "forwards");
    forwards_to_json(dict, builder);
    json_builder_set_member_name(builder, "services");
    services_to_json(dict, builder);
    problems_to_json(status->problems, builder);
    json_builder_end_object(builder);
    json_print(builder);
}

/* Programs get an object even when there is nothing to show. */
static int status_absent_json(const BusClient *client, const GError *error)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(problems, client_explain(client, &peer_service, error));
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "running");
    json_builder_add_boolean_value(builder, FALSE);
    problems_to_json(problems, builder);
    json_builder_end_object(builder);
    json_print(builder);
    return EXIT_FAILURE;
}

/* Whether this machine has a relay, and no peer that could run */
static bool is_for_relay(BusClient *client)
{
    return client_has(client, &relay_service) && !client_can_start(client, &peer_service);
}

int status_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_auto(Status) status = {};

    if (!status_load(client, &status, &error)) {
        if (client_error_is_absent(error) && is_for_relay(client))
            return relay_run(client, arguments);
        if (client->json && client_error_is_absent(error))
            return status_absent_json(client, error);
        return client_fail(client, &peer_service, error);
    }
    if (client->json)
        status_print_json(&status);
    else
        status_print(&status);
    if (!client->json && client_has(client, &relay_service))
        g_print("%s\n", _("rtcbus-relay is running here, too; \"rtcbusctl relay\" shows it"));
    return status.problems->len > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void peers_print(GVariant *dict)
{
    g_autoptr(GVariant) peers = g_variant_lookup_value(dict, "Peers", G_VARIANT_TYPE("a(ss)"));
    g_autoptr(Table) table = table_new(0);

    if (!peers || g_variant_n_children(peers) == 0) {
        g_print("%s\n", _("Nobody else is in the room."));
        return;
    }
    table_row(table, _("ID"), _("NAME"), NULL);
    for (gsize i = 0; i < g_variant_n_children(peers); i++) {
        const char *id, *name;
        g_autofree char *shown_id = NULL;
        g_autofree char *shown_name = NULL;

        g_variant_get_child(peers, i, "(&s&s)", &id, &name);
        shown_id = text_safe(id);
        shown_name = text_safe(name);
        table_row(table, shown_id, shown_name, NULL);
    }
    table_print(table);
}

int peers_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) dict =
        client_properties(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, &error);

    if (!dict)
        return client_fail(client, &peer_service, error);
    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        peers_to_json(dict, builder);
        json_print(builder);
        return EXIT_SUCCESS;
    }
    if (!g_str_equal(dict_string(dict, "RelayState"), "connected")) {
        client_complain(_("not connected to the relay %s"), dict_string(dict, "RelayUrl"));
        return EXIT_FAILURE;
    }
    peers_print(dict);
    return EXIT_SUCCESS;
}
