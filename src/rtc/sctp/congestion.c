/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/sctp/congestion.h"

#include "common/clock.h"
#include "rtc/sctp/chunks.h"
#include "rtc/sctp/delivery.h"
#include "rtc/sctp/path-model.h"
#include "rtc/sctp/sctp-socket.h"
#include "rtc/sctp/sctp-stack.h"

/* Shorter packets are not worth a model: a call that only sends readings has none. */
#define PACKET_MIN 1000
#define ROOM_OFFSET 8 /* of a SACK's Advertised Receiver Window Credit */
/* What usrsctp takes from the remote's room for each chunk besides its bytes */
#define CHUNK_ROOM 256
#ifndef SCTP_GET_SNDBUF_USE
#define SCTP_GET_SNDBUF_USE 0x1101 /* in usrsctp's netinet/sctp.h, which is not installed */
#endif
/* Less room than this is none, to usrsctp. */
#define ROOM_MIN 1500
/* Without an answer for so long, and for so many round trips, the path may be another one. */
#define SILENCE (500 * 1000)
#define SILENT_ROUND_TRIPS 4

/* usrsctp's struct sctp_sockstat */
typedef struct {
    sctp_assoc_t id;
    guint32 sending, receiving; /* bytes */
} Buffered;

/* SACKs tell within three round trips of a chunk that was lost twice. usrsctp's timer is not to come
 * before that: it sends again all that is on its way. */
#define TIMER_ROUND_TRIPS 4
#define TIMER_MAX_MS 2000

/* A message is long from here on. What may wait in usrsctp before it: what leaves in so many µs,
 * and at least so much */
#define SHORT_MAX (16 * 1024)
#define AHEAD (4 * 1000)
#define AHEAD_MIN (64 * 1024)

typedef struct {
    Delivery delivery;
    PathModel model;
} Path;

struct Congestion {
    Path *path;     /* NULL: nothing is measured yet */
    bool sampled;   /* since it was settled */
    guint timer_ms; /* the least that usrsctp's timer has been told; 0: nothing */
};

Congestion *congestion_new(void)
{
    return g_new0(Congestion, 1);
}

void congestion_free(Congestion *congestion)
{
    if (!congestion)
        return;
    g_free(congestion->path);
    g_free(congestion);
}

void congestion_reset(Congestion *congestion)
{
    g_clear_pointer(&congestion->path, g_free);
}

void congestion_output(Congestion *congestion, const guint8 *packet, gsize length)
{
    if (!congestion->path) {
        if (length < PACKET_MIN)
            return;
        congestion->path = g_new(Path, 1);
        delivery_init(&congestion->path->delivery);
        path_model_init(&congestion->path->model);
    }
    delivery_output(&congestion->path->delivery, packet, length, clock_monotonic());
}

static bool is_silent(const Path *path, gint64 now)
{
    return delivery_in_flight(&path->delivery) > 0 &&
           now - path->delivery.delivered_at >=
               MAX(SILENCE, SILENT_ROUND_TRIPS * path->model.least);
}

static void take_sample(Congestion *congestion, const guint8 *packet, gsize length)
{
    Path *path = congestion->path;
    gint64 now = clock_monotonic();
    DeliverySample sample;

    if (is_silent(path, now)) {
        delivery_forget(&path->delivery);
        path_model_restart(&path->model, now);
    }
    if (!delivery_input(&path->delivery, packet, length, now, &sample))
        return;
    path_model_sample(&path->model, &path->delivery, &sample, now);
    congestion->sampled = true;
}

/* The room that lets as much be in flight as the window is */
static guint32 room_of(const Path *path)
{
    gsize window = path_model_window(&path->model);
    gsize chunk = MAX(delivery_chunk_size(&path->delivery), CHUNK_HEADER);
    guint64 room = window + window / chunk * CHUNK_ROOM + ROOM_MIN;

    return window > 0 ? MIN(room, G_MAXUINT32) : G_MAXUINT32;
}

void congestion_input(Congestion *congestion, guint8 *packet, gsize length)
{
    guint32 room;
    gsize sack;

    if (!congestion->path)
        return;
    take_sample(congestion, packet, length);
    room = room_of(congestion->path);
    sack = chunk_find(packet, length, CHUNK_SACK, ROOM_OFFSET + sizeof room);
    if (sack > 0 && get32(packet + sack + ROOM_OFFSET) > room)
        put32(packet + sack + ROOM_OFFSET, room);
}

/* What usrsctp holds besides what has been sent and is not acknowledged yet, about */
static gint64 unsent(const Path *path, struct socket *socket)
{
    Buffered buffered = {};
    socklen_t length = sizeof buffered;
    gint64 outstanding = delivery_outstanding(&path->delivery);

    if (usrsctp_getsockopt(socket, IPPROTO_SCTP, SCTP_GET_SNDBUF_USE, &buffered, &length) < 0)
        return 0;
    return buffered.sending - outstanding - outstanding / 16;
}

bool congestion_is_ahead(const Congestion *congestion, struct socket *socket, gsize length)
{
    const Path *path = congestion->path;
    gint64 window = path ? path_model_window(&path->model) : 0;

    return length > SHORT_MAX && window > 0 && path->model.least > 0 &&
           unsent(path, socket) > MAX(window * AHEAD / path->model.least, AHEAD_MIN);
}

static void adjust_timer(Congestion *congestion, struct socket *socket)
{
    gint64 wanted = congestion->path ? congestion->path->model.least * TIMER_ROUND_TRIPS / 1000 : 0;
    guint timer_ms = CLAMP(wanted, SCTP_STACK_RTO_MIN_MS, TIMER_MAX_MS);

    if (timer_ms > congestion->timer_ms * 3 / 4 && timer_ms <= congestion->timer_ms)
        return;
    congestion->timer_ms = timer_ms;
    sctp_socket_set_rto_min(socket, timer_ms);
}

void congestion_settle(Congestion *congestion, struct socket *socket)
{
    struct sctp_status status = {};
    socklen_t length = sizeof status;
    Path *path = congestion->path;
    gsize window;

    if (!path && congestion->timer_ms > SCTP_STACK_RTO_MIN_MS)
        adjust_timer(congestion, socket);
    if (!path || !congestion->sampled ||
        usrsctp_getsockopt(socket, IPPROTO_SCTP, SCTP_STATUS, &status, &length) < 0)
        return;
    congestion->sampled = false;
    adjust_timer(congestion, socket);
    if (unsent(path, socket) <= 2 * PACKET_MIN)
        delivery_note_idle(&path->delivery);
    window = path_model_window(&path->model);
    if (path_model_forgives(&path->model) && status.sstat_primary.spinfo_cwnd < window)
        sctp_stack_set_window(socket, window, status.sstat_primary.spinfo_mtu);
}
