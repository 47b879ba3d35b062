/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The interface org.rtcbus.Peer1, and the objects below it. The object manager
 * cannot manage its own path, so Peer1 is exported beside it, as bluez does.
 */

#include <config.h>

#include "peer/bus/bus.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/daemon.h"
#include "common/fingerprint.h"
#include "common/log.h"
#include "common/names.h"
#include "common/printable.h"
#include "peer/bus/bus-call.h"
#include "peer/bus/bus-channel.h"
#include "peer/bus/bus-kept.h"
#include "peer/bus/bus-members.h"
#include "peer/bus/bus-readings.h"
#include "peer/bus/bus-values.h"
#include "peer/trust/pairing-desk.h"
#include "peer/bus/peer-dbus.h"
#include "peer/error.h"

/* ---- Peer1, whose counters are looked up when they are read ----------------- */

#define BUS_TYPE_PEER (bus_peer_get_type())
G_DECLARE_FINAL_TYPE(BusPeer, bus_peer, BUS, PEER, RtcbusPeer1Skeleton)

struct _BusPeer {
    RtcbusPeer1Skeleton parent;
    Peer *peer;
};

G_DEFINE_TYPE(BusPeer, bus_peer, RTCBUS_TYPE_PEER1_SKELETON)

struct Bus {
    GDBusObjectManagerServer *manager;
    BusPeer *object;
    BusMembers *members;
    GHashTable *calls;    /* Call → BusCall */
    GHashTable *channels; /* CallChannel → BusChannel */
    ProgramDebts *debts;
    gsize told;          /* bytes of signals that the bus may not have taken yet */
    GCancellable *flush; /* while we wait for that, */
    gsize flushing;      /* and how many that are */
    bool untold;         /* there are readings that no signal told of */
};

enum { PROP_NUMBERS_RECEIVED = 1, PROP_LAST_NUMBER, PROP_RESTART_NEEDED };

/* GObject wants one, as the generated properties are writable inside. */
static void bus_peer_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void bus_peer_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    BusPeer *self = BUS_PEER(object);

    switch (id) {
    case PROP_NUMBERS_RECEIVED:
        g_value_set_uint64(value, store_numbers(peer_store(self->peer)));
        break;
    case PROP_LAST_NUMBER:
        g_value_set_variant(value, bus_readings_last_number(self->peer));
        break;
    case PROP_RESTART_NEEDED:
        g_value_set_boolean(value, daemon_is_replaced());
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void bus_peer_class_init(BusPeerClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);

    object_class->get_property = bus_peer_get_property;
    object_class->set_property = bus_peer_set_property;
    g_object_class_override_property(object_class, PROP_NUMBERS_RECEIVED, "numbers-received");
    g_object_class_override_property(object_class, PROP_LAST_NUMBER, "last-number");
    g_object_class_override_property(object_class, PROP_RESTART_NEEDED, "restart-needed");
}

static void bus_peer_init(BusPeer *self)
{
}

/* ---- methods -------------------------------------------------------------- */

enum { MAX_TIMEOUT = 3600 };

/* What the option "fingerprint" of a call says */
static char *parse_fingerprint(const char *text, GError **error)
{
    char *fingerprint = fingerprint_parse(text);

    if (!fingerprint)
        g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                    _("\"fingerprint\" is sha-256:AB:CD:…, with 64 hexadecimal digits"));
    return fingerprint;
}

