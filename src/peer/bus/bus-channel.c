/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Counters are looked up when they are read, as in bus-call.c. */

#include <config.h>

#include "peer/bus/bus-channel.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n.h>
#include <string.h>

#include "common/printable.h"
#include "peer/bus/bus-values.h"
#include "peer/error.h"

struct _BusChannel {
    RtcbusPeer1ChannelSkeleton parent;
    CallChannel *channel; /* NULL once it is closed */
    char *owner;          /* as that of its call */
    ChannelDebt debt;     /* of the owner */
};

G_DEFINE_TYPE(BusChannel, bus_channel, RTCBUS_TYPE_PEER1_CHANNEL_SKELETON)

enum {
    PROP_BUFFERED_AMOUNT = 1,
    PROP_MESSAGES_SENT,
    PROP_MESSAGES_RECEIVED,
    PROP_BYTES_SENT,
    PROP_BYTES_RECEIVED,
};

enum { ID_UNKNOWN = 65535 };

#define KIND_TEXT "text"
#define KIND_BINARY "binary"

static Channel *bus_channel_rtc(const BusChannel *self)
{
    return self->channel ? call_channel_rtc(self->channel) : NULL;
}

/* GObject wants one, as the generated properties are writable inside. */
static void bus_channel_set_property(GObject *object, guint id, const GValue *value,
                                     GParamSpec *pspec)
{
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void bus_channel_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    static const ChannelStats none = {};
    Channel *rtc = bus_channel_rtc(BUS_CHANNEL(object));
    const ChannelStats *stats = rtc ? channel_stats(rtc) : &none;

    switch (id) {
    case PROP_BUFFERED_AMOUNT:
        g_value_set_uint64(value, rtc ? channel_buffered_amount(rtc) : 0);
        break;
    case PROP_MESSAGES_SENT:
        g_value_set_uint64(value, stats->messages_sent);
        break;
    case PROP_MESSAGES_RECEIVED:
        g_value_set_uint64(value, stats->messages_received);
        break;
    case PROP_BYTES_SENT:
        g_value_set_uint64(value, stats->bytes_sent);
        break;
    case PROP_BYTES_RECEIVED:
        g_value_set_uint64(value, stats->bytes_received);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

void bus_channel_update(BusChannel *self)
{
    RtcbusPeer1Channel *object = RTCBUS_PEER1_CHANNEL(self);
    Channel *rtc = bus_channel_rtc(self);

    rtcbus_peer1_channel_set_state(
        object, channel_state_to_string(rtc ? channel_state(rtc) : CHANNEL_CLOSED));
    if (rtc)
        rtcbus_peer1_channel_set_id(object, channel_id(rtc) >= 0 ? channel_id(rtc) : ID_UNKNOWN);
    /* So that no state is passed over, and none is behind a message */
    g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(self));
}

void bus_channel_shorter(BusChannel *self)
{
    if (self->owner)
        bus_tell(G_DBUS_INTERFACE_SKELETON(self), self->owner, "BufferedAmountChanged",
                 g_variant_new("(t)", (guint64) channel_buffered_amount(bus_channel_rtc(self))));
}

void bus_channel_detach(BusChannel *self)
{
    g_autofree char *reason = printable(call_channel_reason(self->channel));

    self->channel = NULL;
    rtcbus_peer1_channel_set_reason(RTCBUS_PEER1_CHANNEL(self), reason);
    bus_channel_update(self);
}

void bus_channel_message(BusChannel *self, MessageKind kind, const guint8 *bytes, gsize length)
{
    RtcbusPeer1Channel *object = RTCBUS_PEER1_CHANNEL(self);
    g_autofree char *text = NULL;

    if (self->owner) {
        channel_debt_add(&self->debt, length);
        bus_tell(G_DBUS_INTERFACE_SKELETON(self), self->owner, "MessageReceived",
                 g_variant_new("(s@ay)", kind == MESSAGE_TEXT ? KIND_TEXT : KIND_BINARY,
                               g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, length, 1)));
        return;
    }
    if (kind == MESSAGE_BINARY) {
        rtcbus_peer1_channel_emit_binary_received(
            object, g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, length, 1));
        return;
    }
    text = bus_text(bytes, length);
    rtcbus_peer1_channel_emit_text_received(object, text);
}

