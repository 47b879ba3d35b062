/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/peer.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/clock.h"
#include "common/fingerprint.h"
#include "common/link-watch.h"
#include "common/listen-fds.h"
#include "common/log.h"
#include "common/names.h"
#include "common/stream.h"
#include "peer/call/call-dispatch.h"
#include "peer/call/call-trust.h"
#include "peer/signaling/ice-servers.h"
#include "peer/config.h"
#include "peer/metrics.h"
#include "peer/trust/identity.h"
#include "peer/trust/pairing-desk.h"
#include "peer/trust/pairing-outcome.h"
#include "peer/error.h"
#include "peer/readings/readings.h"
#include "peer/service/forwards.h"
#include "peer/service/service-link.h"
#include "peer/signaling/signaling.h"

struct Peer {
    PeerConfig config;
    Daemon *daemon;
    Identity *identity;
    char *name; /* as which we ask to be known */
    char *config_path;
    KnownPeers *known;
    Services *services;
    StreamLinks *links;
    Signaling *signaling;
    Calls *calls;
    CallDispatch *dispatch;
    CallTrust call_trust;
    PairingDesk *pairing;
    PairingOutcome pairing_outcome;
    KeptCalls *kept;
    Readings *readings;
    Forwards *forwards;
    const PeerOps *observer;
    gpointer observer_data;
    char **servers; /* for ICE: ours and the relay's */
    ServerWatch *server_watch;
    TlsTrust *trust; /* for turns: servers */
    LinkWatch *link;
    PeerMetrics *metrics;
};

/* A part has news of which there is nothing to do here. */
static void on_part_changed(gpointer data)
{
    Peer *peer = data;

    peer->observer->updated(peer->observer_data);
}

static void peer_update(Peer *peer)
{
    const Room *room = signaling_room(peer->signaling);

    peer->observer->updated(peer->observer_data);
    if (identity_problem(peer->identity))
        daemon_status("%s", identity_problem(peer->identity));
    else if (room_state(room) == RELAY_CONNECTED)
        daemon_status(_("%s at %s; calls: %u, listeners: %u"), room_own_name(room),
                      peer_relay_url(peer), calls_count(peer->calls),
                      readings_listeners(peer->readings));
    else
        daemon_status(_("no relay at %s: %s; calls: %u"), peer_relay_url(peer), room_problem(room),
                      calls_count(peer->calls));
}

/* ---- from the watch over ICE servers --------------------------------------- */

static const ServerWatchOps server_ops = {
    .changed = on_part_changed,
};

/* Our servers, or the relay's, may be others now. */
static void update_servers(Peer *peer, bool afresh)
{
    g_strfreev(peer->servers);
    peer->servers = ice_servers_join((const char *const *) peer->config.servers,
                                     signaling_ice_servers(peer->signaling));
    server_watch_set(peer->server_watch, (const char *const *) peer->servers, peer->trust, afresh);
}

/* ---- from signaling ------------------------------------------------------- */

static void on_relay_state(gpointer data)
{
    Peer *peer = data;
    bool connected = room_state(signaling_room(peer->signaling)) == RELAY_CONNECTED;

    if (connected)
        update_servers(peer, false);
    else /* so that the end of a call is known to be the relay's fault */
        kept_calls_room_changed(peer->kept);
    call_dispatch_relay_changed(peer->dispatch);
    if (connected)
        kept_calls_room_changed(peer->kept);
    peer_update(peer);
}

static void on_ice_servers(gpointer data)
{
    update_servers(data, false);
}

static void on_joined(const char *id, gpointer data)
{
    Peer *peer = data;

    call_dispatch_joined(peer->dispatch, id);
    kept_calls_joined(peer->kept, id);
}

static void on_leaving(const char *id, gpointer data)
{
    Peer *peer = data;

    call_dispatch_leaving(peer->dispatch, id);
    kept_calls_leaving(peer->kept, id);
}

static void on_left(gpointer data)
{
    call_dispatch_left(((Peer *) data)->dispatch);
}

static void on_frame(const Frame *frame, gpointer data)
{
    Peer *peer = data;

    if (frame->type != FRAME_PAIR)
        call_dispatch_receive(peer->dispatch, frame);
    else if (room_is_for_us(signaling_room(peer->signaling), frame->to))
        pairing_desk_receive(peer->pairing, frame);
}

