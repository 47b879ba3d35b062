/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Stream ids, DCEP, and the host of the channels: what they share is here, and
 * they know it as ChannelHostOps. Whose turn it is says the scheduler.
 *
 * A channel that has closed is freed from the main loop, so that nobody up the
 * stack is left with a dangling pointer.
 */

#include <config.h>

#include "rtc/channel/channel-set.h"

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "rtc/channel/channel-private.h"
#include "rtc/channel/early-store.h"
#include "rtc/error.h"

#define MAX_ID 65534 /* RFC 8831 6.2: 65535 is reserved */
/* Unordered messages may overtake the OPEN of their channel. */
#define EARLY_MAX (256 * 1024)
/* What all channels may hold before the association is not read any more: as much as four may */
#define INBOXES_MAX (4 * 1024 * 1024)
#define INBOXES_MESSAGES (256 * 1024)

struct ChannelSet {
    ChannelSetConfig config;
    GPtrArray *channels; /* of Channel, owned; closed ones until they are reaped */
    Association *association;
    bool even, connected, silent, flushing;
    bool blocked; /* SCTP takes nothing now: what is sent waits for its turn */
    gsize remote_max;
    gsize buffered;
    Scheduler *scheduler;
    guint reaper;
    guint opener;
    EarlyStore *early;
    guint64 round_trip_usec;
};

ChannelSet *channel_set_new(const ChannelSetConfig *config)
{
    ChannelSet *set = g_new0(ChannelSet, 1);

    set->config = *config;
    set->channels = g_ptr_array_new_with_free_func((GDestroyNotify) channel_free);
    set->remote_max = ASSOCIATION_MAX_SEND;
    set->early = early_store_new(EARLY_MAX);
    set->scheduler = scheduler_new();
    return set;
}

void channel_set_free(ChannelSet *set)
{
    g_clear_handle_id(&set->reaper, g_source_remove);
    g_clear_handle_id(&set->opener, g_source_remove);
    early_store_free(set->early);
    g_ptr_array_unref(set->channels);
    scheduler_free(set->scheduler);
    g_free(set);
}

void channel_set_silence(ChannelSet *set)
{
    set->silent = true;
    for (guint i = 0; i < set->channels->len; i++)
        channel_silence(set->channels->pdata[i]);
}

guint64 channel_set_round_trip_usec(const ChannelSet *set)
{
    return set->round_trip_usec;
}

static Channel *find_stream(ChannelSet *set, guint16 stream)
{
    for (guint i = 0; i < set->channels->len; i++) {
        Channel *channel = set->channels->pdata[i];

        if (channel->id == stream && channel->state != CHANNEL_CLOSED)
            return channel;
    }
    return NULL;
}

static guint count_live(const ChannelSet *set)
{
    guint n = 0;

    for (guint i = 0; i < set->channels->len; i++) {
        const Channel *channel = set->channels->pdata[i];

        if (channel->state != CHANNEL_CLOSED && !channel->refused)
            n++;
    }
    return n;
}

/* ---- the end of a channel ---- */

static gboolean on_reap(gpointer data)
{
    ChannelSet *set = data;

    set->reaper = 0;
    for (guint i = set->channels->len; i > 0; i--) {
        if (((Channel *) set->channels->pdata[i - 1])->state == CHANNEL_CLOSED)
            g_ptr_array_remove_index(set->channels, i - 1);
    }
    return G_SOURCE_REMOVE;
}

static void set_cork(bool corked, gpointer host)
{
    ChannelSet *set = host;

    if (set->association)
        association_cork(set->association, corked);
}

static void finish(ChannelSet *set, Channel *channel)
{
    if (set->reaper == 0)
        set->reaper = g_idle_add_full(G_PRIORITY_DEFAULT, on_reap, set, NULL);
    set_cork(false, set); /* whoever may have corked it sends no more */
    channel_enter_state(channel, CHANNEL_CLOSED);
}

/* Goes on with closing as far as it can go now (RFC 8831 6.7). */
static void advance_close(ChannelSet *set, Channel *channel)
{
    if (channel->state != CHANNEL_CLOSING)
        return;
    if (channel->id < 0 || !set->association) {
        finish(set, channel);
        return;
    }
    if (channel->local_reset == RESET_NONE && !channel_waits(channel)) {
        channel->local_reset = RESET_ASKED;
        association_reset_stream(set->association, channel->id);
    }
    /* What has arrived is read before the channel goes. */
    if (channel->local_reset == RESET_DONE && channel->remote_reset &&
        message_queue_is_empty(&channel->inbox))
        finish(set, channel);
}