bool bus_channel_is_behind(const BusChannel *self)
{
    return channel_debt_is_behind(&self->debt);
}

/* ---- methods -------------------------------------------------------------- */

static bool bus_channel_send(BusChannel *self, GDBusMethodInvocation *invocation, MessageKind kind,
                             const void *bytes, gsize length)
{
    g_autoptr(GError) error = NULL;

    if (self->channel && call_channel_is_acquired(self->channel))
        g_set_error_literal(&error, PEER_ERROR, PEER_ERROR_DENIED,
                            _("a program has acquired the channel: it alone sends on it"));
    else if (self->channel && call_channel_send(self->channel, kind, bytes, length, &error))
        return true;
    if (error)
        bus_return_error(invocation, error);
    else
        bus_return_closed(invocation);
    return false;
}

static gboolean on_send_text(RtcbusPeer1Channel *object, GDBusMethodInvocation *invocation,
                             const char *text, gpointer data)
{
    if (bus_channel_send(BUS_CHANNEL(object), invocation, MESSAGE_TEXT, text, strlen(text)))
        rtcbus_peer1_channel_complete_send_text(object, invocation);
    return TRUE;
}

static bool parse_kind(const char *text, MessageKind *kind, GError **error)
{
    *kind = strcmp(text, KIND_TEXT) == 0 ? MESSAGE_TEXT : MESSAGE_BINARY;
    if (*kind == MESSAGE_TEXT || strcmp(text, KIND_BINARY) == 0)
        return true;
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                        _("\"kind\" is binary or text"));
    return false;
}

static gboolean on_send(RtcbusPeer1Channel *object, GDBusMethodInvocation *invocation,
                        const char *kind, GVariant *message, gpointer data)
{
    BusChannel *self = BUS_CHANNEL(object);
    MessageKind parsed;
    gsize length;
    const void *bytes = g_variant_get_fixed_array(message, &length, 1);
    g_autoptr(GError) error = NULL;

    if (!parse_kind(kind, &parsed, &error)) {
        bus_return_error(invocation, error);
        return TRUE;
    }
    if (bus_channel_send(self, invocation, parsed, bytes, length))
        rtcbus_peer1_channel_complete_send(object, invocation,
                                           channel_buffered_amount(bus_channel_rtc(self)));
    return TRUE;
}

static gboolean on_send_binary(RtcbusPeer1Channel *object, GDBusMethodInvocation *invocation,
                               GVariant *message, gpointer data)
{
    gsize length;
    const void *bytes = g_variant_get_fixed_array(message, &length, 1);

    if (bus_channel_send(BUS_CHANNEL(object), invocation, MESSAGE_BINARY, bytes, length))
        rtcbus_peer1_channel_complete_send_binary(object, invocation);
    return TRUE;
}

static bool acquire(BusChannel *self, GVariant *dict, int *fd, guint *max_size, GError **error)
{
    g_autofree char *kind = NULL;
    const BusOption table[] = {{"kind", "s", &kind, NULL}, {}};
    MessageKind parsed;

    return bus_options_read(dict, table, error) &&
           parse_kind(kind ? kind : KIND_BINARY, &parsed, error) &&
           call_channel_acquire(self->channel, parsed, fd, max_size, error);
}

static gboolean on_acquire(RtcbusPeer1Channel *object, GDBusMethodInvocation *invocation,
                           GUnixFDList *unused, GVariant *dict, gpointer data)
{
    BusChannel *self = BUS_CHANNEL(object);
    g_autoptr(GUnixFDList) list = NULL;
    g_autoptr(GError) error = NULL;
    guint max_size;
    int fd;

    if (!self->channel) {
        bus_return_closed(invocation);
        return TRUE;
    }
    if (!acquire(self, dict, &fd, &max_size, &error)) {
        bus_return_error(invocation, error);
        return TRUE;
    }
    list = g_unix_fd_list_new_from_array(&fd, 1);
    rtcbus_peer1_channel_complete_acquire(object, invocation, list, g_variant_new_handle(0),
                                          max_size);
    return TRUE;
}

