/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The calls of a peer: what they are made with, and who is told of them. */

#include <config.h>

#include "peer/peer-private.h"

#include <string.h>

#include "common/log.h"
#include "common/names.h"
#include "common/stream.h"

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
    .send = peer_send,
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

static bool on_is_emitter(gpointer data)
{
    Peer *peer = data;

    return readings_is_emitter(peer->readings);
}

static const CallDispatchOps dispatch_ops = {.is_emitter = on_is_emitter};

void peer_make_calls(Peer *peer)
{
    const Room *room = signaling_room(peer->signaling);
    CallLimits limits = peer_call_limits(peer);
    CallUser user = {
        .ops = &call_ops, .data = peer, .guard = &call_trust_ops, .guard_data = &peer->call_trust};

    peer->calls = calls_new(room, &limits, &calls_ops, &user);
    peer->dispatch =
        call_dispatch_new(peer->calls, room, peer->config.max_early, &dispatch_ops, peer);
    peer->call_trust = (CallTrust){.known = peer->known,
                                   .identity = peer->identity,
                                   .calls = peer->calls,
                                   .copied = peer_part_changed,
                                   .data = peer};
}
