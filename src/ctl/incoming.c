/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "ctl/incoming.h"

#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "common/fingerprint.h"
#include "common/names.h"
#include "ctl/text.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

struct IncomingWatch {
    BusClient *client;
    char *protocol, *label;
    IncomingFound found;
    gpointer data;
    guint signal;
    bool begun;
};

static bool is_meant(const IncomingWatch *watch, GVariant *channel)
{
    return strcmp(dict_string(channel, "Direction"), "incoming") == 0 &&
           strcmp(dict_string(channel, "Protocol"), watch->protocol) == 0 &&
           (!watch->label || strcmp(dict_string(channel, "Label"), watch->label) == 0);
}

/* A call that is gone has taken its channel with it. */
static void tell(IncomingWatch *watch, const char *path)
{
    const char *end = strstr(path, "/channel/");
    g_autofree char *call = end ? g_strndup(path, (gsize) (end - path)) : NULL;
    g_autoptr(GVariant) dict =
        call ? client_properties(watch->client, &peer_service, call, CALL_INTERFACE, NULL) : NULL;
    IncomingChannel channel;

    if (!dict)
        return;
    channel = (IncomingChannel){
        .path = path,
        .name = dict_string(dict, "Peer"),
        .fingerprint = dict_string(dict, "RemoteFingerprint"),
        .known = dict_flag(dict, "Vouched"),
    };
    watch->found(&channel, watch->data);
}

static void look_at(IncomingWatch *watch, const char *path, GVariant *interfaces)
{
    g_autoptr(GVariant) dict =
        g_variant_lookup_value(interfaces, CHANNEL_INTERFACE, G_VARIANT_TYPE_VARDICT);

    if (dict && is_meant(watch, dict))
        tell(watch, path);
}

static void on_interfaces_added(GDBusConnection *bus, const char *sender, const char *object,
                                const char *interface, const char *signal, GVariant *parameters,
                                gpointer data)
{
    IncomingWatch *watch = data;
    g_autoptr(GVariant) interfaces = NULL;
    const char *path;

    if (!watch->begun || !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oa{sa{sv}})")))
        return;
    g_variant_get(parameters, "(&o@a{sa{sv}})", &path, &interfaces);
    look_at(watch, path, interfaces);
}

IncomingWatch *incoming_watch_new(BusClient *client, const char *protocol, const char *label,
                                  IncomingFound found, gpointer data)
{
    IncomingWatch *watch = g_new0(IncomingWatch, 1);

    watch->client = client;
    watch->protocol = g_strdup(protocol);
    watch->label = g_strdup(label);
    watch->found = found;
    watch->data = data;
    watch->signal = g_dbus_connection_signal_subscribe(
        client->bus, PEER_BUS_NAME, OBJECT_MANAGER, "InterfacesAdded", PEER_OBJECT_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_interfaces_added, watch, NULL);
    return watch;
}

bool incoming_watch_begin(IncomingWatch *watch, GError **error)
{
    g_autoptr(GVariant) reply =
        client_call(watch->client, &peer_service, PEER_OBJECT_PATH, OBJECT_MANAGER,
                    "GetManagedObjects", NULL, "(a{oa{sa{sv}}})", ACT, error);
    g_autoptr(GVariantIter) objects = NULL;
    GVariant *interfaces;
    const char *path;

    if (!reply || !client_may_act(watch->client, error))
        return false;
    watch->begun = true;
    g_variant_get(reply, "(a{oa{sa{sv}}})", &objects);
    while (g_variant_iter_next(objects, "{&o@a{sa{sv}}}", &path, &interfaces)) {
        g_autoptr(GVariant) owned = interfaces;

        look_at(watch, path, owned);
    }
    return true;
}

void incoming_watch_free(IncomingWatch *watch)
{
    if (!watch)
        return;
    g_dbus_connection_signal_unsubscribe(watch->client->bus, watch->signal);
    g_free(watch->protocol);
    g_free(watch->label);
    g_free(watch);
}

/* ---- who may ------------------------------------------------------------------------ */

IncomingVerdict incoming_judge(const IncomingChannel *channel, const char *from, bool anyone)
{
    if (from && strcmp(channel->name, from) != 0)
        return INCOMING_OTHER;
    return channel->known || anyone ? INCOMING_WELCOME : INCOMING_UNKNOWN;
}

char *incoming_explain_unknown(const IncomingChannel *channel)
{
    g_autofree char *name = text_safe(channel->name);
    g_autofree char *word = fingerprint_word(channel->fingerprint);

    return g_strdup_printf(_("%s, whose key is %s, is not known here; \"rtcbusctl pair\" on both "
                             "machines makes it known, and with --anyone it need not be"),
                           name, word);
}

/* A name as a shell takes it */
static char *quoted(const char *name)
{
    const char *plain = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-";

    return *name && *name != '-' && strspn(name, plain) == strlen(name) ? g_strdup(name)
                                                                        : g_shell_quote(name);
}

void incoming_hint(BusClient *client, const char *command, bool with_name, const char *more)
{
    g_autoptr(GVariant) dict = NULL;
    g_autofree char *name = NULL;

    if (client->json || !isatty(STDERR_FILENO))
        return;
    dict = client_properties(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, NULL);
    if (!dict)
        return;
    name = with_name ? quoted(dict_string(dict, "Name")) : NULL;
    g_printerr("%s\n\n    rtcbusctl %s%s%s%s%s\n\n", _("Waiting. On the other machine, run:"),
               command, name ? " " : "", name ? name : "", more ? " " : "", more ? more : "");
}
