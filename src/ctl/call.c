/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* "call": starts a call and shows its states until it is connected. */

#include <config.h>

#include "common/names.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fingerprint.h"
#include "ctl/call-watch.h"
#include "ctl/calls.h"
#include "ctl/command.h"

typedef enum {
    CALLING_WAITING,
    CALLING_CONNECTED,
    CALLING_ENDED,       /* by the peer or the daemon: see `reason` */
    CALLING_INTERRUPTED, /* by the user */
} CallingState;

typedef struct {
    BusClient *client;
    GMainLoop *loop;
    CallingState state;
    CallWatch *watch;
    char *path;   /* of the call, once known */
    bool existed; /* it is not ours to hang up */
    char *reason; /* why it ended */
    gint64 began; /* clock_monotonic() */
} Calling;

static int option_timeout = G_MININT;
static char *option_channel_id;
static char *option_fingerprint;
static gboolean option_no_wait, option_another;

const GOptionEntry call_options[] = {
    {"timeout", 't', 0, G_OPTION_ARG_INT, &option_timeout,
     N_("Give up after so many seconds (default: the daemon's)"), N_("SECONDS")},
    {"channel-id", 'c', 0, G_OPTION_ARG_STRING, &option_channel_id,
     N_("A text that the other side sees with the call"), N_("TEXT")},
    {"fingerprint", 'f', 0, G_OPTION_ARG_STRING, &option_fingerprint,
     N_("Talk only to whoever has this key"), N_("FINGERPRINT")},
    {"another", 'a', 0, G_OPTION_ARG_NONE, &option_another,
     N_("Make a new call, even if there is one with the peer already"), NULL},
    {"no-wait", 'n', 0, G_OPTION_ARG_NONE, &option_no_wait, N_("Start the call and return at once"),
     NULL},
    {},
};

static const char *calling_state_to_string(CallingState state)
{
    static const char *const names[] = {"waiting", "connected", "ended", "interrupted"};

    return names[state];
}

/* The first end counts: a call hung up by the user also ends. */
static void calling_enter_state(Calling *calling, CallingState state)
{
    if (calling->state != CALLING_WAITING)
        return;
    g_debug("call: %s -> %s", calling_state_to_string(calling->state),
            calling_state_to_string(state));
    calling->state = state;
    g_main_loop_quit(calling->loop);
}

static void calling_show(const Calling *calling, const char *state)
{
    g_autofree char *elapsed = NULL;

    if (calling->client->json)
        return;
    elapsed = text_duration((guint64) (clock_monotonic() - calling->began));
    g_print("%10s  %s\n", elapsed, call_state_text(state));
}

static void on_state(const char *state, gpointer data)
{
    Calling *calling = data;

    if (calling->state != CALLING_WAITING)
        return;
    calling_show(calling, state);
    if (g_str_equal(state, "connected"))
        calling_enter_state(calling, CALLING_CONNECTED);
}

static void on_ended(const char *reason, gpointer data)
{
    Calling *calling = data;

    g_free(calling->reason);
    calling->reason = g_strdup(reason);
    calling_enter_state(calling, CALLING_ENDED);
}

static const CallWatchOps watch_ops = {
    .state = on_state,
    .ended = on_ended,
};

static gboolean on_interrupt(gpointer data)
{
    calling_enter_state(data, CALLING_INTERRUPTED);
    return G_SOURCE_CONTINUE;
}

static GVariant *place_options(void)
{
    GVariantBuilder options;

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
    if (option_another)
        g_variant_builder_add(&options, "{sv}", "another", g_variant_new_boolean(TRUE));
    return g_variant_builder_end(&options);
}

void call_hang_up(BusClient *client, const char *path)
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

int call_report(BusClient *client, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CallEntry) call = NULL;
    g_autoptr(GVariant) dict =
        client_properties(client, &peer_service, path, CALL_INTERFACE, &error);

    if (!dict)
        return client_fail(client, &peer_service, error);
    call = call_entry_new(path, dict);
    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        call_entry_to_json(call, builder);
        json_print(builder);
    } else {
        print_connected(call);
    }
    return EXIT_SUCCESS;
}

static int report_ended(Calling *calling)
{
    const char *reason = calling->reason ? _(calling->reason) : _("no reason was given");

    if (calling->client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        json_add_string(builder, "path", calling->path);
        json_add_string(builder, "state", "closed");
        json_add_string(builder, "reason", calling->reason ? calling->reason : "");
        json_builder_end_object(builder);
        json_print(builder);
    }
    client_complain(_("the call ended: %s"), reason);
    return EXIT_FAILURE;
}

static int calling_run(Calling *calling)
{
    call_watch_begin(calling->watch, calling->path);
    if (calling->state == CALLING_WAITING)
        g_main_loop_run(calling->loop);
    switch (calling->state) {
    case CALLING_CONNECTED:
        return call_report(calling->client, calling->path);
    case CALLING_INTERRUPTED:
        if (!calling->existed)
            call_hang_up(calling->client, calling->path);
        g_clear_pointer(&calling->reason, g_free);
        calling->reason = g_strdup(_("you interrupted it"));
        return report_ended(calling);
    default:
        return report_ended(calling);
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

static void tell_existing(const Calling *calling)
{
    if (calling->client->json)
        return;
    g_print(_("There is a call with this peer already, number %s (--another makes another one):"),
            calling->path + strlen(CALL_PATH_PREFIX));
    g_print("\n");
}

/* A call to whoever answers waits for somebody to come; a foreign relay does not tell who is there. */
static void tell_empty_room(BusClient *client)
{
    g_autoptr(GVariant) dict =
        client_properties(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, NULL);
    g_autoptr(GVariant) peers =
        dict ? g_variant_lookup_value(dict, "Peers", G_VARIANT_TYPE("a(ss)")) : NULL;
    g_autofree char *room = dict ? text_room(dict_string(dict, "RelayUrl")) : NULL;

    if (peers && g_variant_n_children(peers) == 0 &&
        g_str_equal(dict_string(dict, "RelayState"), "connected"))
        client_complain(_("nobody else is in the room (%s), as far as the relay tells; waiting for "
                          "somebody to come"),
                        room);
}

static int call_and_watch(Calling *calling, const char *peer)
{
    BusClient *client = calling->client;
    g_autoptr(GError) error = NULL;

    calling->path = call_place(client, peer, place_options(), &calling->existed, &error);
    if (!calling->path)
        return client_fail(client, &peer_service, error);
    if (calling->existed)
        tell_existing(calling);
    if (option_no_wait)
        return print_started(client, calling->path);
    if (!*peer)
        tell_empty_room(client);
    return calling_run(calling);
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
    Calling calling = {
        .client = client, .loop = g_main_loop_new(NULL, FALSE), .began = clock_monotonic()};
    /* From the start: a call that is interrupted must not stay behind. */
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, &calling),
        g_unix_signal_add(SIGTERM, on_interrupt, &calling),
    };
    int status;

    calling.watch = call_watch_new(client, &watch_ops, &calling);
    status = call_and_watch(&calling, arguments[0] ? arguments[0] : "");
    call_watch_free(calling.watch);
    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
    g_main_loop_unref(calling.loop);
    g_free(calling.path);
    g_free(calling.reason);
    return status;
}