static Call *place_call(Peer *peer, const char *whom, GVariant *dict, GError **error)
{
    g_autofree char *channel_id = NULL;
    g_autofree char *fingerprint = NULL, *canonical = NULL;
    guint timeout = CALL_DEFAULT_TIMEOUT;
    bool another = false;
    const BusOption table[] = {
        {"another", "b", &another, NULL},
        {"channel-id", "s", &channel_id, NULL},
        {"fingerprint", "s", &fingerprint, NULL},
        {"timeout", "u", &timeout, NULL},
        {},
    };

    if (!bus_options_read(dict, table, error))
        return NULL;
    if (timeout < 1 || timeout > MAX_TIMEOUT) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                    _("\"timeout\" is from 1 to %d seconds"), MAX_TIMEOUT);
        return NULL;
    }
    if (channel_id && strlen(channel_id) > FRAME_MAX_NAME) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                    _("\"channel-id\" is at most %d bytes long"), FRAME_MAX_NAME);
        return NULL;
    }
    if (fingerprint && !(canonical = parse_fingerprint(fingerprint, error)))
        return NULL;
    return peer_call(peer, whom,
                     &(CallOptions){.channel_id = channel_id,
                                    .fingerprint = canonical,
                                    .timeout = timeout,
                                    .another = another},
                     error);
}

/* What is only in a call by steps is refused elsewhere: nobody would heed it. */
static bool check_steps(GVariant *dict, bool stepwise, GError **error)
{
    static const char *const keys[] = {"certificate", "ice-servers", "relay-only", NULL};

    for (guint i = 0; keys[i] && !stepwise; i++) {
        g_autoptr(GVariant) value = g_variant_lookup_value(dict, keys[i], NULL);

        if (value) {
            g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                        _("the option \"%s\" needs \"stepwise\""), keys[i]);
            return false;
        }
    }
    return true;
}

static Call *create_call(Peer *peer, const char *program, GVariant *dict, GError **error)
{
    g_autofree char *name = NULL, *fingerprint = NULL, *canonical = NULL, *pem = NULL;
    g_auto(GStrv) servers = NULL;
    g_autoptr(Certificate) certificate = NULL;
    bool channels = true, stepwise = false, relay_only = false;
    const BusOption table[] = {
        {"name", "s", &name, NULL},
        {"fingerprint", "s", &fingerprint, NULL},
        {"channels", "b", &channels, NULL},
        {"stepwise", "b", &stepwise, NULL},
        {"certificate", "s", &pem, NULL},
        {"ice-servers", "as", &servers, NULL},
        {"relay-only", "b", &relay_only, NULL},
        {},
    };

    if (!bus_options_read(dict, table, error) || !check_steps(dict, stepwise, error) ||
        !bus_check_servers(servers, error))
        return NULL;
    if (fingerprint && !(canonical = parse_fingerprint(fingerprint, error)))
        return NULL;
    if (pem && !(certificate = certificate_from_pem(pem, error)))
        return NULL;
    return peer_create_call(peer,
                            &(CarriedCallOptions){.name = name ? name : "",
                                                  .program = program,
                                                  .fingerprint = canonical,
                                                  .bare = !channels,
                                                  .stepwise = stepwise,
                                                  .certificate = certificate,
                                                  .ice_servers = (const char *const *) servers,
                                                  .relay_only = relay_only},
                            error);
}

static gboolean on_create_call(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                               GVariant *dict, gpointer data)
{
    g_autoptr(GError) error = NULL;
    Call *call = create_call(BUS_PEER(object)->peer,
                             g_dbus_method_invocation_get_sender(invocation), dict, &error);
    g_autofree char *path = NULL;
    Bus *bus = data;

    if (!call) {
        bus_return_error(invocation, error);
        return TRUE;
    }
    bus_call_follow(g_hash_table_lookup(bus->calls, call),
                    g_dbus_method_invocation_get_connection(invocation), bus->debts);
    path = bus_call_path(call_number(call));
    rtcbus_peer1_complete_create_call(object, invocation, path);
    return TRUE;
}

static gboolean on_call(RtcbusPeer1 *object, GDBusMethodInvocation *invocation, const char *whom,
                        GVariant *dict, gpointer data)
{
    g_autoptr(GError) error = NULL;
    Call *call = place_call(BUS_PEER(object)->peer, whom, dict, &error);
    g_autofree char *path = NULL;

    if (!call) {
        bus_return_error(invocation, error);
        return TRUE;
    }
    path = bus_call_path(call_number(call));
    rtcbus_peer1_complete_call(object, invocation, path);
    return TRUE;
}

