/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One association of usrsctp. usrsctp's callbacks carry an id, never a pointer (the address given
 * to usrsctp_register_address() even goes over the wire: CVE-2020-6514), and its upcalls only set a
 * flag: reading and writing happen after usrsctp has returned.
 */

#include <config.h>

#include "rtc/sctp/association.h"

#include <errno.h>
#include <string.h>
#include <usrsctp.h>

#include "common/clock.h"
#include "common/log.h"
#include "rtc/error.h"
#include "rtc/sctp/chunks.h"
#include "rtc/sctp/congestion.h"
#include "rtc/sctp/early-reset.h"
#include "rtc/sctp/gate.h"
#include "rtc/sctp/liveness.h"
#include "rtc/sctp/opening.h"
#include "rtc/sctp/packet-parts.h"
#include "rtc/sctp/path-mtu.h"
#include "rtc/sctp/reassembly.h"
#include "rtc/sctp/receive-window.h"
#include "rtc/sctp/recovery.h"
#include "rtc/sctp/sack-batch.h"
#include "rtc/sctp/sctp-path.h"
#include "rtc/sctp/sctp-socket.h"
#include "rtc/sctp/sctp-stack.h"
#include "rtc/sctp/send-limit.h"
#include "rtc/sctp/streams.h"

#define READ_SIZE 65536
/*
 * The beginning of a message that is so long, or half of the window, is read before its end is
 * here: more than is read at a time, so that shorter ones are known to be whole, and more than one
 * may have. For where a remote gives up a message of which usrsctp has handed up a part, usrsctp
 * waits for ever for the rest of it, on its stream or on all.
 */
#define PARTIAL_MIN (2 * READ_SIZE)
/* What a path holds that carries 200 Mbit/s with a round trip of 100 ms, chunk headers included */
#define BUFFER_SIZE (4 * ASSOCIATION_MAX_SEND)
#define STREAMS_MAX 1024
/* By what a packet is longer that fills an Ethernet link, over IPv6, than one that passes anywhere */
#define LINK_ROOM 252
/* Messages that are on their way to us, all streams together */
#define PARTIAL_MAX (4 * 1024 * 1024)

struct Association {
    guint32 id;
    Transport *lower;
    struct socket *socket;
    SctpPath *path;
    Liveness *liveness; /* NULL: not connected yet */
    guint quiet_seconds;
    Recovery *recovery;
    Congestion *congestion;
    EarlyReset *early_reset;
    SackBatch *sacks; /* NULL: the remote is none of ours */
    PacketParts *parts;
    TransportState state;
    Gate gate;
    gsize max_packet;
    gsize least_packet; /* usrsctp is not told of less, so as not to cut small chunks for good */
    bool blocked, pumping, held;
    SendLimit send_limit;
    gsize send_buffer; /* what usrsctp was told: the limit, or what a long message needs */
    guint resumer;     /* pumps again after a hold, from the main loop */
    ReceiveWindow window;
    SctpOpening *opening; /* NULL: the descriptions have nothing of it */
    Streams *streams;
    Reassembly *reassembly;
    ReassemblyOps reassembly_ops; /* those of `ops` */
    const AssociationOps *ops;
    gpointer data;
};

TransportState association_state(const Association *association)
{
    return association->state;
}

static void association_enter_state(Association *association, TransportState state,
                                    const GError *reason)
{
    if (association->state == state || association->state >= TRANSPORT_FAILED)
        return;
    if (state >= TRANSPORT_FAILED)
        reassembly_settle(association->reassembly); /* what has come comes before the end */
    log_debug("SCTP: %s → %s%s%s", transport_state_to_string(association->state),
              transport_state_to_string(state), reason ? ": " : "", reason ? reason->message : "");
    association->state = state;
    association->ops->state(state, reason, association->data);
}

static void association_fail(Association *association, RtcError code, const char *message)
{
    g_autoptr(GError) error = g_error_new_literal(RTC_ERROR, code, message);

    association_enter_state(association, TRANSPORT_FAILED, error);
}

