/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/peer-private.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/listen-fds.h"
#include "common/log.h"
#include "peer/signaling/ice-servers.h"

/* A part has news of which there is nothing to do here. */
void peer_part_changed(gpointer data)
{
    Peer *peer = data;

    peer->observer->updated(peer->observer_data);
}

void peer_update(Peer *peer)
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
    .changed = peer_part_changed,
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

void peer_send(const Frame *frame, gpointer data)
{
    Peer *peer = data;

    if (!signaling_send(peer->signaling, frame))
        log_debug("no relay for a frame of type %s", frame_type_to_string(frame->type));
}

static const SignalingOps signaling_ops = {
    .expects = on_expects,
    .state = on_relay_state,
    .joined = on_joined,
    .leaving = on_leaving,
    .left = on_left,
    .ice_servers = on_ice_servers,
    .members = peer_part_changed,
    .frame = on_frame,
    .no_such_peer = on_no_such_peer,
    .stopped = on_stopped,
};

/* ---- from kept calls --------------------------------------------------------- */

static void on_kept_changed(gpointer data)
{
    Peer *peer = data;

    peer->observer->kept_changed(peer->observer_data);
}

static const KeptCallsOps kept_ops = {.changed = on_kept_changed};

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

CallLimits peer_call_limits(const Peer *peer)
{
    return (CallLimits){.max_calls = peer->config.max_calls,
                        .max_pending = peer->config.max_pending,
                        .max_strangers = peer->config.max_strangers,
                        .max_per_stranger = peer->config.max_per_stranger,
                        .max_pending_strangers = peer->config.max_pending_strangers};
}

static Services *make_services(const Peer *peer)
{
    g_autofree char *folder = peer_config_beside(peer->config_path, "services.d");

    return services_new(folder);
}

static const ForwardsOps forwards_ops = {.changed = peer_part_changed};

/* Whom to keep is remembered in the state directory. */
static void make_kept(Peer *peer, const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "kept_peers", NULL);
    g_autofree char *forwards = peer_config_beside(peer->config_path, "forwards.d");

    peer->kept =
        kept_calls_new(peer->calls, signaling_room(peer->signaling), path, &kept_ops, peer);
    peer->forwards = forwards_new(forwards, peer->calls, peer->kept, &forwards_ops, peer);
}

/* The other name is of the key. */
void peer_apply_names(Peer *peer)
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
    CallLimits limits = peer_call_limits(peer);
    ReadingsSettings settings = peer_readings_settings(peer);

    peer_load_known(peer);
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
        peer_apply_names(peer);
    else
        signaling_hold(peer->signaling, &peer->config.relay, identity_problem(peer->identity));
}

/* ---- start and end ---------------------------------------------------------- */

bool peer_prepare(Peer *peer, Daemon *daemon, GError **error)
{
    g_autofree char *folder = daemon_state_directory(daemon);
    ReadingsSettings settings = peer_readings_settings(peer);

    peer->daemon = daemon;
    listen_fds_init();
    peer_make_trust(peer, folder);
    peer->services = make_services(peer);
    if (!identity_open(peer->identity, error) || !services_load(peer->services, error))
        return false;
    peer->links = service_links_new();
    peer->server_watch = server_watch_new(&server_ops, peer);
    peer->signaling = signaling_new(&signaling_ops, peer);
    peer_make_calls(peer);
    make_kept(peer, folder);
    peer_make_pairing(peer);
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