static gboolean on_trust_peer(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                              const char *name, const char *fingerprint, gpointer data)
{
    g_autoptr(GError) error = NULL;

    if (peer_trust(BUS_PEER(object)->peer, name, fingerprint, &error))
        rtcbus_peer1_complete_trust_peer(object, invocation);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

static gboolean on_forget_peer(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                               const char *name, gpointer data)
{
    g_autoptr(GError) error = NULL;

    if (peer_forget(BUS_PEER(object)->peer, name, &error))
        rtcbus_peer1_complete_forget_peer(object, invocation);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

static void add_known(const KnownPeer *peer, const char *path, gpointer data)
{
    g_autofree char *comment = !path            ? g_strdup(peer->comment)
                               : *peer->comment ? g_strdup_printf("%s: %s", path, peer->comment)
                                                : g_strdup(path);

    g_variant_builder_add(data, "(ssst)", peer->name, peer->fingerprint, comment,
                          (guint64) MAX(peer->time, 0));
}

static gboolean on_list_known_peers(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                                    gpointer data)
{
    const KnownPeers *known = peer_known(BUS_PEER(object)->peer);
    g_autoptr(GError) error = NULL;
    GVariantBuilder builder;

    if (!known_peers_usable(known, &error)) {
        bus_return_error(invocation, error);
        return TRUE;
    }
    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ssst)"));
    known_peers_foreach(known, add_known, &builder);
    rtcbus_peer1_complete_list_known_peers(object, invocation, g_variant_builder_end(&builder));
    return TRUE;
}

static gboolean on_new_identity(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                                GVariant *dict, gpointer data)
{
    const BusOption table[] = {{}};
    Peer *peer = BUS_PEER(object)->peer;
    g_autoptr(GError) error = NULL;

    if (bus_options_read(dict, table, &error) && peer_new_identity(peer, &error))
        rtcbus_peer1_complete_new_identity(object, invocation, peer_fingerprint(peer));
    else
        bus_return_error(invocation, error);
    return TRUE;
}

typedef struct {
    char *name;
    bool replace, confirm;
    guint timeout;
} PairOptions;

static void pair_options_clear(PairOptions *options)
{
    g_free(options->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PairOptions, pair_options_clear)

/* How many of the table below each method has. */
enum { CONFIRM_PAIRING_OPTIONS = 2, PAIR_WITH_OPTIONS = 3, PAIR_OPTIONS = 4 };

static bool pair_options_read(PairOptions *options, GVariant *dict, guint count, GError **error)
{
    BusOption table[] = {
        {"as", "s", &options->name, NULL},
        {"replace", "b", &options->replace, NULL},
        {"confirm", "b", &options->confirm, NULL},
        {"timeout", "u", &options->timeout, NULL},
        {},
    };

    options->timeout = PAIRING_LIFETIME;
    table[count] = (BusOption){};
    if (!bus_options_read(dict, table, error))
        return false;
    if (options->timeout < 1 || options->timeout > PAIRING_LIFETIME)
        g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                    _("\"timeout\" is from 1 to %d seconds"), PAIRING_LIFETIME);
    else if (options->name && (!*options->name || strlen(options->name) > FRAME_MAX_NAME))
        g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                    _("\"as\" is a name of 1 to %d bytes"), FRAME_MAX_NAME);
    else
        return true;
    return false;
}

static PairingWish pair_wish(const PairOptions *options)
{
    return (PairingWish){
        .name = options->name, .replace = options->replace, .ask = options->confirm};
}

