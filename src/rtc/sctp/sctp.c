/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One association of usrsctp. usrsctp's callbacks carry an id, never a pointer
 * (the address given to usrsctp_register_address() even goes over the wire:
 * CVE-2020-6514), and its upcalls only set a flag: reading and writing happen
 * after usrsctp has returned.
 */

#include <config.h>

#include "rtc/sctp/sctp.h"

#include <errno.h>
#include <string.h>
#include <usrsctp.h>

#include "common/log.h"
#include "rtc/connection.h"
#include "rtc/sctp/gate.h"
#include "rtc/sctp/liveness.h"
#include "rtc/sctp/path-mtu.h"
#include "rtc/sctp/receive-window.h"
#include "rtc/sctp/sctp-path.h"
#include "rtc/sctp/sctp-stack.h"
#include "rtc/sctp/send-limit.h"

#define COMMON_HEADER 12 /* usrsctp's idea of a path MTU leaves the SCTP header out */
#define READ_SIZE 65536
/* What a path can hold that carries 200 Mbit/s with a round trip of 100 ms, chunk headers included */
#define BUFFER_SIZE (4 * SCTP_MAX_SEND)
/* Of a reliable message, see sctp_policy() */
#define RETRANSMITS_UNLIMITED G_MAXUINT32
/* Our outgoing streams. A stream costs a hundred bytes an association, so one with a remote that
 * adds some begins with few, and asks when a channel needs them (RFC 6525). libwebrtc and
 * libdatachannel never add any, and a request that stays without an answer would in the end be
 * that of the association. */
#define STREAMS_MORE 96 /* at least */
#define STREAMS_MAX 1024
/* Messages that are on their way to us, all streams together */
#define PARTIAL_MAX (4 * 1024 * 1024)
#define USER_ABORT 0x000c /* the cause of an orderly hang-up (RFC 9260 3.3.10.12) */

typedef struct {
    GByteArray *bytes; /* NULL: being thrown away */
} Partial;

struct Sctp {
    guint32 id;
    Transport *lower;
    struct socket *socket;
    SctpPath *path;
    Liveness *liveness; /* NULL: not connected yet */
    TransportState state;
    Gate gate;
    gsize max_packet, max_message_size;
    guint streams, streams_max; /* outgoing ones that there are now, and may be */
    bool adding_streams, resetting, blocked, pumping, held;
    SendLimit send_limit;
    gsize send_buffer; /* what usrsctp was told: the limit, or what a long message needs */
    guint resumer; /* pumps again after a hold, from the main loop */
    ReceiveWindow window;
    GArray *resets; /* of guint16, streams that wait to be reset, each once */
    GHashTable *partial; /* stream → Partial, messages of which a part is here */
    gsize partial_bytes;
    const SctpUser *user;
    gpointer data;
};

static void partial_free(Partial *partial)
{
    if (partial->bytes)
        g_byte_array_unref(partial->bytes);
    g_free(partial);
}

TransportState sctp_state(const Sctp *sctp)
{
    return sctp->state;
}

static void sctp_enter_state(Sctp *sctp, TransportState state, const GError *reason)
{
    if (sctp->state == state || sctp->state >= TRANSPORT_FAILED)
        return;
    log_debug("SCTP: %s → %s%s%s", transport_state_to_string(sctp->state),
              transport_state_to_string(state), reason ? ": " : "", reason ? reason->message : "");
    sctp->state = state;
    sctp->user->state(state, reason, sctp->data);
}

static void sctp_fail(Sctp *sctp, RtcError code, const char *message)
{
    g_autoptr(GError) error = g_error_new_literal(RTC_ERROR, code, message);

    sctp_enter_state(sctp, TRANSPORT_FAILED, error);
}

/* ---- whether the remote is there ---- */

static void on_ask(gpointer data)
{
    sctp_path_ask(((Sctp *) data)->path);
}

/* One that answers no HEARTBEAT at all is left to ICE. */
static void on_lost(gpointer data)
{
    Sctp *sctp = data;

    if (sctp_path_answers(sctp->path))
        sctp_fail(sctp, RTC_ERROR_TIMEOUT, "the other side stopped answering");
}

