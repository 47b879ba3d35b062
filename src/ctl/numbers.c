/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "numbers" and "publish". Following relies on sequence numbers alone: a
 * signal whose sequence is the next one is printed, one already printed is
 * dropped, and a gap is filled from the daemon's history. So nothing is missed
 * or doubled between the history and the first signal, nor after a burst.
 */

#include <config.h>

#include "common/names.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/command.h"
#include "ctl/text.h"

#define BATCH 1000 /* numbers asked for at a time, to keep messages small */

typedef struct {
    BusClient *client;
    GMainLoop *loop;
    guint64 last; /* the sequence printed last */
    char *owner;  /* unique name of the daemon that LAST belongs to */
    int status;
} Follow;

static gboolean option_follow;
static gint64 option_after;

const GOptionEntry numbers_options[] = {
    {"follow", 'f', 0, G_OPTION_ARG_NONE, &option_follow,
     N_("Go on and print numbers as they arrive, until interrupted"), NULL},
    {"after", 'a', 0, G_OPTION_ARG_INT64, &option_after,
     N_("Begin after the number with this sequence"), N_("N")},
    {},
};

static void print_number(const BusClient *client, guint64 sequence, guint64 time, const char *peer,
                         double value)
{
    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        json_add_uint(builder, "sequence", sequence);
        json_add_uint(builder, "time", time);
        json_add_string(builder, "peer", peer);
        json_add_value(builder, "value", value);
        json_builder_end_object(builder);
        json_print(builder);
    } else {
        g_autofree char *when = text_time(time);
        g_autofree char *who = text_safe(peer);
        g_autofree char *number = text_value(value);

        g_print("%6" G_GUINT64_FORMAT "  %s  %s  %s\n", sequence, when, who, number);
    }
}

static void print_lost(const BusClient *client, guint64 lost)
{
    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        json_add_uint(builder, "lost", lost);
        json_builder_end_object(builder);
        json_print(builder);
    } else {
        g_autofree char *text = g_strdup_printf(
            ngettext("%" PRIu64 " number is lost: it had left the history before it was read",
                     "%" PRIu64
                     " numbers are lost: they had left the history before they were read",
                     (gulong) lost),
            lost);

        client_complain("%s", text);
    }
}

/* Prints all that came after *LAST, which it moves on. */
static bool print_history(BusClient *client, guint64 *last, GError **error)
{
    gsize n;

    do {
        g_autoptr(GVariant) reply =
            client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "ReadNumbers",
                        g_variant_new("(tu)", *last, BATCH), "(a(ttsd)t)", LOOK, error);
        g_autoptr(GVariantIter) numbers = NULL;
        guint64 lost, sequence, time;
        const char *peer;
        double value;

        if (!reply)
            return false;
        g_variant_get(reply, "(a(ttsd)t)", &numbers, &lost);
        n = g_variant_iter_n_children(numbers);
        if (lost > 0)
            print_lost(client, lost);
        while (g_variant_iter_loop(numbers, "(tt&sd)", &sequence, &time, &peer, &value)) {
            print_number(client, sequence, time, peer, value);
            *last = sequence;
        }
    } while (n == BATCH);
    return true;
}

static void follow_stop(Follow *follow, int status)
{
    follow->status = status;
    g_main_loop_quit(follow->loop);
}

static void follow_catch_up(Follow *follow)
{
    g_autoptr(GError) error = NULL;

    if (print_history(follow->client, &follow->last, &error))
        return;
    if (!client_error_is_absent(error)) /* else it comes back, perhaps */
        follow_stop(follow, client_fail(follow->client, &peer_service, error));
}