/* ---- whether the remote is there ---- */

static bool get_status(const Association *association, struct sctp_status *status)
{
    return sctp_socket_get_status(association->socket, status);
}

static guint64 measured_round_trip(Association *association)
{
    return sctp_socket_round_trip_usec(
        association->socket,
        association->opening ? opening_round_trip_usec(association->opening) : 0);
}

static void on_ask(gpointer data)
{
    sctp_path_ask(((Association *) data)->path);
}

/* One that answers no HEARTBEAT at all is left to ICE. */
static void on_doubt(bool doubted, gpointer data)
{
    Association *association = data;

    if (association->state == TRANSPORT_CONNECTED && sctp_path_answers(association->path))
        association->ops->doubt(doubted, association->data);
}

static const LivenessUser liveness_user = {
    .ask = on_ask,
    .doubt = on_doubt,
};

static void send_packet(Association *association, const guint8 *packet, gsize length)
{
    packet_parts_send(association->parts, packet, length, association_packet_size(association));
}

/* The answer to usrsctp's own HEARTBEAT comes first, and makes the retransmission timer short. */
static void on_resend(const guint8 *packet, gsize length, gpointer data)
{
    Association *association = data;

    sctp_socket_measure(association->socket, association->id, association->gate.remote_port);
    send_packet(association, packet, length);
}

static guint64 on_round_trip(gpointer data)
{
    return measured_round_trip(data);
}

static const RecoveryUser recovery_user = {
    .ask = on_ask,
    .resend = on_resend,
    .round_trip_usec = on_round_trip,
};

void association_probe(Association *association)
{
    if (association->liveness)
        sctp_path_ask(association->path);
    recovery_hint(association->recovery);
}

bool association_is_asking(const Association *association)
{
    return association_answers(association) && association->liveness &&
           liveness_is_asking(association->liveness);
}

bool association_answers(const Association *association)
{
    return sctp_path_answers(association->path);
}

/* ---- outgoing streams ---- */

static StreamsResult streams_result(bool accepted)
{
    if (accepted)
        return STREAMS_DONE;
    return errno == EALREADY || errno == EAGAIN ? STREAMS_LATER : STREAMS_REFUSED;
}

static StreamsResult on_add_streams(guint16 count, gpointer data)
{
    Association *association = data;

    sctp_stack_use(association->id);
    return streams_result(sctp_socket_add_streams(association->socket, count));
}

static StreamsResult on_reset_streams(const guint16 *streams, guint n, gpointer data)
{
    Association *association = data;
    StreamsResult result;

    sctp_stack_use(association->id);
    result = streams_result(sctp_socket_reset_streams(association->socket, streams, n));
    /* Only a remote that knows none refuses them all; an association that ends does for a while. */
    return result == STREAMS_REFUSED && errno != EOPNOTSUPP ? STREAMS_LATER : result;
}

static void on_stream_ended(guint16 stream, gpointer data)
{
    Association *association = data;

    association->ops->local_reset(stream, association->data);
    association->ops->remote_reset(stream, association->data);
}

static const StreamsOps streams_ops = {
    .add = on_add_streams,
    .reset = on_reset_streams,
    .ended = on_stream_ended,
};

void association_reset_stream(Association *association, guint16 stream)
{
    streams_reset(association->streams, stream);
}

/* ---- sending ---- */

static AssociationResult result_of_errno(Association *association)
{
    if (errno != EWOULDBLOCK && errno != EAGAIN && errno != ENOBUFS)
        return ASSOCIATION_REFUSED;
    association->blocked = true;
    return ASSOCIATION_BLOCKED;
}

static void set_send_buffer(Association *association, gsize size)
{
    const int value = size;

    if (size != association->send_buffer &&
        usrsctp_setsockopt(association->socket, SOL_SOCKET, SO_SNDBUF, &value, sizeof value) == 0)
        association->send_buffer = size;
}