static void on_doubt(bool doubted, gpointer data)
{
    Sctp *sctp = data;

    if (sctp->state == TRANSPORT_CONNECTED && sctp_path_answers(sctp->path))
        sctp->user->doubt(doubted, sctp->data);
}

static const LivenessUser liveness_user = {
    .ask = on_ask,
    .doubt = on_doubt,
    .lost = on_lost,
};

/* ---- outgoing streams: resets and additions, one request at a time ---- */

static bool add_streams(Sctp *sctp, guint16 stream)
{
    struct sctp_add_streams request = {};

    if (stream >= sctp->streams_max)
        return false;
    if (sctp->adding_streams || sctp->resetting || sctp->state != TRANSPORT_CONNECTED)
        return true;
    request.sas_outstrms = MAX(MAX(STREAMS_MORE, sctp->streams), stream + 1 - sctp->streams);
    request.sas_outstrms = MIN(request.sas_outstrms, sctp->streams_max - sctp->streams);
    sctp_stack_use(sctp->id);
    if (usrsctp_setsockopt(sctp->socket, IPPROTO_SCTP, SCTP_ADD_STREAMS, &request,
                           sizeof request) < 0)
        return errno == EALREADY || errno == EAGAIN;
    sctp->adding_streams = true;
    return true;
}

/* Nothing of ours can end on STREAM, and nobody will answer. */
static void give_up_reset(Sctp *sctp, guint16 stream)
{
    log_debug("SCTP: the remote is not told that stream %u has ended", stream);
    sctp->user->local_reset(stream, sctp->data);
    sctp->user->remote_reset(stream, sctp->data);
}

/*
 * The remote may use more streams than we have, and can be told of the end of one only on the
 * same of ours: so that is added. Where it cannot be, nothing of ours could end, and nobody will
 * answer. usrsctp refuses a request with one of them whole. False: not yet, or nothing is left.
 */
static bool prepare_resets(Sctp *sctp)
{
    for (guint i = 0; i < sctp->resets->len;) {
        guint16 stream = g_array_index(sctp->resets, guint16, i);

        if (stream < sctp->streams) {
            i++;
            continue;
        }
        if (add_streams(sctp, stream))
            return false;
        g_array_remove_index(sctp->resets, i);
        give_up_reset(sctp, stream);
        i = 0;
    }
    return sctp->resets->len > 0 && !sctp->resetting;
}

/* The remote knows no resets (RFC 6525): all that it is told of the end is that of the call. */
static void give_up_resets(Sctp *sctp)
{
    while (sctp->resets->len > 0) {
        guint16 stream = g_array_index(sctp->resets, guint16, sctp->resets->len - 1);

        g_array_set_size(sctp->resets, sctp->resets->len - 1);
        give_up_reset(sctp, stream);
    }
}

static void start_resets(Sctp *sctp)
{
    gsize size;
    g_autofree struct sctp_reset_streams *request = NULL;

    if (sctp->resets->len == 0 || sctp->resetting || sctp->adding_streams)
        return;
    if (!prepare_resets(sctp))
        return;
    size = sizeof(struct sctp_reset_streams) + sctp->resets->len * sizeof(guint16);
    sctp_stack_use(sctp->id);
    request = g_malloc0(size);
    request->srs_flags = SCTP_STREAM_RESET_OUTGOING;
    request->srs_number_streams = sctp->resets->len;
    memcpy(request->srs_stream_list, sctp->resets->data, sctp->resets->len * sizeof(guint16));
    if (usrsctp_setsockopt(sctp->socket, IPPROTO_SCTP, SCTP_RESET_STREAMS, request, size) == 0) {
        sctp->resetting = true;
        g_array_set_size(sctp->resets, 0);
    } else if (errno == EOPNOTSUPP) {
        give_up_resets(sctp);
    } else if (errno != EALREADY && errno != EAGAIN) {
        log_debug("SCTP: cannot reset streams: %s", g_strerror(errno));
    }
}

void sctp_reset_stream(Sctp *sctp, guint16 stream)
{
    for (guint i = 0; i < sctp->resets->len; i++) {
        if (g_array_index(sctp->resets, guint16, i) == stream)
            return;
    }
    g_array_append_val(sctp->resets, stream);
    start_resets(sctp);
}

