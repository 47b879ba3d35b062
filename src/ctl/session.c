/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "ctl/session.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n.h>
#include <string.h>

#include "common/names.h"
#include "common/stream.h"
#include "ctl/calls.h"

enum { CLOSE_TIMEOUT = 10 }; /* seconds */

struct Session {
    Client *client;
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
    Session *session = data;
    const char *call, *reason;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oss)")))
        return;
    g_variant_get(parameters, "(&o&s&s)", &call, NULL, &reason);
    if (g_strcmp0(call, session->call) == 0 && !session->ended)
        session->ended = g_strdup(reason);
}

static void on_owner_changed(GDBusConnection *bus, const char *sender, const char *path,
                             const char *interface, const char *signal, GVariant *parameters,
                             gpointer data)
{
    Session *session = data;
    const char *owner;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sss)")))
        return;
    g_variant_get(parameters, "(&s&s&s)", NULL, NULL, &owner);
    if (*owner == '\0' && session->call && !session->ended)
        session->ended = g_strdup(_("rtcbus-peer has stopped"));
}

static char *find_call(Client *client, const char *peer, GError **error)
{
    g_autoptr(GPtrArray) calls = call_list_load(client, error);

    for (guint i = 0; calls && i < calls->len; i++) {
        const CallEntry *call = calls->pdata[i];

        if (strcmp(dict_string(call->properties, "Peer"), peer) == 0 &&
            strcmp(dict_string(call->properties, "State"), "connected") == 0)
            return g_strdup(call->path);
    }
    return NULL;
}

static char *place_call(Client *client, const char *peer, GError **error)
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
static bool wait_connected(Session *session, GCancellable *cancellable, GError **error)
{
    guint tick = g_timeout_add(20, on_tick, NULL);
    bool connected = false;

    while (!connected && !session->ended && !g_cancellable_is_cancelled(cancellable)) {
        g_autoptr(GVariant) dict = client_properties(session->client, &peer_service, session->call,
                                                     CALL_INTERFACE, NULL);

        connected = dict && strcmp(dict_string(dict, "State"), "connected") == 0;
        if (!connected)
            g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(tick);
    if (!connected && !g_cancellable_set_error_if_cancelled(cancellable, error))
        g_set_error(error, STREAM_ERROR, STREAM_ERROR_ENDED, _("the call ended: %s"),
                    session->ended);
    return connected;
}

Session *session_open(Client *client, const char *peer, GCancellable *cancellable, GError **error)
{
    g_autoptr(Session) session = g_new0(Session, 1);
    g_autoptr(GError) local = NULL;

    session->client = client;
    session->watches[0] = g_dbus_connection_signal_subscribe(
        client->bus, PEER_BUS_NAME, PEER_INTERFACE, "CallEnded", PEER_OBJECT_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_call_ended, session, NULL);
    session->watches[1] = g_dbus_connection_signal_subscribe(
        client->bus, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
        "/org/freedesktop/DBus", PEER_BUS_NAME, G_DBUS_SIGNAL_FLAGS_NONE, on_owner_changed, session,
        NULL);
    session->call = find_call(client, peer, &local);
    if (session->call)
        return client_may_act(client, error) ? g_steal_pointer(&session) : NULL;
    session->call = place_call(client, peer, error);
    session->placed = session->call != NULL;
    if (!session->call || !wait_connected(session, cancellable, error))
        return NULL;
    return g_steal_pointer(&session);
}

/* Whether the call has channels besides the one that every call begins with. */
static bool is_used(const Session *session)
{
    g_autofree char *prefix = g_strdup_printf("%s/channel/", session->call);
    g_autoptr(GVariant) reply = client_call(
        session->client, &peer_service, PEER_OBJECT_PATH, "org.freedesktop.DBus.ObjectManager",
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
static void wait_closed(Session *session)
{
    gint64 deadline = g_get_monotonic_time() + CLOSE_TIMEOUT * G_USEC_PER_SEC;
    guint tick = g_timeout_add(20, on_tick, NULL);

    while (!session->ended && g_get_monotonic_time() < deadline) {
        g_autoptr(GVariant) dict = client_properties(session->client, &peer_service,
                                                     session->channel, CHANNEL_INTERFACE, NULL);

        if (!dict)
            break;
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(tick);
}

void session_close(Session *session)
{
    if (!session)
        return;
    if (session->placed && session->channel)
        wait_closed(session);
    if (session->placed && !session->ended && !is_used(session)) {
        g_autoptr(GVariant) reply G_GNUC_UNUSED =
            client_call(session->client, &peer_service, session->call, CALL_INTERFACE, "Hangup",
                        NULL, "()", LOOK, NULL);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(session->watches); i++)
        g_dbus_connection_signal_unsubscribe(session->client->bus, session->watches[i]);
    g_free(session->call);
    g_free(session->channel);
    g_free(session->ended);
    g_free(session);
}

bool session_is_connected(const Session *session)
{
    return !session->ended;
}

const char *session_call(const Session *session)
{
    return session->call;
}

static int take_acquired(GVariant *reply, GUnixFDList *fds, gsize *max_packet, GError **error)
{
    gint32 handle;
    guint max;

    g_variant_get(reply, "(hu)", &handle, &max);
    *max_packet = max;
    return g_unix_fd_list_get(fds, handle, error);
}

int channel_acquire(Client *client, const char *path, gsize *max_packet, GError **error)
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

int session_open_stream(Session *session, const char *label, gsize *max_packet, GError **error)
{
    g_autoptr(GVariant) reply =
        client_call(session->client, &peer_service, session->call, CALL_INTERFACE, "OpenChannel",
                    open_parameters(label), "(o)", LOOK, error);

    if (!reply)
        return -1;
    g_clear_pointer(&session->channel, g_free);
    g_variant_get(reply, "(o)", &session->channel);
    return channel_acquire(session->client, session->channel, max_packet, error);
}

/* ---- while the main loop goes on ------------------------------------------------ */

typedef struct {
    SessionOpened opened;
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

void session_open_stream_async(Session *session, const char *label, SessionOpened opened,
                               gpointer data)
{
    Opening *opening = g_new0(Opening, 1);

    *opening = (Opening){opened, data};
    g_dbus_connection_call(session->client->bus, PEER_BUS_NAME, session->call, CALL_INTERFACE,
                           "OpenChannel", open_parameters(label), G_VARIANT_TYPE("(o)"), LOOK, -1,
                           NULL, on_channel_opened, opening);
}
