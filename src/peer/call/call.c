/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The state machine of a call, its channels and its end. It never looks at the relay: frames
 * go in and out by call-frames.c. The
 * connection is made when there is something to say to it, so a call that
 * nobody answers costs no sockets.
 */

#include <config.h>

#include <glib/gi18n.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"
#include "peer/call/call-log.h"
#include "peer/call/call-private.h"
#include "peer/error.h"

enum {                      /* milliseconds */
       ENDING_LIMIT = 5000, /* how long an orderly end may take */
       LAST_WORDS = 300,    /* how long after the end of its connection a `bye` may say why */
};

static const char *const state_names[] = {
    [CALL_CALLING] = "calling",     [CALL_CONNECTING] = "connecting",
    [CALL_CONNECTED] = "connected", [CALL_RECONNECTING] = "reconnecting",
    [CALL_CLOSED] = "closed",
};

const char *call_state_to_string(CallState state)
{
    return state_names[state];
}

#define BIT(state) (1u << (state))
static const guint allowed_next[] = {
    [CALL_CALLING] = BIT(CALL_CONNECTING) | BIT(CALL_CLOSED),
    [CALL_CONNECTING] = BIT(CALL_CONNECTED) | BIT(CALL_CLOSED),
    [CALL_CONNECTED] = BIT(CALL_RECONNECTING) | BIT(CALL_CLOSED),
    [CALL_RECONNECTING] = BIT(CALL_CONNECTED) | BIT(CALL_CLOSED),
};

void call_enter_state(Call *call, CallState state)
{
    CallState old = call->state;

    if (state == old)
        return;
    g_return_if_fail(allowed_next[old] & BIT(state));
    call->state = state;
    log_debug("call %u: %s → %s", call->number, call_state_to_string(old),
              call_state_to_string(state));

    if (state != CALL_CONNECTING)
        g_clear_handle_id(&call->timeout_id, g_source_remove);
    call->reconnecting_since = state == CALL_RECONNECTING ? clock_wall() : 0;
    call->path_failed = call->path_failed && state == CALL_RECONNECTING;
    call_ladder_state(call, old);
    if (state == CALL_CONNECTED && old == CALL_CONNECTING) {
        call->connected_at = clock_wall();
        call_log_connected(call);
    } else if (state == CALL_RECONNECTING) {
        call_log_silent(call);
    } else if (state == CALL_CLOSED) {
        call_log_ended(call);
    }
    call->user.ops->changed(call, call->user.data);
    if (state == CALL_CLOSED)
        call->user.ops->ended(call, call->user.data);
}

/* ---- the end -------------------------------------------------------------- */

static void tell_channel(Call *call, CallChannel *channel, CallChannelEvent event)
{
    if (!call_ladder_has(channel))
        call->user.ops->channel(call, channel, event, call->user.data);
}

void call_drop_channels(Call *call)
{
    while (call->channels->len > 0) {
        CallChannel *channel = g_ptr_array_steal_index(call->channels, call->channels->len - 1);

        call_channel_detach(channel);
        tell_channel(call, channel, CALL_CHANNEL_REMOVED);
        call_channel_free(channel);
    }
}

void call_close(Call *call, const char *reason, bool say_bye)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);

    if (call->state == CALL_CLOSED || call->reason)
        return;
    call->reason = g_strdup(reason);
    g_clear_handle_id(&call->ending_id, g_source_remove);
    g_clear_pointer(&call->path, call_path_free);
    g_clear_pointer(&call->servers, call_servers_free);
    if (say_bye)
        call_say_bye(call);
    for (guint i = 0; i < call->channels->len; i++)
        call_channel_drain(call->channels->pdata[i]);
    g_clear_pointer(&call->capture, call_capture_free);
    g_clear_pointer(&call->connection, connection_free);
    call_drop_channels(call);
    call_enter_state(call, CALL_CLOSED);
}

void call_hang_up(Call *call, const char *reason)
{
    call_close(call, reason, true);
}

void call_turn_away(Call *call, const char *reason)
{
    call->bye_reason = FRAME_REASON_BUSY;
    call_close(call, reason, true);
}

