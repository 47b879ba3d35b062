/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "pair": shows a code and waits until it has been typed on the other machine,
 * or types it here. On a terminal the other side's name is shown, and the user
 * asked, before anything is remembered; a script says it all by options, and a
 * name that is known stays as it is. Interrupting it takes the code back.
 */

#include <config.h>

#include "common/names.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fingerprint.h"
#include "ctl/command.h"
#include "ctl/text.h"

typedef struct {
    BusClient *client;
    GMainLoop *loop;
    bool begun;      /* what is heard from now on is ours */
    bool known;      /* the question is about a name that is known with another key */
    guint answer_id; /* while somebody is asked */
    int status;
} Pairing;

static gboolean option_cancel, option_replace, option_yes;
static char *option_as;

const GOptionEntry pair_options[] = {
    {"cancel", 0, 0, G_OPTION_ARG_NONE, &option_cancel,
     N_("Take back the code that is shown elsewhere"), NULL},
    {"as", 'a', 0, G_OPTION_ARG_STRING, &option_as,
     N_("Remember the other peer by this name, whatever it calls itself"), N_("NAME")},
    {"replace", 'r', 0, G_OPTION_ARG_NONE, &option_replace,
     N_("Put its key in the place of another one that is known for the name"), NULL},
    {"yes", 'y', 0, G_OPTION_ARG_NONE, &option_yes, N_("Ask nothing, also on a terminal"), NULL},
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
        client_complain("%s", message);
    g_main_loop_quit(pairing->loop);
}

static void on_failed(GVariant *parameters)
{
    const char *message;
    g_autofree char *left = NULL;
    guint tries;

    g_variant_get(parameters, "(&su)", &message, &tries);
    left = g_strdup_printf(ngettext("%u try is left", "%u tries are left", tries), tries);
    client_complain("%s; %s", message, left);
}

static bool cancel(BusClient *client, GError **error)
{
    g_autoptr(GVariant) reply = client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE,
                                            "CancelPairing", NULL, "()", LOOK, error);

    return reply != NULL;
}

/* ---- the question ----------------------------------------------------------- */

/* Who has given a name has decided already. */
static bool pairing_asks(const BusClient *client)
{
    return !client->json && !option_yes && !option_as && isatty(STDIN_FILENO) &&
           isatty(STDOUT_FILENO);
}

static void add_wish(GVariantBuilder *options, const char *name, bool replace)
{
    if (name)
        g_variant_builder_add(options, "{sv}", "as", g_variant_new_string(name));
    if (replace)
        g_variant_builder_add(options, "{sv}", "replace", g_variant_new_boolean(TRUE));
}

static bool confirm(BusClient *client, const char *name, bool replace, GError **error)
{
    g_autoptr(GVariant) reply = NULL;
    GVariantBuilder options;

    g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
    add_wish(&options, name, replace);
    reply = client_call(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "ConfirmPairing",
                        g_variant_new("(a{sv})", &options), "()", LOOK, error);
    return reply != NULL;
}

static void print_prompt(const Pairing *pairing)
{
    g_print("%s ", pairing->known
                       ? _("\"replace\" if it has a new key, another name for this one, or "
                           "nothing to end the pairing:")
                       : _("Remember it by this name? [Y/n, or another name]"));
}

static bool is_word(const char *answer, const char *word)
{
    return g_ascii_strcasecmp(answer, word) == 0;
}

/* ANSWER is without blanks at its ends. */
static void take_answer(Pairing *pairing, const char *answer)
{
    bool plain = is_word(answer, "y") || is_word(answer, "yes");
    bool replace = pairing->known && is_word(answer, "replace");
    bool no = is_word(answer, "n") || is_word(answer, "no") || (pairing->known && !*answer);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    if (no || (plain && pairing->known)) {
        cancel(pairing->client, NULL); /* PairingEnded ends us */
        return;
    }
    if (confirm(pairing->client, plain || replace || !*answer ? NULL : answer, replace, &error))
        return;
    text = client_explain(pairing->client, &peer_service, error);
    g_printerr("rtcbusctl: %s\n", text);
    print_prompt(pairing);
}