/* ---- sending ---- */

static SctpResult result_of_errno(Sctp *sctp)
{
    if (errno != EWOULDBLOCK && errno != EAGAIN && errno != ENOBUFS)
        return SCTP_REFUSED;
    sctp->blocked = true;
    return SCTP_BLOCKED;
}

static void set_send_buffer(Sctp *sctp, gsize size)
{
    const int value = size;

    if (size != sctp->send_buffer &&
        usrsctp_setsockopt(sctp->socket, SOL_SOCKET, SO_SNDBUF, &value, sizeof value) == 0)
        sctp->send_buffer = size;
}

static bool get_status(const Sctp *sctp, struct sctp_status *status)
{
    socklen_t length = sizeof *status;

    return usrsctp_getsockopt(sctp->socket, IPPROTO_SCTP, SCTP_STATUS, status, &length) == 0;
}

/* 0: not measured; at least 1 µs otherwise, for usrsctp tells whole milliseconds. */
static guint64 measured_round_trip(Sctp *sctp)
{
    struct sctp_status status = {};
    const struct sctp_paddrinfo *path = &status.sstat_primary;

    if (!get_status(sctp, &status))
        return 0;
    /* With a measurement the time-out is no longer the initial one. */
    if (path->spinfo_srtt == 0)
        return path->spinfo_rto > 0 && path->spinfo_rto < SCTP_STACK_INITIAL_RTO_MS;
    return (guint64) path->spinfo_srtt * 1000;
}

/* Before a message of LENGTH: its limit is what was sent lately, but room for two such messages. */
static void adjust_send_buffer(Sctp *sctp, gsize length)
{
    gint64 now = g_get_monotonic_time();
    gsize needed = MIN(2 * length, BUFFER_SIZE);

    if (send_limit_is_due(&sctp->send_limit, now) &&
        send_limit_update(&sctp->send_limit, now, measured_round_trip(sctp)))
        set_send_buffer(sctp, sctp->send_limit.limit);
    if (needed > sctp->send_buffer)
        set_send_buffer(sctp, needed);
}

/*
 * A reliable message is one that may be sent again four billion times. Were there
 * no policy at all, usrsctp would take SACKs by a shorter way, on which it forgets
 * to start its retransmission timer again (RFC 9260 6.3.2 R3): that expired every
 * few hundred milliseconds of a bulk transfer, found a chunk older than the mean
 * round trip and began with a window of one packet.
 */
static struct sctp_prinfo sctp_policy(const SctpMessage *message)
{
    struct sctp_prinfo policy = {.pr_policy = SCTP_PR_SCTP_RTX,
                                 .pr_value = RETRANSMITS_UNLIMITED};

    if (message->max_retransmits >= 0) {
        policy.pr_value = message->max_retransmits;
    } else if (message->max_packet_lifetime >= 0) {
        policy.pr_policy = SCTP_PR_SCTP_TTL;
        policy.pr_value = message->max_packet_lifetime;
    }
    return policy;
}

SctpResult sctp_send(Sctp *sctp, const SctpMessage *message)
{
    struct sctp_sendv_spa spa = {.sendv_flags =
                                     SCTP_SEND_SNDINFO_VALID | SCTP_SEND_PRINFO_VALID};
    SctpResult result = SCTP_SENT;

    if (sctp->state != TRANSPORT_CONNECTED && sctp->state != TRANSPORT_CONNECTING)
        return SCTP_REFUSED;
    if (message->stream >= sctp->streams) {
        sctp->blocked = true;
        return add_streams(sctp, message->stream) ? SCTP_NO_STREAM : SCTP_REFUSED;
    }
    sctp_stack_use(sctp->id);
    adjust_send_buffer(sctp, message->length);
    spa.sendv_sndinfo.snd_sid = message->stream;
    spa.sendv_sndinfo.snd_ppid = g_htonl(message->ppid);
    spa.sendv_sndinfo.snd_flags = message->ordered ? 0 : SCTP_UNORDERED;
    spa.sendv_prinfo = sctp_policy(message);
    if (usrsctp_sendv(sctp->socket, message->bytes, message->length, NULL, 0, &spa, sizeof spa,
                      SCTP_SENDV_SPA, 0) < 0)
        result = result_of_errno(sctp);
    send_limit_count(&sctp->send_limit, result == SCTP_SENT ? message->length : 0,
                     result == SCTP_BLOCKED);
    return result;
}