/* Closes for a fault: what is queued is thrown away. */
static void close_for(ChannelSet *set, Channel *channel, RtcError code, const char *message)
{
    if (channel->state >= CHANNEL_CLOSING)
        return;
    channel->reason = g_error_new_literal(RTC_ERROR, code, message);
    log_debug("channel %d closes: %s", channel->id, message);
    channel_drop_queue(channel);
    channel_enter_state(channel, CHANNEL_CLOSING);
    advance_close(set, channel);
}

/* ---- sending ---- */

/* LIFETIME: what is left of it */
static AssociationResult send_now(ChannelSet *set, Channel *channel, guint32 ppid,
                                  const void *bytes, gsize length, int lifetime)
{
    bool dcep = ppid == PPID_DCEP;
    AssociationMessage message = {
        .stream = channel->id,
        .ppid = ppid,
        /* Ordered until the remote knows the channel (RFC 8832 6). */
        .ordered = dcep || channel->ordered || !channel->acknowledged,
        .max_retransmits = dcep ? -1 : channel->max_retransmits,
        .max_packet_lifetime = lifetime,
        .bytes = bytes,
        .length = length,
    };

    return association_send(set->association, &message);
}

static Channel *channel_of_turn(Turn *turn)
{
    return (Channel *) ((guint8 *) turn - offsetof(Channel, turn));
}

/* Sends CHANNEL's next message; false if SCTP takes none of any channel. */
static bool take_turn(ChannelSet *set, Channel *channel)
{
    guint32 ppid;
    gsize length;
    int lifetime;
    const guint8 *bytes = channel_peek(channel, &ppid, &length, &lifetime);

    if (!bytes) /* it was too old */
        return true;
    switch (send_now(set, channel, ppid, bytes, length, lifetime)) {
    case ASSOCIATION_SENT:
        scheduler_count(set->scheduler, &channel->turn, length);
        channel_pop(channel);
        return true;
    case ASSOCIATION_BLOCKED:
        return false;
    case ASSOCIATION_NO_STREAM:
        break;
    case ASSOCIATION_TOO_LONG:
        scheduler_let_pass(set->scheduler, &channel->turn, length);
        return true;
    case ASSOCIATION_REFUSED:
    default:
        close_for(set, channel, RTC_ERROR_FAILED, "SCTP has no stream for this channel");
    }
    scheduler_skip(set->scheduler, &channel->turn);
    return true;
}

/* What follows from an emptier queue: closing, and senders who waited. */
static void after_flush(ChannelSet *set)
{
    for (guint i = 0; i < set->channels->len; i++) {
        Channel *channel = set->channels->pdata[i];

        advance_close(set, channel);
        channel_tell_writable(channel);
        channel_tell_shorter(channel);
    }
}

static void channel_set_flush(ChannelSet *set)
{
    Turn *turn;

    if (set->flushing || !set->association)
        return;
    set->flushing = true;
    scheduler_begin_round(set->scheduler);
    set->blocked = false;
    while (set->association && !set->blocked && (turn = scheduler_next(set->scheduler)))
        set->blocked = !take_turn(set, channel_of_turn(turn));
    set->flushing = false;
    if (set->association)
        after_flush(set);
}

/* ---- what the channels want of their host ---- */

static AssociationResult on_send(Channel *channel, guint32 ppid, const void *bytes, gsize length,
                                 gpointer host)
{
    ChannelSet *set = host;
    AssociationResult result;

    if (!set->association || !set->connected || set->blocked || channel->state != CHANNEL_OPEN ||
        channel_waits(channel) || !scheduler_may_pass(set->scheduler, &channel->turn))
        return ASSOCIATION_BLOCKED;
    result = send_now(set, channel, ppid, bytes, length, channel->max_packet_lifetime);
    set->blocked = result == ASSOCIATION_BLOCKED;
    if (result == ASSOCIATION_SENT)
        scheduler_count(set->scheduler, &channel->turn, length);
    return result;
}

