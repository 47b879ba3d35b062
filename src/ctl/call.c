/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "call": starts a call and watches it until it is connected. The watch is in
 * place before Call() is sent, since a call on one machine is connected before
 * its reply has been looked at; signals wait in the main context until then.
 */

#include <config.h>

#include "common/names.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

#include "common/fingerprint.h"
#include "ctl/calls.h"
#include "ctl/command.h"

typedef enum {
    WATCH_WAITING,
    WATCH_CONNECTED,
    WATCH_ENDED,       /* by the peer or the daemon: see `reason` */
    WATCH_INTERRUPTED, /* by the user */
} WatchState;

typedef struct {
    BusClient *client;
    GMainLoop *loop;
    WatchState state;
    char *path;   /* of the call, once known */
    char *shown;  /* the State last shown */
    char *reason; /* why it ended */
    gint64 began; /* g_get_monotonic_time() */
} Watch;

static int option_timeout = G_MININT;
static char *option_channel_id;
static char *option_fingerprint;
static gboolean option_no_wait;

const GOptionEntry call_options[] = {
    {"timeout", 't', 0, G_OPTION_ARG_INT, &option_timeout,
     N_("Give up after so many seconds (default: the daemon's)"), N_("SECONDS")},
    {"channel-id", 'c', 0, G_OPTION_ARG_STRING, &option_channel_id,
     N_("A text that the other side sees with the call"), N_("TEXT")},
    {"fingerprint", 'f', 0, G_OPTION_ARG_STRING, &option_fingerprint,
     N_("Talk only to whoever has this key"), N_("FINGERPRINT")},
    {"no-wait", 'n', 0, G_OPTION_ARG_NONE, &option_no_wait,
     N_("Start the call and return at once"), NULL},
    {},
};

static const char *watch_state_to_string(WatchState state)
{
    static const char *const names[] = {"waiting", "connected", "ended", "interrupted"};

    return names[state];
}

/* The first end counts: a call hung up by the user also ends. */
static void watch_enter_state(Watch *watch, WatchState state)
{
    if (watch->state != WATCH_WAITING)
        return;
    g_debug("call: %s -> %s", watch_state_to_string(watch->state), watch_state_to_string(state));
    watch->state = state;
    g_main_loop_quit(watch->loop);
}

static void watch_show(Watch *watch, const char *state)
{
    g_autofree char *elapsed = NULL;

    if (g_strcmp0(watch->shown, state) == 0)
        return;
    g_free(watch->shown);
    watch->shown = g_strdup(state);
    if (watch->client->json)
        return;
    elapsed = text_duration((guint64) (g_get_monotonic_time() - watch->began));
    g_print("%10s  %s\n", elapsed, call_state_text(state));
}

static void watch_see_properties(Watch *watch, GVariant *dict)
{
    const char *state = dict_string(dict, "State");
    const char *reason = dict_string(dict, "Reason");

    if (*reason) {
        g_free(watch->reason);
        watch->reason = g_strdup(reason);
    }
    if (*state)
        watch_show(watch, state);
    if (g_str_equal(state, "connected"))
        watch_enter_state(watch, WATCH_CONNECTED);
    else if (g_str_equal(state, "closed"))
        watch_enter_state(watch, WATCH_ENDED);
}

static void on_properties_changed(GDBusConnection *bus, const char *sender, const char *path,
                                  const char *interface, const char *signal, GVariant *parameters,
                                  gpointer data)
{
    Watch *watch = data;
    g_autoptr(GVariant) changed = NULL;

    if (g_strcmp0(path, watch->path) != 0 ||
        !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")))
        return;
    changed = g_variant_get_child_value(parameters, 1);
    watch_see_properties(watch, changed);
}

static void on_call_ended(GDBusConnection *bus, const char *sender, const char *path,
                          const char *interface, const char *signal, GVariant *parameters,
                          gpointer data)
{
    Watch *watch = data;
    const char *call, *reason;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oss)")))
        return;
    g_variant_get(parameters, "(&o&s&s)", &call, NULL, &reason);
    if (g_strcmp0(call, watch->path) != 0)
        return;
    g_free(watch->reason);
    watch->reason = g_strdup(reason);
    watch_enter_state(watch, WATCH_ENDED);
}

static void on_daemon_vanished(GDBusConnection *bus, const char *name, gpointer data)
{
    Watch *watch = data;

    if (!watch->path) /* Call() is still to start it */
        return;
    g_free(watch->reason);
    watch->reason = g_strdup(_("rtcbus-peer stopped"));
    watch_enter_state(watch, WATCH_ENDED);
}

static gboolean on_interrupt(gpointer data)
{
    watch_enter_state(data, WATCH_INTERRUPTED);
    return G_SOURCE_CONTINUE;
}

static char *place_call(BusClient *client, const char *peer, GError **error)
{
    g_autoptr(GVariant) reply = NULL;
    GVariantBuilder options;
    char *path = NULL;

    g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
    if (option_timeout > 0)
        g_variant_builder_add(&options, "{sv}", "timeout",
                              g_variant_new_uint32((guint32) option_timeout));
    if (option_channel_id)
        g_variant_builder_add(&options, "{sv}", "channel-id",
                              g_variant_new_string(option_channel_id));
    if (option_fingerprint)
        g_variant_builder_add(&options, "{sv}", "fingerprint",
                              g_variant_new_string(option_fingerprint));
    reply = client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "Call",
                        g_variant_new("(sa{sv})", peer, &options), "(o)", ACT, error);
    if (reply)
        g_variant_get(reply, "(o)", &path);
    return path;
}

static void hang_up(BusClient *client, const char *path)
{
    g_autoptr(GVariant) reply G_GNUC_UNUSED =
        client_call(client, &peer_service, path, CALL_INTERFACE, "Hangup", NULL, "()", LOOK, NULL);
}