static gboolean on_pair(RtcbusPeer1 *object, GDBusMethodInvocation *invocation, GVariant *dict,
                        gpointer data)
{
    g_auto(PairOptions) options = {};
    g_autoptr(GError) error = NULL;
    g_autofree char *code = NULL;

    if (pair_options_read(&options, dict, PAIR_OPTIONS, &error)) {
        PairingWish wish = pair_wish(&options);

        code = peer_pair(BUS_PEER(object)->peer, options.timeout, &wish, &error);
    }
    if (code)
        rtcbus_peer1_complete_pair(object, invocation, code);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

static gboolean on_pair_with(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                             const char *code, GVariant *dict, gpointer data)
{
    g_auto(PairOptions) options = {};
    g_autoptr(GError) error = NULL;
    PairingWish wish;
    bool good = pair_options_read(&options, dict, PAIR_WITH_OPTIONS, &error);

    wish = pair_wish(&options);
    if (good && peer_pair_with(BUS_PEER(object)->peer, code, &wish, &error))
        rtcbus_peer1_complete_pair_with(object, invocation);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

static gboolean on_confirm_pairing(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                                   GVariant *dict, gpointer data)
{
    g_auto(PairOptions) options = {};
    g_autoptr(GError) error = NULL;
    PairingWish wish;
    bool good = pair_options_read(&options, dict, CONFIRM_PAIRING_OPTIONS, &error);

    wish = pair_wish(&options);
    if (good && peer_confirm_pairing(BUS_PEER(object)->peer, &wish, &error))
        rtcbus_peer1_complete_confirm_pairing(object, invocation);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

static gboolean on_cancel_pairing(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                                  gpointer data)
{
    g_autoptr(GError) error = NULL;

    if (peer_cancel_pairing(BUS_PEER(object)->peer, &error))
        rtcbus_peer1_complete_cancel_pairing(object, invocation);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

/* ---- news of the peer ------------------------------------------------------ */

static GVariant *servers_to_variant(const ServerWatch *watch)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sss)"));
    for (guint i = 0; i < server_watch_count(watch); i++) {
        ServerReport report = server_watch_report(watch, i);
        g_autofree char *words = bus_text(report.words, strlen(report.words));

        g_variant_builder_add(&builder, "(sss)", report.label, server_state_to_string(report.state),
                              words);
    }
    return g_variant_builder_end(&builder);
}

static GVariant *services_to_variant(const Services *services)
{
    g_autoptr(GPtrArray) list = services_list(services);
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sss)"));
    for (guint i = 0; i < list->len; i++) {
        const Service *service = list->pdata[i];
        g_autofree char *name = printable(service->name);
        g_autofree char *where = service_to_text(service);
        g_autofree char *allow = g_strjoinv("; ", service->allow);

        g_variant_builder_add(&builder, "(sss)", name, where, allow);
    }
    return g_variant_builder_end(&builder);
}

static void update_problems(RtcbusPeer1 *object, const Peer *peer)
{
    g_auto(GStrv) problems = peer_problems(peer);

    for (char **problem = problems; *problem; problem++) {
        char *clean = printable(*problem);

        g_free(*problem);
        *problem = clean;
    }
    rtcbus_peer1_set_problems(object, (const char *const *) problems);
}

static void on_updated(gpointer data)
{
    Bus *bus = data;
    RtcbusPeer1 *object = RTCBUS_PEER1(bus->object);
    Peer *peer = bus->object->peer;
    const Room *room = peer_room(peer);

    rtcbus_peer1_set_name(object, room_own_name(room) ? room_own_name(room) : "");
    rtcbus_peer1_set_relay_url(object, peer_relay_url(peer));
    rtcbus_peer1_set_relay_state(object, relay_state_to_string(room_state(room)));
    rtcbus_peer1_set_relay_error(object, room_problem(room));
    rtcbus_peer1_set_relay_fault(object, room_fault(room));
    rtcbus_peer1_set_relay_retry_at(object, (guint64) room_retry(room));
    rtcbus_peer1_set_fingerprint(object, peer_fingerprint(peer));
    bus_members_update(bus->members);
    bus_readings_update(object, peer);
    rtcbus_peer1_set_listener_count(object, peer_listeners(peer));
    rtcbus_peer1_set_broken_services(object, services_broken(peer_services(peer)));
    rtcbus_peer1_set_services(object, services_to_variant(peer_services(peer)));
    rtcbus_peer1_set_key_shared_with(object, peer_key_copies(peer));
    update_problems(object, peer);
    bus_kept_update_forwards(object, peer_forwards(peer));
    rtcbus_peer1_set_ice_servers(object, servers_to_variant(peer_server_watch(peer)));
}

static void on_kept_changed(gpointer data)
{
    Bus *bus = data;

    bus_kept_update(RTCBUS_PEER1(bus->object), peer_kept(bus->object->peer));
}

static void on_pairing_proven(const char *name, const char *fingerprint, const char *known,
                              gpointer data)
{
    Bus *bus = data;

    rtcbus_peer1_emit_pairing_proven(RTCBUS_PEER1(bus->object), name, fingerprint, known);
}

static void on_pairing_failed(const char *message, guint tries, gpointer data)
{
    Bus *bus = data;

    rtcbus_peer1_emit_pairing_failed(RTCBUS_PEER1(bus->object), message, tries);
}

static void on_pairing_ended(bool ok, const char *name, const char *fingerprint,
                             const char *message, gpointer data)
{
    Bus *bus = data;

    rtcbus_peer1_emit_pairing_ended(RTCBUS_PEER1(bus->object), ok, name, fingerprint, message);
}

/* ---- objects -------------------------------------------------------------- */

static void export_object(Bus *bus, const char *path, GDBusInterfaceSkeleton *interface)
{
    g_autoptr(GDBusObjectSkeleton) object = g_dbus_object_skeleton_new(path);

    g_dbus_object_skeleton_add_interface(object, interface);
    g_dbus_object_manager_server_export(bus->manager, object);
}

/* What was set just now is announced before the object is gone. */
static void unexport_object(Bus *bus, const char *path, GDBusInterfaceSkeleton *interface)
{
    g_dbus_interface_skeleton_flush(interface);
    g_dbus_object_manager_server_unexport(bus->manager, path);
}

static void on_call_added(Call *call, gpointer data)
{
    Bus *bus = data;
    BusCall *object = bus_call_new(call);
    g_autofree char *path = bus_call_path(call_number(call));

    g_hash_table_insert(bus->calls, call, object);
    export_object(bus, path, G_DBUS_INTERFACE_SKELETON(object));
}

static void on_call_changed(Call *call, gpointer data)
{
    Bus *bus = data;
    BusCall *object = g_hash_table_lookup(bus->calls, call);

    if (object)
        bus_call_update(object);
}

static void on_call_frame(Call *call, const Frame *frame, gpointer data)
{
    Bus *bus = data;

    bus_call_frame(g_hash_table_lookup(bus->calls, call), frame);
}

static void on_call_ended(Call *call, gpointer data)
{
    Bus *bus = data;
    BusCall *object = g_hash_table_lookup(bus->calls, call);
    g_autofree char *path = bus_call_path(call_number(call));
    g_autofree char *reason = printable(call_reason(call));

    unexport_object(bus, path, G_DBUS_INTERFACE_SKELETON(object));
    rtcbus_peer1_emit_call_ended(RTCBUS_PEER1(bus->object), path, call_peer(call), reason);
    g_hash_table_remove(bus->calls, call);
}

/* One that the remote of a program opens that reads nothing is not on the bus, and is closed. */
static bool refuse_channel(const BusCall *call, CallChannel *channel)
{
    const ProgramDebt *program = bus_call_program(call);

    if (!call_channel_is_incoming(channel) || !program || !program_debt_is_over(program))
        return false;
    log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_CALLS),
              _("call %u: a channel is closed, since the program %s does not acknowledge what "
                "came on those before"),
              call_number(call_channel_call(channel)), bus_call_owner(call));
    call_channel_reserve(channel, 0);
    return true;
}