static gboolean on_ending(gpointer data)
{
    Call *call = data;

    call->ending_id = 0;
    call_close(call, call->ending, connection_state(call->connection) < CONNECTION_FAILED);
    return G_SOURCE_REMOVE;
}

static bool call_is_busy(const Call *call)
{
    bool busy = call->connection && connection_is_unacknowledged(call->connection);

    for (guint i = 0; i < call->channels->len && !busy; i++)
        busy = call_channel_is_busy(call->channels->pdata[i]);
    return busy;
}

/* A channel that closes in good order takes everything with it (RFC 8831 6.7): the remote
 * answers when it has read that far. */
void call_hang_up_when_sent(Call *call, const char *reason)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);
    g_autoptr(GPtrArray) channels = NULL;

    if (call->state != CALL_CONNECTED || call->ending_id || call->channels->len == 0 ||
        !call_is_busy(call)) {
        call_close(call, reason, true);
        return;
    }
    g_free(call->ending);
    call->ending = g_strdup(reason);
    call->ending_id = clock_timer_add(ENDING_LIMIT, on_ending, call);
    channels = g_ptr_array_copy(call->channels, NULL, NULL);
    for (guint i = 0; i < channels->len; i++) {
        if (g_ptr_array_find(call->channels, channels->pdata[i], NULL))
            call_channel_close(channels->pdata[i]);
    }
}

void call_drop(Call *call, const char *reason)
{
    call_close(call, reason, false);
}

/* What has not come in time */
static const char *timeout_reason(const Call *call)
{
    if (call->described)
        return CALL_REASON_NO_PATH;
    if (call->carried)
        return CALL_REASON_NO_ANSWER_CARRIED;
    return *call->target || call->identity.id ? CALL_REASON_UNANSWERED : CALL_REASON_NOBODY;
}

static gboolean on_timeout(gpointer data)
{
    Call *call = data;

    call->timeout_id = 0;
    call_close(call, timeout_reason(call), true);
    return G_SOURCE_REMOVE;
}

/* ---- channels ------------------------------------------------------------- */

static void call_note_open(Call *call)
{
    if (call->setup_time != 0)
        return;
    call->setup_time = MAX(clock_monotonic() - call->started, 1);
    call->user.ops->changed(call, call->user.data);
}

static void on_channel_state(CallChannel *channel, ChannelState state)
{
    g_autoptr(Call) call = call_ref(call_channel_call(channel));

    call_ladder_channel(call, channel);
    if (state == CHANNEL_OPEN)
        call_note_open(call);
    if (state != CHANNEL_CLOSED) {
        tell_channel(call, channel, CALL_CHANNEL_CHANGED);
    } else if (g_ptr_array_remove(call->channels, channel)) {
        /* The end of a whole call is said once, not for each channel. */
        if (*call_channel_reason(channel) && connection_state(call->connection) < CONNECTION_FAILED)
            call_log_channel_closed(call, channel);
        tell_channel(call, channel, CALL_CHANNEL_REMOVED);
        call_channel_free(channel);
        if (call->ending_id && call->channels->len == 0)
            call_close(call, call->ending, true);
    }
}

static void on_channel_shorter(CallChannel *channel)
{
    Call *call = call_channel_call(channel);

    tell_channel(call, channel, CALL_CHANNEL_SHORTER);
}

static CallChannel *call_add_channel(Call *call, Channel *rtc, CallChannelOrigin origin)
{
    const CallChannelUser user = {.state = on_channel_state,
                                  .shorter = call->stepwise ? on_channel_shorter : NULL,
                                  .message = call->user.ops->message,
                                  .data = call->user.data};
    CallChannel *channel = call_channel_new(call, ++call->last_channel, origin, rtc, &user);

    g_ptr_array_add(call->channels, channel);
    if (call_ladder_take(call, channel))
        return channel;
    call_ladder_channel(call, channel);
    tell_channel(call, channel, CALL_CHANNEL_ADDED);
    if (channel_state(rtc) == CHANNEL_OPEN) /* one that the remote opened comes so */
        call_note_open(call);
    return channel;
}