/* Before a message of LENGTH: its limit is what was sent lately, but room for two such messages. */
static void adjust_send_buffer(Association *association, gsize length)
{
    gint64 now = clock_monotonic();
    gsize needed = MIN(2 * length, BUFFER_SIZE);
    const bool near = association->send_limit.near;

    if (send_limit_is_due(&association->send_limit, now) &&
        send_limit_update(&association->send_limit, now, measured_round_trip(association)))
        set_send_buffer(association, association->send_limit.limit);
    if (association->sacks && near != association->send_limit.near)
        sctp_stack_set_near(association->socket, association->send_limit.near);
    if (needed > association->send_buffer)
        set_send_buffer(association, needed);
}

AssociationResult association_send(Association *association, const AssociationMessage *message)
{
    AssociationResult result = ASSOCIATION_SENT;
    const bool aging = message->max_packet_lifetime >= 0;
    const bool full = !send_limit_takes(&association->send_limit, message->stream);

    if (association->state != TRANSPORT_CONNECTED && association->state != TRANSPORT_CONNECTING)
        return ASSOCIATION_REFUSED;
    if (!streams_has(association->streams, message->stream)) {
        association->blocked = true;
        return streams_want(association->streams, message->stream) ? ASSOCIATION_NO_STREAM
                                                                   : ASSOCIATION_REFUSED;
    }
    if (full || opening_is_held(association->opening)) {
        association->blocked = true;
        return full ? ASSOCIATION_NO_STREAM : ASSOCIATION_BLOCKED;
    }
    if (congestion_is_ahead(association->congestion, association->socket, message->length)) {
        association->blocked = true;
        return ASSOCIATION_TOO_LONG;
    }
    sctp_stack_use(association->id);
    adjust_send_buffer(association, message->length);
    if (aging)
        send_limit_give(&association->send_limit, message->stream, message->length);
    if (!sctp_socket_send(association->socket, message))
        result = result_of_errno(association);
    if (aging && result != ASSOCIATION_SENT)
        send_limit_take_back(&association->send_limit, message->stream);
    send_limit_count(&association->send_limit, result == ASSOCIATION_SENT ? message->length : 0,
                     result == ASSOCIATION_BLOCKED);
    return result;
}

/* What waits when the cork is pulled goes out with the next message, or the next SACK. */
void association_cork(Association *association, bool corked)
{
    sctp_socket_set_no_delay(association->socket, !corked);
}

/* ---- receiving ---- */

static void on_assoc_change(Association *association, const struct sctp_assoc_change *change)
{
    switch (change->sac_state) {
    case SCTP_COMM_UP:
        streams_open(association->streams, change->sac_outbound_streams);
        if (!association->liveness)
            association->liveness =
                liveness_new(association->quiet_seconds, &liveness_user, association);
        association_enter_state(association, TRANSPORT_CONNECTED, NULL);
        break;
    case SCTP_COMM_LOST:
        /* An ABORT is how WebRTC stacks hang up. */
        if (association->state == TRANSPORT_CONNECTED && change->sac_length > sizeof *change)
            association_enter_state(association, TRANSPORT_CLOSED, NULL);
        else
            association_fail(association, RTC_ERROR_TIMEOUT, "the SCTP association was lost");
        break;
    case SCTP_SHUTDOWN_COMP:
        association_enter_state(association, TRANSPORT_CLOSED, NULL);
        break;
    case SCTP_RESTART: /* the gate lets none happen */
        association_fail(association, RTC_ERROR_FAILED,
                         "the other side began a new SCTP association");
        break;
    case SCTP_CANT_STR_ASSOC:
        association_fail(association, RTC_ERROR_FAILED, "the SCTP association could not be set up");
        break;
    default:
        break;
    }
}

static void on_remote_reset(Association *association, guint16 stream)
{
    reassembly_end(association->reassembly, stream);
    association->ops->remote_reset(stream, association->data);
}

