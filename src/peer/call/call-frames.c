/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a call says over the relay and what it takes from there. It is told whose the frames
 * are (call-dispatch.c).
 */

#include <config.h>

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "peer/call/call-log.h"
#include "peer/call/call-private.h"

/* Later offers of a call that come from elsewhere than its remote: at once, and µs for another */
enum {
    ELSEWHERE_OFFERS = 2,
    MAX_MESSAGE = 200, /* characters, of at most four bytes */
};
#define ELSEWHERE_INTERVAL (30 * G_USEC_PER_SEC)

/* Every frame of a call names its session and whom it is for (rtcbus-signaling(7)). */
static void call_send(Call *call, Frame *frame)
{
    const char *address = call_identity_address(&call->identity);

    if (call->carried) {
        if (frame->type != FRAME_BYE) /* DTLS says it */
            call->user.ops->carry(call, frame, call->user.data);
        return;
    }
    if (!frame->to)
        frame->to = g_strdup(address ? address : *call->target ? call->target : NULL);
    if (!frame->session)
        frame->session = g_strdup(call->session);
    call_ladder_frame(call, LADDER_OUT, frame);
    call->user.ops->send(frame, call->user.data);
}

void call_ring(Call *call, const char *to)
{
    g_autoptr(Frame) frame = frame_new(FRAME_CALL);

    frame->to = g_strdup(to);
    frame->channel_id = g_strdup(call->channel_id);
    call_send(call, frame);
}

/* On a detour it is told at both places, for it is not known which is right. */
static void call_send_everywhere(Call *call, Frame *frame)
{
    call_send(call, frame);
    if (call->identity.detour && call->identity.id) {
        g_free(frame->to);
        frame->to = g_strdup(call->identity.id);
        call_send(call, frame);
    }
}

/* Whether the room says that the remote is where it was before any detour */
static bool is_still_there(Call *call)
{
    const char *to;

    return call->user.ops->locate(call, &to, call->user.data) &&
           g_strcmp0(call->identity.id, to) == 0;
}

/* A description, or a candidate of one */
static void call_send_part(Call *call, Frame *frame)
{
    if (call->identity.detour && call->asked && frame->type != FRAME_ANSWER && is_still_there(call))
        call_send_everywhere(call, frame);
    else
        call_send(call, frame);
}

static char *shortened(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    return g_utf8_substring(valid, 0, MIN(g_utf8_strlen(valid, -1), MAX_MESSAGE));
}

void call_say_bye(Call *call)
{
    g_autoptr(Frame) bye = frame_new(FRAME_BYE);

    bye->reason = g_strdup(call->bye_reason ? call->bye_reason : call_reason_to_word(call->reason));
    /* What the word does not tell, its own words do. */
    if (g_strcmp0(bye->reason, FRAME_REASON_FAILED) == 0)
        bye->message = shortened(call->reason);
    call_send_everywhere(call, bye);
}

void call_describe(Connection *connection, const char *type, const char *sdp, gpointer data)
{
    Call *call = data;
    g_autoptr(Frame) frame = frame_new(strcmp(type, "offer") == 0 ? FRAME_OFFER : FRAME_ANSWER);

    frame->sdp = g_strdup(sdp);
    if (frame->type == FRAME_OFFER) {
        frame->restart = call->described;
        call->asked = true;
    }
    call_send_part(call, frame);
}

void call_tell_candidate(Connection *connection, const IceCandidateInit *candidate, gpointer data)
{
    Call *call = data;
    g_autoptr(Frame) frame = frame_new(FRAME_CANDIDATE);

    if (call->servers)
        call_servers_found(call->servers, candidate ? candidate->candidate : NULL);
    /* libwebrtc under Node.js rejects the empty candidate, and an unhandled
     * rejection ends the foreign program: they get no end of the list. */
    if (!candidate && call->foreign)
        return;
    if (candidate) {
        frame->candidate = g_strdup(candidate->candidate);
        frame->mid = g_strdup(candidate->mid);
        frame->mline_index = candidate->mline_index;
        frame->ufrag = g_strdup(candidate->ufrag);
    }
    call_send_part(call, frame);
}

/* ---- what comes ----------------------------------------------------------- */