static void on_no_such_peer(const char *to, gpointer data)
{
    call_dispatch_no_such_peer(((Peer *) data)->dispatch, to);
}

static void on_stopped(gpointer data)
{
    daemon_quit(((Peer *) data)->daemon, 0);
}

/* Pairings, `call`s and offers may begin something, the rest must belong to it. */
static bool on_expects(const Frame *frame, gpointer data)
{
    const Peer *peer = data;

    return frame->type == FRAME_CALL || frame->type == FRAME_OFFER || frame->type == FRAME_PAIR ||
           call_dispatch_expects(peer->dispatch, frame);
}

static const SignalingOps signaling_ops = {
    .expects = on_expects,
    .state = on_relay_state,
    .joined = on_joined,
    .leaving = on_leaving,
    .left = on_left,
    .ice_servers = on_ice_servers,
    .members = on_part_changed,
    .frame = on_frame,
    .no_such_peer = on_no_such_peer,
    .stopped = on_stopped,
};

/* ---- from calls ----------------------------------------------------------- */

static void on_send(const Frame *frame, gpointer data)
{
    Peer *peer = data;

    if (!signaling_send(peer->signaling, frame))
        log_debug("no relay for a frame of type %s", frame_type_to_string(frame->type));
}

static void on_carry(Call *call, const Frame *frame, gpointer data)
{
    Peer *peer = data;

    peer->observer->call_frame(call, frame, peer->observer_data);
}

static void on_configure(Call *call, ConnectionConfig *config, gpointer data)
{
    Peer *peer = data;

    calls_charge(peer->calls, call, config);
    config->certificate = identity_certificate(peer->identity);
    config->trust = peer->trust;
    config->protocol = FEED_PROTOCOL;
    config->keep_alive = (guint) (peer->config.relay.keep_alive / G_USEC_PER_SEC);
    config->ice_servers = (const char *const *) peer->servers;
    config->interfaces = (const char *const *) peer->config.interfaces;
}

static bool on_is_emitter(gpointer data)
{
    Peer *peer = data;

    return readings_is_emitter(peer->readings);
}

static void on_call_added(Call *call, gpointer data)
{
    Peer *peer = data;

    peer->observer->call_added(call, peer->observer_data);
    kept_calls_call_added(peer->kept, call);
    peer_metrics_added(peer->metrics, call);
    peer_update(peer);
}

static void on_call_changed(Call *call, gpointer data)
{
    Peer *peer = data;

    peer->observer->call_changed(call, peer->observer_data);
    kept_calls_call_changed(peer->kept, call);
    forwards_call_changed(peer->forwards, call);
    peer_metrics_changed(peer->metrics, call);
    if (call_state(call) == CALL_CONNECTED)
        calls_note_connected(peer->calls, call);
}

static bool on_locate(Call *call, const char **to, gpointer data)
{
    return calls_locate(((Peer *) data)->calls, call, to);
}

static guint on_patience(gpointer data)
{
    return (guint) (((Peer *) data)->config.patience / G_USEC_PER_SEC);
}

/* It may be that a server does not serve us. */
static bool may_lack_path(const Call *call)
{
    return call_connected_at(call) == 0 || !call_reason_is_wanted(call_reason(call));
}

static void on_call_ended(Call *call, gpointer data)
{
    Peer *peer = data;

    peer->observer->call_ended(call, peer->observer_data);
    if (may_lack_path(call))
        server_watch_check(peer->server_watch);
    call_dispatch_note_end(peer->dispatch, call);
    kept_calls_call_ended(peer->kept, call);
    readings_note_end(peer->readings, call);
    peer_metrics_ended(peer->metrics, call);
    calls_remove(peer->calls, call);
    peer_update(peer);
}

enum { PROGRAM_TIMEOUT = 30 }; /* seconds until a program must have acquired it */

/* Pipes and files wait for the program that they are for; on a channel that we have opened the
 * remote may have answered before our program has it. */
static bool is_for_program(const CallChannel *channel)
{
    const Channel *rtc = call_channel_rtc(channel);

    if (strcmp(channel_protocol(rtc), FILES_PROTOCOL) == 0)
        return true;
    return strcmp(channel_protocol(rtc), STREAM_PROTOCOL) == 0 &&
           (!call_channel_is_incoming(channel) ||
            g_str_has_prefix(channel_label(rtc), STREAM_PIPE_PREFIX));
}

