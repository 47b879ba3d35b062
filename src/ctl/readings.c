/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "readings", and "numbers", which are those of the series "". Following relies on sequences alone:
 * a signal whose sequence is the next one is printed, one already printed is dropped, and a gap is
 * filled from the daemon's history. So nothing is missed or doubled between the history and the
 * first signal, nor after a burst, nor over a restart of the daemon.
 */

#include <config.h>

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/names.h"
#include "ctl/command.h"
#include "ctl/text.h"

#define BATCH 1000            /* readings asked for at a time, to keep messages small */
#define CUT (4 * 1024 * 1024) /* an answer of this size may have been cut */
#define FOLLOWED 10           /* readings that --follow begins with */
#define NOT_GIVEN G_MININT64

static struct {
    gboolean follow;
    gint64 after, count;
    char *since, *series;
} option = {.after = NOT_GIVEN, .count = NOT_GIVEN};

typedef struct {
    BusClient *client;
    bool numbers;     /* plain ones only, and in their own form */
    const char *peer; /* NULL: all */
    const char *series;
    guint64 since;
    guint last;       /* the first answer has only the last so many; 0: all */
    guint64 sequence; /* up to which all is printed */
    guint64 printed;
} Listing;

typedef struct {
    Listing *listing;
    GMainLoop *loop;
    char *owner;   /* unique name of the daemon that SEQUENCE belongs to */
    char *history; /* its HistoryId */
    int status;
} Follow;

const GOptionEntry numbers_options[] = {
    {"follow", 'f', 0, G_OPTION_ARG_NONE, &option.follow,
     N_("Go on and print them as they arrive, until interrupted"), NULL},
    {"after", 'a', 0, G_OPTION_ARG_INT64, &option.after,
     N_("Begin after the one with this sequence"), N_("N")},
    {"lines", 'n', 0, G_OPTION_ARG_INT64, &option.count,
     N_("Only the last N (default with --follow: 10)"), N_("N")},
    {"since", 0, 0, G_OPTION_ARG_STRING, &option.since,
     N_("Only those received since then: 10min, 2h, 3d, 14:30, 2026-12-31"), N_("TIME")},
    {},
};

const GOptionEntry readings_options[] = {
    {"series", 's', 0, G_OPTION_ARG_STRING, &option.series, N_("Only those of this series"),
     N_("NAME")},
    {"follow", 'f', 0, G_OPTION_ARG_NONE, &option.follow,
     N_("Go on and print them as they arrive, until interrupted"), NULL},
    {"after", 'a', 0, G_OPTION_ARG_INT64, &option.after,
     N_("Begin after the one with this sequence"), N_("N")},
    {"lines", 'n', 0, G_OPTION_ARG_INT64, &option.count,
     N_("Only the last N (default with --follow: 10)"), N_("N")},
    {"since", 0, 0, G_OPTION_ARG_STRING, &option.since,
     N_("Only those received since then: 10min, 2h, 3d, 14:30, 2026-12-31"), N_("TIME")},
    {},
};

/* ---- one reading ------------------------------------------------------------------ */

#define READING_TYPE "(tttssvs)"

typedef struct {
    guint64 sequence, received, emitted;
    const char *peer, *series, *unit;
    GVariant *value;
} ShownReading;

static void shown_clear(ShownReading *shown)
{
    g_clear_pointer(&shown->value, g_variant_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ShownReading, shown_clear)

static void print_number_json(const ShownReading *shown, JsonBuilder *builder)
{
    json_add_uint(builder, "sequence", shown->sequence);
    json_add_uint(builder, "time", shown->received);
    json_add_string(builder, "peer", shown->peer);
    json_add_variant(builder, "value", shown->value);
}

static void print_reading_json(const ShownReading *shown, JsonBuilder *builder)
{
    json_add_uint(builder, "sequence", shown->sequence);
    json_add_uint(builder, "received", shown->received);
    json_add_uint(builder, "emitted", shown->emitted);
    json_add_string(builder, "peer", shown->peer);
    json_add_string(builder, "series", shown->series);
    json_add_variant(builder, "value", shown->value);
    json_add_string(builder, "unit", shown->unit);
}

static void print_json(const Listing *listing, const ShownReading *shown)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    if (listing->numbers)
        print_number_json(shown, builder);
    else
        print_reading_json(shown, builder);
    json_builder_end_object(builder);
    json_print(builder);
}

static void print_text(const Listing *listing, const ShownReading *shown)
{
    g_autofree char *when = text_time(listing->numbers ? shown->received : shown->emitted);
    g_autofree char *who = text_safe(shown->peer);
    g_autofree char *series = text_safe(shown->series);
    g_autofree char *value = text_variant(shown->value, shown->unit);

    if (listing->numbers)
        g_print("%6" PRIu64 "  %s  %s  %s\n", shown->sequence, when, who, value);
    else
        g_print("%s  %s  %s  %s\n", when, who, series, value);
}

