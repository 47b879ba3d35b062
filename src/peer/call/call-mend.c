/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The path of a call that has been connected: what the connection tells of it, and what
 * comes of that (call-path.h).
 */

#include <config.h>

#include "common/clock.h"
#include "common/log.h"
#include "peer/call/call-log.h"
#include "peer/call/call-private.h"
#include "peer/call/call-quota.h"
#include "peer/error.h"

/* ICE may settle on a better pair so many µs after it is connected, and nobody wants to read that. */
#define SETTLE_TIME (2 * G_USEC_PER_SEC)

/* So many µs frames go where the remote's last description came from, whatever the room says. */
#define DETOUR_TIME (10 * G_USEC_PER_SEC)

/* Finds out where the remote is. Where the frames of a restart go that has just begun is left. */
static bool call_locate(Call *call)
{
    const char *to;

    if (call->carried || (call->identity.detour && clock_monotonic() - call->heard <= DETOUR_TIME))
        return true;
    if (!call->user.ops->locate(call, &to, call->user.data))
        return false;
    call_identity_detour(&call->identity, to, NULL);
    return true;
}

/* The servers may be others by now, or their credentials. */
static void call_renew_servers(Call *call)
{
    ConnectionConfig config = {};

    call_configure(call, &config);
    connection_set_ice_servers(call->connection, config.ice_servers);
}

/* Ours and the remote's are alike: each takes another agent beside the one there is. */
static bool call_may_restart(const Call *call, GError **error)
{
    if (call_quota_may_restart(call))
        return true;
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED,
                        call_place_to_text(CALL_PLACE_DESCRIPTORS));
    return false;
}

bool call_prepare_restart(Connection *connection, GError **error, gpointer data)
{
    if (!call_may_restart(data, error))
        return false;
    call_renew_servers(data);
    return true;
}

static CallRestart on_restart(bool anew, gpointer data)
{
    Call *call = data;
    g_autoptr(GError) error = NULL;

    if (!call_locate(call))
        return CALL_RESTART_BARRED;
    if (call_prepare_restart(call->connection, &error, call) &&
        connection_restart_ice(call->connection, anew, &error))
        return CALL_RESTART_BEGUN;
    log_debug("call %u: no restart: %s", call->number, error->message);
    return CALL_RESTART_REFUSED;
}

static guint on_patience(gpointer data)
{
    Call *call = data;

    return call->user.ops->patience(call->user.data);
}

static void on_path_ended(CallPathEnd end, gpointer data)
{
    Call *call = data;
    g_autofree char *patience = NULL;

    switch (end) {
    case CALL_PATH_PATIENCE:
        patience = g_strdup_printf("%s (%u s)", CALL_REASON_PATIENCE, on_patience(call));
        call_close(call, patience, true);
        break;
    case CALL_PATH_GONE:
        call_close(call, CALL_REASON_GONE, false);
        break;
    case CALL_PATH_REPLACED:
        call_close(call, CALL_REASON_REPLACED, false);
        break;
    }
}

static const CallPathOps path_ops = {
    .restart = on_restart,
    .patience = on_patience,
    .ended = on_path_ended,
};

/* A sign on the path alone does not mend a connection that is lost above it: the patience with
 * that one goes on. */
static void call_note_heard(Call *call)
{
    if (connection_state(call->connection) == CONNECTION_CONNECTED)
        call_path_mended(call->path);
}

/* Whether the room says that the remote has gone from where it was. Its name must be where it seems
 * to be, if it has one. Without a relay nobody knows. */
static bool is_gone_there(Call *call)
{
    const CallIdentity *identity = &call->identity;
    const char *to;

    if (!call->user.ops->locate(call, &to, call->user.data))
        return !to && !identity->claimed && !identity->asked;
    return g_strcmp0(to, identity->id) != 0 && g_strcmp0(to, identity->detour) == 0;
}

/*
 * Data comes over the path that was described from elsewhere. Whoever has overheard the session can
 * bring that about by passing on what both ends say. It has a place on the path by that, but the
 * remote's place in the call only after the remote has left its own.
 */
void call_settle(Call *call)
{
    if (call->identity.detour && call->connection && is_gone_there(call))
        call_identity_settle(&call->identity, connection_path_ufrag(call->connection));
}

static void call_moved(Call *call)
{
    g_autofree char *before = g_steal_pointer(&call->way);
    bool settled = clock_wall() - (gint64) call->connected_at > SETTLE_TIME;

    call_settle(call);
    call->way = call_path_to_text(call);
    if (call->way && (settled || call->state == CALL_RECONNECTING))
        call_log_moved(call, before, call->way);
    call_note_heard(call);
    call->user.ops->changed(call, call->user.data);
}

void call_note_failed(Call *call, bool failed)
{
    if (call->path_failed == failed)
        return;
    call->path_failed = failed;
    call->user.ops->changed(call, call->user.data);
}

/* A foreign remote may be upset by an offer: it gets one when there is nothing to lose. */
void call_note_path(Connection *connection, ConnectionPathEvent event, gpointer data)
{
    Call *call = data;
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);

    if (call->stepwise && event == CONNECTION_PATH_MOVED)
        call->user.ops->changed(call, call->user.data);
    if (call->stepwise && event == CONNECTION_PATH_FAILED)
        call_note_failed(call, true);
    if (!call->path)
        return;
    switch (event) {
    case CONNECTION_PATH_MOVED:
        call_moved(call);
        break;
    case CONNECTION_PATH_SILENT:
        if (!call->foreign)
            call_path_silent(call->path, false);
        break;
    case CONNECTION_PATH_HEARD:
        call_note_heard(call);
        break;
    case CONNECTION_PATH_RELAYED:
        call_want_path(call, false);
        break;
    case CONNECTION_RESTART_FAILED:
        log_debug("call %u: a restart has come to nothing", call->number);
        break;
    case CONNECTION_PATH_FAILED:
        break;
    }
}

void call_want_path(Call *call, bool anew)
{
    if (!call->path)
        return;
    connection_probe(call->connection);
    if (!call->foreign || call->state == CALL_RECONNECTING)
        call_path_want(call->path, anew);
}

void call_hurry(Call *call)
{
    if (call->path)
        call_path_hurry(call->path);
}

/* Whether the path is silent is asked, since there may be nothing on its way. */
void call_note_gone(Call *call)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);

    if (!call->path || call_path_is_gone(call->path))
        return;
    call_path_gone(call->path);
    connection_probe(call->connection);
    call->user.ops->changed(call, call->user.data);
}

bool call_is_gone(const Call *call)
{
    return call->path && call_path_is_gone(call->path);
}

void call_note_replaced(Call *call)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);

    if (!call->path)
        return;
    connection_probe(call->connection);
    call_path_replaced(call->path);
}

void call_note_left(Call *call, bool left)
{
    call->identity.left = left;
}

/* When ICE restarts, the program says that takes the steps. */
void call_path_connected(Call *call)
{
    if (call->stepwise)
        return;
    if (call->path) {
        call_path_mended(call->path);
        return;
    }
    call->path = call_path_new(&path_ops, call);
    call->way = call_path_to_text(call);
}

void call_path_disconnected(Call *call)
{
    if (call->path)
        call_path_silent(call->path, true);
}