static void print_connected(const CallEntry *call)
{
    g_autoptr(Table) table = table_new(2);
    GVariant *dict = call->properties;
    g_autofree char *peer = text_safe(dict_string(dict, "Peer"));
    g_autofree char *local = text_candidate(dict_string(dict, "LocalCandidate"));
    g_autofree char *remote = text_candidate(dict_string(dict, "RemoteCandidate"));
    g_autofree char *setup = text_measured(dict_uint64(dict, "SetupTime"));
    g_autofree char *rtt = text_measured(dict_uint64(dict, "RoundTripTime"));
    g_autofree char *hangup = g_strdup_printf("rtcbusctl hangup %" G_GUINT64_FORMAT, call->number);

    table_row(table, _("Peer:"), peer, NULL);
    table_row(table, _("Trust:"), call_state_text(dict_string(dict, "Trust")), NULL);
    table_row(table, _("Set up in:"), setup, NULL);
    table_row(table, _("Round trip:"), rtt, NULL);
    table_row(table, _("Local:"), local, NULL);
    table_row(table, _("Remote:"), remote, NULL);
    table_row(table, _("To end it:"), hangup, NULL);
    table_print(table);
}

static int report_connected(Watch *watch)
{
    BusClient *client = watch->client;
    g_autoptr(GError) error = NULL;
    g_autoptr(CallEntry) call = NULL;
    g_autoptr(GVariant) dict =
        client_properties(client, &peer_service, watch->path, CALL_INTERFACE, &error);

    if (!dict)
        return client_fail(client, &peer_service, error);
    call = call_entry_new(watch->path, dict);
    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        call_entry_to_json(call, builder);
        json_print(builder);
    } else {
        print_connected(call);
    }
    return EXIT_SUCCESS;
}

static int report_ended(Watch *watch)
{
    const char *reason = watch->reason ? watch->reason : _("no reason was given");

    if (watch->client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        json_add_string(builder, "path", watch->path);
        json_add_string(builder, "state", "closed");
        json_add_string(builder, "reason", reason);
        json_builder_end_object(builder);
        json_print(builder);
    }
    client_complain(_("the call ended: %s"), reason);
    return EXIT_FAILURE;
}

/* What may have happened before the first signal that reached us */
static void watch_look(Watch *watch)
{
    g_autoptr(GVariant) dict =
        client_properties(watch->client, &peer_service, watch->path, CALL_INTERFACE, NULL);

    if (dict)
        watch_see_properties(watch, dict);
}

static int watch_run(Watch *watch)
{
    watch_look(watch);
    if (watch->state == WATCH_WAITING)
        g_main_loop_run(watch->loop);
    switch (watch->state) {
    case WATCH_CONNECTED:
        return report_connected(watch);
    case WATCH_INTERRUPTED:
        hang_up(watch->client, watch->path);
        g_clear_pointer(&watch->reason, g_free);
        watch->reason = g_strdup(_("you interrupted it"));
        return report_ended(watch);
    default:
        return report_ended(watch);
    }
}

static int print_started(const BusClient *client, const char *path)
{
    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        json_add_string(builder, "path", path);
        json_builder_end_object(builder);
        json_print(builder);
    } else {
        g_print("%s\n", path);
    }
    return EXIT_SUCCESS;
}

static int call_and_watch(Watch *watch, const char *peer)
{
    BusClient *client = watch->client;
    g_autoptr(GError) error = NULL;

    watch->path = place_call(client, peer, &error);
    if (!watch->path)
        return client_fail(client, &peer_service, error);
    if (option_no_wait)
        return print_started(client, watch->path);
    return watch_run(watch);
}

int call_check(char **arguments)
{
    g_autofree char *fingerprint =
        option_fingerprint ? fingerprint_parse(option_fingerprint) : NULL;

    if (option_fingerprint && !fingerprint)
        return client_usage(_("--fingerprint must be \"sha-256:\" and 64 hexadecimal digits"));
    if (option_timeout != G_MININT && option_timeout <= 0)
        return client_usage(_("--timeout must be a whole number of seconds above 0"));
    return 0;
}

int call_run(BusClient *client, char **arguments)
{
    Watch watch = {.client = client, .began = g_get_monotonic_time()};
    /* From the start: a call that is interrupted must not stay behind. */
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, &watch),
        g_unix_signal_add(SIGTERM, on_interrupt, &watch),
    };
    guint signals[2], name_id;
    int status;

    watch.loop = g_main_loop_new(NULL, FALSE);
    signals[0] = g_dbus_connection_signal_subscribe(
        client->bus, PEER_BUS_NAME, "org.freedesktop.DBus.Properties", "PropertiesChanged", NULL,
        CALL_INTERFACE, G_DBUS_SIGNAL_FLAGS_NONE, on_properties_changed, &watch, NULL);
    signals[1] = g_dbus_connection_signal_subscribe(
        client->bus, PEER_BUS_NAME, PEER_INTERFACE, "CallEnded", PEER_OBJECT_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_call_ended, &watch, NULL);
    name_id = g_bus_watch_name_on_connection(client->bus, PEER_BUS_NAME,
                                             G_BUS_NAME_WATCHER_FLAGS_NONE, NULL,
                                             on_daemon_vanished, &watch, NULL);

    status = call_and_watch(&watch, arguments[0] ? arguments[0] : "");

    g_bus_unwatch_name(name_id);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        g_dbus_connection_signal_unsubscribe(client->bus, signals[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
    g_main_loop_unref(watch.loop);
    g_free(watch.path);
    g_free(watch.shown);
    g_free(watch.reason);
    return status;
}