/* A name that anybody could have taken by calling first is nobody's. */
static bool knows(const char *name, const char *fingerprint, gpointer data)
{
    return known_peers_vouched(((Peer *) data)->known, name, fingerprint);
}

static void on_channel(Call *call, CallChannel *channel, CallChannelEvent event, gpointer data)
{
    Peer *peer = data;

    if (call_is_stepwise(call)) {
        peer->observer->channel(channel, event, peer->observer_data);
        return;
    }
    if (readings_note_channel(peer->readings, channel, event, call_may_hear_early(call)))
        return;
    if (event == CALL_CHANNEL_ADDED && is_for_program(channel))
        call_channel_reserve(channel, PROGRAM_TIMEOUT);
    peer->observer->channel(channel, event, peer->observer_data);
    if (event == CALL_CHANNEL_ADDED)
        service_links_connect(peer->links, channel, peer->services, knows, peer);
}

static void on_message(CallChannel *channel, MessageKind kind, const guint8 *bytes, gsize length,
                       gpointer data)
{
    Peer *peer = data;

    if (!call_is_stepwise(call_channel_call(channel)))
        readings_take_message(peer->readings, channel, kind, bytes, length);
    peer->observer->message(channel, kind, bytes, length, peer->observer_data);
}

static const CallOps call_ops = {
    .send = on_send,
    .locate = on_locate,
    .patience = on_patience,
    .carry = on_carry,
    .configure = on_configure,
    .changed = on_call_changed,
    .ended = on_call_ended,
    .channel = on_channel,
    .message = on_message,
};

static const CallsOps calls_ops = {.added = on_call_added};

static const CallDispatchOps dispatch_ops = {.is_emitter = on_is_emitter};

/* ---- from kept calls and pairing ------------------------------------------- */

static void on_kept_changed(gpointer data)
{
    Peer *peer = data;

    peer->observer->kept_changed(peer->observer_data);
}

static const KeptCallsOps kept_ops = {.changed = on_kept_changed};

static void on_paired(const char *name, gpointer data)
{
    Peer *peer = data;

    kept_calls_retry(peer->kept, name);
}

/* ---- from the link ---------------------------------------------------------- */

static void on_link_changed(const LinkChange *change, gpointer data)
{
    Peer *peer = data;

    signaling_link_changed(peer->signaling, change->come || change->resumed);
    call_dispatch_link_changed(peer->dispatch, change->gone || change->come);
    if (change->come || change->resumed) {
        kept_calls_retry(peer->kept, NULL);
        forwards_link_changed(peer->forwards);
    }
}

static const LinkWatchOps link_ops = {.changed = on_link_changed};

/* ---- from readings -------------------------------------------------------- */

static void on_reading_received(const HistoryReading *reading, gpointer data)
{
    Peer *peer = data;

    peer->observer->received(reading, peer->observer_data);
}

static void on_readings_changed(gpointer data)
{
    peer_update(data);
}

static const ReadingsOps readings_ops = {
    .received = on_reading_received,
    .changed = on_readings_changed,
};

/* ---- the daemon's steps --------------------------------------------------- */

bool peer_configure(Peer *peer, const char *path, bool required, GError **error)
{
    g_free(peer->config_path);
    peer->config_path = g_strdup(path);
    return peer_config_load(&peer->config, path, required, error);
}

static ReadingsSettings peer_readings_settings(const Peer *peer)
{
    const PeerConfig *config = &peer->config;

    return (ReadingsSettings){.limits = {.outbox = config->outbox,
                                         .history = config->history,
                                         .history_time = config->history_time},
                              .source = config->source,
                              .interval = config->interval};
}

static CallLimits peer_limits(const Peer *peer)
{
    return (CallLimits){.max_calls = peer->config.max_calls,
                        .max_pending = peer->config.max_pending,
                        .max_strangers = peer->config.max_strangers,
                        .max_per_stranger = peer->config.max_per_stranger,
                        .max_pending_strangers = peer->config.max_pending_strangers};
}

/* known_peers is beside the configuration file, known_peers of the state directory ours. */
static KnownPeers *make_known(const Peer *peer, const char *folder)
{
    g_autofree char *admin = peer_config_beside(peer->config_path, "known_peers");
    g_autofree char *learned = g_build_filename(folder, "known_peers", NULL);

    return known_peers_new(admin, learned);
}

