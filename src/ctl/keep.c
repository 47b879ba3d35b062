/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* "keep" and "unkeep": who is called again and again. */

#include <config.h>

#include "ctl/keep.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#include "common/names.h"
#include "ctl/calls.h"
#include "ctl/command.h"
#include "ctl/daemon-words.h"
#include "ctl/text.h"

static GVariant *kept_peers(GVariant *dict)
{
    return g_variant_lookup_value(dict, "KeptPeers", G_VARIANT_TYPE("a(sss)"));
}

guint kept_peers_count(GVariant *dict)
{
    g_autoptr(GVariant) peers = kept_peers(dict);

    return peers ? (guint) g_variant_n_children(peers) : 0;
}

guint kept_peers_connected(GVariant *dict)
{
    g_autoptr(GVariant) peers = kept_peers(dict);
    guint n = 0;

    for (gsize i = 0; peers && i < g_variant_n_children(peers); i++) {
        const char *state;

        g_variant_get_child(peers, i, "(&s&s&s)", NULL, &state, NULL);
        n += g_str_equal(state, "connected");
    }
    return n;
}

void kept_peers_print(GVariant *dict, unsigned indent)
{
    g_autoptr(GVariant) peers = kept_peers(dict);
    g_autoptr(Table) table = table_new(indent);

    for (gsize i = 0; peers && i < g_variant_n_children(peers); i++) {
        const char *name, *state, *words;
        g_autofree char *ours = NULL;

        g_variant_get_child(peers, i, "(&s&s&s)", &name, &state, &words);
        ours = daemon_words(words);
        table_row(table, *name ? name : _("whoever answers"), call_state_text(state), ours, NULL);
    }
    table_print(table);
}

void kept_peers_to_json(GVariant *dict, JsonBuilder *builder)
{
    static const char *const members[] = {"name", "state", "words", NULL};
    g_autoptr(GVariant) peers = kept_peers(dict);

    json_add_records(builder, peers, members);
}

static GVariant *forwards(GVariant *dict)
{
    return g_variant_lookup_value(dict, "Forwards", G_VARIANT_TYPE("a(sssss)"));
}

guint forwards_count(GVariant *dict)
{
    g_autoptr(GVariant) list = forwards(dict);

    return list ? (guint) g_variant_n_children(list) : 0;
}

void forwards_print(GVariant *dict, unsigned indent)
{
    g_autoptr(GVariant) list = forwards(dict);
    g_autoptr(Table) table = table_new(indent);

    for (gsize i = 0; list && i < g_variant_n_children(list); i++) {
        const char *name, *listen, *peer, *service, *problem;
        g_autofree char *where = NULL;

        g_variant_get_child(list, i, "(&s&s&s&s&s)", &name, &listen, &peer, &service, &problem);
        where = g_strdup_printf(_("%s leads to %s of %s"), listen, service, peer);
        table_row(table, name, where, *problem ? _("(not yet)") : "", NULL);
    }
    table_print(table);
}

void forwards_to_json(GVariant *dict, JsonBuilder *builder)
{
    static const char *const members[] = {"name", "listen", "peer", "service", "problem", NULL};
    g_autoptr(GVariant) list = forwards(dict);

    json_add_records(builder, list, members);
}

static int list_kept(BusClient *client)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) dict =
        client_properties(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, &error);

    if (!dict)
        return client_fail(client, &peer_service, error);
    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        kept_peers_to_json(dict, builder);
        json_print(builder);
    } else if (kept_peers_count(dict) == 0) {
        g_print("%s\n", _("Nobody is kept."));
    } else {
        kept_peers_print(dict, 0);
    }
    return EXIT_SUCCESS;
}

/* All are tried, and the first failure is the status. */
static int tell_each(BusClient *client, const char *method, char **names)
{
    int status = EXIT_SUCCESS;

    for (char **name = names; *name; name++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply =
            client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, method,
                        g_variant_new("(s)", *name), "()", ACT, &error);

        if (!reply)
            status = client_fail(client, &peer_service, error);
    }
    return status;
}

int keep_check(char **arguments)
{
    for (char **name = arguments; *name; name++) {
        if (!**name)
            return client_usage(_("a name must not be empty"));
    }
    return 0;
}

int keep_run(BusClient *client, char **arguments)
{
    return arguments[0] ? tell_each(client, "Keep", arguments) : list_kept(client);
}

int unkeep_run(BusClient *client, char **arguments)
{
    return tell_each(client, "Unkeep", arguments);
}
