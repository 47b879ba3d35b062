/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "identity": who this peer is for others, and a new key for it. Everybody who
 * knows the old one refuses the new one, so a terminal is asked first, and a
 * script has to say --yes.
 */

#include <config.h>

#include "common/names.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fingerprint.h"
#include "ctl/command.h"
#include "ctl/text.h"

static gboolean option_yes;

const GOptionEntry identity_options[] = {
    {"yes", 'y', 0, G_OPTION_ARG_NONE, &option_yes, N_("Ask nothing before a new key is made"),
     NULL},
    {},
};

static void print_identity(const char *name, const char *fingerprint, GVariant *copies)
{
    g_autoptr(Table) table = table_new(0);
    g_autofree char *shown = text_safe(name);
    g_autofree char *word = fingerprint_word(fingerprint);

    table_row(table, _("Name:"), shown, NULL);
    table_row(table, _("Fingerprint:"), word, NULL);
    for (gsize i = 0; copies && i < g_variant_n_children(copies); i++) {
        const char *copy;
        g_autofree char *copy_shown = NULL;

        g_variant_get_child(copies, i, "&s", &copy);
        copy_shown = text_safe(copy);
        table_row(table, _("Also the key of:"), copy_shown, NULL);
    }
    table_print(table);
}

static void print_identity_json(const char *name, const char *fingerprint, GVariant *copies)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_add_string(builder, "name", name);
    json_add_string(builder, "fingerprint", fingerprint);
    json_builder_set_member_name(builder, "sharedWith");
    json_builder_begin_array(builder);
    for (gsize i = 0; copies && i < g_variant_n_children(copies); i++) {
        const char *copy;

        g_variant_get_child(copies, i, "&s", &copy);
        json_builder_add_string_value(builder, copy);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    json_print(builder);
}

static int show_identity(BusClient *client)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) dict =
        client_properties(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, &error);
    g_autoptr(GVariant) copies = NULL;

    if (!dict)
        return client_fail(client, &peer_service, error);
    copies = g_variant_lookup_value(dict, "KeySharedWith", G_VARIANT_TYPE("as"));
    (client->json ? print_identity_json : print_identity)(dict_string(dict, "Name"),
                                                          dict_string(dict, "Fingerprint"), copies);
    return EXIT_SUCCESS;
}

static bool user_agrees(void)
{
    char line[16] = "";

    if (option_yes)
        return true;
    g_print("%s\n%s ",
            _("All calls end, and whoever knows this peer refuses it until its new key is known "
              "there, by \"rtcbusctl pair\" for instance."),
            _("Make a new key? [y/N]"));
    fflush(stdout);
    return fgets(line, sizeof line, stdin) && g_ascii_tolower(line[0]) == 'y';
}

static int make_identity(BusClient *client)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = NULL;

    if (!user_agrees()) {
        g_printerr("rtcbusctl: %s\n", _("the old key stays"));
        return EXIT_FAILURE;
    }
    reply = client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "NewIdentity",
                        g_variant_new("(a{sv})", NULL), "(s)", ACT, &error);
    return reply ? show_identity(client) : client_fail(client, &peer_service, error);
}

int identity_check(char **arguments)
{
    if (arguments[0] && !g_str_equal(arguments[0], "new"))
        return client_usage(_("\"identity\" alone shows it, \"identity new\" makes a new key"));
    if (arguments[0] && !option_yes && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
        return client_usage(_("there is no terminal to ask on: --yes makes a new key"));
    return 0;
}

int identity_run(BusClient *client, char **arguments)
{
    return arguments[0] ? make_identity(client) : show_identity(client);
}