/* A terminal gives a line at a time. */
static gboolean on_answer(int fd, GIOCondition condition, gpointer data)
{
    Pairing *pairing = data;
    char line[512];
    ssize_t length = read(fd, line, sizeof line - 1);

    if (length <= 0) {
        pairing->answer_id = 0;
        cancel(pairing->client, NULL);
        return G_SOURCE_REMOVE;
    }
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    take_answer(pairing, g_strstrip(line));
    return G_SOURCE_CONTINUE;
}

static void on_proven(Pairing *pairing, GVariant *parameters)
{
    const char *name, *fingerprint, *known;
    g_autofree char *shown = NULL, *word = NULL, *other = NULL;

    g_variant_get(parameters, "(&s&s&s)", &name, &fingerprint, &known);
    shown = text_safe(name);
    word = fingerprint_word(fingerprint);
    other = fingerprint_word(known);
    pairing->known = *known && !option_replace;
    g_print(_("The other side calls itself %s, and its key is %s"), shown, word);
    g_print("\n");
    if (*known) {
        g_print(_("%s is known already, with the key %s"), shown, other);
        g_print("\n");
    }
    print_prompt(pairing);
    if (pairing->answer_id == 0)
        pairing->answer_id = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_answer, pairing);
}

/* ---- what is heard ---------------------------------------------------------- */

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
    else if (g_str_equal(signal, "PairingProven") &&
             g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sss)")))
        on_proven(pairing, parameters);
}

static void on_vanished(GDBusConnection *bus, const char *name, gpointer data)
{
    Pairing *pairing = data;

    if (!pairing->begun)
        return;
    client_complain(_("rtcbus-peer stopped"));
    g_main_loop_quit(pairing->loop);
}

static gboolean on_interrupt(gpointer data)
{
    Pairing *pairing = data;

    if (!pairing->begun || !cancel(pairing->client, NULL))
        g_main_loop_quit(pairing->loop);
    return G_SOURCE_CONTINUE;
}

static void show_code(const BusClient *client, const char *code)
{
    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        json_add_string(builder, "code", code);
        json_builder_end_object(builder);
        json_print(builder);
        return;
    }
    g_print("%s\n\n    rtcbusctl pair %s\n\n", _("On the other machine, within ten minutes, type:"),
            code);
}

static bool begin(BusClient *client, const char *code, GError **error)
{
    const char *method = code ? "PairWith" : "Pair";
    GVariantBuilder options;
    g_autoptr(GVariant) reply = NULL;

    g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
    add_wish(&options, option_as, option_replace);
    if (pairing_asks(client))
        g_variant_builder_add(&options, "{sv}", "confirm", g_variant_new_boolean(TRUE));
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
    BusClient *client = pairing->client;
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
    if (option_as && !*option_as)
        return client_usage(_("--as must be a name"));
    return 0;
}

int pair_run(BusClient *client, char **arguments)
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
    signal_id = g_dbus_connection_signal_subscribe(client->bus, PEER_BUS_NAME, PEER_INTERFACE, NULL,
                                                   PEER_OBJECT_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
                                                   on_signal, &pairing, NULL);
    name_id =
        g_bus_watch_name_on_connection(client->bus, PEER_BUS_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                       NULL, on_vanished, &pairing, NULL);
    pair_and_wait(&pairing, code);
    g_clear_handle_id(&pairing.answer_id, g_source_remove);
    g_bus_unwatch_name(name_id);
    g_dbus_connection_signal_unsubscribe(client->bus, signal_id);
    g_source_remove(interrupts[0]);
    g_source_remove(interrupts[1]);
    g_main_loop_unref(pairing.loop);
    return pairing.status;
}
