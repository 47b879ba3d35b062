/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What the files of a call know of it: call.c (its states, channels and end), call-frames.c
 * (what it says and hears over the relay), call-carried.c (the same by a program),
 * call-mend.c (its path, once it is connected) and call-ladder.c (what its remote sees of it).
 */

#pragma once

#include "common/bucket.h"
#include "peer/call/call-capture.h"
#include "peer/call/call-path.h"
#include "peer/call/call.h"
#include "peer/call/ladder.h"

struct Call {
    CallUser user;
    guint number;
    CallDirection direction;
    CallState state;
    char *reason;
    char *session, *target, *channel_id;
    CallIdentity identity;
    char *wanted;                   /* the only key that may be shown, or NULL */
    bool known_name, for_everybody; /* as CallInfo has them */
    bool carried, bare;             /* the same */
    bool stepwise;                  /* and these three */
    char *program;                  /* of a carried call; NULL: it is gone */
    Certificate *certificate;
    char **ice_servers;
    bool relay_only;
    CallServers *servers;   /* a program hears of those that fail; or NULL */
    const char *bye_reason; /* of FRAME_REASON_*, or NULL */
    bool foreign;           /* the remote does not echo the session */

    Connection *connection;
    bool described;       /* the remote's first description has been taken */
    bool asked;           /* an offer of ours is out, and the answer is not here */
    CallPath *path;       /* NULL before it is connected */
    bool path_failed;     /* no path is there, and none is looked for */
    CallCapture *capture; /* somebody sees its packets; or NULL */
    char *way;            /* as call_path_to_text() had it last, or NULL */
    gint64 heard;         /* when the last description came */
    Bucket elsewhere;     /* offers that do not come from where the remote was */
    GPtrArray *channels;
    Ladder ladder;
    guint last_channel;

    guint timeout_id;
    guint ending_id; /* timer: the channels close, and then the call */
    char *ending;    /* the reason */
    gint64 started;
    guint64 connected_at, setup_time;
    guint64 reconnecting_since; /* 0: it is not */
};

/* In call.c */
void call_enter_state(Call *call, CallState state);
void call_close(Call *call, const char *reason, bool say_bye);
bool call_make_connection(Call *call, GError **error);
bool call_try_offer(Call *call, GError **error);
void call_drop_channels(Call *call);

/* In call-frames.c: for ConnectionOps, and at the end */
void call_describe(Connection *connection, const char *type, const char *sdp, gpointer data);
void call_tell_candidate(Connection *connection, const IceCandidateInit *candidate, gpointer data);
void call_say_bye(Call *call);
bool call_set_remote(Call *call, const char *type, const char *sdp, GError **error);

/* In call-carried.c: the daemon's settings as they are now, with a stepwise call's own ones over
 * them; CONFIG points into both until they change. And the connection of a stepwise call, made if
 * there is none */
void call_configure(Call *call, ConnectionConfig *config);
bool call_need_connection(Call *call, GError **error);

/* In call-ladder.c: what has happened; and a channel on which the remote asks for that, which
 * nobody else is told of */
void call_ladder_frame(Call *call, LadderWay way, const Frame *frame);
void call_ladder_channel(Call *call, const CallChannel *channel);
void call_ladder_state(Call *call, CallState old);
bool call_ladder_take(Call *call, CallChannel *channel);
bool call_ladder_has(const CallChannel *channel);

/* In call-mend.c: for ConnectionOps, and when its state is another. Before a restart the ICE servers
 * are renewed, unless the quota refuses it */
bool call_prepare_restart(Connection *connection, GError **error, gpointer data);
void call_note_path(Connection *connection, ConnectionPathEvent event, gpointer data);
void call_note_failed(Call *call, bool failed);
void call_path_connected(Call *call);
void call_path_disconnected(Call *call);
