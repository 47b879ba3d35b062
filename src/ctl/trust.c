/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "fingerprint", "known", "trust" and "forget": who is who. The fingerprint is
 * shown in the three ways in which people compare it: as it is, as digits to
 * read out, and as a picture to hold a camera at.
 */

#include <config.h>

#include "common/names.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fingerprint.h"
#include "ctl/command.h"
#include "ctl/qr.h"
#include "ctl/text.h"

/* ---- known ------------------------------------------------------------------ */

static GVariant *list_known(BusClient *client, GError **error)
{
    g_autoptr(GVariant) reply = client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE,
                                            "ListKnownPeers", NULL, "(a(ssst))", LOOK, error);

    return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

static void known_print(GVariant *peers)
{
    g_autoptr(Table) table = table_new(0);

    if (g_variant_n_children(peers) == 0) {
        g_print("%s\n", _("Nobody is known yet."));
        return;
    }
    table_row(table, _("NAME"), _("FINGERPRINT"), _("SINCE"), _("COMMENT"), NULL);
    for (gsize i = 0; i < g_variant_n_children(peers); i++) {
        const char *name, *fingerprint, *comment;
        guint64 time;
        g_autofree char *shown = NULL, *word = NULL, *since = NULL, *text = NULL;

        g_variant_get_child(peers, i, "(&s&s&st)", &name, &fingerprint, &comment, &time);
        shown = text_safe(name);
        word = fingerprint_word(fingerprint);
        since = text_since(time * G_USEC_PER_SEC);
        text = text_safe(comment);
        table_row(table, shown, word, since, text, NULL);
    }
    table_print(table);
}

static void known_print_json(GVariant *peers)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (gsize i = 0; i < g_variant_n_children(peers); i++) {
        const char *name, *fingerprint, *comment;
        guint64 time;

        g_variant_get_child(peers, i, "(&s&s&st)", &name, &fingerprint, &comment, &time);
        json_builder_begin_object(builder);
        json_add_string(builder, "name", name);
        json_add_string(builder, "fingerprint", fingerprint);
        json_add_string(builder, "comment", comment);
        json_add_uint(builder, "since", time);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_print(builder);
}

int known_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) peers = list_known(client, &error);

    if (!peers)
        return client_fail(client, &peer_service, error);
    if (client->json)
        known_print_json(peers);
    else
        known_print(peers);
    return EXIT_SUCCESS;
}

/* ---- fingerprint ------------------------------------------------------------- */

static bool find_known(BusClient *client, const char *name, char **fingerprint, GError **error)
{
    g_autoptr(GVariant) peers = list_known(client, error);

    for (gsize i = 0; peers && i < g_variant_n_children(peers); i++) {
        const char *other, *text;

        g_variant_get_child(peers, i, "(&s&s&st)", &other, &text, NULL, NULL);
        if (g_str_equal(other, name)) {
            *fingerprint = g_strdup(text);
            return true;
        }
    }
    if (peers)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    _("%s is not known; \"rtcbusctl known\" lists who is"), name);
    return false;
}

static bool find_own(BusClient *client, char **name, char **fingerprint, GError **error)
{
    g_autoptr(GVariant) dict =
        client_properties(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, error);

    if (!dict)
        return false;
    *name = g_strdup(dict_string(dict, "Name"));
    *fingerprint = g_strdup(dict_string(dict, "Fingerprint"));
    return true;
}

static void fingerprint_print(const char *name, const char *fingerprint, const char *code)
{
    g_autoptr(Table) table = table_new(0);
    g_autofree char *shown = text_safe(name);
    g_autofree char *word = fingerprint_word(fingerprint);

    table_row(table, _("Name:"), shown, NULL);
    table_row(table, _("Fingerprint:"), word, NULL);
    table_row(table, _("To read out:"), code ? code : "-", NULL);
    table_print(table);
    /* A picture is for eyes; the same line can be copied into known_peers. */
    if (isatty(STDOUT_FILENO) && g_get_charset(NULL)) {
        g_autofree char *line = g_strdup_printf("%s %s", name, word);

        qr_print(line);
    }
}

static void fingerprint_print_json(const char *name, const char *fingerprint, const char *code)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_add_string(builder, "name", name);
    json_add_string(builder, "fingerprint", fingerprint);
    json_add_string(builder, "code", code ? code : "");
    json_builder_end_object(builder);
    json_print(builder);
}

int fingerprint_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_strdup(arguments[0]);
    g_autofree char *fingerprint = NULL, *code = NULL;
    bool found = name ? find_known(client, name, &fingerprint, &error)
                      : find_own(client, &name, &fingerprint, &error);

    if (!found)
        return client_fail(client, &peer_service, error);
    code = fingerprint_code(fingerprint);
    if (client->json)
        fingerprint_print_json(name, fingerprint, code);
    else
        fingerprint_print(name, fingerprint, code);
    return EXIT_SUCCESS;
}

/* ---- trust, forget ------------------------------------------------------------ */

/* "sha-256 AB:…" comes as two words when somebody copies it without quotes. */
static char *join_fingerprint(char **arguments)
{
    return arguments[2] ? g_strdup_printf("%s %s", arguments[1], arguments[2])
                        : g_strdup(arguments[1]);
}

int trust_check(char **arguments)
{
    g_autofree char *text = join_fingerprint(arguments);
    g_autofree char *fingerprint = fingerprint_parse(text);

    if (!fingerprint)
        return client_usage(_("\"%s\" is no fingerprint: \"sha-256:\" and 64 hexadecimal digits, "
                              "as \"rtcbusctl fingerprint\" shows it on the other machine"),
                            text);
    return 0;
}

int trust_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = join_fingerprint(arguments);
    g_autoptr(GVariant) reply =
        client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "TrustPeer",
                    g_variant_new("(ss)", arguments[0], text), "()", ACT, &error);

    return reply ? EXIT_SUCCESS : client_fail(client, &peer_service, error);
}

int forget_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "ForgetPeer",
                    g_variant_new("(s)", arguments[0]), "()", ACT, &error);

    return reply ? EXIT_SUCCESS : client_fail(client, &peer_service, error);
}