static bool on_charge(gsize length, gpointer host)
{
    ChannelSet *set = host;

    if (set->buffered + length > set->config.send_quota)
        return false;
    set->buffered += length;
    return true;
}

static void on_refund(gsize length, gpointer host)
{
    ((ChannelSet *) host)->buffered -= length;
}

static gboolean on_opener(gpointer data);

static void open_soon(ChannelSet *set)
{
    if (set->association && set->opener == 0)
        set->opener = g_idle_add_full(G_PRIORITY_DEFAULT, on_opener, set, NULL);
}

/* On a channel that is not open yet messages go out behind the OPEN. */
static void on_waits(Channel *channel, bool waits, gpointer host)
{
    ChannelSet *set = host;

    if (!waits) {
        scheduler_leave(set->scheduler, &channel->turn);
        return;
    }
    scheduler_join(set->scheduler, &channel->turn);
    if (channel->state == CHANNEL_CONNECTING)
        open_soon(set);
}

static bool is_full(const ChannelSet *set)
{
    gsize bytes = 0;
    guint messages = 0;
    bool full = false;

    for (guint i = 0; i < set->channels->len && !full; i++) {
        const Channel *channel = set->channels->pdata[i];

        bytes += channel->inbox.bytes;
        messages += channel->inbox.length;
        full = channel_is_full(channel) || bytes > INBOXES_MAX || messages > INBOXES_MESSAGES;
    }
    return full;
}

static void on_closing(Channel *channel, gpointer host)
{
    channel_set_flush(host);
    advance_close(host, channel);
}

/* Who uses the channel is told that the remote closes it after what the remote has sent. */
static void follow_remote(ChannelSet *set, Channel *channel)
{
    if (!channel->remote_reset || channel->state >= CHANNEL_CLOSING ||
        !message_queue_is_empty(&channel->inbox))
        return;
    channel_enter_state(channel, CHANNEL_CLOSING);
    on_closing(channel, set);
}

/* Is it time to stop reading, to go on, or to go on with a close that waited for the inbox? */
static void on_inbox(Channel *channel, gpointer host)
{
    ChannelSet *set = host;

    if (set->association)
        association_hold(set->association, is_full(set));
    follow_remote(set, channel);
    advance_close(set, channel);
}

static gsize on_max_message_size(gpointer host)
{
    const ChannelSet *set = host;

    return set->association ? set->remote_max : 0;
}

static const ChannelHostOps host_ops = {
    .send = on_send,
    .charge = on_charge,
    .refund = on_refund,
    .waits = on_waits,
    .inbox = on_inbox,
    .closing = on_closing,
    .max_message_size = on_max_message_size,
    .cork = set_cork,
};

/* ---- opening ---- */

static bool check_options(const char *label, const ChannelOptions *options, GError **error)
{
    const char *wrong = NULL;

    if (strlen(label) > G_MAXUINT16 ||
        (options->protocol && strlen(options->protocol) > G_MAXUINT16))
        wrong = "the label or the protocol is longer than 65535 bytes";
    else if (options->max_retransmits >= 0 && options->max_packet_lifetime >= 0)
        wrong = "max-retransmits and max-packet-lifetime exclude each other";
    else if (options->negotiated && options->id < 0)
        wrong = "a negotiated channel needs an id";
    else if (options->id > MAX_ID)
        wrong = "the id is above 65534";
    if (wrong)
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_INVALID, wrong);
    return !wrong;
}

static void push_open(Channel *channel)
{
    DcepOpen open = {
        .ordered = channel->ordered,
        .max_retransmits = channel->max_retransmits,
        .max_packet_lifetime = channel->max_packet_lifetime,
        .priority = channel->priority,
        .label = channel->label,
        .protocol = channel->protocol,
    };

    channel_push_dcep(channel, dcep_write_open(&open));
}

/* Half of the ids are ours to give: those that the remote refuses to be given are of the other half. */
static bool is_ours(const ChannelSet *set, int id)
{
    return (id % 2 == 0) == set->even;
}

/* Gives CHANNEL its id, unless whoever opened it has, and begins it on the association. An error
 * has changed nothing. */