CallChannel *call_open_channel(Call *call, const char *label, const ChannelOptions *options,
                               GError **error)
{
    Channel *rtc;

    if (call->stepwise && !call_need_connection(call, error))
        return NULL;
    if (!call->connection) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED,
                    _("call %u has not been answered yet"), call->number);
        return NULL;
    }
    rtc = connection_open_channel(call->connection, label, options, error);
    return rtc ? call_add_channel(call, rtc, CALL_CHANNEL_OUTGOING) : NULL;
}

CallChannel *call_find_channel(const Call *call, guint number)
{
    for (guint i = 0; i < call->channels->len; i++) {
        if (call_channel_number(call->channels->pdata[i]) == number)
            return call->channels->pdata[i];
    }
    return NULL;
}

/* ---- the connection ------------------------------------------------------- */

/* Within the DTLS handshake, by the certificate on the wire and not by the SDP. */
static bool on_verify(Connection *connection, const char *fingerprint, GError **error,
                      gpointer data)
{
    Call *call = data;
    TrustAnswer answer = {};
    g_autoptr(GError) local = NULL;

    if (!call->user.guard->verify(call, fingerprint, &answer, &local, call->user.guard_data)) {
        call->bye_reason = g_error_matches(local, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED)
                               ? FRAME_REASON_BUSY
                               : FRAME_REASON_UNTRUSTED;
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_SECURITY, local->message);
        return false;
    }
    call_identity_verify(&call->identity, fingerprint, &answer);
    call->user.ops->changed(call, call->user.data);
    for (guint i = 0; i < call->channels->len; i++)
        tell_channel(call, call->channels->pdata[i], CALL_CHANNEL_CHANGED);
    return true;
}

static void call_connected(Call *call)
{
    g_autoptr(GError) error = NULL;

    if (call->state == CALL_CONNECTING &&
        !call->user.guard->connected(call, &error, call->user.guard_data)) {
        call->bye_reason = FRAME_REASON_UNTRUSTED;
        call_close(call, error->message, true);
        return;
    }
    call_path_connected(call);
    call_enter_state(call, CALL_CONNECTED);
}

/* The direct way is often faster than the `bye`, which says why; else it is for REASON. */
static void call_await_bye(Call *call, const char *reason)
{
    const char *to;

    if (call->carried || call->foreign || !call->user.ops->locate(call, &to, call->user.data)) {
        call_close(call, reason, false);
        return;
    }
    if (call->ending_id)
        return;
    g_clear_pointer(&call->path, call_path_free);
    call->ending = g_strdup(reason);
    call->ending_id = clock_timer_add(LAST_WORDS, on_ending, call);
}

static void call_failed(Call *call, const GError *reason)
{
    g_autofree char *text = g_strdup(reason ? reason->message : "the connection failed");

    if (g_error_matches(reason, RTC_ERROR, RTC_ERROR_REFUSED))
        call_await_bye(call, CALL_REASON_UNTRUSTED);
    else if (g_error_matches(reason, RTC_ERROR, RTC_ERROR_NO_PATH))
        call_close(call, CALL_REASON_NO_PATH, true);
    else /* it may be our side only that gave up, so the remote is told */
        call_close(call, text, true);
}

static void on_connection_state(Connection *connection, ConnectionState state, const GError *reason,
                                gpointer data)
{
    Call *call = data;
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);
    g_autofree char *text = reason ? g_strdup(reason->message) : NULL;

    switch (state) {
    case CONNECTION_NEW:
    case CONNECTION_CONNECTING:
        return;
    case CONNECTION_CONNECTED:
        call_connected(call);
        return;
    case CONNECTION_DISCONNECTED:
        call_enter_state(call, CALL_RECONNECTING);
        call_path_disconnected(call);
        return;
    case CONNECTION_FAILED:
        call_failed(call, reason);
        return;
    case CONNECTION_CLOSED:
        if (text)
            call_close(call, text, false);
        else
            call_await_bye(call, CALL_REASON_REMOTE_HANGUP);
        return;
    }
}

