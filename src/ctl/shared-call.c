/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "ctl/shared-call.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n.h>
#include <string.h>

#include "common/clock.h"
#include "common/names.h"
#include "common/stream.h"
#include "ctl/call-watch.h"
#include "ctl/calls.h"
#include "ctl/command.h"

enum { SETTLE_TIMEOUT = 10 }; /* seconds */

typedef enum {
    SHARED_CALL_WAITING, /* it is there, but not known to be connected */
    SHARED_CALL_CONNECTED,
    SHARED_CALL_SETTLING,
    SHARED_CALL_ENDED,
} SharedCallState;

struct SharedCall {
    BusClient *client;
    const SharedCallOps *ops;
    gpointer data;
    SharedCallState state;
    CallWatch *watch;
    char *path;
    bool placed;          /* by us */
    GHashTable *channels; /* paths of those that we have opened; shared with Opening */
    void (*settled)(gpointer data);
    gpointer settled_data;
    guint timer;
};

/* The one place where the state changes. */
static void shared_call_enter_state(SharedCall *call, SharedCallState state)
{
    static const char *const names[] = {"waiting", "connected", "settling", "ended"};

    g_debug("call: %s -> %s", names[call->state], names[state]);
    call->state = state;
}

/* CALL may be gone afterwards. */
static void shared_call_settled(SharedCall *call)
{
    g_clear_handle_id(&call->timer, g_source_remove);
    if (call->settled)
        g_steal_pointer (&call->settled)(call->settled_data);
}

/* ---- what the watch tells ----------------------------------------------------------- */

static void on_state(const char *state, gpointer data)
{
    SharedCall *call = data;

    if (call->state == SHARED_CALL_WAITING && g_str_equal(state, "connected")) {
        shared_call_enter_state(call, SHARED_CALL_CONNECTED);
        call->ops->connected(call->data);
    }
}

static void on_channel_gone(const char *path, gpointer data)
{
    SharedCall *call = data;

    if (g_hash_table_remove(call->channels, path) && call->state == SHARED_CALL_SETTLING &&
        g_hash_table_size(call->channels) == 0)
        shared_call_settled(call);
}

static void on_ended(const char *reason, gpointer data)
{
    SharedCall *call = data;
    bool settling = call->state == SHARED_CALL_SETTLING;
    g_autoptr(GError) error = NULL;

    shared_call_enter_state(call, SHARED_CALL_ENDED);
    if (settling) {
        shared_call_settled(call);
        return;
    }
    g_set_error(&error, STREAM_ERROR, STREAM_ERROR_ENDED, _("the call ended: %s"),
                reason ? _(reason) : _("no reason was given"));
    call->ops->ended(error, call->data);
}

static const CallWatchOps watch_ops = {
    .state = on_state,
    .channel_gone = on_channel_gone,
    .ended = on_ended,
};

/* ---- the call --------------------------------------------------------------------- */

/* Whoever calls us chooses the name that the call shows, unless we know its key. */
static bool is_with(GVariant *call, const char *peer)
{
    return strcmp(dict_string(call, "Peer"), peer) == 0 &&
           strcmp(dict_string(call, "State"), "connected") == 0 &&
           (strcmp(dict_string(call, "Direction"), "outgoing") == 0 ||
            strcmp(dict_string(call, "Trust"), "known") == 0);
}

static char *find_call(BusClient *client, const char *peer)
{
    g_autoptr(GPtrArray) calls = call_list_load(client, NULL);

    for (guint i = 0; calls && i < calls->len; i++) {
        const CallEntry *call = calls->pdata[i];

        if (is_with(call->properties, peer))
            return g_strdup(call->path);
    }
    return NULL;
}

static bool find_or_place(SharedCall *call, const char *peer, GError **error)
{
    bool existed;

    call->path = find_call(call->client, peer);
    if (call->path)
        return client_may_act(call->client, error);
    call->path = call_place(call->client, peer, NULL, &existed, error);
    call->placed = call->path && !existed;
    return call->path != NULL;
}

