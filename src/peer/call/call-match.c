/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The table, for whichever side has made the first offer and whichever sends:
 *
 *   session     sender      key          belongs to
 *   the call's  its remote  any          the call, which refuses another key
 *   the call's  another     the call's   the call: its remote has joined anew
 *   none        its remote  the call's   the foreign call
 *   none        its remote  another      none: a foreign client that has begun anew
 *   none        another     the call's   the foreign call, if its remote is not there any more
 *   anything else                        none
 *
 * The key is what a description (an offer or an answer) names. Other frames have none: they
 * belong by their sender alone, who is known from then on. A name or `from` never moves a
 * call; nor does a key alone, if a session could have been named.
 *
 * "Its remote" is who has the id that the call knows, or, but for `bye`, the one under which
 * the remote seems to be now (call_identity_detour()). A foreign relay gives no ids: all its
 * frames are from the same nobody.
 */

#include <config.h>

#include "peer/call/call-match.h"

/* Those that FRAME names; NULL: it is no description. It is parsed here, once, whatever the number
 * of calls. */
static GPtrArray *read_keys(const Frame *frame)
{
    bool described = frame->type == FRAME_OFFER || frame->type == FRAME_ANSWER;

    return described && frame->sdp ? connection_read_keys(frame->sdp) : NULL;
}

static bool is_from_remote(const Call *call, const Frame *frame)
{
    if (frame->type == FRAME_BYE)
        return g_strcmp0(call_remote(call), frame->from) == 0;
    return call_identity_is_at(call_identity(call), frame->from);
}

/* Whether FROM is the one that CALL, which awaits an offer, has asked for. */
static bool is_target(const Room *room, const Call *call, const char *from)
{
    const char *target = call_target(call);
    const RoomMember *member;

    if (!*target || !from || !room_is_known(room))
        return true;
    member = room_find(room, target);
    return g_strcmp0(target, from) == 0 || (member && g_strcmp0(member->id, from) == 0);
}

Call *call_match_waiting(const GPtrArray *list, const Room *room, const Frame *frame)
{
    for (guint i = 0; i < list->len; i++) {
        Call *call = list->pdata[i];

        if (call_awaits_offer(call) && is_target(room, call, frame->from) &&
            (!frame->session || g_strcmp0(call_session(call), frame->session) == 0))
            return call;
    }
    return NULL;
}

/* ---- with a session ------------------------------------------------------- */

static Call *find_session(const GPtrArray *list, const Frame *frame, CallDirection direction)
{
    for (guint i = 0; i < list->len; i++) {
        Call *call = list->pdata[i];

        if (call_direction(call) == direction &&
            g_strcmp0(call_session(call), frame->session) == 0 && is_from_remote(call, frame))
            return call;
    }
    return NULL;
}

Call *call_match_incoming(const GPtrArray *list, const Frame *frame)
{
    return frame->session ? find_session(list, frame, CALL_INCOMING) : NULL;
}

static Call *find_moved(const GPtrArray *list, const Frame *frame)
{
    g_autoptr(GPtrArray) keys = read_keys(frame);

    for (guint i = 0; keys && i < list->len; i++) {
        Call *call = list->pdata[i];

        if (g_strcmp0(call_session(call), frame->session) == 0 && call_has_keys(call, keys))
            return call;
    }
    return NULL;
}

static Call *match_session(const GPtrArray *list, const Frame *frame)
{
    Call *call = find_session(list, frame, CALL_INCOMING);

    if (!call)
        call = find_session(list, frame, CALL_OUTGOING);
    return call ? call : find_moved(list, frame);
}

Call *call_match_detour(const GPtrArray *list, const Frame *frame)
{
    for (guint i = 0; frame->session && i < list->len; i++) {
        const CallIdentity *identity = call_identity(list->pdata[i]);

        if (g_strcmp0(call_session(list->pdata[i]), frame->session) == 0 && identity->detour &&
            g_strcmp0(identity->detour, frame->from) == 0)
            return list->pdata[i];
    }
    return NULL;
}

bool call_match_has_session(const GPtrArray *list, const char *session)
{
    for (guint i = 0; session && i < list->len; i++) {
        if (call_direction(list->pdata[i]) == CALL_OUTGOING &&
            g_strcmp0(call_session(list->pdata[i]), session) == 0)
            return true;
    }
    return false;
}

/* ---- without -------------------------------------------------------------- */

static bool has_foreign(const GPtrArray *list)
{
    for (guint i = 0; i < list->len; i++) {
        if (call_is_foreign(list->pdata[i]))
            return true;
    }
    return false;
}

/* Newest first: an older one of the same sender is as good as replaced. */
static Call *find_foreign(const GPtrArray *list, const Frame *frame, bool pending)
{
    for (guint i = list->len; i > 0; i--) {
        Call *call = list->pdata[i - 1];

        if (!call_is_foreign(call) || !is_from_remote(call, frame) || call_awaits_offer(call) ||
            call_is_pending(call) != pending)
            continue;
        if (frame->type != FRAME_ANSWER || call_awaits_answer(call))
            return call;
    }
    return NULL;
}

/* Whose KEYS they are that FRAME's description names: of calls with its sender, or of those whose
 * remote has left the room. */
static Call *find_foreign_key(const GPtrArray *list, const Room *room, const Frame *frame,
                              const GPtrArray *keys, bool left)
{
    for (guint i = list->len; i > 0; i--) {
        Call *call = list->pdata[i - 1];
        const char *id = call_remote(call);

        if (!call_is_foreign(call) || (frame->type == FRAME_ANSWER && !call_awaits_answer(call)))
            continue;
        if (left ? !id || !room_is_known(room) || room_has(room, id) : !is_from_remote(call, frame))
            continue;
        if (call_has_keys(call, keys))
            return call;
    }
    return NULL;
}

static Call *match_foreign(const GPtrArray *list, const Room *room, const Frame *frame)
{
    g_autoptr(GPtrArray) keys = has_foreign(list) ? read_keys(frame) : NULL;
    Call *call = NULL;

    if (keys)
        call = find_foreign_key(list, room, frame, keys, false);
    if (!call && keys)
        call = find_foreign_key(list, room, frame, keys, true);
    if (!call && frame->type != FRAME_OFFER)
        call = find_foreign(list, frame, true);
    if (!call && frame->type != FRAME_OFFER)
        call = find_foreign(list, frame, false);
    return call;
}

Call *call_match(const GPtrArray *list, const Room *room, const Frame *frame)
{
    return frame->session ? match_session(list, frame) : match_foreign(list, room, frame);
}