static bool attach(ChannelSet *set, Channel *channel, GError **error)
{
    int id = set->even ? 0 : 1;

    if (channel->negotiated) {
        channel->acknowledged = true;
        return true;
    }
    while (channel->id < 0 && id <= MAX_ID && find_stream(set, id))
        id += 2;
    if (channel->id < 0 && id <= MAX_ID)
        channel->id = id;
    if (channel->id < 0) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FULL, "no stream id is free");
        return false;
    }
    if (!is_ours(set, channel->id)) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_INVALID,
                            "the id is one of the remote's to give");
        return false;
    }
    early_store_drop(set->early, channel->id); /* meant for nobody */
    /* Opened first is told of first, also if another one has had messages before. */
    scheduler_leave(set->scheduler, &channel->turn);
    push_open(channel);
    return true;
}

/* For a channel that somebody has: it ends, and that needs no reset of a stream. */
static void attach_or_close(ChannelSet *set, Channel *channel)
{
    g_autoptr(GError) error = NULL;

    if (attach(set, channel, &error))
        return;
    channel->id = -1;
    close_for(set, channel, error->code, error->message);
}

static void on_early(guint32 ppid, const guint8 *bytes, gsize length, gpointer data)
{
    Channel *channel = data;

    if (channel->state != CHANNEL_CLOSED)
        channel_receive(channel, ppid, bytes, length);
}

static void deliver_early(ChannelSet *set, Channel *channel)
{
    early_store_take(set->early, channel->id, on_early, channel);
}

static void open_connecting(ChannelSet *set)
{
    for (guint i = 0; set->connected && i < set->channels->len; i++) {
        Channel *channel = set->channels->pdata[i];

        /* Open as soon as messages can follow the OPEN (webrtc-pc 6.1). */
        if (channel->state != CHANNEL_CONNECTING || (!channel->negotiated && !channel->open_sent))
            continue;
        channel_enter_state(channel, CHANNEL_OPEN);
        if (channel->negotiated)
            deliver_early(set, channel);
    }
}

/* From the main loop, so that the opener has set its ops before `state` comes. */
static gboolean on_opener(gpointer data)
{
    ChannelSet *set = data;

    set->opener = 0;
    channel_set_flush(set);
    open_connecting(set);
    return G_SOURCE_REMOVE;
}

Channel *channel_set_open(ChannelSet *set, const char *label, const ChannelOptions *options,
                          GError **error)
{
    Channel *channel;

    if (!check_options(label, options, error))
        return NULL;
    if (count_live(set) >= set->config.max_channels) {
        g_set_error(error, RTC_ERROR, RTC_ERROR_FULL, "the call has %u channels already",
                    set->config.max_channels);
        return NULL;
    }
    if (options->id >= 0 && find_stream(set, options->id)) {
        g_set_error(error, RTC_ERROR, RTC_ERROR_INVALID, "the id %d is in use", options->id);
        return NULL;
    }
    channel = channel_new(&host_ops, set, label, options);
    if (set->association && !attach(set, channel, error)) {
        channel_free(channel);
        return NULL;
    }
    g_ptr_array_add(set->channels, channel);
    open_soon(set);
    return channel;
}

void channel_set_attach(ChannelSet *set, Association *association, bool even, gsize remote_max)
{
    guint n = set->channels->len;

    set->association = association;
    set->even = even;
    set->remote_max =
        remote_max == 0 ? ASSOCIATION_MAX_SEND : MIN(remote_max, ASSOCIATION_MAX_SEND);
    for (guint i = 0; i < n; i++) {
        Channel *channel = set->channels->pdata[i];

        if (channel->state == CHANNEL_CONNECTING)
            attach_or_close(set, channel);
    }
    channel_set_flush(set);
}

void channel_set_connected(ChannelSet *set)
{
    set->connected = true;
    channel_set_flush(set);
    open_connecting(set);
}

void channel_set_detach(ChannelSet *set, const GError *reason)
{
    set->association = NULL;
    set->connected = false;
    for (guint i = 0; i < set->channels->len; i++) {
        Channel *channel = set->channels->pdata[i];

        if (channel->state == CHANNEL_CLOSED)
            continue;
        if (reason && !channel->reason)
            channel->reason = g_error_copy(reason);
        finish(set, channel);
    }
}

void channel_set_writable(ChannelSet *set)
{
    channel_set_flush(set);
    open_connecting(set);
}

/* ---- receiving ---- */

/*
 * An OPEN that is refused is a channel that nobody is told of and that closes
 * at once (RFC 8832 6): what the remote sends on the stream until it has reset
 * it was meant for that one.
 */