SharedCall *shared_call_new(BusClient *client, const char *peer, const SharedCallOps *ops,
                            gpointer data, GError **error)
{
    SharedCall *call = g_new0(SharedCall, 1);

    call->client = client;
    call->ops = ops;
    call->data = data;
    call->channels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    call->watch = call_watch_new(client, &watch_ops, call);
    if (!find_or_place(call, peer, error)) {
        shared_call_free(call);
        return NULL;
    }
    call_watch_begin(call->watch, call->path);
    return call;
}

/* Whether the call has channels besides the one that every call begins with. */
static bool is_used(const SharedCall *call)
{
    g_autofree char *prefix = g_strdup_printf("%s/channel/", call->path);
    g_autoptr(GVariant) reply = client_call(
        call->client, &peer_service, PEER_OBJECT_PATH, "org.freedesktop.DBus.ObjectManager",
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

void shared_call_free(SharedCall *call)
{
    if (!call)
        return;
    g_clear_handle_id(&call->timer, g_source_remove);
    call_watch_free(call->watch);
    if (call->placed && call->state != SHARED_CALL_ENDED && !is_used(call))
        call_hang_up(call->client, call->path);
    g_hash_table_unref(call->channels);
    g_free(call->path);
    g_free(call);
}

bool shared_call_is_connected(const SharedCall *call)
{
    return call->state == SHARED_CALL_CONNECTED;
}

static gboolean on_settle_timeout(gpointer data)
{
    SharedCall *call = data;

    call->timer = 0;
    shared_call_settled(call);
    return G_SOURCE_REMOVE;
}

void shared_call_settle(SharedCall *call, void (*done)(gpointer data), gpointer data)
{
    bool at_once =
        !call->placed || call->state == SHARED_CALL_ENDED || g_hash_table_size(call->channels) == 0;

    call->settled = done;
    call->settled_data = data;
    if (call->state != SHARED_CALL_ENDED)
        shared_call_enter_state(call, SHARED_CALL_SETTLING);
    call->timer = clock_timer_add_seconds(at_once ? 0 : SETTLE_TIMEOUT, on_settle_timeout, call);
}

/* ---- channels --------------------------------------------------------------------- */

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

static GVariant *open_parameters(const char *label, const char *protocol)
{
    GVariantBuilder options;

    g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&options, "{sv}", "protocol", g_variant_new_string(protocol));
    return g_variant_new("(sa{sv})", label, &options);
}

typedef struct {
    GHashTable *channels;
    SharedCallOpened opened;
    gpointer data;
} Opening;

static void opening_end(Opening *opening, int fd, gsize max_packet, const GError *error)
{
    opening->opened(fd, max_packet, error, opening->data);
    g_hash_table_unref(opening->channels);
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
    Opening *opening = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);
    const char *path;

    if (!reply) {
        opening_end(opening, -1, 0, error);
        return;
    }
    g_variant_get(reply, "(&o)", &path);
    g_hash_table_add(opening->channels, g_strdup(path));
    g_dbus_connection_call_with_unix_fd_list(G_DBUS_CONNECTION(bus), PEER_BUS_NAME, path,
                                             CHANNEL_INTERFACE, "Acquire",
                                             g_variant_new("(a{sv})", NULL), G_VARIANT_TYPE("(hu)"),
                                             LOOK, -1, NULL, NULL, on_acquired, opening);
}

void shared_call_open(SharedCall *call, const char *label, const char *protocol,
                      SharedCallOpened opened, gpointer data)
{
    Opening *opening = g_new0(Opening, 1);

    *opening = (Opening){g_hash_table_ref(call->channels), opened, data};
    g_dbus_connection_call(call->client->bus, PEER_BUS_NAME, call->path, CALL_INTERFACE,
                           "OpenChannel", open_parameters(label, protocol), G_VARIANT_TYPE("(o)"),
                           LOOK, -1, NULL, on_channel_opened, opening);
}