static void channel_added(Bus *bus, CallChannel *channel)
{
    BusCall *call = g_hash_table_lookup(bus->calls, call_channel_call(channel));
    BusChannel *object;
    g_autofree char *path =
        bus_channel_path(call_number(call_channel_call(channel)), call_channel_number(channel));

    if (refuse_channel(call, channel))
        return;
    object = bus_channel_new(channel, bus_call_owner(call), bus_call_program(call));
    bus_call_update_trust(call); /* it may have been paired since */
    g_hash_table_insert(bus->channels, channel, object);
    export_object(bus, path, G_DBUS_INTERFACE_SKELETON(object));
}

static void channel_removed(Bus *bus, CallChannel *channel, BusChannel *object)
{
    g_autofree char *path =
        bus_channel_path(call_number(call_channel_call(channel)), call_channel_number(channel));

    bus_channel_detach(object);
    unexport_object(bus, path, G_DBUS_INTERFACE_SKELETON(object));
    g_hash_table_remove(bus->channels, channel);
}

static void on_channel(CallChannel *channel, CallChannelEvent event, gpointer data)
{
    Bus *bus = data;
    BusChannel *object = g_hash_table_lookup(bus->channels, channel);

    if (!object && event != CALL_CHANNEL_ADDED)
        return; /* it was refused */
    switch (event) {
    case CALL_CHANNEL_ADDED:
        channel_added(bus, channel);
        break;
    case CALL_CHANNEL_CHANGED:
        bus_channel_update(object);
        break;
    case CALL_CHANNEL_SHORTER:
        bus_channel_shorter(object);
        break;
    case CALL_CHANNEL_REMOVED:
        channel_removed(bus, channel, object);
        break;
    }
}