static Services *make_services(const Peer *peer)
{
    g_autofree char *folder = peer_config_beside(peer->config_path, "services.d");

    return services_new(folder);
}

static void make_calls(Peer *peer)
{
    const Room *room = signaling_room(peer->signaling);
    CallLimits limits = peer_limits(peer);
    CallUser user = {
        .ops = &call_ops, .data = peer, .guard = &call_trust_ops, .guard_data = &peer->call_trust};

    peer->calls = calls_new(room, &limits, &calls_ops, &user);
    peer->dispatch =
        call_dispatch_new(peer->calls, room, peer->config.max_early, &dispatch_ops, peer);
    peer->call_trust = (CallTrust){.known = peer->known,
                                   .identity = peer->identity,
                                   .calls = peer->calls,
                                   .copied = on_part_changed,
                                   .data = peer};
}

static const ForwardsOps forwards_ops = {.changed = on_part_changed};

/* Whom to keep is remembered in the state directory. */
static void make_kept(Peer *peer, const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "kept_peers", NULL);
    g_autofree char *forwards = peer_config_beside(peer->config_path, "forwards.d");

    peer->kept =
        kept_calls_new(peer->calls, signaling_room(peer->signaling), path, &kept_ops, peer);
    peer->forwards = forwards_new(forwards, peer->calls, peer->kept, &forwards_ops, peer);
}

static void make_pairing(Peer *peer)
{
    peer->pairing_outcome = (PairingOutcome){.known = peer->known,
                                             .identity = peer->identity,
                                             .send = on_send,
                                             .paired = on_paired,
                                             .data = peer};
    peer->pairing = pairing_desk_new(signaling_room(peer->signaling), peer_fingerprint(peer),
                                     &pairing_outcome_ops, &peer->pairing_outcome);
}

static void load_known(Peer *peer)
{
    g_autoptr(GError) error = NULL;

    known_peers_set_limit(peer->known, peer->config.max_known);
    if (!known_peers_load(peer->known, &error))
        log_event(LOG_LEVEL_FAILURE, (.message_id = MESSAGE_KNOWN_PEERS_BROKEN), "%s",
                  error->message);
}

/* The other name is of the key. */
static void apply_names(Peer *peer)
{
    g_autofree char *name = peer_config_name(&peer->config);
    g_autofree char *other_name =
        peer_config_other_name(&peer->config, name, peer_fingerprint(peer));

    if (peer->name && strcmp(peer->name, name) != 0)
        log_info(_("our name is %s now, it was %s"), name, peer->name);
    g_free(peer->name);
    peer->name = g_strdup(name);
    signaling_set(
        peer->signaling,
        &(SignalingSettings){.relay = &peer->config.relay, .name = name, .other_name = other_name});
}

/* What of the configuration is in use elsewhere, at start and at each reload. */
static void peer_apply(Peer *peer)
{
    CallLimits limits = peer_limits(peer);
    ReadingsSettings settings = peer_readings_settings(peer);

    load_known(peer);
    peer->call_trust.rules =
        (TrustRules){.policy = peer->config.policy, .accept = peer->config.accept};
    tls_trust_unref(peer->trust);
    peer->trust = tls_trust_new(peer->config.ca_file);
    update_servers(peer, true);
    calls_set_limits(peer->calls, &limits);
    kept_calls_set_max_calls(peer->kept, limits.max_calls);
    kept_calls_set_configured(peer->kept, (const char *const *) peer->config.keep);
    call_dispatch_set_max_early(peer->dispatch, peer->config.max_early);
    readings_set(peer->readings, &settings);
    if (identity_certificate(peer->identity))
        apply_names(peer);
    else
        signaling_hold(peer->signaling, &peer->config.relay, identity_problem(peer->identity));
}

/* ---- from identity ---------------------------------------------------------- */

static void on_identity_ready(gpointer data)
{
    Peer *peer = data;

    load_known(peer); /* it is in the same folder, and so is whom to keep */
    kept_calls_load(peer->kept);
    pairing_desk_set_fingerprint(peer->pairing, peer_fingerprint(peer));
    apply_names(peer);
}

static void on_identity_waiting(const char *problem, gpointer data)
{
    Peer *peer = data;

    signaling_hold(peer->signaling, &peer->config.relay, problem);
}

