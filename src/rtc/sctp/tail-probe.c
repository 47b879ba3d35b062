/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/sctp/tail-probe.h"

#include <stdbool.h>

#include "common/clock.h"
#include "rtc/sctp/chunks.h"
#include "rtc/sctp/crc32c.h"

enum {
    COPIES_MAX = 2,
    GAPS_OFFSET = 12, /* in a SACK: how many there are (RFC 9260 3.3.4) */
    SACK_SIZE = 16,
};

/* A SACK may be put off for 20 ms by ours, and come late for what both have to do. */
#define SACK_USEC (30 * 1000)

struct TailProbe {
    Transport *lower;
    gsize size;
    guint64 round_trip;
    guint64 (*measured)(gpointer data);
    gpointer data;
    bool begun;       /* `highest` means something */
    guint32 highest;  /* TSN that was sent */
    bool left;        /* to usrsctp, until all is acknowledged */
    GByteArray *kept; /* a packet of all DATA that is not acknowledged; empty: there is none */
    gint64 sent;      /* when the last of it was, or a copy */
    guint copies;
    guint timer;
    gint64 due;
    bool gap; /* the timer is that of one */
};

static void forget(TailProbe *probe)
{
    g_byte_array_set_size(probe->kept, 0);
    g_clear_handle_id(&probe->timer, g_source_remove);
}

static gboolean on_timer(gpointer data);

static void set_timer(TailProbe *probe, gint64 usec, bool gap)
{
    g_clear_handle_id(&probe->timer, g_source_remove);
    probe->gap = gap;
    probe->due = clock_monotonic() + usec;
    probe->timer = clock_timer_add((guint) (usec / 1000), on_timer, probe);
}

/* Twice as long after the first copy */
static gint64 patience(const TailProbe *probe, guint64 round_trip)
{
    return ((gint64) round_trip * 5 / 4 + SACK_USEC) << probe->copies;
}

static void send_copy(TailProbe *probe)
{
    g_autofree guint8 *packet = g_memdup2(probe->kept->data, probe->kept->len);

    crc32c_seal(packet, probe->kept->len);
    transport_send(probe->lower, packet, probe->kept->len);
}

static gboolean on_timer(gpointer data)
{
    TailProbe *probe = data;
    gint64 left = probe->sent - clock_monotonic();

    probe->timer = 0;
    if (!probe->gap)
        left += patience(probe, MAX(probe->round_trip, probe->measured(probe->data)));
    if (!probe->gap && left >= 1000) {
        set_timer(probe, left, false);
        return G_SOURCE_REMOVE;
    }
    send_copy(probe);
    probe->sent = clock_monotonic();
    if (++probe->copies < COPIES_MAX)
        set_timer(probe, patience(probe, probe->round_trip), false);
    return G_SOURCE_REMOVE;
}

/* ---- what goes out --------------------------------------------------------- */

static void note_data(TailProbe *probe, const guint8 *packet, gsize at, gsize size)
{
    const guint32 tsn = get32(packet + at + CHUNK_HEADER);
    const bool again = probe->begun && tsn_is_up_to(tsn, probe->highest);

    if (!again)
        probe->highest = tsn;
    probe->begun = true;
    if (again || MAX(probe->kept->len, (guint) COMMON_HEADER) + size > probe->size) {
        probe->left = true;
        forget(probe);
    }
    if (probe->left)
        return;
    if (probe->kept->len == 0)
        g_byte_array_append(probe->kept, packet, COMMON_HEADER);
    g_byte_array_append(probe->kept, packet + at, size);
    probe->copies = 0;
    probe->sent = clock_monotonic();
    set_timer(probe, patience(probe, probe->round_trip), false);
}

void tail_probe_output(TailProbe *probe, const guint8 *packet, gsize length)
{
    gsize size;

    if (!probe)
        return;
    for (gsize at = COMMON_HEADER; (size = chunk_size(packet, length, at)) > 0; at += size) {
        if (packet[at] == CHUNK_DATA && size >= TSN_END)
            note_data(probe, packet, at, size);
        else if (packet[at] == CHUNK_FORWARD_TSN)
            forget(probe); /* it may be given up */
    }
}

/* ---- what comes in --------------------------------------------------------- */

/* Whether anything was kept of what is acknowledged up to TSN. */
static bool drop_until(TailProbe *probe, guint32 tsn)
{
    const guint8 *kept = probe->kept->data;
    gsize end = COMMON_HEADER, size;

    while ((size = chunk_size(kept, probe->kept->len, end)) > 0 &&
           tsn_is_up_to(get32(kept + end + CHUNK_HEADER), tsn))
        end += size;
    if (end == COMMON_HEADER)
        return false;
    g_byte_array_remove_range(probe->kept, COMMON_HEADER, end - COMMON_HEADER);
    return true;
}

static void note_sack(TailProbe *probe, const guint8 *sack)
{
    const guint32 tsn = get32(sack + CHUNK_HEADER);
    const bool gap = get16(sack + GAPS_OFFSET) > 0;
    gint64 soon = probe->round_trip / 4;

    if (probe->begun && tsn_is_up_to(probe->highest, tsn)) {
        probe->left = false;
        forget(probe);
        return;
    }
    if (probe->kept->len == 0)
        return;
    if (drop_until(probe, tsn)) {
        probe->copies = 0;
        set_timer(probe, patience(probe, probe->round_trip), false);
    }
    if (gap && probe->copies == 0 && probe->due - clock_monotonic() > soon)
        set_timer(probe, soon, true);
}

void tail_probe_input(TailProbe *probe, const guint8 *packet, gsize length)
{
    gsize sack = probe ? chunk_find(packet, length, CHUNK_SACK, SACK_SIZE) : 0;

    if (sack > 0)
        note_sack(probe, packet + sack);
}

/* ---- the object ------------------------------------------------------------ */

TailProbe *tail_probe_new(Transport *lower, gsize size, guint64 round_trip_usec,
                          guint64 (*measured)(gpointer data), gpointer data)
{
    TailProbe *probe = g_new0(TailProbe, 1);

    probe->lower = lower;
    probe->size = size;
    probe->round_trip = round_trip_usec;
    probe->measured = measured;
    probe->data = data;
    probe->kept = g_byte_array_new();
    return probe;
}

void tail_probe_free(TailProbe *probe)
{
    if (!probe)
        return;
    g_clear_handle_id(&probe->timer, g_source_remove);
    g_byte_array_unref(probe->kept);
    g_free(probe);
}
