/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/sctp/sctp-socket.h"

#include <errno.h>
#include <string.h>
#include <usrsctp.h>

#include "common/log.h"
#include "rtc/error.h"
#include "rtc/sctp/chunks.h"
#include "rtc/sctp/sctp-stack.h"

/* Of a reliable message, see policy_of() */
#define RETRANSMITS_UNLIMITED G_MAXUINT32
/* What usrsctp takes off a packet to have what it calls SCTP_MAXSEG: its header, that of DATA, and
 * one of IPv4, which there is not */
#define MAXSEG_ROOM (COMMON_HEADER + 16 + 20)
#ifndef SCTP_SET_INITIAL_DBG_SEQ
#define SCTP_SET_INITIAL_DBG_SEQ 0x9f00 /* in usrsctp's netinet/sctp.h, which is not installed */
#endif

static bool fail(GError **error, const char *what)
{
    g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, "usrsctp %s: %s", what, g_strerror(errno));
    return false;
}

static bool set_option(struct socket *socket, int option, const void *value, socklen_t length,
                       GError **error)
{
    if (usrsctp_setsockopt(socket, IPPROTO_SCTP, option, value, length) == 0)
        return true;
    g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, "usrsctp option %d: %s", option,
                g_strerror(errno));
    return false;
}

static bool subscribe(struct socket *socket, GError **error)
{
    static const guint16 events[] = {
        SCTP_ASSOC_CHANGE,        SCTP_SHUTDOWN_EVENT,         SCTP_STREAM_RESET_EVENT,
        SCTP_STREAM_CHANGE_EVENT, SCTP_PARTIAL_DELIVERY_EVENT,
    };

    for (gsize i = 0; i < G_N_ELEMENTS(events); i++) {
        struct sctp_event event = {
            .se_assoc_id = SCTP_FUTURE_ASSOC, .se_type = events[i], .se_on = 1};

        if (!set_option(socket, SCTP_EVENT, &event, sizeof event, error))
            return false;
    }
    return true;
}

static bool set_buffers(struct socket *socket, int size, GError **error)
{
    const struct linger abort_on_close = {.l_onoff = 1, .l_linger = 0};

    if (usrsctp_set_non_blocking(socket, 1) < 0 ||
        usrsctp_setsockopt(socket, SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close) <
            0 ||
        usrsctp_setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) < 0 ||
        usrsctp_setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) < 0 ||
        !sctp_stack_allow_requests(socket, true))
        return fail(error, "socket");
    return true;
}

void sctp_socket_set_rto_min(struct socket *socket, guint milliseconds)
{
    const struct sctp_rtoinfo info = {.srto_min =
                                          milliseconds ? milliseconds : SCTP_STACK_RTO_MIN_MS};
    g_autoptr(GError) error = NULL;

    if (!set_option(socket, SCTP_RTOINFO, &info, sizeof info, &error))
        log_debug("SCTP: %s", error->message);
}

void sctp_socket_set_packet(struct socket *socket, gsize size)
{
    struct sctp_paddrparams path = {.spp_flags = SPP_PMTUD_DISABLE,
                                    .spp_pathmtu = (size - COMMON_HEADER) & ~(gsize) 3};

    ((struct sockaddr_conn *) &path.spp_address)->sconn_family = AF_CONN; /* every address */
    if (usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path) < 0)
        log_debug("SCTP: cannot send packets of %zu bytes: %s", size, g_strerror(errno));
}

void sctp_socket_set_chunk(struct socket *socket, gsize size)
{
    struct sctp_assoc_value limit = {.assoc_value = (size - MAXSEG_ROOM) & ~(gsize) 3};
    g_autoptr(GError) error = NULL;

    if (!set_option(socket, SCTP_MAXSEG, &limit, sizeof limit, &error))
        log_debug("SCTP: %s", error->message);
}

void sctp_socket_measure(struct socket *socket, guint32 id, guint16 remote_port)
{
    struct sctp_paddrparams path = {.spp_flags = SPP_HB_DEMAND};
    struct sockaddr_conn *address = (struct sockaddr_conn *) &path.spp_address;

    address->sconn_family = AF_CONN;
    address->sconn_port = g_htons(remote_port);
    address->sconn_addr = GUINT_TO_POINTER(id);
    if (usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path) < 0)
        log_debug("SCTP: cannot measure the round trip: %s", g_strerror(errno));
}

static bool set_options(struct socket *socket, const SctpSocketConfig *config, GError **error)
{
    const int on = 1, partial = config->partial;
    const struct sctp_initmsg init = {.sinit_num_ostreams = config->streams,
                                      .sinit_max_instreams = config->max_streams};
    /* ICE consent tells whether the path lives, and DTLS has fixed its MTU. */
    const struct sctp_paddrparams path = {.spp_flags = SPP_HB_DISABLE | SPP_PMTUD_DISABLE,
                                          .spp_pathmtu =
                                              (config->packet - COMMON_HEADER) & ~(gsize) 3};

    if (!set_buffers(socket, config->buffer, error))
        return false;
    sctp_socket_set_rto_min(socket, config->rto_min);
    if (config->chunk > 0)
        sctp_socket_set_chunk(socket, config->chunk);
    return set_option(socket, SCTP_NODELAY, &on, sizeof on, error) &&
           set_option(socket, SCTP_RECVRCVINFO, &on, sizeof on, error) &&
           set_option(socket, SCTP_PARTIAL_DELIVERY_POINT, &partial, sizeof partial, error) &&
           set_option(socket, SCTP_INITMSG, &init, sizeof init, error) &&
           set_option(socket, SCTP_PEER_ADDR_PARAMS, &path, sizeof path, error) &&
           subscribe(socket, error);
}