/* ROW is of READING_TYPE. */
static void print_row(Listing *listing, GVariant *row)
{
    g_auto(ShownReading) shown = {};

    g_variant_get(row, "(ttt&s&sv&s)", &shown.sequence, &shown.received, &shown.emitted,
                  &shown.peer, &shown.series, &shown.value, &shown.unit);
    listing->sequence = MAX(listing->sequence, shown.sequence);
    if (listing->numbers && !g_variant_is_of_type(shown.value, G_VARIANT_TYPE_DOUBLE))
        return;
    listing->printed++;
    if (listing->client->json)
        print_json(listing, &shown);
    else
        print_text(listing, &shown);
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

/* ---- the history -------------------------------------------------------------------- */

static GVariant *make_filter(const Listing *listing)
{
    GVariantBuilder filter;

    g_variant_builder_init(&filter, G_VARIANT_TYPE_VARDICT);
    if (listing->peer)
        g_variant_builder_add(&filter, "{sv}", "peer", g_variant_new_string(listing->peer));
    if (listing->series)
        g_variant_builder_add(&filter, "{sv}", "series", g_variant_new_string(listing->series));
    if (listing->since > 0)
        g_variant_builder_add(&filter, "{sv}", "since", g_variant_new_uint64(listing->since));
    if (listing->last > 0)
        g_variant_builder_add(&filter, "{sv}", "last", g_variant_new_uint32(listing->last));
    return g_variant_builder_end(&filter);
}

/* Up to MAX that come next; NULL: it has failed. */
static GVariant *read_batch(const Listing *listing, guint max, guint64 *lost, GError **error)
{
    g_autoptr(GVariant) reply = client_call(
        listing->client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "ReadReadings",
        g_variant_new("(tu@a{sv})", listing->sequence, max, make_filter(listing)),
        "(a" READING_TYPE "t)", LOOK, error);
    GVariant *rows = NULL;

    if (reply)
        g_variant_get(reply, "(@a" READING_TYPE "t)", &rows, lost);
    return rows;
}

/* Prints all that comes after listing->sequence, which it moves on. */
static bool print_history(Listing *listing, GError **error)
{
    gsize n, size;

    do {
        guint64 lost;
        g_autoptr(GVariant) rows = read_batch(listing, BATCH, &lost, error);

        if (!rows)
            return false;
        n = g_variant_n_children(rows);
        size = g_variant_get_size(rows);
        if (lost > 0)
            print_lost(listing->client, lost);
        for (gsize i = 0; i < n; i++) {
            g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);

            print_row(listing, row);
        }
        listing->last -= MIN(listing->last, (guint) n);
    } while (n == BATCH || size > CUT);
    listing->last = 0;
    return true;
}

/* ---- following ------------------------------------------------------------------------- */

static void follow_stop(Follow *follow, int status)
{
    follow->status = status;
    g_main_loop_quit(follow->loop);
}

/* Nobody reads on; main() says so. */
static void follow_heed_output(Follow *follow)
{
    if (text_output_failed())
        follow_stop(follow, EXIT_FAILURE);
}

static void follow_catch_up(Follow *follow)
{
    g_autoptr(GError) error = NULL;
    bool done = print_history(follow->listing, &error);

    follow_heed_output(follow);
    if (done)
        return;
    if (!client_error_is_absent(error) && /* else it comes back, perhaps */
        !g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY))
        follow_stop(follow, client_fail(follow->listing->client, &peer_service, error));
}

/* Whether we would have been given it */
static bool is_listed(const Listing *listing, const char *peer, const char *series)
{
    return (!listing->peer || g_str_equal(listing->peer, peer)) &&
           (!listing->series || g_str_equal(listing->series, series));
}

static void on_reading(GDBusConnection *bus, const char *sender, const char *path,
                       const char *interface, const char *signal, GVariant *parameters,
                       gpointer data)
{
    Follow *follow = data;
    Listing *listing = follow->listing;
    guint64 sequence;
    const char *peer, *series;

    if (g_strcmp0(sender, follow->owner) != 0 ||
        !g_variant_is_of_type(parameters, G_VARIANT_TYPE(READING_TYPE)))
        return;
    g_variant_get_child(parameters, 0, "t", &sequence);
    g_variant_get_child(parameters, 3, "&s", &peer);
    g_variant_get_child(parameters, 4, "&s", &series);
    if (sequence <= listing->sequence)
        return;
    if (sequence > listing->sequence + 1)
        follow_catch_up(follow); /* and this one */
    else if (is_listed(listing, peer, series))
        print_row(listing, parameters);
    listing->sequence = MAX(listing->sequence, sequence);
    follow_heed_output(follow);
}