/* What still waits when the cork is pulled goes out with the next message, or when something is
 * acknowledged. */
void sctp_cork(Sctp *sctp, bool corked)
{
    const int no_delay = !corked;

    usrsctp_setsockopt(sctp->socket, IPPROTO_SCTP, SCTP_NODELAY, &no_delay, sizeof no_delay);
}

/* ---- receiving ---- */

static void on_assoc_change(Sctp *sctp, const struct sctp_assoc_change *change)
{
    switch (change->sac_state) {
    case SCTP_COMM_UP:
        if (sctp->streams == sctp->streams_max)
            sctp->streams_max = change->sac_outbound_streams;
        sctp->streams = change->sac_outbound_streams;
        if (!sctp->liveness)
            sctp->liveness = liveness_new(&liveness_user, sctp);
        sctp_enter_state(sctp, TRANSPORT_CONNECTED, NULL);
        break;
    case SCTP_COMM_LOST:
        /* An ABORT is how WebRTC stacks hang up. */
        if (sctp->state == TRANSPORT_CONNECTED && change->sac_length > sizeof *change)
            sctp_enter_state(sctp, TRANSPORT_CLOSED, NULL);
        else
            sctp_fail(sctp, RTC_ERROR_TIMEOUT, "the SCTP association was lost");
        break;
    case SCTP_SHUTDOWN_COMP:
        sctp_enter_state(sctp, TRANSPORT_CLOSED, NULL);
        break;
    case SCTP_RESTART: /* the gate lets none happen */
        sctp_fail(sctp, RTC_ERROR_FAILED, "the other side began a new SCTP association");
        break;
    case SCTP_CANT_STR_ASSOC:
        sctp_fail(sctp, RTC_ERROR_FAILED, "the SCTP association could not be set up");
        break;
    default:
        break;
    }
}

static void drop_partial(Sctp *sctp, Partial *partial)
{
    sctp->partial_bytes -= partial->bytes ? partial->bytes->len : 0;
    g_clear_pointer(&partial->bytes, g_byte_array_unref);
}

/* No more will come of what has come on STREAM. */
static void end_partial(Sctp *sctp, guint16 stream)
{
    Partial *partial = g_hash_table_lookup(sctp->partial, GUINT_TO_POINTER(stream));

    if (partial)
        drop_partial(sctp, partial);
    g_hash_table_remove(sctp->partial, GUINT_TO_POINTER(stream));
}

static void on_remote_reset(Sctp *sctp, guint16 stream)
{
    end_partial(sctp, stream);
    sctp->user->remote_reset(stream, sctp->data);
}

static void on_reset(Sctp *sctp, const struct sctp_stream_reset_event *event)
{
    gsize n = (event->strreset_length - sizeof *event) / sizeof(guint16);
    bool outgoing = event->strreset_flags & SCTP_STREAM_RESET_OUTGOING_SSN;
    bool failed = event->strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED);

    if (outgoing)
        sctp->resetting = false;
    for (gsize i = 0; i < n; i++) {
        if (outgoing)
            sctp->user->local_reset(event->strreset_stream_list[i], sctp->data);
        else if (!failed)
            on_remote_reset(sctp, event->strreset_stream_list[i]);
    }
}

static void on_stream_change(Sctp *sctp, const struct sctp_stream_change_event *event)
{
    sctp->adding_streams = false;
    /* FAILED: not now, for it asks for some itself */
    if (event->strchange_flags & SCTP_STREAM_CHANGE_DENIED)
        sctp->streams_max = sctp->streams;
    else if (!(event->strchange_flags & SCTP_STREAM_CHANGE_FAILED))
        sctp->streams = MAX(sctp->streams, event->strchange_outstrms);
}

