/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * States are properties that are set, so that changes are announced. Counters
 * change with each packet: they are looked up when somebody reads them.
 */

#include <config.h>

#include "peer/bus/bus-call.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/printable.h"
#include "peer/bus/bus-values.h"
#include "peer/call/call-capture.h"
#include "peer/error.h"
#include "peer/readings/feed-frame.h"

struct _BusCall {
    RtcbusPeer1CallSkeleton parent;
    Call *call;
    guint settle_timer;
    guint owner_watch;
    char *owner;          /* the program that a stepwise call belongs to, on the bus; or NULL */
    ProgramDebt *program; /* of the owner */
};

G_DEFINE_TYPE(BusCall, bus_call, RTCBUS_TYPE_PEER1_CALL_SKELETON)

enum { PROP_ROUND_TRIP_TIME = 1, PROP_BYTES_SENT, PROP_BYTES_RECEIVED, PROP_PATH_STATISTICS };

/* Some time after it is connected ICE may settle on a better pair. */
enum { SETTLE_TIME = 1000 };

/* GObject wants one, as the generated properties are writable inside. */
static void bus_call_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static GVariant *path_statistics(const ConnectionStats *stats)
{
    const struct {
        const char *name;
        guint64 value;
    } numbers[] = {
        {"packets-sent", stats->packets_sent},
        {"packets-received", stats->packets_received},
        {"requests-sent", stats->checks.requests_sent},
        {"responses-received", stats->checks.responses_received},
        {"requests-received", stats->checks.requests_received},
        {"responses-sent", stats->checks.responses_sent},
        {"round-trip-time", stats->checks.round_trip_usec},
        {"total-round-trip-time", stats->checks.total_round_trip_usec},
    };
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{st}"));

    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        g_variant_builder_add(&builder, "{st}", numbers[i].name, numbers[i].value);
    return g_variant_builder_end(&builder);
}

static void bus_call_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    BusCall *self = BUS_CALL(object);
    g_auto(ConnectionStats) stats = {};

    call_get_stats(self->call, &stats);
    switch (id) {
    case PROP_ROUND_TRIP_TIME:
        g_value_set_uint64(value, stats.round_trip_usec);
        break;
    case PROP_BYTES_SENT:
        g_value_set_uint64(value, stats.bytes_sent);
        break;
    case PROP_BYTES_RECEIVED:
        g_value_set_uint64(value, stats.bytes_received);
        break;
    case PROP_PATH_STATISTICS:
        g_value_take_variant(value, g_variant_ref_sink(path_statistics(&stats)));
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void set_text(void (*set)(RtcbusPeer1Call *, const char *), RtcbusPeer1Call *object,
                     const char *text)
{
    g_autofree char *shown = text ? printable(text) : NULL;

    set(object, shown ? shown : "");
}

static void set_certificate(void (*set)(RtcbusPeer1Call *, GVariant *), RtcbusPeer1Call *object,
                            GBytes *certificate)
{
    g_autoptr(GBytes) bytes = certificate ? g_bytes_ref(certificate) : g_bytes_new(NULL, 0);

    /* As trusted as what was there: else GLib compares both as text. */
    set(object, g_variant_new_from_bytes(G_VARIANT_TYPE_BYTESTRING, bytes, TRUE));
}

static void bus_call_update_stats(BusCall *self)
{
    RtcbusPeer1Call *object = RTCBUS_PEER1_CALL(self);
    g_auto(ConnectionStats) stats = {};

    /* The last ones stay when the connection has gone. */
    if (call_state(self->call) == CALL_CLOSED)
        return;
    call_get_stats(self->call, &stats);
    set_text(rtcbus_peer1_call_set_local_candidate, object, stats.local_candidate);
    set_text(rtcbus_peer1_call_set_remote_candidate, object, stats.remote_candidate);
    set_text(rtcbus_peer1_call_set_remote_fingerprint, object, stats.remote_fingerprint);
    rtcbus_peer1_call_set_cipher(object, stats.cipher ? stats.cipher : "");
    set_certificate(rtcbus_peer1_call_set_remote_certificate, object, stats.remote_certificate);
    set_certificate(rtcbus_peer1_call_set_local_certificate, object, stats.local_certificate);
}

/* Announced at once, so that it is never behind a channel that has just come. */
void bus_call_update_trust(BusCall *self)
{
    RtcbusPeer1Call *object = RTCBUS_PEER1_CALL(self);
    const char *trust = trust_level_to_string(call_trust(self->call));
    gboolean vouched = call_is_vouched(self->call);

    if (g_strcmp0(rtcbus_peer1_call_get_trust(object), trust) == 0 &&
        rtcbus_peer1_call_get_vouched(object) == vouched)
        return;
    rtcbus_peer1_call_set_trust(object, trust);
    rtcbus_peer1_call_set_vouched(object, vouched);
    g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(self));
}