struct socket *sctp_socket_new(const SctpSocketConfig *config, GError **error)
{
    struct socket *socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);

    if (!socket) {
        fail(error, "socket");
        return NULL;
    }
    if (set_options(socket, config, error))
        return socket;
    usrsctp_close(socket);
    return NULL;
}

/* What usrsctp chooses for other purposes is to be at random again. */
static void set_seed(struct socket *socket, guint32 seed)
{
    if (usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_SET_INITIAL_DBG_SEQ, &seed, sizeof seed) < 0)
        log_debug("SCTP: tag and TSN cannot be chosen: %s", g_strerror(errno));
}

bool sctp_socket_connect(struct socket *socket, const SctpSocketConfig *config, GError **error)
{
    struct sockaddr_conn address = {.sconn_family = AF_CONN,
                                    .sconn_addr = GUINT_TO_POINTER(config->id)};
    int result;

    address.sconn_port = g_htons(config->local_port);
    if (usrsctp_bind(socket, (struct sockaddr *) &address, sizeof address) < 0)
        return fail(error, "bind");
    address.sconn_port = g_htons(config->remote_port);
    if (config->seed)
        set_seed(socket, config->seed);
    result = usrsctp_connect(socket, (struct sockaddr *) &address, sizeof address);
    if (result < 0 && errno != EINPROGRESS)
        return fail(error, "connect");
    if (config->seed)
        set_seed(socket, 0);
    return true;
}

/*
 * A reliable message is one that may be sent again four billion times. Were there
 * no policy at all, usrsctp would take SACKs by a shorter way, on which it forgets
 * to start its retransmission timer again (RFC 9260 6.3.2 R3): that expired every
 * few hundred milliseconds of a bulk transfer, found a chunk older than the mean
 * round trip and began with a window of one packet.
 */
static struct sctp_prinfo policy_of(const AssociationMessage *message)
{
    struct sctp_prinfo policy = {.pr_policy = SCTP_PR_SCTP_RTX, .pr_value = RETRANSMITS_UNLIMITED};

    if (message->max_retransmits >= 0) {
        policy.pr_value = message->max_retransmits;
    } else if (message->max_packet_lifetime >= 0) {
        policy.pr_policy = SCTP_PR_SCTP_TTL;
        policy.pr_value = message->max_packet_lifetime;
    }
    return policy;
}

bool sctp_socket_get_status(struct socket *socket, struct sctp_status *status)
{
    socklen_t length = sizeof *status;

    return usrsctp_getsockopt(socket, IPPROTO_SCTP, SCTP_STATUS, status, &length) == 0;
}

guint64 sctp_socket_round_trip_usec(struct socket *socket, guint64 assumed)
{
    struct sctp_status status = {};
    const struct sctp_paddrinfo *path = &status.sstat_primary;

    if (!sctp_socket_get_status(socket, &status))
        return 0;
    if (assumed > 0)
        return MAX((guint64) path->spinfo_srtt * 1000, assumed);
    /* With a measurement the time-out is no longer the initial one. */
    if (path->spinfo_srtt == 0)
        return path->spinfo_rto > 0 && path->spinfo_rto < SCTP_STACK_INITIAL_RTO_MS;
    return (guint64) path->spinfo_srtt * 1000;
}

bool sctp_socket_is_past_handshake(struct socket *socket)
{
    struct sctp_status status = {};

    return sctp_socket_get_status(socket, &status) && status.sstat_state != SCTP_COOKIE_WAIT &&
           status.sstat_state != SCTP_COOKIE_ECHOED;
}

void sctp_socket_set_no_delay(struct socket *socket, bool no_delay)
{
    const int value = no_delay;

    usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_NODELAY, &value, sizeof value);
}

bool sctp_socket_add_streams(struct socket *socket, guint16 count)
{
    const struct sctp_add_streams request = {.sas_outstrms = count};

    return usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_ADD_STREAMS, &request, sizeof request) ==
           0;
}

bool sctp_socket_reset_streams(struct socket *socket, const guint16 *streams, guint n)
{
    gsize size = sizeof(struct sctp_reset_streams) + n * sizeof *streams;
    g_autofree struct sctp_reset_streams *request = g_malloc0(size);

    request->srs_flags = SCTP_STREAM_RESET_OUTGOING;
    request->srs_number_streams = n;
    memcpy(request->srs_stream_list, streams, n * sizeof *streams);
    return usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_RESET_STREAMS, request, size) == 0;
}

bool sctp_socket_send(struct socket *socket, const AssociationMessage *message)
{
    struct sctp_sendv_spa spa = {.sendv_flags = SCTP_SEND_SNDINFO_VALID | SCTP_SEND_PRINFO_VALID};

    spa.sendv_sndinfo.snd_sid = message->stream;
    spa.sendv_sndinfo.snd_ppid = g_htonl(message->ppid);
    spa.sendv_sndinfo.snd_flags = message->ordered ? 0 : SCTP_UNORDERED;
    spa.sendv_prinfo = policy_of(message);
    return usrsctp_sendv(socket, message->bytes, message->length, NULL, 0, &spa, sizeof spa,
                         SCTP_SENDV_SPA, 0) >= 0;
}