static void on_notification(Sctp *sctp, const union sctp_notification *event, gsize length)
{
    if (length < sizeof event->sn_header || event->sn_header.sn_length != length)
        return;
    switch (event->sn_header.sn_type) {
    case SCTP_ASSOC_CHANGE:
        on_assoc_change(sctp, &event->sn_assoc_change);
        break;
    case SCTP_STREAM_RESET_EVENT:
        on_reset(sctp, &event->sn_strreset_event);
        break;
    case SCTP_STREAM_CHANGE_EVENT:
        on_stream_change(sctp, &event->sn_strchange_event);
        break;
    case SCTP_PARTIAL_DELIVERY_EVENT: /* the remote has given a message up (RFC 3758) */
        end_partial(sctp, event->sn_pdapi_event.pdapi_stream);
        break;
    case SCTP_SHUTDOWN_EVENT:
        sctp_enter_state(sctp, TRANSPORT_CLOSED, NULL);
        break;
    default:
        break;
    }
}

/* A piece of a message: kept until its end is here, per stream. */
static void on_piece(Sctp *sctp, const struct sctp_rcvinfo *info, const guint8 *bytes, gsize length,
                     bool end)
{
    gpointer key = GUINT_TO_POINTER(info->rcv_sid);
    Partial *partial = g_hash_table_lookup(sctp->partial, key);
    g_autoptr(GByteArray) whole = NULL;

    if (!partial && end && length <= sctp->max_message_size) {
        sctp->user->message(info->rcv_sid, g_ntohl(info->rcv_ppid), bytes, length, sctp->data);
        return;
    }
    if (!partial) {
        partial = g_new0(Partial, 1);
        partial->bytes = g_byte_array_new();
        g_hash_table_insert(sctp->partial, key, partial);
    }
    if (partial->bytes && (partial->bytes->len + length > sctp->max_message_size ||
                           sctp->partial_bytes + length > PARTIAL_MAX)) {
        drop_partial(sctp, partial);
        sctp->user->oversized(info->rcv_sid, sctp->data);
    }
    if (partial->bytes) {
        g_byte_array_append(partial->bytes, bytes, length);
        sctp->partial_bytes += length;
    }
    if (!end)
        return;
    if (partial->bytes) {
        sctp->partial_bytes -= partial->bytes->len;
        whole = g_steal_pointer(&partial->bytes);
    }
    g_hash_table_remove(sctp->partial, key);
    if (whole)
        sctp->user->message(info->rcv_sid, g_ntohl(info->rcv_ppid), whole->data, whole->len,
                            sctp->data);
}

static bool sctp_read(Sctp *sctp)
{
    guint8 buffer[READ_SIZE];
    struct sctp_rcvinfo info = {};
    socklen_t info_length = sizeof info, from_length = 0;
    unsigned int info_type = 0;
    int flags = 0;
    ssize_t n = usrsctp_recvv(sctp->socket, buffer, sizeof buffer, NULL, &from_length, &info,
                              &info_length, &info_type, &flags);

    if (n <= 0)
        return false;
    if (flags & MSG_NOTIFICATION)
        on_notification(sctp, (const union sctp_notification *) buffer, n);
    else if (info_type == SCTP_RECVV_RCVINFO)
        on_piece(sctp, &info, buffer, n, flags & MSG_EOR);
    return true;
}