static void on_remote_channel(Connection *connection, Channel *channel, gpointer data)
{
    call_add_channel(data, channel, CALL_CHANNEL_INCOMING);
}

static const ConnectionOps connection_ops = {
    .description = call_describe,
    .candidate = call_tell_candidate,
    .state = on_connection_state,
    .restart = call_prepare_restart,
    .path = call_note_path,
    .channel = on_remote_channel,
    .verify = on_verify,
};

bool call_make_connection(Call *call, GError **error)
{
    ConnectionConfig config = {};

    call_configure(call, &config);
    config.patience = call->carried && !call->stepwise ? CALL_CARRIED_TIMEOUT : 0;
    call->connection = connection_new(&config, &connection_ops, call, error);
    if (call->connection)
        call_capture_follow(call->capture, call->connection);
    return call->connection != NULL;
}

bool call_try_offer(Call *call, GError **error)
{
    Channel *channel;

    if (!call_make_connection(call, error))
        return false;
    if (call->bare)
        return connection_offer(call->connection, error);
    channel = connection_open_channel(call->connection, DEFAULT_CHANNEL_LABEL,
                                      &CHANNEL_OPTIONS_DEFAULT, error);
    if (!channel)
        return false;
    call_add_channel(call, channel, CALL_CHANNEL_PUBLISHING);
    return connection_offer(call->connection, error);
}

void call_make_offer(Call *call)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);
    g_autoptr(GError) error = NULL;

    g_return_if_fail(call->state == CALL_CALLING);
    ladder_add(&call->ladder, call->started, LADDER_IN, "call", NULL);
    call_enter_state(call, CALL_CONNECTING);
    if (!call_try_offer(call, &error))
        call_close(call, error->message, true);
}

/* ---- the object ----------------------------------------------------------- */

Call *call_new(const CallInfo *info, const CallUser *user)
{
    Call *call = g_rc_box_new0(Call);

    call->user = *user;
    call->number = info->number;
    call->direction = info->direction;
    call->session = g_strdup(info->session);
    call->target = g_strdup(info->target ? info->target : "");
    call->identity.asked = g_strdup(info->asked);
    call->identity.id = g_strdup(info->id);
    call->identity.claimed = g_strdup(info->claimed);
    call->identity.shown = g_strdup(info->shown ? info->shown : call->target);
    call->known_name = info->known_name;
    call->for_everybody = info->for_everybody;
    call->carried = info->carried;
    call->program = g_strdup(info->program);
    call->bare = info->bare;
    call->stepwise = info->stepwise;
    call->certificate = info->certificate ? certificate_ref(info->certificate) : NULL;
    call->ice_servers = g_strdupv((char **) info->ice_servers);
    call->relay_only = info->relay_only;
    call->wanted = g_strdup(info->fingerprint);
    call->channel_id = g_strdup(info->channel_id);
    call->foreign = info->direction == CALL_INCOMING && !info->session;
    call->channels = g_ptr_array_new();
    call->started = clock_monotonic();
    if (info->timeout > 0)
        call->timeout_id = clock_timer_add(info->timeout, on_timeout, call);
    return call;
}

Call *call_ref(Call *call)
{
    return g_rc_box_acquire(call);
}

static void call_clear(gpointer data)
{
    Call *call = data;

    g_clear_handle_id(&call->timeout_id, g_source_remove);
    g_clear_handle_id(&call->ending_id, g_source_remove);
    g_free(call->ending);
    g_free(call->way);
    g_free(call->program);
    g_clear_pointer(&call->path, call_path_free);
    g_clear_pointer(&call->servers, call_servers_free);
    g_clear_pointer(&call->capture, call_capture_free);
    g_clear_pointer(&call->connection, connection_free);
    ladder_clear(&call->ladder);
    g_ptr_array_set_free_func(call->channels, (GDestroyNotify) call_channel_free);
    g_ptr_array_unref(call->channels);
    g_free(call->reason);
    g_free(call->session);
    g_free(call->target);
    call_identity_clear(&call->identity);
    g_free(call->wanted);
    g_free(call->channel_id);
    g_strfreev(call->ice_servers);
    g_clear_pointer(&call->certificate, certificate_unref);
}

