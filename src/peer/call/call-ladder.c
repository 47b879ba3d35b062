/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The ladder of a call, and the channels on which its remote asks for it. Nobody else can: what
 * is told is of the call that the channel is in, and goes to whoever was at its other end.
 */

#include <config.h>

#include <string.h>

#include "common/candidate.h"
#include "common/clock.h"
#include "peer/call/call-private.h"

void call_ladder_frame(Call *call, LadderWay way, const Frame *frame)
{
    ladder_add_frame(&call->ladder, clock_monotonic(), way, frame);
}

static void add_connected(Call *call)
{
    g_auto(ConnectionStats) stats = {};
    g_autofree char *local = NULL, *remote = NULL, *text = NULL;

    call_get_stats(call, &stats);
    local = candidate_type(stats.local_candidate);
    remote = candidate_type(stats.remote_candidate);
    text = g_strdup_printf("%s ↔ %s", local ? local : "?", remote ? remote : "?");
    ladder_add(&call->ladder, clock_monotonic(), LADDER_DIRECT, "connected", text);
}

/* The first one; others are not about the call. It may be open before we are told of the
 * connection that it is in. */
void call_ladder_channel(Call *call, const CallChannel *channel)
{
    if (call->setup_time != 0 || call_channel_state(channel) != CHANNEL_OPEN)
        return;
    if (call->state == CALL_CONNECTING)
        add_connected(call);
    ladder_add(&call->ladder, clock_monotonic(), LADDER_DIRECT, "channel",
               channel_label(call_channel_rtc(channel)));
}

void call_ladder_state(Call *call, CallState old)
{
    bool told = old == CALL_CONNECTING && call->setup_time != 0;

    if (call->state == CALL_CONNECTED && !told)
        add_connected(call);
    else if (call->state == CALL_RECONNECTING)
        ladder_add(&call->ladder, clock_monotonic(), LADDER_DIRECT, "silent", NULL);
}

/* ---- who asks ------------------------------------------------------------- */

/* One who does not read the last answer gets no other. */
static void on_question(CallChannel *channel, const guint8 *bytes, gsize length, gpointer data)
{
    Call *call = data;
    g_autofree char *answer = NULL;

    if (call_channel_is_busy(channel))
        return;
    answer =
        ladder_answer(&call->ladder, call->session, bytes, length, clock_monotonic(), clock_wall());
    if (answer)
        call_channel_send(channel, MESSAGE_TEXT, answer, strlen(answer), NULL);
}

static void on_writable(CallChannel *channel, gpointer data)
{
}

static const CallChannelTaker taker = {.message = on_question, .writable = on_writable};

bool call_ladder_take(Call *call, CallChannel *channel)
{
    if (call->stepwise || !call_channel_is_incoming(channel) ||
        strcmp(channel_protocol(call_channel_rtc(channel)), LADDER_PROTOCOL) != 0)
        return false;
    call_channel_take(channel, &taker, call);
    return true;
}

bool call_ladder_has(const CallChannel *channel)
{
    gpointer unused;

    return call_channel_is_taken(channel, &taker, &unused);
}
