/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/call-log.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#include "common/candidate.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"
#include "common/printable.h"

static void call_log(const Call *call, const char *message_id, const char *text)
{
    g_autofree char *number = g_strdup_printf("%u", call_number(call));

    log_event(G_LOG_LEVEL_INFO,
              (.message_id = message_id, .call = call_session(call) ? call_session(call) : number,
               .remote = *call_peer(call) ? call_peer(call) : NULL, .topic = LOG_TOPIC_CALLS,
               .source = call_remote(call)),
              "%s", text);
}

static char *endpoint_to_text(const char *candidate)
{
    g_auto(GStrv) words = candidate ? candidate_split(candidate) : NULL;
    g_autofree char *endpoint = words ? candidate_endpoint(words) : NULL;
    g_autofree char *text =
        words ? g_strdup_printf("%s %s", words[CANDIDATE_TYPE], endpoint) : NULL;

    return text ? printable(text) : g_strdup("?");
}

char *call_path_to_text(Call *call)
{
    g_auto(ConnectionStats) stats = {};
    g_autofree char *local = NULL, *remote = NULL;

    call_get_stats(call, &stats);
    if (!stats.local_candidate && !stats.remote_candidate)
        return NULL;
    local = endpoint_to_text(stats.local_candidate);
    remote = endpoint_to_text(stats.remote_candidate);
    return g_strdup_printf("%s ↔ %s", local, remote);
}

void call_log_connected(Call *call)
{
    g_auto(ConnectionStats) stats = {};
    g_autofree char *local = NULL, *remote = NULL, *text = NULL;

    call_get_stats(call, &stats);
    local = candidate_type(stats.local_candidate);
    remote = candidate_type(stats.remote_candidate);
    text = g_strdup_printf(_("connected with %s in %d ms (%s ↔ %s)"), call_peer_for_people(call),
                           (int) ((clock_monotonic() - call_started(call)) / 1000),
                           local ? local : "?", remote ? remote : "?");
    call_log(call, MESSAGE_CALL_CONNECTED, text);
}

void call_log_ended(const Call *call)
{
    g_autofree char *text = g_strdup_printf(_("call %u with %s ended: %s"), call_number(call),
                                            call_peer_for_people(call), _(call_reason(call)));

    call_log(call, MESSAGE_CALL_ENDED, text);
}

void call_log_channel_closed(const Call *call, const CallChannel *channel)
{
    g_autofree char *text = g_strdup_printf(
        _("channel %u of call %u with %s closed: %s"), call_channel_number(channel),
        call_number(call), call_peer_for_people(call), call_channel_reason(channel));

    call_log(call, NULL, text);
}

void call_log_silent(const Call *call)
{
    g_autofree char *text =
        g_strdup_printf(_("call %u: %s does not answer; a new path to it is looked for"),
                        call_number(call), call_peer_for_people(call));

    call_log(call, MESSAGE_CALL_SILENT, text);
}

void call_log_moved(const Call *call, const char *from, const char *to)
{
    g_autofree char *text =
        from && g_strcmp0(from, to) != 0
            ? g_strdup_printf(_("call %u with %s goes on over %s; before: %s"), call_number(call),
                              call_peer_for_people(call), to, from)
            : g_strdup_printf(_("call %u with %s goes on over %s"), call_number(call),
                              call_peer_for_people(call), to);

    call_log(call, MESSAGE_CALL_MOVED, text);
}

/* No remote can cause it, so it is always written. */
static void log_capture(const Call *call, const char *text)
{
    g_autofree char *number = g_strdup_printf("%u", call_number(call));

    log_event(G_LOG_LEVEL_WARNING,
              (.message_id = MESSAGE_CALL_CAPTURED,
               .call = call_session(call) ? call_session(call) : number,
               .remote = *call_peer(call) ? call_peer(call) : NULL),
              "%s", text);
}

void call_log_capturing(const Call *call)
{
    g_autofree char *text =
        g_strdup_printf(_("the packets of call %u with %s are captured, decrypted, by root"),
                        call_number(call), call_peer_for_people(call));

    log_capture(call, text);
}

void call_log_captured(const Call *call, guint64 packets, guint64 lost)
{
    g_autofree char *text =
        g_strdup_printf(_("the packets of call %u with %s are no longer captured: %" PRIu64
                          " were, %" PRIu64 " were lost"),
                        call_number(call), call_peer_for_people(call), packets, lost);

    log_capture(call, text);
}

void call_log_refused(const Call *call, const Frame *frame, const char *why)
{
    log_event(G_LOG_LEVEL_WARNING,
              (.call = call_session(call), .remote = *call_peer(call) ? call_peer(call) : NULL,
               .topic = LOG_TOPIC_REFUSALS, .source = frame->from),
              _("call %u with %s: a later %s is refused: %s"), call_number(call),
              call_peer_for_people(call), frame_type_to_string(frame->type), why);
}