void call_unref(Call *call)
{
    g_rc_box_release_full(call, call_clear);
}

guint call_number(const Call *call)
{
    return call->number;
}

CallDirection call_direction(const Call *call)
{
    return call->direction;
}

CallState call_state(const Call *call)
{
    return call->state;
}

const char *call_reason(const Call *call)
{
    return call->reason ? call->reason : "";
}

const char *call_session(const Call *call)
{
    return call->session;
}

const char *call_target(const Call *call)
{
    return call->target;
}

const CallIdentity *call_identity(const Call *call)
{
    return &call->identity;
}

const char *call_remote(const Call *call)
{
    return call->identity.id;
}

/* "a peer without a name" reads better than nothing */
const char *call_peer_for_people(const Call *call)
{
    return *call->identity.shown ? call->identity.shown : _("a peer without a name");
}

const char *call_peer(const Call *call)
{
    return call->identity.shown;
}

const char *call_wanted(const Call *call)
{
    return call->wanted;
}

const char *call_fingerprint(const Call *call)
{
    return call->identity.verified;
}

TrustLevel call_trust(const Call *call)
{
    return call->identity.trust;
}

bool call_is_vouched(const Call *call)
{
    return call->identity.verified && call->user.guard->vouches(call, call->user.guard_data);
}

gint64 call_started(const Call *call)
{
    return call->started;
}

guint64 call_connected_at(const Call *call)
{
    return call->connected_at;
}

bool call_has_no_path(const Call *call)
{
    return call->path_failed;
}

guint64 call_reconnecting_since(const Call *call)
{
    return call->reconnecting_since;
}

guint64 call_setup_time(const Call *call)
{
    return call->setup_time;
}

bool call_is_pending(const Call *call)
{
    return call->state == CALL_CALLING || call->state == CALL_CONNECTING;
}

static bool is_known(const Call *call)
{
    return call->identity.verified ? call->identity.trust == TRUST_KNOWN : call->known_name;
}

bool call_is_stranger(const Call *call)
{
    return call->direction == CALL_INCOMING && !is_known(call);
}

bool call_is_own(const Call *call)
{
    return call->direction == CALL_OUTGOING && !call->for_everybody;
}

bool call_is_unasked(const Call *call)
{
    return !call_is_own(call) && !is_known(call);
}

bool call_awaits_offer(const Call *call)
{
    return call->state == CALL_CALLING && call->direction == CALL_OUTGOING && !call->carried;
}

bool call_is_carried(const Call *call)
{
    return call->carried;
}

bool call_is_stepwise(const Call *call)
{
    return call->stepwise;
}

const char *call_program(const Call *call)
{
    return call->program;
}

void call_note_program_gone(Call *call)
{
    g_clear_pointer(&call->program, g_free);
}

bool call_is_described(const Call *call)
{
    return call->described;
}

bool call_awaits_answer(const Call *call)
{
    return call->asked && call->state != CALL_CLOSED;
}

bool call_is_foreign(const Call *call)
{
    return call->foreign;
}

bool call_may_hear_early(const Call *call)
{
    return call->identity.verified && !call_is_foreign(call) &&
           (call->identity.trust != TRUST_NEW || !call->identity.asked);
}

bool call_is_ending(const Call *call)
{
    return call->ending_id != 0;
}

bool call_was_refused(const Call *call)
{
    static const char *const refusals[] = {CALL_REASON_UNTRUSTED, CALL_REASON_BUSY,
                                           CALL_REASON_REFUSED, NULL};

    return call->bye_reason || (call->reason && g_strv_contains(refusals, call->reason));
}

bool call_remote_speaks(const Call *call, const char *protocol)
{
    return call->connection && connection_remote_speaks(call->connection, protocol);
}

void call_get_stats(Call *call, ConnectionStats *stats)
{
    *stats = (ConnectionStats){};
    if (call->connection)
        connection_get_stats(call->connection, stats);
}