static void on_reset(Association *association, const struct sctp_stream_reset_event *event)
{
    gsize n = (event->strreset_length - sizeof *event) / sizeof(guint16);
    bool outgoing = event->strreset_flags & SCTP_STREAM_RESET_OUTGOING_SSN;
    bool failed = event->strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED);

    if (outgoing)
        streams_were_reset(association->streams);
    for (gsize i = 0; i < n; i++) {
        if (outgoing)
            association->ops->local_reset(event->strreset_stream_list[i], association->data);
        else if (!failed)
            on_remote_reset(association, event->strreset_stream_list[i]);
    }
}

static void on_stream_change(Association *association, const struct sctp_stream_change_event *event)
{
    StreamsResult result = STREAMS_DONE;

    if (event->strchange_flags & SCTP_STREAM_CHANGE_DENIED)
        result = STREAMS_REFUSED;
    else if (event->strchange_flags & SCTP_STREAM_CHANGE_FAILED)
        result = STREAMS_LATER;
    streams_added(association->streams, result, event->strchange_outstrms);
}

static void on_notification(Association *association, const union sctp_notification *event,
                            gsize length)
{
    if (length < sizeof event->sn_header || event->sn_header.sn_length != length)
        return;
    if (event->sn_header.sn_type != SCTP_PARTIAL_DELIVERY_EVENT)
        reassembly_settle(association->reassembly);
    switch (event->sn_header.sn_type) {
    case SCTP_ASSOC_CHANGE:
        on_assoc_change(association, &event->sn_assoc_change);
        break;
    case SCTP_STREAM_RESET_EVENT:
        on_reset(association, &event->sn_strreset_event);
        break;
    case SCTP_STREAM_CHANGE_EVENT:
        on_stream_change(association, &event->sn_strchange_event);
        break;
    case SCTP_PARTIAL_DELIVERY_EVENT: /* the remote has given a message up (RFC 3758) */
        reassembly_give_up(association->reassembly, event->sn_pdapi_event.pdapi_stream);
        break;
    case SCTP_SHUTDOWN_EVENT:
        association_enter_state(association, TRANSPORT_CLOSED, NULL);
        break;
    default:
        break;
    }
}

/* Nothing shorter than half of the window is handed up before its end is here. */
static PieceEnd end_of_piece(const Association *association, gsize length, int flags)
{
    if (!(flags & MSG_EOR))
        return PIECE_MORE;
    return length < association->window.size / 2 ? PIECE_LAST : PIECE_LAST_PERHAPS;
}

static bool association_read(Association *association)
{
    guint8 buffer[READ_SIZE];
    struct sctp_rcvinfo info = {};
    socklen_t info_length = sizeof info, from_length = 0;
    unsigned int info_type = 0;
    int flags = 0;
    ssize_t n = usrsctp_recvv(association->socket, buffer, sizeof buffer, NULL, &from_length, &info,
                              &info_length, &info_type, &flags);

    if (n <= 0)
        return false;
    if (flags & MSG_NOTIFICATION)
        on_notification(association, (const union sctp_notification *) buffer, n);
    else if (info_type == SCTP_RECVV_RCVINFO)
        reassembly_add(association->reassembly, info.rcv_sid, g_ntohl(info.rcv_ppid), buffer, n,
                       end_of_piece(association, n, flags));
    return true;
}