static void apply_window(Sctp *sctp)
{
    const int size = sctp->window.size;

    log_debug("SCTP: the receive window is %d bytes", size);
    usrsctp_setsockopt(sctp->socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

void sctp_note_overflow(Sctp *sctp, gsize room)
{
    if (receive_window_overflow(&sctp->window, room, g_get_monotonic_time()))
        apply_window(sctp);
}

/* Does what usrsctp has made possible since it was last called. */
static void sctp_pump(gpointer data)
{
    Sctp *sctp = data;

    if (sctp->pumping)
        return;
    sctp->pumping = true;
    if (sctp->window.size < sctp->window.max &&
        receive_window_relax(&sctp->window, g_get_monotonic_time()))
        apply_window(sctp);
    while (sctp->state < TRANSPORT_FAILED && !sctp->held && sctp_read(sctp))
        ;
    if (sctp->state < TRANSPORT_FAILED) {
        start_resets(sctp);
        if (sctp->blocked && (usrsctp_get_events(sctp->socket) & SCTP_EVENT_WRITE)) {
            sctp->blocked = false;
            sctp->user->writable(sctp->data);
        }
    }
    sctp->pumping = false;
}

static gboolean on_resume(gpointer data)
{
    ((Sctp *) data)->resumer = 0;
    sctp_pump(data);
    return G_SOURCE_REMOVE;
}

void sctp_hold(Sctp *sctp, bool held)
{
    if (sctp->held && !held && sctp->resumer == 0)
        sctp->resumer = g_idle_add_full(G_PRIORITY_DEFAULT, on_resume, sctp, NULL);
    sctp->held = held;
}

static void sctp_output(const guint8 *packet, gsize length, gpointer data)
{
    Sctp *sctp = data;

    sctp_path_output(sctp->path, packet, length);
    gate_sent(&sctp->gate, packet, length);
    transport_send(sctp->lower, packet, length);
}

/* While something is not acknowledged there is a retransmission timer. */
static bool sctp_waits(gpointer data)
{
    Sctp *sctp = data;
    struct sctp_status status = {};

    return sctp->state != TRANSPORT_CONNECTED || sctp->blocked || sctp->resetting ||
           sctp->adding_streams ||
           !get_status(sctp, &status) || status.sstat_state != SCTP_ESTABLISHED ||
           status.sstat_unackdata > 0;
}

static const SctpStackUser stack_user = {
    .output = sctp_output,
    .pump = sctp_pump,
    .waits = sctp_waits,
};

/* ---- the layer below ---- */

/* Gives a packet that may pass to usrsctp. */
static void sctp_input(Sctp *sctp, const guint8 *packet, gsize length)
{
    struct sctp_status status = {};

    sctp_path_input(sctp->path, packet, length);
    usrsctp_conninput(GUINT_TO_POINTER(sctp->id), packet, length, 0);
    if (!sctp->gate.connected) {
        gate_passed(&sctp->gate, packet, length);
        sctp->gate.connected = get_status(sctp, &status) &&
                               status.sstat_state != SCTP_COOKIE_WAIT &&
                               status.sstat_state != SCTP_COOKIE_ECHOED;
    }
    sctp_pump(sctp);
}

static void on_lower_receive(const guint8 *packet, gsize length, gpointer data)
{
    Sctp *sctp = data;
    struct sctp_status status = {};
    GateReport report;
    GateVerdict verdict;
    g_autofree guint8 *copy = NULL;

    if (sctp->state >= TRANSPORT_FAILED)
        return;
    sctp_stack_use(sctp->id);
    if (sctp->liveness)
        liveness_heard(sctp->liveness);
    verdict = gate_check(&sctp->gate, packet, length, &report);
    if (report.gap_end > 0 && get_status(sctp, &status) && report.gap_end > status.sstat_unackdata)
        verdict = MAX(verdict, GATE_EDIT);
    if (verdict != GATE_PASS)
        log_debug("SCTP: %s is left out", report.reason ? report.reason : "a SACK");
    if (verdict == GATE_DROP)
        return;
    if (verdict == GATE_EDIT) {
        copy = g_memdup2(packet, length);
        length = gate_edit(&sctp->gate, status.sstat_unackdata, copy, length);
        packet = copy;
    }
    if (length > 0)
        sctp_input(sctp, packet, length);
}

static void on_lower_state(TransportState state, const GError *reason, gpointer data)
{
    Sctp *sctp = data;

    if (state != TRANSPORT_CONNECTED)
        sctp_enter_state(sctp, state, reason);
}

static void on_lower_path(const gsize *sizes, guint n_sizes, gpointer data)
{
    Sctp *sctp = data;
    gsize packets[PATH_MTU_SIZES_MAX];

    n_sizes = MIN(n_sizes, PATH_MTU_SIZES_MAX);
    for (guint i = 0; i < n_sizes; i++)
        packets[i] = MIN(sizes[i], sctp->max_packet) & ~(gsize) 3;
    sctp_path_start(sctp->path, packets, n_sizes);
}

static const TransportUser lower_user = {
    .receive = on_lower_receive,
    .state = on_lower_state,
    .path = on_lower_path,
};

/* ---- the size of packets ---- */

static void on_probe(const guint8 *packet, gsize length, gpointer data)
{
    transport_send(((Sctp *) data)->lower, packet, length);
}

/*
 * usrsctp cuts messages into chunks for the smallest size that it has had, and
 * puts several into a larger packet. That is good, because a chunk that has been
 * sent can never be cut again: a path that carries less than it did costs no more
 * than the packets that are lost on it. Large chunks, which are cheaper, are only
 * on a path within this host; should another path be chosen, those that are on
 * their way go through libnice's socket, which lets the kernel fragment them.
 */
static void on_resize(gsize size, gpointer data)
{
    Sctp *sctp = data;
    struct sctp_paddrparams path = {.spp_flags = SPP_PMTUD_DISABLE,
                                    .spp_pathmtu = (size - COMMON_HEADER) & ~(gsize) 3};

    ((struct sockaddr_conn *) &path.spp_address)->sconn_family = AF_CONN; /* every address */
    if (usrsctp_setsockopt(sctp->socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path,
                           sizeof path) < 0)
        log_debug("SCTP: cannot send packets of %zu bytes: %s", size, g_strerror(errno));
}

static const SctpPathUser path_user = {
    .send = on_probe,
    .resize = on_resize,
};

/* ---- setting up ---- */

static bool set_option(Sctp *sctp, int option, const void *value, socklen_t length,
                       GError **error)
{
    if (usrsctp_setsockopt(sctp->socket, IPPROTO_SCTP, option, value, length) == 0)
        return true;
    g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, "usrsctp option %d: %s", option,
                g_strerror(errno));
    return false;
}

static bool subscribe(Sctp *sctp, GError **error)
{
    static const guint16 events[] = {
        SCTP_ASSOC_CHANGE,
        SCTP_SHUTDOWN_EVENT,
        SCTP_STREAM_RESET_EVENT,
        SCTP_STREAM_CHANGE_EVENT,
        SCTP_PARTIAL_DELIVERY_EVENT,
    };

    for (gsize i = 0; i < G_N_ELEMENTS(events); i++) {
        struct sctp_event event = {
            .se_assoc_id = SCTP_FUTURE_ASSOC, .se_type = events[i], .se_on = 1};

        if (!set_option(sctp, SCTP_EVENT, &event, sizeof event, error))
            return false;
    }
    return true;
}

static bool set_options(Sctp *sctp, gsize mtu, GError **error)
{
    const int on = 1, size = BUFFER_SIZE;
    const struct linger abort_on_close = {.l_onoff = 1, .l_linger = 0};
    const struct sctp_initmsg init = {.sinit_num_ostreams = sctp->streams,
                                      .sinit_max_instreams = STREAMS_MAX};
    const struct sctp_assoc_value reset = {
        .assoc_id = SCTP_ALL_ASSOC,
        .assoc_value = SCTP_ENABLE_RESET_STREAM_REQ | SCTP_ENABLE_CHANGE_ASSOC_REQ};
    /* ICE consent tells whether the path lives, and DTLS has fixed its MTU. */
    const struct sctp_paddrparams path = {.spp_flags = SPP_HB_DISABLE | SPP_PMTUD_DISABLE,
                                          .spp_pathmtu = (mtu - COMMON_HEADER) & ~(gsize) 3};

    if (usrsctp_set_non_blocking(sctp->socket, 1) < 0 ||
        usrsctp_setsockopt(sctp->socket, SOL_SOCKET, SO_LINGER, &abort_on_close,
                           sizeof abort_on_close) < 0 ||
        usrsctp_setsockopt(sctp->socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) < 0 ||
        usrsctp_setsockopt(sctp->socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) < 0) {
        g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, "usrsctp socket: %s", g_strerror(errno));
        return false;
    }
    return set_option(sctp, SCTP_NODELAY, &on, sizeof on, error) &&
           set_option(sctp, SCTP_RECVRCVINFO, &on, sizeof on, error) &&
           set_option(sctp, SCTP_INITMSG, &init, sizeof init, error) &&
           set_option(sctp, SCTP_ENABLE_STREAM_RESET, &reset, sizeof reset, error) &&
           set_option(sctp, SCTP_PEER_ADDR_PARAMS, &path, sizeof path, error) &&
           subscribe(sctp, error);
}