/* Signals wait in our memory for the bus to take them, and a remote can send faster than it does:
 * then its channels are held until what waits is written, and readings are not told of. They are
 * in the history; the last one is told of then, and who follows sees by its sequence what he
 * lacks. */
#define TOLD_MAX (4 * 1024 * 1024)
#define TOLD_MANY (TOLD_MAX / 4)

static void await_flush(Bus *bus);

static bool tell_reading(const HistoryReading *reading, gpointer data)
{
    Bus *bus = data;

    bus->told += bus_readings_tell(RTCBUS_PEER1(bus->object), reading) + BUS_SIGNAL_OVERHEAD;
    return true;
}

static void tell_last_reading(Bus *bus)
{
    const HistoryFilter last = {.last = 1};

    bus->untold = false;
    store_read_history(peer_store(bus->object->peer), 0, 0, &last, tell_reading, bus);
}

static void hold_channels(Bus *bus)
{
    GHashTableIter iter;
    gpointer channel, object;

    g_hash_table_iter_init(&iter, bus->channels);
    while (g_hash_table_iter_next(&iter, &channel, &object))
        call_channel_hold(channel, bus->told >= TOLD_MAX || bus_channel_is_behind(object));
}

static void on_eased(gpointer data)
{
    hold_channels(data);
}