static const IdentityOps identity_ops = {
    .ready = on_identity_ready,
    .waiting = on_identity_waiting,
};

/* ---- start and end ---------------------------------------------------------- */

bool peer_prepare(Peer *peer, Daemon *daemon, GError **error)
{
    g_autofree char *folder = daemon_state_directory(daemon);
    ReadingsSettings settings = peer_readings_settings(peer);

    peer->daemon = daemon;
    listen_fds_init();
    peer->identity = identity_new(folder, &identity_ops, peer);
    peer->known = make_known(peer, folder);
    peer->services = make_services(peer);
    if (!identity_open(peer->identity, error) || !services_load(peer->services, error))
        return false;
    peer->links = service_links_new();
    peer->server_watch = server_watch_new(&server_ops, peer);
    peer->signaling = signaling_new(&signaling_ops, peer);
    make_calls(peer);
    make_kept(peer, folder);
    make_pairing(peer);
    peer->readings = readings_new(folder, &settings, &readings_ops, peer);
    peer->metrics = peer_metrics_new(
        &(PeerMetricsWorld){signaling_room(peer->signaling), peer->calls, peer->readings},
        peer->config.metrics_listen, peer->config.metrics_names, error);
    return peer->metrics != NULL;
}

void peer_begin(Peer *peer, const PeerOps *observer, gpointer data)
{
    peer->observer = observer;
    peer->observer_data = data;
    peer->pairing_outcome.news = &observer->pairing;
    peer->pairing_outcome.news_data = data;
    kept_calls_load(peer->kept);
    peer_apply(peer);
    peer->link = link_watch_new(&link_ops, peer);
    forwards_load(peer->forwards);
}

void peer_reload(Peer *peer)
{
    g_autoptr(GError) error = NULL;

    peer_apply(peer);
    peer_metrics_reload(peer->metrics, peer->config.metrics_listen, peer->config.metrics_names);
    if (!services_load(peer->services, &error))
        log_warning(_("no service is offered until this is repaired and read again: %s"),
                    error->message);
    forwards_load(peer->forwards);
    peer_update(peer);
}

void peer_stop(Peer *peer)
{
    kept_calls_stop(peer->kept);
    calls_hang_up_all(peer->calls, CALL_REASON_STOPPED);
    pairing_desk_cancel(peer->pairing, _("the daemon stopped"));
    signaling_stop(peer->signaling);
}

/* ---- the object ----------------------------------------------------------- */

Peer *peer_new(void)
{
    return g_new0(Peer, 1);
}

void peer_free(Peer *peer)
{
    if (!peer)
        return;
    g_clear_pointer(&peer->link, link_watch_free);
    if (peer->calls)
        calls_hang_up_all(peer->calls, CALL_REASON_STOPPED);
    g_clear_pointer(&peer->forwards, forwards_free);
    g_clear_pointer(&peer->metrics, peer_metrics_free);
    g_clear_pointer(&peer->kept, kept_calls_free);
    g_clear_pointer(&peer->dispatch, call_dispatch_free);
    g_clear_pointer(&peer->calls, calls_free);
    g_clear_pointer(&peer->pairing, pairing_desk_free);
    g_clear_pointer(&peer->signaling, signaling_free);
    g_clear_pointer(&peer->readings, readings_free);
    g_clear_pointer(&peer->identity, identity_free);
    g_clear_pointer(&peer->known, known_peers_free);
    g_clear_pointer(&peer->links, stream_links_free);
    g_clear_pointer(&peer->services, services_free);
    g_free(peer->config_path);
    g_free(peer->name);
    g_clear_pointer(&peer->server_watch, server_watch_free);
    g_strfreev(peer->servers);
    tls_trust_unref(peer->trust);
    peer_config_clear(&peer->config);
    g_free(peer);
}

Call *peer_create_call(Peer *peer, const CarriedCallOptions *options, GError **error)
{
    return calls_create(peer->calls, options, error);
}

Call *peer_call(Peer *peer, const char *whom, const CallOptions *options, GError **error)
{
    return calls_place(peer->calls, whom, options, error);
}

