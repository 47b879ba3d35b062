/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* "publish": numbers, and texts in a series that has a name. */

#include <config.h>

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "common/names.h"
#include "ctl/command.h"
#include "ctl/text.h"

static struct {
    char *series, *unit;
    gboolean text;
} option;

const GOptionEntry publish_options[] = {
    {"series", 's', 0, G_OPTION_ARG_STRING, &option.series,
     N_("The series that the values are of (default: plain numbers)"), N_("NAME")},
    {"unit", 'u', 0, G_OPTION_ARG_STRING, &option.unit, N_("Their unit"), N_("UNIT")},
    {"text", 't', 0, G_OPTION_ARG_NONE, &option.text,
     N_("Publish texts, even those that look like numbers"), NULL},
    {},
};

static bool parse_value(const char *text, double *value)
{
    char *end = NULL;

    *value = g_ascii_strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value);
}

/* What TEXT is published as. Floating. */
static GVariant *make_value(const char *text)
{
    double value;

    if (!option.text && parse_value(text, &value))
        return g_variant_new_double(value);
    return g_variant_new_string(text);
}

static GVariant *make_parameters(const char *text)
{
    GVariantBuilder options;

    g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
    if (option.unit)
        g_variant_builder_add(&options, "{sv}", "unit", g_variant_new_string(option.unit));
    return g_variant_new("(sva{sv})", option.series ? option.series : "", make_value(text),
                         &options);
}

static void print_published(const BusClient *client, guint64 sequence, const char *text)
{
    g_autoptr(GVariant) value = g_variant_ref_sink(make_value(text));

    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        json_add_uint(builder, "sequence", sequence);
        json_add_variant(builder, "value", value);
        json_builder_end_object(builder);
        json_print(builder);
    } else {
        g_autofree char *shown = text_variant(value, option.unit ? option.unit : "");

        g_print("%6" PRIu64 "  %s\n", sequence, shown);
    }
}

static bool publish_one(BusClient *client, const char *text, GError **error)
{
    g_autoptr(GVariant) reply =
        client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "PublishReading",
                    make_parameters(text), "(t)", ACT, error);
    guint64 sequence;

    if (!reply)
        return false;
    g_variant_get(reply, "(t)", &sequence);
    print_published(client, sequence, text);
    return true;
}

static void say_if_nobody_listens(BusClient *client)
{
    g_autoptr(GVariant) dict =
        client_properties(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, NULL);

    if (dict && dict_uint32(dict, "ListenerCount") == 0)
        client_complain(_("nobody was listening"));
}

/* All or none: nothing is published if one of them is wrong. */
int publish_check(char **arguments)
{
    double value;

    for (char **text = arguments; *text; text++) {
        if (!g_utf8_validate(*text, -1, NULL))
            return client_usage(_("a value is not UTF-8"));
        if (!parse_value(*text, &value) && !(option.series && *option.series))
            return client_usage(_("\"%s\" is not a number; texts need a series (--series)"), *text);
    }
    return 0;
}

int publish_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;

    for (char **text = arguments; *text; text++) {
        if (!publish_one(client, *text, &error))
            return client_fail(client, &peer_service, error);
    }
    say_if_nobody_listens(client);
    return EXIT_SUCCESS;
}