static void on_number(GDBusConnection *bus, const char *sender, const char *path,
                      const char *interface, const char *signal, GVariant *parameters,
                      gpointer data)
{
    Follow *follow = data;
    guint64 sequence, time;
    const char *peer;
    double value;

    if (g_strcmp0(sender, follow->owner) != 0 ||
        !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(ttsd)")))
        return;
    g_variant_get(parameters, "(tt&sd)", &sequence, &time, &peer, &value);
    if (sequence == follow->last + 1) {
        print_number(follow->client, sequence, time, peer, value);
        follow->last = sequence;
    } else if (sequence > follow->last) {
        follow_catch_up(follow);
    }
}

static void on_daemon_appeared(GDBusConnection *bus, const char *name, const char *owner,
                               gpointer data)
{
    Follow *follow = data;
    bool again = follow->owner != NULL;

    g_free(follow->owner);
    follow->owner = g_strdup(owner);
    if (again) {
        client_complain(_("rtcbus-peer is running again"));
        follow->last = 0; /* a new daemon counts from the beginning */
    }
    follow_catch_up(follow);
}

static void on_daemon_vanished(GDBusConnection *bus, const char *name, gpointer data)
{
    Follow *follow = data;

    if (!bus) {
        client_complain(_("the message bus went away"));
        follow_stop(follow, EXIT_FAILURE);
    } else if (follow->owner) {
        client_complain(_("rtcbus-peer stopped; waiting for it to come back"));
    }
}

static gboolean on_interrupt(gpointer data)
{
    follow_stop(data, EXIT_SUCCESS);
    return G_SOURCE_CONTINUE;
}

static int follow_numbers(BusClient *client)
{
    Follow follow = {.client = client, .last = (guint64) option_after};
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, &follow),
        g_unix_signal_add(SIGTERM, on_interrupt, &follow),
    };
    guint signal_id, name_id;

    setvbuf(stdout, NULL, _IOLBF, 0); /* a pipe gets each number as it arrives */
    follow.loop = g_main_loop_new(NULL, FALSE);
    signal_id = g_dbus_connection_signal_subscribe(
        client->bus, PEER_BUS_NAME, PEER_INTERFACE, "NumberReceived", PEER_OBJECT_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_number, &follow, NULL);
    name_id =
        g_bus_watch_name_on_connection(client->bus, PEER_BUS_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                       on_daemon_appeared, on_daemon_vanished, &follow, NULL);
    g_main_loop_run(follow.loop);

    g_bus_unwatch_name(name_id);
    g_dbus_connection_signal_unsubscribe(client->bus, signal_id);
    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
    g_main_loop_unref(follow.loop);
    g_free(follow.owner);
    return follow.status;
}

int numbers_check(char **arguments)
{
    if (option_after < 0)
        return client_usage(_("--after must be a whole number from 0"));
    return 0;
}

int numbers_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) probe = NULL;
    guint64 last = (guint64) option_after;

    if (!option_follow) {
        if (!print_history(client, &last, &error))
            return client_fail(client, &peer_service, error);
        return EXIT_SUCCESS;
    }
    /* Following survives a daemon that restarts, but one that is not there
     * at all, or closed to us, is better said at once. */
    probe = client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "ReadNumbers",
                        g_variant_new("(tu)", (guint64) G_MAXINT64, 1), "(a(ttsd)t)", LOOK, &error);
    if (!probe)
        return client_fail(client, &peer_service, error);
    return follow_numbers(client);
}

static bool parse_value(const char *text, double *value)
{
    char *end = NULL;

    *value = g_ascii_strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value);
}

static bool publish_one(BusClient *client, double value, GError **error)
{
    g_autoptr(GVariant) reply =
        client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "Publish",
                    g_variant_new("(d)", value), "(t)", ACT, error);
    g_autofree char *shown = text_value(value);
    guint64 sequence;

    if (!reply)
        return false;
    g_variant_get(reply, "(t)", &sequence);
    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        json_add_uint(builder, "sequence", sequence);
        json_add_value(builder, "value", value);
        json_builder_end_object(builder);
        json_print(builder);
    } else {
        g_print("%6" G_GUINT64_FORMAT "  %s\n", sequence, shown);
    }
    return true;
}

static void say_if_nobody_listens(BusClient *client)
{
    g_autoptr(GVariant) dict =
        client_properties(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, NULL);

    if (dict && dict_uint32(dict, "ListenerCount") == 0)
        client_complain(_("nobody was listening"));
}

/* All or none: nothing is sent if one of them is no number. */
int publish_check(char **arguments)
{
    double value;

    for (char **text = arguments; *text; text++) {
        if (!parse_value(*text, &value))
            return client_usage(_("\"%s\" is not a number"), *text);
    }
    return 0;
}

int publish_run(BusClient *client, char **arguments)
{
    g_autoptr(GError) error = NULL;
    double value;

    for (char **text = arguments; *text; text++) {
        parse_value(*text, &value);
        if (!publish_one(client, value, &error))
            return client_fail(client, &peer_service, error);
    }
    say_if_nobody_listens(client);
    return EXIT_SUCCESS;
}