static void refuse(ChannelSet *set, guint16 stream, const char *reason)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    Channel *channel;

    log_debug("stream %u refused: %s", stream, reason);
    early_store_drop(set->early, stream);
    options.id = stream;
    channel = channel_new(&host_ops, set, "", &options);
    channel->refused = true;
    channel->state = CHANNEL_CLOSING;
    g_ptr_array_add(set->channels, channel);
    advance_close(set, channel);
}

static void on_open(ChannelSet *set, guint16 stream, const DcepOpen *open)
{
    ChannelOptions options = {
        .protocol = open->protocol,
        .ordered = open->ordered,
        .max_retransmits = open->max_retransmits,
        .max_packet_lifetime = open->max_packet_lifetime,
        .priority = open->priority,
        .id = stream,
    };
    Channel *channel = channel_new(&host_ops, set, open->label, &options);

    channel->acknowledged = true;
    channel->state = CHANNEL_OPEN;
    g_ptr_array_add(set->channels, channel);
    channel_push_dcep(channel, dcep_write_ack());
    channel_set_flush(set);
    if (channel->state == CHANNEL_CLOSED)
        return;
    if (!set->silent)
        set->config.incoming(channel, set->config.data);
    deliver_early(set, channel);
}

static void check_open(ChannelSet *set, guint16 stream, const guint8 *bytes, gsize length)
{
    g_auto(DcepOpen) open = {};
    g_autoptr(GError) error = NULL;

    if (!dcep_parse_open(bytes, length, &open, &error))
        refuse(set, stream, error->message);
    else if (is_ours(set, stream))
        refuse(set, stream, "the id is one of ours to give");
    else if (count_live(set) >= set->config.max_channels)
        refuse(set, stream, "too many channels");
    else
        on_open(set, stream, &open);
}

static void on_dcep(ChannelSet *set, guint16 stream, Channel *channel, const guint8 *bytes,
                    gsize length)
{
    g_autoptr(GError) error = NULL;
    DcepType type;

    if (!dcep_type(bytes, length, &type, &error)) {
        log_debug("stream %u: %s", stream, error->message);
    } else if (type == DCEP_OPEN) {
        /* Who uses an id again has had our reset: only the answer to it is late, or lost. */
        if (channel && channel->remote_reset) {
            finish(set, channel);
            channel = NULL;
        }
        if (channel)
            close_for(set, channel, RTC_ERROR_INVALID,
                      "the remote opened a channel on a stream in use"); /* RFC 8832 6 */
        else
            check_open(set, stream, bytes, length);
    } else if (channel && channel->open_sent && !channel->acknowledged) {
        channel->acknowledged = true;
        set->round_trip_usec = clock_monotonic() - channel->open_sent;
    }
}

void channel_set_message(ChannelSet *set, guint16 stream, guint32 ppid, const guint8 *bytes,
                         gsize length)
{
    Channel *channel = find_stream(set, stream);

    if (!set->association)
        return; /* the connection has failed, and is not freed yet */
    if (ppid == PPID_DCEP) {
        on_dcep(set, stream, channel, bytes, length);
    } else if (!channel || channel->remote_reset) { /* of the next channel on this stream */
        if (!early_store_add(set->early, stream, ppid, bytes, length))
            log_debug("stream %u: message before its channel left out", stream);
    } else if (!channel->reason) { /* who sends on after a fault is not heard */
        channel->acknowledged = true;
        channel_receive(channel, ppid, bytes, length);
    }
}

void channel_set_oversized(ChannelSet *set, guint16 stream)
{
    Channel *channel = find_stream(set, stream);

    if (channel)
        close_for(set, channel, RTC_ERROR_TOO_LARGE,
                  "the remote sent a message larger than our a=max-message-size");
}

void channel_set_remote_reset(ChannelSet *set, guint16 stream)
{
    Channel *channel = find_stream(set, stream);

    early_store_drop(set->early, stream);
    if (!channel)
        return;
    channel->remote_reset = true;
    follow_remote(set, channel);
    advance_close(set, channel);
}

void channel_set_local_reset(ChannelSet *set, guint16 stream)
{
    Channel *channel = find_stream(set, stream);

    if (!channel || channel->local_reset != RESET_ASKED)
        return;
    channel->local_reset = RESET_DONE;
    advance_close(set, channel);
}