static gboolean on_settled(gpointer data)
{
    BusCall *self = data;

    self->settle_timer = 0;
    bus_call_update_stats(self);
    return G_SOURCE_REMOVE;
}

const char *bus_call_owner(const BusCall *self)
{
    return self->owner;
}

ProgramDebt *bus_call_program(const BusCall *self)
{
    return self->program;
}

void bus_call_update(BusCall *self)
{
    RtcbusPeer1Call *object = RTCBUS_PEER1_CALL(self);

    set_text(rtcbus_peer1_call_set_peer, object, call_peer(self->call));
    set_text(rtcbus_peer1_call_set_reason, object, call_reason(self->call));
    rtcbus_peer1_call_set_state(object, call_state_to_string(call_state(self->call)));
    rtcbus_peer1_call_set_connected_at(object, call_connected_at(self->call));
    rtcbus_peer1_call_set_path_failed(object, call_has_no_path(self->call));
    rtcbus_peer1_call_set_reconnecting_since(object, call_reconnecting_since(self->call));
    rtcbus_peer1_call_set_setup_time(object, call_setup_time(self->call));
    bus_call_update_trust(self);
    bus_call_update_stats(self);
    if (call_state(self->call) == CALL_CONNECTED && self->settle_timer == 0)
        self->settle_timer = clock_timer_add(SETTLE_TIME, on_settled, self);
    if (self->owner) /* what a program waits for */
        g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(self));
}

static gboolean on_hangup(RtcbusPeer1Call *object, GDBusMethodInvocation *invocation, gpointer data)
{
    BusCall *self = BUS_CALL(object);

    call_hang_up_when_sent(self->call, CALL_REASON_HANGUP);
    rtcbus_peer1_call_complete_hangup(object, invocation);
    return TRUE;
}

static CallChannel *open_channel(Call *call, const char *label, GVariant *dict, GError **error)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    g_autofree char *protocol = NULL, *priority = NULL;
    guint retransmits = 0, lifetime = 0, id = 0;
    bool has_retransmits = false, has_lifetime = false, has_id = false;
    const BusOption table[] = {
        {"protocol", "s", &protocol, NULL},
        {"ordered", "b", &options.ordered, NULL},
        {"max-retransmits", "u", &retransmits, &has_retransmits},
        {"max-packet-lifetime", "u", &lifetime, &has_lifetime},
        {"priority", "s", &priority, NULL},
        {"negotiated", "b", &options.negotiated, NULL},
        {"id", "q", &id, &has_id},
        {},
    };
    const char *problem = NULL;

    if (!bus_options_read(dict, table, error))
        return NULL;
    if (has_retransmits && has_lifetime)
        problem = _("\"max-retransmits\" and \"max-packet-lifetime\" exclude each other");
    else if (retransmits > G_MAXUINT16 || lifetime > G_MAXUINT16)
        problem = _("\"max-retransmits\" and \"max-packet-lifetime\" are at most 65535");
    else if (options.negotiated && !has_id)
        problem = _("\"negotiated\" needs an \"id\"");
    else if (priority && !bus_priority_parse(priority, &options.priority))
        problem = _("\"priority\" is very-low, low, medium or high");
    else if (g_strcmp0(protocol, FEED_PROTOCOL) == 0)
        problem = _("channels with this protocol are rtcbus's own");
    if (problem) {
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT, problem);
        return NULL;
    }
    options.protocol = protocol;
    if (has_retransmits)
        options.max_retransmits = retransmits;
    if (has_lifetime)
        options.max_packet_lifetime = lifetime;
    if (has_id)
        options.id = id;
    return call_open_channel(call, label, &options, error);
}

static gboolean on_open_channel(RtcbusPeer1Call *object, GDBusMethodInvocation *invocation,
                                const char *label, GVariant *dict, gpointer data)
{
    BusCall *self = BUS_CALL(object);
    g_autoptr(GError) error = NULL;
    CallChannel *channel = open_channel(self->call, label, dict, &error);
    g_autofree char *path = NULL;

    if (!channel) {
        bus_return_error(invocation, error);
        return TRUE;
    }
    path = bus_channel_path(call_number(self->call), call_channel_number(channel));
    rtcbus_peer1_call_complete_open_channel(object, invocation, path);
    return TRUE;
}

/* ---- signaling by a program ------------------------------------------------- */

void bus_call_frame(BusCall *self, const Frame *frame)
{
    RtcbusPeer1Call *object = RTCBUS_PEER1_CALL(self);

    if (self->owner && frame->type == FRAME_CANDIDATE)
        bus_tell(G_DBUS_INTERFACE_SKELETON(self), self->owner, "LocalCandidate",
                 g_variant_new("(ss)", frame->candidate ? frame->candidate : "",
                               frame->mid ? frame->mid : ""));
    else if (frame->type == FRAME_CANDIDATE)
        rtcbus_peer1_call_emit_local_candidate(object, frame->candidate ? frame->candidate : "",
                                               frame->mid ? frame->mid : "");
    else
        rtcbus_peer1_call_emit_local_description(object, frame_type_to_string(frame->type),
                                                 frame->sdp);
}