static void on_flushed(GObject *connection, GAsyncResult *result, gpointer data)
{
    Bus *bus = data;
    g_autoptr(GError) error = NULL;

    if (!g_dbus_connection_flush_finish(G_DBUS_CONNECTION(connection), result, &error) &&
        g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* BUS is gone */
    g_clear_object(&bus->flush);
    bus->told -= MIN(bus->told, bus->flushing);
    hold_channels(bus);
    if (bus->untold)
        tell_last_reading(bus);
    await_flush(bus);
}

static void await_flush(Bus *bus)
{
    GDBusInterfaceSkeleton *object = G_DBUS_INTERFACE_SKELETON(bus->object);

    if (bus->flush || bus->told < TOLD_MANY)
        return;
    bus->flush = g_cancellable_new();
    bus->flushing = bus->told;
    g_dbus_connection_flush(g_dbus_interface_skeleton_get_connection(object), bus->flush,
                            on_flushed, bus);
}

static void on_received(const HistoryReading *reading, gpointer data)
{
    Bus *bus = data;

    if (bus->told < TOLD_MAX)
        tell_reading(reading, bus);
    else
        bus->untold = true;
    await_flush(bus);
}

static void on_message(CallChannel *channel, MessageKind kind, const guint8 *bytes, gsize length,
                       gpointer data)
{
    Bus *bus = data;
    BusChannel *object = g_hash_table_lookup(bus->channels, channel);

    if (!object)
        return;
    bus_channel_message(object, kind, bytes, length);
    bus->told += length + BUS_SIGNAL_OVERHEAD;
    if (bus->told >= TOLD_MAX || bus_channel_is_behind(object))
        call_channel_hold(channel, true);
    await_flush(bus);
}

const PeerOps bus_peer_ops = {
    .updated = on_updated,
    .kept_changed = on_kept_changed,
    .received = on_received,
    .call_added = on_call_added,
    .call_changed = on_call_changed,
    .call_ended = on_call_ended,
    .call_frame = on_call_frame,
    .channel = on_channel,
    .message = on_message,
    .pairing = {.proven = on_pairing_proven,
                .failed = on_pairing_failed,
                .ended = on_pairing_ended},
};

/* ---- the bus -------------------------------------------------------------- */

Bus *bus_new(GDBusConnection *connection, Peer *peer, GError **error)
{
    Bus *bus = g_new0(Bus, 1);

    bus->calls = g_hash_table_new_full(NULL, NULL, NULL, g_object_unref);
    bus->channels = g_hash_table_new_full(NULL, NULL, NULL, g_object_unref);
    bus->debts = program_debts_new(on_eased, bus);
    bus->manager = g_dbus_object_manager_server_new(PEER_OBJECT_PATH);
    bus->object = g_object_new(BUS_TYPE_PEER, NULL);
    bus->object->peer = peer;
    rtcbus_peer1_set_version(RTCBUS_PEER1(bus->object), PACKAGE_VERSION);
    g_signal_connect(bus->object, "handle-call", G_CALLBACK(on_call), NULL);
    g_signal_connect(bus->object, "handle-create-call", G_CALLBACK(on_create_call), bus);
    bus_readings_connect(RTCBUS_PEER1(bus->object), peer);
    g_signal_connect(bus->object, "handle-trust-peer", G_CALLBACK(on_trust_peer), NULL);
    g_signal_connect(bus->object, "handle-forget-peer", G_CALLBACK(on_forget_peer), NULL);
    g_signal_connect(bus->object, "handle-new-identity", G_CALLBACK(on_new_identity), NULL);
    g_signal_connect(bus->object, "handle-pair", G_CALLBACK(on_pair), NULL);
    g_signal_connect(bus->object, "handle-pair-with", G_CALLBACK(on_pair_with), NULL);
    g_signal_connect(bus->object, "handle-confirm-pairing", G_CALLBACK(on_confirm_pairing), NULL);
    g_signal_connect(bus->object, "handle-cancel-pairing", G_CALLBACK(on_cancel_pairing), NULL);
    g_signal_connect(bus->object, "handle-list-known-peers", G_CALLBACK(on_list_known_peers), NULL);
    bus_kept_connect(RTCBUS_PEER1(bus->object), peer_kept(peer));
    bus->members = bus_members_new(RTCBUS_PEER1(bus->object), peer_room(peer));
    on_updated(bus);
    on_kept_changed(bus);
    if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(bus->object), connection,
                                          PEER_OBJECT_PATH, error)) {
        bus_free(bus);
        return NULL;
    }
    g_dbus_object_manager_server_set_connection(bus->manager, connection);
    return bus;
}

void bus_free(Bus *bus)
{
    if (!bus)
        return;
    g_cancellable_cancel(bus->flush);
    g_clear_object(&bus->flush);
    bus_members_free(bus->members);
    g_dbus_object_manager_server_set_connection(bus->manager, NULL);
    g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(bus->object));
    g_hash_table_unref(bus->calls);
    g_hash_table_unref(bus->channels);
    program_debts_free(bus->debts);
    g_object_unref(bus->manager);
    g_object_unref(bus->object);
    g_free(bus);
}