static gboolean on_acknowledge(RtcbusPeer1Channel *object, GDBusMethodInvocation *invocation,
                               guint64 messages, guint64 bytes, gpointer data)
{
    BusChannel *self = BUS_CHANNEL(object);
    g_autoptr(GError) error = NULL;

    if (!channel_debt_pay(&self->debt, messages, bytes)) {
        g_set_error_literal(&error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                            _("more is acknowledged than was told"));
        bus_return_error(invocation, error);
        return TRUE;
    }
    if (self->channel && !bus_channel_is_behind(self))
        call_channel_hold(self->channel, false);
    rtcbus_peer1_channel_complete_acknowledge(object, invocation);
    return TRUE;
}

static gboolean on_close(RtcbusPeer1Channel *object, GDBusMethodInvocation *invocation,
                         gpointer data)
{
    BusChannel *self = BUS_CHANNEL(object);

    if (self->channel)
        call_channel_close(self->channel);
    rtcbus_peer1_channel_complete_close(object, invocation);
    return TRUE;
}

/* ---- the object ----------------------------------------------------------- */

BusChannel *bus_channel_new(CallChannel *channel, const char *owner, ProgramDebt *program)
{
    BusChannel *self = g_object_new(BUS_TYPE_CHANNEL, NULL);
    RtcbusPeer1Channel *object = RTCBUS_PEER1_CHANNEL(self);
    Channel *rtc = call_channel_rtc(channel);
    const char *given_protocol = channel_protocol(rtc);
    g_autofree char *label = bus_text(channel_label(rtc), strlen(channel_label(rtc)));
    g_autofree char *protocol =
        given_protocol ? bus_text(given_protocol, strlen(given_protocol)) : g_strdup("");

    self->channel = channel;
    self->owner = g_strdup(owner);
    if (program)
        channel_debt_begin(&self->debt, program);
    rtcbus_peer1_channel_set_label(object, label);
    rtcbus_peer1_channel_set_protocol(object, protocol);
    rtcbus_peer1_channel_set_direction(object,
                                       call_channel_is_incoming(channel) ? "incoming" : "outgoing");
    rtcbus_peer1_channel_set_priority(object, bus_priority_to_string(channel_priority(rtc)));
    rtcbus_peer1_channel_set_ordered(object, channel_ordered(rtc));
    rtcbus_peer1_channel_set_max_retransmits(object, channel_max_retransmits(rtc));
    rtcbus_peer1_channel_set_max_packet_life_time(object, channel_max_packet_lifetime(rtc));
    g_signal_connect(self, "handle-send", G_CALLBACK(on_send), NULL);
    g_signal_connect(self, "handle-send-text", G_CALLBACK(on_send_text), NULL);
    g_signal_connect(self, "handle-send-binary", G_CALLBACK(on_send_binary), NULL);
    g_signal_connect(self, "handle-acknowledge", G_CALLBACK(on_acknowledge), NULL);
    g_signal_connect(self, "handle-acquire", G_CALLBACK(on_acquire), NULL);
    g_signal_connect(self, "handle-close", G_CALLBACK(on_close), NULL);
    bus_channel_update(self);
    return self;
}

static void bus_channel_finalize(GObject *object)
{
    BusChannel *self = BUS_CHANNEL(object);

    channel_debt_end(&self->debt);
    g_free(self->owner);
    G_OBJECT_CLASS(bus_channel_parent_class)->finalize(object);
}

static void bus_channel_class_init(BusChannelClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);

    object_class->finalize = bus_channel_finalize;
    object_class->get_property = bus_channel_get_property;
    object_class->set_property = bus_channel_set_property;
    g_object_class_override_property(object_class, PROP_BUFFERED_AMOUNT, "buffered-amount");
    g_object_class_override_property(object_class, PROP_MESSAGES_SENT, "messages-sent");
    g_object_class_override_property(object_class, PROP_MESSAGES_RECEIVED, "messages-received");
    g_object_class_override_property(object_class, PROP_BYTES_SENT, "bytes-sent");
    g_object_class_override_property(object_class, PROP_BYTES_RECEIVED, "bytes-received");
}

static void bus_channel_init(BusChannel *self)
{
}