/* The relay's calls have frames of their own, and a second hand in them would only confuse both. */
static bool is_carried(const BusCall *self, GError **error)
{
    if (call_is_carried(self->call))
        return true;
    g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                _("call %u goes over the relay; CreateCall makes one that does not"),
                call_number(self->call));
    return false;
}

static gboolean on_create_offer(RtcbusPeer1Call *object, GDBusMethodInvocation *invocation,
                                gpointer data)
{
    BusCall *self = BUS_CALL(object);
    g_autoptr(GError) error = NULL;

    if (is_carried(self, &error) && call_create_offer(self->call, &error))
        rtcbus_peer1_call_complete_create_offer(object, invocation);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

static gboolean on_set_remote_description(RtcbusPeer1Call *object,
                                          GDBusMethodInvocation *invocation, const char *type,
                                          const char *sdp, gpointer data)
{
    BusCall *self = BUS_CALL(object);
    g_autoptr(GError) error = NULL;

    if (is_carried(self, &error) && call_set_description(self->call, type, sdp, &error))
        rtcbus_peer1_call_complete_set_remote_description(object, invocation);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

static gboolean on_add_candidate(RtcbusPeer1Call *object, GDBusMethodInvocation *invocation,
                                 const char *candidate, const char *mid, gpointer data)
{
    BusCall *self = BUS_CALL(object);
    g_autoptr(GError) error = NULL;

    if (is_carried(self, &error) &&
        call_add_candidate(self->call, candidate, *mid ? mid : NULL, &error))
        rtcbus_peer1_call_complete_add_candidate(object, invocation);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

/* ---- step by step --------------------------------------------------------- */

static gboolean on_create_description(RtcbusPeer1Call *object, GDBusMethodInvocation *invocation,
                                      const char *type, GVariant *dict, gpointer data)
{
    BusCall *self = BUS_CALL(object);
    g_autoptr(GError) error = NULL;
    g_autofree char *sdp = NULL;
    bool restart = false;
    const BusOption table[] = {{"ice-restart", "b", &restart, NULL}, {}};

    if (bus_options_read(dict, table, &error))
        sdp = call_make_description(self->call, type, restart, &error);
    if (sdp)
        rtcbus_peer1_call_complete_create_description(object, invocation, sdp);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

static gboolean on_set_local_description(RtcbusPeer1Call *object, GDBusMethodInvocation *invocation,
                                         const char *type, gpointer data)
{
    BusCall *self = BUS_CALL(object);
    g_autoptr(GError) error = NULL;

    if (call_set_own_description(self->call, type, &error))
        rtcbus_peer1_call_complete_set_local_description(object, invocation);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

static bool configure(Call *call, GVariant *dict, GError **error)
{
    g_auto(GStrv) servers = NULL;
    bool relay_only = false;
    const BusOption table[] = {
        {"ice-servers", "as", &servers, NULL},
        {"relay-only", "b", &relay_only, NULL},
        {},
    };

    if (!bus_options_read(dict, table, error) || !bus_check_servers(servers, error))
        return false;
    if (call_is_stepwise(call)) {
        call_reconfigure(call, (const char *const *) servers, relay_only);
        return true;
    }
    g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                _("call %u was not created with the option \"stepwise\""), call_number(call));
    return false;
}

static gboolean on_configure(RtcbusPeer1Call *object, GDBusMethodInvocation *invocation,
                             GVariant *dict, gpointer data)
{
    g_autoptr(GError) error = NULL;

    if (configure(BUS_CALL(object)->call, dict, &error))
        rtcbus_peer1_call_complete_configure(object, invocation);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

/* ---- its packets ------------------------------------------------------------ */

typedef struct {
    BusCall *self;
    GDBusMethodInvocation *invocation;
} Capture;

static bool capture(Call *call, guint32 user, int *fd, GError **error)
{
    if (user == 0 || user == getuid())
        return call_capture(call, fd, error);
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_DENIED,
                        _("what a call carries is for root to see: use sudo"));
    return false;
}

/* The group may use calls; what is in those of others is not for it to see. */
static void on_user_known(GObject *bus, GAsyncResult *result, gpointer data)
{
    g_autofree Capture *asked = data;
    g_autoptr(BusCall) self = asked->self;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);
    g_autoptr(GUnixFDList) list = NULL;
    guint32 user = G_MAXUINT32;
    int fd;

    if (reply)
        g_variant_get(reply, "(u)", &user);
    if (!reply || !capture(self->call, user, &fd, &error)) {
        bus_return_error(asked->invocation, error);
        return;
    }
    list = g_unix_fd_list_new_from_array(&fd, 1);
    rtcbus_peer1_call_complete_capture(RTCBUS_PEER1_CALL(self), asked->invocation, list,
                                       g_variant_new_handle(0));
}

static gboolean on_capture(RtcbusPeer1Call *object, GDBusMethodInvocation *invocation,
                           GUnixFDList *unused, GVariant *dict, gpointer data)
{
    const BusOption table[] = {{}};
    g_autoptr(GError) error = NULL;
    Capture *asked;

    if (!bus_options_read(dict, table, &error)) {
        bus_return_error(invocation, error);
        return TRUE;
    }
    asked = g_new(Capture, 1);
    *asked = (Capture){g_object_ref(BUS_CALL(object)), invocation};
    g_dbus_connection_call(
        g_dbus_method_invocation_get_connection(invocation), "org.freedesktop.DBus",
        "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser",
        g_variant_new("(s)", g_dbus_method_invocation_get_sender(invocation)),
        G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_user_known, asked);
    return TRUE;
}

static void on_owner_gone(GDBusConnection *connection, const char *name, gpointer data)
{
    BusCall *self = data;

    if (call_is_stepwise(self->call))
        call_hang_up_when_sent(self->call, CALL_REASON_OWNER_GONE);
    else
        call_note_program_gone(self->call);
}

static void on_server_failed(const char *url, guint code, const char *words, gpointer data)
{
    BusCall *self = data;

    bus_tell(G_DBUS_INTERFACE_SKELETON(self), self->owner, "IceServerFailed",
             g_variant_new("(sus)", url, code, words));
}

void bus_call_follow(BusCall *self, GDBusConnection *connection, ProgramDebts *debts)
{
    const char *program = call_program(self->call);

    self->owner_watch = g_bus_watch_name_on_connection(
        connection, program, G_BUS_NAME_WATCHER_FLAGS_NONE, NULL, on_owner_gone, self, NULL);
    if (!call_is_stepwise(self->call))
        return;
    self->owner = g_strdup(program);
    self->program = program_debts_find(debts, program);
    call_watch_servers(self->call, on_server_failed, self);
}

/* ---- the object ----------------------------------------------------------- */

BusCall *bus_call_new(Call *call)
{
    BusCall *self = g_object_new(BUS_TYPE_CALL, NULL);

    self->call = call_ref(call);
    rtcbus_peer1_call_set_trust(RTCBUS_PEER1_CALL(self), "unknown");
    rtcbus_peer1_call_set_direction(
        RTCBUS_PEER1_CALL(self), call_direction(call) == CALL_OUTGOING ? "outgoing" : "incoming");
    g_signal_connect(self, "handle-hangup", G_CALLBACK(on_hangup), NULL);
    g_signal_connect(self, "handle-open-channel", G_CALLBACK(on_open_channel), NULL);
    g_signal_connect(self, "handle-create-offer", G_CALLBACK(on_create_offer), NULL);
    g_signal_connect(self, "handle-set-remote-description", G_CALLBACK(on_set_remote_description),
                     NULL);
    g_signal_connect(self, "handle-add-candidate", G_CALLBACK(on_add_candidate), NULL);
    g_signal_connect(self, "handle-create-description", G_CALLBACK(on_create_description), NULL);
    g_signal_connect(self, "handle-set-local-description", G_CALLBACK(on_set_local_description),
                     NULL);
    g_signal_connect(self, "handle-capture", G_CALLBACK(on_capture), NULL);
    g_signal_connect(self, "handle-configure", G_CALLBACK(on_configure), NULL);
    bus_call_update(self);
    return self;
}

static void bus_call_finalize(GObject *object)
{
    BusCall *self = BUS_CALL(object);

    g_clear_handle_id(&self->settle_timer, g_source_remove);
    g_clear_handle_id(&self->owner_watch, g_bus_unwatch_name);
    g_clear_pointer(&self->program, program_debt_unref);
    g_free(self->owner);
    call_unref(self->call);
    G_OBJECT_CLASS(bus_call_parent_class)->finalize(object);
}

static void bus_call_class_init(BusCallClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);

    object_class->finalize = bus_call_finalize;
    object_class->get_property = bus_call_get_property;
    object_class->set_property = bus_call_set_property;
    g_object_class_override_property(object_class, PROP_ROUND_TRIP_TIME, "round-trip-time");
    g_object_class_override_property(object_class, PROP_BYTES_SENT, "bytes-sent");
    g_object_class_override_property(object_class, PROP_BYTES_RECEIVED, "bytes-received");
    g_object_class_override_property(object_class, PROP_PATH_STATISTICS, "path-statistics");
}

static void bus_call_init(BusCall *self)
{
}