/* Both sides connect; SCTP resolves the collision (RFC 8831 6.2, 9260 5.2). */
static bool sctp_connect(Sctp *sctp, GError **error)
{
    struct sockaddr_conn address = {.sconn_family = AF_CONN,
                                    .sconn_addr = GUINT_TO_POINTER(sctp->id)};

    address.sconn_port = g_htons(sctp->gate.local_port);
    if (usrsctp_bind(sctp->socket, (struct sockaddr *) &address, sizeof address) < 0) {
        g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, "usrsctp bind: %s", g_strerror(errno));
        return false;
    }
    address.sconn_port = g_htons(sctp->gate.remote_port);
    if (usrsctp_connect(sctp->socket, (struct sockaddr *) &address, sizeof address) < 0 &&
        errno != EINPROGRESS) {
        g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, "usrsctp connect: %s", g_strerror(errno));
        return false;
    }
    return true;
}

Sctp *sctp_new(Transport *lower, const SctpConfig *config, const SctpUser *user, gpointer data,
               GError **error)
{
    g_autoptr(Sctp) sctp = g_new0(Sctp, 1);

    sctp->state = TRANSPORT_CONNECTING;
    sctp->gate.local_port = config->local_port;
    sctp->gate.remote_port = config->remote_port;
    sctp->max_packet = config->max_packet;
    sctp->max_message_size = config->max_message_size;
    sctp->streams = config->streams;
    sctp->streams_max = config->adds_streams ? STREAMS_MAX : config->streams;
    sctp->window = (ReceiveWindow){.size = BUFFER_SIZE, .max = BUFFER_SIZE};
    sctp->send_buffer = BUFFER_SIZE;
    send_limit_init(&sctp->send_limit, BUFFER_SIZE);
    sctp->resets = g_array_new(FALSE, FALSE, sizeof(guint16));
    sctp->partial = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify) partial_free);
    sctp->user = user;
    sctp->data = data;
    sctp->lower = lower;
    sctp->path = sctp_path_new(config->mtu & ~(gsize) 3, config->first & ~(gsize) 3,
                               &path_user, sctp);
    sctp->id = sctp_stack_add(&stack_user, sctp);
    sctp->socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    if (!sctp->socket) {
        g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, "usrsctp socket: %s", g_strerror(errno));
        return NULL;
    }
    if (!set_options(sctp, sctp_packet_size(sctp), error) || !sctp_connect(sctp, error))
        return NULL;
    sctp_stack_watch(sctp->id, sctp->socket);
    transport_set_user(lower, &lower_user, sctp);
    return g_steal_pointer(&sctp);
}

