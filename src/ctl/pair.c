/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "pair": shows a code and waits until it has been typed on the other machine,
 * or types it here. Interrupting it takes the code back.
 */

#include <config.h>

#include "common/names.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <stdlib.h>

#include "common/fingerprint.h"
#include "ctl/command.h"
#include "ctl/text.h"

typedef struct {
    Client *client;
    GMainLoop *loop;
    bool begun; /* what is heard from now on is ours */
    int status;
} Pairing;

static gboolean option_cancel;

const GOptionEntry pair_options[] = {
    {"cancel", 0, 0, G_OPTION_ARG_NONE, &option_cancel,
     N_("Take back the code that is shown elsewhere"), NULL},
    {},
};

static void print_ended_json(gboolean ok, const char *name, const char *fingerprint,
                             const char *message)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "ok");
    json_builder_add_boolean_value(builder, ok);
    json_add_string(builder, "name", name);
    json_add_string(builder, "fingerprint", fingerprint);
    json_add_string(builder, "message", message);
    json_builder_end_object(builder);
    json_print(builder);
}

static void on_ended(Pairing *pairing, GVariant *parameters)
{
    const char *name, *fingerprint, *message;
    gboolean ok;

    g_variant_get(parameters, "(b&s&s&s)", &ok, &name, &fingerprint, &message);
    pairing->status = ok ? EXIT_SUCCESS : EXIT_FAILURE;
    if (pairing->client->json) {
        print_ended_json(ok, name, fingerprint, message);
    } else if (ok) {
        g_autofree char *shown = text_safe(name);
        g_autofree char *word = fingerprint_word(fingerprint);

        g_print(_("Paired with %s, whose key is %s"), shown, word);
        g_print("\n");
    }
    if (!ok)
        g_printerr("rtcbusctl: %s\n", message);
    g_main_loop_quit(pairing->loop);
}

static void on_failed(GVariant *parameters)
{
    const char *message;
    guint tries;

    g_variant_get(parameters, "(&su)", &message, &tries);
    g_printerr("rtcbusctl: %s; ", message);
    g_printerr(ngettext("%u try is left", "%u tries are left", tries), tries);
    g_printerr("\n");
}

static void on_signal(GDBusConnection *bus, const char *sender, const char *path,
                      const char *interface, const char *signal, GVariant *parameters,
                      gpointer data)
{
    Pairing *pairing = data;

    if (!pairing->begun)
        return;
    if (g_str_equal(signal, "PairingEnded") &&
        g_variant_is_of_type(parameters, G_VARIANT_TYPE("(bsss)")))
        on_ended(pairing, parameters);
    else if (g_str_equal(signal, "PairingFailed") &&
             g_variant_is_of_type(parameters, G_VARIANT_TYPE("(su)")))
        on_failed(parameters);
}

static void on_vanished(GDBusConnection *bus, const char *name, gpointer data)
{
    Pairing *pairing = data;

    if (!pairing->begun)
        return;
    g_printerr("rtcbusctl: %s\n", _("rtcbus-peer stopped"));
    g_main_loop_quit(pairing->loop);
}

static bool cancel(Client *client, GError **error)
{
    g_autoptr(GVariant) reply =
        client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "CancelPairing",
                    NULL, "()", LOOK, error);

    return reply != NULL;
}

static gboolean on_interrupt(gpointer data)
{
    Pairing *pairing = data;

    if (!pairing->begun || !cancel(pairing->client, NULL))
        g_main_loop_quit(pairing->loop);
    return G_SOURCE_CONTINUE;
}

static void show_code(const Client *client, const char *code)
{
    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        json_add_string(builder, "code", code);
        json_builder_end_object(builder);
        json_print(builder);
        return;
    }
    g_print("%s\n\n    rtcbusctl pair %s\n\n",
            _("On the other machine, within ten minutes, type:"), code);
}

static bool begin(Client *client, const char *code, GError **error)
{
    const char *method = code ? "PairWith" : "Pair";
    GVariantBuilder options;
    g_autoptr(GVariant) reply = NULL;

    g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
    reply = client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, method,
                        code ? g_variant_new("(sa{sv})", code, &options)
                             : g_variant_new("(a{sv})", &options),
                        code ? "()" : "(s)", ACT, error);
    if (reply && !code) {
        const char *made;

        g_variant_get(reply, "(&s)", &made);
        show_code(client, made);
    }
    return reply != NULL;
}

static int pair_and_wait(Pairing *pairing, const char *code)
{
    Client *client = pairing->client;
    g_autoptr(GError) error = NULL;
    /* One context iteration at a time may hold news of an older pairing. */
    while (g_main_context_iteration(NULL, FALSE))
        ;
    if (!begin(client, code, &error))
        return client_fail(client, &peer_service, error);
    pairing->begun = true;
    g_main_loop_run(pairing->loop);
    return pairing->status;
}

/* A code may be typed with blanks in it. */
static char *join(char **arguments)
{
    return arguments[0] ? g_strjoinv(" ", arguments) : NULL;
}

int pair_check(char **arguments)
{
    if (option_cancel && arguments[0])
        return client_usage(_("--cancel takes no code"));
    return 0;
}

int pair_run(Client *client, char **arguments)
{
    Pairing pairing = {.client = client, .status = EXIT_FAILURE};
    g_autoptr(GError) error = NULL;
    g_autofree char *code = join(arguments);
    guint interrupts[2], signal_id, name_id;

    if (option_cancel)
        return cancel(client, &error) ? EXIT_SUCCESS : client_fail(client, &peer_service, error);
    pairing.loop = g_main_loop_new(NULL, FALSE);
    interrupts[0] = g_unix_signal_add(SIGINT, on_interrupt, &pairing);
    interrupts[1] = g_unix_signal_add(SIGTERM, on_interrupt, &pairing);
    signal_id = g_dbus_connection_signal_subscribe(
        client->bus, PEER_BUS_NAME, PEER_INTERFACE, NULL, PEER_OBJECT_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_signal, &pairing, NULL);
    name_id = g_bus_watch_name_on_connection(client->bus, PEER_BUS_NAME,
                                             G_BUS_NAME_WATCHER_FLAGS_NONE, NULL, on_vanished,
                                             &pairing, NULL);
    pair_and_wait(&pairing, code);
    g_bus_unwatch_name(name_id);
    g_dbus_connection_signal_unsubscribe(client->bus, signal_id);
    g_source_remove(interrupts[0]);
    g_source_remove(interrupts[1]);
    g_main_loop_unref(pairing.loop);
    return pairing.status;
}