static void apply_window(Association *association)
{
    const int size = association->window.size;

    log_debug("SCTP: the receive window is %d bytes", size);
    usrsctp_setsockopt(association->socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

void association_note_overflow(Association *association, gsize room)
{
    if (receive_window_overflow(&association->window, room, clock_monotonic()))
        apply_window(association);
}

/* Does what usrsctp has made possible since it was last called. */
static void association_pump(gpointer data)
{
    Association *association = data;

    if (association->pumping)
        return;
    association->pumping = true;
    if (association->window.size < association->window.max &&
        receive_window_relax(&association->window, clock_monotonic()))
        apply_window(association);
    while (association->state < TRANSPORT_FAILED && !association->held &&
           association_read(association))
        ;
    if (!association->held)
        reassembly_settle(association->reassembly);
    if (association->state < TRANSPORT_FAILED) {
        streams_advance(association->streams);
        if (association->blocked && (usrsctp_get_events(association->socket) & SCTP_EVENT_WRITE)) {
            association->blocked = false;
            association->ops->writable(association->data);
        }
    }
    association->pumping = false;
}

static gboolean on_resume(gpointer data)
{
    ((Association *) data)->resumer = 0;
    association_pump(data);
    return G_SOURCE_REMOVE;
}

void association_hold(Association *association, bool held)
{
    if (association->held && !held && association->resumer == 0)
        association->resumer = g_idle_add_full(G_PRIORITY_DEFAULT, on_resume, association, NULL);
    association->held = held;
}

static void association_output(const guint8 *packet, gsize length, gpointer data)
{
    Association *association = data;

    sctp_path_output(association->path, packet, length);
    recovery_output(association->recovery, packet, length);
    if (association->send_limit.near)
        congestion_reset(association->congestion);
    else
        congestion_output(association->congestion, packet, length);
    gate_sent(&association->gate, packet, length);
    early_reset_output(association->early_reset, packet, length);
    send_limit_output(&association->send_limit, packet, length);
    if (association->opening && opening_is_silent(association->opening))
        return;
    if (!sack_batch_keep(association->sacks, packet, length))
        send_packet(association, packet, length);
}

/* While something is not acknowledged there is a retransmission timer. */
static bool association_waits(gpointer data)
{
    Association *association = data;
    struct sctp_status status = {};

    return association->state != TRANSPORT_CONNECTED || association->blocked ||
           streams_state(association->streams) > STREAMS_IDLE ||
           !get_status(association, &status) || status.sstat_state != SCTP_ESTABLISHED ||
           status.sstat_unackdata > 0;
}

static const SctpStackUser stack_user = {
    .output = association_output,
    .pump = association_pump,
    .waits = association_waits,
};

static bool is_past_handshake(gpointer data)
{
    return sctp_socket_is_past_handshake(((Association *) data)->socket);
}

/* Gives a packet that may pass to usrsctp. */
static void association_input(Association *association, guint8 *packet, gsize length, bool denied)
{
    recovery_input(association->recovery, packet, length);
    sctp_path_input(association->path, packet, length);
    if (denied && !sctp_stack_allow_requests(association->socket, false))
        return;
    early_reset_input(association->early_reset, packet, length);
    congestion_input(association->congestion, packet, length);
    sctp_stack_input(association->id, packet, length);
    if (denied)
        sctp_stack_allow_requests(association->socket, true);
    if (!association->gate.connected) {
        gate_passed(&association->gate, packet, length);
        association->gate.connected = is_past_handshake(association);
    }
    association_pump(association);
    congestion_settle(association->congestion, association->socket);
}

/* ---- the handshake in the descriptions ---- */

static void on_opening_input(guint8 *packet, gsize length, gpointer data)
{
    sctp_stack_input(((Association *) data)->id, packet, length);
}

static void on_opening_proven(gpointer data)
{
    sctp_socket_set_rto_min(((Association *) data)->socket, 0);
}

static void on_opening_failed(gpointer data)
{
    association_fail(data, RTC_ERROR_TIMEOUT,
                     "the other side is not in the SCTP association of the offer and the answer");
}

static const OpeningUser opening_user = {
    .input = on_opening_input,
    .is_up = is_past_handshake,
    .ask = on_ask,
    .proven = on_opening_proven,
    .failed = on_opening_failed,
};

/* ---- the layer below ---- */

static void on_lower_receive(guint8 *packet, gsize length, gpointer data)
{
    Association *association = data;
    struct sctp_status status = {};
    GateReport report;
    GateVerdict verdict;
    g_autoptr(GByteArray) whole = NULL;

    if (association->state >= TRANSPORT_FAILED)
        return;
    sctp_stack_use(association->id);
    if (association->liveness)
        liveness_heard(association->liveness);
    if (packet_parts_take(association->parts, packet, length, &whole)) {
        if (!whole)
            return;
        packet = whole->data;
        length = whole->len;
    }
    if (association->opening)
        opening_input(association->opening, packet, length);
    verdict = gate_check(&association->gate, packet, length, &report);
    if (report.gap_end > 0 && get_status(association, &status) &&
        report.gap_end > status.sstat_unackdata)
        verdict = MAX(verdict, GATE_EDIT);
    if (verdict != GATE_PASS)
        log_debug("SCTP: %s is left out", report.reason ? report.reason : "a SACK");
    if (verdict == GATE_DROP)
        return;
    if (verdict == GATE_EDIT)
        length = gate_edit(&association->gate, status.sstat_unackdata, packet, length);
    if (length > 0)
        association_input(association, packet, length, report.denied);
}

static void on_lower_state(TransportState state, const GError *reason, gpointer data)
{
    Association *association = data;

    if (state != TRANSPORT_CONNECTED)
        association_enter_state(association, state, reason);
}

static void on_lower_path(const gsize *sizes, guint n_sizes, gpointer data)
{
    Association *association = data;
    gsize packets[TRANSPORT_SIZES_MAX] = {};

    n_sizes = MIN(n_sizes, TRANSPORT_SIZES_MAX);
    for (guint i = 0; i < n_sizes; i++)
        packets[i] = MIN(sizes[i], association->max_packet) & ~(gsize) 3;
    sctp_path_start(association->path, packets, n_sizes);
    congestion_reset(association->congestion);
    if (n_sizes <= 1) /* more are those that the same path may carry */
        sack_batch_new_path(association->sacks);
    recovery_hint(association->recovery);
}

static const TransportUser lower_user = {
    .receive = on_lower_receive,
    .state = on_lower_state,
    .path = on_lower_path,
};

/* ---- the size of packets ---- */

static void on_probe(const guint8 *packet, gsize length, gpointer data)
{
    transport_send(((Association *) data)->lower, packet, length);
}

/*
 * A chunk that has been sent can never be cut again, and usrsctp never cuts larger
 * chunks than for the smallest packet that it has been told of. To a remote that
 * takes parts (packet-parts.h) chunks follow the path up and down: usrsctp is not
 * told of packets that are as small as those that pass anywhere. To others chunks
 * are as small as these from the first other path on.
 */
static void on_resize(gsize size, gpointer data)
{
    Association *association = data;
    const bool confirmed = size > sctp_path_base(association->path);

    if (association->least_packet > 0)
        sctp_socket_set_chunk(association->socket, size);
    sctp_socket_set_packet(association->socket,
                           confirmed ? size : MAX(size, association->least_packet));
}

static void on_measured(guint64 round_trip_usec, gpointer data)
{
    sack_batch_measured(((Association *) data)->sacks, round_trip_usec);
}

static const SctpPathUser path_user = {
    .send = on_probe,
    .resize = on_resize,
    .measured = on_measured,
};

/* ---- setting up ---- */

static bool association_connect(Association *association, const AssociationConfig *config,
                                GError **error)
{
    SctpOpening *opening = association->opening;
    SctpSocketConfig socket = {
        .id = association->id,
        .local_port = sctp_stack_port(association->id),
        .remote_port = config->remote_port,
        .streams = config->streams,
        .max_streams = STREAMS_MAX,
        .packet = MAX(association_packet_size(association), association->least_packet),
        .chunk = association->least_packet > 0 ? association_packet_size(association) : 0,
        .buffer = BUFFER_SIZE,
        .partial = MAX(PARTIAL_MIN, MIN(config->max_message_size, BUFFER_SIZE) + 1),
        .rto_min = opening ? opening_rto_min(opening) : 0,
        .seed = opening ? opening_seed(opening) : 0,
    };

    association->socket = sctp_socket_new(&socket, error);
    if (!association->socket || !sctp_socket_connect(association->socket, &socket, error))
        return false;
    if (opening)
        opening_begin(opening, config->opens);
    return true;
}

void association_start(Association *association)
{
    if (association->opening)
        opening_tell(association->opening);
    association_pump(association);
}

Association *association_new(Transport *lower, const AssociationConfig *config,
                             const AssociationOps *ops, gpointer data, GError **error)
{
    g_autoptr(Association) association = g_new0(Association, 1);

    association->state = TRANSPORT_CONNECTING;
    association->gate.local_port = config->local_port;
    association->gate.remote_port = config->remote_port;
    association->max_packet = config->max_packet;
    association->quiet_seconds = config->quiet_seconds;
    association->streams =
        streams_new(config->streams, config->adds_streams ? STREAMS_MAX : config->streams,
                    &streams_ops, association);
    association->reassembly_ops =
        (ReassemblyOps){.message = ops->message, .oversized = ops->oversized};
    association->reassembly =
        reassembly_new(config->max_message_size, PARTIAL_MAX, &association->reassembly_ops, data);
    association->window = (ReceiveWindow){.size = BUFFER_SIZE, .max = BUFFER_SIZE};
    association->send_buffer = BUFFER_SIZE;
    send_limit_init(&association->send_limit, BUFFER_SIZE);
    association->ops = ops;
    association->data = data;
    association->lower = lower;
    association->path = sctp_path_new(config->mtu & ~(gsize) 3, config->first & ~(gsize) 3,
                                      &path_user, association);
    association->parts = packet_parts_new(lower, config->takes_parts);
    if (config->takes_parts)
        association->least_packet = MIN(config->mtu + LINK_ROOM, config->max_packet);
    association->recovery = recovery_new(&recovery_user, association);
    association->congestion = congestion_new();
    association->early_reset = early_reset_new(lower);
    if (config->adds_streams) {
        association->sacks = sack_batch_new(lower, config->path_round_trip_usec);
        recovery_add_probe(association->recovery, lower, config->mtu, config->path_round_trip_usec);
    }
    association->id = sctp_stack_add(config->local_port, &stack_user, association);
    if (config->own_opening && config->remote_opening)
        association->opening =
            opening_new(config->own_opening, config->remote_opening, config->round_trip_usec,
                        &association->gate, &opening_user, association);
    if (!association_connect(association, config, error))
        return NULL;
    sctp_stack_watch(association->id, association->socket);
    transport_set_user(lower, &lower_user, association);
    return g_steal_pointer(&association);
}

gsize association_packet_size(const Association *association)
{
    return sctp_path_size(association->path);
}

void association_free(Association *association)
{
    g_clear_handle_id(&association->resumer, g_source_remove);
    if (association->lower)
        transport_set_user(association->lower, NULL, NULL);
    sctp_stack_use(association->id);
    if (association->socket)
        usrsctp_close(association->socket); /* an ABORT goes out, for SO_LINGER is 0 */
    sctp_stack_remove(association->id);
    liveness_free(association->liveness);
    recovery_free(association->recovery);
    congestion_free(association->congestion);
    early_reset_free(association->early_reset);
    send_limit_clear(&association->send_limit);
    sack_batch_free(association->sacks);
    packet_parts_free(association->parts);
    sctp_path_free(association->path);
    streams_free(association->streams);
    reassembly_free(association->reassembly);
    gate_clear(&association->gate);
    opening_free(association->opening);
    g_free(association);
}

guint64 association_round_trip_usec(Association *association)
{
    struct sctp_status status = {};

    if (association->state != TRANSPORT_CONNECTED || !get_status(association, &status))
        return 0;
    return (guint64) status.sstat_primary.spinfo_srtt * 1000;
}

bool association_is_unacknowledged(Association *association)
{
    struct sctp_status status = {};

    return association->state == TRANSPORT_CONNECTED && get_status(association, &status) &&
           status.sstat_unackdata > 0;
}