gsize sctp_packet_size(const Sctp *sctp)
{
    return sctp_path_size(sctp->path);
}

void sctp_free(Sctp *sctp)
{
    g_clear_handle_id(&sctp->resumer, g_source_remove);
    if (sctp->lower)
        transport_set_user(sctp->lower, NULL, NULL);
    sctp_stack_use(sctp->id);
    if (sctp->socket)
        usrsctp_close(sctp->socket); /* an ABORT goes out, for SO_LINGER is 0 */
    sctp_stack_remove(sctp->id);
    liveness_free(sctp->liveness);
    sctp_path_free(sctp->path);
    g_array_unref(sctp->resets);
    g_hash_table_unref(sctp->partial);
    gate_clear(&sctp->gate);
    g_free(sctp);
}

guint64 sctp_round_trip_usec(Sctp *sctp)
{
    struct sctp_status status = {};

    if (sctp->state != TRANSPORT_CONNECTED || !get_status(sctp, &status))
        return 0;
    return (guint64) status.sstat_primary.spinfo_srtt * 1000;
}

bool sctp_is_unacknowledged(Sctp *sctp)
{
    struct sctp_status status = {};

    return sctp->state == TRANSPORT_CONNECTED && get_status(sctp, &status) &&
           status.sstat_unackdata > 0;
}
