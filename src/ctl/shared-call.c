/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "ctl/shared-call.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n.h>
#include <string.h>

#include "common/names.h"
#include "common/stream.h"
#include "ctl/calls.h"

enum { CLOSE_TIMEOUT = 10 }; /* seconds */

struct SharedCall {
    BusClient *client;
    char *call;
    char *channel; /* the one that was opened last */
    bool placed; /* by us */
    guint watches[2];
    char *ended; /* the reason; NULL while it lasts */
};

static void on_call_ended(GDBusConnection *bus, const char *sender, const char *path,
                          const char *interface, const char *signal, GVariant *parameters,
                          gpointer data)
{
    SharedCall *shared = data;
    const char *call, *reason;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oss)")))
        return;
    g_variant_get(parameters, "(&o&s&s)", &call, NULL, &reason);
    if (g_strcmp0(call, shared->call) == 0 && !shared->ended)
        shared->ended = g_strdup(reason);
}

static void on_owner_changed(GDBusConnection *bus, const char *sender, const char *path,
                             const char *interface, const char *signal, GVariant *parameters,
                             gpointer data)
{
    SharedCall *shared = data;
    const char *owner;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sss)")))
        return;
    g_variant_get(parameters, "(&s&s&s)", NULL, NULL, &owner);
    if (*owner == '\0' && shared->call && !shared->ended)
        shared->ended = g_strdup(_("rtcbus-peer has stopped"));
}

/* Whoever calls us chooses the name that the call shows, unless we know its key. */
static bool is_with(GVariant *call, const char *peer)
{
    return strcmp(dict_string(call, "Peer"), peer) == 0 &&
           strcmp(dict_string(call, "State"), "connected") == 0 &&
           (strcmp(dict_string(call, "Direction"), "outgoing") == 0 ||
            strcmp(dict_string(call, "Trust"), "known") == 0);
}

static char *find_call(BusClient *client, const char *peer, GError **error)
{
    g_autoptr(GPtrArray) calls = call_list_load(client, error);

    for (guint i = 0; calls && i < calls->len; i++) {
        const CallEntry *call = calls->pdata[i];

        if (is_with(call->properties, peer))
            return g_strdup(call->path);
    }
    return NULL;
}

static char *place_call(BusClient *client, const char *peer, GError **error)
{
    g_autoptr(GVariant) reply = client_call(
        client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, "Call",
        g_variant_new("(sa{sv})", peer, NULL), "(o)", ACT, error);
    char *path = NULL;

    if (reply)
        g_variant_get(reply, "(o)", &path);
    return path;
}

static gboolean on_tick(gpointer data)
{
    return G_SOURCE_CONTINUE;
}

