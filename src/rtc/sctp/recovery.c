/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * usrsctp can be told neither to send again now nor that its timer is too long.
 * But a chunk may be sent any number of times: whoever has it already only
 * acknowledges it again (RFC 9260 6.2). So a copy of the packet does it.
 */

#include <config.h>

#include "rtc/sctp/recovery.h"

#include <stdbool.h>
#include <string.h>

#include "common/clock.h"
#include "rtc/sctp/chunks.h"
#include "rtc/sctp/crc32c.h"
#include "rtc/sctp/tail-probe.h"

#define ASK_USEC (150 * 1000)
#define SLOW_ASK_USEC G_USEC_PER_SEC
#define SLOW_AFTER_USEC (120 * G_USEC_PER_SEC)

struct Recovery {
    const RecoveryUser *user;
    gpointer data;
    TailProbe *probe; /* or NULL */
    bool begun;       /* `highest` means something */
    guint32 highest;  /* TSN that was sent */
    GByteArray *kept; /* what was sent again and is not acknowledged; empty: nothing */
    guint32 kept_tsn; /* the first one in it */
    gint64 since;     /* it is kept for this reason */
    gint64 sent;      /* the last time that it was sent */
    gint64 asked;     /* the last time */
    bool heard;       /* anything, since then */
    bool sacked;      /* since then, but not acknowledged: it is no outage */
    guint timer;      /* the next question */
};

/* How long the remote has to say something */
static gint64 patience(const Recovery *recovery)
{
    return MAX(ASK_USEC, (gint64) recovery->user->round_trip_usec(recovery->data));
}

/* ---- asking ---- */

static gboolean on_timer(gpointer data);

static void set_timer(Recovery *recovery, gint64 usec)
{
    g_clear_handle_id(&recovery->timer, g_source_remove);
    recovery->timer = clock_timer_add(usec / 1000, on_timer, recovery);
}

static gboolean on_timer(gpointer data)
{
    Recovery *recovery = data;
    gint64 now = clock_monotonic();

    recovery->timer = 0;
    if (recovery->kept->len == 0 || recovery->sacked)
        return G_SOURCE_REMOVE;
    set_timer(recovery, now - recovery->since > SLOW_AFTER_USEC ? SLOW_ASK_USEC : ASK_USEC);
    if (now - recovery->since < patience(recovery))
        return G_SOURCE_REMOVE;
    recovery->asked = now;
    recovery->user->ask(recovery->data);
    return G_SOURCE_REMOVE;
}

void recovery_hint(Recovery *recovery)
{
    if (recovery->timer != 0)
        set_timer(recovery, 0);
}

/* ---- what goes out ---- */

static void keep(Recovery *recovery, guint32 tsn, const guint8 *packet, gsize length, gsize at)
{
    gint64 now = clock_monotonic();

    if (recovery->kept->len == 0)
        recovery->since = now;
    g_byte_array_set_size(recovery->kept, 0);
    g_byte_array_append(recovery->kept, packet, COMMON_HEADER);
    g_byte_array_append(recovery->kept, packet + at, length - at);
    recovery->kept_tsn = tsn;
    recovery->sent = now;
    recovery->heard = recovery->sacked = false;
    if (recovery->timer == 0)
        set_timer(recovery, ASK_USEC);
}

/* Control chunks come first; of them FORWARD-TSN is like DATA: it is sent until it is
 * acknowledged. */
void recovery_output(Recovery *recovery, const guint8 *packet, gsize length)
{
    gsize first = 0, size;
    guint32 first_tsn = 0;
    bool again = false;

    tail_probe_output(recovery->probe, packet, length);
    for (gsize at = COMMON_HEADER; (size = chunk_size(packet, length, at)) > 0; at += size) {
        const guint8 type = packet[at];
        guint32 tsn;

        if (size < TSN_END || (type != CHUNK_DATA && type != CHUNK_FORWARD_TSN))
            continue;
        tsn = get32(packet + at + CHUNK_HEADER);
        if (first == 0) {
            first = at;
            first_tsn = tsn;
            again = type == CHUNK_FORWARD_TSN ||
                    (recovery->begun && tsn_is_up_to(tsn, recovery->highest));
        }
        if (type == CHUNK_DATA && !(recovery->begun && tsn_is_up_to(tsn, recovery->highest))) {
            recovery->begun = true;
            recovery->highest = tsn;
        }
    }
    if (again && (recovery->kept->len == 0 || packet[first] == CHUNK_FORWARD_TSN ||
                  tsn_is_up_to(first_tsn, recovery->kept_tsn)))
        keep(recovery, first_tsn, packet, length, first);
}

/* ---- what comes in ---- */

static void resend(Recovery *recovery)
{
    gsize length = recovery->kept->len;
    /* A copy: what the owner does may make usrsctp put out another one, which is kept then. */
    g_autofree guint8 *packet = g_memdup2(recovery->kept->data, length);

    crc32c_seal(packet, length);
    recovery->sent = clock_monotonic();
    recovery->user->resend(packet, length, recovery->data);
}

static void note_sack(Recovery *recovery, guint32 tsn)
{
    recovery->sacked = true;
    if (!tsn_is_up_to(recovery->kept_tsn, tsn))
        return;
    g_byte_array_set_size(recovery->kept, 0);
    g_clear_handle_id(&recovery->timer, g_source_remove);
}

/*
 * Who answers a question that was asked later would have acknowledged it. Any
 * other sign after a silence is worth a try, though it may have come on a path
 * that carries nothing the other way.
 */
static bool is_missed(const Recovery *recovery, bool answer)
{
    if (recovery->kept->len == 0 || recovery->sacked)
        return false;
    if (answer && recovery->asked >= recovery->sent)
        return true;
    return !recovery->heard && clock_monotonic() - recovery->sent >= patience(recovery);
}

void recovery_input(Recovery *recovery, const guint8 *packet, gsize length)
{
    bool answer = false;
    gsize size;

    tail_probe_input(recovery->probe, packet, length);
    for (gsize at = COMMON_HEADER;
         recovery->kept->len > 0 && (size = chunk_size(packet, length, at)) > 0; at += size) {
        if (packet[at] == CHUNK_SACK && size >= TSN_END)
            note_sack(recovery, get32(packet + at + CHUNK_HEADER));
        else if (packet[at] == CHUNK_HEARTBEAT_ACK)
            answer = true;
    }
    if (is_missed(recovery, answer))
        resend(recovery);
    recovery->heard = true;
}

Recovery *recovery_new(const RecoveryUser *user, gpointer data)
{
    Recovery *recovery = g_new0(Recovery, 1);

    recovery->user = user;
    recovery->data = data;
    recovery->kept = g_byte_array_new();
    return recovery;
}

void recovery_add_probe(Recovery *recovery, Transport *lower, gsize size, guint64 round_trip_usec)
{
    if (round_trip_usec >= TAIL_PROBE_LEAST_USEC)
        recovery->probe = tail_probe_new(lower, size, round_trip_usec,
                                         recovery->user->round_trip_usec, recovery->data);
}

void recovery_free(Recovery *recovery)
{
    if (!recovery)
        return;
    g_clear_handle_id(&recovery->timer, g_source_remove);
    g_byte_array_unref(recovery->kept);
    tail_probe_free(recovery->probe);
    g_free(recovery);
}