bool peer_trust(Peer *peer, const char *name, const char *fingerprint, GError **error)
{
    g_autofree char *canonical = fingerprint_parse(fingerprint);

    if (!canonical || !*name) {
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                            canonical ? _("a name must not be empty")
                                      : _("a fingerprint is \"sha-256:\" and 64 hexadecimal "
                                          "digits, with colons between the bytes or without"));
        return false;
    }
    if (!known_peers_add(peer->known, name, canonical, "trusted by hand", true, error))
        return false;
    log_event(G_LOG_LEVEL_INFO, (.message_id = MESSAGE_PEER_REMEMBERED, .remote = name),
              _("%s is remembered with the key %s"), name, canonical);
    kept_calls_retry(peer->kept, name);
    return true;
}

bool peer_forget(Peer *peer, const char *name, GError **error)
{
    if (!known_peers_forget(peer->known, name, error))
        return false;
    log_event(G_LOG_LEVEL_INFO, (.message_id = MESSAGE_PEER_FORGOTTEN, .remote = name),
              _("%s is forgotten"), name);
    kept_calls_retry(peer->kept, name);
    return true;
}

/* Calls are with the old key, so they end: what Fingerprint says holds for all there are. */
bool peer_new_identity(Peer *peer, GError **error)
{
    if (!identity_renew(peer->identity, error)) {
        g_prefix_error(error, "%s", _("the old key stays: "));
        return false;
    }
    log_event(G_LOG_LEVEL_INFO, (.message_id = MESSAGE_KEY_RENEWED),
              _("this peer has a new key, %s: whoever knows it has to be told"),
              peer_fingerprint(peer));
    calls_hang_up_all(peer->calls, CALL_REASON_NEW_KEY);
    pairing_desk_cancel(peer->pairing, _("this peer has a new key"));
    pairing_desk_set_fingerprint(peer->pairing, peer_fingerprint(peer));
    apply_names(peer);
    peer_update(peer);
    return true;
}

char *peer_pair(Peer *peer, guint seconds, const PairingWish *wish, GError **error)
{
    char *code = pairing_desk_open(peer->pairing, seconds, wish, error);

    if (code)
        log_event(G_LOG_LEVEL_INFO, (.message_id = MESSAGE_PAIRING_OPENED),
                  _("a pairing code is shown, for %u seconds"), seconds);
    return code;
}

bool peer_pair_with(Peer *peer, const char *code, const PairingWish *wish, GError **error)
{
    return pairing_desk_join(peer->pairing, code, wish, error);
}

bool peer_confirm_pairing(Peer *peer, const PairingWish *wish, GError **error)
{
    return pairing_desk_accept(peer->pairing, wish, error);
}

bool peer_cancel_pairing(Peer *peer, GError **error)
{
    if (pairing_desk_cancel(peer->pairing, _("taken back")))
        return true;
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED, _("there is no pairing"));
    return false;
}

const KnownPeers *peer_known(const Peer *peer)
{
    return peer->known;
}

bool peer_publish(Peer *peer, const Reading *reading, StoreDone done, gpointer done_data,
                  GError **error)
{
    return readings_publish(peer->readings, reading, done, done_data, error);
}

Store *peer_store(const Peer *peer)
{
    return readings_store(peer->readings);
}

const Room *peer_room(const Peer *peer)
{
    return signaling_room(peer->signaling);
}

const char *peer_fingerprint(const Peer *peer)
{
    return identity_fingerprint(peer->identity);
}

const char *const *peer_key_copies(const Peer *peer)
{
    return identity_copies(peer->identity);
}

const char *peer_relay_url(const Peer *peer)
{
    return signaling_url(peer->signaling);
}

const ServerWatch *peer_server_watch(const Peer *peer)
{
    return peer->server_watch;
}

guint peer_listeners(const Peer *peer)
{
    return readings_listeners(peer->readings);
}

const Services *peer_services(const Peer *peer)
{
    return peer->services;
}

KeptCalls *peer_kept(const Peer *peer)
{
    return peer->kept;
}

char **peer_problems(const Peer *peer)
{
    const char *kept = kept_calls_problem(peer->kept);
    g_autoptr(GStrvBuilder) problems = g_strv_builder_new();

    if (kept)
        g_strv_builder_add(problems, kept);
    g_strv_builder_addv(problems, (const char **) peer->config.warnings);
    g_strv_builder_addv(problems, (const char **) forwards_problems(peer->forwards));
    return g_strv_builder_end(problems);
}

const Forwards *peer_forwards(const Peer *peer)
{
    return peer->forwards;
}