/* The daemon gives up by itself after a time; then the call is gone. */
static bool wait_connected(SharedCall *shared, GCancellable *cancellable, GError **error)
{
    guint tick = g_timeout_add(20, on_tick, NULL);
    bool connected = false;

    while (!connected && !shared->ended && !g_cancellable_is_cancelled(cancellable)) {
        g_autoptr(GVariant) dict = client_properties(shared->client, &peer_service, shared->call,
                                                     CALL_INTERFACE, NULL);

        connected = dict && strcmp(dict_string(dict, "State"), "connected") == 0;
        if (!connected)
            g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(tick);
    if (!connected && !g_cancellable_set_error_if_cancelled(cancellable, error))
        g_set_error(error, STREAM_ERROR, STREAM_ERROR_ENDED, _("the call ended: %s"),
                    shared->ended);
    return connected;
}

SharedCall *shared_call_open(BusClient *client, const char *peer, GCancellable *cancellable, GError **error)
{
    g_autoptr(SharedCall) shared = g_new0(SharedCall, 1);
    g_autoptr(GError) local = NULL;

    shared->client = client;
    shared->watches[0] = g_dbus_connection_signal_subscribe(
        client->bus, PEER_BUS_NAME, PEER_INTERFACE, "CallEnded", PEER_OBJECT_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_call_ended, shared, NULL);
    shared->watches[1] = g_dbus_connection_signal_subscribe(
        client->bus, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
        "/org/freedesktop/DBus", PEER_BUS_NAME, G_DBUS_SIGNAL_FLAGS_NONE, on_owner_changed, shared,
        NULL);
    shared->call = find_call(client, peer, &local);
    if (shared->call)
        return client_may_act(client, error) ? g_steal_pointer(&shared) : NULL;
    shared->call = place_call(client, peer, error);
    shared->placed = shared->call != NULL;
    if (!shared->call || !wait_connected(shared, cancellable, error))
        return NULL;
    return g_steal_pointer(&shared);
}

/* Whether the call has channels besides the one that every call begins with. */
static bool is_used(const SharedCall *shared)
{
    g_autofree char *prefix = g_strdup_printf("%s/channel/", shared->call);
    g_autoptr(GVariant) reply = client_call(
        shared->client, &peer_service, PEER_OBJECT_PATH, "org.freedesktop.DBus.ObjectManager",
        "GetManagedObjects", NULL, "(a{oa{sa{sv}}})", LOOK, NULL);
    g_autoptr(GVariantIter) objects = NULL;
    GVariant *interfaces;
    const char *path;
    bool used = false;

    if (!reply)
        return false;
    g_variant_get(reply, "(a{oa{sa{sv}}})", &objects);
    while (g_variant_iter_next(objects, "{&o@a{sa{sv}}}", &path, &interfaces)) {
        g_autoptr(GVariant) owned = interfaces;
        g_autoptr(GVariant) dict =
            g_variant_lookup_value(owned, CHANNEL_INTERFACE, G_VARIANT_TYPE_VARDICT);

        used = used || (dict && g_str_has_prefix(path, prefix) &&
                        strcmp(dict_string(dict, "Label"), DEFAULT_CHANNEL_LABEL) != 0);
    }
    return used;
}

/* What was sent on our channel last is on its way until the channel has closed. */
static void wait_closed(SharedCall *shared)
{
    gint64 deadline = g_get_monotonic_time() + CLOSE_TIMEOUT * G_USEC_PER_SEC;
    guint tick = g_timeout_add(20, on_tick, NULL);

    while (!shared->ended && g_get_monotonic_time() < deadline) {
        g_autoptr(GVariant) dict = client_properties(shared->client, &peer_service,
                                                     shared->channel, CHANNEL_INTERFACE, NULL);

        if (!dict)
            break;
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(tick);
}

void shared_call_close(SharedCall *shared)
{
    if (!shared)
        return;
    if (shared->placed && shared->channel)
        wait_closed(shared);
    if (shared->placed && !shared->ended && !is_used(shared)) {
        g_autoptr(GVariant) reply G_GNUC_UNUSED =
            client_call(shared->client, &peer_service, shared->call, CALL_INTERFACE, "Hangup",
                        NULL, "()", LOOK, NULL);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(shared->watches); i++)
        g_dbus_connection_signal_unsubscribe(shared->client->bus, shared->watches[i]);
    g_free(shared->call);
    g_free(shared->channel);
    g_free(shared->ended);
    g_free(shared);
}

bool shared_call_is_connected(const SharedCall *shared)
{
    return !shared->ended;
}

const char *shared_call_path(const SharedCall *shared)
{
    return shared->call;
}

static int take_acquired(GVariant *reply, GUnixFDList *fds, gsize *max_packet, GError **error)
{
    gint32 handle;
    guint max;

    g_variant_get(reply, "(hu)", &handle, &max);
    *max_packet = max;
    return g_unix_fd_list_get(fds, handle, error);
}

int channel_acquire(BusClient *client, const char *path, gsize *max_packet, GError **error)
{
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_sync(
        client->bus, PEER_BUS_NAME, path, CHANNEL_INTERFACE, "Acquire",
        g_variant_new("(a{sv})", NULL), G_VARIANT_TYPE("(hu)"), LOOK, -1, NULL, &fds, NULL, error);

    return reply ? take_acquired(reply, fds, max_packet, error) : -1;
}

static GVariant *open_parameters(const char *label)
{
    GVariantBuilder options;

    g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&options, "{sv}", "protocol", g_variant_new_string(STREAM_PROTOCOL));
    return g_variant_new("(sa{sv})", label, &options);
}

int shared_call_open_stream(SharedCall *shared, const char *label, gsize *max_packet, GError **error)
{
    g_autoptr(GVariant) reply =
        client_call(shared->client, &peer_service, shared->call, CALL_INTERFACE, "OpenChannel",
                    open_parameters(label), "(o)", LOOK, error);

    if (!reply)
        return -1;
    g_clear_pointer(&shared->channel, g_free);
    g_variant_get(reply, "(o)", &shared->channel);
    return channel_acquire(shared->client, shared->channel, max_packet, error);
}

/* ---- while the main loop goes on ------------------------------------------------ */

typedef struct {
    SharedCallOpened opened;
    gpointer data;
} Opening;

static void opening_end(Opening *opening, int fd, gsize max_packet, const GError *error)
{
    opening->opened(fd, max_packet, error, opening->data);
    g_free(opening);
}

static void on_acquired(GObject *bus, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(bus), &fds, result, &error);
    gsize max_packet = 0;
    int fd = reply ? take_acquired(reply, fds, &max_packet, &error) : -1;

    opening_end(data, fd, max_packet, error);
}

static void on_channel_opened(GObject *bus, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);
    const char *path;

    if (!reply) {
        opening_end(data, -1, 0, error);
        return;
    }
    g_variant_get(reply, "(&o)", &path);
    g_dbus_connection_call_with_unix_fd_list(
        G_DBUS_CONNECTION(bus), PEER_BUS_NAME, path, CHANNEL_INTERFACE, "Acquire",
        g_variant_new("(a{sv})", NULL), G_VARIANT_TYPE("(hu)"), LOOK, -1, NULL, NULL, on_acquired,
        data);
}

void shared_call_open_stream_async(SharedCall *shared, const char *label, SharedCallOpened opened,
                                   gpointer data)
{
    Opening *opening = g_new0(Opening, 1);

    *opening = (Opening){opened, data};
    g_dbus_connection_call(shared->client->bus, PEER_BUS_NAME, shared->call, CALL_INTERFACE,
                           "OpenChannel", open_parameters(label), G_VARIANT_TYPE("(o)"), LOOK, -1,
                           NULL, on_channel_opened, opening);
}