bool call_set_remote(Call *call, const char *type, const char *sdp, GError **error)
{
    if (!connection_set_remote(call->connection, type, sdp ? sdp : "", error))
        return false;
    call->described = true;
    return true;
}

/* A foreign emitter may get into confusion by two `call`s, of which the second one's offer is
 * good: the call goes on waiting. */
static void call_unbind(Call *call, const char *why)
{
    log_debug("call %u: an offer: %s", call->number, why);
    g_clear_pointer(&call->connection, connection_free);
    call_identity_bind(&call->identity, NULL, NULL, NULL);
    call->foreign = false;
}

void call_take_offer(Call *call, const Frame *frame, const char *claimed, const char *shown)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);
    g_autoptr(GError) error = NULL;

    g_return_if_fail(call->state == CALL_CALLING);
    call_identity_bind(&call->identity, frame->from, claimed, shown);
    call->foreign = frame->session == NULL;
    call_ladder_frame(call, LADDER_IN, frame);
    if (call_make_connection(call, &error) && call_set_remote(call, "offer", frame->sdp, &error))
        call_enter_state(call, CALL_CONNECTING);
    else if (call->foreign && call->direction == CALL_OUTGOING)
        call_unbind(call, error->message);
    else
        call_close(call, error->message, true);
}

bool call_has_keys(const Call *call, const GPtrArray *keys)
{
    return call->connection && connection_has_keys(call->connection, keys);
}

/* Whoever says what another one has said before proves nothing by it, unless that one has left. */
static const char *proof_of(const Call *call, const char *before)
{
    const char *now = connection_remote_ufrag(call->connection);

    return call->identity.left || g_strcmp0(before, now) != 0 ? now : NULL;
}

/*
 * Others may have the session and a description, and each offer of theirs would take one of the
 * remote's restarts. A few are enough for a remote that has left without the relay's having noticed;
 * one that is not there any more has none to lose.
 */
static bool may_offer(Call *call, const Frame *frame)
{
    if (g_strcmp0(call->identity.id, frame->from) == 0 || !is_still_there(call))
        return true;
    return bucket_take(&call->elsewhere, clock_monotonic(), ELSEWHERE_INTERVAL, ELSEWHERE_OFFERS);
}

/* FRAME is an offer or an answer that comes later than the first. What is wrong with it is no
 * reason to end a call that works. */
static bool call_take_later(Call *call, const char *type, const Frame *frame)
{
    g_autofree char *before = NULL;
    g_autoptr(GError) error = NULL;

    call_ladder_frame(call, LADDER_IN, frame);
    before = g_strdup(connection_remote_ufrag(call->connection));
    if (!call_set_remote(call, type, frame->sdp, &error)) {
        call_log_refused(call, frame, error->message);
        return false;
    }
    call_identity_detour(&call->identity, frame->from, proof_of(call, before));
    call->identity.left = false;
    call->heard = clock_monotonic();
    return true;
}

void call_take_later_offer(Call *call, const Frame *frame)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);

    if (call->state == CALL_CLOSED)
        return;
    if (may_offer(call, frame))
        call_take_later(call, "offer", frame);
    else
        call_log_refused(call, frame, "too many from where the remote was not");
}

void call_take_answer(Call *call, const Frame *frame)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);
    g_autoptr(GError) error = NULL;

    if (!call->asked) {
        log_debug("call %u: an answer without an offer", call->number);
        return;
    }
    if (call->described) {
        if (call_take_later(call, "answer", frame))
            call->asked = false;
        return;
    }
    call_ladder_frame(call, LADDER_IN, frame);
    if (call_set_remote(call, "answer", frame->sdp, &error))
        call->asked = false;
    else
        call_close(call, error->message, true);
}

void call_take_candidate(Call *call, const Frame *frame)
{
    IceCandidateInit candidate = {frame->candidate, frame->mid, frame->mline_index, frame->ufrag};
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);
    g_autoptr(GError) error = NULL;

    if (!call->connection)
        return;
    call_ladder_frame(call, LADDER_IN, frame);
    if (!connection_add_candidate(call->connection, frame->candidate ? &candidate : NULL, &error))
        log_debug("call %u: a candidate: %s", call->number, error->message);
}