/* The history of the daemon that is there now */
static char *ask_history_id(BusClient *client)
{
    g_autoptr(GVariant) dict =
        client_properties(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, NULL);

    return g_strdup(dict ? dict_string(dict, "HistoryId") : "");
}

static void on_daemon_appeared(GDBusConnection *bus, const char *name, const char *owner,
                               gpointer data)
{
    Follow *follow = data;
    g_autofree char *before = g_steal_pointer(&follow->history);
    bool again = follow->owner != NULL;

    g_free(follow->owner);
    follow->owner = g_strdup(owner);
    follow->history = ask_history_id(follow->listing->client);
    if (again)
        client_complain(_("rtcbus-peer is running again"));
    if (again && (!*follow->history || g_strcmp0(before, follow->history) != 0))
        follow->listing->sequence = 0; /* another history, which counts from the beginning */
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

static int follow_readings(Listing *listing)
{
    Follow follow = {.listing = listing};
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, &follow),
        g_unix_signal_add(SIGTERM, on_interrupt, &follow),
    };
    guint signal_id, name_id;

    setvbuf(stdout, NULL, _IOLBF, 0); /* a pipe gets each as it arrives */
    follow.loop = g_main_loop_new(NULL, FALSE);
    signal_id = g_dbus_connection_signal_subscribe(
        listing->client->bus, PEER_BUS_NAME, PEER_INTERFACE, "ReadingReceived", PEER_OBJECT_PATH,
        NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_reading, &follow, NULL);
    name_id = g_bus_watch_name_on_connection(listing->client->bus, PEER_BUS_NAME,
                                             G_BUS_NAME_WATCHER_FLAGS_NONE, on_daemon_appeared,
                                             on_daemon_vanished, &follow, NULL);
    g_main_loop_run(follow.loop);

    g_bus_unwatch_name(name_id);
    g_dbus_connection_signal_unsubscribe(listing->client->bus, signal_id);
    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
    g_main_loop_unref(follow.loop);
    g_free(follow.owner);
    g_free(follow.history);
    return follow.status;
}

/* ---- the commands ------------------------------------------------------------------------ */

int readings_check(char **arguments)
{
    guint64 since;

    if (option.after != NOT_GIVEN && option.after < 0)
        return client_usage(_("--after must be a whole number from 0"));
    if (option.count != NOT_GIVEN && (option.count < 1 || option.count > G_MAXINT32))
        return client_usage(_("-n must be a whole number from 1"));
    if (option.since && !text_parse_time(option.since, &since))
        return client_usage(_("\"%s\" is no time: 10min, 2h, 3d, 14:30, 2026-12-31 or "
                              "2026-12-31 14:30 would be"),
                            option.since);
    return 0;
}

static void say_if_nothing(const Listing *listing)
{
    if (listing->printed > 0 || listing->client->json)
        return;
    if (listing->peer || option.series || listing->since > 0 || listing->sequence > 0)
        client_complain(_("nothing of this kind has been received"));
    else if (listing->numbers)
        client_complain(_("no number has been received yet; \"rtcbusctl call\" calls whoever has "
                          "some to give, and \"rtcbusctl readings\" shows all that came"));
    else
        client_complain(_("nothing has been received yet; \"rtcbusctl call\" calls whoever has "
                          "something to give"));
}

static int run(Listing *listing)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) probe = NULL;
    guint64 lost;

    if (!option.follow) {
        if (!print_history(listing, &error))
            return client_fail(listing->client, &peer_service, error);
        say_if_nothing(listing);
        return EXIT_SUCCESS;
    }
    /* Following survives a daemon that restarts, but one that is not there at all, or closed to
     * us, is better said at once. */
    probe = read_batch(listing, 1, &lost, &error);
    if (!probe)
        return client_fail(listing->client, &peer_service, error);
    if (g_variant_n_children(probe) == 0)
        say_if_nothing(listing);
    return follow_readings(listing);
}

static Listing make_listing(BusClient *client, char **arguments)
{
    Listing listing = {.client = client,
                       .peer = arguments[0],
                       .sequence = option.after > 0 ? (guint64) option.after : 0};

    if (option.since)
        text_parse_time(option.since, &listing.since);
    if (option.count > 0)
        listing.last = (guint) option.count;
    else if (option.follow && option.after == NOT_GIVEN && !option.since)
        listing.last = FOLLOWED;
    return listing;
}

int numbers_run(BusClient *client, char **arguments)
{
    Listing listing = make_listing(client, arguments);

    listing.numbers = true;
    listing.series = "";
    return run(&listing);
}

int readings_run(BusClient *client, char **arguments)
{
    Listing listing = make_listing(client, arguments);

    listing.series = option.series;
    return run(&listing);
}
