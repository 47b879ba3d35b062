/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "token": makes one for the relay on this machine, with the secret of its
 * configuration, or with the private key of a pair whose public half it has. The
 * token alone is on standard output; what it is good for is told beside it.
 */

#include <config.h>

#include "token/token.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/config-file.h"
#include "common/printable.h"
#include "ctl/command.h"
#include "ctl/text.h"

#define CONFIG_PATH SYSCONFDIR "/rtcbus/relay.conf"
#define DEFAULT_EXPIRES "30d"
#define NEVER "never"
enum { MAX_NAME = 64 };

static char **option_rooms;
static char *option_name, *option_expires, *option_key, *option_config;

const GOptionEntry token_options[] = {
    {"room", 'r', 0, G_OPTION_ARG_STRING_ARRAY, &option_rooms,
     N_("A room that it opens, / for the default one, * for all; may be given more than once"),
     N_("ROOM")},
    {"name", 'n', 0, G_OPTION_ARG_STRING, &option_name,
     N_("The only name that its bearer may take, and that is his"), N_("NAME")},
    {"expires", 'e', 0, G_OPTION_ARG_STRING, &option_expires,
     N_("How long it is valid, such as 12h, or never (default: 30d)"), N_("TIME")},
    {"key", 'k', 0, G_OPTION_ARG_FILENAME, &option_key,
     N_("Sign with this private key (PEM) instead of the relay's secret"), N_("FILE")},
    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &option_config, N_("The relay's configuration file"),
     N_("FILE")},
    {},
};

/* The time of its end; false if EXPIRES is no time. */
static bool end_of_validity(const char *expires, gint64 *seconds)
{
    gint64 now = clock_wall() / G_USEC_PER_SEC;
    guint64 usec;

    *seconds = G_MAXINT64;
    if (strcmp(expires, NEVER) == 0)
        return true;
    if (!config_parse_duration(expires, &usec) || usec < G_USEC_PER_SEC)
        return false;
    *seconds = now + (gint64) (usec / G_USEC_PER_SEC);
    return true;
}

int token_check(char **arguments)
{
    gint64 seconds;

    if (!option_rooms)
        return client_usage(_("--room is missing: --room / is the default room"));
    if (option_expires && !end_of_validity(option_expires, &seconds))
        return client_usage(_("--expires \"%s\" is no time such as 30d or 12h, nor never"),
                            option_expires);
    if (option_name &&
        (!*option_name || strlen(option_name) > MAX_NAME || !is_printable(option_name)))
        return client_usage(_("a name is 1 to 64 bytes of printable text"));
    return 0;
}

/* ---- the key ------------------------------------------------------------------ */

static const char *config_path(void)
{
    return option_config ? option_config : CONFIG_PATH;
}

static bool add_secret(TokenKeys *keys, GError **error)
{
    g_autofree char *file = config_read_one(config_path(), "Access", "Secret", error);

    if (!file)
        return false;
    if (!*file) {
        g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                    _("%s has no Secret= in [Access] to sign with; --key names a private key"),
                    config_path());
        return false;
    }
    return token_keys_add_secret(keys, file, error);
}

/* A relay that asks for none makes one look safe that is not. */
static void warn_of_open_relay(void)
{
    g_autofree char *tokens = config_read_one(config_path(), "Access", "Tokens", NULL);

    if (tokens && strcmp(tokens, "required") != 0)
        client_complain(_("the relay lets in everybody: %s has no Tokens=required in [Access]"),
                        config_path());
}

/* ---- the token ---------------------------------------------------------------- */

/* The names of rooms as tokens have them: without the slash of the URL. */
static char **room_names(void)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    for (char **room = option_rooms; *room; room++)
        g_strv_builder_add(builder, **room == '/' ? *room + 1 : *room);
    return g_strv_builder_end(builder);
}

static void print_json(const char *token, const TokenClaims *claims)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_add_string(builder, "token", token);
    json_builder_set_member_name(builder, "rooms");
    json_builder_begin_array(builder);
    for (char **room = claims->rooms; *room; room++)
        json_builder_add_string_value(builder, *room);
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "name");
    if (claims->name)
        json_builder_add_string_value(builder, claims->name);
    else
        json_builder_add_null_value(builder);
    json_builder_set_member_name(builder, "expires");
    if (claims->expires != G_MAXINT64)
        json_builder_add_int_value(builder, claims->expires);
    else
        json_builder_add_null_value(builder);
    json_builder_end_object(builder);
    json_print(builder);
}

/* For a person who looks on; a program has the token alone. */
static void explain(const TokenClaims *claims)
{
    g_autoptr(GString) rooms = g_string_new(NULL);
    g_autoptr(GDateTime) end = g_date_time_new_from_unix_local(claims->expires);
    g_autofree char *until = end ? g_date_time_format(end, "%F %R") : NULL;

    for (char **room = claims->rooms; *room; room++) {
        g_autofree char *shown = text_safe(*room);

        g_string_append_printf(rooms, "%s%s%s", rooms->len > 0 ? ", " : "",
                               strcmp(*room, TOKEN_ALL_ROOMS) == 0 ? "" : "/", shown);
    }
    if (until)
        g_printerr(_("It opens %s until %s."), rooms->str, until);
    else
        g_printerr(_("It opens %s for ever."), rooms->str);
    g_printerr("\n");
    if (claims->name)
        g_printerr(_("Its bearer may be called %s and nothing else."), claims->name);
    if (claims->name)
        g_printerr("\n");
}

static char *make_token(TokenClaims *claims, GError **error)
{
    g_autoptr(TokenKeys) keys = token_keys_new();

    end_of_validity(option_expires ? option_expires : DEFAULT_EXPIRES, &claims->expires);
    claims->begins = G_MININT64;
    claims->name = g_strdup(option_name);
    claims->rooms = room_names();
    if (!(option_key ? token_keys_add_private(keys, option_key, error) : add_secret(keys, error)))
        return NULL;
    return token_sign(keys, claims, error);
}

int token_run(BusClient *client, char **arguments)
{
    g_autoptr(TokenClaims) claims = g_new0(TokenClaims, 1);
    g_autoptr(GError) error = NULL;
    g_autofree char *token = make_token(claims, &error);

    if (!token) {
        client_complain("%s", error->message);
        return EXIT_FAILURE;
    }
    if (client->json)
        print_json(token, claims);
    else
        g_print("%s\n", token);
    if (!client->json && isatty(STDERR_FILENO))
        explain(claims);
    warn_of_open_relay();
    return EXIT_SUCCESS;
}
